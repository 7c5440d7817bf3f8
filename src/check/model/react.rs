//! What answers: outcomes, triggers, rollbacks, responses, and what is told beside the timeline.

use crate::source::Span;

use super::{Ask, Id, Node, Notify, People, Typed};

/// What happens then.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Verdict {
    Stop,
    Continue,
    Rollback(Option<String>),
    Ignore,
    /// `pause [for PEOPLE] within D else OUTCOME`
    Pause {
        people: Option<Box<People>>,
        within: Option<Box<Typed>>,
        otherwise: Option<Box<Outcome>>,
    },
    /// A response, beside the timeline.
    Respond(String),
}

/// OUTCOME with its place.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Outcome {
    pub span: Span,
    pub verdict: Verdict,
}

/// `within D else OUTCOME`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Limit {
    pub span: Span,
    pub duration: Typed,
    /// The escalation along which it is asked again.
    pub escalate: Option<String>,
    pub otherwise: Option<Outcome>,
}

/// `trigger NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Trigger {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub when: Option<Typed>,
    pub severity: Option<String>,
    pub then: Option<Outcome>,
    /// Who is asked whether to do it.
    pub ask: Option<Ask>,
    /// A person fires it; these, or anybody.
    pub manual: Option<Option<People>>,
    pub no_data: Option<Outcome>,
    pub from: Option<Moment>,
    pub until: Option<Moment>,
    pub notifies: Vec<Notify>,
}

/// A moment of the run.
#[derive(Clone, Debug)]
pub enum Moment {
    /// `T+5m`
    Offset(Typed),
    /// `X`, `X.done`
    Node {
        /// The node, perhaps an instance of a loop.
        id: String,
        /// Where it is named.
        span: Span,
        /// Its end, not its start.
        done: bool,
        /// `pod.done + 5m`: so long behind it, or before it.
        shift: Option<Box<Typed>>,
    },
    /// `done`: the end of the live part.
    End,
}

/// `rollback NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Rollback {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub rto: Option<Typed>,
    pub within: Option<Limit>,
    pub nodes: Vec<Node>,
    pub announcements: Vec<Announcement>,
    /// What is to be done when it has ended.
    pub after: Vec<Node>,
}

/// `response NAME "…" within D else OUTCOME { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Response {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub within: Option<Limit>,
    pub nodes: Vec<Node>,
    pub actions: Vec<super::Action>,
}

/// What is told beside the timeline: of `comms` and of `every`.
#[derive(Clone, Debug)]
pub enum Announcement {
    /// `notify … at T-48h` and `notify … from deployment.done`
    Once {
        /// When, by the clock or by a node.
        moment: Option<Moment>,
        /// Whether at all.
        when: Option<Typed>,
        /// What.
        notify: Notify,
    },
    /// `every D from X until Y { … }`
    Every {
        /// So often.
        every: Typed,
        /// From then on.
        from: Option<Moment>,
        /// Until then.
        until: Option<Moment>,
        /// Whether at all.
        when: Option<Typed>,
        /// What.
        notifies: Vec<Notify>,
    },
}

/// `on EVENT { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Handler {
    pub event: String,
    pub notifies: Vec<Notify>,
}
