//! What `check` says: nothing is accepted and ignored, and one cause is one finding.

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
