//! What came out of an action, and where `expect` and `capture` find it.

use jiff::SignedDuration;

use crate::source::one_line;
use crate::value::{Environment, Expr, Found, Function, Ref, RefKind, Value, evaluate};

use super::source::Heard;
use super::vault::Vault;

/// What came out of an action.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Of a command.
    Command(CommandOutcome),
    /// Of a request.
    Answer(Answer),
    /// Of a query.
    Heard(Heard),
}

/// What a command did.
#[derive(Clone, Debug)]
pub(super) struct CommandOutcome {
    /// Its exit code; nothing if a signal ended it.
    pub(super) exit: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// What it printed, up to a limit.
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// It printed more than is kept.
    pub(super) truncated: bool,
    /// Its last lines, masked and harmless.
    pub(super) tail: Vec<String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) latency: SignedDuration,
    /// The beginning of the body, masked and harmless.
    pub(super) tail: Vec<String>,
}

impl CommandOutcome {
    /// Exit 0.
    pub(super) fn normal(&self) -> Result<(), String> {
        match (self.exit, self.signal) {
            (Some(0), _) => Ok(()),
            (Some(code), _) => Err(format!("exit {code}")),
            (None, Some(signal)) => Err(format!("it was killed by {}", signal_name(signal))),
            (None, None) => Err("nobody knows how it ended".into()),
        }
    }
}

impl Answer {
    /// Any 2xx.
    pub(super) fn normal(&self) -> Result<(), String> {
        if (200..300).contains(&self.status) { Ok(()) } else { Err(format!("the answer is {}", self.status)) }
    }
}

pub(super) fn signal_name(signal: i32) -> String {
    match signal {
        2 => "SIGINT".into(),
        6 => "SIGABRT".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        13 => "SIGPIPE".into(),
        15 => "SIGTERM".into(),
        other => format!("signal {other}"),
    }
}

impl Outcome {
    /// In a few words, for the record.
    pub(super) fn note(&self) -> String {
        match self {
            Outcome::Command(command) => command.normal().err().unwrap_or_else(|| "exit 0".into()),
            Outcome::Answer(answer) => format!("{} in {}", answer.status, crate::value::duration_text(answer.latency)),
            Outcome::Heard(heard) => format!("{} series", heard.series.len()),
        }
    }

    /// What matters of it: what was printed, or the body.
    pub(super) fn main(&self) -> &str {
        match self {
            Outcome::Command(command) => &command.stdout,
            Outcome::Answer(answer) => &answer.body,
            Outcome::Heard(heard) => &heard.raw,
        }
    }

    /// Its last lines, masked and harmless.
    pub(super) fn tail(&self) -> Vec<String> {
        match self {
            Outcome::Command(command) => command.tail.clone(),
            Outcome::Answer(answer) => answer.tail.clone(),
            Outcome::Heard(_) => Vec::new(),
        }
    }

    fn word(&self, name: &str) -> Option<Found> {
        let too_much = "it printed more than 1 MiB, and only the first is kept";
        Some(match (self, name) {
            (Outcome::Command(c), "exit") => Found::Value(c.exit.map_or(Value::None, |code| Value::Int(code.into()))),
            (Outcome::Command(c), "stdout" | "body" | "stderr") if c.truncated => Found::Never(too_much.into()),
            (Outcome::Command(c), "stdout" | "body") => Found::Value(Value::Text(c.stdout.clone())),
            (Outcome::Command(c), "stderr") => Found::Value(Value::Text(c.stderr.clone())),
            (Outcome::Answer(a), "status") => Found::Value(Value::Int(a.status.into())),
            (Outcome::Answer(a), "body") => Found::Value(Value::Text(a.body.clone())),
            (Outcome::Answer(a), "latency") => Found::Value(Value::Duration(a.latency)),
            _ => return None,
        })
    }
}

/// Where `expect` and `capture` find what they name.
pub(super) struct ResultScope<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) vault: &'a Vault,
    /// What the same gate captured before.
    pub(super) captured: &'a [(String, Value)],
}

impl Environment for ResultScope<'_> {
    fn look_up(&self, reference: &Ref) -> Found {
        let found = match reference.kind {
            RefKind::Output => self.outcome.word(&reference.name),
            _ => None,
        };
        found.unwrap_or_else(|| secrets_and_captures(self.vault, self.captured, reference))
    }

    fn header(&self, name: &str) -> Option<Value> {
        let Outcome::Answer(answer) = self.outcome else { return None };
        let found: Vec<&str> =
            answer.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect();
        Some(if found.is_empty() { Value::None } else { Value::Text(found.join(", ")) })
    }
}

impl ResultScope<'_> {
    /// The values that a condition was judged by, short and masked: `status 503`.
    pub(super) fn values(&self, expr: &Expr) -> String {
        let mut words: Vec<String> = Vec::new();
        expr.walk(&mut |e| {
            let (name, value) = match e {
                Expr::Ref(r) if r.kind == RefKind::Output => (r.name.clone(), evaluate(e, self)),
                Expr::Call(Function::Json | Function::Header, _) => (e.to_string(), evaluate(e, self)),
                _ => return,
            };
            let text = value.map_or_else(|error| error.to_string(), |v| v.to_string());
            let text = crate::paint::cut(&one_line(&self.vault.mask().text(&text)), 120);
            let word = if text.is_empty() { format!("{name} is empty") } else { format!("{name} is {text}") };
            if !words.contains(&word) {
                words.push(word);
            }
        });
        if words.is_empty() { "its values are known and different".into() } else { words.join(", ") }
    }
}

/// Where what is handed over finds what only the world knows: secrets, and what a gate captured.
pub(super) struct HandOver<'a> {
    pub(super) vault: &'a Vault,
    pub(super) captured: &'a [(String, Value)],
}

impl Environment for HandOver<'_> {
    fn look_up(&self, reference: &Ref) -> Found {
        secrets_and_captures(self.vault, self.captured, reference)
    }
}

fn secrets_and_captures(vault: &Vault, captured: &[(String, Value)], reference: &Ref) -> Found {
    let name = &reference.name;
    match reference.kind {
        RefKind::Secret => vault.expose(name).map_or_else(
            || Found::Never(format!("the secret `{name}` was not read")),
            |text| Found::Value(Value::Text(text)),
        ),
        RefKind::Capture => {
            let own = captured.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let kept = || vault.expose(name).map(Value::Text);
            own.or_else(kept).map_or_else(
                || Found::Never(format!("`{}` was not captured", name.trim_start_matches('.'))),
                Found::Value,
            )
        }
        _ => Found::Never(format!("`{name}` is not known here")),
    }
}
