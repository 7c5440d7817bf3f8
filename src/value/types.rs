//! Types: what a value may be, and how the text of one is read.

use std::fmt;

use indexmap::IndexMap;
use jiff::civil;

use super::{Value, parse_quantity};

/// A type of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// `string`
    Text,
    /// `int`
    Int,
    /// `number`
    Number,
    /// `bool`
    Bool,
    /// `duration`
    Duration,
    /// `percent`
    Percent,
    /// `points`: a difference of two percents.
    Points,
    /// `factor`
    Factor,
    /// `size`
    Size,
    /// `count`: a whole number of things.
    Count,
    /// `rate`: so many a second.
    Rate,
    /// `offset`: a moment relative to T+0.
    Offset,
    /// `time` of day.
    Time,
    /// `date`
    Date,
    /// `instant`
    Instant,
    /// `url`
    Url,
    /// `semver`
    Semver,
    /// `email`
    Email,
    /// `secret`: a string that is never shown.
    Secret,
    /// `list(T)`
    List(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// A map whose keys are known, each with its own type.
    Record(IndexMap<String, Type>),
    /// One of a set of words.
    Enum(&'static Enumeration),
    /// The answer of a condition.
    Condition,
    /// A verdict of a gate.
    Verdict,
    /// Anything; the value decides.
    Any,
    /// Unknown because of a mistake that was reported already. It fits everywhere.
    Error,
}

/// A set of words.
#[derive(Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// Its name, as in a `var kind: release_kind`.
    pub name: &'static str,
    /// Its words.
    pub words: &'static [&'static str],
}

impl Enumeration {
    /// `release { kind }`
    pub const RELEASE_KIND: Enumeration =
        Enumeration { name: "release_kind", words: &["patch", "minor", "major", "hotfix"] };
    /// `release { strategy }`
    pub const STRATEGY: Enumeration = Enumeration {
        name: "strategy",
        words: &["rolling", "blue_green", "canary", "recreate", "feature_flags", "maintenance"],
    };
    /// A flag's state.
    pub const SWITCH: Enumeration = Enumeration { name: "switch", words: &["on", "off"] };
    /// `risk { probability }`, beside a percent.
    pub const PROBABILITY: Enumeration = Enumeration { name: "probability", words: &["low", "medium", "high"] };
    /// `risk { impact }`
    pub const IMPACT: Enumeration = Enumeration { name: "impact", words: &["low", "medium", "high", "critical"] };
    /// `scope` items.
    pub const AUDIENCE: Enumeration = Enumeration { name: "audience", words: &["users", "technical", "internal"] };
    /// `window { days }`
    pub const DAYS: Enumeration =
        Enumeration { name: "day", words: &["mon", "tue", "wed", "thu", "fri", "sat", "sun"] };
    /// The state of an incident or a maintenance on a status page.
    pub const STATE: Enumeration = Enumeration {
        name: "state",
        words: &[
            "scheduled",
            "in_progress",
            "verifying",
            "completed",
            "investigating",
            "identified",
            "monitoring",
            "resolved",
        ],
    };
    /// How much of a service is disturbed, on a status page.
    pub const DISRUPTION: Enumeration =
        Enumeration { name: "impact", words: &["none", "minor", "major", "critical", "maintenance"] };
    /// How a component of a status page is.
    pub const COMPONENT: Enumeration = Enumeration {
        name: "component",
        words: &["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"],
    };
    /// How bad an alert is, for whoever is on call.
    pub const ALERT: Enumeration = Enumeration { name: "severity", words: &["critical", "error", "warning", "info"] };
    /// `metric { unit }`: what the source returns.
    pub const UNIT: Enumeration =
        Enumeration { name: "unit", words: &["ratio", "percent", "s", "ms", "us", "bytes", "per_second"] };
}

impl Type {
    /// Whether a value of it is secret, or has a secret in it.
    pub fn holds_secret(&self) -> bool {
        match self {
            Type::Secret => true,
            Type::List(inner) | Type::Map(inner) => inner.holds_secret(),
            Type::Record(fields) => fields.values().any(Type::holds_secret),
            _ => false,
        }
    }

    /// The type of a name, as [`Type`] is shown: `duration`, `list(int)`.
    pub fn from_name(name: &str) -> Option<Type> {
        let inner = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(')').and_then(Type::from_name).map(Box::new);
        if let Some(inner) = inner("list(") {
            return Some(Type::List(inner));
        }
        if let Some(inner) = inner("map(") {
            return Some(Type::Map(inner));
        }
        Some(match name {
            "string" => Type::Text,
            "int" => Type::Int,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "duration" => Type::Duration,
            "percent" => Type::Percent,
            "points" => Type::Points,
            "factor" => Type::Factor,
            "size" => Type::Size,
            "count" => Type::Count,
            "rate" => Type::Rate,
            "offset" => Type::Offset,
            "time" => Type::Time,
            "date" => Type::Date,
            "instant" => Type::Instant,
            "url" => Type::Url,
            "semver" => Type::Semver,
            "email" => Type::Email,
            "secret" => Type::Secret,
            "release_kind" => Type::Enum(&Enumeration::RELEASE_KIND),
            "strategy" => Type::Enum(&Enumeration::STRATEGY),
            _ => return None,
        })
    }

    /// All names that stand alone, for suggestions.
    pub const NAMES: [&'static str; 21] = [
        "string",
        "int",
        "number",
        "bool",
        "duration",
        "percent",
        "points",
        "factor",
        "size",
        "count",
        "rate",
        "offset",
        "time",
        "date",
        "instant",
        "url",
        "semver",
        "email",
        "secret",
        "release_kind",
        "strategy",
    ];

    /// The type of a value.
    pub fn of(value: &Value) -> Type {
        match value {
            Value::None => Type::Any,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Number(_) => Type::Number,
            Value::Text(_) | Value::Word(_) => Type::Text,
            Value::Duration(_) => Type::Duration,
            Value::Percent(_) => Type::Percent,
            Value::Points(_) => Type::Points,
            Value::Factor(_) => Type::Factor,
            Value::Size(_) => Type::Size,
            Value::Rate(_) => Type::Rate,
            Value::Offset(_) => Type::Offset,
            Value::Time(_) => Type::Time,
            Value::Date(_) => Type::Date,
            Value::Local(_) | Value::Instant(_) => Type::Instant,
            Value::List(items) => Type::List(Box::new(items.first().map_or(Type::Any, Type::of))),
            Value::Map(map) => Type::Record(map.iter().map(|(k, v)| (k.clone(), Type::of(v))).collect()),
        }
    }

    /// Whether a value of type `other` may stand where this type is wanted. An `int` widens to a `number`; a `url`, a
    /// `semver` and an `email` are strings; nothing else converts.
    pub fn accepts(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Error | Type::Any, _) | (_, Type::Error | Type::Any) => true,
            (Type::Number, Type::Int | Type::Count) | (Type::Int, Type::Count) | (Type::Count, Type::Int) => true,
            (Type::Text, Type::Url | Type::Semver | Type::Email | Type::Enum(_)) => true,
            (Type::Secret, Type::Text) => true,
            (Type::Condition, Type::Bool | Type::Verdict) | (Type::Bool, Type::Condition | Type::Verdict) => true,
            (Type::Enum(a), Type::Enum(b)) => a == b,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => a.accepts(b),
            (Type::Map(a), Type::Record(fields)) => fields.values().all(|f| a.accepts(f)),
            (Type::Record(a), Type::Record(b)) => {
                a.len() == b.len() && a.iter().all(|(k, t)| b.get(k).is_some_and(|o| t.accepts(o)))
            }
            (a, b) => a == b,
        }
    }

    /// Reads a value of this type from text that comes from outside: `--var`, the environment, a capture.
    ///
    /// # Errors
    /// Says in words what was expected.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let expected = |example: &str| format!("not a {self}; write {example}");
        let quantity = || parse_quantity(text).ok();
        match self {
            Type::Text | Type::Secret | Type::Any | Type::Error => Ok(Value::Text(text.to_owned())),
            Type::Int | Type::Count => text.parse().map(Value::Int).map_err(|_| expected("`3`")),
            Type::Number => {
                text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::Number).ok_or_else(|| expected("`0.5`"))
            }
            Type::Bool | Type::Condition | Type::Verdict => {
                text.parse().map(Value::Bool).map_err(|_| expected("`true` or `false`"))
            }
            Type::Duration => quantity().filter(|v| matches!(v, Value::Duration(_))).ok_or_else(|| expected("`5m`")),
            Type::Percent => quantity().filter(|v| matches!(v, Value::Percent(_))).ok_or_else(|| expected("`5%`")),
            Type::Points => quantity().filter(|v| matches!(v, Value::Points(_))).ok_or_else(|| expected("`1pp`")),
            Type::Factor => quantity().filter(|v| matches!(v, Value::Factor(_))).ok_or_else(|| expected("`3x`")),
            Type::Size => quantity().filter(|v| matches!(v, Value::Size(_))).ok_or_else(|| expected("`512MiB`")),
            Type::Rate => quantity().filter(|v| matches!(v, Value::Rate(_))).ok_or_else(|| expected("`20/s`")),
            Type::Offset => read_offset(text).ok_or_else(|| expected("`T+5m`")),
            Type::Time => text.parse::<civil::Time>().map(Value::Time).map_err(|_| expected("`06:00`")),
            Type::Date => text.parse::<civil::Date>().map(Value::Date).map_err(|_| expected("`2025-11-15`")),
            Type::Instant => read_instant(text).ok_or_else(|| expected("`2025-11-15T10:00:00-08:00`")),
            Type::Url => read_url(text).ok_or_else(|| expected("`https://example.com`")),
            Type::Semver => match semver::Version::parse(text) {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(expected("three numbers with dots, such as `1.2.0`")),
            },
            Type::Email => {
                let fits = text.split_once('@').is_some_and(|(user, host)| {
                    !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
                });
                if fits { Ok(Value::Text(text.to_owned())) } else { Err(expected("`name@example.com`")) }
            }
            Type::Enum(e) => match e.words.contains(&text) {
                true => Ok(Value::Word(text.to_owned())),
                false => Err(format!("not one of {}", e.words.join(", "))),
            },
            Type::List(_) | Type::Map(_) | Type::Record(_) => {
                let json = serde_json::from_str(text).map_err(|_| format!("not a {self} in JSON"))?;
                self.from_json(&json)
            }
        }
    }

    /// Reads a value of this type from JSON or, through JSON, from TOML.
    ///
    /// # Errors
    /// Says in words what was expected.
    #[allow(clippy::wrong_self_convention, reason = "the type is what reads")]
    pub fn from_json(&self, json: &serde_json::Value) -> Result<Value, String> {
        use serde_json::Value as Json;
        match (self, json) {
            (Type::List(inner), Json::Array(items)) => {
                Ok(Value::List(items.iter().map(|i| inner.from_json(i)).collect::<Result<_, _>>()?))
            }
            (Type::Map(inner), Json::Object(map)) => Ok(Value::Map(
                map.iter().map(|(k, v)| Ok((k.clone(), inner.from_json(v)?))).collect::<Result<_, String>>()?,
            )),
            (Type::Any, json) => Ok(any_from_json(json)),
            (Type::Text | Type::Secret, Json::String(text)) => Ok(Value::Text(text.clone())),
            (_, Json::String(text)) => self.read(text),
            (Type::Int | Type::Count | Type::Number, Json::Number(n)) => self.read(&n.to_string()),
            (Type::Bool, Json::Bool(b)) => Ok(Value::Bool(*b)),
            _ => Err(format!("not a {self}")),
        }
    }
}

/// Any JSON as a value.
fn any_from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::Number(n.as_f64().unwrap_or(f64::MAX)), Value::Int),
        Json::String(s) => Value::Text(s.clone()),
        Json::Array(items) => Value::List(items.iter().map(any_from_json).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), any_from_json(v))).collect()),
    }
}

/// `T+5m`, `T-24h`, `T+0`.
fn read_offset(text: &str) -> Option<Value> {
    let (sign, rest) = match text.strip_prefix('T')?.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let duration = if rest == "0" { jiff::SignedDuration::ZERO } else { parse_quantity(rest).ok()?.as_duration()? };
    Some(Value::Offset(duration * sign))
}

/// RFC 3339, also without seconds and without a zone.
fn read_instant(text: &str) -> Option<Value> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(Value::Instant(instant));
    }
    text.parse::<civil::DateTime>().ok().map(Value::Local)
}

fn read_url(text: &str) -> Option<Value> {
    let url = url::Url::parse(text).ok()?;
    let usable = url.has_host() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    usable.then(|| Value::Text(text.to_owned()))
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::Text => "string",
            Type::Int => "int",
            Type::Number => "number",
            Type::Bool => "bool",
            Type::Duration => "duration",
            Type::Percent => "percent",
            Type::Points => "points",
            Type::Factor => "factor",
            Type::Size => "size",
            Type::Count => "count",
            Type::Rate => "rate",
            Type::Offset => "offset",
            Type::Time => "time",
            Type::Date => "date",
            Type::Instant => "instant",
            Type::Url => "url",
            Type::Semver => "semver",
            Type::Email => "email",
            Type::Secret => "secret",
            Type::List(inner) => return write!(f, "list({inner})"),
            Type::Map(inner) => return write!(f, "map({inner})"),
            Type::Record(_) => "map",
            Type::Enum(e) => e.name,
            Type::Condition => "condition",
            Type::Verdict => "verdict",
            Type::Any => "value",
            Type::Error => "unknown type",
        };
        f.write_str(name)
    }
}
