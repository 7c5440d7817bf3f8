//! Events: what happened in a run. The state is the fold of them, the journal is a list of them, every screen is made
//! from them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::plan::{NodeIx, Outcome, People, Plan, duration};
use crate::value::Value;

use super::say::{Inquiry, Say};

/// The version of the events' shape.
pub const FORMAT: u32 = 1;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Which way a node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Its own actions.
    Forward,
    /// Its undo.
    Undo,
}

/// An action of a node in one of its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// The node.
    pub node: NodeIx,
    /// Its actions or its undo.
    pub part: Part,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The action, from 0.
    pub action: u32,
}

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user of the operating system.
    pub user: String,
    /// Who they say they are; a claim.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub claim: Option<String>,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.claim {
            Some(claim) => write!(f, "{claim} (as {})", self.user),
            None => f.write_str(&self.user),
        }
    }
}

/// Why something did not go well. Failed, timed out, cancelled and rejected are four different things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which sort.
    pub sort: FailureSort,
    /// In words, for people.
    pub text: String,
    /// The last lines of what was printed, made harmless.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tail: Vec<String>,
}

impl Failure {
    /// A failure without output.
    pub fn new(sort: FailureSort, text: impl Into<String>) -> Self {
        Failure { sort, text: text.into(), tail: Vec::new() }
    }
}

/// The sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureSort {
    /// It ended, and not as expected.
    Failed,
    /// Its time was over.
    TimedOut,
    /// It could not be started or not be worked out.
    Error,
    /// A gate could neither pass nor fail.
    Inconclusive,
    /// It was stopped on purpose.
    Cancelled,
    /// A person said no.
    Rejected,
    /// Nobody knows how far it got: the runner ended in the middle.
    InDoubt,
}

/// What an action does while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Something runs in the world.
    Work,
    /// A gate looks.
    Gate,
    /// A hold waits until then.
    Hold(Timestamp),
    /// A message must be sent.
    Message,
    /// People are asked.
    Ask,
    /// It is looked whether the step was done before the runner ended.
    DoneWhen,
}

/// What a person says of a step of which nobody knows how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It is done again.
    Again,
    /// What ran then was done.
    Done,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionResult {
    /// Why not well, if so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<Failure>,
    /// What it gave, in a few words: `exit 0`, `200 in 12ms`.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
    /// What was kept; of a secret only that it was.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub captures: Vec<Captured>,
}

/// A kept value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// Its full name.
    pub name: String,
    /// Its value; nothing if it is secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
}

/// What a check or an attempt of a gate gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// There is no data.
    NoData,
    /// It could not be measured at all.
    Error,
}

/// A check and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The check, as it is written.
    pub text: String,
    /// What came of it.
    pub truth: Truth,
    /// Why, in words: the value that was found.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub why: String,
}

/// A sample of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was taken.
    pub at: Timestamp,
    /// The value; `None` is no data.
    pub value: Value,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// It could not be measured at all.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub error: bool,
    /// The answer that it was read from, as far as it is kept.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub raw: String,
}

/// What was seen of a metric, in a few words; of a gate whether it passed.
pub fn seen(value: &Value) -> String {
    match value {
        Value::Bool(true) => "passes".into(),
        Value::Bool(false) => "fails".into(),
        other => other.brief(),
    }
}

/// Whose condition was judged by a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watcher {
    /// A trigger, by its index.
    Trigger(u32),
    /// A check of a hold.
    Hold(Slot, u32),
    /// A check of a gate.
    Gate(Slot, u32),
    /// A check of a gate that a condition watches, by its index among the metrics.
    Watched(u32, u32),
}

/// What a sample means for a condition over time, or for a check of a hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Whose.
    pub watcher: Watcher,
    /// Which `for` of its condition; nothing for the check of a hold as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span: Option<u32>,
    /// What the condition is now.
    pub truth: Truth,
    /// How long it must hold.
    #[serde(with = "duration")]
    pub needs: SignedDuration,
}

/// What a service calls what it made of a message: an incident, a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its name there.
    pub id: String,
    /// Its page, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Everything went as expected.
    Succeeded,
    /// It did not.
    Failed,
    /// A rollback or a stop ended it.
    Interrupted,
    /// Its time is over, and the release stays all the same: it is still to be done.
    Overdue,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything was done.
    Completed,
    /// Everything was done, with reservations.
    CompletedWithReservations,
    /// Everything was undone.
    RolledBack,
    /// Everything was undone, and it is not healthy.
    Unhealthy,
    /// A rollback failed; a person is needed.
    Stuck,
    /// It ended and nothing was undone.
    Stopped,
    /// Another run holds the lock; nothing was changed.
    Locked,
}

impl Ending {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Ending::Completed => "completed",
            Ending::CompletedWithReservations => "completed with reservations",
            Ending::RolledBack => "rolled back",
            Ending::Unhealthy => "rolled back, not healthy",
            Ending::Stuck => "stuck",
            Ending::Stopped => "stopped",
            Ending::Locked => "locked",
        }
    }

    /// Whether the run can be taken up again: a person may have mended what stood in the way.
    pub fn can_go_on(self) -> bool {
        self == Ending::Stuck
    }

    /// The event for which an `on` block may stand.
    pub fn handler(self) -> &'static str {
        match self {
            Ending::Completed | Ending::CompletedWithReservations => "completed",
            Ending::RolledBack => "rolled_back",
            Ending::Unhealthy => "unhealthy",
            Ending::Stuck => "stuck",
            Ending::Stopped | Ending::Locked => "stopped",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are named for what they are")]
pub enum EventKind {
    /// The run began.
    RunStarted {
        format: u32,
        run: String,
        digest: String,
        by: Who,
        dir: String,
        version: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<NodeIx>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        done: Vec<(NodeIx, String)>,
        #[serde(default, skip_serializing_if = "is_false")]
        parks: bool,
    },
    /// Nothing happens for a long time: the process ended, and nothing was in flight.
    Parked { until: Timestamp },
    /// It was taken up again after that; nothing was lost.
    Unparked { by: Who },
    /// It goes on by another plan. What has begun keeps its state; approvals lapse.
    PlanChanged {
        by: Who,
        reason: String,
        digest: String,
        plan: Box<Plan>,
        /// Which node of the plan before each node is; nothing for a new one.
        nodes: Vec<Option<NodeIx>>,
        /// The same of metrics.
        metrics: Vec<Option<u32>>,
        /// The same of messages beside the timeline.
        comms: Vec<Option<u32>>,
        /// Approvals that were given for the plan before, and are asked for again.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        lapsed: Vec<NodeIx>,
    },
    /// It was taken up again, in a new process.
    RunResumed {
        by: Who,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        doubts: Vec<(NodeIx, Doubt)>,
    },
    /// The lock was taken.
    LockTaken,
    /// Another run has it.
    LockRefused { why: String },
    /// The world answered.
    FactRead { name: String, value: Value },
    /// The world did not answer.
    FactFailed { name: String, why: String },
    /// What a metric was over its past; `None` is that nobody knows, and then why.
    BaselineRead { metric: u32, value: Value, why: String },
    /// The live part began: facts are known, triggers are armed.
    LiveStarted,
    /// T+0 is now known for good.
    ZeroSet { zero: Timestamp },
    /// The live part ended: the release is committed.
    LiveEnded,
    /// A node has to wait for its moment.
    NodeWaiting { node: NodeIx, until: Timestamp },
    /// A node began.
    NodeStarted { node: NodeIx },
    /// A node was left out.
    NodeSkipped { node: NodeIx, why: String },
    /// An action is about to begin.
    ActionStarted { slot: Slot, doing: Doing },
    /// A running action is being stopped.
    ActionStopping { slot: Slot, failure: Failure },
    /// An action ended.
    ActionEnded { slot: Slot, result: ActionResult },
    /// A gate makes an attempt.
    AttemptStarted { slot: Slot, attempt: u32 },
    /// The commands and requests of an attempt have been looked at.
    LookEnded { slot: Slot, attempt: u32, checks: Vec<Checked> },
    /// An attempt of a gate has been judged.
    AttemptJudged { slot: Slot, attempt: u32, truth: Truth, checks: Vec<Checked> },
    /// A node is tried again.
    RetryScheduled { node: NodeIx, part: Part, attempt: u32, again: Timestamp, failure: Failure },
    /// A node ended; if it failed, what that leads to.
    NodeEnded {
        node: NodeIx,
        ended: Ended,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        failure: Option<Failure>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        outcome: Option<Outcome>,
    },
    /// A metric was sampled.
    Sampled {
        metric: u32,
        sample: Sample,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        judged: Vec<Judged>,
    },
    /// The commands and requests of a gate that a condition watches have been looked at.
    Looked { metric: u32, checks: Vec<Checked> },
    /// A trigger watches from now on.
    TriggerArmed { trigger: u32 },
    /// A trigger watches no more.
    TriggerDisarmed { trigger: u32 },
    /// A trigger fired.
    TriggerFired {
        trigger: u32,
        reason: String,
        samples: Vec<Sample>,
        outcome: Outcome,
        /// It asks first.
        #[serde(default, skip_serializing_if = "is_false")]
        asks: bool,
    },
    /// Its condition has been false again: it can fire once more.
    TriggerRearmed { trigger: u32 },
    /// The channels of its severity are told how it stands.
    IncidentUpdated {
        trigger: u32,
        /// How often they have been, this time included.
        turn: u64,
    },
    /// It has not seen anything for too long.
    TriggerBlind { trigger: u32, why: String, outcome: Outcome },
    /// What a failure led to: the run goes on.
    WentOn { reason: String },
    /// A response begins beside the timeline.
    ResponseStarted { response: u32, reason: String },
    /// Somebody is asked, the first time or again.
    Asked { what: Inquiry, round: u32 },
    /// Somebody said something, and it counts.
    Heard { key: String, by: Who, say: Say },
    /// Somebody said something, and it does not count.
    Refused { key: String, by: Who, say: Say, why: String },
    /// What a trigger asked is answered, or nobody came.
    QuestionEnded {
        trigger: u32,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        yes: Option<bool>,
        outcome: Outcome,
        reason: String,
    },
    /// The run waits for a person, until a moment.
    Paused {
        reason: String,
        until: Timestamp,
        otherwise: Outcome,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        node: Option<NodeIx>,
        #[serde(skip_serializing_if = "People::is_anybody", default = "People::anybody")]
        people: People,
    },
    /// Enough people have said that it goes on: what stopped is done again.
    PauseOver,
    /// Nobody came.
    PauseEnded { otherwise: Outcome, reason: String },
    /// A person or a signal halts the run.
    HaltRequested {
        by: Who,
        reason: String,
        /// It has ended then.
        #[serde(default, skip_serializing_if = "is_false")]
        ends: bool,
    },
    /// Nothing runs any more; the run can be resumed.
    Halted,
    /// A person wants to go back.
    RollbackRequested { by: Who, to: Option<String> },
    /// The way back began.
    RollbackStarted {
        rollback: u32,
        reason: String,
        by: String,
        node: Option<NodeIx>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        eta: Option<String>,
        /// A person has said that it goes back, though only to the point of no return.
        #[serde(default, skip_serializing_if = "is_false")]
        answered: bool,
    },
    /// A step is being undone.
    UndoStarted { node: NodeIx },
    /// A node of a rollback that is taken a second time has not happened yet.
    NodeAgain {
        /// The node.
        node: NodeIx,
    },
    /// The way back stands before a step that cannot be undone, and waits for a person.
    PointOfNoReturn {
        /// The step.
        node: NodeIx,
        /// Why it cannot.
        why: String,
    },
    /// A step has nothing that could be undone, and why.
    UndoSkipped { node: NodeIx, why: String },
    /// A step was undone, or not.
    UndoEnded {
        node: NodeIx,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        failure: Option<Failure>,
    },
    /// A gate behind the undoing did not pass.
    FoundUnhealthy { node: NodeIx, failure: Failure },
    /// What `comms` or an `every` says was due.
    Announced {
        comms: u32,
        /// How often it has been due, this time included.
        turn: u64,
        /// Why nothing was said, if so.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        skipped: Option<String>,
    },
    /// A message is to be sent.
    MessageQueued {
        key: u32,
        channel: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        subject: Option<String>,
        text: String,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        settings: Vec<(String, Value)>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        slot: Option<Slot>,
    },
    /// A message is about to be sent.
    MessageSending { key: u32 },
    /// A message was sent, and what its service said of it.
    MessageSent {
        key: u32,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        receipt: Option<Receipt>,
    },
    /// A message could not be sent.
    MessageFailed {
        key: u32,
        why: String,
        /// Its service could not be reached.
        #[serde(default, skip_serializing_if = "is_false")]
        unreachable: bool,
    },
    /// The process ended before a message was sent: it is sent by the next one.
    MessageHeld { key: u32 },
    /// It is clear how the run ends; what is to be said about it is being said.
    EndingReached { ending: Ending, reason: String },
    /// The run ended.
    RunEnded { ending: Ending },
}

impl EventKind {
    /// Whether something may be built on it at once. What is not so is written with the next one that is: a sample may be
    /// lost with the process, and nothing is wrong then.
    pub fn is_durable(&self) -> bool {
        !matches!(self, EventKind::Sampled { .. } | EventKind::Looked { .. } | EventKind::NodeWaiting { .. })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}
