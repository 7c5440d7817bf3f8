//! What people say to a run: answers, ticks, waivers, notes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::NodeIx;
use crate::value::Value;

use super::event::Who;

/// What a person says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Say {
    /// The answer to an `approve`, a `confirm` or a `question`.
    Answer {
        /// The node.
        node: NodeIx,
        /// Yes; of a question always.
        yes: bool,
        /// Of a question, the answer.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        value: Option<Value>,
        /// Why, in their words.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    /// An item of a checklist is done, or does not apply.
    Tick {
        /// The item.
        node: NodeIx,
        /// It does not apply.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        not_applicable: bool,
        /// Why, in their words.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    /// It goes on without this node, or without its undo.
    Waive {
        /// The node.
        node: NodeIx,
        /// Why.
        reason: String,
    },
    /// A trigger is fired by hand.
    Fire {
        /// The trigger.
        trigger: u32,
        /// Why, in their words.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    /// The answer to what a trigger asks.
    Decide {
        /// The trigger.
        trigger: u32,
        /// It shall do what it says.
        yes: bool,
        /// Why, in their words.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
    /// The pause is over: what stopped is done again.
    GoOn,
    /// A window or a blackout of the calendar does not hold for this run.
    Override {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A remark for the record.
    Note {
        /// It.
        text: String,
    },
}

/// What people are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inquiry {
    /// A node that asks, or a checklist.
    Node(NodeIx),
    /// Whether a trigger shall do what it says.
    Trigger(u32),
    /// How a pause goes on.
    Pause,
}

/// An answer that was given to a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Who.
    pub by: Who,
    /// Yes.
    pub yes: bool,
    /// Of a question, the answer.
    pub value: Option<Value>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Who {
    /// Who they are: who they say they are, else the user of the operating system.
    pub fn name(&self) -> &str {
        self.claim.as_deref().unwrap_or(&self.user)
    }
}
