//! Messages by the clock or by a node, beside the timeline; and what is left to do after a way back.

use jiff::Timestamp;
use runbook::engine::{Event, EventKind};

use crate::support::{Ran, World, run};

/// Every message with the seconds since the beginning.
fn said(ran: &Ran) -> Vec<(i64, &str)> {
    let start: Timestamp = ran.run.started.unwrap();
    let at = |e: &Event| match &e.kind {
        EventKind::MessageQueued { text, .. } => Some((e.at.duration_since(start).as_secs(), text.clone())),
        _ => None,
    };
    let found: Vec<_> = ran.events.iter().filter_map(at).collect();
    found.into_iter().map(|(at, text)| (at, &*text.leak())).collect()
}

const HEAD: &str =
    "runbook r \"R\" {}\nchannel room: console {}\nrelease { version = \"1.0.0\"; start = 2025-11-18T20:00:00Z }\n";

#[test]
fn messages_come_by_the_clock_and_by_nodes_and_hold_nothing_up() {
    // The run begins at T-2h.
    let text = format!(
        "{HEAD}comms {{\n  notify room \"early\" at T-3h\n  notify room \"too early\" at T-4h\n  notify room \"soon\" at T-1h\n  notify room \"live\" from a\n\
         \x20 notify room \"through\" from deployment.done\n  notify room \"later\" from a.done + 10m\n  notify room \"never\" at T+9h\n  notify room \"left out\" at T-1h when release.version == \"9.9.9\"\n\
         \x20 every 10m from a until deployment.done {{ notify room \"still ${{execution.progress}}\" }}\n}}\n\
         phase deployment: live at T+0 {{\n  step a {{ run \"deploy\"; undo none \"x\" }}\n  hold for 25m\n}}\n"
    );
    let ran = run(&text, World::default().takes("deploy", 60));
    let zero = 7200;
    assert_eq!(
        said(&ran),
        [
            (0, "early"),
            (zero - 3600, "soon"),
            (zero, "live"),
            (zero, "still 0 of 2"),
            (zero + 600, "still 1 of 2"),
            (zero + 660, "later"),
            (zero + 1200, "still 1 of 2"),
            (zero + 1560, "through"),
        ],
        "{}",
        ran.transcript()
    );
    assert_eq!(ran.run.unsaid, ["room: its moment was 2h ago"]);
    assert_eq!(ran.ending(), "completed");
}

#[test]
fn a_way_back_speaks_while_it_is_gone_and_what_is_left_is_done_after_it() {
    let text = "runbook r \"R\" {}\nchannel room: console {}\n\
                phase deployment: live {\n  step a { run \"deploy\"; undo { run \"undeploy\"; takes = 1h } }\n  step b { run \"fails\"; undo none \"x\" }\n}\n\
                rollback \"Back\" {\n  every 5m { notify room \"going back\" }\n  undo\n  after { checklist evidence \"Evidence\" within 4h else continue { item logs \"Logs saved\" { run \"save\" } \n item who \"Who was told\" } }\n}\n\
                on rolled_back { notify room \"rolled back\" }\n";
    let world = || World::default().fails("fails").takes("undeploy", 720);
    let ran = run(text, world());
    assert_eq!(
        said(&ran),
        [(0, "going back"), (300, "going back"), (600, "going back"), (720, "rolled back")],
        "{}",
        ran.transcript()
    );
    assert_eq!(ran.ending(), "rolled back");
    assert!(ran.transcript().contains("evidence.logs  ticks itself"), "{}", ran.transcript());
    // Nobody said who was told: overdue, and the way back is as good as before.
    assert!(ran.transcript().contains("overdue: not ticked after 4h: evidence.who"), "{}", ran.transcript());
    assert_eq!(ran.run.now.duration_since(ran.run.started.unwrap()).as_secs(), 720 + 4 * 3600);
    // A lock is for the way back, and not for what is done after it.
    assert!(ran.run.reservations[0].contains("evidence.who"), "{:?}", ran.run.reservations);
}

#[test]
fn whoever_wants_to_know_hears_that_a_node_begins_late() {
    let text = "runbook r \"R\" {}\nchannel room: console {}\nrelease { start = 2025-11-18T18:00:00Z }\n\
                phase p: live at T+0 {\n  step a { run \"deploy\"; undo none \"x\" }\n  step b at T+5m { run \"next\"; undo none \"x\" }\n}\n\
                on late { notify room \"${event.reason}\" }\n";
    let ran = run(text, World::default().takes("deploy", 600));
    assert_eq!(said(&ran), [(600, "b begins 5m late")], "{}", ran.transcript());
}

#[test]
fn what_would_be_said_without_a_pause_is_refused_by_the_plan() {
    let project = crate::binary::Project::with(
        "runbook r \"R\" {}\nchannel room: console {}\nvar often: duration = 0s\n\
         phase p: live {\n  step a { run \"true\"; undo none \"x\" }\n}\ncomms { every often from a { notify room \"hello\" } }\n",
    );
    let checked = project.runbook(&["check", "deploy.rb", "--format", "short"]);
    assert!(checked.stdout.contains("nobody reads a message more often than every second"), "{}", checked.text());
}
