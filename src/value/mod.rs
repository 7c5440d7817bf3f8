//! What the language talks about: values with their units, their types, expressions, and what an expression is worth.
//!
//! The parser makes values from literals, the checker types them, the plan folds what is known, and the engine and the
//! world work out the rest. All of them use these same definitions, so a percent means one thing everywhere. Nothing
//! here knows a runbook, reads a clock or touches the world.

mod evaluate;
mod expression;
mod quantity;
mod show;
mod types;

use std::fmt;

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};

pub use evaluate::{Environment, EvalError, Found, evaluate, fold, read_share};
pub use expression::{Arithmetic, Comparison, Expr, Function, Logic, Part, Ref, RefKind};
pub use quantity::{QuantityError, duration_text, number_text, offset_text, parse_quantity};
pub use show::{in_lines, plain_text, template_text};
pub use types::{Enumeration, Type};

/// A value with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// No data: an empty answer, a sample that is missing. Never true and never false.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number; a count is one.
    Int(i64),
    /// A number.
    Number(f64),
    /// A string; also a `url`, a `semver` and an `email`.
    Text(String),
    /// A word of an enumeration, such as `minor` or `on`.
    Word(String),
    /// A length of time, never negative in a file.
    Duration(SignedDuration),
    /// A share of a hundred: `5%` is 5.
    Percent(f64),
    /// A difference of two percents: `1pp` is 1.
    Points(f64),
    /// `3x` is 3.
    Factor(f64),
    /// Bytes.
    Size(f64),
    /// Events a second.
    Rate(f64),
    /// A moment relative to T+0.
    Offset(SignedDuration),
    /// A time of day.
    Time(civil::Time),
    /// A day.
    Date(civil::Date),
    /// An instant without a zone; the runbook's `timezone` counts.
    Local(civil::DateTime),
    /// An instant.
    Instant(Timestamp),
    /// A list.
    List(Vec<Value>),
    /// A map, in the order in which it was written.
    Map(IndexMap<String, Value>),
}

impl Value {
    /// The name of the value's type as the language spells it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::None => "no data",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Word(_) => "word",
            Value::Duration(_) => "duration",
            Value::Percent(_) => "percent",
            Value::Points(_) => "points",
            Value::Factor(_) => "factor",
            Value::Size(_) => "size",
            Value::Rate(_) => "rate",
            Value::Offset(_) => "offset",
            Value::Time(_) => "time",
            Value::Date(_) => "date",
            Value::Local(_) | Value::Instant(_) => "instant",
            Value::List(_) => "list",
            Value::Map(_) => "map",
        }
    }

    /// A duration's length, if it is one.
    pub fn as_duration(&self) -> Option<SignedDuration> {
        match self {
            Value::Duration(d) => Some(*d),
            _ => None,
        }
    }

    /// The text of a string or of a word.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(t) | Value::Word(t) => Some(t),
            _ => None,
        }
    }

    /// The magnitude in the unit of its kind, for charts and records; nothing for what is not a quantity.
    pub fn magnitude(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Number(n)
            | Value::Percent(n)
            | Value::Points(n)
            | Value::Factor(n)
            | Value::Size(n)
            | Value::Rate(n) => Some(*n),
            Value::Duration(d) => Some(d.as_secs_f64()),
            _ => None,
        }
    }

    /// As JSON, for request bodies: quantities as the text one would write, so that `5%` does not become a bare 5.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(n) => (*n).into(),
            Value::Number(n) => serde_json::Number::from_f64(*n).map_or(serde_json::Value::Null, Into::into),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Map(map) => map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
            other => other.to_string().into(),
        }
    }
}

impl Value {
    /// The value as a measurement is read out: with four significant digits.
    pub fn brief(&self) -> String {
        let four = |n: f64| format!("{n:.3e}").parse().unwrap_or(n);
        match self {
            Value::Number(n) => Value::Number(four(*n)),
            Value::Percent(n) => Value::Percent(four(*n)),
            Value::Points(n) => Value::Points(four(*n)),
            Value::Factor(n) => Value::Factor(four(*n)),
            Value::Size(n) => Value::Size(four(*n)),
            Value::Rate(n) => Value::Rate(four(*n)),
            Value::Duration(d) => {
                let seconds = jiff::SignedDuration::try_from_secs_f64(four(d.as_secs_f64()));
                Value::Duration(seconds.unwrap_or(*d))
            }
            other => other.clone(),
        }
        .to_string()
    }
}

/// The text one would write, without the quotes of a string. A list is one line each, with `- ` before it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("no data"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Number(n) => f.write_str(&number_text(*n)),
            Value::Text(t) | Value::Word(t) => f.write_str(t),
            Value::Duration(d) => f.write_str(&duration_text(*d)),
            Value::Percent(n) => write!(f, "{}%", number_text(*n)),
            Value::Points(n) => write!(f, "{}pp", number_text(*n)),
            Value::Factor(n) => write!(f, "{}x", number_text(*n)),
            Value::Size(n) => f.write_str(&quantity::size_text(*n)),
            Value::Rate(n) => write!(f, "{}/s", number_text(*n)),
            Value::Offset(d) => f.write_str(&offset_text(*d)),
            Value::Time(t) => write!(f, "{}", t.strftime(if t.second() == 0 { "%H:%M" } else { "%H:%M:%S" })),
            Value::Date(d) => write!(f, "{d}"),
            Value::Local(t) => write!(f, "{t}"),
            Value::Instant(t) => write!(f, "{t}"),
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    let end = if i + 1 < items.len() { "\n" } else { "" };
                    write!(f, "- {item}{end}")?;
                }
                Ok(())
            }
            Value::Map(map) => {
                for (i, (key, value)) in map.iter().enumerate() {
                    write!(f, "{}{key} = {value}", if i > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
        }
    }
}
