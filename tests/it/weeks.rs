//! Parking, rescheduling, amending, windows that are passed over: by the commands.

use crate::binary::Project;

const RELEASE: &str = "runbook shop \"Shop\" { timezone = \"UTC\" }\nvar start: instant = 2099-05-12T10:00:00Z\nrelease { start = start; manager = boss }\n\
    role boss \"Release manager\" { members = [\"bo@x.example\"]; reach = [room] }\nchannel room: console {}\n\
    window mornings { days = [mon, tue, wed, thu]; from = 06:00; to = 12:00 }\n\
    phase ready: prepare {\n  approve go \"Go?\" { by boss; within 100d else stop }\n  step book { run \"./mark.sh booked\" }\n  hold quiet until T-1d\n}\n\
    phase p: live \"Deployment\" at T+0 in mornings { step a { run \"./mark.sh deployed\"; undo none \"x\" } }\n";

fn project() -> Project {
    let project = Project::with(RELEASE);
    project.script("mark.sh", "echo $1 >> marks");
    project
}

const BO: [&str; 2] = ["--as", "bo@x.example"];

#[test]
fn a_parked_run_is_approved_rescheduled_and_asks_again() {
    let project = project();
    let ran = project.run(&["deploy.rb", "--park"]);
    assert_eq!(ran.code, 6, "{}", ran.text());
    assert!(
        ran.stdout.contains("Shop: parked") && ran.stdout.contains("`runbook resume --due` goes on from then"),
        "{}",
        ran.text()
    );
    // Whoever looks sees that somebody is asked.
    let status = project.runbook(&["status"]).stdout;
    assert!(status.contains("`approve go`") && status.contains("nothing happens until"), "{status}");
    let due = project.runbook(&["resume", "--due"]);
    assert!(due.code == 0 && due.stdout.contains("nothing is due; next is shop-"), "{}", due.text());
    let said = project.runbook(&["approve", "go", BO[0], BO[1]]);
    assert!(said.stdout.contains("nobody runs"), "{}", said.text());
    // What was said for the plan of before does not count for another one.
    let reschedule = |start: &str| project.runbook(&["reschedule", "--start", start, "--reason", "the vendor is late"]);
    let refused = reschedule("2099-05-19T10:00:00Z");
    assert!(
        refused.code == 2 && refused.stderr.contains("somebody has said something that the run"),
        "{}",
        refused.text()
    );
    let due = project.runbook(&["resume", "--due"]);
    assert!(due.code == 0 && due.stderr.contains("somebody has said something"), "{}", due.text());
    assert_eq!(project.read("marks"), "booked\n");
    let past = reschedule("2020-05-19T10:00:00Z");
    assert!(past.stderr.contains("Tue 2020-05-19 10:00:00 UTC is past: it is "), "{}", past.text());
    // Outside of its window, and into the window.
    let refused = reschedule("2099-05-19T14:00:00Z");
    assert!(
        refused.stderr.contains("`p` cannot start: Tue 2099-05-19 14:00:00 UTC is not in the window `mornings`; it could start at Wed 2099-05-20 06:00:00 UTC; --override mornings passes over it"),
        "{}",
        refused.text()
    );
    let moved = reschedule("2099-05-19T10:00:00Z");
    assert!(
        moved.code == 0 && moved.stdout.contains("T+0 is Tue 2099-05-19 10:00:00 UTC; asked for again: go"),
        "{}",
        moved.text()
    );
    let status = project.runbook(&["resume", "--due"]);
    assert_eq!(status.code, 0, "{}", status.text());
    let record = project.record();
    assert_eq!(record.plan.release.as_ref().unwrap().start.unwrap().to_string(), "2099-05-19T10:00:00Z");
    assert_eq!(record.run().node(record.plan.find("go").unwrap()).status, runbook::engine::state::Status::Running);
    // What was done is not done again.
    assert_eq!(project.read("marks"), "booked\n");
    let logs = project.runbook(&["logs"]).stdout;
    assert!(logs.contains("goes on by the plan") && logs.contains("the vendor is late"), "{logs}");
    assert_eq!(project.runbook(&["verify"]).code, 0);
    // A parked run that somebody holds is not taken up.
    let held = project.runbook(&["pause"]);
    assert_eq!(held.code, 0, "{}", held.text());
    assert!(project.runbook(&["resume", "--due"]).stdout.contains("nothing is due, and no run is parked"));
}

#[test]
fn a_changed_file_is_taken_by_amend_and_not_by_reschedule() {
    let project = project();
    assert_eq!(project.run(&["deploy.rb", "--park"]).code, 6);
    let unchanged = project.runbook(&["amend", "--reason", "x"]);
    assert!(unchanged.stderr.contains("nothing would change"), "{}", unchanged.text());
    project.write("deploy.rb", RELEASE.replace("step book", "step order { run \"./mark.sh ordered\" }\n  step book"));
    let refused = project.runbook(&["reschedule", "--start", "2099-05-19T10:00:00Z", "--reason", "x"]);
    assert!(refused.stderr.contains("has changed since the plan was made"), "{}", refused.text());
    let amended = project.runbook(&["amend", "--reason", "it has to be ordered"]);
    assert_eq!(amended.code, 0, "{}", amended.text());
    // It is asked for when the run is taken up by its new plan.
    assert!(project.runbook(&["approve", "go", BO[0], BO[1]]).stderr.contains("`go` is not being asked yet"));
    assert_eq!(project.runbook(&["resume", "--due"]).code, 0);
    assert_eq!(project.runbook(&["approve", "go", BO[0], BO[1]]).code, 0);
    assert_eq!(project.runbook(&["resume", "--due"]).code, 0);
    assert_eq!(project.read("marks"), "ordered\nbooked\n");
    let broken = project.runbook(&["amend", "--reason", "x", "--file", "none.rb"]);
    assert_eq!(broken.code, 2, "{}", broken.text());
    project.write("deploy.rb", "runbook other {}\nphase p: live { step a { run \"true\"; undo none \"x\" } }\n");
    let other = project.runbook(&["amend", "--reason", "x"]);
    assert!(other.stderr.contains("the run is one of `shop`, and the new plan one of `other`"), "{}", other.text());
}

#[test]
fn a_start_outside_of_its_window_is_refused_at_the_start_and_passed_over_with_a_reason() {
    let project = project();
    let words = ["deploy.rb", "--park", "--var", "start=2099-05-16T10:00:00Z"];
    let refused = project.run(&words);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("`p` cannot start: Sat 2099-05-16 10:00:00 UTC is not in the window `mornings`; it could start at Mon 2099-05-18 06:00:00 UTC\n--override mornings --reason WHY starts it all the same"),
        "{}",
        refused.text()
    );
    let with = |more: &[&str]| project.run(&[&words, more].concat());
    assert!(
        with(&["--override", "morning", "--reason", "x"])
            .stderr
            .contains("the plan has no window and no blackout `morning`")
    );
    assert_eq!(with(&["--override", "mornings"]).code, 2);
    let ran = with(&["--override", "mornings", "--reason", "the fix cannot wait"]);
    assert_eq!(ran.code, 6, "{}", ran.text());
    assert!(ran.stdout.contains("passes over `mornings`: the fix cannot wait"), "{}", ran.text());
    assert!(ran.stdout.contains("override  mornings: the fix cannot wait, says root"), "{}", ran.text());
    let shown = project.runbook(&["run", "--dry-run", "--var", "start=2099-05-16T10:00:00Z"]);
    assert!(shown.code == 0 && shown.stderr.contains("warning: `p` cannot start: Sat"), "{}", shown.stderr);
    // A start that stands in the file as well.
    project.write(
        "deploy.rb",
        RELEASE
            .replace("2099-05-12T10", "2099-05-16T10")
            .replace("start = start", "start = 2099-05-16T10:00:00Z")
            .replace("var start: instant = 2099-05-16T10:00:00Z\n", ""),
    );
    assert_eq!(project.run(&["deploy.rb", "--park"]).code, 1);
    let ran = project.run(&["deploy.rb", "--park", "--override", "mornings", "--reason", "x"]);
    assert_eq!(ran.code, 6, "{}", ran.text());
}

#[test]
fn documents_hold_what_the_plan_has_and_nothing_in_them_is_markup() {
    let project = Project::with(&RELEASE.replace("\"Release manager\"", "\"*Boss* | <b>\""));
    for (which, has) in [
        ("comms", "\\*Boss\\* \\| \\<b\\> asked: Go?"),
        ("contacts", "| \\*Boss\\* \\| \\<b\\> (release manager) | bo@x.example |"),
        ("checklists", "This runbook has no checklists."),
    ] {
        let made = project.runbook(&["doc", "deploy.rb", which]);
        assert!(made.code == 0 && made.stdout.contains(has), "{}", made.text());
        assert_eq!(project.runbook(&["doc", which]).stdout, made.stdout);
    }
    let unknown = project.runbook(&["doc", "deploy.rb", "coms"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("there are comms, contacts and checklists"),
        "{}",
        unknown.text()
    );
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/guide/guide.rb");
    let lists = project.runbook(&["doc", guide, "checklists"]).stdout;
    assert_eq!(lists.matches("- [ ] ").count(), 113);
    assert!(
        lists.contains("**Code quality**\n\n- [ ] All acceptance criteria met for included features (Product owner)"),
        "{lists}"
    );
}
