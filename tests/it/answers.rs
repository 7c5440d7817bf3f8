//! People at other terminals: what they say reaches a live run, is kept where nobody runs it, and counts once.

use std::process::{Child, Stdio};

use runbook::engine::{Ending, Event, EventKind};
use rustix::process::{Pid, Signal, kill_process};

use crate::binary::{Project, eventually};

fn spawn(project: &Project, words: &[&str]) -> Child {
    let mut all = vec!["run", "--yes", "--output", "plain"];
    all.extend(words);
    project.command(&all).spawn().unwrap()
}

/// How many events there are of a sort; none before the run has begun.
fn events(project: &Project, wanted: impl Fn(&EventKind) -> bool) -> usize {
    if project.runbook(&["status", "--output", "json"]).stdout.is_empty() {
        return 0;
    }
    project.record().events.iter().filter(|e: &&Event| wanted(&e.kind)).count()
}

/// Waits until the run asks something, the first time or again.
fn asks(project: &Project) {
    eventually("it asks", || events(project, |e| matches!(e, EventKind::Asked { .. })) > 0);
}

const MANY: usize = 50;

#[test]
fn fifty_answers_at_once_from_fifty_processes_count_once_each() {
    let roles = (0..MANY).map(|i| format!("role r{i} \"R{i}\" {{ members = [\"p{i}@x.example\"]; reach = [room] }}\n"));
    let names: Vec<String> = (0..MANY).map(|i| format!("r{i}")).collect();
    let project = Project::with(&format!(
        "runbook r \"R\" {{}}\nchannel room: console {{}}\n{}phase p: live {{\n  approve go \"Go?\" {{ by all [{}]; within 10m else stop }}\n}}\n",
        roles.collect::<String>(),
        names.join(", ")
    ));
    let child = spawn(&project, &[]);
    asks(&project);
    // Half of them say it twice.
    let answers: Vec<(usize, Child)> = (0..MANY + MANY / 2)
        .map(|i| {
            let mut command = project.command(&["approve", "go", "--as", &format!("P{}@x.example", i % MANY)]);
            (i % MANY, command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    let mut accepted = [0; MANY];
    let mut told = Vec::new();
    for (i, answer) in answers {
        let output = answer.wait_with_output().unwrap();
        told.push(String::from_utf8_lossy(&output.stderr).into_owned());
        accepted[i] += usize::from(output.status.success());
    }
    assert_eq!(accepted, [1; MANY], "each is told once that it counts: {told:#?}");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(events(&project, |e| matches!(e, EventKind::Heard { .. })), MANY);
    assert_eq!(project.runbook(&["verify"]).code, 0);
}

const PAUSING: &str = r#"runbook r "R" { grace = 1s }
channel room: console {}
role dev "Dev" { members = ["dora@x.example"]; reach = [room] }

phase p: live {
  step first {
    run "./mark.sh first"
    on failure pause for dev within 15m else rollback
    undo { run "./mark.sh undo-first" }
  }
  confirm seen "Looks good" { by dev; within 15m else rollback }
}
"#;

fn pausing() -> Project {
    let project = Project::with(PAUSING);
    project.script("mark.sh", "echo $1 >> marks\ntest -e ok || exit 3");
    project
}

fn paused(project: &Project) {
    eventually("it pauses", || events(project, |e| matches!(e, EventKind::Paused { .. })) > 0);
}

#[test]
fn a_pause_is_ended_from_another_terminal_and_a_confirmation_given() {
    let project = pausing();
    let child = spawn(&project, &[]);
    paused(&project);
    let refused = project.runbook(&["resume", "--as", "eve@x.example"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("eve@x.example is none of those who are asked: dev (dora@x.example)"),
        "{}",
        refused.stderr
    );
    project.write("ok", "");
    let resumed = project.runbook(&["resume", "--as", "dora@x.example"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    asks(&project);
    eventually("it asks whether it looks good", || project.runbook(&["status"]).stdout.contains("`confirm seen`"));
    let unknown = project.runbook(&["confirm", "sean", "--as", "dora@x.example"]);
    assert!(unknown.stderr.contains("there is no question `sean`; did you mean `seen`?"), "{}", unknown.stderr);
    assert_eq!(project.runbook(&["note", "all is quiet"]).code, 0);
    assert_eq!(project.runbook(&["confirm", "seen", "--as", "dora@x.example"]).code, 0);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(project.read("marks"), "first\nfirst\n");
    assert!(text.contains("asked  seen: confirmed by dora@x.example (as "), "{text}");
    assert!(text.contains(": all is quiet"), "{text}");
}

#[test]
fn what_stopped_the_run_is_waived_and_that_is_a_reservation() {
    let project = pausing();
    let child = spawn(&project, &[]);
    paused(&project);
    assert_eq!(project.runbook(&["waive", "first", "--as", "dora@x.example"]).code, 2, "why?");
    let waived = project.runbook(&["waive", "first", "--reason", "done by hand", "--as", "dora@x.example"]);
    assert_eq!(waived.code, 0, "{}", waived.text());
    eventually("it asks whether it looks good", || project.runbook(&["status"]).stdout.contains("`confirm seen`"));
    assert_eq!(project.runbook(&["confirm", "seen", "--as", "dora@x.example"]).code, 0);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(8), "{text}");
    assert!(text.contains("waived  first: waived by dora@x.example (as "), "{text}");
}

#[test]
fn what_is_said_while_nobody_runs_it_is_heard_at_the_resume() {
    let project = pausing();
    project.write("ok", "");
    let mut child = spawn(&project, &[]);
    asks(&project);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let kept = project.runbook(&["confirm", "seen", "--as", "dora@x.example"]);
    assert_eq!(kept.code, 0, "{}", kept.text());
    assert!(kept.stdout.contains("nobody runs r-"), "{}", kept.stdout);
    // What would not count is said at once.
    assert_eq!(project.runbook(&["confirm", "seen", "--as", "eve@x.example"]).code, 2);
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(events(&project, |e| matches!(e, EventKind::Heard { .. })), 1);
}

#[test]
fn a_stuck_undo_is_waived_and_the_way_back_goes_on() {
    let project = Project::with(
        "runbook r \"R\" {}\nphase p: live {\n  step a { run \"true\"; undo { run \"./mark.sh a\" } }\n  step b { run \"true\"; undo { run \"false\" } }\n\
         \x20 step c { run \"false\"; undo none \"x\" }\n}\n",
    );
    project.script("mark.sh", "echo undone-$1 >> marks");
    let stuck = project.run(&[]);
    assert_eq!(stuck.code, 4);
    assert!(stuck.stdout.contains("`runbook waive r-") && stuck.stdout.contains(" b --reason …`"), "{}", stuck.stdout);
    let wrong = project.runbook(&["waive", "a", "--reason", "x"]);
    assert!(wrong.stderr.contains("the run is stuck at `b`, not at `a`"), "{}", wrong.stderr);
    let waived = project.runbook(&["waive", "b", "--reason", "undone by hand", "--output", "plain"]);
    assert_eq!(waived.code, 3, "{}", waived.text());
    assert_eq!(project.read("marks"), "undone-a\n");
    assert!(waived.stdout.contains("not undone  b: waived by "), "{}", waived.stdout);
}

const DOUBT: &str = r#"runbook r "R" { grace = 1s }
phase p: live {
  step first {
    run "./slow.sh"
    undo { run "./mark.sh undo-first" }
  }
  step second { run "./mark.sh second"; undo { run "./mark.sh undo-second" } }
}
"#;

/// A run whose process was killed while its first step worked.
fn in_doubt(text: &str) -> Project {
    let project = Project::with(text);
    project.script("mark.sh", "echo $1 >> marks");
    project.script("slow.sh", "echo first >> marks\ntouch began\ntest -e go || exec sleep 1000");
    let mut child = spawn(&project, &[]);
    eventually("the first step works", || project.exists("began"));
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    project.write("go", "");
    project
}

#[test]
fn a_person_says_what_became_of_a_step_that_is_in_doubt() {
    for (said, code, marks) in [
        ("again", 0, "first\nfirst\nsecond\n"),
        ("done", 0, "first\nsecond\n"),
        ("undo", 3, "first\nundo-first\n"),
        ("", 3, "first\nundo-first\n"),
    ] {
        let project = in_doubt(DOUBT);
        let mut words = vec!["resume", "--output", "plain"];
        words.extend(["--in-doubt", said].iter().filter(|_| !said.is_empty()));
        let resumed = project.runbook(&words);
        assert_eq!(resumed.code, code, "{said}: {}", resumed.text());
        assert_eq!(project.read("marks"), marks, "{said}");
    }
}

#[test]
fn what_shows_that_a_step_was_done_decides_when_it_is_in_doubt() {
    let text = DOUBT.replace("run \"./slow.sh\"", "run \"./slow.sh\"\n    done when { run \"test -e done\" }");
    let project = in_doubt(&text);
    project.write("done", "");
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(project.read("marks"), "first\nsecond\n");
    let project = in_doubt(&text);
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    assert_eq!(project.read("marks"), "first\nfirst\nsecond\n");
}

#[test]
fn a_run_goes_as_far_as_it_is_told() {
    let project = Project::with(
        "runbook r \"R\" {}\nphase before: prepare {\n  step build { run \"./mark.sh build\" }\n}\n\
         phase p: live {\n  step a { run \"./mark.sh a\"; undo { run \"true\" } }\n  step b { run \"./mark.sh b\"; undo { run \"true\" } }\n}\n",
    );
    project.script("mark.sh", "echo $1 >> marks");
    for wrong in [["--until", "nothing"], ["--done", "build"]] {
        assert_eq!(project.run(&wrong).code, 2, "{wrong:?}");
    }
    let live = project.run(&["--done", "a", "--reason", "by hand"]);
    assert!(live.stderr.contains("`a` is not of a prepare phase"), "{}", live.stderr);
    let halted = project.run(&["--until", "a", "--done", "build", "--reason", "built yesterday"]);
    assert_eq!(halted.code, 6, "{}", halted.text());
    assert!(halted.stdout.contains("build  left out: done before, says "), "{}", halted.stdout);
    assert_eq!(project.read("marks"), "a\n");
    assert_eq!(project.runbook(&["resume"]).code, 0);
    assert_eq!(project.read("marks"), "a\nb\n");
    assert_eq!(project.record().run().ending(), Some(Ending::Completed));
}
