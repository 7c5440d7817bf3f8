//! Events → what people and programs see: progress on a terminal, plain lines, JSON, a summary at the end.
//!
//! All of them are made from the same events. A reporter decides nothing, and a run never depends on one.

mod evidence;
mod json;
mod lines;
mod plain;
mod progress;
mod repeats;
mod summary;

use jiff::Timestamp;

use crate::engine::{Event, Live, Run};
use crate::plan::Plan;

pub use json::Json;
pub use plain::Plain;
pub use progress::{Progress, now};
pub use summary::summary;

/// Somebody who shows a run.
pub trait Reporter {
    /// Something happened; `run` is the state after it.
    ///
    /// # Errors
    /// If it cannot be shown any more: the pipe is closed, the disk is full.
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event) -> std::io::Result<()>;

    /// Something is to be shown and forgotten.
    ///
    /// # Errors
    /// As for an event.
    fn live(&mut self, _plan: &Plan, _run: &Run, _live: &Live) -> std::io::Result<()> {
        Ok(())
    }

    /// A line was typed at the run's terminal, and the terminal has shown it.
    ///
    /// # Errors
    /// As for an event.
    fn typed(&mut self, _line: &str) -> std::io::Result<()> {
        Ok(())
    }

    /// Something is said to whoever sits at the run's terminal.
    ///
    /// # Errors
    /// As for an event.
    fn say(&mut self, _text: &str) -> std::io::Result<()> {
        Ok(())
    }

    /// Time passes.
    ///
    /// # Errors
    /// As for an event.
    fn tick(&mut self, _plan: &Plan, _run: &Run, _now: Timestamp) -> std::io::Result<()> {
        Ok(())
    }

    /// The run is over, or this process leaves it.
    ///
    /// # Errors
    /// As for an event.
    fn end(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> std::io::Result<()>;
}
