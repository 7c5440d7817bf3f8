//! The timeline: phases and their nodes.

use crate::source::Span;

use super::{Action, AskNode, Checklist, GateUse, Hold, Id, Limit, Look, Notify, Outcome, Typed};

/// `phase NAME: KIND "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Phase {
    pub head: Head,
    pub kind: PhaseKind,
    /// The windows in which its nodes start.
    pub windows: Vec<(String, Span)>,
    pub owner: Option<Typed>,
    pub within: Option<Limit>,
    pub nodes: Vec<Node>,
}

/// What may happen in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// Nothing of production changes.
    Prepare,
    /// The release itself; it can be rolled back.
    Live,
    /// The release stays.
    After,
}

impl PhaseKind {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            PhaseKind::Prepare => "prepare",
            PhaseKind::Live => "live",
            PhaseKind::After => "after",
        }
    }
}

/// What every node has.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Head {
    pub id: Option<Id>,
    /// Keyword and name, to point at.
    pub span: Span,
    pub title: Option<Box<Typed>>,
    pub describe: Option<Box<Typed>>,
    pub at: Option<Box<Typed>>,
    pub when: Option<Box<Typed>>,
}

/// A node of a timeline.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a node of the language")]
pub enum Node {
    Phase(Phase),
    Step(Box<Step>),
    Gate(Head, Box<GateUse>),
    Hold(Head, Hold),
    Notify(Head, Notify),
    For(For),
    Parallel(Head, Vec<Node>),
    Ramp(Box<Ramp>),
    Ask(Box<AskNode>),
    Checklist(Box<Checklist>),
    /// `undo` in a rollback; with the names, if it names some.
    Undo(Span, Option<Vec<(String, Span)>>),
}

/// `for NAME in LIST { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct For {
    pub name: Id,
    pub list: Typed,
    pub nodes: Vec<Node>,
}

/// `step NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Step {
    pub head: Head,
    pub takes: Option<Typed>,
    pub idempotent: bool,
    /// The `hosts` on each of which it runs.
    pub hosts: Option<String>,
    pub batch: Option<Typed>,
    pub max_failures: Option<Typed>,
    pub owner: Option<Typed>,
    /// What shows that it was done.
    pub done_when: Vec<Look>,
    pub within: Option<Limit>,
    pub retry: Option<Retry>,
    pub on_failure: Option<Outcome>,
    pub actions: Vec<Action>,
    pub undo: Undo,
}

/// `ramp NAME: SUBJECT "…" through [10%, 50%, 100%] { hold …; gate … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Ramp {
    pub head: Head,
    /// The router or the flag that is moved.
    pub subject: Option<String>,
    pub through: Option<Typed>,
    pub takes: Option<Typed>,
    pub on_failure: Option<Outcome>,
    pub looks: Vec<Node>,
}

/// `retry N every D backoff Nx`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Retry {
    pub times: Typed,
    pub every: Option<Typed>,
    pub backoff: Option<Typed>,
}

/// How a step is undone.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Nothing is said.
    Unsaid,
    /// `undo none "why"`
    None(Span, Option<Typed>),
    /// `irreversible "why"`
    Irreversible(Span, Option<Typed>),
    /// `undo { … }`
    Actions {
        /// The keyword's place.
        span: Span,
        /// What it usually needs.
        takes: Option<Typed>,
        /// What is done.
        actions: Vec<Action>,
    },
}

impl Node {
    /// Id, title and moment; a loop and an `undo` have none.
    pub fn head(&self) -> Option<&Head> {
        match self {
            Node::Phase(phase) => Some(&phase.head),
            Node::Step(step) => Some(&step.head),
            Node::Gate(head, _) | Node::Hold(head, _) | Node::Notify(head, _) | Node::Parallel(head, _) => Some(head),
            Node::Ramp(ramp) => Some(&ramp.head),
            Node::Ask(ask) => Some(&ask.head),
            Node::Checklist(checklist) => Some(&checklist.head),
            Node::For(_) | Node::Undo(..) => None,
        }
    }

    /// The nodes in it.
    pub fn inner(&self) -> &[Node] {
        match self {
            Node::Phase(phase) => &phase.nodes,
            Node::For(repeated) => &repeated.nodes,
            Node::Parallel(_, lanes) => lanes,
            Node::Ramp(ramp) => &ramp.looks,
            _ => &[],
        }
    }
}
