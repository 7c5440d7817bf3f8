//! Actions: what a step does, what a gate looks at, what a hold watches, what a message says.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::source::Place;
use crate::value::{Expr, Part};

use super::{Ask, Outcome, Query, serial};

/// A condition, with the words of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// As it is written.
    pub text: String,
    /// What it is.
    pub expr: Expr,
    /// Where it is written.
    pub place: Place,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// How long it may take, within its node's limit.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub within: Option<SignedDuration>,
    /// What must be true of its result.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub expects: Vec<Check>,
    /// What is kept of its result.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub captures: Vec<Capture>,
    /// Whether it may change something.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub changes: bool,
    /// It belongs to a `shift`, a `set` or a `ramp`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub builtin: Option<Builtin>,
    /// Without this capture it is passed over: what it would undo was never reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs: Option<String>,
    /// Where it is written.
    pub place: Place,
}

impl Action {
    /// An action with nothing said about it.
    pub fn plain(kind: ActionKind, place: Place) -> Self {
        Action {
            kind,
            within: None,
            expects: Vec::new(),
            captures: Vec::new(),
            changes: false,
            builtin: None,
            needs: None,
            place,
        }
    }
}

/// What a command does for a `shift`, a `set` or a `ramp`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Builtin {
    /// The router or the flag.
    pub subject: String,
    /// What it does.
    pub touch: Touch,
}

/// What is done with a share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// What holds now is read and kept.
    Finds,
    /// A share is set.
    Sets(Expr),
    /// It is read whether that holds.
    Checks,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is an action of the language")]
pub enum ActionKind {
    Command(Command),
    Request(Request),
    Query(Query),
    Notify(Message),
    Gate(Gate),
    Hold(Hold),
    Ask(Ask),
}

/// A command: a program and its words, or a script for the shell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments; of a script, the shell's words and the script.
    pub words: Vec<Word>,
    /// Whether the last word is a script.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub shell: bool,
    /// Where it is started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dir: Option<Expr>,
    /// What it finds in its environment.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub env: Vec<(String, Expr)>,
    /// What it reads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stdin: Option<Expr>,
    /// The file that takes what it prints.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stdout: Option<Expr>,
    /// Variables of runbook's own environment that it gets.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inherit: Vec<String>,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Its pieces, joined.
    pub pieces: Vec<Part>,
    /// Whether it may begin with `-`, whatever its value: it has a literal beginning, or stands behind `--`.
    pub may_be_option: bool,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its URL.
    pub url: Vec<UrlPart>,
    /// Its headers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header: Vec<(String, Expr)>,
    /// Its body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<Body>,
}

/// A piece of a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlPart {
    /// Text as it stands.
    Text(String),
    /// A `url`, taken as it is.
    Base(Expr),
    /// A value, percent-encoded.
    Value(Expr),
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub enum Body {
    Json(Expr),
    Form(Vec<(String, Expr)>),
    Text(Expr),
}

/// What is kept of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Under which name: `STEP.NAME`, in a gate `.NAME`.
    pub name: String,
    /// As which type, by name; nothing if it is taken as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ty: Option<String>,
    /// Whether it is secret: then it is never written down.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub secret: bool,
    /// What.
    pub expr: Expr,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// To which channels.
    pub channels: Vec<String>,
    /// Its subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<Expr>,
    /// Its text.
    pub text: Expr,
    /// Whether its node fails if it cannot be sent.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub required: bool,
    /// The channel's own settings.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub settings: Vec<(String, Expr)>,
}

/// A gate where it is used, its parameters filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// What it looks at, in order; the checks of a gate inside are among them.
    pub looks: Vec<Look>,
    /// How often it makes an attempt.
    #[serde(with = "serial::duration")]
    pub every: SignedDuration,
    /// How long it may take; without it there is one attempt.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub within: Option<SignedDuration>,
    /// How many attempts in a row must pass.
    pub pass_after: u32,
    /// How many failing attempts fail it before the deadline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fail_after: Option<FailAfter>,
    /// What happens if it fails; nothing if that is its node's affair.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_failure: Option<Outcome>,
    /// What happens if it can neither pass nor fail.
    pub on_inconclusive: Outcome,
    /// It is looked at again until it passes: an item of a checklist, which its list ends.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub patient: bool,
}

impl Gate {
    /// What its conditions watch: metrics, gates and flags, each once.
    pub fn watched(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for look in &self.looks {
            if let Look::Metric(check) = look {
                names.extend(check.expr.watched().into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
        }
        names
    }
}

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailAfter {
    /// So many.
    pub times: u32,
    /// In a row, or in all.
    pub in_a_row: bool,
}

/// A check of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// A command or a request, with what is expected of it.
    Action(Box<Action>),
    /// A condition over what was captured in the gate, or known before.
    Expect(Check),
    /// A condition over metrics.
    Metric(Check),
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// How long.
    pub length: HoldLength,
    /// How often it is judged; else by the interval of each metric.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub every: Option<SignedDuration>,
    /// When it fails.
    pub fail_after: FailAfter,
    /// What must be true throughout.
    pub checks: Vec<Check>,
    /// What happens if nobody can tell.
    pub on_inconclusive: Outcome,
}

/// How long a hold lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldLength {
    /// So long.
    For(#[serde(with = "serial::duration")] SignedDuration),
    /// Until a moment relative to T+0.
    Until(#[serde(with = "serial::duration")] SignedDuration),
}
