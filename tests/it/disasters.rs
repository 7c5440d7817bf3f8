//! A full disk, a state folder that vanishes, a clock that was set back, signals at every kind of wait, many starts at once:
//! what is told is true, nothing is lost, and a resume goes on from there.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use runbook::drive::Clock;
use rustix::process::{Pid, Signal, kill_process};

use crate::binary::{Project, eventually, finish, is_running};

fn marks(project: &Project) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in project.read("marks").lines() {
        *found.entry(line.to_owned()).or_insert(0) += 1;
    }
    found
}

#[test]
fn a_full_disk_stops_what_runs_and_a_resume_goes_on() {
    let steps: String = (0..300)
        .map(|n| format!("  step s{n} {{ idempotent = true; run \"./mark.sh {n}\"; undo none \"a mark\" }}\n"))
        .collect();
    let project = Project::with(&format!("runbook r \"R\" {{}}\nphase p: live {{\n{steps}}}\n"));
    project.script("mark.sh", "echo $1 >> marks");
    // No file may grow beyond a megabyte: to the store that is a disk that is full.
    let run = project.command(&["run", "--yes", "--output", "plain"]);
    let mut full = Command::new("sh");
    full.arg("-c").arg("trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"").arg(run.get_program()).args(run.get_args());
    full.current_dir(project.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(full);
    assert_eq!(output.code, 6, "{}", output.text());
    assert!(output.stderr.contains("nothing can be written down any more"), "{}", output.stderr);
    let done = marks(&project).len();
    assert!((10..300).contains(&done), "{done}");
    assert!(!is_running(&project.path().display().to_string()), "something is left running");
    let resumed = project.runbook(&["resume", "--output", "plain"]);
    assert_eq!(resumed.code, 0, "{}", resumed.text());
    let marks = marks(&project);
    assert_eq!(marks.len(), 300);
    // Only the step at which it ended was in doubt.
    let twice: Vec<_> = marks.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.len() <= 1, "{twice:?}");
    assert_eq!(project.runbook(&["verify"]).code, 0);
}

const WAITING: &str = r#"runbook r "R" { grace = 1s }
phase p: live {
  step a { run "./mark.sh a"; undo { run "./mark.sh undo-a" } }
  step b { run "./wait.sh"; undo { run "./mark.sh undo-b" } }
  step c { run "./mark.sh c"; undo { run "./mark.sh undo-c" } }
}
"#;

fn waiting() -> (Project, Child) {
    let project = Project::with(WAITING);
    project.script("mark.sh", "echo $1 >> marks");
    project.script("wait.sh", "touch began\nuntil test -e go; do sleep 0.02; done");
    let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    eventually("the second step waits", || project.exists("began"));
    (project, child)
}

#[test]
fn a_state_folder_that_vanishes_is_noticed_before_anything_more_is_done() {
    for replaced in [false, true] {
        let (project, child) = waiting();
        let state = project.path().join(".runbook");
        std::fs::remove_dir_all(&state).unwrap();
        if replaced {
            std::fs::create_dir(&state).unwrap();
            std::fs::write(state.join("journal.db"), "").unwrap();
        }
        project.write("go", "");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(6));
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("it was removed, or another file stands in its place"), "{err}");
        assert_eq!(project.read("marks"), "a\n", "nothing more was started");
    }
}

#[test]
fn a_clock_that_was_set_back_moves_nothing_into_the_future() {
    let now = Timestamp::now();
    let (clock, behind) = Clock::not_before(now + SignedDuration::from_hours(1000));
    assert!(behind.is_some_and(|b| b > SignedDuration::from_hours(999)));
    let later = clock.now();
    assert!(later.duration_since(now) >= SignedDuration::from_hours(999), "{later}");
    assert!(later.duration_since(now) <= SignedDuration::from_hours(1001), "{later}");
    let (clock, behind) = Clock::not_before(now - SignedDuration::from_hours(1000));
    assert_eq!(behind, None);
    assert!(clock.now().duration_since(now) < SignedDuration::from_mins(10));
}

#[test]
fn a_signal_at_any_wait_halts_the_run_and_leaves_nothing_running() {
    let waits = [
        ("a command", "step w { idempotent = true; run \"./wait.sh\"; undo none \"x\" }"),
        ("a hold", "step w { run \"touch began\"; undo none \"x\" }\n hold for 10m"),
        ("a gate", "gate w { within 10m; every = 1s; run \"./look.sh\" }"),
        (
            "a question",
            "step w { run \"touch began\"; undo none \"x\" }\n confirm sure \"Sure?\" { by qa; within 10m else rollback }",
        ),
        ("a pause", "step w { run \"./fail.sh\"; on failure pause within 10m else rollback; undo none \"x\" }"),
        (
            "two lanes",
            "parallel both { step w { idempotent = true; run \"./wait.sh\"; undo none \"x\" }\n step v { idempotent = true; run \"sleep 1000\"; undo none \"x\" } }",
        ),
        (
            "its moment",
            "step w { run \"touch began\"; undo none \"x\" }\n step late at T+10m { run \"true\"; undo none \"x\" }",
        ),
    ];
    for (i, (name, body)) in waits.iter().enumerate() {
        let project = Project::with(&format!(
            "runbook r \"R\" {{ grace = 1s }}\nchannel room: console {{}}\nrole qa \"QA\" {{ members = [\"q@x.example\"]; reach = [room] }}\nphase p: live {{\n{body}\n}}\n"
        ));
        project.script("wait.sh", "touch began\nexec sleep 1000");
        project.script("look.sh", "touch began\nexit 1");
        project.script("fail.sh", "touch began\nexit 1");
        let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
        eventually(name, || project.exists("began"));
        let signal = [Signal::INT, Signal::TERM, Signal::HUP][i % 3];
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(6), "{name}: {text}");
        assert!(!is_running(&project.path().display().to_string()), "{name}: something is left running");
        let status = project.runbook(&["status"]);
        assert!(status.stdout.contains("paused"), "{name}: {}", status.stdout);
        let aborted = project.runbook(&["abort", "--reason", "enough"]);
        assert_eq!(aborted.code, 5, "{name}: {}", aborted.text());
    }
}

#[test]
fn of_many_starts_at_once_one_runs_and_the_others_change_nothing() {
    let project =
        Project::with("runbook r \"R\" {}\nphase p: live {\n  step a { run \"./mark.sh\"; undo none \"x\" }\n}\n");
    project.script("mark.sh", "echo mark >> marks\nuntil test -e go; do sleep 0.02; done");
    let starts: Vec<Child> =
        (0..10).map(|_| project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap()).collect();
    let mut starts: Vec<Option<Child>> = starts.into_iter().map(Some).collect();
    let mut refused = 0;
    eventually("nine are refused", || {
        for start in &mut starts {
            if start.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                let output = start.take().unwrap().wait_with_output().unwrap();
                assert_eq!(output.status.code(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
                refused += 1;
            }
        }
        refused == 9
    });
    project.write("go", "");
    let last = starts.into_iter().flatten().next().unwrap().wait_with_output().unwrap();
    assert_eq!(last.status.code(), Some(0));
    assert_eq!(project.read("marks"), "mark\n");
}

#[test]
fn a_closed_terminal_tells_it_twice_and_that_kills_nothing() {
    let project = Project::with(
        "runbook r \"R\" { grace = 5s }\nphase p: live {\n  step w { idempotent = true; run \"./wait.sh\"; undo none \"x\" }\n}\n",
    );
    project.script(
        "wait.sh",
        "trap 'sleep 0.5; echo clean >> marks; exit 1' TERM\ntouch began\nwhile :; do sleep 0.05; done",
    );
    let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    eventually("it works", || project.exists("began"));
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(project.read("marks"), "clean\n", "what it ran could clean up");
}

#[test]
fn whoever_ignores_the_end_of_the_terminal_goes_on_without_it() {
    let project = Project::with(WAITING);
    project.script("mark.sh", "echo $1 >> marks");
    project.script("wait.sh", "touch began\nuntil test -e go; do sleep 0.02; done");
    let mut ignoring = Command::new("sh");
    let start = "trap '' HUP; exec \"$0\" run --yes --output plain";
    ignoring.arg("-c").arg(start).arg(env!("CARGO_BIN_EXE_runbook"));
    ignoring.current_dir(project.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = ignoring.spawn().unwrap();
    eventually("the second step waits", || project.exists("began"));
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    project.write("go", "");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_live_run_that_is_aborted_says_that_it_is_stopped() {
    let (project, child) = waiting();
    let aborted = project.runbook(&["abort", "--reason", "wrong version", "--as", "zoe@x.example"]);
    assert_eq!(aborted.code, 5, "{}", aborted.text());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("aborted by zoe@x.example (as ") && text.contains("wrong version"), "{text}");
    assert!(project.record().run().why.contains("wrong version"));
    // Its lock is free.
    project.write("go", "");
    assert_eq!(project.run(&[]).code, 0);
}
