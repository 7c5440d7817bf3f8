//! What is watched in virtual time: gates and flags in conditions, baselines, and `for` at its edges.

use jiff::{SignedDuration, Timestamp};
use runbook::drive::virtual_time::{Answer, Script, simulate};
use runbook::engine::{Done, Effect, EffectId, EventKind, Run, SampleProblem};
use runbook::value::{Value, duration_text};

use crate::support::{START, World, begin, findings, live, plan_of, run};

const METRIC: &str = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n";

const STEP: &str = r#"step a { run "do a"; undo { run "revert a" } }"#;

/// The moment at which a transcript first says something.
pub fn when(transcript: &str, what: &str) -> String {
    let line = transcript.lines().find(|l| l.contains(what)).unwrap_or_else(|| panic!("no `{what}` in\n{transcript}"));
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_trigger_watches_a_gate_one_attempt_each_every() {
    let text = |condition: &str| {
        format!(
            "gate healthy {{ every = 5s; http GET \"http://x/health\" }}\n{}trigger t {{ when {condition} }}\n",
            live(&format!("{STEP}\n hold for 5m"))
        )
    };
    let world = || World::default().fails_times("health", 13);
    // False attempts at 0, 5, …, 60 s: the first one starts the span, the one a minute later ends it.
    let ran = run(&text("not healthy for 1m"), world());
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "fired").as_str()),
        ("rolled back", "T+1m"),
        "{}",
        ran.transcript()
    );
    assert!(
        ran.transcript().contains("not healthy for 1m (healthy fails: GET http://x/health)"),
        "{}",
        ran.transcript()
    );
    // Twelve do not.
    let ran = run(&text("not healthy for 1m"), World::default().fails_times("health", 12));
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    // A gate beside a metric.
    let both = format!("{METRIC}{}", text("(not healthy and errors > 5%) for 20s"));
    let ran = run(&both, world().metric("errors", &[(0, Some(1.0)), (20, Some(9.0))]));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "fired").as_str()),
        ("rolled back", "T+40s"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_gate_in_a_condition_judges_by_metrics_with_their_own_spans() {
    let text = format!(
        "{METRIC}gate steady {{ every = 10s; expect errors < 5% for 30s }}\n{}trigger t {{ when steady; then continue }}\n",
        live(&format!("{STEP}\n hold for 3m"))
    );
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (50, Some(9.0)), (60, Some(1.0))]));
    // It holds at 30 s, is broken at 50 s, and holds again at 90 s.
    let transcript = ran.transcript();
    let fired: Vec<&str> =
        transcript.lines().filter(|l| l.contains("fired")).filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(fired, ["T+30s", "T+1m30s"], "{}", ran.transcript());
}

#[test]
fn a_hold_looks_at_a_gate_throughout() {
    for gate in
        ["gate healthy", "gate healthy with path = \"live\"", "gate { http GET \"http://x/health\" }", "expect healthy"]
    {
        let text = format!(
            "gate healthy {{ with path = \"health\"; http GET \"http://x/${{path}}\" }}\n{}",
            live(&format!("{STEP}\n hold h for 5m {{ {gate} }}"))
        );
        let ran = run(&text, World::default());
        assert_eq!(ran.ending(), "completed", "{gate}: {}", ran.transcript());
        let ran = run(&text, World::default().fails("http://x"));
        // Bad at 0, 10 and 20 seconds: the third one in a row.
        assert_eq!(
            (ran.ending(), when(&ran.transcript(), "was false 3 times in a row").as_str()),
            ("rolled back", "T+20s"),
            "{gate}: {}",
            ran.transcript()
        );
    }
}

#[test]
fn a_gate_that_can_say_nothing_leaves_its_trigger_blind() {
    let text = format!(
        "{METRIC}gate fine {{ expect errors < 5% }}\n{}trigger t {{ when not fine for 20s; no data rollback }}\n",
        live(&format!("{STEP}\n hold for 5m"))
    );
    let ran = run(&text, World::default().metric("errors", &[(0, Some(1.0)), (60, None)]));
    assert_eq!(ran.ending(), "rolled back");
    assert!(ran.transcript().contains("has seen nothing of fine for 1m"), "{}", ran.transcript());
}

#[test]
fn a_flag_is_watched_like_a_metric() {
    let text = format!(
        "flags launch: command {{ get = run \"./flag.sh get ${{flag}}\"; set = run \"./flag.sh set ${{flag}} ${{share}}\" }}\nflag dark \"Dark mode\" {{ in = launch }}\n{}trigger t {{ when dark == on for 20s }}\n",
        live(&format!("{STEP}\n hold for 2m"))
    );
    let plan = plan_of(&text);
    assert_eq!(plan.metrics.len(), 1);
    assert_eq!(plan.metrics[0].id, "dark");
    let ran = run(&text, World::default().words("dark", &[(0, "off"), (30, "on"), (40, "25%"), (50, "on")]));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "fired").as_str()),
        ("rolled back", "T+1m10s"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_missing_baseline_is_an_error_of_the_look_and_blinds_a_trigger() {
    let text = |more: &str| {
        format!(
            "source prod: prometheus {{ url = \"http://x\" }}\nmetric errors: percent {{ source = prod; query = \"e\"; unit = percent; baseline = 24h; floor = 0.5% }}\n{}{more}",
            live(&format!("{STEP}\n hold for 2m"))
        )
    };
    let samples = [(0, Some(1.5)), (30, Some(3.0))];
    let trigger = "trigger t { when errors > 2x baseline; no data rollback }\n";
    // 2.1 % is more than twice the 1 % of the past …
    let ran = run(&text(trigger), World::default().metric("errors", &samples).baseline("errors", 1.0));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "fired").as_str()),
        ("rolled back", "T+30s"),
        "{}",
        ran.transcript()
    );
    assert!(ran.transcript().contains("errors  baseline 1%, the mean of 5 of 5 points"), "{}", ran.transcript());
    // … a past below the floor counts as that, …
    let ran = run(&text(trigger), World::default().metric("errors", &samples).baseline("errors", 0.01));
    assert!(ran.transcript().contains("baseline 0.5%, its floor; it was 0.01%"), "{}", ran.transcript());
    assert_eq!(when(&ran.transcript(), "fired"), "T+0");
    // … and without one nothing is judged: it is said at once, and after a minute the trigger is blind.
    let ran = run(&text(trigger), World::default().metric("errors", &samples));
    assert!(ran.transcript().contains("no baseline: nothing was scripted"), "{}", ran.transcript());
    assert!(ran.transcript().contains("could not be judged for 1m: there is no baseline"), "{}", ran.transcript());
    assert_eq!(ran.ending(), "rolled back");
    let gate = text("").replace("hold for 2m", "gate g { expect errors < 2x baseline }");
    let ran = run(&gate, World::default().metric("errors", &samples));
    assert!(ran.transcript().contains("could not measure"), "{}", ran.transcript());
}

#[test]
fn gates_that_are_judged_by_each_other_are_refused() {
    let text = format!(
        "gate one {{ expect not two }}\ngate two {{ expect not one }}\n{}trigger t {{ when one }}\n",
        live(&format!("{STEP}\n hold for 2m"))
    );
    assert!(findings(&text).is_empty(), "{:?}", findings(&text));
    assert!(std::panic::catch_unwind(|| plan_of(&text)).is_err());
    // Neither is a gate or a flag a condition of a node.
    let text = format!(
        "gate one {{ run \"true\" {{ reads = true }} }}\n{}",
        live("step s { when one; run \"x\"; undo none \"y\" }")
    );
    assert!(
        findings(&text).iter().any(|f| f.contains("the gate `one` is not looked at here")),
        "{:?}",
        findings(&text)
    );
}

#[test]
fn a_bad_sample_of_a_hold_counts_once_however_often_another_metric_is_sampled() {
    let text = format!(
        "{METRIC}metric quick: percent {{ run \"quick\"; unit = percent; every = 100ms }}\n{}",
        live(&format!("{STEP}\n hold h for 60s {{ expect errors < 5% and quick < 50% }}"))
    );
    let world = |bad: &[(i64, Option<f64>)]| World::default().metric("errors", bad).metric("quick", &[(0, Some(1.0))]);
    let ran = run(&text, world(&[(0, Some(1.0)), (10, Some(9.0)), (20, Some(1.0))]));
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    assert!(ran.transcript().contains("is false, 1 of 3: errors 9%, quick 1%"), "{}", ran.transcript());
    let ran = run(&text, world(&[(0, Some(1.0)), (10, Some(9.0))]));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "3 times in a row").as_str()),
        ("rolled back", "T+30s"),
        "{}",
        ran.transcript()
    );
}

/// A metric that answers after five seconds, a gate whose command takes four, both each second.
const SLOW: &str = "metric inner: percent { run \"inner\"; unit = percent; every = 1s }\ngate g { every = 1s; run \"look\"; expect inner < 5% }\n";

#[test]
fn a_gate_whose_metric_is_slower_than_it_is_looked_at_all_the_same() {
    let world = || World::default().takes("metric inner", 5).takes("look", 4).metric("inner", &[(0, Some(9.0))]);
    let held = format!("{SLOW}{}", live(&format!("{STEP}\n hold for 10s {{ gate g }}")));
    let ran = run(&held, world());
    assert_eq!(ran.ending(), "rolled back", "{}", ran.transcript());
    assert!(ran.transcript().contains("was false 3 times in a row"), "{}", ran.transcript());
    let ran = run(&held, world().metric("inner", &[(0, Some(1.0))]));
    assert_eq!(ran.ending(), "completed", "{}", ran.transcript());
    let watched = format!("{SLOW}{}trigger t {{ when not g for 10s }}\n", live(&format!("{STEP}\n hold for 2m")));
    let ran = run(&watched, world());
    assert!(ran.transcript().contains("trigger fired: not g for 10s"), "{}", ran.transcript());
}

#[test]
fn a_gate_is_judged_by_the_samples_of_its_attempt_however_long_its_commands_take() {
    let text = format!(
        "metric m: percent {{ run \"m\"; unit = percent; every = 1s }}\n{}",
        live(&format!("{STEP}\n gate smoke {{ within 20s; every = 1s; run \"look\"; expect m < 5% }}"))
    );
    let ran = run(&text, World::default().takes("look", 4).metric("m", &[(0, Some(1.0))]));
    assert_eq!(
        (ran.ending(), when(&ran.transcript(), "smoke  done").as_str()),
        ("completed", "T+4s"),
        "{}",
        ran.transcript()
    );
}

#[test]
fn a_gate_over_gates_waits_for_the_innermost_metric() {
    for order in ["gate b { expect m < 5% }\ngate c { expect b }", "gate c { expect b }\ngate b { expect m < 5% }"] {
        for used in [
            "gate outer { expect c }",
            "hold for 1m { gate c }",
            "gate outer { within 1m; expect not c for 20s; on failure continue }",
        ] {
            let text = format!(
                "metric m: percent {{ run \"m\"; unit = percent; every = 10s }}\n{order}\n{}",
                live(&format!("{STEP}\n {used}"))
            );
            let ran = run(&text, World::default().takes("metric m", 2).metric("m", &[(0, Some(1.0))]));
            let ended = if used.contains("not c") { "completed with reservations" } else { "completed" };
            assert_eq!(ran.ending(), ended, "{order} {used}: {}", ran.transcript());
        }
    }
}

#[test]
fn a_trigger_whose_condition_cannot_be_judged_is_blind() {
    let blind = |text: String, world: World| {
        let ran = run(&text, world);
        (
            ran.ending(),
            ran.transcript().lines().find(|l| l.contains("for 1m")).map(str::to_owned).unwrap_or(ran.transcript()),
        )
    };
    let two = "metric one: percent { run \"one\"; unit = percent; every = 1s }\nmetric two: percent { run \"two\"; unit = percent; every = 1s }\n";
    // A division by nothing.
    let text = format!(
        "{two}{}trigger t {{ when one / two > 2 for 2s; no data rollback }}\n",
        live(&format!("{STEP}\n hold for 5m"))
    );
    let (ending, line) =
        blind(text, World::default().metric("one", &[(0, Some(1.0))]).metric("two", &[(0, Some(0.0))]));
    assert_eq!(ending, "rolled back");
    assert!(line.contains("trigger `t` could not be judged for 1m: "), "{line}");
    // One of two is always too old.
    let text = format!(
        "{two}{}trigger t {{ when (one > 5% and two > 5%) for 5s; no data rollback }}\n",
        live(&format!("{STEP}\n hold for 5m"))
    );
    let (ending, line) = blind(
        text,
        World::default().takes("metric one", 80).metric("one", &[(0, Some(9.0))]).metric("two", &[(0, Some(9.0))]),
    );
    assert_eq!(ending, "rolled back");
    assert!(line.contains("trigger `t` could not be judged for 1m: one has no sample that is young enough"), "{line}");
}

/// A world whose metrics answer by signs, one an interval.
struct Signs(Vec<(String, i64, Vec<char>)>);

impl Script for Signs {
    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        let Effect::Sample(metric) = effect else { return World::default().perform(id, effect, now) };
        let (_, every, signs) = self.0.iter().find(|(name, ..)| *name == metric.id).unwrap();
        let since = now.duration_since(START.parse().unwrap()).as_secs();
        assert_eq!(since % every, 0, "a sample of {} at {since} s", metric.id);
        let from = (since / every) as usize;
        let slow = signs.iter().skip(from).take_while(|sign| **sign == '_').count();
        let answer = match signs.get(from + slow).unwrap_or(&'-') {
            '+' => Ok(Value::Percent(9.0)),
            '?' => Err(SampleProblem::no_data("nothing".into())),
            _ => Ok(Value::Percent(1.0)),
        };
        Answer::After(SignedDuration::from_secs(every * slow as i64), Done::Sample(answer, String::new()))
    }
}

#[test]
fn a_span_holds_at_its_edges_as_the_reference_has_it() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/language.md")).unwrap();
    let table = document.split("| condition | samples | it holds | why |").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 20);
    for row in rows {
        let [condition, samples, holds, _why] = row[..] else { panic!("{row:?}") };
        let both = condition.starts_with("both");
        let span =
            condition.split('`').nth(1).filter(|span| span.starts_with("for")).filter(|_| condition != "without `for`");
        let metrics = if both { "(one > 5% and two > 5%)" } else { "one > 5%" };
        let text = format!(
            "metric one: percent {{ run \"one\"; unit = percent; every = 10s }}\nmetric two: percent {{ run \"two\"; unit = percent; every = 20s }}\n{}trigger t {{ when {metrics} {} }}\n",
            live(&format!("{STEP}\n hold for 3m")),
            span.unwrap_or_default(),
        );
        let signs: Vec<Vec<char>> = samples.split('`').skip(1).step_by(2).map(|s| s.chars().collect()).collect();
        let world = [("one", 10), ("two", 20)].iter().zip(signs);
        let mut world = Signs(world.map(|((name, every), signs)| ((*name).to_owned(), *every, signs)).collect());
        let plan = plan_of(&text);
        let start = START.parse().unwrap();
        let (_, events, ended) = simulate(&plan, Run::new(&plan), &mut world, start, vec![(start, begin())]);
        assert_eq!(ended, Ok(()));
        let fired = events.iter().find(|e| matches!(e.kind, EventKind::TriggerFired { .. }));
        let fired = fired.map_or("never".to_owned(), |event| {
            let text = duration_text(event.at.duration_since(start));
            let spaced = match text.strip_suffix('s').filter(|n| n.parse::<u32>().is_ok()) {
                Some(seconds) => format!("{seconds} s"),
                None => text,
            };
            format!("at {spaced}")
        });
        assert_eq!(fired, holds, "{condition} {samples}");
    }
}
