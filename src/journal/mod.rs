//! Where events are kept: what is written here happened, and what is not written here is not built on.
//!
//! A run is its plan and its events, in order. Each event is chained to the one before by a hash, so that a changed or a
//! missing one shows. The state of a run is the fold of its events; it is kept nowhere else.
#![allow(clippy::disallowed_methods, reason = "the journal is files")]

mod embedded;

use std::path::PathBuf;

use jiff::Timestamp;

use crate::engine::{Ending, Event, Run, Who, Wish, replay};
use crate::plan::Plan;

pub use embedded::{Embedded, RunJournal};

/// Why something could not be written down or read back.
#[derive(Debug)]
pub enum JournalError {
    /// The store does not work: a full disk, a read-only folder.
    Store {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it did not work.
        why: String,
    },
    /// It was written by a newer version.
    Newer {
        /// Where.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// What is in it is not what was written.
    Broken {
        /// Which run.
        run: String,
        /// What is wrong.
        why: String,
    },
    /// There is no such run.
    NoRun(String),
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JournalError::Store { doing, path, why } => write!(f, "{doing} {}: {why}", path.display()),
            JournalError::Newer { path, found } => {
                write!(
                    f,
                    "{} was written by a newer version of runbook (schema {found}); use that version",
                    path.display()
                )
            }
            JournalError::Broken { run, why } => write!(f, "the record of the run {run} is broken: {why}"),
            JournalError::NoRun(run) => write!(f, "there is no run `{run}` here"),
        }
    }
}

impl std::error::Error for JournalError {}

/// A run as the list of runs shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// The runbook's name.
    pub runbook: String,
    /// When it began.
    pub started: Timestamp,
    /// How it ended, if it has.
    pub ending: Option<Ending>,
}

/// A run that was read back.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its plan, by which it goes on.
    pub plan: Plan,
    /// The plan with which it began.
    pub first: Plan,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// The hash of the last one, which stands for all before it; hexadecimal.
    pub head: String,
}

impl Record {
    /// The state that the events make.
    pub fn run(&self) -> Run {
        replay(&self.first, &self.events)
    }
}

/// Who has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which lock.
    pub lock: String,
    /// The run.
    pub run: String,
    /// Who started it.
    pub who: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether its process still runs.
    pub alive: bool,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Holder { lock, run, who, since, alive } = self;
        write!(f, "the lock `{lock}` is held by the run {run} of {who} since {since}")?;
        match alive {
            true => write!(f, ", and that run goes on"),
            false => write!(
                f,
                "; nobody runs it any more, for it is stuck, paused or was killed: `runbook resume {run}` takes it up again, `runbook abort {run} --reason …` ends it and frees the lock"
            ),
        }
    }
}

/// Where the events of one run go.
pub trait Journal {
    /// Writes events down. When it returns, those on which something may be built are on disk; others may follow with the
    /// next.
    ///
    /// # Errors
    /// Says why they are not on disk. Then nothing may be built on them.
    fn append(&mut self, events: &[Event]) -> Result<(), JournalError>;

    /// Takes locks for this run, all or none; those it has already are its own.
    ///
    /// # Errors
    /// Only if the store does not work. Who has a lock is the inner answer.
    fn lock(&mut self, names: &[String], who: &Who, now: Timestamp) -> Result<Result<(), Holder>, JournalError>;

    /// What people at other terminals have asked of this run and what has not been taken, in order, each with its number;
    /// nothing in the place of one that this version does not know.
    ///
    /// # Errors
    /// If the store does not work.
    fn wishes(&mut self) -> Result<Vec<(i64, Option<Wish>)>, JournalError>;

    /// This one is being taken: what follows from it is written down together with the note that it was.
    fn taking(&mut self, number: i64);

    /// What was being taken has been dealt with, though nothing may have followed from it.
    ///
    /// # Errors
    /// If the store does not work.
    fn taken(&mut self) -> Result<(), JournalError>;

    /// Gives the run's locks back.
    ///
    /// # Errors
    /// If the store does not work.
    fn unlock(&mut self) -> Result<(), JournalError>;
}
