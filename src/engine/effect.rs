//! What the engine wants of the world, and what the world tells it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::{Action, Fact, Look, Metric, NodeIx};
use crate::value::Value;

use super::event::{ActionResult, Checked, Doubt, Receipt, Slot, Who};
use super::say::Say;

/// The stable name of an effect: the same wish has the same name however often it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EffectId {
    /// The lock of the runbook, held as long as it is wanted.
    Lock,
    /// A fact, by its index.
    Fact(u32),
    /// An action.
    Action(Slot),
    /// The commands and requests of an attempt of a gate.
    Look(Slot, u32),
    /// The n-th sample of a metric.
    Sample(u32, u64),
    /// The baseline of a metric, from its past.
    Baseline(u32),
    /// A message, by its key.
    Message(u32),
}

/// What is wanted now, and when to ask again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The effects that should be in flight.
    pub effects: Vec<EffectId>,
    /// Effects that are being stopped: of one that never was in flight the engine is told at once that it ended.
    pub stopping: Vec<EffectId>,
    /// The next moment at which something happens by itself, samples aside.
    pub wake: Option<Timestamp>,
    /// When each metric that is watched is sampled next, by its index; those that are due are among the effects.
    pub samples: Vec<(u32, Timestamp)>,
}

impl Wanted {
    /// When to look again.
    pub fn next(&self) -> Option<Timestamp> {
        self.samples.iter().map(|(_, at)| *at).chain(self.wake).min()
    }
}

/// An effect with everything the world needs for it. What is left open in it are secrets, which only the world knows,
/// and what its own result will say.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Take these locks, and keep them.
    Lock(Vec<String>),
    /// Ask a fact.
    Fact(Box<Fact>),
    /// Do this.
    Action(Box<Action>),
    /// Look at these, in their order.
    Look(Vec<Look>),
    /// Take a sample.
    Sample(Box<Metric>),
    /// Read the mean of its past, which ended so long ago.
    Baseline(Box<Metric>, jiff::SignedDuration),
    /// Send a message.
    Message(Box<Outgoing>),
    /// It cannot be done: something it needs has no value.
    Impossible(String),
}

/// A message on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The one name of this message, however often it is tried: `RUN.KEY`.
    pub id: String,
    /// The run.
    pub run: String,
    /// The title of the runbook.
    pub title: String,
    /// When it was written.
    pub at: Timestamp,
    /// An earlier process may have sent it already.
    pub again: bool,
    /// How often it is tried.
    pub tries: u32,
    /// What the service made of this run's messages so far.
    pub receipt: Option<Receipt>,
    /// The channel.
    pub channel: crate::plan::Channel,
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// The channel's own settings.
    pub settings: Vec<(String, Value)>,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The locks are held, or why not.
    Lock(Result<(), String>),
    /// The answer to a fact.
    Fact(Result<Value, String>),
    /// An action.
    Action(ActionResult),
    /// What was looked at.
    Look(Vec<Checked>),
    /// A sample, or why there is none; and the answer it came from, as far as it is kept.
    Sample(Result<Value, SampleProblem>, String),
    /// The mean over the past and what it was made of, or why there is none.
    Baseline(Result<(Value, String), String>),
    /// A message was sent and what the service made of it, or why it was not.
    Message(Result<Option<Receipt>, Unsent>),
    /// It was stopped because it was no longer wanted.
    Cancelled,
}

/// Something that is shown and forgotten: it is no event, and nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// A line that an effect printed, masked and harmless.
    Line(EffectId, String),
}

/// What the engine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The run begins.
    Begin {
        /// Its id.
        run: String,
        /// Who starts it.
        by: Who,
        /// The directory in which its commands run.
        dir: String,
        /// The version of runbook.
        version: String,
        /// It halts when this node is through.
        until: Option<NodeIx>,
        /// What was done before, by hand, and why that is known.
        done: Vec<(NodeIx, String)>,
        /// Its process ends while nothing is to be done, and something takes it up again when it is due.
        parks: bool,
    },
    /// It is taken up again by a new process.
    Resume {
        /// Who resumes it.
        by: Who,
        /// What they say of steps that are in doubt.
        doubts: Vec<(NodeIx, Doubt)>,
    },
    /// Time passes.
    Tick,
    /// An effect ended.
    Ended(EffectId, Done),
    /// Nothing happens for a long time: its process may end until then.
    Park,
    /// A person or a signal wants it to halt.
    Halt {
        /// Who.
        by: Who,
        /// Why: `Ctrl-C`, `SIGTERM`.
        reason: String,
    },
    /// A person ends a run that this process runs: it halts, and has ended then.
    End {
        /// Who.
        by: Who,
        /// Why.
        reason: String,
    },
    /// A person ends a run that nobody runs any more.
    Abort {
        /// Who.
        by: Who,
        /// Why.
        reason: String,
    },
    /// A person says something.
    Say {
        /// Under which key: what was said once counts once.
        key: String,
        /// Who.
        by: Who,
        /// What.
        say: Say,
    },
    /// A person wants to go back.
    Rollback {
        /// Who.
        by: Who,
        /// By which rollback.
        to: Option<String>,
        /// It is taken up by a new process for that, out of a way back or stuck.
        resumes: bool,
    },
}

/// What a person at another terminal wants of a run that a process is running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It halts, as by Ctrl-C.
    Halt {
        /// Who.
        by: Who,
        /// Why.
        reason: String,
    },
    /// It ends, and nothing is undone.
    End {
        /// Who.
        by: Who,
        /// Why.
        reason: String,
    },
    /// It goes back.
    Rollback {
        /// Who.
        by: Who,
        /// By which rollback.
        to: Option<String>,
    },
    /// It hears something.
    Say {
        /// Under which key.
        key: String,
        /// Who.
        by: Who,
        /// What.
        say: Say,
    },
}

impl From<Wish> for Input {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Halt { by, reason } => Input::Halt { by, reason },
            Wish::End { by, reason } => Input::End { by, reason },
            Wish::Say { key, by, say } => Input::Say { key, by, say },
            Wish::Rollback { by, to } => Input::Rollback { by, to, resumes: false },
        }
    }
}

/// A message that was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Why, in words.
    pub why: String,
    /// The service could not be reached, or takes nothing now: what comes after it will not fare better.
    pub unreachable: bool,
    /// It was stopped before anything was sent.
    pub held: bool,
}

impl Unsent {
    /// It was refused.
    pub fn refused(why: impl Into<String>) -> Self {
        Unsent { why: why.into(), unreachable: false, held: false }
    }
}

/// What is said of a baseline that was made of few points.
pub const SPARSE: &str = "less than half of that time has data";

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleProblem {
    /// Why, in words.
    pub why: String,
    /// It could not be measured at all; else there was an answer, and no value in it.
    pub error: bool,
}

impl SampleProblem {
    /// It could not be measured.
    pub fn error(why: String) -> Self {
        SampleProblem { why, error: true }
    }

    /// There is no value in the answer.
    pub fn no_data(why: String) -> Self {
        SampleProblem { why, error: false }
    }
}
