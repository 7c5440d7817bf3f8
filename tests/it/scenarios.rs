//! Scenarios: every line of the language does what the reference says, and what is not as expected is found.

use runbook::plan::scenario::Staged;
use runbook::plan::{Inputs, staged};
use runbook::rehearse::{Played, play};
use runbook::source::{SourceFile, Sources};

use crate::binary::Project;

/// A scenario of a text with its plan, worked out.
pub fn stage(text: &str, id: &str) -> Staged {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    let found: Vec<_> = parsed.diagnostics.iter().chain(&checked.diagnostics).collect();
    let errors: Vec<_> =
        found.iter().filter(|d| d.severity() == runbook::diagnostic::Severity::Error).map(|d| &d.title).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let index = checked.model.scenarios.iter().position(|s| s.id.text == id).unwrap();
    let inputs = Inputs { values: Vec::new(), files: &|_| Ok(Vec::new()), zone: "UTC".into(), start: None };
    staged(&checked.model, &sources, &inputs, Some(index)).unwrap_or_else(|e| panic!("{:?} {:?}", e.usage, e.findings))
}

/// The names of a text's scenarios.
pub fn scenarios_of(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("deploy.rb", text));
    let parsed = runbook::syntax::parse(&sources, file);
    let checked = runbook::check::check(&sources, file, &parsed.ast);
    checked.model.scenarios.iter().map(|s| s.id.text.clone()).collect()
}

/// A runbook with everything that a scenario may speak of.
pub const SHOP: &str = r##"runbook shop "Shop" { timezone = "UTC" }

release {
  version = version
  start   = 2026-03-03T10:00:00Z
}

var version: semver = "1.0.0"

role lead "Lead" { members = ["lead@x.example", "second@x.example"]; reach = [room] }
role dba "Database" { members = ["dba@x.example"]; reach = [room] }

channel room: console {}
channel ops: console {}

secret hook = getenv("HOOK")
fact active: string = run "./active.sh"

metric errors: percent { run "./errors.sh"; unit = percent; every = 10s; target < 1% }
metric load: number { run "./load.sh"; every = 10s; baseline = 10 }

gate healthy "Healthy" { within 1m; every = 10s; run "./healthy.sh" }
gate calm "Calm" { within 1m; every = 10s; expect errors < 2% }

flags service: command {
  get = run "./flag.sh get ${flag}"
  set = run "./flag.sh set ${flag} ${share}"
}
flag feature "Feature" { in = service }

phase ready: prepare "Ready" at T-1h {
  checklist list "List" within 20m else stop {
    item one "One" { by lead }
    item two "Two" { run "./two.sh" }
  }
  approve go "Go?" at T-30m { by all [lead, dba]; within 20m else stop }
}

phase work: live "Work" at T+0 within 5h else rollback {
  step first "First" {
    takes = 1m
    within 5m
    run "./id.sh" {
      reads = true
      capture id = trim(stdout)
    }
    run "./first.sh"
    retry 1 every 30s
    undo { takes = 30s; run "./back.sh first ${id}" }
  }
  step look "Only with a new one" when version != "1.0.0" { run "./look.sh"; undo none "it looks" }
  step second "Second" {
    takes = 2m
    within 5m
    run "./second.sh"
    gate healthy
    undo { takes = 1m; run "./back.sh second" }
  }
  question how_many: int "How many?" { by dba; within 10m else rollback }
  gate twice "Twice" at T+30m { within 5m; every = 20s; pass after 2 in a row; run "./twice.sh" }
  step third "Third" { set feature to on }
  confirm fine "Fine?" { by lead; within 30m else rollback }
  hold for 10m { expect errors < 5% }
  gate calm
}

phase later: after "Later" { step tidy "Tidy" at T+2h { run "./tidy.sh" } }

trigger spike "Errors" { when errors > 5% for 1m }
trigger hand "By hand" { manual by lead }
trigger asks "Asks first" {
  when load > 3x baseline for 1m
  ask lead within 10m else rollback
}

rollback "Back" {
  rto = 10m
  notify room "Back: ${event.reason}"
  undo
  gate healthy
}

on completed { notify room "${version} is live" }
on stuck { notify ops "Stuck" }
on stopped { notify room "Stopped" }
on unhealthy { notify ops "Not healthy" }
"##;

fn played(scenario: &str) -> Played {
    play(&stage(&format!("{SHOP}\nscenario s \"S\" {{\n{scenario}\n}}\n"), "s"))
}

#[track_caller]
fn passes(scenario: &str) {
    let played = played(scenario);
    let unmet: Vec<_> = played.unmet.iter().map(|u| (&u.title, &u.notes)).collect();
    assert!(unmet.is_empty(), "{scenario}: {unmet:?}");
}

/// What is found about a scenario that does not go as it expects.
fn found(scenario: &str) -> String {
    let played = played(scenario);
    let line = |u: &runbook::rehearse::Unmet| match &u.notes[..] {
        [] => u.title.clone(),
        notes => format!("{} ({})", u.title, notes.join("; ")),
    };
    played.unmet.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_scenario_does_not_say_goes_well() {
    passes("expect completed\nexpect notified room =~ \"1.0.0 is live\"\nexpect step first started at T+0");
    passes("expect step go started at T-30m\nexpect asked lead\nexpect asked dba\nexpect never started look");
    passes("given version = \"1.1.0\"\nexpect notified room == \"1.1.0 is live\"\nexpect step look started at T+1m");
    // An hour of work is not an hour of waiting: the live part ends with what is done in it.
    passes("expect duration < 1h\nexpect duration > 30m\nexpect completed before T+2h1m");
}

#[test]
fn steps_fail_hang_and_take_their_time() {
    passes("given step first fails 1 times\nexpect completed");
    passes(
        "given step first fails\nexpect rolled_back before T+10m\nexpect undone [first]\nexpect never started second",
    );
    passes("given step second hangs\nexpect rolled_back\nexpect undone [second, first]");
    passes("given step first takes 4m\nexpect completed\nexpect step second started at T+4m");
    passes("given step third fails\nexpect rolled_back\nexpect undone [third, second, first]");
}

#[test]
fn gates_undos_and_messages_go_wrong() {
    passes(
        "given gate healthy fails\nexpect unhealthy\nexpect undone [second, first]\nexpect notified ops =~ \"Not healthy\"",
    );
    // Two attempts fail, the third passes; the way back is never needed.
    passes("given gate healthy fails 2 times\nexpect completed");
    passes("given gate calm inconclusive\nexpect rolled_back");
    passes("given gate calm error\nexpect rolled_back");
    passes("given step second fails\ngiven undo first fails\nexpect stuck\nexpect notified ops =~ \"Stuck\"");
    passes("given step second fails\ngiven undo first hangs\nexpect stuck");
    passes("given step second fails\ngiven undo first takes 4m\nexpect rolled_back\nexpect duration > 6m");
    let silent = found("given notify room fails\nexpect notified room");
    assert!(silent.starts_with("nothing is said on `room` (not sent at T+"), "{silent}");
    passes("given notify room hangs\ngiven notify ops fails\nexpect completed");
}

#[test]
fn metrics_have_values_series_and_no_data() {
    passes("given errors = 0.5%\nexpect completed");
    passes("at T+10m errors = 9%\nexpect rolled_back before T+13m");
    passes("at T+10m errors = 9%\nat T+10m30s errors = 0.1%\nexpect completed");
    passes("given errors every 1m = [0.2% x12, 9% x5, none x2]\nexpect rolled_back before T+15m");
    passes("given errors every 1m = [0.2% x12, none x3, 0.2% x1]\nexpect completed");
    // It was 10 before, and three times that asks.
    passes("at T+10m load = 40\nexpect asked lead\nexpect rolled_back before T+25m");
    // When the undo is done what was set is over, so that it is healthy again.
    passes("at T+10m errors = 9%\nexpect rolled_back");
    passes("at T+10m healthy = false\nexpect completed");
    passes("at T+50s healthy = false\nexpect rolled_back");
    passes("at T+50s healthy = false\nat T+3m30s healthy = true\nexpect completed");
}

#[test]
fn people_say_what_the_scenario_says_and_nothing_else() {
    passes("at T-25m approve go by \"lead@x.example\"\nat T-24m approve go by \"dba@x.example\"\nexpect completed");
    passes("at T-25m approve go\nexpect completed");
    // One of two is not enough, and nobody else answers for the other.
    passes("at T-25m approve go by \"lead@x.example\"\nexpect stopped before T-9m\nexpect never started first");
    passes("at T-25m deny go\nexpect stopped before T-24m\nexpect notified room =~ \"Stopped\"");
    passes("given go = false\nexpect stopped");
    passes("at T-50m tick list.one by \"second@x.example\"\nexpect completed");
    passes("at T+5m answer how_many by \"dba@x.example\" = 3\nexpect completed");
    passes("given how_many = 4\nexpect completed");
    passes("at T+40m confirm fine\nexpect completed");
    passes("at T+40m deny fine\nexpect rolled_back\nexpect undone [third, second, first]");
    passes("at T+5m fire hand\nexpect rolled_back before T+10m");
    passes("at T+10m load = 40\nat T+12m deny asks\nat T+20m load = 10\nexpect completed");
    passes("at T+10m load = 40\nat T+12m approve asks\nexpect rolled_back before T+15m");
    passes("at T+2m rollback\nexpect rolled_back before T+5m");
    passes("at T+2m abort\nexpect stopped");
    passes("given step second fails\ngiven undo first fails\nat T+20m resume\nexpect stuck");
    passes("given undo second fails 1 times\ngiven step second fails\nat T+20m resume\nexpect rolled_back");
}

#[test]
fn the_runner_dies_and_somebody_takes_the_run_up() {
    passes("crash at T+30s\nexpect completed\nexpect step second started at T+1m30s");
    passes("crash at T+30s\nat T+2m resume\nexpect completed\nexpect step second started at T+3m");
    passes("crash at T-40m\nexpect completed");
    passes("at T+2m crash\nat T+2m10s crash\nexpect completed");
    passes("given step second fails\ncrash at T+3m10s\nexpect rolled_back\nexpect undone [second, first]");
}

#[test]
fn a_run_begins_when_the_scenario_says() {
    passes("given execution starts at T-2h\nexpect completed\nexpect step go started at T-30m");
    passes("given execution starts at T-20m\nexpect completed\nexpect step go started at T-20m");
}

#[test]
fn a_pause_is_an_outcome() {
    let text = "runbook r \"R\" {}\nphase p: live {\n  step a { run \"./a.sh\"; undo { run \"./b.sh\" }; on failure pause within 10m else rollback }\n}\n";
    let played = |scenario: &str| {
        let text = format!("{text}scenario s {{ {scenario} }}\n");
        let played = play(&stage(&text, "s"));
        played.unmet.into_iter().map(|u| u.title).collect::<Vec<_>>()
    };
    assert_eq!(played("given step a fails; expect paused before T+1m"), Vec::<String>::new());
    assert_eq!(played("given step a fails; expect rolled_back"), Vec::<String>::new());
    assert_eq!(played("given step a fails 1 times; at T+5m resume; expect completed"), Vec::<String>::new());
    assert_eq!(played("given step a fails; at T+5m waive a; expect completed"), Vec::<String>::new());
    assert_eq!(played("expect paused"), ["it ends `completed` at T+0, and should be `paused`"]);
}

#[test]
fn whatever_is_not_as_expected_is_found() {
    assert_eq!(found("expect rolled_back"), "it ends `completed` at T+2h, and should be `rolled_back`");
    assert_eq!(
        found("given step first fails"),
        "it ends `rolled_back` at T+3m, and should be `completed` (why: first: it fails in this rehearsal)"
    );
    assert_eq!(found("expect completed before T+1h"), "it is `completed` at T+2h, and should be before T+1h");
    assert_eq!(
        found("given step second fails\nexpect rolled_back\nexpect undone [first, second]"),
        "what is undone is [second, first], and should be [first, second]"
    );
    assert_eq!(
        found("given step second fails\nexpect rolled_back\nexpect undone [second]"),
        "what is undone is [second, first], and should be [second]"
    );
    assert_eq!(found("expect never started second"), "`second` starts at T+1m, and should never");
    assert_eq!(found("expect step second started at T+2m"), "`second` starts at T+1m, and should at T+2m");
    assert_eq!(found("expect notified ops"), "nothing is said on `ops` (nothing at all was said there)");
    assert!(found("expect notified room =~ \"2.0.0\"").starts_with("nothing =~ \"2.0.0\" is said on `room` (said at "));
    assert!(
        found("expect duration < 10m").starts_with("it takes 40m20s, and should take < 10m"),
        "{}",
        found("expect duration < 10m")
    );
    // What is said and does not count, and what never comes to pass.
    let refused = found("at T-25m approve go by \"nobody@x.example\"\nexpect stopped");
    assert!(
        refused.starts_with("what happens at T-25m in this scenario does not count (nobody@x.example is none of"),
        "{refused}"
    );
    let early = found("at T-50m deny go\nexpect stopped");
    assert!(early.contains("what happens at T-50m in this scenario does not count"), "{early}");
    assert_eq!(
        found("at T+2m fire hand\nat T+50m confirm fine\nexpect rolled_back"),
        "what happens at T+50m in this scenario never does (the run was over at T+3m30s)"
    );
}

#[test]
fn the_same_scenario_is_the_same_to_the_byte_a_thousand_times() {
    let text = format!("{SHOP}\nscenario s {{\n at T+10m errors = 9%\n crash at T+11m\n expect rolled_back\n}}\n");
    let once = || {
        let played = play(&stage(&text, "s"));
        serde_json::to_string(&played.events).unwrap()
    };
    let first = once();
    assert!(first.len() > 10_000);
    let staged = stage(&text, "s");
    for _ in 0..1000 {
        assert!(serde_json::to_string(&play(&staged).events).unwrap() == first);
    }
}

#[test]
fn every_runbook_has_scenarios_that_pass_and_reach_what_answers() {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_runbook"));
    let output = command.current_dir(root).args(["test", "runbooks", "--output", "json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{found:#}");
    let files = found["files"].as_array().unwrap();
    assert_eq!(files.len(), 6);
    for file in files {
        assert!(file["scenarios"].as_array().unwrap().len() >= 5, "{}", file["file"]);
        // What fires, what leads back and what answers is seen in every one of them.
        let missing = file["coverage"]["missing"].as_array().unwrap();
        let answers: Vec<_> = missing
            .iter()
            .filter(|m| {
                let sort = m["sort"].as_str().unwrap();
                matches!(sort, "rollback" | "response") || (sort == "trigger" && m["how"] == "fires")
            })
            .collect();
        assert!(answers.is_empty(), "{}: {answers:?}", file["file"]);
    }
    // The ten triggers and the four scenarios of a release plan are among them.
    let planner = files.iter().find(|f| f["file"] == "runbooks/blue_green.rb").unwrap();
    let titles: Vec<&str> =
        planner["scenarios"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    for number in 1..=4 {
        assert!(titles.iter().any(|t| t.starts_with(&format!("Scenario {number}:"))), "{titles:?}");
    }
}

const SMALL: &str = r#"runbook r "R" {}
channel room: console {}
phase p: live {
  step a { run "./a.sh"; undo { run "./b.sh" } }
}
rollback "Back" { notify room "Back"; undo }

scenario good "Good" { expect completed }
scenario bad "Bad \u{1b}[31m" { given step a fails; expect completed }
"#;

#[test]
fn the_command_says_what_passed_and_what_did_not() {
    let project = Project::with(SMALL);
    let output = project.runbook(&["test"]);
    assert_eq!(output.code, 1, "{}", output.text());
    let out = &output.stdout;
    assert!(out.contains("pass  good"), "{out}");
    assert!(out.contains("FAIL  bad"), "{out}");
    assert!(out.contains("it ends `rolled_back` at T+0, and should be `completed`"), "{out}");
    assert!(out.contains("2 scenarios: 1 passed, 1 failed"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
    assert!(!project.path().join(".runbook").exists(), "nothing is recorded");
    let one = project.runbook(&["test", "--filter", "goo"]);
    assert_eq!(one.code, 0, "{}", one.text());
    assert!(one.stdout.contains("1 scenario passed"), "{}", one.stdout);
    assert_eq!(project.runbook(&["test", "--filter", "nothing"]).code, 2);
    let traced = project.runbook(&["test", "--trace", "bad"]);
    assert_eq!(traced.code, 1);
    assert!(traced.stdout.contains("rolled back"), "{}", traced.stdout);
    let unknown = project.runbook(&["test", "--trace", "god"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `good`?"), "{}", unknown.stderr);
    assert_eq!(project.runbook(&["test", "--filter", "good", "--require-coverage", "0%"]).code, 0);
    let covered = project.runbook(&["test", "--filter", "good", "--require-coverage", "80%"]);
    assert_eq!(covered.code, 1);
    assert!(covered.stderr.contains("--require-coverage asks for 80%"), "{}", covered.stderr);
    assert_eq!(project.runbook(&["test", "--require-coverage", "180%"]).code, 2);
}

#[test]
fn programs_read_json_and_junit() {
    let project = Project::with(SMALL);
    let json: serde_json::Value = serde_json::from_str(&project.runbook(&["test", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["files"][0]["scenarios"][1]["outcome"], "rolled_back");
    assert_eq!(json["files"][0]["scenarios"][1]["findings"][0]["line"], 9);
    assert_eq!(json["files"][0]["coverage"]["possible"], 1);
    let junit = project.runbook(&["test", "--output", "junit"]);
    assert_eq!(junit.code, 1);
    assert!(junit.stdout.contains("<testsuites name=\"runbook\" tests=\"2\" failures=\"1\""), "{}", junit.stdout);
    assert!(junit.stdout.contains("<failure message=\"it ends `rolled_back`"), "{}", junit.stdout);
    assert!(!junit.stdout.contains('\u{1b}'));
}

#[test]
fn what_a_scenario_needs_and_does_not_give_is_said() {
    let project = Project::with(
        "runbook r \"R\" {}\nvar version: semver\nphase p: live {\n  step a { run \"./a.sh ${version}\"; undo none \"x\" }\n}\nscenario s { expect completed }\nscenario t { given version = \"1.0.0\"; expect completed }\n",
    );
    let output = project.runbook(&["test"]);
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains("the variable `version` has no value"), "{}", output.stdout);
    assert!(output.stdout.contains("1 passed"), "{}", output.stdout);
    assert_eq!(project.runbook(&["test", "--var", "version=2.0.0"]).code, 0);
    project.write("empty.rb", "runbook r \"R\" {}\nphase p: live {\n  step a { run \"./a.sh\"; undo none \"x\" }\n}\n");
    let none = project.runbook(&["test", "empty.rb"]);
    assert_eq!(none.code, 0);
    assert!(none.stdout.contains("it has no scenario"), "{}", none.stdout);
    project.write("broken.rb", "runbook r \"R\" {}\nphase p: live {\n");
    assert_eq!(project.runbook(&["test", "broken.rb"]).code, 1);
}

#[test]
fn a_runbook_to_begin_with_is_right_and_tried_out() {
    for strategy in ["rolling", "blue_green", "canary", "recreate", "feature_flags", "maintenance"] {
        let project = Project::new();
        let written = project.runbook(&["init", "--strategy", strategy]);
        assert_eq!(written.code, 0, "{}", written.text());
        assert_eq!(project.runbook(&["check"]).code, 0, "{strategy}");
        assert_eq!(project.runbook(&["fmt", "--check"]).code, 0, "{strategy}");
        let tested = project.runbook(&["test"]);
        assert_eq!(tested.code, 0, "{strategy}: {}", tested.text());
        assert!(tested.stdout.contains("5 scenarios passed"), "{}", tested.stdout);
        let rehearsed = project.runbook(&["rehearse"]);
        assert_eq!(rehearsed.code, 0, "{strategy}: {}", rehearsed.text());
        let before = project.read("deploy.rb");
        let again = project.runbook(&["init"]);
        assert_eq!(again.code, 2);
        assert!(again.stderr.contains("stays as it is"), "{}", again.stderr);
        assert_eq!(project.read("deploy.rb"), before);
    }
    let project = Project::new();
    assert_eq!(project.runbook(&["init", "shop.rb"]).code, 0);
    assert!(project.read("shop.rb").contains("runbook test shop.rb"));
}

#[test]
fn a_sample_that_is_left_out_would_have_changed_nothing() {
    use runbook::drive::virtual_time::{ENGINE, Rules};
    use runbook::engine::EventKind;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let quickstart = std::fs::read_to_string(root.join("runbooks/quickstart.rb")).unwrap();
    let canary = std::fs::read_to_string(root.join("src/cli/templates/canary.rb")).unwrap();
    let lines = [
        "expect completed",
        "at T+10m errors = 9%\nexpect rolled_back",
        "at T+10m errors = 9%\nat T+10m30s errors = 0.1%\nat T+37m errors = 6%\nexpect rolled_back",
        "at T+10m load = 40\nat T+12m deny asks\nat T+20m load = 10\nat T+25m load = 50\nexpect rolled_back",
        "given errors every 1m = [0.2% x12, none x3, 0.2% x1, 9% x1, 0.2% x1]\nexpect completed",
        "given load every 7s = [10 x100, 35 x3, 10 x3, 35 x20]\nexpect completed",
        "at T+33m errors = none\nat T+39m errors = 0.3%\nexpect completed",
        "crash at T+32m\nat T+35m errors = 9%\nexpect rolled_back",
    ];
    let shop: String = lines.iter().enumerate().map(|(i, s)| format!("scenario s{i} {{\n{s}\n}}\n")).collect();
    let mut left_out = 0;
    for text in [format!("{SHOP}\n{shop}"), quickstart, canary] {
        for id in scenarios_of(&text) {
            let staged = stage(&text, &id);
            let told = |rules: Rules| {
                let played = runbook::rehearse::play_by(&staged, rules);
                let all = played.events.len();
                let sample = |kind: &EventKind| matches!(kind, EventKind::Sampled { .. } | EventKind::Looked { .. });
                let mut events: Vec<_> = played.events.into_iter().filter(|e| !sample(&e.kind)).collect();
                // A trigger that fires shows the samples before: there are fewer of them.
                for event in &mut events {
                    if let EventKind::TriggerFired { samples, .. } = &mut event.kind {
                        samples.drain(..samples.len().saturating_sub(1));
                    }
                }
                (events, all)
            };
            let (with, few) = told(ENGINE);
            let (without, many) = told(Rules { skips: false, ..ENGINE });
            for (a, b) in with.iter().zip(&without) {
                assert_eq!(a, b, "{id}");
            }
            assert_eq!(with.len(), without.len(), "{id}");
            left_out += many - few;
        }
    }
    assert!(left_out > 1000, "{left_out}");
}
