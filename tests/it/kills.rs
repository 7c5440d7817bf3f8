//! A real run, killed again and again at moments nobody chose, and taken up until it ends: whatever it did, it did once, but
//! for what was in doubt.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::binary::{Project, is_running};

/// So many kills at least.
const KILLS: usize = 200;

/// Steps that leave a mark each and may be done again; at the end one that fails, if it is to go back.
fn runbook(fails: bool) -> String {
    let mut steps = String::new();
    for n in 1..=8 {
        steps.push_str(&format!(
            "  step s{n} {{ idempotent = true; run \"./mark.sh do-{n}\"; undo {{ run \"./mark.sh undo-{n}\" }} }}\n"
        ));
    }
    if fails {
        steps.push_str("  step last { run \"false\"; undo none \"it changes nothing\" }\n");
    }
    format!("runbook r \"R\" {{}}\nphase go: live {{\n{steps}}}\n")
}

/// Numbers that look like chance, the same every time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// One run, killed until it has ended by itself; how often it was killed.
fn killed(fails: bool, chance: &mut u64) -> usize {
    let project = Project::with(&runbook(fails));
    project.script("mark.sh", "echo $1 >> marks");
    let (mut kills, mut code) = (0, None);
    let mut words: &[&str] = &["run", "--yes", "--output", "plain"];
    while code.is_none() {
        let mut child = project.command(words).spawn().unwrap();
        // On a busy machine a process needs longer to begin: each time it gets more, so that every run ends.
        let patience = Duration::from_millis(4 + next(chance) % (60 + 20 * kills as u64));
        let deadline = std::time::Instant::now() + patience;
        // Either it ends, or its time is over.
        loop {
            match child.try_wait().unwrap() {
                Some(status) => {
                    code = status.code();
                    break;
                }
                None if std::time::Instant::now() >= deadline => break,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        if code.is_none() {
            kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        // Before its first record there is no run yet; and it may have ended just before it was killed.
        let status = project.runbook(&["status", "--output", "json"]).stdout;
        let status: Option<Value> = status.lines().last().map(|line| serde_json::from_str(line).unwrap());
        words = match &status {
            Some(_) => &["resume", "--output", "plain"],
            None => &["run", "--yes", "--output", "plain"],
        };
        let ending = status.as_ref().and_then(|s| s["ending"].as_str());
        code = code.or(match ending {
            Some("completed") => Some(0),
            Some("rolled_back") => Some(3),
            Some(other) => panic!("{other}"),
            None => None,
        });
        assert!(kills < 2_000, "it never ends");
    }
    let log = project.runbook(&["logs"]).stdout;
    assert_eq!(code, Some(if fails { 3 } else { 0 }), "{log}");
    let mut marks: BTreeMap<String, usize> = BTreeMap::new();
    for line in project.read("marks").lines() {
        *marks.entry(line.to_owned()).or_default() += 1;
    }
    for n in 1..=8 {
        for (mark, wanted) in [(format!("do-{n}"), true), (format!("undo-{n}"), fails)] {
            let times = marks.get(&mark).copied().unwrap_or(0);
            // So often it was begun again because nobody knew how far it had got.
            let words: &[&str] =
                if mark.starts_with("do") { &["nobody knows", "is done again"] } else { &["nobody knows"] };
            let step = format!(" s{n}  ");
            let doubts = log.lines().filter(|l| l.contains(&step) && words.iter().any(|w| l.contains(w))).count();
            let once = usize::from(wanted);
            assert!(times >= once && times <= once + doubts, "{mark} {times} times, {doubts} doubts:\n{log}");
        }
    }
    assert_eq!(project.runbook(&["verify"]).code, 0);
    assert!(!is_running(&project.path().display().to_string()), "something is left running");
    kills
}

#[test]
fn whatever_a_killed_run_did_it_did_once() {
    let (mut kills, mut runs, mut chance) = (0, 0, 0x9e37_79b9_7f4a_7c15);
    while kills < KILLS {
        kills += killed(runs % 2 == 1, &mut chance);
        runs += 1;
    }
    println!("{kills} kills, {runs} runs");
}
