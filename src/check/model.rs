//! The model: what a runbook says, with every name resolved and every expression typed.
//!
//! Building it cannot fail. Where the author made a mistake there is an [`Expr::Error`] and a finding beside it.

use crate::source::Span;
use crate::value::{Comparison, Expr, Type};

/// An expression with its type and its place.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What it is.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// Where it stands.
    pub span: Span,
}

/// A name with its place; empty where none was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Id {
    /// The name.
    pub text: String,
    /// Where it stands; of something without a name, its keyword.
    pub span: Span,
}

/// Everything a file says.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is a declaration of the language")]
pub struct Model {
    pub runbook: Runbook,
    pub release: Option<Release>,
    pub scope: Vec<ScopeItem>,
    pub risks: Vec<Risk>,
    pub roles: Vec<Role>,
    pub links: Vec<Link>,
    pub vars: Vec<Var>,
    pub lets: Vec<Let>,
    pub secrets: Vec<Secret>,
    pub facts: Vec<Fact>,
    pub channels: Vec<Channel>,
    pub metrics: Vec<Metric>,
    pub severities: Vec<Severity>,
    pub gates: Vec<Gate>,
    pub phases: Vec<Phase>,
    pub triggers: Vec<Trigger>,
    pub rollbacks: Vec<Rollback>,
    pub handlers: Vec<Handler>,
}

/// `runbook { … }`
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Runbook {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub owner: Option<Typed>,
    pub timezone: Option<Typed>,
    pub lock: Option<Typed>,
    pub shell: Option<Typed>,
    pub inherit: Option<Typed>,
    pub grace: Option<Typed>,
}

/// `release { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Release {
    pub span: Span,
    pub version: Option<Typed>,
    pub previous: Option<Typed>,
    pub kind: Option<Typed>,
    pub strategy: Option<Typed>,
    pub manager: Option<String>,
    pub start: Option<Typed>,
    pub downtime: Option<Typed>,
    pub goals: Vec<Typed>,
    pub describe: Option<Typed>,
}

/// An entry of `scope { … }`.
#[derive(Clone, Debug)]
pub struct ScopeItem {
    /// `feature`, `fix`, …
    pub sort: String,
    /// What it says.
    pub title: Typed,
    /// Its settings, in order.
    pub settings: Vec<(String, Typed)>,
    /// Its description.
    pub describe: Option<Typed>,
}

/// `risk NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Risk {
    pub id: Id,
    pub title: Option<Typed>,
    pub probability: Option<Typed>,
    pub impact: Option<Typed>,
    pub owner: Option<String>,
    pub mitigation: Option<Typed>,
    pub contingency: Option<Typed>,
    pub covered_by: Vec<String>,
    pub describe: Option<Typed>,
}

/// `role NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Role {
    pub id: Id,
    pub title: Option<Typed>,
    pub members: Option<Typed>,
    pub backup: Option<Typed>,
    pub contact: Option<Typed>,
    pub describe: Option<Typed>,
}

/// `link NAME "…" "…"`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Link {
    pub id: Id,
    pub title: Typed,
    pub url: Option<Typed>,
}

/// `var NAME: TYPE = DEFAULT { one_of = … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Var {
    pub id: Id,
    pub ty: Type,
    pub default: Option<Typed>,
    pub one_of: Option<Typed>,
    pub describe: Option<Typed>,
}

/// `let NAME: TYPE = VALUE`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Let {
    pub id: Id,
    pub ty: Type,
    pub value: Typed,
}

/// `secret NAME = getenv("…")`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Secret {
    pub id: Id,
    pub source: SecretSource,
}

/// Where a secret is read from at the start of a run.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// An environment variable.
    Env(Typed),
    /// A file; one line end at its end is taken off.
    File(Typed),
    /// What a command prints; its words.
    Exec(Vec<Word>),
    /// It could not be read from the file; a finding says why.
    Error,
}

/// `fact NAME: TYPE = run "…"`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Fact {
    pub id: Id,
    pub ty: Type,
    pub command: Option<Box<Action>>,
}

/// `channel NAME: KIND "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Channel {
    pub id: Id,
    pub title: Option<Typed>,
    pub kind: ChannelKind,
}

/// The kinds of channel that this version speaks.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a file has a handful of channels")]
pub enum ChannelKind {
    /// The terminal, or the log.
    Console,
    /// An HTTP POST of JSON.
    Webhook {
        /// Where to.
        url: Option<Typed>,
        /// Headers, which may be secret.
        header: Option<Typed>,
    },
    /// Another kind; a finding says that it is not run yet.
    Other,
}

/// `metric NAME: KIND "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Metric {
    pub id: Id,
    pub title: Option<Typed>,
    pub kind: Type,
    pub unit: Option<Typed>,
    pub every: Option<Typed>,
    pub path: Option<Typed>,
    pub look: Option<Action>,
    pub baseline: Option<Typed>,
    pub floor: Option<Typed>,
    pub marks: Vec<(String, Comparison, Typed)>,
    pub describe: Option<Typed>,
}

/// `severity NAME { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Severity {
    pub id: Id,
    pub title: Option<Typed>,
    pub then: Option<Outcome>,
    pub notify: Vec<String>,
}

/// What happens then. `pause` for people is not run by this version.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Verdict {
    Stop,
    Continue,
    Rollback(Option<String>),
    Ignore,
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
    pub otherwise: Option<Outcome>,
}

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

/// `phase NAME: KIND "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Phase {
    pub head: Head,
    pub kind: PhaseKind,
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
    Gate(Head, GateUse),
    Hold(Head, Hold),
    Notify(Head, Notify),
    For(For),
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
    pub within: Option<Limit>,
    pub retry: Option<Retry>,
    pub on_failure: Option<Outcome>,
    pub actions: Vec<Action>,
    pub undo: Undo,
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
    pub nodes: Vec<Node>,
}

/// `on EVENT { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Handler {
    pub event: String,
    pub notifies: Vec<Notify>,
}
