//! A run as its user lives through it: halted, killed, taken up again, sent back, read by programs.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::binary::{Project, eventually, finish, is_running};

/// Three steps that leave marks; the second waits as long as a file is not there.
const RELEASE: &str = r#"runbook r "The release" { grace = 1s }

phase go: live "Go" {
  step first {
    run "./mark.sh first"
    undo { run "./mark.sh undo-first" }
  }
  step second {
    idempotent = true
    run "./wait.sh second"
    undo { run "./mark.sh undo-second" }
  }
  step third {
    run "./mark.sh third"
    undo { run "./mark.sh undo-third" }
  }
}
"#;

fn project() -> Project {
    let project = Project::with(RELEASE);
    project.script("mark.sh", "echo $1 >> marks");
    project.script("wait.sh", "echo $1 >> marks\ntest -e go || exec sleep 1000");
    project
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Runs until the second step waits.
fn waiting(project: &Project) -> Child {
    let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    eventually("the second step waits", || project.read("marks").ends_with("second\n"));
    child
}

fn marks(project: &Project) -> Vec<String> {
    project.read("marks").lines().map(str::to_owned).collect()
}

#[test]
fn ctrl_c_pauses_and_resume_goes_on() {
    let project = project();
    let child = waiting(&project);
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.contains("`runbook resume r-") && text.contains("nothing was undone"), "{text}");
    assert!(!is_running(&project.path().display().to_string()), "something is left running");
    project.write("go", "");
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(marks(&project), ["first", "second", "second", "third"]);
    assert_eq!(project.record().run().ending(), Some(runbook::engine::Ending::Completed));
    // There is nothing to go on with any more.
    assert_eq!(project.runbook(&["resume"]).code, 2);
}

#[test]
fn a_run_whose_process_was_killed_can_be_taken_up() {
    let project = project();
    let mut child = waiting(&project);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let record = project.record().run();
    assert_eq!(record.ending(), None);
    project.write("go", "");
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(marks(&project), ["first", "second", "second", "third"]);
}

/// What a killed process left running would do its work after it was undone.
#[test]
fn a_command_that_outlived_its_process_is_ended_before_anything_else() {
    for (command, code) in [("rollback", 3), ("resume", 3), ("abort", 5)] {
        let project = Project::with(&RELEASE.replace("idempotent = true", "").replace("wait.sh", "slow.sh"));
        project.script("mark.sh", "echo $1 >> marks");
        project.script("slow.sh", "echo $1 >> marks\ntouch began\nsleep 2\necho late >> marks");
        let mut child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
        eventually("the second step works", || project.exists("began"));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        let words: &[&str] = if command == "abort" { &["abort", "--reason", "gone"] } else { &[command] };
        let output = project.runbook(words);
        assert_eq!(output.code, code, "{}", output.text());
        assert!(output.stderr.contains("what was still running of second was ended"), "{}", output.stderr);
        assert!(!is_running(&project.path().display().to_string()), "something is left running");
        assert!(!marks(&project).contains(&"late".to_owned()), "{:?}", marks(&project));
    }
}

#[test]
fn a_stuck_run_can_go_back_by_another_rollback() {
    let text = r#"runbook r "R" {}
channel room: console {}
phase p: live {
  step a { run "./mark.sh a"; undo { run "sh -c 'echo boom >&2; exit 7'" } }
  step b { run "./mark.sh b"; undo { run "./mark.sh undo-b" } }
  step c { run "false"; undo { run "./mark.sh undo-c" } }
}
rollback other "By hand" { undo [c]; step swept { run "./mark.sh swept" } }
on stuck { notify room "stuck at ${event.node}: ${event.reason}" }
"#;
    let project = Project::with(text);
    project.script("mark.sh", "echo $1 >> marks");
    let stuck = project.run(&[]);
    assert_eq!(stuck.code, 4, "{}", stuck.text());
    assert!(stuck.stdout.contains("stuck at a: the undo of `a` failed: exit 7"), "{}", stuck.stdout);
    let back = project.runbook(&["rollback", "--to", "other"]);
    assert_eq!(back.code, 3, "{}", back.text());
    assert_eq!(marks(&project), ["a", "b", "undo-c", "undo-b", "swept"]);
    // What was undone before is told too.
    assert!(back.stdout.contains("undone  c, b") || back.stdout.contains("c, b\n"), "{}", back.stdout);
}

#[test]
fn a_way_back_that_is_halted_says_how_far_it_came() {
    let text = r#"runbook r "R" { grace = 1s }
phase p: live {
  step a { run "true"; undo { run "sleep 100" } }
  step b { run "false"; undo { run "touch undone-b" } }
}
"#;
    let project = Project::with(text);
    let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    eventually("b is undone", || project.exists("undone-b"));
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(!text.contains("nothing was undone") && text.contains("goes on with the way back"), "{text}");
    let ended = project.runbook(&["abort", "--reason", "enough"]);
    assert!(ended.stdout.contains("b was undone and nothing else"), "{}", ended.stdout);
}

#[test]
fn a_halted_run_can_be_sent_back_or_ended() {
    let project = project();
    let mut child = waiting(&project);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(6));
    let back = project.runbook(&["rollback", "--output", "plain"]);
    assert_eq!(back.code, 3, "{}", back.text());
    assert_eq!(marks(&project), ["first", "second", "undo-second", "undo-first"]);

    let project = self::project();
    let mut child = waiting(&project);
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(6));
    let ended = project.runbook(&["abort", "--reason", "we go home"]);
    assert_eq!(ended.code, 5, "{}", ended.text());
    assert_eq!(marks(&project), ["first", "second"]);
    // Its lock is free.
    project.write("go", "");
    assert_eq!(project.run(&[]).code, 0);
}

#[test]
fn a_second_ctrl_c_kills_at_once() {
    let project = Project::with(&RELEASE.replace("grace = 1s", "grace = 5m"));
    project.script("mark.sh", "echo $1 >> marks");
    project.script("wait.sh", "trap '' TERM INT\necho $1 >> marks\nwhile :; do sleep 1; done");
    let mut child = waiting(&project);
    signal(&child, Signal::INT);
    let halted = || project.record().events.iter().any(|e| format!("{:?}", e.kind).starts_with("HaltRequested"));
    eventually("it is being halted", halted);
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(6));
    eventually("nothing is left running", || !is_running(&project.path().display().to_string()));
}

#[test]
fn programs_read_one_versioned_document_a_line() {
    let project = project();
    project.write("go", "");
    let output = project.runbook(&["run", "--yes", "--output", "json"]);
    assert_eq!(output.code, 0, "{}", output.text());
    let lines: Vec<Value> = output.stdout.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert!(lines.len() > 10);
    for line in &lines {
        assert_eq!(line["v"], 1, "{line}");
        assert!(line["event"].is_string() && line["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
    let of = |event: &str| lines.iter().filter(|l| l["event"] == event).count();
    assert_eq!((of("run_started"), of("node_started"), of("run_ended")), (1, 4, 1), "{}", output.stdout);
    assert!(output.stderr.is_empty(), "{}", output.stderr);
}

#[test]
fn the_plan_that_was_approved_is_the_plan_that_is_run() {
    let project = project();
    project.write("go", "");
    let output = project.runbook(&["run", "--dry-run", "--save", "plan.json"]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(!project.exists("marks") && !project.exists(".runbook"), "a dry run does nothing");
    let digest = output.stderr.split_whitespace().nth(1).unwrap().to_owned();
    // The file may change in the meantime.
    project.write("deploy.rb", RELEASE.replace("mark.sh third", "mark.sh other"));
    let output = project.run(&["--plan", "plan.json"]);
    assert_eq!((output.code, marks(&project)), (0, vec!["first".into(), "second".into(), "third".into()]));
    assert!(project.record().run().digest.starts_with(&digest), "{digest}");
    // A plan that somebody has edited is refused.
    project.write("plan.json", project.read("plan.json").replace("mark.sh", "other.sh"));
    let output = project.run(&["--plan", "plan.json"]);
    assert_eq!(output.code, 2, "{}", output.text());
    assert!(output.stderr.contains("plan.json"), "{}", output.stderr);
    project.write("plan.json", "{ not json");
    assert_eq!(project.run(&["--plan", "plan.json"]).code, 2);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let project = project();
    project.write("go", "");
    for (words, name, value, colour) in [
        (&["check", "missing.rb", "--color", "always"][..], "X", "1", true),
        (&["check", "missing.rb"], "X", "1", false),
        (&["run", "--dry-run"], "CLICOLOR_FORCE", "1", true),
        (&["run", "--dry-run"], "X", "1", false),
        (&["run", "--dry-run", "--color", "never"], "CLICOLOR_FORCE", "1", false),
    ] {
        let mut command = project.command(words);
        command.env(name, value);
        assert_eq!(finish(command).text().contains('\x1b'), colour, "{words:?} {name}");
    }
    let mut command = project.command(&["run", "--dry-run"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!finish(command).text().contains('\x1b'), "NO_COLOR is the last word");
}

#[test]
fn a_run_can_be_looked_at_from_another_terminal() {
    let project = project();
    let nothing = project.runbook(&["status"]);
    assert_eq!((nothing.code, project.exists(".runbook")), (2, false), "{}", nothing.text());
    let child = waiting(&project);
    let status = project.runbook(&["status"]);
    assert_eq!(status.code, 0, "{}", status.text());
    assert!(status.stdout.contains("1 of 3 nodes") && status.stdout.contains("▸ second"), "{}", status.stdout);
    let json: Value = serde_json::from_str(&project.runbook(&["status", "--output", "json"]).stdout).unwrap();
    assert_eq!((&json["running"], &json["active"][0]["id"]), (&Value::Bool(true), &"second".into()));
    let mut follow = project.command(&["logs", "--follow"]);
    let follow = follow.stdout(std::process::Stdio::piped()).spawn().unwrap();
    project.write("go", "");
    signal(&child, Signal::INT);
    child.wait_with_output().unwrap();
    let followed = String::from_utf8(follow.wait_with_output().unwrap().stdout).unwrap();
    assert!(followed.contains("started as run r-") && followed.contains("halted by"), "{followed}");
    let left = project.runbook(&["status"]);
    assert!(left.stdout.contains("paused") && left.stdout.contains("`runbook resume r-"), "{}", left.stdout);
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    // What the run showed is what its log shows.
    let log = project.runbook(&["logs"]).stdout;
    let shown = resumed.stdout.lines().find(|line| line.contains("done in")).unwrap();
    assert!(log.contains(shown), "{log}");
    let lines = project.runbook(&["logs", "--output", "json"]).stdout;
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|v| v["v"] == 1)), "{lines}");
    assert!(project.runbook(&["status"]).stdout.contains("  completed\n"));
}

#[test]
fn a_record_that_was_changed_is_found() {
    let project = project();
    project.write("go", "");
    assert_eq!(project.run(&[]).code, 0);
    let whole = project.runbook(&["verify"]);
    assert_eq!(whole.code, 0, "{}", whole.text());
    assert!(whole.stdout.contains(": whole, ") && whole.stdout.contains(" records, the last is "), "{}", whole.stdout);
    let store = rusqlite::Connection::open(project.path().join(".runbook/journal.db")).unwrap();
    store.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", []).unwrap();
    drop(store);
    let broken = project.runbook(&["verify"]);
    assert_eq!(broken.code, 1, "{}", broken.text());
    assert!(broken.stderr.contains("that are here are missing"), "{}", broken.stderr);
}

#[test]
fn a_live_run_is_reached_from_another_terminal() {
    // Paused, and taken up again.
    let project = project();
    let child = waiting(&project);
    let paused = project.runbook(&["pause", "--reason", "the database is slow"]);
    assert_eq!(paused.code, 0, "{}", paused.text());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.contains("the database is slow"), "{text}");
    assert_eq!(project.runbook(&["pause"]).code, 2);
    // Sent back while it runs.
    let child = project.command(&["resume", "--output", "plain"]).spawn().unwrap();
    eventually("it waits again", || marks(&project).len() == 3);
    let back = project.runbook(&["rollback", "--as", "ana@acme.example"]);
    assert_eq!((back.code, back.stdout.contains(" goes back; ")), (0, true), "{}", back.text());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(marks(&project)[3..], ["undo-second", "undo-first"]);
    let log = project.runbook(&["logs"]).stdout;
    assert!(log.contains("ana@acme.example"), "{log}");
    // Ended while it runs.
    let project = super::runs::project();
    let child = waiting(&project);
    let ended = project.runbook(&["abort", "--reason", "not today"]);
    assert_eq!(ended.code, 5, "{}", ended.text());
    assert!(ended.stdout.contains("nothing was undone"), "{}", ended.text());
    child.wait_with_output().unwrap();
    assert_eq!(project.record().run().ending(), Some(runbook::engine::Ending::Stopped));
    assert!(!is_running(&project.path().display().to_string()), "something is left running");
}

#[test]
fn fifty_wishes_at_once_are_one_each() {
    let project = project();
    let child = waiting(&project);
    let wishes: Vec<Child> =
        (0..50).map(|_| project.command(&["rollback"]).stdout(std::process::Stdio::piped()).spawn().unwrap()).collect();
    let answered = wishes.into_iter().map(|w| w.wait_with_output().unwrap()).filter(|o| o.status.success()).count();
    assert!(answered >= 1, "nobody was heard");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(3));
    let record = project.record();
    let asked = |e: &&runbook::engine::Event| matches!(e.kind, runbook::engine::EventKind::RollbackRequested { .. });
    assert_eq!(record.events.iter().filter(asked).count(), 1);
    assert_eq!(marks(&project), ["first", "second", "undo-second", "undo-first"]);
    assert_eq!(project.runbook(&["verify"]).code, 0);
}

/// Whoever watches a run and closes the pipe has seen enough.
#[test]
fn a_watch_ends_with_its_reader() {
    let project = project();
    let child = waiting(&project);
    let mut watch = project.command(&["status", "--watch"]);
    let mut watch = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(watch.stdout.take());
    eventually("the watch ends", || watch.try_wait().unwrap().is_some());
    signal(&child, Signal::INT);
    child.wait_with_output().unwrap();
}
