//! How fast a trigger acts, and what watching costs, against a real Prometheus (Debian's package `prometheus`).
//!
//! ```text
//! cargo bench --bench watching -- reaction         20 releases that go wrong at 67 % of the traffic
//! cargo bench --bench watching -- many [MINUTES]   200 metrics every second, for ten minutes
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a benchmark measures the machine; it shares what it needs with the tests"
)]

#[path = "../tests/it/binary.rs"]
mod binary;
#[path = "../tests/it/servers.rs"]
mod servers;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runbook::engine::{EventKind, Truth, Watcher};

use binary::Project;
use servers::{Prometheus, get};

/// Releases that go wrong.
const RUNS: usize = 20;

/// Metrics, each every second.
const METRICS: usize = 200;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["reaction"] => reaction(),
        ["many"] => many(10),
        ["many", minutes] => many(minutes.parse().unwrap()),
        _ => {
            eprintln!("cargo bench --bench watching -- reaction | many [MINUTES]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Three instances, a third of the traffic each; the second one brings errors.
const RELEASE: &str = r#"
runbook reaction { lock = "reaction" }
source prod: prometheus { url = "URL" }
metric error_rate: percent "Error rate" {
  source = prod
  query  = """
    sum(rate(shop_requests_total{code="500"}[3s])) / sum(rate(shop_requests_total[3s]))
    """
  unit   = ratio
  every  = 1s
}
phase deployment: live "Deployment" at T+0 {
  step pod_1 "33 % of the traffic" {
    run "SHOP deploy 1 1.2.0"
    run "SHOP split 33%"
    undo { run "SHOP deploy 1 1.1.4"; run "SHOP split 0%" }
  }
  hold for 4s { expect error_rate < 5% }
  step pod_2 "67 % of the traffic, with errors" {
    run "SHOP deploy 2 1.2.0 --fail=50%"
    run "SHOP split 67%"
    run "./work.sh"
    undo { run "./mark.sh undo"; run "SHOP deploy 2 1.1.4"; run "SHOP split 33%" }
  }
}
trigger errors "Error rate above 5 %" { when error_rate > 5% for 2s }
"#;

fn reaction() {
    let mut rows: Vec<[f64; 3]> = Vec::new();
    for run in 1..=RUNS {
        rows.push(react());
        eprint!("\r{run} of {RUNS}");
    }
    eprintln!();
    println!("from the first bad sample of {RUNS} releases, in seconds; `for 2s`, a sample every second:");
    println!("{:<34} {:>7} {:>7} {:>7} {:>7}", "", "least", "median", "p95", "most");
    let names = ["until the trigger fired", "until SIGTERM reached the step", "until the first undo had begun"];
    for (i, name) in names.iter().enumerate() {
        let mut column: Vec<f64> = rows.iter().map(|row| row[i]).collect();
        column.sort_by(f64::total_cmp);
        let at = |part: f64| column[((column.len() - 1) as f64 * part).round() as usize];
        println!("{name:<34} {:>7.3} {:>7.3} {:>7.3} {:>7.3}", at(0.0), at(0.5), at(0.95), at(1.0));
    }
    println!(
        "the least there can be is 2.000, the `for` itself, of a bad sample; 3.000, one interval more, of the first error"
    );
}

fn shop() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_runbook")).parent().unwrap().join("examples/shop");
    if !target.exists() {
        let built = Command::new("cargo").args(["build", "--release", "--example", "shop"]).status().unwrap();
        assert!(built.success());
    }
    target
}

/// One release: when the trigger fired, when SIGTERM came, when the undo began, in seconds since the first bad sample.
fn react() -> [f64; 3] {
    let project = Project::new();
    let shop = format!("{} --dir {}/shop", shop().display(), project.path().display());
    let start = format!("{shop} up 1.1.4");
    let started = Command::new("sh").args(["-c", &start]).stdout(Stdio::null()).status().unwrap();
    assert!(started.success());
    let address = project.read("shop/shop.address");
    let port: u16 = address.trim().rsplit(':').next().unwrap().parse().unwrap();
    let server =
        Prometheus::scraping(port, "/prometheus").expect("Prometheus is needed: Debian's package `prometheus`");
    project.write("deploy.rb", RELEASE.replace("SHOP", &shop).replace("URL", &server.url()));
    project.script("mark.sh", "date +%s%3N > $1");
    project.script("work.sh", "trap './mark.sh term; exit 1' TERM\nwhile :; do sleep 0.01; done");
    // There must be something to compare with.
    binary::eventually("Prometheus has scraped", || {
        get(server.port(), "/api/v1/query?query=rate(shop_requests_total[3s])").contains("\"500\"")
    });
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    let stopped = Command::new("sh").args(["-c", &format!("{shop} down")]).stdout(Stdio::null()).status().unwrap();
    assert!(stopped.success());
    let record = project.record();
    let bad = record.events.iter().rfind(|e| match &e.kind {
        EventKind::Sampled { judged, .. } => judged
            .iter()
            .any(|j| matches!(j.watcher, Watcher::Trigger(_)) && j.span.is_some() && j.truth == Truth::False),
        _ => false,
    });
    let first_bad = record.events.iter().find(|e| {
        let true_now = matches!(&e.kind, EventKind::Sampled { judged, .. }
            if judged.iter().any(|j| j.span.is_some() && j.truth == Truth::True));
        true_now && bad.is_none_or(|bad| e.at > bad.at)
    });
    let first_bad = first_bad.unwrap().at;
    let fired = record.events.iter().find(|e| matches!(e.kind, EventKind::TriggerFired { .. })).unwrap().at;
    let mark = |name: &str| Timestamp::from_millisecond(project.read(name).trim().parse().unwrap()).unwrap();
    [fired, mark("term"), mark("undo")].map(|at| at.duration_since(first_bad).as_secs_f64())
}

fn many(minutes: u64) {
    let server = Prometheus::start().expect("Prometheus is needed: Debian's package `prometheus`");
    let samples: Vec<(i64, f64)> = (0..=minutes as i64 * 12 + 24).map(|i| (i * 5 - 60, (i % 7) as f64)).collect();
    for metric in 0..METRICS {
        server.push(&[("__name__", "load"), ("n", &metric.to_string())], &samples);
    }
    let mut text = format!("runbook many {{}}\nsource prod: prometheus {{ url = \"{}\" }}\n", server.url());
    for metric in 0..METRICS {
        text.push_str(&format!(
            "metric m{metric}: number {{ source = prod; query = \"\"\"load{{n=\"{metric}\"}} \"\"\"; every = 1s }}\ntrigger t{metric} {{ when m{metric} > 100 for 30s }}\n"
        ));
    }
    text.push_str(&format!("phase p: live {{ hold for {minutes}m }}\n"));
    let project = Project::with(&text);
    let mut command = project.command(&["run", "--yes", "--output", "plain"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    let stat = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("0").to_owned();
        line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    let cpu = || {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let fields: Vec<f64> =
            text.rsplit(')').next().unwrap_or_default().split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
        fields.get(11).zip(fields.get(12)).map_or(0.0, |(user, system)| (user + system) / 100.0)
    };
    println!("{METRICS} metrics every second, {METRICS} triggers, for {minutes} minutes:");
    println!("{:>7} {:>12} {:>10}", "minute", "CPU of a core", "memory");
    let mut before = cpu();
    for minute in 1..=minutes {
        std::thread::sleep((Duration::from_secs(60 * minute)).saturating_sub(began.elapsed() + Duration::from_secs(1)));
        let now = cpu();
        println!("{minute:>7} {:>11.1} % {:>7.1} MB", (now - before) / 60.0 * 100.0, stat("VmRSS:"));
        before = now;
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let record = project.record();
    let sampled = record.events.iter().filter(|e| matches!(&e.kind, EventKind::Sampled { .. })).count();
    let store = std::fs::metadata(project.path().join(".runbook/journal.db")).unwrap().len();
    println!("{sampled} samples of {}, the journal has {:.1} MB", METRICS as u64 * minutes * 60, store as f64 / 1e6);
}
