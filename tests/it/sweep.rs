//! The sweep: every fault has its fate, and what should not be so is found.

use runbook::rehearse::{FindingSort, Place, Sweep, Sweeper};

use crate::binary::Project;
use crate::support::plan_of;

fn swept(text: &str) -> (Sweeper, Sweep) {
    let plan = plan_of(text);
    let sweeper = Sweeper::new(&plan);
    let sweep = sweeper.report(sweeper.sweep(0, 1));
    (sweeper, sweep)
}

/// The fate of the fault with these words.
fn fate<'s>(sweeper: &Sweeper, sweep: &'s Sweep, words: &str) -> &'s runbook::rehearse::Fate {
    let own = |fate: &&runbook::rehearse::Fate| fate.troubles[0].words(sweeper.plan()) == words;
    sweep.fates.iter().find(own).unwrap_or_else(|| panic!("{words} is no fault"))
}

const TWO: &str = r#"runbook r "R" {}
channel room: console {}
role lead "Lead" { members = ["lead@x.example"]; reach = [room] }
metric errors: percent { run "./errors.sh"; unit = percent; every = 10s; target < 1% }
gate healthy "Healthy" { within 1m; every = 10s; run "./healthy.sh" }
phase p: live {
  step a { takes = 1m; within 5m; run "./a.sh"; undo { takes = 1m; run "./back-a.sh" } }
  step b { takes = 1m; within 5m; run "./b.sh"; undo { takes = 2m; run "./back-b.sh" } }
  hold for 2m { expect errors < 5% }
  gate healthy
  confirm fine "Fine?" { by lead; within 10m else rollback }
}
trigger spike "Errors" { when errors > 5% for 30s }
rollback "Back" { rto = 10m; notify room "Back: ${event.reason}"; undo; gate healthy }
on stuck { notify room "Stuck" }
on paused { notify room "Waiting" }
"#;

#[test]
fn every_fault_at_every_node_has_its_fate() {
    let (sweeper, sweep) = swept(TWO);
    assert_eq!(sweep.happy.0, Place::Completed);
    let fate = |words: &str| {
        let fate = fate(&sweeper, &sweep, words);
        let left: Vec<&str> = fate.left.iter().map(|ix| sweeper.plan().node(*ix).id.as_str()).collect();
        (fate.place, fate.way_back.map(|took| took.as_secs()), left.join(" "))
    };
    assert_eq!(fate("a fails"), (Place::RolledBack, Some(60), String::new()));
    assert_eq!(fate("b fails"), (Place::RolledBack, Some(180), String::new()));
    assert_eq!(fate("b hangs"), (Place::RolledBack, Some(180), String::new()));
    // Stuck when its time is over, and what was not undone stays.
    assert_eq!(fate("the undo of a fails"), (Place::Stuck, Some(180), "a".into()));
    assert_eq!(fate("the undo of b fails"), (Place::Stuck, Some(120), "a b".into()));
    assert_eq!(fate("the undo of b hangs"), (Place::Stuck, Some(300), "a b".into()));
    assert_eq!(fate("the trigger spike fires during b").0, Place::RolledBack);
    assert_eq!(fate("fine is denied").0, Place::RolledBack);
    assert_eq!(fate("nobody answers fine").0, Place::RolledBack);
    assert_eq!(fate("the gate at p.4 fails").0, Place::RolledBack);
    assert_eq!(fate("errors is blind from p on").0, Place::RolledBack);
    assert_eq!(fate("the channel room fails").0, Place::Completed);
    assert_eq!(fate("the channel room hangs").0, Place::Completed);
    // Whenever the process is killed, the run comes to the same end.
    let killed: Vec<_> = sweep.fates.iter().filter(|f| f.troubles[0].sort() == "the process is killed").collect();
    assert!(killed.len() >= 5, "{}", killed.len());
    assert!(killed.iter().all(|fate| fate.place == Place::Completed));
    assert!(sweep.findings.is_empty(), "{:?}", sweep.findings);
}

#[test]
fn however_many_sweep_at_once_they_find_the_same() {
    let plan = plan_of(TWO);
    let sweeper = Sweeper::new(&plan);
    let words = |fates: Vec<runbook::rehearse::Fate>| {
        let mut fates = fates;
        fates.sort_by_key(|fate| fate.number);
        runbook::rehearse::sweep_as_json(sweeper.plan(), &sweeper.report(fates))
    };
    let alone = words(sweeper.sweep(0, 1));
    let together = words((0..3).flat_map(|rest| sweeper.sweep(rest, 3)).collect());
    assert_eq!(alone, together);
    assert_eq!(alone, words(Sweeper::new(&plan).sweep(0, 1)));
}

#[test]
fn what_should_not_be_so_is_found() {
    let sorts = |text: &str| {
        let (_, sweep) = swept(text);
        let mut sorts: Vec<FindingSort> = sweep.findings.iter().map(|f| f.sort).collect();
        sorts.dedup();
        sorts
    };
    assert_eq!(sorts(TWO), []);
    // Nobody is told of a way back that is stuck.
    let mute =
        TWO.replace("on stuck { notify room \"Stuck\" }\n", "").replace("notify room \"Back: ${event.reason}\"; ", "");
    assert_eq!(sorts(&mute), [FindingSort::StuckUnheard]);
    // A wait of which nobody hears: only its default ends it.
    let deaf = TWO.replace("on paused { notify room \"Waiting\" }\n", "");
    assert_eq!(sorts(&deaf), [FindingSort::WaitUnheard]);
    // A stop that leaves a change behind. `check` refuses it, so that it is made here in the plan.
    let mut plan = plan_of(TWO);
    let b = plan.find("b").unwrap();
    if let runbook::plan::NodeKind::Work(work) = &mut plan.nodes[b.index()].kind {
        work.on_failure = runbook::plan::Outcome::Stop;
    }
    let sweeper = Sweeper::new(&plan);
    let sweep = sweeper.report(sweeper.sweep(0, 1));
    let titles: Vec<&str> = sweep.findings.iter().map(|f| f.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "`a` has changed something, and is neither undone nor excused",
            "`b` has changed something, and is neither undone nor excused"
        ]
    );
    assert!(sweep.findings.iter().all(|f| f.sort == FindingSort::LeftBehind));
    assert_eq!(sweep.findings[0].after, ["b fails (T+1m)"]);
}

#[test]
fn the_command_tells_the_fates_by_where_they_end() {
    let project = Project::with(TWO);
    let output = project.runbook(&["rehearse"]);
    assert_eq!(output.code, 0, "{}", output.text());
    let out = &output.stdout;
    for part in [
        "the happy path is completed at T+4m",
        "stuck  4 faults",
        "the undo of b hangs",
        "told: room; stays: a, b",
        "the way back takes 3m at most, its rto is 10m",
        "nothing to complain about",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!project.path().join(".runbook").exists(), "nothing is recorded");
    let json: serde_json::Value =
        serde_json::from_str(&project.runbook(&["rehearse", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["fates"][0]["ending"], "stuck");
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);

    let deaf = Project::with(&TWO.replace("on paused { notify room \"Waiting\" }\n", ""));
    let output = deaf.runbook(&["rehearse"]);
    assert_eq!(output.code, 1, "{}", output.text());
    assert!(output.stdout.contains("RB804"), "{}", output.stdout);
    assert!(output.stdout.contains("nobody hears of it"), "{}", output.stdout);
    assert_eq!(deaf.runbook(&["rehearse", "nowhere.rb"]).code, 2);
}

#[test]
fn two_faults_at_a_time_are_announced_first() {
    let small = "runbook r \"R\" {}\nchannel room: console {}\nphase p: live {\n  step a { run \"./a.sh\"; undo { run \"./b.sh\" } }\n  step b { run \"./c.sh\"; undo { run \"./d.sh\" } }\n}\nrollback \"Back\" { notify room \"Back\"; undo }\non stuck { notify room \"Stuck\" }\n";
    let project = Project::with(small);
    let output = project.runbook(&["rehearse", "--pairs"]);
    assert_eq!(output.code, 0, "{}", output.text());
    // Two nodes that fail or hang, and a channel that does: six faults that last.
    assert!(output.stderr.contains("15 pairs of faults, about a second"), "{}", output.stderr);
    assert!(output.stdout.contains("and 15 pairs of them"), "{}", output.stdout);
}

#[test]
fn the_plan_says_at_every_node_what_becomes_of_the_run() {
    let project = Project::with(TWO);
    let output = project.runbook(&["run", "--dry-run", "--rehearse"]);
    assert_eq!(output.code, 0, "{}", output.text());
    assert!(output.stdout.contains("it fails: rolled back; the way back takes 3m; told: room"), "{}", output.stdout);
    assert!(output.stdout.contains("nobody answers: rolled back"), "{}", output.stdout);
    assert!(!project.runbook(&["run", "--dry-run"]).stdout.contains("it fails: "));
    assert_eq!(project.runbook(&["run", "--rehearse"]).code, 2);
}
