//! Scenarios: what a test of a runbook gives, what happens in it and what it expects, worked out.

use jiff::SignedDuration;

use crate::source::Span;
use crate::value::{Comparison, Value};

use super::Plan;

/// A plan with the scenario in which it is tried.
#[derive(Clone, Debug)]
pub struct Staged {
    /// With what the scenario gives to variables.
    pub plan: Plan,
    /// The scenario.
    pub scenario: Scenario,
}

/// A scenario.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// Where it is written.
    pub span: Span,
    /// When the run begins, relative to T+0; else before its first moment.
    pub starts: Option<SignedDuration>,
    /// What is given, in order.
    pub given: Vec<Given>,
    /// What happens, in order.
    pub happenings: Vec<Happening>,
    /// What is expected.
    pub expected: Vec<Expected>,
}

/// What is given.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Given {
    /// A fact, a capture, an answer or a flag.
    Value { name: String, value: Value },
    /// A metric: one value, or a series from T+0 on; nothing is no data.
    Metric { id: String, every: SignedDuration, values: Vec<(Value, u32)> },
    /// Something does not go well, or takes its time.
    Fault { of: Faulty, id: String, fault: Fault },
}

/// What something goes wrong with.
pub use crate::check::model::Faulty;

/// What goes otherwise than well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Fault {
    /// So many times, or always.
    Fails(Option<u32>),
    Hangs,
    Takes(SignedDuration),
    Inconclusive,
    Error,
}

/// Something that happens at a moment.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When, relative to T+0.
    pub at: SignedDuration,
    /// What.
    pub deed: Deed,
    /// Where it is written.
    pub span: Span,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Deed {
    /// A metric has another value from now on.
    Metric { id: String, value: Value },
    /// A gate passes from now on, or does not.
    Gate { id: String, passes: bool },
    /// What a person does, by the word of the language.
    Person { word: String, id: Option<String>, by: Option<String>, value: Option<Value> },
    /// The process that runs it is killed.
    Crash,
    /// A person ends the run.
    Abort,
}

impl Deed {
    /// It is the world's, and nobody does it.
    pub fn is_of_the_world(&self) -> bool {
        matches!(self, Deed::Metric { .. } | Deed::Gate { .. })
    }
}

/// What is expected, and where that is written.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What.
    pub what: Expectation,
    /// Where.
    pub span: Span,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Expectation {
    Ending { ending: String, before: Option<SignedDuration> },
    Undone(Vec<String>),
    Notified { channel: String, text: Option<(Comparison, Value)> },
    NeverStarted(String),
    Asked(String),
    Started { node: String, at: SignedDuration },
    Duration(Comparison, SignedDuration),
}
