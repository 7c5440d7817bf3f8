//! Metrics: a number with a unit, or a gate or a flag in a condition, looked at again and again.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::source::Place;
use crate::value::{Comparison, Type, Value};

use super::{Action, ActionKind, Gate, serial};

/// The kinds of metric: what its samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a type of the language")]
pub enum MetricKind {
    Percent,
    Duration,
    Size,
    Rate,
    Count,
    Number,
    /// A gate in a condition: whether its attempt passed.
    Verdict,
    /// A flag in a condition: `on`, `off`, or its share.
    Switch,
}

impl Metric {
    /// The gate that it is.
    pub fn gate(&self) -> Option<&Gate> {
        match &self.action.kind {
            ActionKind::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// What it watches in its turn, if it is a gate: metrics, gates and flags, each once.
    pub fn watched(&self) -> Vec<&str> {
        self.gate().map(Gate::watched).unwrap_or_default()
    }
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// What its samples are.
    pub kind: MetricKind,
    /// What its source returns, where that is not the kind's own unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// How often it is sampled.
    #[serde(with = "serial::duration")]
    pub every: SignedDuration,
    /// How it is sampled.
    pub action: Action,
    /// A JSONPath into the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// What it is compared with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline: Option<Value>,
    /// What it is compared with is its mean over so long before the live part.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub past: Option<SignedDuration>,
    /// A baseline below this counts as this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub floor: Option<Value>,
    /// The marks that people hold it against.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub marks: Vec<Mark>,
    /// Where it is declared.
    pub place: Place,
}

/// A mark of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// `target`, `warn` or `critical`.
    pub word: String,
    /// On which side.
    pub comparison: Comparison,
    /// Of what.
    pub value: Value,
}

impl MetricKind {
    /// The kind of a type.
    pub fn of(ty: &Type) -> Option<Self> {
        Some(match ty {
            Type::Percent => MetricKind::Percent,
            Type::Duration => MetricKind::Duration,
            Type::Size => MetricKind::Size,
            Type::Rate => MetricKind::Rate,
            Type::Count => MetricKind::Count,
            Type::Number => MetricKind::Number,
            _ => return None,
        })
    }
}
