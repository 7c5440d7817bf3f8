//! Gates, holds and triggers through the binary, against servers that are slow, gone or wrong.

use super::binary::Project;
use super::servers::{Fixed, Prometheus, answer};

fn vector(value: &str) -> Option<String> {
    answer(
        "200 OK",
        &format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#
        ),
    )
}

#[test]
fn the_checks_of_an_attempt_run_side_by_side_and_wait_for_what_they_need() {
    let project = Project::with(
        "runbook r {}\nphase p: live {\n  gate g {\n    run \"./meet.sh one two\"\n    run \"./meet.sh two one\"\n    run \"echo found\" { capture word = trim(stdout) }\n    run \"test found =\" { expect exit == 2 }\n    run \"test ${word} = found\"\n    expect word == \"found\"\n  }\n}\n",
    );
    project.script("meet.sh", "touch $1; for i in $(seq 200); do test -e $2 && exit 0; sleep 0.02; done; exit 1");
    let ran = project.run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    // What needs a check that is not true is left out.
    let project = Project::with(
        "runbook r {}\nphase p: live {\n  gate g {\n    run \"false\" { capture word = trim(stdout) }\n    run \"touch ran-${word}\"\n  }\n}\n",
    );
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    assert!(
        !std::fs::read_dir(project.path())
            .unwrap()
            .flatten()
            .any(|e| e.file_name().to_string_lossy().starts_with("ran"))
    );
}

#[test]
fn a_source_that_hangs_does_not_delay_the_trigger_on_another() {
    let hanging = Fixed::start(|_| None);
    let began = std::time::Instant::now();
    let good = Fixed::start(move |_| vector(if began.elapsed().as_millis() > 1500 { "9" } else { "1" }));
    let project = Project::with(&format!(
        "runbook r {{}}\nsource slow: prometheus {{ url = \"{}\"; within 5s }}\nsource quick: prometheus {{ url = \"{}\" }}\nmetric one: number {{ source = slow; query = \"x\"; every = 200ms }}\nmetric two: number {{ source = quick; query = \"x\"; every = 200ms }}\nphase p: live {{\n  step a {{ run \"sleep 60\"; undo {{ run \"true\" }} }}\n}}\ntrigger t {{ when one > 5 for 1s }}\ntrigger u {{ when two > 5 for 1s }}\n",
        hanging.url(),
        good.url()
    ));
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    let record = project.record();
    // Every sample of the good one came in its time, though the other one never answered.
    let samples: Vec<_> = record
        .events
        .iter()
        .filter_map(|e| match &e.kind {
            runbook::engine::EventKind::Sampled { metric: 1, sample, .. } => Some(sample.at),
            _ => None,
        })
        .collect();
    assert!(samples.len() >= 8, "{}", ran.text());
    let longest = samples.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_millis()).max().unwrap();
    assert!(longest < 2000, "a sample came {longest} ms after the one before it, and the other source has 5 s");
}

#[test]
fn a_prometheus_that_goes_away_and_comes_back_is_no_false_sample() {
    let Some(mut server) = Prometheus::start() else { return };
    server.push(&[("__name__", "ratio")], &(0..60).map(|i| (i - 5, 0.5)).collect::<Vec<_>>());
    let project = Project::with(&format!(
        "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric errors: percent {{ source = prod; query = \"ratio\"; unit = ratio; every = 200ms }}\nphase p: live {{\n  step a {{ run \"sleep 60\"; undo {{ run \"true\" }} }}\n  hold for 1s\n}}\ntrigger t {{ when errors > 5% for 3s }}\n",
        server.url()
    ));
    let child = project.command(&["run", "--yes", "--output", "plain"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(900));
    server.down();
    std::thread::sleep(std::time::Duration::from_millis(300));
    server.up();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("trigger `t` fired: errors > 5% for 3s"), "{text}");
}

#[test]
fn a_gate_in_a_step_knows_what_the_step_captured_and_keeps_its_own() {
    let project = Project::with(
        "runbook r {}\nphase p: live {\n  step a {\n    run \"echo blue\" { reads = true; capture id = trim(stdout) }\n    run \"echo red\" { reads = true; capture other = trim(stdout) }\n    gate {\n      run \"echo green\" { capture other = trim(stdout) }\n      run \"test ${id} = blue\"\n      run \"test ${other} = green\"\n      expect id == \"blue\" and other == \"green\"\n    }\n    run \"test ${other} = red\" { reads = true }\n  }\n}\n",
    );
    let ran = project.run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.text());
}
