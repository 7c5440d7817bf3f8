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
        "runbook r {{}}\nsource slow: prometheus {{ url = \"{}\"; within 10s }}\nsource quick: prometheus {{ url = \"{}\" }}\nmetric one: number {{ source = slow; query = \"x\"; every = 200ms }}\nmetric two: number {{ source = quick; query = \"x\"; every = 200ms }}\nphase p: live {{\n  step a {{ run \"sleep 60\"; undo {{ run \"true\" }} }}\n}}\ntrigger t {{ when one > 5 for 1s }}\ntrigger u {{ when two > 5 for 1s }}\n",
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
    assert!(samples.len() >= 4, "{}", ran.text());
    let longest = samples.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_millis()).max().unwrap();
    assert!(longest < 5000, "a sample came {longest} ms after the one before it, and the other source has 10 s");
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

#[test]
fn one_question_serves_everybody_who_watches() {
    let server = Fixed::start(|_| vector("1"));
    let project = Project::with(&format!(
        "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric m: number {{ source = prod; query = \"x\"; every = 200ms }}\ngate fine {{ every = 200ms; expect m < 5 }}\nphase p: live {{\n  step a {{ run \"sleep 1\"; undo {{ run \"true\" }} }}\n  gate fine\n  hold for 2s {{ expect m < 5; expect m < 6; gate fine }}\n}}\ntrigger t {{ when m > 5 for 1s }}\ntrigger u {{ when m > 6 }}\ntrigger v {{ when not fine for 1s }}\n",
        server.url()
    ));
    let ran = project.run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    let sampled =
        |e: &&runbook::engine::Event| matches!(&e.kind, runbook::engine::EventKind::Sampled { metric: 0, .. });
    let samples = project.record().events.iter().filter(sampled).count();
    let asked = server.requests().len();
    // The last question may have been on its way when the run ended.
    assert!(samples >= 5 && (samples..=samples + 1).contains(&asked), "{asked} questions for {samples} samples");
}

/// The lines below the one that says something.
fn below(text: &str, what: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.contains(what)).skip(1);
    lines.map(str::trim_start).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

#[test]
fn a_verdict_explains_itself_on_the_screen_in_the_logs_and_in_the_record() {
    let server = Fixed::start(|request| match request.contains("query_range") || request.contains("time%28%29") {
        true => answer("200 OK", r#"{"status":"success","data":{"resultType":"scalar","result":[100,"1"]}}"#),
        false => vector("9"),
    });
    let project = Project::with(&format!(
        "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric errors: percent {{ source = prod; query = \"\"\"sum(errors)\n  / 5 \"\"\"; unit = percent; every = 200ms; baseline = 1h }}\nmetric load: number {{ run \"echo 4\"; every = 200ms }}\nphase p: live {{\n  step a {{ run \"true\"; undo {{ run \"true\" }} }}\n  gate calm \"Calm\" {{ within 600ms; every = 200ms; expect errors < 5%; on failure continue }}\n  hold for 20s {{ expect load < 9 }}\n}}\ntrigger high {{ when (errors > 2x baseline and load > 3) for 1s }}\n",
        server.url()
    ));
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    let gate = below(&ran.stdout, "attempt 1 did not pass");
    assert_eq!(
        gate[..2],
        ["| rule     deploy.rb:8: errors < 5%", "| asked    prod: sum(errors) / 5"],
        "{}",
        ran.stdout
    );
    assert!(gate[2].starts_with("| samples  ") && gate[2].ends_with(" 9%"), "{gate:?}");
    assert!(gate[3].starts_with(r#"| answer   {"status":"success","data":{"resultType":"vector""#), "{gate:?}");
    let fired = below(&ran.stdout, "trigger fired");
    let starts: Vec<String> =
        fired.iter().map(|line| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        starts,
        [
            "rule deploy.rb:11:",
            "asked errors",
            "baseline errors",
            "samples errors",
            "answer errors",
            "asked load",
            "samples load",
            "answer load"
        ],
        "{}",
        ran.stdout
    );
    assert!(
        fired[0].contains("true since T+") && fired[3].matches("9%").count() > 1 && fired[7].ends_with("load 4"),
        "{fired:?}"
    );
    assert_eq!(below(&project.runbook(&["logs"]).stdout, "trigger fired"), fired);
    let json = project.runbook(&["logs", "--output", "json"]).stdout;
    let line = json.lines().find(|line| line.contains("trigger_fired")).unwrap();
    assert!(line.contains(r#"\"resultType\":\"vector\""#) && line.contains(r#""raw":"4""#), "{line}");
}

#[test]
fn a_clock_that_differs_by_minutes_from_that_of_prometheus_changes_nothing() {
    if !super::servers::has("faketime") {
        return;
    }
    let Some(server) = Prometheus::start() else { return };
    server.push(
        &[("__name__", "ratio")],
        &(0..120).map(|i| (i * 30 - 3480, if i < 114 { 0.01 } else { 0.5 })).collect::<Vec<_>>(),
    );
    for shift in ["+7m", "-7m"] {
        let project = Project::with(&format!(
            "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric errors: percent {{ source = prod; query = \"ratio\"; unit = ratio; every = 200ms; baseline = 30m }}\nphase p: live {{\n  step a {{ run \"sleep 60\"; undo {{ run \"true\" }} }}\n}}\ntrigger t {{ when errors > 3x baseline for 1s }}\n",
            server.url()
        ));
        let mut command = std::process::Command::new("faketime");
        command.args(["-f", shift, env!("CARGO_BIN_EXE_runbook"), "run", "--yes", "--output", "plain"]);
        command.current_dir(project.path()).stdin(std::process::Stdio::null());
        let output =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{shift}: {text}");
        // The half hour before now by the source's clock: a few of its points are bad already.
        let baseline = text.lines().find(|line| line.contains("baseline")).unwrap_or_else(|| panic!("{text}"));
        assert!(baseline.contains("of 901 points"), "{shift}: {baseline}");
        assert!(text.contains("trigger fired: errors > 3x baseline for 1s (errors 50%)"), "{shift}: {text}");
    }
}

#[test]
fn what_is_shown_of_an_answer_is_masked_before_it_is_cut() {
    // The secret stands across every place at which a text is cut.
    let long = |n: usize| format!("{}t0k3n-of-prod-and-more", "x".repeat(n));
    let server = Fixed::start(move |request| match request {
        r if r.contains("query=json") => answer("200 OK", &long(105)),
        r if r.contains("query=refused") => {
            answer("400 Bad Request", &format!(r#"{{"status":"error","errorType":"bad","error":"{}"}}"#, long(100)))
        }
        r if r.contains("query=labels") => {
            let one = |n: usize| format!(r#"{{"metric":{{"a":"{}"}},"value":[1,"1"]}}"#, long(n));
            answer(
                "200 OK",
                &format!(
                    r#"{{"status":"success","data":{{"resultType":"vector","result":[{},{}]}}}}"#,
                    one(60),
                    one(61)
                ),
            )
        }
        _ => answer(
            "200 OK",
            &format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"l":"{}"}},"value":[1,"9"]}}]}}}}"#,
                long(110)
            ),
        ),
    });
    let names = ["json", "refused", "labels", "fine"];
    let metrics: String = names
        .iter()
        .map(|n| format!("metric m_{n}: number {{ source = prod; query = \"{n}\"; every = 200ms }}\n"))
        .collect();
    let expects: String = names.iter().map(|n| format!("expect m_{n} < 5\n")).collect();
    let project = Project::with(&format!(
        "runbook r {{}}\nsecret token = file(\"token\")\nsource prod: prometheus {{ url = \"{}\"; token = token }}\n{metrics}metric m_run: number {{ run \"./print.sh\"; every = 200ms }}\nphase p: live {{\n step a {{ run \"true\" {{ env = {{ T = token }} }}; undo {{ run \"true\" }} }}\n gate g {{ within 700ms; every = 200ms; {expects}\nexpect m_run < 5; on inconclusive rollback }}\n}}\n",
        server.url()
    ));
    project.write("token", "t0k3n-of-prod-and-more\n");
    project.script("print.sh", "printf '%0106d' 0; echo t0k3n-of-prod-and-more");
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    let all = format!(
        "{}{}{}",
        ran.text(),
        project.runbook(&["logs"]).text(),
        project.runbook(&["logs", "--output", "json"]).text()
    );
    assert!(all.contains("***"), "{all}");
    for part in ["t0k3n-of", "k3n-of-prod", "prod-and-more"] {
        assert!(!all.contains(part), "{part} in {all}");
    }
    for entry in std::fs::read_dir(project.path().join(".runbook")).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("t0k3n-of"), "{}", entry.path().display());
    }
}

#[test]
fn whoever_waits_for_their_turn_at_a_source_is_told_so() {
    let server = Fixed::start(|_| {
        std::thread::sleep(std::time::Duration::from_secs(1));
        vector("1")
    });
    let metrics: String =
        (0..14).map(|n| format!("metric m{n}: number {{ source = prod; query = \"q\"; every = 200ms }}\n")).collect();
    let expects: String = (0..14).map(|n| format!("expect m{n} < 5\n")).collect();
    let text = |concurrency: u32| {
        format!(
            "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\"; within 3s; concurrency = {concurrency} }}\n{metrics}phase p: live {{ step a {{ run \"true\"; undo {{ run \"true\" }} }} }}\nphase q: after {{ hold for 3s {{ {expects} }} }}\n",
            server.url()
        )
    };
    let ran = Project::with(&text(14)).run(&[]);
    assert_eq!(ran.code, 0, "{}", ran.text());
    let ran = Project::with(&text(1)).run(&[]);
    assert!(ran.stdout.contains("`prod`: its turn did not come: `concurrency = 1` is too little"), "{}", ran.text());
}

#[test]
fn a_baseline_that_could_not_be_read_is_asked_for_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Fixed::start(move |request| match request {
        r if r.contains("time%28%29") && asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 3 => {
            answer("503 Service Unavailable", "")
        }
        r if r.contains("time%28%29") => {
            answer("200 OK", r#"{"status":"success","data":{"resultType":"scalar","result":[100000,"1"]}}"#)
        }
        r if r.contains("query_range") => answer(
            "200 OK",
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[99000,"2"]]}]}}"#,
        ),
        _ => vector("9"),
    });
    let project = Project::with(&format!(
        "runbook r {{}}\nsource prod: prometheus {{ url = \"{}\" }}\nmetric m: number {{ source = prod; query = \"q\"; every = 500ms; baseline = 1h }}\nphase p: live {{\n step a {{ run \"sleep 100\"; undo {{ run \"true\" }} }}\n}}\ntrigger t {{ when m > 2x baseline }}\n",
        server.url()
    ));
    let ran = project.run(&[]);
    assert_eq!(ran.code, 3, "{}", ran.text());
    assert_eq!(ran.stdout.matches("no baseline: `prod`: the answer is 503").count(), 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("m  baseline 2, the mean of 1 of 901 points, one every 4s; less than half"),
        "{}",
        ran.stdout
    );
    let range = server.requests().into_iter().find(|r| r.contains("query_range")).unwrap();
    // The hour before the live part, though it was read half a minute later.
    let end: f64 = range.split("end=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    assert!((99_960.0..99_975.0).contains(&end), "{range}");
}
