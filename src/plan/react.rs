//! What answers and what is told: outcomes, triggers, ways back, responses, messages beside the timeline.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::value::Expr;

use super::{Check, Message, NodeIx, People, Question, serial};

/// What happens then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The run ends and nothing is undone.
    Stop,
    /// The run goes on, with a reservation.
    Continue,
    /// The way back, by its name if it has one.
    Rollback(Option<String>),
    /// Nothing at all.
    Ignore,
    /// A response, beside the timeline, by its name; the run goes on.
    Respond(String),
    /// The run waits for a person, and then takes another outcome.
    Pause {
        /// Who is asked.
        #[serde(skip_serializing_if = "People::is_anybody", default = "People::anybody")]
        people: People,
        /// How long.
        #[serde(with = "serial::duration")]
        within: SignedDuration,
        /// What happens then.
        otherwise: Box<Outcome>,
    },
}

/// A trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// When it fires by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub when: Option<Check>,
    /// Who fires it by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manual: Option<People>,
    /// What is asked before it acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ask: Option<Question>,
    /// What happens then.
    pub outcome: Outcome,
    /// Its severity, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<String>,
    /// Its place in the order of severities: the smallest is the most severe.
    pub rank: u32,
    /// What happens if it is blind.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub no_data: Option<Outcome>,
    /// From when it watches; else from the start of the live part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Moment>,
    /// Until when; else to the end of the live part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Moment>,
    /// What is said when it fires.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub messages: Vec<Message>,
}

/// How bad something is, and who hears of it how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Severity {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// The channels that hear of it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notify: Vec<String>,
    /// So often, as long as it lasts.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub update_every: Option<SignedDuration>,
    /// The role that leads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commander: Option<String>,
}

/// A moment of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Relative to T+0.
    Offset(#[serde(with = "serial::duration")] SignedDuration),
    /// When the first of these nodes starts.
    Start(Vec<NodeIx>),
    /// When the last of these nodes has ended.
    End(Vec<NodeIx>),
    /// The end of the live part.
    LiveEnd,
    /// So long after another moment; before it, if it is negative.
    After(Box<Moment>, #[serde(with = "serial::duration")] SignedDuration),
}

/// A way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    /// Its name; of the one that answers any failure, empty.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub rto: Option<SignedDuration>,
    /// What is done, in order; one of them is the undoing.
    pub nodes: Vec<NodeIx>,
    /// What is left to do when it has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<NodeIx>,
}

/// What runs beside the timeline when a trigger, a question or a failure calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Its name.
    pub id: String,
    /// The group of its nodes.
    pub node: NodeIx,
}

/// Messages by the clock or by a node: once, or again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// It is sent however late it is.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub keeps: bool,
    /// Of which way back; else of the timeline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rollback: Option<u32>,
    /// From then on; without one from the start of the live part, or of the way back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Moment>,
    /// Until then; without one to the end of the live part, or of the way back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Moment>,
    /// So often; once without it.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub every: Option<SignedDuration>,
    /// Whether at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub when: Option<Check>,
    /// What is said.
    pub messages: Vec<Message>,
}

/// Messages at an event of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handler {
    /// `started`, `completed`, …
    pub event: String,
    /// What is said.
    pub messages: Vec<Message>,
}

impl Trigger {
    /// When it fires by itself.
    pub fn condition(&self) -> Option<&Expr> {
        self.when.as_ref().map(|check| &check.expr)
    }
}
