//! The binary in a folder of its own, as a user would call it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// However slow the machine: a command that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A folder with files in it.
pub struct Project {
    folder: tempfile::TempDir,
}

/// What a command did.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Both streams.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Project {
    pub fn new() -> Self {
        Project { folder: tempfile::tempdir().unwrap() }
    }

    /// With one runbook, `deploy.rb`.
    pub fn with(text: &str) -> Self {
        let project = Project::new();
        project.write("deploy.rb", text);
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A shell script that can be started.
    pub fn script(&self, name: &str, text: &str) {
        self.write(name, format!("#!/bin/sh\n{text}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path().join(name), mode).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// A command line of `runbook`, with an environment in which nothing is set that matters.
    pub fn command(&self, words: &[&str]) -> Command {
        // Under `nohup`, or as a shell's background job, the tests are deaf to signals; what they start must not be.
        let mut command = match is_deaf() {
            true => {
                let mut command = Command::new("env");
                command.args(["--default-signal=HUP,INT,QUIT,PIPE,TERM", env!("CARGO_BIN_EXE_runbook")]);
                command
            }
            false => Command::new(env!("CARGO_BIN_EXE_runbook")),
        };
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["RUNBOOK_STATE", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        // What is shown of a moment depends on no machine.
        command.env("TZ", "UTC");
        command
    }

    /// `runbook WORDS…`
    pub fn runbook(&self, words: &[&str]) -> Output {
        finish(self.command(words))
    }

    /// `runbook run --yes --output plain WORDS…`
    pub fn run(&self, words: &[&str]) -> Output {
        let mut all = vec!["run", "--yes", "--output", "plain"];
        all.extend(words);
        self.runbook(&all)
    }

    /// The record of the only run: it is whole.
    pub fn record(&self) -> runbook::journal::Record {
        let store = runbook::journal::Embedded::open(&self.path().join(".runbook")).unwrap();
        let runs = store.runs().unwrap();
        assert_eq!(runs.len(), 1, "{runs:?}");
        store.read(&runs[0].id).unwrap()
    }

    /// What the commands of the only run printed, all files one after the other.
    pub fn printed(&self) -> String {
        let runs = self.path().join(".runbook/runs");
        let mut text = String::new();
        for run in std::fs::read_dir(runs).unwrap().flatten() {
            let mut files: Vec<PathBuf> = std::fs::read_dir(run.path().join("output"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|e| e.path())
                .collect();
            files.sort();
            for file in files {
                text.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
            }
        }
        text
    }
}

/// Whether this process was started with signals ignored: whatever it starts inherits that.
fn is_deaf() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // SIGPIPE is ignored by every Rust program, and given back to what it starts.
    mask & !(1 << 12) != 0
}

/// Runs a command to its end, or kills it and says that it hung.
pub fn finish(mut command: Command) -> Output {
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |stream: &mut dyn Read| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let stdout = std::thread::spawn(move || read(&mut out));
    let stderr = std::thread::spawn(move || read(&mut err));
    let began = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        if began.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("it hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Waits for something that comes true by itself.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a living process has this text in its command line or its environment.
pub fn is_running(marker: &str) -> bool {
    let own = std::process::id();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { return false };
        let has = |file: &str| {
            std::fs::read(entry.path().join(file)).is_ok_and(|b| String::from_utf8_lossy(&b).contains(marker))
        };
        let alive = std::fs::read_to_string(entry.path().join("stat"))
            .is_ok_and(|stat| !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')));
        pid != own && alive && (has("cmdline") || has("environ"))
    })
}

/// A small HTTP server whose paths misbehave; every request is remembered.
pub struct Server {
    pub url: String,
    pub requests: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = std::sync::Arc::clone(&seen);
                std::thread::spawn(move || {
                    let _closed = answer(stream, &seen);
                });
            }
        });
        Server { url, requests }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(mut stream: std::net::TcpStream, seen: &std::sync::Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 65_536];
    loop {
        let count = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return Ok(());
            }
            continue;
        };
        let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if count == 0 || body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let tries = {
        let mut seen = seen.lock().unwrap();
        seen.push(text.clone());
        seen.iter().filter(|r| r.split_whitespace().nth(1) == Some(&path)).count()
    };
    let mut send = |status: &str, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    };
    match path.as_str() {
        "/hang" => std::thread::sleep(Duration::from_secs(300)),
        "/loop" => send("302 Found", "Location: /loop\r\n", b"")?,
        path if path.starts_with("/away/") => {
            let place = format!("Location: http://localhost:{}/taken\r\n", &path[6..]);
            send("307 Temporary Redirect", &place, b"")?;
        }
        "/error" => send("503 Service Unavailable", "", b"{\"error\":\"down\"}")?,
        "/second" if tries < 2 => send("503 Service Unavailable", "Retry-After: 0\r\n", b"")?,
        "/refused" => send("403 Forbidden", "", b"")?,
        "/gigabyte" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..1024 {
                stream.write_all(&piece)?;
            }
        }
        _ => send(
            "200 OK",
            "Content-Type: application/json\r\nX-Colour: blue\r\n",
            br#"{"status":"ok","n":3,"list":[1,2],"token":"t0ps3cr3t"}"#,
        )?,
    }
    Ok(())
}
