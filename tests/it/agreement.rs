//! The virtual run and the real one agree: for runbooks whose steps are real but quick, the same faults give the same events
//! in the same order, but for times and for what only one of the two worlds can say.

use runbook::engine::{Event, EventKind};
use runbook::plan::Plan;

use crate::binary::Project;
use crate::scenarios::stage;

const TEXT: &str = r#"runbook r "R" { grace = 1s }

channel room: console {}

gate ready "Ready" { within 4s; every = 1s; run "./do.sh gate" }

phase work: live "Work" {
  step first "First" { run "./do.sh first"; undo { run "./do.sh undo_first" } }
  notify room "First is done"
  parallel both {
    step left { run "./do.sh left"; undo { run "./do.sh undo_left" } }
    step right { run "./do.sh right"; undo none "x" }
  }
  step second "Second" {
    within 3s
    run "./do.sh second"
    retry 1 every 1s
    undo { run "./do.sh undo_second" }
  }
  gate ready
  step third "Third" { run "./do.sh third"; on failure continue; undo none "x" }
  hold for 1s
}

phase later: after "Later" { step tidy { run "./do.sh tidy" } }

rollback "Back" { notify room "Back"; undo; gate ready }

on completed { notify room "Done" }
on rolled_back { notify room "It was rolled back" }
on stuck { notify room "Stuck" }
"#;

/// What happened, without when, and without the words of one world.
fn essence(plan: &Plan, events: &[Event]) -> Vec<String> {
    let id = |ix: runbook::plan::NodeIx| plan.node(ix).id.clone();
    let slot = |s: &runbook::engine::Slot| format!("{} {:?} {}.{}", id(s.node), s.part, s.attempt, s.action);
    events
        .iter()
        .filter_map(|event| {
            Some(match &event.kind {
                EventKind::NodeStarted { node } => format!("{} starts", id(*node)),
                EventKind::NodeEnded { node, ended, failure, .. } => {
                    format!("{} ends {ended:?} {:?}", id(*node), failure.as_ref().map(|f| f.sort))
                }
                EventKind::NodeSkipped { node, .. } => format!("{} is left out", id(*node)),
                EventKind::ActionStarted { slot: s, .. } => format!("action {} starts", slot(s)),
                EventKind::ActionStopping { slot: s, .. } => format!("action {} is stopped", slot(s)),
                EventKind::ActionEnded { slot: s, result } => {
                    format!("action {} ends {:?}", slot(s), result.failure.as_ref().map(|f| f.sort))
                }
                EventKind::AttemptJudged { slot: s, attempt, truth, .. } => {
                    format!("attempt {attempt} of {} is {truth:?}", slot(s))
                }
                EventKind::RetryScheduled { node, attempt, .. } => format!("{} again, {attempt}", id(*node)),
                EventKind::RollbackStarted { rollback, .. } => format!("back by {rollback}"),
                EventKind::UndoStarted { node } => format!("undo {}", id(*node)),
                EventKind::UndoSkipped { node, .. } => format!("no undo of {}", id(*node)),
                EventKind::UndoEnded { node, failure } => format!("undone {} {}", id(*node), failure.is_none()),
                EventKind::FoundUnhealthy { .. } => "not healthy".into(),
                EventKind::LockTaken => "lock".into(),
                EventKind::LiveStarted => "live".into(),
                EventKind::LiveEnded => "live ends".into(),
                EventKind::MessageQueued { channel, text, .. } => format!("{channel}: {text}"),
                EventKind::WentOn { .. } => "goes on".into(),
                EventKind::EndingReached { ending, .. } => format!("{ending:?}"),
                EventKind::RunEnded { ending } => format!("ended {ending:?}"),
                _ => return None,
            })
        })
        .collect()
}

/// Runs it for real with a script that fails or hangs as it is told, and virtually with a scenario that says the same.
fn agree(real: &[(&str, &str)], scenario: &str) {
    let project = Project::with(TEXT);
    // `fails N` fails so often, `fails` always, `hangs` until it is stopped.
    project.script(
        "do.sh",
        r#"what=$1
mkdir -p count
n=$(cat count/$what 2>/dev/null || echo 0)
echo $((n + 1)) > count/$what
case "$(cat faults/$what 2>/dev/null)" in
  hangs) exec sleep 60 ;;
  always) exit 1 ;;
  "") exit 0 ;;
  *) [ "$n" -ge "$(cat faults/$what)" ] || exit 1 ;;
esac"#,
    );
    std::fs::create_dir(project.path().join("faults")).unwrap();
    for (what, fault) in real {
        project.write(&format!("faults/{what}"), fault);
    }
    project.runbook(&["run", "--yes", "--output", "plain"]);
    let really = project.record();
    let staged = stage(&format!("{TEXT}\nscenario s {{\n{scenario}\n}}\n"), "s");
    let virtually = runbook::rehearse::play(&staged);
    let (really, virtually) = (essence(&really.plan, &really.events), essence(&staged.plan, &virtually.events));
    // What runs side by side ends in any order.
    let sorted = |mut lines: Vec<String>| {
        let beside = |line: &String| line.contains("left") || line.contains("right");
        let mut both: Vec<String> = lines.iter().filter(|l| beside(l)).cloned().collect();
        both.sort();
        lines.retain(|line| !beside(line));
        (lines, both)
    };
    assert_eq!(sorted(really), sorted(virtually), "{real:?}");
}

#[test]
fn the_virtual_run_and_the_real_one_agree() {
    agree(&[], "expect completed");
    agree(&[("first", "always")], "given step first fails\nexpect rolled_back");
    agree(&[("second", "1")], "given step second fails 1 times\nexpect completed");
    agree(&[("second", "always")], "given step second fails\nexpect rolled_back");
    agree(&[("second", "hangs")], "given step second hangs\nexpect rolled_back");
    agree(&[("left", "always")], "given step left fails\nexpect rolled_back");
    agree(&[("gate", "2")], "given gate ready fails 2 times\nexpect completed");
    agree(&[("gate", "always")], "given gate ready fails\nexpect unhealthy");
    agree(&[("third", "always")], "given step third fails\nexpect completed");
    agree(&[("tidy", "always")], "given step tidy fails\nexpect completed");
    agree(
        &[("second", "always"), ("undo_first", "always")],
        "given step second fails\ngiven undo first fails\nexpect stuck",
    );
    agree(
        &[("second", "always"), ("undo_second", "1")],
        "given step second fails\ngiven undo second fails 1 times\nexpect rolled_back",
    );
}
