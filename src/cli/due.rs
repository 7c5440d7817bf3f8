//! `runbook resume --due`: goes on with every parked run whose moment has come. For cron; one process a run.

use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use crate::engine::Run;
use crate::journal::Embedded;
use crate::plan::moment;
use crate::source::one_line;

use super::Exit;
use super::live::LiveArguments;
use super::screen::Screen;

/// Why a run that parks is due, or when it will be.
enum Due {
    Now(&'static str),
    At(Timestamp),
}

/// When a run is to be taken up; nothing if that is for a person to say.
fn due(store: &Embedded, run: &Run, now: Timestamp) -> Option<Due> {
    if !run.parks || run.ending().is_some() {
        return None;
    }
    if store.has_wishes(&run.id).unwrap_or(false) && run.parked.is_some() {
        return Some(Due::Now("somebody has said something"));
    }
    match (run.parked, &run.halt) {
        (Some(until), _) if until <= now => Some(Due::Now("its moment has come")),
        (Some(until), _) => Some(Due::At(until)),
        // A person halted it, and a person goes on.
        (None, Some(_)) => None,
        (None, None) => Some(Due::Now("its process is gone")),
    }
}

pub(super) fn main(live: &LiveArguments, screen: &Screen, state: &Path) -> Exit {
    let fail = |why: String| {
        screen.error(&why);
        Exit::Usage
    };
    let store = match Embedded::open(state) {
        Ok(store) => store,
        Err(error) => return fail(error.to_string()),
    };
    let rows = match store.runs() {
        Ok(rows) => rows,
        Err(error) => return fail(error.to_string()),
    };
    let now = crate::drive::Clock::default().now();
    let (mut children, mut next, mut exit) = (Vec::new(), None::<(Timestamp, String, String)>, Exit::Done);
    for row in rows.iter().filter(|row| row.ending.is_none() && !store.is_running(&row.id)) {
        let record = match store.read(&row.id) {
            Ok(record) => record,
            // One that is broken holds up no other.
            Err(error) => {
                exit = fail(error.to_string());
                continue;
            }
        };
        match due(&store, &record.run(), now) {
            Some(Due::Now(why)) => {
                screen.note(&format!("{}: {why}", one_line(&row.id)));
                match start(&row.id, live, state) {
                    Ok(child) => children.push(child),
                    Err(why) => exit = fail(format!("{}: {why}", one_line(&row.id))),
                }
            }
            Some(Due::At(at)) if next.as_ref().is_none_or(|(next, ..)| at < *next) => {
                next = Some((at, row.id.clone(), record.plan.runbook.timezone.clone()));
            }
            Some(Due::At(_)) | None => {}
        }
    }
    if children.is_empty() && exit == Exit::Done {
        screen.print(&match next {
            Some((at, id, zone)) => {
                format!(
                    "nothing is due; next is {} at {}\n",
                    one_line(&id),
                    moment::local_text(at, &moment::zone(&zone))
                )
            }
            None => "nothing is due, and no run is parked\n".to_owned(),
        });
    }
    for mut child in children {
        let code = child.wait().ok().and_then(|status| status.code()).unwrap_or(70);
        // That a run is parked again, or waits, is as it should be.
        if let Some(bad) = Exit::from_code(code).filter(|exit| !matches!(exit, Exit::Done | Exit::Paused)) {
            exit = bad;
        }
    }
    exit
}

fn start(run: &str, live: &LiveArguments, state: &Path) -> Result<std::process::Child, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.arg("--state").arg(state).args(["resume", run, "--park", "--unattended", "--output"]);
    command.arg(if live.output == super::live::Output::Json { "json" } else { "plain" }).stdin(Stdio::null());
    if let Some(claim) = &live.claim {
        command.args(["--as", claim]);
    }
    command.spawn().map_err(|e| e.to_string())
}
