//! What a message service that hangs delays: the same release with messages to one that answers at once, to one that hangs, and
//! to none. `cargo bench --bench telling`
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

use std::time::Duration;

use jiff::Timestamp;
use runbook::engine::EventKind;

use binary::{Project, finish};
use servers::{Fixed, answer};

/// Releases of each sort.
const RUNS: usize = 10;

/// Steps, each with two messages before it.
const STEPS: usize = 20;

fn main() {
    let quick = Fixed::start(|_| answer("200 OK", "ok"));
    let hangs = Fixed::start(|_| None);
    println!(
        "{STEPS} steps of `true` with two messages before each, then a trigger and the way back; medians of {RUNS}, in ms"
    );
    println!("{:<34}{:>10}{:>22}{:>22}{:>16}", "the service", "steps", "trigger to way back", "way back", "its end");
    for (name, url) in [("none", None), ("answers at once", Some(quick.url())), ("hangs", Some(hangs.url()))] {
        let runs = if name == "hangs" { 3 } else { RUNS };
        let mut all: Vec<[f64; 4]> = (0..runs).map(|_| release(url.as_deref())).collect();
        let mut medians = [0.0; 4];
        for (i, median) in medians.iter_mut().enumerate() {
            all.sort_by(|a, b| a[i].total_cmp(&b[i]));
            *median = all[all.len() / 2][i];
        }
        let [steps, fires, back, end] = medians;
        println!("{name:<34}{steps:>10.1}{fires:>22.1}{back:>22.1}{end:>16.1}");
    }
}

/// One release: how long its steps took, from the trigger to the beginning of the way back, the way back, and from then to the
/// end.
fn release(url: Option<&str>) -> [f64; 4] {
    let channel = match url {
        Some(url) => {
            format!("channel team: webhook {{ url = \"{url}/hook\" }}\nchannel chat: slack {{ webhook = hook }}\n")
        }
        None => "channel team: console {}\nchannel chat: console {}\n".to_owned(),
    };
    let secret = if url.is_some() { "secret hook = getenv(\"HOOK\")\n" } else { "" };
    let steps: String = (0..STEPS)
        .map(|n| {
            format!("  notify [team, chat] \"step {n}\"\n  step s{n} {{ run \"true\"; undo {{ run \"true\" }} }}\n")
        })
        .collect();
    let project = Project::with(&format!(
        "runbook r {{}}\n{secret}{channel}metric bad: percent {{ run \"cat level\"; unit = percent; every = 1s }}\n\
         trigger high {{ when bad > 50%; then rollback; notify [team, chat] \"it goes wrong\" }}\n\
         phase p: live {{\n{steps}  step last {{ run \"sh -c 'echo 90 > level; sleep 5'\"; undo none \"x\" }}\n}}\n\
         rollback {{ notify [team, chat] \"going back\"; undo; notify [team, chat] \"back\" }}\n"
    ));
    project.write("level", "1\n");
    let mut command = project.command(&["run", "--yes", "--output", "plain"]);
    command.env("HOOK", url.map(|url| format!("{url}/slack")).unwrap_or_default());
    let ran = finish(command);
    assert_eq!(ran.code, 3, "{}", ran.text());
    let record = project.record();
    let at = |what: &dyn Fn(&EventKind) -> bool| record.events.iter().find(|e| what(&e.kind)).unwrap().at;
    let named = |id: &str| record.plan.find(id).unwrap();
    let (first, last) = (named("s0"), named("last"));
    let begins = at(&|e| matches!(e, EventKind::NodeStarted { node } if *node == first));
    let through = at(&|e| matches!(e, EventKind::NodeStarted { node } if *node == last));
    let fired = at(&|e| matches!(e, EventKind::TriggerFired { .. }));
    let back = at(&|e| matches!(e, EventKind::RollbackStarted { .. }));
    let reached = at(&|e| matches!(e, EventKind::EndingReached { .. }));
    let ended = at(&|e| matches!(e, EventKind::RunEnded { .. }));
    let ms = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap().as_secs_f64() * 1e3;
    [ms(begins, through), ms(fired, back), ms(back, reached), ms(reached, ended)]
}
