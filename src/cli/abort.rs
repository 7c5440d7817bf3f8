//! `runbook abort`: the end of a run. What runs is stopped first. Nothing is undone, its lock is freed, and why is recorded.

use std::path::Path;

use crate::drive::Clock;
use crate::engine::{Input, Wish, advance};
use crate::journal::{Embedded, Journal};

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
fn stop(arguments: &Arguments, state: &Path) -> Result<(), String> {
    let store = Embedded::open(state).map_err(|e| e.to_string())?;
    let id = super::resume::meant(&store, arguments.run.as_deref())?;
    if !store.is_running(&id) {
        return Ok(());
    }
    let wish = Wish::Halt { by: arguments.live.who(), reason: format!("aborted: {}", arguments.reason) };
    super::reach::halt(&store, &id, wish)
}

fn end(arguments: &Arguments, screen: &Screen, state: &Path) -> Result<(String, String), String> {
    stop(arguments, state)?;
    let (mut journal, record) = super::resume::open(arguments.run.as_deref(), state)?;
    let runtime = runtime(screen).ok_or("nothing was changed")?;
    runtime.block_on(end_what_is_left(&record, &journal, screen));
    let mut run = record.run();
    let abort = Input::Abort { by: arguments.live.who(), reason: arguments.reason.clone() };
    let events = advance(&record.plan, &mut run, abort, Clock::default().now());
    journal.append(&events).and_then(|()| journal.unlock()).map_err(|e| e.to_string())?;
    let back = run.back.iter().flat_map(|back| &back.undone).map(|ix| record.plan.node(*ix).id.as_str());
    let undone = match back.collect::<Vec<_>>() {
        undone if undone.is_empty() => "nothing was undone".into(),
        undone => format!("{} was undone and nothing else", undone.join(", ")),
    };
    Ok((run.id, undone))
}
