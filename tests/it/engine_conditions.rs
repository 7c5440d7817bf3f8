//! The engine in virtual time: gates, holds, triggers, and data that are not there.

use crate::support::{World, live, run};

const METRIC: &str = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n";

fn watched(trigger: &str, body: &str) -> String {
    format!("{METRIC}{}trigger t {{ {trigger} }}\n", live(body))
}

const STEP: &str = r#"step a { run "do a"; undo { run "revert a" } }"#;

/// The moment at which a transcript first says something.
fn when(transcript: &str, what: &str) -> String {
    let line = transcript.lines().find(|l| l.contains(what)).unwrap_or_else(|| panic!("no `{what}` in\n{transcript}"));
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_gate_passes_after_so_many_attempts_in_a_row() {
    let text = live("gate g { within 5m; every = 10s; pass after 3 in a row; run \"look\" }");
    let ran = run(&text, World::default().fails_times("look", 2));
    assert_eq!(ran.ending(), "completed");
    // Two failing attempts, then three passing ones: at 0, 10, 20, 30 and 40 seconds.
    assert_eq!(when(&ran.transcript(), "done in"), "T+40s");
}

#[test]
fn a_gate_fails_on_the_failing_attempt_it_says() {
    for (clause, fails, at) in
        [("fail after 4 failures", 4, "T+30s"), ("fail after 2 failures in a row", 2, "T+10s"), ("", u32::MAX, "T+1m")]
    {
        let text = live(&format!("gate g {{ within 1m; every = 10s; {clause}\n run \"look\" }}"));
        let ran = run(&text, World::default().fails_times("look", fails));
        assert_eq!((ran.ending(), when(&ran.transcript(), "failed after").as_str()), ("rolled back", at), "{clause}");
    }
}

#[test]
fn a_gate_without_a_limit_makes_one_attempt() {
    let ran = run(&live("gate g { run \"look\" }"), World::default().fails_times("look", 1));
    assert_eq!(ran.ending(), "rolled back");
}

#[test]
fn a_look_that_hangs_is_false_at_the_gates_deadline() {
    let ran = run(&live("gate g { within 1m; run \"look\" }"), World::default().hangs("look"));
    assert_eq!((ran.ending(), when(&ran.transcript(), "failed after").as_str()), ("rolled back", "T+1m"));
}

#[test]
fn a_gate_stays_inconclusive_without_data_and_then_a_pause_ends_in_a_rollback() {
    let text = format!("{METRIC}{}", live(&format!("{STEP}\n gate g {{ within 1m; expect errors < 1% }}")));
    let ran = run(&text, World::default().metric("errors", &[(0, None)]));
    assert_eq!(ran.ending(), "rolled back");
    let transcript = ran.transcript();
    assert_eq!(when(&transcript, "could not tell within 1m"), "T+1m");
    assert_eq!(when(&transcript, "nobody came: roll back"), "T+16m");
}

#[test]
fn a_gate_looks_at_samples_taken_after_its_attempt_began() {
    let text = format!("{METRIC}{}", live("gate g { within 1m; every = 10s; expect errors < 1% }"));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(7.0)), (25, Some(0.1))]));
    assert_eq!((ran.ending(), when(&ran.transcript(), "done in").as_str()), ("completed", "T+30s"));
}

#[test]
fn a_gates_condition_over_time_holds_only_after_that_time() {
    let text = format!("{METRIC}{}", live("gate g { within 5m; every = 10s; expect errors < 1% for 30s }"));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(0.1))]));
    assert_eq!((ran.ending(), when(&ran.transcript(), "done in").as_str()), ("completed", "T+30s"));
}

#[test]
fn a_hold_fails_after_three_bad_samples_in_a_row() {
    let text = format!("{METRIC}{}", live(&format!("{STEP}\n hold for 5m {{ expect errors < 8% }}")));
    let bad = World::default().metric("errors", &[(0, Some(1.0)), (60, Some(9.0)), (80, Some(1.0)), (100, Some(9.0))]);
    let ran = run(&text, bad);
    assert_eq!((ran.ending(), when(&ran.transcript(), "was false 3 times").as_str()), ("rolled back", "T+2m"));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (60, Some(9.0)), (80, Some(1.0))]));
    assert_eq!(ran.ending(), "completed");
}

#[test]
fn a_hold_that_sees_nothing_at_its_end_has_not_passed() {
    let text = format!("{METRIC}{}", live(&format!("{STEP}\n hold for 1m {{ expect errors < 8% }}")));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (30, None)]));
    assert_eq!((ran.ending(), when(&ran.transcript(), "had no data at the end").as_str()), ("rolled back", "T+1m"));
}

#[test]
fn a_trigger_fires_when_a_true_sample_stands_long_enough_after_the_first() {
    let text = watched("when errors > 5% for 20s", &format!("{STEP}\n hold for 5m"));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (55, Some(9.0))]));
    // Samples every ten seconds: the first true one at a minute, so it has held at 1m20s.
    assert_eq!((ran.ending(), when(&ran.transcript(), "trigger fired").as_str()), ("rolled back", "T+1m20s"));
    assert_eq!(ran.undone(), ["a"]);
    let evidence: Vec<_> = ran.run.triggers[0].evidence.iter().map(|s| s.value.to_string()).collect();
    assert_eq!(evidence, ["9%", "9%", "9%"]);
}

#[test]
fn one_false_sample_ends_the_span_of_a_trigger() {
    let text = watched("when errors > 5% for 20s", &format!("{STEP}\n hold for 5m"));
    let flapping: Vec<_> = (0..30).map(|i| (i * 10, Some(if i % 3 == 2 { 1.0 } else { 9.0 }))).collect();
    assert_eq!(run(&text, World::default().metric("errors", &flapping)).ending(), "completed");
}

#[test]
fn a_trigger_interrupts_a_running_step_and_undoes_it_too() {
    let text = watched("when errors > 5%", r#"step a { run "do a"; undo { run "revert a" } }"#);
    let ran = run(&text, World::default().takes("do a", 600).metric("errors", &[(0, Some(1.0)), (30, Some(9.0))]));
    assert_eq!((ran.ending(), ran.undone()), ("rolled back", vec!["a"]));
    let transcript = ran.transcript();
    assert_eq!(when(&transcript, "is being stopped"), "T+30s");
    assert_eq!(when(&transcript, "interrupted after 30s"), "T+30s");
}

#[test]
fn a_trigger_that_goes_on_is_armed_again_when_its_condition_has_been_false() {
    let text = watched("when errors > 5%; then continue", &format!("{STEP}\n hold for 2m"));
    let series = [(0, Some(1.0)), (20, Some(9.0)), (40, Some(1.0)), (60, Some(9.0)), (70, Some(9.0))];
    let ran = run(&text, World::default().metric("errors", &series));
    assert_eq!((ran.ending(), ran.run.triggers[0].times), ("completed", 2));
}

#[test]
fn a_trigger_watches_only_between_its_moments() {
    let text = watched(
        "when errors > 5%\n from b\n until c.done",
        "step a { run \"do a\"; undo none \"x\" }\n hold for 1m\n step b { run \"do b\"; undo none \"x\" }\n step c { run \"do c\"; undo none \"x\" }\n hold for 1m",
    );
    // Bad only before b and after c.
    let series = [(0, Some(9.0)), (60, Some(1.0)), (80, Some(9.0))];
    let ran = run(&text, World::default().takes("do b", 10).takes("do c", 5).metric("errors", &series));
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
}

#[test]
fn a_trigger_can_watch_how_long_a_step_runs() {
    let text = watched("when a runs 2m", r#"step a { run "do a"; undo { run "revert a" } }"#).replace(METRIC, "");
    let ran = run(&text, World::default().takes("do a", 600));
    assert_eq!((ran.ending(), when(&ran.transcript(), "trigger fired").as_str()), ("rolled back", "T+2m"));
}

#[test]
fn of_several_triggers_the_most_severe_is_the_reason_and_all_are_reported() {
    let text = format!(
        "{METRIC}{}severity high \"High\" {{ then rollback }}\nseverity low \"Low\" {{ then continue }}\n\
         trigger first {{ when errors > 5%; severity = low }}\ntrigger second {{ when errors > 6%; severity = high }}\n",
        live(&format!("{STEP}\n hold for 1m"))
    );
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (20, Some(9.0))]));
    assert_eq!(ran.ending(), "rolled back");
    assert!(ran.run.back.as_ref().unwrap().reason.contains("second"));
    assert_eq!(ran.transcript().matches("trigger fired").count(), 2);
}

#[test]
fn a_blind_trigger_is_told_and_does_what_it_says() {
    let series = [(0, Some(1.0)), (20, None)];
    let text = watched("when errors > 5%", &format!("{STEP}\n hold for 5m"));
    let ran = run(&text, World::default().metric("errors", &series));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "has seen nothing of errors for").as_str()),
        ("completed", "T+1m20s")
    );
    let ignoring = watched("when errors > 5%; no data ignore", &format!("{STEP}\n hold for 5m"));
    let ran = run(&ignoring, World::default().metric("errors", &series));
    assert!(!ran.transcript().contains("has seen nothing"), "{}", ran.transcript());
    let text = watched("when errors > 5%; no data rollback", &format!("{STEP}\n hold for 5m"));
    assert_eq!(run(&text, World::default().metric("errors", &series)).ending(), "rolled back");
}

#[test]
fn triggers_are_not_armed_before_the_live_part_or_after_it() {
    let text = format!(
        "{METRIC}runbook r \"R\" {{}}\nphase ready: prepare {{ hold for 1m }}\nphase go: live {{ {STEP} }}\n\
         phase care: after {{ hold for 1m }}\ntrigger t {{ when errors > 5% }}\n"
    );
    let ran = run(
        &text,
        World::default().takes("do a", 1).metric("errors", &[(0, Some(9.0)), (55, Some(1.0)), (70, Some(9.0))]),
    );
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
}

#[test]
fn a_hold_does_not_end_on_a_false_sample() {
    let text = format!("{METRIC}{}", live(&format!("{STEP}\n hold for 1m {{ expect errors < 8% }}")));
    // Bad shortly before the end: the samples behind it make it three in a row.
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (50, Some(9.0))]));
    assert_eq!((ran.ending(), when(&ran.transcript(), "was false 3 times").as_str()), ("rolled back", "T+1m10s"));
    // Bad twice: it ends with the next good one.
    let twice = World::default().metric("errors", &[(0, Some(1.0)), (50, Some(9.0)), (65, Some(1.0))]);
    let ran = run(&text, twice);
    assert_eq!((ran.ending(), when(&ran.transcript(), "done in 1m10s").as_str()), ("completed", "T+1m10s"));
}

#[test]
fn a_trigger_over_two_metrics_is_blind_when_one_of_them_is() {
    let text = format!(
        "{METRIC}metric load: percent {{ run \"load\"; unit = percent; every = 10s }}\n{}trigger t {{ when errors > 5% or load > 90% }}\n",
        live(&format!("{STEP}\n hold for 5m"))
    );
    let world = World::default().metric("errors", &[(0, None)]).metric("load", &[(0, Some(1.0))]);
    let ran = run(&text, world);
    assert!(ran.transcript().contains("has seen nothing of errors for"), "{}", ran.transcript());
}

#[test]
fn a_triggers_message_speaks_of_the_sample_that_fired_it() {
    let trigger = "when errors > 5%; notify room \"errors at ${errors}\"";
    let text = format!("channel room: console {{}}\n{}", watched(trigger, &format!("{STEP}\n hold for 1m")));
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (30, Some(9.0))]));
    assert_eq!(ran.run.messages[0].text, "errors at 9%");
}

#[test]
fn a_hold_without_a_length_looks_once() {
    let text = format!("{METRIC}{}", live(&format!("{STEP}\n hold for 0s {{ expect errors < 8% }}")));
    assert_eq!(run(&text, World::default().metric("errors", &[(0, Some(1.0))])).ending(), "completed");
    assert_eq!(run(&text, World::default().metric("errors", &[(0, Some(9.0))])).ending(), "rolled back");
}
