//! Real servers, where they are; in CI they are required.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::binary::eventually;

/// Whether a server's program is here. Where servers are required it must be.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").arg("-c").arg(format!("command -v {program}")).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    let required = std::env::var_os("RUNBOOK_TEST_SERVERS").is_some_and(|value| value == "required");
    assert!(found || !required, "`{program}` is required here and is not installed");
    if !found {
        eprintln!("`{program}` is not here: this is not tested");
    }
    found
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A Prometheus of our own, in a folder of its own.
pub struct Prometheus {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
    web: bool,
}

impl Prometheus {
    /// One that is ready; nothing if there is none on this machine.
    pub fn start() -> Option<Self> {
        Self::with("scrape_configs: []\n", None)
    }

    /// One that scrapes what listens on this port, every second.
    pub fn scraping(port: u16, path: &str) -> Option<Self> {
        let job = format!(
            "scrape_configs:\n- job_name: shop\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  metrics_path: {path}\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
        );
        Self::with(&job, None)
    }

    /// One with a file for its web server: users, TLS.
    pub fn guarded(web: &str, files: &[(&str, &str)]) -> Option<Self> {
        Self::with("scrape_configs: []\n", Some((web, files)))
    }

    fn with(config: &str, web: Option<(&str, &[(&str, &str)])>) -> Option<Self> {
        if !has("prometheus") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let whole = format!("{config}storage:\n  tsdb:\n    out_of_order_time_window: 48h\n");
        std::fs::write(folder.path().join("p.yml"), whole).unwrap();
        if let Some((web, files)) = web {
            std::fs::write(folder.path().join("web.yml"), web).unwrap();
            for (name, text) in files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
        }
        let mut server = Prometheus { folder, port: free_port(), child: None, web: web.is_some() };
        server.up();
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, on its port, with what it knew.
    pub fn up(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg("--config.file=p.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port))
            .args([
                "--web.enable-lifecycle",
                "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=100d",
            ])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if self.web {
            command.arg("--web.config.file=web.yml");
        }
        self.child = Some(command.spawn().unwrap());
        if self.web {
            // Who may not ask whether it is ready reads what it says.
            let log = self.folder.path().join("log");
            let ready = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("Server is ready to receive"));
            eventually("Prometheus is ready", ready);
        } else {
            eventually("Prometheus is ready", || get(self.port, "/-/ready").starts_with("HTTP/1.1 200"));
        }
    }

    /// Ends it.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Gives it samples: of a series, so many seconds from now, a value.
    pub fn push(&self, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let mut series = Vec::new();
        for (name, value) in labels {
            let label = [bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat();
            series.extend(bytes(1, &label));
        }
        for (at, value) in samples {
            let mut sample = vec![0x09];
            sample.extend(value.to_le_bytes());
            sample.push(0x10);
            sample.extend(varint((now + at * 1000) as u64));
            series.extend(bytes(2, &sample));
        }
        let body = snap::raw::Encoder::new().compress_vec(&bytes(1, &series)).unwrap();
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.down();
    }
}

/// A real SMTP server (aiosmtpd); what it takes is kept in a folder.
pub struct Mail {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Mail {
    /// One that is ready; nothing if there is none on this machine. `more`: `plain`, or `starttls`/`tls` with the files of
    /// a certificate and its key, and a user with a password.
    pub fn start(more: &[&str]) -> Option<Self> {
        // Debian's Python has Debian's packages.
        let knows = |python: &&str| {
            let asked = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        let found = ["/usr/bin/python3", "python3"].into_iter().find(knows);
        let required = std::env::var_os("RUNBOOK_TEST_SERVERS").is_some_and(|value| value == "required");
        assert!(found.is_some() || !required, "aiosmtpd is required here and is not installed");
        let Some(python) = found else {
            eprintln!("aiosmtpd is not here: this is not tested");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(folder.path())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Mail { folder, port, child })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every mail in the order in which it came: what the server knows of it, and its text.
    pub fn mails(&self) -> Vec<(serde_json::Value, String)> {
        let read = |n: usize| {
            let text = std::fs::read(self.folder.path().join(format!("{n}.eml"))).ok()?;
            let about = std::fs::read(self.folder.path().join(format!("{n}.json"))).ok()?;
            Some((serde_json::from_slice(&about).unwrap(), String::from_utf8(text).unwrap()))
        };
        (1..).map_while(read).collect()
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A certificate for 127.0.0.1 and its key, signed by itself, until 2126; in `cert.pem` and `key.pem`.
pub fn certificate(folder: &Path) -> (String, String) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "36500"])
        .args([
            "-subj",
            "/CN=metrics",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (read("cert.pem"), read("key.pem"))
}

/// A protobuf field of the sort that has a length.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// The answer to a GET, its head included; empty if nobody listens.
pub fn get(port: u16, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let _sent = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let _sent = stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The answer to a POST, its head included.
pub fn post(port: u16, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A server that answers every request in one way: by its whole text, and the request is remembered.
pub struct Fixed {
    pub port: u16,
    pub requests: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Fixed {
    /// What is answered is made of the request; nothing is a server that hangs.
    pub fn start(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (seen, answer) = (std::sync::Arc::clone(&requests), std::sync::Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (std::sync::Arc::clone(&seen), std::sync::Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let Some(request) = whole_request(&mut stream) else { return };
                    seen.lock().unwrap().push(request.clone());
                    match answer(&request) {
                        Some(text) => drop(stream.write_all(text.as_bytes())),
                        None => std::thread::sleep(Duration::from_secs(300)),
                    }
                });
            }
        });
        Fixed { port, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer with a status and a body.
pub fn answer(status: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

fn whole_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let count = stream.read(&mut buffer).ok()?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0) {
                return Some(text);
            }
        }
        if count == 0 {
            return None;
        }
    }
}
