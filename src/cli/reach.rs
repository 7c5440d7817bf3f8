//! Reaching a run that another process is running: `runbook pause`, and what `rollback` and `abort` do then.
//!
//! What is wanted is written into the store; the run looks there several times a second, takes it, and records who wanted it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::{Event, EventKind, Wish};
use crate::journal::{Embedded, Journal};

use super::Exit;
use super::live::LiveArguments;
use super::screen::Screen;

/// So long a run may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// So long what it runs may take to end, beside the `grace` of its commands.
const ENDING: Duration = Duration::from_secs(60);

/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub(super) struct PauseArguments {
    /// The run; may be left out where only one is open
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "WHY", default_value = "paused", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    live: LiveArguments,
}

/// `runbook pause`: as Ctrl-C at its own terminal.
pub(super) fn pause(arguments: &PauseArguments, screen: &Screen, state: &Path) -> Exit {
    let halted = Embedded::open(state).map_err(|e| e.to_string()).and_then(|store| {
        let id = super::resume::meant(&store, arguments.run.as_deref())?;
        if !store.is_running(&id) && park_is_over(state, &id, arguments)? {
            return Ok(id);
        }
        if !store.is_running(&id) {
            return Err(format!("nobody runs {id}; `runbook status {id}` says how it stands"));
        }
        halt(&store, &id, Wish::Halt { by: arguments.live.who(), reason: arguments.reason.clone() })?;
        // It may have come to its end before it heard of it.
        match store.read(&id).map_err(|e| e.to_string())?.run().ending() {
            Some(ending) => Err(format!("the run {id} had ended already: {}", ending.words())),
            None => Ok(id),
        }
    });
    match halted {
        Ok(id) => {
            screen.print(&format!(
                "the run {id} is paused, nothing of it runs any more; `runbook resume {id}` goes on, `runbook rollback {id}` goes back\n"
            ));
            Exit::Done
        }
        Err(why) => {
            screen.error(&why);
            Exit::Usage
        }
    }
}

/// Halts a run that is parked: nothing takes it up by itself any more. Says whether it was.
fn park_is_over(state: &Path, run: &str, arguments: &PauseArguments) -> Result<bool, String> {
    let (mut journal, record) = super::resume::open(Some(run), state)?;
    let now = record.run();
    if now.parked.is_none() {
        return Ok(false);
    }
    let at = crate::drive::Clock::not_before(now.now).0.now();
    let (by, reason) = (arguments.live.who(), arguments.reason.clone());
    let kinds = [EventKind::HaltRequested { by, reason, ends: false }, EventKind::Halted];
    let events: Vec<Event> = kinds.into_iter().map(|kind| Event { at: at.max(now.now), kind }).collect();
    journal.append(&events).map_err(|e| e.to_string())?;
    Ok(true)
}

/// Halts a run and waits until its process has left it.
pub(super) fn halt(store: &Embedded, run: &str, wish: Wish) -> Result<(), String> {
    deliver(store, run, &wish)?;
    let since = Instant::now();
    while store.is_running(run) {
        if since.elapsed() > ENDING {
            return Err(format!("the run {run} is halting, and what it runs has not ended within a minute"));
        }
        std::thread::sleep(AGAIN);
    }
    Ok(())
}

/// Hands a wish over, and waits until the run has taken it.
pub(super) fn deliver(store: &Embedded, run: &str, wish: &Wish) -> Result<(), String> {
    let number = store.wish(run, wish).map_err(|e| e.to_string())?;
    let since = Instant::now();
    loop {
        if store.was_taken(number).map_err(|e| e.to_string())? {
            return Ok(());
        }
        if since.elapsed() > PATIENCE || !store.is_running(run) {
            // It may have been taken in this moment.
            if !store.unwish(number).map_err(|e| e.to_string())? {
                return Ok(());
            }
            return Err(format!(
                "the run {run} did not answer, and was not told; `runbook status {run}` says how it stands"
            ));
        }
        std::thread::sleep(AGAIN);
    }
}
