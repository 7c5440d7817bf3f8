//! The backtest: what triggers and gates would have done.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook::rehearse::{Incident, Past, Replayed, backtest, replay_gates};
use runbook::value::{Value, duration_text};

use super::binary::Project;
use super::servers::Prometheus;
use super::support::plan_of;

const TEXT: &str = r#"
runbook r "R" { timezone = "UTC" }
source prod: prometheus { url = "http://x" }
metric errors: percent { source = prod; query = "e"; unit = ratio; every = 10s }
metric other: number { run "other" }
gate calm { within 1m; every = 10s; expect errors < 5% }
gate mixed { expect errors < 5%; run "true" }
phase p: live {
  step a { run "sleep 1"; undo { run "true" } }
  gate calm
  gate mixed
}
trigger high { when errors > 5% for 30s; severity = worst }
trigger quick { when errors > 5%; from a.done; ask any ["x@x.example"] within 1m else rollback; no data rollback }
trigger uneasy { when not calm for 20s }
trigger slow { when a runs 5m }
trigger both { when errors > 5% and other > 1 }
trigger hand { manual }
severity worst { then rollback }
rollback { undo }
"#;

/// Values ten seconds apart; NaN is no data.
fn past(values: &[f64]) -> Past {
    let from: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    let at = |i: usize| from + SignedDuration::from_secs(10 * i as i64);
    let points = values.iter().enumerate().filter(|(_, v)| v.is_finite()).map(|(i, v)| (at(i), Value::Percent(*v)));
    let replayed = Replayed {
        points: points.collect(),
        reach: SignedDuration::from_secs(5),
        apart: SignedDuration::from_secs(10),
        baseline: None,
    };
    Past { from, to: at(values.len()), metrics: BTreeMap::from([(0, replayed)]) }
}

#[test]
fn triggers_fire_on_the_past_as_they_would_have_on_the_night() {
    let plan = plan_of(
        &TEXT
            .replace("any [\"x@x.example\"]", "qa")
            .replace("{ manual }", "{ manual by qa }")
            .replace("severity worst", "role qa { members = [\"q@x.example\"] }\nseverity worst"),
    );
    let nan = f64::NAN;
    let mut values = vec![1.0; 60];
    // Three bad samples, then five, then a gap, then bad to the end.
    values[10..13].fill(9.0);
    values[20..25].fill(9.0);
    values[30..40].fill(nan);
    values[55..].fill(9.0);
    let past = past(&values);
    let at = |i: i64| past.from + SignedDuration::from_secs(10 * i);
    let incidents = [Incident { from: at(19), to: at(24) }, Incident { from: at(40), to: at(45) }];
    let found = backtest(&plan, &past, &incidents);
    let told: Vec<String> = found
        .triggers
        .iter()
        .map(|tested| {
            let since = |at: Timestamp| duration_text(at.duration_since(past.from));
            let fired: Vec<String> = tested
                .fired
                .iter()
                .map(|e| format!("{}-{} {:?}", since(e.at), e.until.map_or("end".into(), since), e.incident))
                .collect();
            let near = tested.near.map(|(at, lasted)| format!("; near {} {}", since(at), duration_text(lasted)));
            let blind: Vec<String> = tested.blind.iter().map(|(at, _)| since(*at)).collect();
            format!(
                "{}: {}{}; blind {}",
                plan.triggers[tested.trigger].id,
                fired.join(", "),
                near.unwrap_or_default(),
                blind.join(" ")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "high: 3m50s-4m10s Some(0), 9m40s-end None; near 1m40s 20s; blind 6m",
            "quick: 1m40s-2m10s Some(0), 3m20s-4m10s Some(0), 9m10s-end None; blind 6m",
            "uneasy: 2m-2m10s Some(0), 3m40s-4m10s Some(0), 9m30s-end None; blind 6m",
        ]
    );
    // With other thresholds and lengths: how often, and how often falsely.
    let tuning = found.triggers[0].tuning.as_ref().unwrap();
    let rows: Vec<String> = tuning.rows.iter().map(|row| format!("{}: {:?}", row.words, row.cells)).collect();
    assert_eq!(tuning.spans.iter().map(|s| s.unwrap().as_secs()).collect::<Vec<_>>(), [15, 30, 60]);
    assert_eq!(
        rows,
        [
            "> 2.5%: [(3, 1), (2, 1), (0, 0)]",
            "> 4%: [(3, 1), (2, 1), (0, 0)]",
            "> 5%: [(3, 1), (2, 1), (0, 0)]",
            "> 6.25%: [(3, 1), (2, 1), (0, 0)]",
            "> 10%: [(0, 0), (0, 0), (0, 0)]",
        ]
    );
    let skipped: Vec<String> = found.skipped.iter().map(|s| format!("{} {}: {}", s.sort, s.id, s.why)).collect();
    assert_eq!(
        skipped,
        [
            "trigger slow: it watches how long a step runs",
            "trigger both: nothing is known of the past of `other`",
            "trigger hand: it is fired by hand",
        ]
    );
    let (gates, skipped) = replay_gates(&plan, &past);
    assert_eq!((gates.len(), gates[0].id.as_str()), (1, "calm"));
    // Begun each ten seconds: it passes at once, or within its minute, but not at the end, and not in the middle of the gap.
    let others: Vec<String> = gates[0]
        .others
        .iter()
        .map(|(at, sort, _)| format!("{} {sort:?}", duration_text(at.duration_since(past.from))))
        .collect();
    assert_eq!(
        others,
        ["5m Inconclusive", "5m10s Inconclusive", "5m20s Inconclusive", "5m30s Inconclusive", "5m40s Inconclusive"],
        "{}",
        gates[0].passed
    );
    assert_eq!(skipped[0].why, "it looks at more than metrics");
}

#[test]
fn a_trigger_without_its_baseline_would_have_been_blind() {
    let plan = plan_of(
        "runbook r {}\nsource prod: prometheus { url = \"http://x\" }\nmetric errors: percent { source = prod; query = \"e\"; unit = ratio; every = 10s; baseline = 24h; floor = 2% }\nphase p: live { step a { run \"x\"; undo { run \"y\" } } }\ntrigger t { when errors > 2x baseline for 20s }\n",
    );
    let tested = |baseline: Result<(Value, String), String>| {
        let mut past = past(&[7.0; 20]);
        past.metrics.get_mut(&0).unwrap().baseline = Some(baseline);
        let found = backtest(&plan, &past, &[]);
        (found.triggers[0].fired.len(), found.triggers[0].blind.first().map(|(_, why)| why.clone()).unwrap_or_default())
    };
    assert_eq!(tested(Ok((Value::Percent(1.0), "the mean".into()))), (1, String::new()), "the floor is 2 %");
    assert_eq!(tested(Ok((Value::Percent(4.0), "the mean".into()))), (0, String::new()));
    let (fired, blind) = tested(Err("nothing".into()));
    assert_eq!((fired, blind.contains("there is no baseline: nothing")), (0, true), "{blind}");
}

#[test]
fn the_past_of_a_real_prometheus_is_drawn_and_held_against_incidents() {
    let Some(server) = Prometheus::start() else { return };
    // Two hours, a sample every 15 s; ten bad minutes an hour ago, and three half an hour ago.
    let value = |i: i64| match i {
        240..280 => 0.08,
        360..372 => 0.06,
        _ => 0.01,
    };
    server.push(&[("__name__", "ratio")], &(0..480).map(|i| (i * 15 - 7200, value(i))).collect::<Vec<_>>());
    let project = Project::with(&format!(
        "runbook shop \"Shop\" {{ timezone = \"UTC\" }}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric errors: percent \"Errors\" {{ source = prod; query = \"ratio\"; unit = ratio; every = 15s; baseline = 30m; floor = 1% }}\nphase p: live {{\n  step a {{ run \"touch changed\"; undo {{ run \"true\" }} }}\n  gate calm {{ within 1m; expect errors < 3x baseline }}\n}}\ntrigger high \"Five percent\" {{ when errors > 5% for 2m }}\ntrigger relative {{ when errors > 7x baseline for 5m }}\n",
        server.url()
    ));
    let ago = |seconds: i64| (Timestamp::now() - SignedDuration::from_secs(seconds)).to_string();
    let incident = format!("{}/{}", ago(3590), ago(3000));
    let ran = project.runbook(&["backtest", "--from", "90m", "--incident", &incident]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    for part in [
        "Backtest of Shop",
        "when    errors > 5% for 2m  (deploy.rb:8)",
        "fired   2 times, 1 of them falsely; it saw 1 of 1 incidents",
        "after the incident began",
        "false alarm",
        "relative\n  when    errors > 7x baseline for 5m",
        "fired   once, never falsely",
        "gate calm",
        "first seen by `high`",
        "8% ┤",
        "▲",
    ] {
        assert!(ran.stdout.contains(part), "no `{part}` in\n{}", ran.stdout);
    }
    assert!(!project.exists("changed") && !project.exists(".runbook"));
    let ran = project.runbook(&["backtest", "--from", "90m", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["triggers"][0]["fired"].as_array().unwrap().len(), 2, "{}", ran.stdout);
    // What cannot be read is told, and the rest is shown.
    let project = Project::with(
        &std::fs::read_to_string(project.path().join("deploy.rb")).unwrap().replace("\"ratio\"", "\"ratio(\""),
    );
    let ran = project.runbook(&["backtest", "--from", "90m"]);
    assert_eq!(ran.code, 1, "{}", ran.text());
    assert!(ran.stderr.contains("metric errors: `prod`: the answer is 400: bad_data"), "{}", ran.stderr);
    for (words, why) in [
        (["--from", "soon", "--to", "1h"], "`soon` is no moment"),
        (["--from", "1h", "--to", "2h"], "--to is not after --from"),
        (["--from", "1h", "--to", "2099-01-01T00:00:00Z"], "--to is in the future"),
        (["--from", "1h", "--incident", "3h/2h"], "outside of the time"),
        (["--from", "1h", "--incident", "now"], "write FROM/TO"),
        (["--from", "9000d", "--to", "1h"], "are read at most"),
    ] {
        let mut all = vec!["backtest"];
        all.extend(words);
        let ran = project.runbook(&all);
        assert!(ran.code != 0 && ran.stderr.contains(why), "{words:?}: {}", ran.text());
    }
}
