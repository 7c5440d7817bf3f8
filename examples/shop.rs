//! The demo shop that `runbooks/quickstart.rb` releases: three instances of a small HTTP service behind a traffic split,
//! with a switch that makes an instance answer with errors, and customers that never stop asking.
//!
//! ```text
//! shop up VERSION            start the shop in the background with three instances of a version
//! shop down                  stop it
//! shop url                   where it is
//! shop version N             which version an instance has
//! shop deploy N VERSION [--fail=30%]
//!                            replace an instance; it may answer some of its requests with an error
//! shop share                 how much of the traffic goes to the new version
//! shop split SHARE           send so much of it there
//! shop backup                copy the database
//! shop sql FILE              apply a file to the database
//! ```
//!
//! Each may be preceded by `--dir DIR`, where the shop keeps its things. It is a demo: one process, no framework.
#![allow(clippy::disallowed_methods, reason = "a program of its own, with files, clocks and processes")]

use std::collections::VecDeque;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// How far back /metrics looks.
const WINDOW: Duration = Duration::from_secs(3);

/// The time between two customers.
const CUSTOMER: Duration = Duration::from_millis(20);

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut dir = PathBuf::from("target/quickstart");
    if words.first().is_some_and(|w| w == "--dir") && words.len() > 1 {
        dir = PathBuf::from(words.remove(1));
        words.remove(0);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Err(error) = run(&dir, &words) {
        eprintln!("shop: {error}");
        std::process::exit(1);
    }
}

fn run(dir: &Path, words: &[&str]) -> Fallible<()> {
    match words {
        ["up", version] => up(dir, version),
        ["serve", version] => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(dir, version)),
        ["down"] => down(dir),
        ["url"] => print(&format!("http://{}", address(dir)?)),
        ["version", n] => print(&ask(dir, "GET", &format!("/admin/version?n={n}"))?),
        ["deploy", n, version, rest @ ..] => {
            let fail = rest.first().and_then(|w| w.strip_prefix("--fail=")).unwrap_or("0%");
            let fail = percent(fail)?;
            print(&ask(dir, "POST", &format!("/admin/deploy?n={n}&version={version}&fail={fail}"))?)
        }
        ["share"] => print(&ask(dir, "GET", "/admin/share")?),
        ["split", share] => print(&ask(dir, "POST", &format!("/admin/split?share={}", percent(share)?))?),
        ["backup"] => {
            let copy = dir.join("shop.backup.db");
            std::fs::copy(dir.join("shop.db"), &copy)?;
            print(&format!("copied to {}", copy.display()))
        }
        ["sql", file] => sql(dir, file),
        _ => Err("shop up VERSION | down | url | version N | deploy N VERSION [--fail=30%] | share | split SHARE | backup | sql FILE".into()),
    }
}

fn print(text: &str) -> Fallible<()> {
    println!("{text}");
    Ok(())
}

fn percent(text: &str) -> Fallible<f64> {
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| format!("`{text}` is not a share such as 30%"))?;
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!("`{text}` is not between 0% and 100%").into())
    }
}

/// Starts the shop as a service: in a session of its own, so that it outlives the command that started it.
fn up(dir: &Path, version: &str) -> Fallible<()> {
    std::fs::create_dir_all(dir)?;
    if address(dir).is_ok_and(|a| TcpStream::connect(a).is_ok()) {
        down(dir)?;
    }
    for old in ["shop.db", "shop.backup.db", "shop.address"] {
        if dir.join(old).exists() {
            std::fs::remove_file(dir.join(old))?;
        }
    }
    rusqlite::Connection::open(dir.join("shop.db"))?.execute_batch(
        "CREATE TABLE users (email TEXT PRIMARY KEY); INSERT INTO users VALUES ('test@shop.example');",
    )?;
    let log = std::fs::File::create(dir.join("shop.log"))?;
    let mut command = std::process::Command::new("setsid");
    command.arg(std::env::current_exe()?).arg("--dir").arg(dir).args(["serve", version]);
    command.stdin(std::process::Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    command.spawn().map_err(|e| format!("setsid(1), of util-linux, cannot be started: {e}"))?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if let Ok(address) = address(dir)
            && TcpStream::connect(address).is_ok()
        {
            return print(&format!("version {version} serves at http://{address}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("it did not come up; see {}", dir.join("shop.log").display()).into())
}

fn down(dir: &Path) -> Fallible<()> {
    ask(dir, "POST", "/admin/stop")?;
    let _gone = std::fs::remove_file(dir.join("shop.address"));
    print("stopped")
}

fn address(dir: &Path) -> Fallible<SocketAddr> {
    let text = std::fs::read_to_string(dir.join("shop.address"))
        .map_err(|_| "the shop is not up: `shop up VERSION` starts it")?;
    Ok(text.trim().parse()?)
}

/// Asks the running shop.
fn ask(dir: &Path, method: &str, path: &str) -> Fallible<String> {
    let mut stream = TcpStream::connect(address(dir)?)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the shop answered nothing")?;
    if head.starts_with("HTTP/1.1 200") { Ok(body.trim().to_owned()) } else { Err(body.trim().to_owned().into()) }
}

fn sql(dir: &Path, file: &str) -> Fallible<()> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let mut database = rusqlite::Connection::open(dir.join("shop.db"))?;
    let transaction = database.transaction()?;
    transaction.execute_batch(&text)?;
    transaction.commit()?;
    print(&format!("{file} applied"))
}

/// One of the three.
#[derive(Clone)]
struct Instance {
    version: String,
    /// How many of its requests fail, in percent.
    fail: f64,
}

struct Shop {
    instances: Vec<Instance>,
    /// The version it was started with.
    old: String,
    /// How much of the traffic goes to other versions, in percent.
    share: f64,
    /// When each request came, how long it took, and whether it failed.
    served: VecDeque<(Instant, Duration, bool)>,
    /// How many requests went well, and how many failed, since it began.
    counts: [u64; 2],
    random: u64,
}

impl Shop {
    /// xorshift: a demo needs no better chance.
    fn chance(&mut self, percent: f64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random % 10_000) as f64) < percent * 100.0
    }

    /// A request through the split: whether it went well.
    fn serve_one(&mut self, began: Instant) -> bool {
        let share = self.share;
        let to_new = self.chance(share);
        let wanted: Vec<Instance> =
            self.instances.iter().filter(|i| (i.version != self.old) == to_new).cloned().collect();
        let all = if wanted.is_empty() { self.instances.clone() } else { wanted };
        let instance = &all[self.random as usize % all.len()];
        let failed = self.chance(instance.fail);
        self.served.push_back((began, began.elapsed(), failed));
        self.counts[usize::from(failed)] += 1;
        while self.served.front().is_some_and(|(at, ..)| at.elapsed() > WINDOW) {
            self.served.pop_front();
        }
        !failed
    }

    /// For Prometheus.
    fn exposition(&self) -> String {
        let [well, failed] = self.counts;
        format!(
            "# TYPE shop_requests_total counter\nshop_requests_total{{code=\"200\"}} {well}\nshop_requests_total{{code=\"500\"}} {failed}\n"
        )
    }

    fn metrics(&self) -> String {
        let recent: Vec<_> = self.served.iter().filter(|(at, ..)| at.elapsed() <= WINDOW).collect();
        let failed = recent.iter().filter(|(.., failed)| *failed).count();
        let mut times: Vec<f64> = recent.iter().map(|(_, took, _)| took.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        let p95 = times.get(times.len() * 95 / 100).copied().unwrap_or(0.0);
        let rate = if recent.is_empty() { 0.0 } else { failed as f64 / recent.len() as f64 };
        let versions: Vec<&str> = self.instances.iter().map(|i| i.version.as_str()).collect();
        serde_json::json!({ "error_rate": rate, "p95": p95, "requests": recent.len(), "versions": versions })
            .to_string()
    }
}

fn lock(shop: &Mutex<Shop>) -> MutexGuard<'_, Shop> {
    shop.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn serve(dir: &Path, version: &str) -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let instance = Instance { version: version.to_owned(), fail: 0.0 };
    let shop = Arc::new(Mutex::new(Shop {
        instances: vec![instance; 3],
        old: version.to_owned(),
        share: 0.0,
        served: VecDeque::new(),
        counts: [0, 0],
        random: 0x2545_F491_4F6C_DD1D,
    }));
    // Whoever finds the file finds a whole address in it.
    let temporary = dir.join("shop.address.new");
    std::fs::write(&temporary, listener.local_addr()?.to_string())?;
    std::fs::rename(&temporary, dir.join("shop.address"))?;
    let customers = Arc::clone(&shop);
    tokio::spawn(async move {
        let mut next = tokio::time::interval(CUSTOMER);
        loop {
            next.tick().await;
            lock(&customers).serve_one(Instant::now());
        }
    });
    loop {
        let (mut stream, _) = listener.accept().await?;
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count) = stream.read(&mut buffer).await {
                request.extend_from_slice(&buffer[..count]);
                if count == 0 || request.windows(4).any(|w| w == b"\r\n\r\n") || request.len() > 65_536 {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let (status, body) = answer(&shop, &request);
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _closed = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _closed = stream.shutdown().await;
            if request.starts_with("POST /admin/stop ") {
                std::process::exit(0);
            }
        });
    }
}

fn answer(shop: &Mutex<Shop>, request: &str) -> (&'static str, String) {
    let began = Instant::now();
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let value =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
    let mut shop = lock(shop);
    let number = value("n").parse::<usize>().ok().filter(|n| (1..=shop.instances.len()).contains(n)).map(|n| n - 1);
    match (method, path) {
        ("GET", "/metrics") => ("200 OK", shop.metrics()),
        ("GET", "/prometheus") => ("200 OK", shop.exposition()),
        ("GET", "/health") => ("200 OK", r#"{"status":"ok"}"#.into()),
        ("POST", "/login") if shop.serve_one(began) => ("200 OK", r#"{"access_token":"demo-7f3a9c51e2"}"#.into()),
        ("GET", "/users") if !request.contains("Bearer demo-7f3a9c51e2") => {
            ("401 Unauthorized", r#"{"error":"log in"}"#.into())
        }
        ("GET", "/users") if shop.serve_one(began) => ("200 OK", r#"{"users":["test@shop.example"]}"#.into()),
        ("POST", "/login") | ("GET", "/users") => ("500 Internal Server Error", r#"{"error":"sorry"}"#.into()),
        ("POST", "/admin/stop") => ("200 OK", "stopped".into()),
        ("GET", "/admin/share") => ("200 OK", format!("{}%", shop.share)),
        ("POST", "/admin/split") => {
            shop.share = value("share").parse().unwrap_or(shop.share);
            ("200 OK", format!("{}% to the new version", shop.share))
        }
        (_, "/admin/version" | "/admin/deploy") if number.is_none() => {
            ("404 Not Found", "there is no such instance".into())
        }
        ("GET", "/admin/version") => ("200 OK", shop.instances[number.unwrap_or(0)].version.clone()),
        ("POST", "/admin/deploy") => {
            let instance =
                Instance { version: value("version").to_owned(), fail: value("fail").parse().unwrap_or(0.0) };
            let text = format!("instance {} has {}", value("n"), instance.version);
            shop.instances[number.unwrap_or(0)] = instance;
            ("200 OK", text)
        }
        _ => ("404 Not Found", r#"{"error":"not found"}"#.into()),
    }
}
