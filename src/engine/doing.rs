//! What a node is doing: its actions one after the other, and what each of them has seen so far.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::event::{Checked, Failure, Part, Truth};
use super::say::Answer;
use super::span::Span;

/// What a node is doing: its actions one after the other, forward or back.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkState {
    /// Its actions or its undo.
    pub part: Part,
    /// Since when; its limit counts from there.
    pub since: Timestamp,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How many of its tries are used up; an attempt that a halt cut short is none.
    pub tries: u32,
    /// The action that runs or comes next, from 0.
    pub action: u32,
    /// What the action is doing; nothing before it began.
    pub state: Option<ActionState>,
    /// The failure that ended the last action.
    pub failed: Option<Failure>,
    /// When it is tried again.
    pub again: Option<Timestamp>,
}

/// What an action is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionState {
    /// Something runs in the world.
    Running {
        /// Since when.
        since: Timestamp,
        /// It is being stopped, and why.
        stopping: Option<Failure>,
    },
    /// A gate is looking.
    Gate(Box<GateState>),
    /// A hold is waiting.
    Hold(Box<HoldState>),
    /// A message must have been sent before the node goes on.
    Message,
    /// People are asked.
    Asking(Box<Asking>),
    /// Nobody knows what came of it: the runner ended in the middle.
    InDoubt,
    /// It is looked whether the step was done before the runner ended.
    Judging,
}

/// What people have answered so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// Since when they are asked.
    pub since: Timestamp,
    /// How often somebody was asked.
    pub rounds: u32,
    /// How often before the run was taken up again.
    pub most: u32,
    /// Their answers, in order.
    pub answers: Vec<Answer>,
}

/// What a gate has seen.
#[derive(Clone, Debug, PartialEq)]
pub struct GateState {
    /// Since when it looks.
    pub since: Timestamp,
    /// How many attempts it has begun.
    pub attempts: u32,
    /// When the newest attempt began.
    pub attempt_since: Option<Timestamp>,
    /// The newest attempt has not been judged.
    pub open: bool,
    /// What its commands and requests gave, once they have.
    pub looked: Option<Vec<Checked>>,
    /// Passing attempts in a row.
    pub passes: u32,
    /// Failing attempts in all.
    pub failures: u32,
    /// Failing attempts in a row.
    pub failures_in_row: u32,
    /// Attempts in a row that could not measure.
    pub errors: u32,
    /// What the newest attempt gave.
    pub last: Option<(Truth, Vec<Checked>)>,
    /// The spans of its conditions, by check and `for`.
    pub spans: BTreeMap<(u32, u32), Span>,
}

/// What a hold has seen.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldState {
    /// Since when it waits.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Its checks.
    pub checks: BTreeMap<u32, HoldCheck>,
    /// The spans of its conditions, by check and `for`.
    pub spans: BTreeMap<(u32, u32), Span>,
}

/// A check of a hold.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldCheck {
    /// What the newest sample made of it.
    pub truth: Truth,
    /// Bad samples in all.
    pub bad: u32,
    /// Bad samples in a row.
    pub bad_in_row: u32,
    /// When it was judged.
    pub at: Timestamp,
}
