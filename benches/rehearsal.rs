//! How fast a rehearsal is: a scenario of a release of weeks, node transitions a second, the sweep of a release, and what a
//! scenario costs beside the same run by a real process. `cargo bench --bench rehearsal`
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a benchmark measures the machine; it shares what it needs with the tests"
)]

#[path = "../tests/it/binary.rs"]
mod binary;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runbook::engine::EventKind;
use runbook::plan::scenario::Staged;
use runbook::plan::{Inputs, staged};
use runbook::rehearse::{Sweeper, play};
use runbook::source::{SourceFile, Sources};

use binary::Project;

/// So often each thing is measured; the median is printed.
const ROUNDS: usize = 21;

fn main() {
    println!("medians of {ROUNDS}");
    let weeks = weeks();
    let staged = stage(&weeks, "routine");
    let played = play(&staged);
    let took = median(|| drop(play(&staged)));
    let nodes = played.events.iter().filter(|e| matches!(e.kind, EventKind::NodeStarted { .. })).count();
    println!("a release from T-14d to T+7d, {nodes} nodes, {} events: {:.2} ms", played.events.len(), ms(took));

    let many: String = (0..5000).map(|i| format!("  step s{i} {{ run \"./s.sh\"; undo none \"x\" }}\n")).collect();
    let many =
        stage(&format!("runbook r \"R\" {{}}\nphase p: live {{\n{many}}}\nscenario s {{ expect completed }}\n"), "s");
    let took = median_of(5, || drop(play(&many)));
    println!("5000 steps, three transitions each: {:.0} a second", 15_000.0 / took.as_secs_f64());

    let rolling = rolling();
    let plan = stage(&rolling, "routine").plan;
    let took = median_of(5, || {
        let sweeper = Sweeper::new(&plan);
        drop(sweeper.report(sweeper.sweep(0, 1)));
    });
    let sweeper = Sweeper::new(&plan);
    println!("the sweep of runbooks/rolling.rb, {} faults, one core: {:.0} ms", sweeper.count(), ms(took));
    let pairs = sweeper.pairs();
    println!("its pairs of faults: {}", pairs.len());

    let (real, rehearsed) = peer();
    println!(
        "ten steps of `true` by a process {:.1} ms, rehearsed by one {:.1} ms: {:.1} times",
        ms(real),
        ms(rehearsed),
        ms(real) / ms(rehearsed)
    );
}

/// The same ten steps, run and rehearsed, each by a process of its own.
fn peer() -> (Duration, Duration) {
    let steps: String = (0..10).map(|i| format!("  step s{i} {{ run \"true\"; undo none \"x\" }}\n")).collect();
    let project = Project::with(&format!(
        "runbook r \"R\" {{}}\nphase p: live {{\n{steps}}}\nscenario s {{ expect completed }}\n"
    ));
    let real = median(|| assert_eq!(project.runbook(&["run", "--yes", "--output", "plain"]).code, 0));
    (real, median(|| assert_eq!(project.runbook(&["test"]).code, 0)))
}

/// A release of weeks that is watched for a week: every fifteen seconds two metrics are sampled, and two triggers judged.
fn weeks() -> String {
    let steps: String = (0..20)
        .map(|i| {
            format!("  step s{i} {{ takes = 1m; within 5m; run \"./s.sh {i}\"; undo {{ run \"./back.sh {i}\" }} }}\n")
        })
        .collect();
    let prepare: String =
        (1..=14).rev().map(|day| format!("  step day{day} at T-{day}d {{ run \"./prepare.sh {day}\" }}\n")).collect();
    format!(
        r#"runbook r "R" {{ timezone = "UTC" }}
release {{ start = 2026-03-03T10:00:00Z }}
channel room: console {{}}
metric errors: percent {{ run "./errors.sh"; unit = percent; every = 15s; target < 1% }}
metric p95: duration {{ run "./p95.sh"; unit = s; every = 15s; target < 200ms }}
phase ready: prepare at T-14d {{
{prepare}}}
phase work: live at T+0 {{
{steps}  hold for 15m {{ expect errors < 5% }}
  hold watch "Watch" for 6d {{ expect p95 < 1s }}
}}
phase later: after {{ step close at T+7d {{ run "./close.sh" }} }}
trigger errors_high {{ when errors > 5% for 2m }}
trigger slow {{ when p95 > 1s for 5m }}
rollback "Back" {{ notify room "Back"; undo }}
scenario routine {{ expect completed }}
"#
    )
}

/// `runbooks/rolling.rb` with what it imports.
fn rolling() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let read = |path: &Path| std::fs::read_to_string(root.join(path)).unwrap();
    let own = read(Path::new("rolling.rb")).replace("import \"lib/organisation.rb\"", "");
    // What both declare is the importing file's.
    let library = read(Path::new("lib/organisation.rb"));
    let library: String = library.lines().filter(|line| !line.starts_with("var ")).map(|l| format!("{l}\n")).collect();
    format!("{own}\n{library}")
}

fn stage(text: &str, id: &str) -> Staged {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let index = checked.model.scenarios.iter().position(|s| s.id.text == id).unwrap();
    let inputs = Inputs { values: Vec::new(), files: &|_| Ok(Vec::new()), zone: "UTC".into(), start: None };
    staged(&checked.model, &sources, &inputs, Some(index)).unwrap_or_else(|e| panic!("{:?} {:?}", e.usage, e.findings))
}

fn median(work: impl FnMut()) -> Duration {
    median_of(ROUNDS, work)
}

fn median_of(rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut all: Vec<Duration> = (0..rounds)
        .map(|_| {
            let since = Instant::now();
            work();
            since.elapsed()
        })
        .collect();
    all.sort();
    all[all.len() / 2]
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
