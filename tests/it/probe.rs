//! `run --dry-run --probe`: what is ready, what is not, and nothing changed.

use super::binary::Project;
use super::servers::{Fixed, answer};

const RUNBOOK: &str = r#"
runbook r "R" {}
secret hook = getenv("RELEASES_HOOK")
secret token = file("token")
channel releases: webhook { url = hook }
channel room: console {}
source prod: prometheus { url = "URL"; token = token }
fact colour: string = run "./colour.sh"
metric errors: percent { source = prod; query = "errors"; unit = percent; critical > 50% }
metric load: number { source = prod; query = "none" }
metric late: duration { source = prod; query = "slow"; unit = s }
metric wrong: number { source = prod; query = "bad" }
flags launch: command { get = run "./flag.sh get"; set = run "./flag.sh set ${share}" }
flag dark { in = launch }
gate fine { expect errors < 90%; run "./look.sh ${colour}" }
gate bad { http GET "URL/missing" }
phase p: live {
  step a "A" {
    run "./act.sh" { capture id = trim(stdout) }
    http POST "URL/deploy" { form = { v = "1" } }
    http POST "http://localhost:1/x" {}
    run "no-such-program --now"
    set dark to 50%
    gate { run "./look.sh ${id}" }
    undo { run "./back.sh" }
  }
  gate fine
  gate bad
  hold for 1m { expect errors < 99%; expect load < 5; expect late < 5s; expect wrong < 5 }
  notify releases "x"
  notify room "x"
}
trigger t { when not fine for 1m }
"#;

fn prometheus(request: &str) -> Option<String> {
    let vector = |value: &str| {
        answer(
            "200 OK",
            &format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#
            ),
        )
    };
    match request {
        r if r.starts_with("GET /missing") => answer("404 Not Found", "t0k3n-of-prod"),
        r if !r.contains("Bearer t0k3n-of-prod") && !r.contains("bearer t0k3n-of-prod") => {
            answer("401 Unauthorized", "")
        }
        r if r.contains("query=errors") => vector("60"),
        r if r.contains("query=slow") => vector("7200"),
        r if r.contains("query=bad") => answer(
            "400 Bad Request",
            r#"{"status":"error","errorType":"bad_data","error":"what is \u001b[2Jthis, t0k3n-of-prod?"}"#,
        ),
        _ => answer("200 OK", r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
    }
}

#[test]
fn the_probe_finds_what_is_there_and_changes_nothing() {
    let server = Fixed::start(prometheus);
    let project = Project::with(&RUNBOOK.replace("URL", &server.url()));
    project.write("token", "t0k3n-of-prod\n");
    project.script("colour.sh", "echo blue");
    project.script("look.sh", "test \"$1\" = blue");
    project.script("flag.sh", "test \"$1\" = get || touch changed; echo 25%");
    project.script("act.sh", "touch changed");
    project.write("back.sh", "not a program");
    let probed = project.runbook(&["run", "--dry-run", "--probe"]);
    assert_eq!(probed.code, 1, "{}", probed.text());
    let table = probed.stdout.split("Probe: ").nth(1).unwrap();
    let table =
        table.replace(&server.port.to_string(), "PORT").replace(&project.path().display().to_string(), "FOLDER");
    insta::with_settings!({snapshot_path => "screens", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("probe", table);
    });
    assert!(!project.exists("changed") && !project.exists(".runbook"), "something was changed");
    let asked = server.requests();
    assert!(asked.iter().all(|r| r.starts_with("GET /missing") || r.starts_with("POST /api/v1/query")), "{asked:?}");
    assert!(!probed.text().contains("t0k3n-of-prod") && !probed.text().contains('\u{1b}'), "{}", probed.text());
    // With everything there it ends well.
    let project = Project::with("runbook r {}\nphase p: live { step a { run \"true\"; undo { run \"true\" } } }\n");
    let probed = project.runbook(&["run", "--dry-run", "--probe"]);
    assert_eq!(probed.code, 0, "{}", probed.text());
    assert!(probed.stdout.ends_with("1 of 1 ready. Nothing was changed.\n"), "{}", probed.stdout);
    assert_eq!(project.runbook(&["run", "--probe"]).code, 2);
}

#[test]
fn a_probe_that_is_stopped_leaves_nothing_running() {
    let project = Project::with(
        "runbook r {}\nphase p: live { gate g { run \"./look.sh\" }\n step a { run \"true\"; undo { run \"true\" } } }\n",
    );
    project.script("look.sh", "touch began\nexec sleep 1000");
    let child = project.command(&["run", "--dry-run", "--probe"]).spawn().unwrap();
    super::binary::eventually("it looks", || project.exists("began"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!super::binary::is_running(&project.path().display().to_string()), "something is left running");
}
