//! What `check` says: nothing is accepted and ignored, and one cause is one finding.

use crate::binary::Project;
use crate::support::{findings, live};

/// The codes of a text, without the lines.
fn codes(text: &str) -> Vec<String> {
    findings(text).iter().map(|line| line.split_once('[').unwrap().1.split_once(']').unwrap().0.to_owned()).collect()
}

const STEP: &str = "step a { run \"do a\"; undo { run \"undo a\" } }";
const METRIC: &str = "metric errors: percent { run \"errors\"; unit = percent; every = 10s }\n";

#[test]
fn what_would_do_nothing_is_refused() {
    let step = |action: &str| live(&format!("step a {{ {action}; undo none \"x\" }}"));
    let gate = |inner: &str| live(&format!("gate g {{ within 1m; {inner} }}"));
    let back = |node: &str| format!("{}rollback \"Back\" {{ undo; {node} }}\n", live(STEP));
    let undo = |action: &str| live(&format!("step a {{ run \"x\"; undo {{ {action} }} }}"));
    for (text, code) in [
        (step("gate g at T+5m { run \"look\" }"), "RB016"),
        (step("gate g { when true; run \"look\" }"), "RB016"),
        (step("run \"x\"; hold for 1s at T+5m"), "RB016"),
        (gate("gate i { within 1m; run \"look\" }"), "RB016"),
        (gate("gate i { every = 1s; run \"look\" }"), "RB016"),
        (gate("gate i { on failure stop; run \"look\" }"), "RB016"),
        (live("hold for 1m { on failure continue }"), "RB016"),
        (back("gate g at T+5m { run \"look\" }"), "RB016"),
        (back("gate g { on failure stop; run \"look\" }"), "RB016"),
        (back("step s { within 1m else stop; run \"x\" }"), "RB016"),
        (back("step s { run \"x\"; undo none \"x\" }"), "RB016"),
        (back("step s { run \"x\"; undo { run \"y\" } }"), "RB402"),
        (undo("run \"y\"; gate g { on failure continue; run \"look\" }"), "RB016"),
        (live("gate g { pass after 3 in a row; run \"look\" }"), "RB019"),
        (live("gate g { fail after 2 failures; run \"look\" }"), "RB019"),
        (format!("{METRIC}{}trigger t {{ when errors > 5%; no data stop }}\n", live(STEP)), "RB406"),
        (
            format!(
                "{METRIC}severity low {{ then stop }}\n{}trigger t {{ when errors > 5%; severity = low }}\n",
                live(STEP)
            ),
            "RB406",
        ),
        (step("run \"x\" { stdout = \"file\"; expect stdout == \"y\" }"), "RB101"),
        (format!("{}var key: secret\n", step("run \"x\" { stdin = key }")), "RB601"),
        (format!("{}var keys: list(secret)\n", step("run \"x\" { stdin = keys }")), "RB601"),
    ] {
        assert_eq!(codes(&text), [code], "{text}\n{}", findings(&text).join("\n"));
    }
}

#[test]
fn one_cause_is_one_finding() {
    let metric = |when: &str| format!("{METRIC}{}trigger t {{ when {when} }}\n", live(STEP));
    for (text, code) in [
        (metric("errors > 5"), "RB203"),
        (metric("errors > \"5%\""), "RB201"),
        (metric("nothing > 5%").replace(METRIC, ""), "RB101"),
        // A name that was misspelt is not unused as well.
        (metric("erors > 5%"), "RB101"),
        (live("step a { within (); run \"x\"; undo none \"x\" }"), "RB001"),
        (live("hold for ()"), "RB001"),
    ] {
        assert_eq!(codes(&text), [code], "{text}\n{}", findings(&text).join("\n"));
    }
}

#[test]
fn a_lists_of_what_can_be_written_has_only_what_this_version_runs() {
    let told = findings(&live("step a { url = \"x\"; run \"x\"; undo none \"x\" }")).join("\n");
    assert!(told.contains("the settings of a `step` are") && !told.contains("max_failures"), "{told}");
    let told = findings("runbook r \"R\" {}\nundo { run \"x\" }\nphase p: live { hold for 1s }\n").join("\n");
    assert!(told.contains("stands in a `step`") && !told.contains("`ramp`"), "{told}");
}

#[test]
fn facts_that_need_each_other_are_one_finding() {
    let text = "runbook r \"R\" {}\nlet both = \"${b}!\"\nfact a: string = run \"echo ${both}\"\n\
                fact b: string = run \"echo ${a}\"\nfact c: string = run \"echo ${a}\"\n\
                phase p: live { step s { run \"echo ${a} ${b} ${c}\"; undo none \"x\" } }\n";
    let found = codes(text);
    assert_eq!(found, ["RB109"], "{found:?}");
}

#[test]
fn certain_mistakes_are_mended_and_nothing_else() {
    let text = "runbook r \"R\" {}\n\nrelease { version = \"1.2.0\"; previous = 1.1.4; kind = \"minor\" } # kept\n\nphase p: live {\n  step s {\n    \
                within = 45 min\n    run 'echo hi'\n    undo none \"x\"\n    retry = 2\n  }\n  stpe t { run \"true\"; undo none \"x\" }\n}\n";
    let project = Project::with(text);
    let output = project.runbook(&["check", "deploy.rb", "--fix", "--format", "short"]);
    // What was probably meant is for a person to say.
    assert_eq!((output.code, output.stdout.lines().count()), (1, 1), "{}", output.text());
    assert!(output.stdout.contains("did you mean `step`?"), "{}", output.text());
    assert_eq!(output.stderr, "deploy.rb: 6 mistakes mended\n");
    let mended = text
        .replace("= 1.1.4", "= \"1.1.4\"")
        .replace("\"minor\"", "minor")
        .replace("within = 45 min", "within 45m")
        .replace("'echo hi'", "\"echo hi\"")
        .replace("retry = 2", "retry 2");
    assert_eq!(project.read("deploy.rb"), mended);
    // The second time there is nothing to do.
    project.runbook(&["check", "deploy.rb", "--fix"]);
    assert_eq!(project.read("deploy.rb"), mended);
    assert_eq!(project.runbook(&["check", "-", "--fix"]).code, 2);
}

#[test]
fn findings_for_programs_are_whole() {
    let project = Project::with("runbook r \"R\" {}\nphase p: live { step s { run \"true\" }; hold for 5sec }\n");
    project.write(
        "other file.rb",
        "runbook o \"O\" {}\nvar unused: int = 1\nphase p: prepare { step s { run \"true\" } }\n",
    );
    let run = |format: &str| project.runbook(&["check", "deploy.rb", "other file.rb", "--format", format]).stdout;
    let sarif: serde_json::Value = serde_json::from_str(&run("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let ids: Vec<_> = results.iter().map(|r| r["ruleId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["RB401", "RB202", "RB106"]);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 1);
    }
    let place = &results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "other%20file.rb");
    assert_eq!(results[1]["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "5s");
    let github = run("github");
    assert_eq!(github.lines().count(), 3, "{github}");
    assert!(github.lines().all(|l| l.starts_with("::error file=") || l.starts_with("::warning file=")), "{github}");
}

#[test]
fn advice_is_turned_off_where_it_stands_and_only_there() {
    let risk =
        |above: &str, id: &str| format!("{above}risk {id} \"It fails\" {{ probability = high; impact = high }}\n");
    let file = |risks: &str| format!("{risks}{}", live("step a { run \"true\"; undo none \"x\" }"));
    let both = format!("{}{}", risk("# allow(RB703): we know\n", "a"), risk("", "b"));
    assert_eq!(codes(&file(&both)), ["RB703"]);
    for (above, code) in [
        ("# allow(RB703): we know\n", vec![]),
        ("# allow(RB702): not this one\n# allow(RB703): we know\n", vec!["RB705"]),
        ("# allow(RB703)\n", vec!["RB705", "RB703"]),
        ("# allow(RB401): no\n", vec!["RB705", "RB703"]),
        ("# allow(RB999): no\n", vec!["RB705", "RB703"]),
        ("# allow(RB703): too far above\n\n", vec!["RB705", "RB703"]),
    ] {
        assert_eq!(codes(&file(&risk(above, "a"))), code, "{above}");
    }
    // In a string it is text.
    let text = "runbook r \"R\" { describe \"\"\"\n  # allow(RB703): x\n  \"\"\" }\nphase p: prepare { step s { run \"true\" } }\n";
    assert!(codes(text).is_empty());
}

#[test]
fn what_only_the_plan_sees_is_found_by_check_too() {
    let check = |text: &str| {
        let project = Project::with(text);
        let output = project.runbook(&["check", "deploy.rb", "--format", "short"]);
        (output.code, output.text())
    };
    let (code, text) = check(&live("for s in [\"a.b\", \"a-b\"] { step x { run \"echo ${s}\"; undo none \"x\" } }"));
    assert!(code == 1 && text.contains("error[RB102]"), "{text}");
    // A pattern of files is taken to match one, whatever there is.
    let files = live("for f in files(\"none/*.sql\") { step x { run \"echo ${f}\"; undo none \"x\" } }");
    assert_eq!(check(&files), (0, String::new()));
    // With other values there may be something to do.
    let list = format!(
        "var names: list(string) = []\n{}",
        live("for n in names { step x { run \"echo ${n}\"; undo none \"x\" } }")
    );
    assert_eq!(check(&list), (0, String::new()));
    let escape = "# \u{1b}[2J\nrunbook r \"R\" {}\nphase p: prepare { step s { run \"true\" } }\n";
    let (code, text) = check(escape);
    assert!(code == 1 && text.contains("error[RB607]: a character that speaks to the terminal, U+001B"), "{text:?}");
    assert!(!text.contains('\u{1b}'));
}

/// What is used before it is there would fail on the night; within a loop an earlier round is there.
#[test]
fn what_is_used_before_it_is_known_is_found() {
    let captures = "step b { run \"x\" { capture v = trim(stdout); reads = true } }";
    let uses = "step a { run \"echo ${b.v}\"; undo none \"x\" }";
    assert_eq!(codes(&live(&format!("{uses}\n{captures}"))), ["RB107"]);
    assert_eq!(codes(&live(&format!("{captures}\n{uses}"))), [""; 0]);
    let rounds = "for n in [1, 2] { step a when n == 2 { run \"echo ${b[1].v}\"; undo none \"x\" }\n\
        step b { run \"x\" { capture v = trim(stdout); reads = true } } }";
    assert_eq!(codes(&live(rounds)), [""; 0]);
}

/// A secret in a list or a map is one.
#[test]
fn a_secret_in_a_list_or_a_map_stays_one() {
    let text = |action: &str| {
        format!(
            "runbook r {{}}\nsecret key = getenv(\"KEY\")\nchannel hook: webhook {{ url = \"https://x.example\" }}\n\
            phase p: live {{ step a {{ {action}; undo none \"x\" }} }}\non rolled_back {{ notify hook \"x\" }}\n"
        )
    };
    for action in [
        r#"run "echo ${[key]}""#,
        r#"run "echo ${join([key], ",")}""#,
        r#"run "true"; notify hook "${upper(join([key], ","))}""#,
        r#"run "true"; notify hook "x" { data = { token = key } }"#,
    ] {
        assert_eq!(codes(&text(action)), ["RB601"], "{action}: {:?}", findings(&text(action)));
    }
    assert_eq!(codes(&text(r#"run "true" { env = { TOKEN = key } }"#)), [""; 0]);
}
