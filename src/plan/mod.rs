//! The plan: what will be done, resolved, owned and serialisable.
//!
//! A dry run prints it, people approve its digest, the journal keeps it and the engine runs it. Nothing behind it looks
//! at the source again. Lowering makes it from the checker's model and the inputs; it may still find mistakes, because
//! only now values are known.

mod about;
mod action;
mod calendar;
mod digest;
mod exprs;
mod lower;
mod metric;
pub mod moment;
mod people;
mod react;
pub mod scenario;
mod schedule;
mod serial;
mod source;
mod text;
mod way_back;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::source::Place;
use crate::value::{Expr, Value};

pub use crate::check::model::{ChannelKind, PhaseKind as Lane};
pub use about::{Link, Release, Risk, Role, ScopeItem};
pub use action::{
    Action, ActionKind, Body, Builtin, Capture, Check, Command, FailAfter, Gate, Hold, HoldLength, Look, Message,
    Request, Touch, UrlPart, Word,
};
pub use calendar::{Blackout, Window};
pub use digest::{FORMAT, PlanFileError, digest, read, write};
pub use exprs::each_expr_of;
pub use lower::default_outcome;
pub use lower::{DEFAULT_ORIGIN, Given, GivenValue, PlanError};
pub use lower::{Inputs, SOME_DAY, plan, staged, sure_findings};
pub use metric::{Mark, Metric, MetricKind};
pub use moment::clock_text;
pub use people::{Ask, AskSort, Duty, Level, People, Person, Question, Quorum, When, same_person};
pub use react::{Announcement, Handler, Moment, Outcome, Response, Rollback, Severity, Trigger};
pub use schedule::{Estimate, Schedule, schedule};
pub use serial::duration;
pub use source::{Query, QueryPiece, Source, SourceKind, Spot, in_query};
pub use text::{
    Detail as TextDetail, Document, command_text, document, dry_run, dry_run_with, gate_words, look_words,
    outcome_text, query_text, request_text,
};
pub use way_back::{WayBack, way_back};

/// The setting of a message that ends what its channel began: an alert is resolved, a room put away. No file can write it.
pub const ENDS: &str = "@ends";

/// The index of a node in [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeIx(pub u32);

impl NodeIx {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this shape.
    pub format: u32,
    /// What is run.
    pub runbook: Runbook,
    /// What is released.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<Release>,
    /// What the release is about.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub scope: Vec<ScopeItem>,
    /// What can go wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub risks: Vec<Risk>,
    /// Who is who.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub roles: Vec<Role>,
    /// Where to look.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub links: Vec<Link>,
    /// The variables and where their values came from.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inputs: Vec<Input>,
    /// The secrets: where they are read from and what for, never what they are.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub secrets: Vec<Secret>,
    /// What is asked of the world at the start of the live part.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub facts: Vec<Fact>,
    /// Where messages go.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub channels: Vec<Channel>,
    /// Where metrics are asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sources: Vec<Source>,
    /// What is measured.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub metrics: Vec<Metric>,
    /// When nothing of a live phase starts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub blackouts: Vec<Blackout>,
    /// Every node of the timeline and of the rollbacks.
    pub nodes: Vec<Node>,
    /// The phases of the timeline, in order.
    pub phases: Vec<NodeIx>,
    /// How bad things are, the most severe first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub severities: Vec<Severity>,
    /// What watches.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub triggers: Vec<Trigger>,
    /// The ways back: the one that answers any failure first.
    pub rollbacks: Vec<Rollback>,
    /// What runs beside the timeline when it is called.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub responses: Vec<Response>,
    /// Messages at events of the run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub handlers: Vec<Handler>,
    /// Messages by the clock or by a node, beside the timeline.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub comms: Vec<Announcement>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub describe: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// The file it was made from.
    pub file: String,
    /// The zone of its times, by its IANA name.
    pub timezone: String,
    /// The locks that its live part holds.
    pub locks: Vec<String>,
    /// What `shell` starts.
    pub shell: Vec<String>,
    /// Variables of the environment that every command gets.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inherit: Vec<String>,
    /// How long a process has between SIGTERM and SIGKILL.
    #[serde(with = "serial::duration")]
    pub grace: SignedDuration,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it came from: `default`, `--var`, a file, the environment.
    pub origin: String,
}

/// A secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Where it is read from.
    pub source: SecretSource,
    /// The ids of the nodes, gates, metrics and channels that use it.
    pub used_by: Vec<String>,
}

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file.
    File(String),
    /// What a command prints.
    Exec(Vec<String>),
}

/// A question to the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its type, by name.
    pub ty: String,
    /// What is asked.
    pub action: Action,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// How it speaks.
    pub kind: ChannelKind,
    /// Its settings; may be secret.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub settings: Vec<(String, Expr)>,
    /// Of a webhook, further headers; may be secret.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header: Vec<(String, Expr)>,
}

impl Channel {
    /// A setting.
    pub fn setting(&self, name: &str) -> Option<&Expr> {
        self.settings.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// A setting of which one knows the words now.
    pub fn text(&self, name: &str) -> Option<String> {
        self.setting(name).and_then(Expr::known).map(Value::to_string)
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, of an instance of a loop with the instance's.
    pub id: String,
    /// Its title, or what it does.
    pub title: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub describe: Option<String>,
    /// Where it is written.
    pub place: Place,
    /// The phase in which it stands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<NodeIx>,
    /// The kind of its phase.
    pub lane: Lane,
    /// Its earliest moment.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub at: Option<SignedDuration>,
    /// Of a phase, the windows in which its nodes start.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub windows: Vec<Window>,
    /// It is left out if this is false when it is reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub when: Option<Check>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Nodes in their order.
    Phase {
        /// They.
        children: Vec<NodeIx>,
        /// How long all of them may take.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        limit: Option<Limit>,
    },
    /// Nodes side by side: `parallel`, or the items of a `checklist`.
    Parallel {
        /// They.
        lanes: Vec<NodeIx>,
        /// How long all of them may take.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        limit: Option<Limit>,
        /// They are the items of a checklist.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        checklist: bool,
        /// Who is asked when they are not ticked.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        escalation: Vec<Level>,
    },
    /// Actions in their order: a step, or a gate, a hold, a question or a message by itself.
    Work(Box<Work>),
    /// In a rollback, the place where steps are undone.
    Undo {
        /// Only these, if it names some.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        only: Option<Vec<String>>,
    },
}

/// What sort of node does work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a keyword of the language")]
pub enum Sort {
    Step,
    Gate,
    Hold,
    Notify,
    Approve,
    Confirm,
    Question,
    Item,
    Ramp,
}

impl Sort {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Sort::Step => "step",
            Sort::Gate => "gate",
            Sort::Hold => "hold",
            Sort::Notify => "notify",
            Sort::Approve => "approve",
            Sort::Confirm => "confirm",
            Sort::Question => "question",
            Sort::Item => "item",
            Sort::Ramp => "ramp",
        }
    }
}

/// The work of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What sort of node it is.
    pub sort: Sort,
    /// What it usually needs.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub takes: Option<SignedDuration>,
    /// How long it may take, all tries together.
    pub limit: Limit,
    /// How often it is tried again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry: Option<Retry>,
    /// What happens if it fails.
    pub on_failure: Outcome,
    /// What it does.
    pub actions: Vec<Action>,
    /// How it is undone.
    pub undo: Undo,
    /// What shows that it was done, when nobody knows how far it got.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub done_when: Vec<Look>,
    /// Whether it may be run again when nobody knows how far it got.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub idempotent: bool,
}

/// How long something may take, and what happens then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// How long.
    #[serde(with = "serial::duration")]
    pub duration: SignedDuration,
    /// In a prepare phase without a written limit: until the next moment of the plan.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub until: Option<SignedDuration>,
    /// What happens then.
    pub otherwise: Outcome,
    /// Whether it stands in the file; else it is the language's.
    pub written: bool,
}

/// How often a step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// So many times after the first.
    pub times: u32,
    /// How long to wait before the next try.
    #[serde(with = "serial::duration")]
    pub every: SignedDuration,
    /// By how much the wait grows.
    pub backoff: f64,
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// There is nothing to undo: it changes nothing.
    Nothing,
    /// It is not undone, and why.
    Excused(String),
    /// It cannot be undone, and why: the plain way back does not reach across it.
    Irreversible(String),
    /// By these actions.
    Actions {
        /// What that usually needs.
        #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
        takes: Option<SignedDuration>,
        /// They.
        actions: Vec<Action>,
    },
}

impl Plan {
    /// A node.
    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.index()]
    }

    /// The node of a name.
    pub fn find(&self, id: &str) -> Option<NodeIx> {
        self.nodes.iter().position(|n| n.id == id).map(|i| NodeIx(i as u32))
    }

    /// A source.
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.id == id)
    }

    /// Whether a node holds others.
    pub fn is_group(&self, ix: NodeIx) -> bool {
        self.node(ix).children().is_some()
    }

    /// Whether a node stands in a phase of the timeline, and not in a rollback or a response.
    pub fn in_timeline(&self, ix: NodeIx) -> bool {
        self.phases.contains(&self.top(ix))
    }

    /// The outermost group around a node, or it itself.
    pub fn top(&self, ix: NodeIx) -> NodeIx {
        let mut top = ix;
        while let Some(parent) = self.node(top).parent {
            top = parent;
        }
        top
    }

    /// Whether a node stands in a group, or is it.
    pub fn is_within(&self, ix: NodeIx, group: NodeIx) -> bool {
        let mut next = Some(ix);
        while let Some(ix) = next {
            if ix == group {
                return true;
            }
            next = self.node(ix).parent;
        }
        false
    }

    /// The nodes of a name: one, or all instances of a loop.
    pub fn named(&self, id: &str) -> Vec<NodeIx> {
        // A group is meant as a whole; what stands in it has names of its own.
        if let Some(ix) = self.find(id).filter(|ix| self.is_group(*ix)) {
            return vec![ix];
        }
        let prefix = format!("{id}.");
        let fits = |n: &Node| n.id == id || (n.id.starts_with(&prefix) && n.children().is_none());
        self.nodes.iter().enumerate().filter(|(_, n)| fits(n)).map(|(i, _)| NodeIx(i as u32)).collect()
    }

    /// The severity of a trigger.
    pub fn severity_of(&self, trigger: u32) -> Option<&Severity> {
        let id = self.triggers.get(trigger as usize)?.severity.as_ref()?;
        self.severities.iter().find(|s| s.id == *id)
    }

    /// A metric by its name.
    pub fn metric(&self, id: &str) -> Option<&Metric> {
        self.metrics.iter().find(|m| m.id == id)
    }

    /// A rollback by its name; without one, the one that answers any failure.
    pub fn rollback(&self, id: Option<&str>) -> Option<usize> {
        // No rollback can be named so: the word is reserved.
        let id = id.filter(|id| *id != "rollback").unwrap_or_default();
        self.rollbacks.iter().position(|r| r.id == id)
    }

    /// The nodes of the timeline in the order in which they run, phases before their nodes.
    pub fn timeline(&self) -> Vec<NodeIx> {
        fn add(plan: &Plan, ix: NodeIx, found: &mut Vec<NodeIx>) {
            found.push(ix);
            for child in plan.node(ix).children().unwrap_or_default() {
                add(plan, *child, found);
            }
        }
        let mut found = Vec::new();
        for phase in &self.phases {
            add(self, *phase, &mut found);
        }
        found
    }
}

impl Node {
    /// Its work, unless it is a phase or an `undo`.
    pub fn work(&self) -> Option<&Work> {
        match &self.kind {
            NodeKind::Work(work) => Some(work),
            NodeKind::Phase { .. } | NodeKind::Parallel { .. } | NodeKind::Undo { .. } => None,
        }
    }

    /// Who is asked when those who are asked first do not answer.
    pub fn escalation(&self) -> &[Level] {
        let asks = |action: &Action| matches!(&action.kind, ActionKind::Ask(_));
        match &self.kind {
            NodeKind::Parallel { escalation, .. } => escalation,
            NodeKind::Work(work) => match work.actions.iter().find(|a| asks(a)).map(|a| &a.kind) {
                Some(ActionKind::Ask(ask)) => &ask.escalation,
                _ => &[],
            },
            NodeKind::Phase { .. } | NodeKind::Undo { .. } => &[],
        }
    }

    /// The nodes in it, of a phase one after the other, else side by side; nothing if it is no group.
    pub fn children(&self) -> Option<&[NodeIx]> {
        match &self.kind {
            NodeKind::Phase { children, .. } => Some(children),
            NodeKind::Parallel { lanes, .. } => Some(lanes),
            NodeKind::Work(_) | NodeKind::Undo { .. } => None,
        }
    }

    /// How long all of a group may take.
    pub fn group_limit(&self) -> Option<&Limit> {
        match &self.kind {
            NodeKind::Phase { limit, .. } | NodeKind::Parallel { limit, .. } => limit.as_ref(),
            NodeKind::Work(_) | NodeKind::Undo { .. } => None,
        }
    }

    /// Whether it is a checklist.
    pub fn is_checklist(&self) -> bool {
        matches!(self.kind, NodeKind::Parallel { checklist: true, .. })
    }
}
