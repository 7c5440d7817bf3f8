//! Windows and blackouts: what would start outside waits, what runs goes on.

use crate::support::{World, run};

#[test]
fn a_node_that_would_start_outside_its_window_waits_and_a_way_back_does_not() {
    // The run begins on a Tuesday at 18:00.
    let text = "runbook r \"R\" {}\nwindow mornings { days = [mon, tue, wed, thu]; from = 06:00; to = 07:00 }\n\
                blackout freeze \"Freeze\" { from = 2025-11-19; to = 2025-11-19 }\n\
                phase p: live in mornings {\n  step a { within 2h; run \"long\"; undo { run \"undo\"; takes = 1m } }\n  step b { run \"next\"; undo none \"x\" }\n\
                  step c { run \"fails\"; undo none \"x\" }\n}\n";
    let ran = run(text, World::default().takes("long", 90 * 60).fails("fails"));
    let at = |id: &str| ran.run.node(ran.plan.find(id).unwrap()).started.unwrap().to_string();
    // Wednesday is frozen, so it begins on Thursday; what ran over the end of the window was not interrupted.
    assert_eq!(at("a"), "2025-11-20T06:00:00Z", "{}", ran.transcript());
    assert_eq!(at("b"), "2025-11-24T06:00:00Z");
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.run.now.to_string(), "2025-11-24T06:00:00Z");
    assert!(
        ran.transcript().contains("the window `mornings` and the end of the blackout `freeze`"),
        "{}",
        ran.transcript()
    );
    // The lock is taken when it begins.
    let lock = ran.transcript().lines().position(|l| l.contains("lock r taken")).unwrap();
    let waits = ran.transcript().lines().position(|l| l.contains("waits for")).unwrap();
    assert!(waits < lock, "{}", ran.transcript());
}
