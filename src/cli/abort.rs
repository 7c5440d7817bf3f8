//! `runbook abort`: the end of a run. What runs is stopped first. Nothing is undone, its lock is freed, and why is recorded.

use std::path::Path;

use crate::drive::Clock;
use crate::engine::{Input, Run, Wish, advance};
use crate::journal::{Embedded, Journal};
use crate::plan::Plan;

use super::Exit;
use super::live::{LiveArguments, runtime};
use super::resume::end_what_is_left;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY")]
    reason: String,
    #[command(flatten)]
    live: LiveArguments,
}

pub(super) fn main(arguments: &Arguments, screen: &Screen, state: &Path) -> Exit {
    match end(arguments, screen, state) {
        Ok((run, undone)) => {
            screen.print(&format!("the run {run} is ended; {undone}, and its lock is free\n"));
            Exit::Stopped
        }
        Err(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

/// Halts the run, if a process is running it.
fn stop(arguments: &Arguments, state: &Path) -> Result<Option<String>, String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = super::resume::meant(&store, arguments.run.as_deref())?;
    if !store.is_running(&id) {
        return Ok(None);
    }
    let wish = Wish::End { by: arguments.live.who(), reason: arguments.reason.clone() };
    super::reach::halt(&store, &id, wish)?;
    Ok(Some(id))
}

fn end(arguments: &Arguments, screen: &Screen, state: &Path) -> Result<(String, String), String> {
    if let Some(id) = stop(arguments, state)? {
        let record = Embedded::open(state).and_then(|store| store.read(&id)).map_err(|e| e.to_string())?;
        if record.run().ending().is_some() {
            return Ok((id, undone(&record.plan, &record.run())));
        }
    }
    let (mut journal, record) = super::resume::open(arguments.run.as_deref(), state)?;
    let runtime = runtime(screen).ok_or("nothing was changed")?;
    runtime.block_on(end_what_is_left(&record, &journal, screen));
    let mut run = record.run();
    let abort = Input::Abort { by: arguments.live.who(), reason: arguments.reason.clone() };
    let events = advance(&record.plan, &mut run, abort, Clock::default().now());
    journal.append(&events).and_then(|()| journal.unlock()).map_err(|e| e.to_string())?;
    let undone = undone(&record.plan, &run);
    Ok((run.id, undone))
}

/// What was undone before the end, in words.
fn undone(plan: &Plan, run: &Run) -> String {
    let back = run.back.iter().flat_map(|back| &back.undone).map(|ix| plan.node(*ix).id.as_str());
    match back.collect::<Vec<_>>() {
        undone if undone.is_empty() => "nothing was undone".into(),
        undone => format!("{} was undone and nothing else", undone.join(", ")),
    }
}
