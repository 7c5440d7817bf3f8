//! The engine in virtual time: order, failures, limits, retries, the way back.

use runbook::engine::Input;

use crate::support::{World, live, resume, run, run_with, take_up, who};

const TWO_STEPS: &str = r#"
  step a { run "do a"; undo { run "revert a" } }
  step b { run "do b"; undo { run "revert b" } }
  step c { run "do c"; undo { run "revert c" } }
"#;

#[test]
fn steps_run_in_order_and_the_run_completes() {
    let ran = run(&live(TWO_STEPS), World::default().takes("do a", 5));
    assert_eq!(ran.ending(), "completed");
    assert_eq!(ran.world.ran, ["do a", "do b", "do c"]);
    assert_eq!(
        ran.transcript(),
        "\
T-?      ▸ R started as run r1 by ana
T-?      · lock r taken
T+0      ▸ deployment  phase deployment begins
T+0      ▸ a  starts
T+0      · a  do a
T+5s     ✓ a  done in 5s
T+5s     ▸ b  starts
T+5s     · b  do b
T+5s     ✓ b  done in 0ms
T+5s     ▸ c  starts
T+5s     · c  do c
T+5s     ✓ c  done in 0ms
T+5s     ✓ deployment  phase deployment through in 5s
T+5s     ✓ the live part is through: the release is committed
T+5s     ✓ completed"
    );
}

#[test]
fn a_failed_step_is_undone_too_newest_first() {
    let ran = run(&live(TWO_STEPS), World::default().fails("do b"));
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["do a", "do b", "undo: revert b", "undo: revert a"]);
    assert_eq!(ran.undone(), ["b", "a"]);
}

#[test]
fn a_step_is_tried_again_as_often_as_it_says_with_growing_waits() {
    let text = live(r#"step a { retry 2 every 10s backoff 2x; run "do a"; undo { run "revert a" } }"#);
    let ran = run(&text, World::default().fails_times("do a", 2));
    assert_eq!(ran.ending(), "completed");
    assert_eq!(ran.world.ran, ["do a"; 3]);
    let retries: Vec<_> = ran.transcript().lines().filter(|l| l.contains("again")).map(str::to_owned).collect();
    assert_eq!(
        retries,
        ["T+0      ! a  failed, is tried again in 10s: exit 1", "T+10s    ! a  failed, is tried again in 20s: exit 1"]
    );
    let ran = run(&text, World::default().fails_times("do a", 3));
    assert_eq!((ran.ending(), ran.world.ran.len()), ("rolled back", 4));
}

#[test]
fn a_retry_starts_the_whole_step_again_and_a_capture_keeps_its_first_value() {
    let text = live(
        r#"step a {
    retry 1 every 1s
    run "look" { reads = true; capture before = trim(stdout) }
    run "do ${before}"
    undo { run "revert ${before}" }
  }"#,
    );
    let ran = run(&text, World::default().fails_times("do", 1));
    assert_eq!(ran.world.ran, ["look", "do old", "look", "do old"]);
}

#[test]
fn a_step_that_hangs_ends_at_its_limit_and_is_rolled_back() {
    let text = live(r#"step a { within 5m; run "do a"; undo { run "revert a" } }"#);
    let ran = run(&text, World::default().hangs("do a"));
    assert_eq!(ran.ending(), "rolled back");
    assert!(
        ran.transcript().contains("T+5m     ✗ a  failed after 5m: it was not through after 5m"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_limit_that_is_not_written_is_half_an_hour_in_a_live_phase() {
    let ran = run(&live(r#"step a { run "do a"; undo none "x" }"#), World::default().hangs("do a"));
    assert!(ran.transcript().contains("T+30m    ✗ a  failed after 30m"), "{}", ran.transcript());
}

#[test]
fn an_action_has_a_limit_of_its_own() {
    let text = live(r#"step a { run "do a" { within 10s }; retry 1 every 1s; undo none "x" }"#);
    let ran = run(&text, World::default().hangs("do a"));
    assert!(
        ran.transcript().contains("T+21s    ✗ a  failed after 21s: it did not end within 10s"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_phase_has_a_limit_for_all_of_its_nodes() {
    let text = "runbook r \"R\" {}\nphase p: live within 1m else rollback {\n  step a { run \"do a\"; undo { run \"revert a\" } }\n  step b { run \"do b\"; undo { run \"revert b\" } }\n}\n";
    let ran = run(text, World::default().takes("do a", 40).takes("do b", 40));
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["do a", "do b", "undo: revert b", "undo: revert a"]);
    assert!(ran.transcript().contains("T+1m     ! b  interrupted after 20s"), "{}", ran.transcript());
}

#[test]
fn continue_goes_on_with_a_reservation() {
    let text = live(
        r#"step a { run "do a"; on failure continue; undo { run "revert a" } }
  step b { run "do b"; undo none "x" }"#,
    );
    let ran = run(&text, World::default().fails("do a"));
    assert_eq!(ran.ending(), "completed with reservations");
    assert_eq!(ran.run.reservations, ["a: exit 1"]);
}

#[test]
fn a_failure_before_the_live_part_stops_and_undoes_nothing() {
    let text = "runbook r \"R\" {}\nphase ready: prepare { step a { run \"do a\" } }\nphase go: live { step b { run \"do b\"; undo none \"x\" } }\n";
    let ran = run(text, World::default().fails("do a"));
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("stopped", &["do a".to_owned()][..]));
}

#[test]
fn a_failure_after_the_live_part_is_a_reservation() {
    let text = "runbook r \"R\" {}\nphase go: live { step b { run \"do b\"; undo { run \"revert b\" } } }\nphase care: after { step a { run \"do a\" } }\n";
    let ran = run(text, World::default().fails("do a"));
    assert_eq!(ran.ending(), "completed with reservations");
    assert_eq!(ran.world.ran, ["do b", "do a"]);
}

#[test]
fn an_undo_that_fails_leaves_the_run_stuck_and_nothing_is_undone_on_top() {
    let ran = run(&live(TWO_STEPS), World::default().fails("do c").fails("revert b"));
    assert_eq!(ran.ending(), "stuck");
    assert_eq!(ran.world.ran, ["do a", "do b", "do c", "undo: revert c", "undo: revert b"]);
    assert_eq!(ran.undone(), ["c"]);
}

#[test]
fn an_undo_has_the_retries_of_its_step() {
    let text = live(
        r#"step a { retry 1 every 5s; run "do a"; undo { run "revert a" } }
  step b { run "do b"; undo none "nothing to undo" }"#,
    );
    let ran = run(&text, World::default().fails("do b").fails_times("revert a", 1));
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["do a", "do b", "undo: revert a", "undo: revert a"]);
}

#[test]
fn a_step_that_ended_before_its_first_change_has_nothing_to_undo() {
    let text = live(
        r#"step a {
    run "look" { reads = true; capture before = trim(stdout) }
    run "do a"
    undo { run "revert ${before}" }
  }"#,
    );
    let ran = run(&text, World::default().fails("look"));
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("rolled back", &["look".to_owned()][..]));
    assert!(ran.transcript().contains("a  is not undone: it ended before it changed anything"), "{}", ran.transcript());
}

#[test]
fn a_rollback_is_a_procedure_with_steps_and_gates() {
    let text = format!(
        "{}rollback \"Back\" {{\n  gate ready\n  undo\n  step cache {{ run \"clear\" }}\n  gate healthy\n}}\n\
         gate ready {{ run \"is ready\" }}\ngate healthy {{ run \"is healthy\" }}\n",
        live(TWO_STEPS)
    );
    let world = || World::default().fails("do b");
    let ran = run(&text, world());
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["do a", "do b", "undo: revert b", "undo: revert a", "clear"]);
    // A gate before the undo that does not pass: stuck, nothing undone.
    let ran = run(&text, world().fails("is ready"));
    assert_eq!((ran.ending(), ran.undone().len()), ("stuck", 0));
    // A gate behind it: rolled back, not healthy.
    let ran = run(&text, world().fails("is healthy"));
    assert_eq!((ran.ending(), ran.undone().len()), ("rolled back, not healthy", 2));
}

#[test]
fn a_named_rollback_undoes_only_what_it_names() {
    let text = live(TWO_STEPS).replace("step c { run \"do c\";", "step c { on failure partly; run \"do c\";")
        + "rollback partly \"Only b\" { undo [b] }\n";
    let ran = run(&text, World::default().fails("do c"));
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["b"]));
}

#[test]
fn nodes_wait_for_their_moment_and_holds_for_their_time() {
    let text = live(
        r#"step a { run "do a"; undo none "x" }
  hold for 10s
  step b at T+5m { run "do b"; undo none "x" }
  hold until T+6m
  step c { run "do c"; undo none "x" }"#,
    );
    let ran = run(&text, World::default().takes("do a", 3));
    let starts: Vec<_> = ran.transcript().lines().filter(|l| l.ends_with("starts")).map(str::to_owned).collect();
    assert_eq!(starts, ["T+0      ▸ a  starts", "T+5m     ▸ b  starts", "T+6m     ▸ c  starts"]);
}

#[test]
fn a_late_live_part_moves_zero_and_what_follows() {
    let text = "runbook r \"R\" {}\nrelease { start = 2025-11-18T17:00:00Z }\nphase go: live at T+0 {\n  step a at T+5m { run \"do a\"; undo none \"x\" }\n}\n";
    let ran = run(text, World::default());
    assert_eq!(ran.run.zero.unwrap().to_string(), "2025-11-18T18:00:00Z");
    assert!(ran.transcript().contains("T+5m     ▸ a  starts"), "{}", ran.transcript());
}

#[test]
fn prepare_phases_wait_for_their_moment_before_zero() {
    let text = "runbook r \"R\" {}\nrelease { start = 2025-11-19T18:00:00Z }\nphase ready: prepare at T-2h {\n  step a { run \"do a\" }\n}\nphase go: live at T+0 { step b { run \"do b\"; undo none \"x\" } }\n";
    let ran = run(text, World::default());
    let starts: Vec<_> = ran.transcript().lines().filter(|l| l.ends_with("starts")).map(str::to_owned).collect();
    assert_eq!(starts, ["T-2h     ▸ a  starts", "T+0      ▸ b  starts"]);
}

#[test]
fn a_node_is_left_out_when_its_condition_is_false() {
    let text = "runbook r \"R\" {}\nvar full: bool = false\nphase go: live {\n  step a when full { run \"do a\"; undo none \"x\" }\n  step b when not full { run \"do b\"; undo none \"x\" }\n}\n";
    let ran = run(text, World::default());
    assert_eq!(ran.world.ran, ["do b"]);
    assert!(ran.transcript().contains("a  left out: `full` is false"), "{}", ran.transcript());
}

#[test]
fn a_halt_cancels_what_runs_and_a_resume_does_it_again() {
    let text = live(TWO_STEPS);
    let halt = Input::Halt { by: who(), reason: "Ctrl-C".into() };
    let ran = run_with(&text, World::default().hangs("do b"), vec![(7, halt)]);
    assert_eq!((ran.ending(), ran.run.halt.as_ref().map(|h| h.complete)), ("halted", Some(true)));
    assert_eq!(ran.world.ran, ["do a", "do b"]);
}

#[test]
fn a_person_can_send_a_live_run_back() {
    let back = Input::Rollback { by: who(), to: None, resumes: false };
    let ran = run_with(&live(TWO_STEPS), World::default().hangs("do b"), vec![(7, back)]);
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["b", "a"]));
    assert!(ran.transcript().contains("rolling back (Roll back): ana wanted it"), "{}", ran.transcript());
}

#[test]
fn messages_say_what_happened() {
    let text = format!(
        "{}channel room: console {{}}\nrollback \"Back\" {{\n  notify room \"back because ${{event.reason}}, by ${{event.by}}, at ${{event.node}}\"\n  undo\n}}\n\
         on started {{ notify room \"${{execution.id}} started\" }}\non rolled_back {{ notify room \"done, ${{execution.progress}}\" }}\n",
        live(TWO_STEPS)
    );
    let ran = run(&text, World::default().fails("do b"));
    let said: Vec<_> = ran.run.messages.iter().map(|m| m.text.as_str()).collect();
    assert_eq!(said, ["r1 started", "back because b: exit 1, by step b, at b", "done, 1 of 3"]);
}

#[test]
fn a_stuck_run_goes_on_with_what_failed_and_not_behind_it() {
    // An undo that failed.
    let stuck = run(&live(TWO_STEPS), World::default().fails("do c").fails("revert b"));
    let ran = resume(stuck, World::default());
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["undo: revert b", "undo: revert a"]);
    // A gate of the procedure itself, before anything was undone.
    let text = format!(
        "{}rollback \"Back\" {{\n  gate ready\n  undo\n  step cache {{ run \"clear\" }}\n}}\ngate ready {{ run \"is ready\" }}\n",
        live(TWO_STEPS)
    );
    let stuck = run(&text, World::default().fails("do b").fails("is ready"));
    let ran = resume(stuck, World::default().fails("clear"));
    assert_eq!((ran.ending(), ran.undone()), ("stuck", vec!["b", "a"]));
    // And a step of it, behind.
    let ran = resume(ran, World::default());
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("rolled back", &["clear".to_owned()][..]));
}

#[test]
fn the_plain_way_back_ends_at_the_point_of_no_return() {
    let steps = r#"
  step a { run "do a"; undo { run "revert a" } }
  step drop { run "drop"; irreversible "the old columns are gone" }
  step b { run "do b"; undo { run "revert b" } }
  step c { run "do c"; undo { run "revert c" } }
"#;
    let text = format!("{}rollback whole \"All of it\" {{ undo; step restore {{ run \"restore\" }} }}\n", live(steps));
    let back = |to: Option<&str>| Input::Rollback { by: who(), to: to.map(str::to_owned), resumes: true };
    let stuck = || run(&text, World::default().fails("do c"));
    // Nothing is undone before a person answers, and going on as before is no answer.
    let ran = stuck();
    assert_eq!((ran.ending(), ran.undone().len()), ("stuck", 0));
    assert_eq!(ran.world.ran, ["do a", "drop", "do b", "do c"]);
    let ran = resume(ran, World::default());
    assert_eq!((ran.ending(), ran.world.ran.len()), ("stuck", 0));
    assert!(
        ran.transcript()
            .contains("✗ drop  cannot be undone: the old columns are gone; a person says how far it goes back"),
        "{}",
        ran.transcript()
    );
    // Back to the line, and no further; an undo that fails on the way is tried again, and then it goes on to the line.
    let ran = take_up(ran, World::default().fails("revert b"), back(None));
    assert_eq!((ran.ending(), ran.undone()), ("stuck", vec!["c"]));
    let ran = resume(ran, World::default());
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("rolled back", &["undo: revert b".to_owned()][..]));
    assert_eq!(ran.undone(), ["c", "b"]);
    // By a rollback with a name, which says for itself what is done about it.
    let ran = take_up(stuck(), World::default(), back(Some("whole")));
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["c", "b", "a"]));
    assert_eq!(ran.world.ran, ["undo: revert c", "undo: revert b", "undo: revert a", "restore"]);
    // Before the line has been reached there is none.
    let ran = run(&text, World::default().fails("do a"));
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["a"]));
    // A step that began and failed may have done it.
    let ran = run(&text, World::default().fails("drop"));
    assert_eq!((ran.ending(), ran.undone().len()), ("stuck", 0));
}

#[test]
fn a_person_can_change_the_way_back_again_and_again() {
    let text = format!(
        "{}rollback a_way \"A\" {{ step x {{ run \"do x\" }}; undo [b] }}\nrollback b_way \"B\" {{ undo [c]; step y {{ run \"do y\" }} }}\n",
        live(TWO_STEPS)
    );
    let back = |to: &str| Input::Rollback { by: who(), to: Some(to.to_owned()), resumes: true };
    let ran = run(&text, World::default().fails("do c").fails("revert c"));
    assert_eq!(ran.ending(), "stuck");
    let ran = take_up(ran, World::default().fails("revert b"), back("a_way"));
    assert_eq!(
        (ran.ending(), ran.world.ran.as_slice()),
        ("stuck", &["do x".to_owned(), "undo: revert b".to_owned()][..])
    );
    let ran = take_up(ran, World::default().fails("do y"), back("b_way"));
    assert_eq!(ran.ending(), "stuck");
    // The first one once more, from its beginning, and then by the plain one.
    let ran = take_up(ran, World::default().fails("do x"), back("a_way"));
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("stuck", &["do x".to_owned()][..]));
    let ran = take_up(ran, World::default(), back("rollback"));
    assert_eq!(ran.ending(), "rolled back");
    let mut undone = ran.undone();
    undone.sort_unstable();
    assert_eq!(undone, ["a", "b", "c"], "{}", ran.transcript());
}

#[test]
fn a_way_back_that_was_left_can_go_on_in_another_way() {
    let text = format!("{}rollback other \"Other\" {{ step x {{ run \"do x\" }}; undo [a] }}\n", live(TWO_STEPS));
    let halt = Input::Halt { by: who(), reason: "Ctrl-C".into() };
    let ran = run_with(&text, World::default().fails("do c").takes("revert b", 60), vec![(30, halt)]);
    assert_eq!((ran.ending(), ran.undone()), ("halted", vec!["c"]));
    let other = Input::Rollback { by: who(), to: Some("other".into()), resumes: true };
    let ran = take_up(ran, World::default(), other);
    assert_eq!(ran.ending(), "rolled back", "{}", ran.transcript());
    assert_eq!(ran.world.ran[0], "do x");
    // What was being undone is undone to its end, at the place of the undoing.
    assert_eq!(ran.undone(), ["c", "b", "a"], "{}", ran.transcript());
}

#[test]
fn an_irreversible_step_that_never_acted_draws_no_line() {
    let steps = r#"
  step a { run "do a"; undo { run "revert a" } }
  step drop { gate ready { run "is ready" }; run "drop"; irreversible "gone" }
"#;
    let ran = run(&live(steps), World::default().fails("is ready"));
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["a"]), "{}", ran.transcript());
}

#[test]
fn a_node_of_a_rollback_is_left_out_when_its_condition_is_false() {
    let text = format!(
        "var deep: bool = false\n{}rollback \"Back\" {{\n  undo\n  step cache when deep {{ run \"clear\" }}\n}}\n",
        live(TWO_STEPS)
    );
    let text = text.replacen(
        "var deep: bool = false\nrunbook r \"R\" {}\n",
        "runbook r \"R\" {}\nvar deep: bool = false\n",
        1,
    );
    let ran = run(&text, World::default().fails("do b"));
    assert_eq!(ran.ending(), "rolled back");
    assert_eq!(ran.world.ran, ["do a", "do b", "undo: revert b", "undo: revert a"]);
    assert!(ran.transcript().contains("cache  left out: `deep` is false"), "{}", ran.transcript());
}

#[test]
fn a_fact_may_need_another_one() {
    let text = "runbook r \"R\" {}\nfact host: string = run \"which host\"\nfact port: string = run \"port of ${host}\"\n\
        phase go: live { step a { run \"do ${port}\"; undo none \"x\" } }\n";
    let ran = run(text, World::default());
    assert_eq!((ran.ending(), ran.world.ran.as_slice()), ("completed", &["do port".to_owned()][..]));
}
