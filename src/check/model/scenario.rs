//! Scenarios: what is given, what happens, what is expected.

use crate::source::Span;
use crate::value::Comparison;

use super::{Id, Typed};

/// `scenario NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Scenario {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub givens: Vec<Line<Given>>,
    pub happenings: Vec<Line<Happening>>,
    pub expectations: Vec<Line<Expectation>>,
}

/// A line of a scenario.
#[derive(Clone, Debug)]
pub struct Line<T> {
    /// What it says.
    pub what: T,
    /// Where it stands.
    pub span: Span,
}

/// What is given.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Given {
    /// A variable, a fact, a capture, an answer or a metric; nothing stands for no data.
    Value {
        subject: String,
        value: Typed,
    },
    Series {
        metric: String,
        every: Typed,
        values: Vec<(Typed, u32)>,
    },
    Fault {
        what: Faulty,
        id: String,
        fault: Fault,
    },
    Starts(Typed),
}

/// What something goes wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Faulty {
    Step,
    Gate,
    Undo,
    Notify,
}

/// What goes otherwise than well.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Fault {
    Fails(Option<Typed>),
    Hangs,
    Takes(Typed),
    Inconclusive,
    Error,
}

/// What happens at a moment.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When.
    pub at: Typed,
    /// What.
    pub deed: Deed,
}

/// What happens.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Deed {
    /// A metric has another value from now on; nothing stands for no data.
    Value {
        metric: String,
        value: Typed,
    },
    /// A gate passes from now on, or does not.
    Gate {
        gate: String,
        passes: Typed,
    },
    /// `fire`, `approve`, `deny`, `tick`, `confirm`, `answer`, `waive`, `resume`, `rollback`: what a person does.
    Person {
        word: String,
        id: Option<String>,
        by: Option<Typed>,
        value: Option<Typed>,
    },
    Crash,
    Abort,
}

/// What is expected.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Expectation {
    Ending { ending: String, before: Option<Typed> },
    Undone(Vec<String>),
    Notified { channel: String, text: Option<(Comparison, Typed)> },
    NeverStarted(String),
    Asked(String),
    StepStarted { step: String, at: Typed },
    Duration(Comparison, Typed),
}
