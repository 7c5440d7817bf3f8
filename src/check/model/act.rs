//! What is done and what is looked at: actions, gates, holds.

use crate::source::Span;
use crate::value::Type;

use super::{Id, Limit, Moment, Outcome, Typed};

/// `gate NAME "…" { … }`, declared or in place.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Gate {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub parameters: Vec<(Id, Typed)>,
    pub every: Option<Typed>,
    pub within: Option<Limit>,
    pub pass_after: Option<Typed>,
    pub fail_after: Option<(Typed, Row)>,
    pub on_failure: Option<Outcome>,
    pub on_inconclusive: Option<Outcome>,
    pub looks: Vec<Look>,
}

/// Whether failures are counted in all or in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Row {
    Total,
    InARow,
}

/// A check of a gate or a hold.
#[derive(Clone, Debug)]
pub enum Look {
    /// A command or a request that only looks.
    Action(Box<Action>),
    /// `expect CONDITION`
    Expect(Typed),
    /// Another gate.
    Gate(Box<GateUse>),
}

/// A gate where it is used.
#[derive(Clone, Debug)]
pub struct GateUse {
    /// The keyword's place.
    pub span: Span,
    /// The declared gate, or the one in place.
    pub gate: GateRef,
    /// `with NAME = VALUE`
    pub arguments: Vec<(Id, Typed)>,
    /// `pass after` of this use.
    pub pass_after: Option<Typed>,
    /// `fail after` of this use.
    pub fail_after: Option<(Typed, Row)>,
    /// `on failure` of this use.
    pub on_failure: Option<Outcome>,
    /// `on inconclusive` of this use.
    pub on_inconclusive: Option<Outcome>,
    /// `within` of this use.
    pub within: Option<Limit>,
}

/// Which gate.
#[derive(Clone, Debug)]
pub enum GateRef {
    /// A declared one.
    Named(String),
    /// One written in place.
    Inline(Box<Gate>),
    /// None; a finding says why.
    Error,
}

/// An action of a step, a look of a gate, a question to the world.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Action {
    pub span: Span,
    pub kind: ActionKind,
    pub within: Option<Limit>,
    pub expects: Vec<Typed>,
    pub captures: Vec<Capture>,
}

/// The actions.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is an action of the language")]
pub enum ActionKind {
    Run(Command),
    Shell(Command),
    Http(Request),
    Notify(Notify),
    Gate(Box<GateUse>),
    Hold(Hold),
    /// `shift ROUTER to SHARE`
    Shift {
        router: Option<String>,
        share: Typed,
        drain: Option<Typed>,
    },
    /// `set FLAG to VALUE [for segment("…")]`
    Set {
        flag: Option<String>,
        value: Typed,
        segment: Option<Typed>,
    },
}

/// `run` and `shell`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Command {
    /// Of a `run`, its words; of a `shell`, the script as the one word.
    pub words: Vec<Word>,
    pub dir: Option<Box<Typed>>,
    pub env: Option<Box<Typed>>,
    pub stdin: Option<Box<Typed>>,
    pub stdout: Option<Box<Typed>>,
    pub inherit: Option<Box<Typed>>,
    pub reads: bool,
}

/// A word of a command: pieces that are joined, and whether it stands after `--`.
#[derive(Clone, Debug)]
pub struct Word {
    /// Literal text and values.
    pub pieces: Vec<WordPiece>,
    /// It stands behind a bare `--`, where nothing is an option.
    pub after_dashes: bool,
}

/// A piece of a word.
#[derive(Clone, Debug)]
pub enum WordPiece {
    /// Text as it stands.
    Text(String),
    /// A value; a list is only allowed alone.
    Value(Typed),
}

/// `http METHOD "url" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Request {
    pub method: String,
    /// The URL in pieces; values are encoded for where they stand.
    pub url: Vec<UrlPiece>,
    pub header: Option<Box<Typed>>,
    pub json: Option<Box<Typed>>,
    pub body: Option<Box<Typed>>,
    pub form: Option<Box<Typed>>,
    pub reads: bool,
}

/// A piece of a URL.
#[derive(Clone, Debug)]
pub enum UrlPiece {
    /// Text as it stands.
    Text(String),
    /// A `url` at the beginning, taken as it is.
    Base(Typed),
    /// A value, percent-encoded.
    Value(Typed),
}

/// `capture NAME: TYPE = VALUE`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Capture {
    pub id: Id,
    pub ty: Type,
    pub value: Typed,
}

/// `notify CHANNELS "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Notify {
    pub span: Span,
    pub channels: Vec<(String, Span)>,
    pub subject: Option<Typed>,
    pub text: Option<Typed>,
    pub required: bool,
    /// `from X`: sent when that begins, beside the timeline.
    pub from: Option<Moment>,
    /// The channel's own settings.
    pub settings: Vec<(String, Typed)>,
}

/// `hold … { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Hold {
    pub span: Span,
    pub length: Option<HoldLength>,
    pub every: Option<Typed>,
    pub fail_after: Option<(Typed, Row)>,
    pub looks: Vec<Look>,
}

/// How long a hold lasts.
#[derive(Clone, Debug)]
pub enum HoldLength {
    /// `for D`
    For(Typed),
    /// `until T+4h`
    Until(Typed),
}
