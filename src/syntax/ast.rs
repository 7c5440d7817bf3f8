//! The syntax tree: everything the author wrote, mistakes included, with spans.
//!
//! Every block of the language has one shape, `KEYWORD id [: kind] ["Title"] [clauses] { body }`, and so has its tree: a
//! [`Construct`] with its [`Keyword`]. Which settings and clauses a keyword may have is not the tree's business; the
//! checker's catalogue says it. Comments are kept by the formatter, which reads tokens.

use crate::source::Span;
use crate::value::{Arithmetic, Comparison, Logic, Value};

/// A file.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    /// Its statements.
    pub items: Vec<Item>,
    /// Words that stand in lines which could not be read. A name among them may well be declared there.
    pub lost_words: Vec<String>,
    /// Something that it imports could not be read.
    pub incomplete: bool,
}

/// A word with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The word.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// A `{ … }`.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// From brace to brace.
    pub span: Span,
    /// Its statements.
    pub items: Vec<Item>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Item {
    /// From its first to its last character.
    pub span: Span,
    /// What it is.
    pub kind: ItemKind,
}

/// The statements.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language and described in its reference")]
pub enum ItemKind {
    Import(Text),
    Declaration(Box<Declaration>),
    Link(Link),
    For(ForLoop),
    Construct(Box<Construct>),
    On(Handler),
    Every(Box<Announcer>),
    Run(Box<Command>),
    Shell(Box<Command>),
    Http(Box<Http>),
    Shift(Box<Shift>),
    Set(Box<Set>),
    Notify(Box<Notify>),
    Setting(Setting),
    Clause(Box<Clause>),
    Expect(Expr),
    Capture(Capture),
    Undo(Undo),
    DoneWhen(Block),
    Mark(Mark),
    Level(People, Option<Box<Within>>),
    Duty(Duty),
    Goal(Text),
    FollowUp(FollowUp),
    Describe(Text),
    Given(Box<Given>),
    At(Box<Happening>),
    Crash(Expr),
    Expectation(Expectation),
    /// A line that could not be read; a finding says why. Its block, if it has one, was read.
    Bad(Option<Block>),
}

/// `var`, `let`, `secret` and `fact`.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Which of the four.
    pub sort: Sort,
    /// Its name.
    pub name: Name,
    /// Its type, if written.
    pub ty: Option<TypeName>,
    /// Its value, if written.
    pub value: Option<Expr>,
    /// Its block, if written.
    pub block: Option<Block>,
}

/// The sorts of [`Declaration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a keyword of the language")]
pub enum Sort {
    Var,
    Let,
    Secret,
    Fact,
}

/// A type as it is written.
#[derive(Clone, Debug)]
pub struct TypeName {
    /// `list` of `list(string)`.
    pub name: Name,
    /// `string` of `list(string)`.
    pub of: Option<Box<TypeName>>,
}

/// `link NAME "Title" "https://…"`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Link {
    pub name: Name,
    pub title: Text,
    pub url: Option<Text>,
}

/// `for NAME in LIST { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct ForLoop {
    pub name: Name,
    pub list: Expr,
    pub block: Block,
}

/// The keywords of the language's blocks.
macro_rules! keywords {
    ($($name:ident = $word:literal),* $(,)?) => {
        /// The keywords of the language's blocks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each is a keyword of the language")]
        pub enum Keyword { $($name),* }
        impl Keyword {
            /// Every keyword.
            pub const ALL: &[Keyword] = &[$(Keyword::$name),*];
            /// As it is written.
            pub fn word(self) -> &'static str { match self { $(Keyword::$name => $word),* } }
        }
    };
}

keywords! {
    Runbook = "runbook", Release = "release", Channel = "channel", Source = "source", Flags = "flags", Router = "router",
    Hosts = "hosts", Metric = "metric", Role = "role", Escalation = "escalation", Window = "window", Blackout = "blackout",
    Severity = "severity", Scope = "scope", Risk = "risk", Flag = "flag",
    Feature = "feature", Fix = "fix", Breaking = "breaking", Deprecation = "deprecation", KnownIssue = "known_issue",
    Improvement = "improvement", Technical = "technical", Security = "security", Performance = "performance",
    Database = "database", Dependency = "dependency", Upgrade = "upgrade", OutOfScope = "out_of_scope",
    Highlight = "highlight", Contributor = "contributor",
    Phase = "phase", Parallel = "parallel", Step = "step", Gate = "gate", Hold = "hold", Ramp = "ramp", Approve = "approve",
    Confirm = "confirm", Checklist = "checklist", Question = "question", Group = "group", Item = "item",
    Trigger = "trigger", Response = "response", Rollback = "rollback", Comms = "comms", After = "after", Scenario = "scenario",
}

impl Keyword {
    /// The keyword of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Keyword::ALL.iter().copied().find(|k| k.word() == word)
    }
}

/// `KEYWORD id [: kind] ["Title"] [clauses] { body }`
#[derive(Clone, Debug)]
pub struct Construct {
    /// The keyword.
    pub keyword: Keyword,
    /// Where it stands.
    pub keyword_span: Span,
    /// The name, if it has one.
    pub name: Option<Name>,
    /// The kind, if written.
    pub kind: Option<TypeName>,
    /// The title, if written.
    pub title: Option<Text>,
    /// The clauses of the header.
    pub clauses: Vec<Clause>,
    /// The body; nothing where there are no braces.
    pub block: Option<Block>,
}

impl Construct {
    /// The place to point at when the whole is meant: keyword and name.
    pub fn head(&self) -> Span {
        self.name.as_ref().map_or(self.keyword_span, |n| self.keyword_span.to(n.span))
    }

    /// The statements of the body.
    pub fn items(&self) -> &[Item] {
        self.block.as_ref().map_or(&[], |b| &b.items)
    }

    /// Its clauses, those of the header first.
    pub fn every_clause(&self) -> impl Iterator<Item = &Clause> {
        let in_body = self.items().iter().filter_map(|item| match &item.kind {
            ItemKind::Clause(clause) => Some(&**clause),
            _ => None,
        });
        self.clauses.iter().chain(in_body)
    }
}

/// `on EVENT { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Handler {
    pub event: Name,
    pub block: Block,
}

/// `every D from … until … { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Announcer {
    pub keyword_span: Span,
    pub every: Expr,
    pub clauses: Vec<Clause>,
    pub block: Block,
}

/// `run "words" { … }` and `shell """script""" { … }`
#[derive(Clone, Debug)]
pub struct Command {
    /// The words of a `run`, the script of a `shell` without interpolation.
    pub text: Text,
    /// Its body.
    pub block: Option<Block>,
}

/// `http METHOD "url" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Http {
    pub method: Name,
    pub url: Text,
    pub block: Option<Block>,
}

/// `shift ROUTER to SHARE { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Shift {
    pub router: Expr,
    pub share: Expr,
    pub block: Option<Block>,
}

/// `set FLAG to VALUE [for SEGMENT] { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Set {
    pub flag: Expr,
    pub value: Expr,
    pub segment: Option<Expr>,
    pub block: Option<Block>,
}

/// `notify CHANNELS ["subject"] [at …|from …|when …] "text" { … }`
#[derive(Clone, Debug)]
pub struct Notify {
    /// The keyword's place.
    pub keyword_span: Span,
    /// One channel, or a list of them.
    pub channels: Expr,
    /// One string is the text, two are subject and text.
    pub texts: Vec<Text>,
    /// When and whether.
    pub clauses: Vec<Clause>,
    /// The channel's own settings.
    pub block: Option<Block>,
}

/// `name = value`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Setting {
    pub name: Name,
    pub value: Expr,
}

/// A clause with its place.
#[derive(Clone, Debug)]
pub struct Clause {
    /// From its first word to its last.
    pub span: Span,
    /// What it says.
    pub kind: ClauseKind,
}

/// The clauses: time, people and consequences.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language and described in its reference")]
pub enum ClauseKind {
    At(Expr),
    In(Expr),
    Within(Within),
    OnFailure(Outcome),
    OnDenied(Outcome),
    OnInconclusive(Outcome),
    OnHosts(Expr),
    When(Expr),
    For(Expr),
    Until(Expr),
    From(Expr),
    Retry { times: Expr, every: Option<Expr>, backoff: Option<Expr> },
    PassAfter { times: Expr, in_a_row: bool },
    FailAfter { times: Expr, in_a_row: bool },
    With(Vec<(Name, Expr)>),
    Manual(Option<People>),
    By(People),
    Ask(People, Option<Within>),
    Then(Outcome),
    NoData(Outcome),
    Through(Expr),
    UndoNone(Option<Text>),
    Irreversible(Option<Text>),
}

impl ClauseKind {
    /// The clause's first words, as its name in messages and in the catalogue.
    pub fn word(&self) -> &'static str {
        match self {
            ClauseKind::At(_) => "at",
            ClauseKind::In(_) => "in",
            ClauseKind::Within(_) => "within",
            ClauseKind::OnFailure(_) => "on failure",
            ClauseKind::OnDenied(_) => "on denied",
            ClauseKind::OnInconclusive(_) => "on inconclusive",
            ClauseKind::OnHosts(_) => "on",
            ClauseKind::When(_) => "when",
            ClauseKind::For(_) => "for",
            ClauseKind::Until(_) => "until",
            ClauseKind::From(_) => "from",
            ClauseKind::Retry { .. } => "retry",
            ClauseKind::PassAfter { .. } => "pass after",
            ClauseKind::FailAfter { .. } => "fail after",
            ClauseKind::With(_) => "with",
            ClauseKind::Manual(_) => "manual",
            ClauseKind::By(_) => "by",
            ClauseKind::Ask(..) => "ask",
            ClauseKind::Then(_) => "then",
            ClauseKind::NoData(_) => "no data",
            ClauseKind::Through(_) => "through",
            ClauseKind::UndoNone(_) => "undo none",
            ClauseKind::Irreversible(_) => "irreversible",
        }
    }
}

/// `within D [escalate ID] [else OUTCOME]`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Within {
    pub span: Span,
    pub limit: Expr,
    pub escalate: Option<Expr>,
    pub otherwise: Option<Outcome>,
}

/// What happens then.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Outcome {
    Stop(Span),
    Continue(Span),
    Rollback(Span),
    Ignore(Span),
    Pause { span: Span, people: Option<People>, within: Option<Expr>, otherwise: Option<Box<Outcome>> },
    Named(Expr),
}

impl Outcome {
    /// Its place.
    pub fn span(&self) -> Span {
        match self {
            Outcome::Stop(span) | Outcome::Continue(span) | Outcome::Rollback(span) | Outcome::Ignore(span) => *span,
            Outcome::Pause { span, .. } => *span,
            Outcome::Named(expr) => expr.span,
        }
    }
}

/// Who: `qa_lead`, `any [a, b]`, `all [a, b]`, `2 of [a, b, c]`.
#[derive(Clone, Debug)]
pub struct People {
    /// The place.
    pub span: Span,
    /// How many of them.
    pub quorum: Quorum,
    /// The names, each with its `when`.
    pub persons: Vec<(Expr, Option<Expr>)>,
}

/// How many of a group of people.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Quorum {
    One,
    Any,
    All,
    Of(Expr),
}

/// `capture NAME[: TYPE] = value`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Capture {
    pub name: Name,
    pub ty: Option<TypeName>,
    pub value: Expr,
}

/// `undo`, `undo [a, b]`, `undo { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Undo {
    All,
    These(Expr),
    Block(Block),
}

/// `target < 1%`, `warn > 1%`, `critical > 5%`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Mark {
    pub word: Name,
    pub comparison: Comparison,
    pub value: Expr,
}

/// `duty "…" from … to …` and `away "…" from … to …`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Duty {
    pub away: bool,
    pub person: Text,
    pub from: Expr,
    pub to: Expr,
}

/// `follow_up "…" at T+14d { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct FollowUp {
    pub title: Text,
    pub at: Option<Expr>,
    pub block: Option<Block>,
}

/// What a scenario takes as given.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Given {
    Value { subject: Expr, value: Expr },
    Series { metric: Expr, every: Expr, values: Expr },
    Step(Expr, Fault),
    Gate(Expr, Fault),
    Undo(Expr, Fault),
    Notify(Expr, Fault),
    Starts(Expr),
}

/// What goes otherwise than well.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Fault {
    Fails(Option<Expr>),
    Hangs,
    Takes(Expr),
    Inconclusive,
    Error,
}

/// `at T+21m error_rate = 7%`, `at T-5m approve go by "…"`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the form says it")]
pub struct Happening {
    pub at: Expr,
    pub deed: Option<Name>,
    pub subject: Option<Expr>,
    pub by: Option<Text>,
    pub value: Option<Expr>,
}

/// What a scenario expects.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language")]
pub enum Expectation {
    Ending { ending: Name, before: Option<Expr> },
    Undone(Expr),
    Notified { channel: Expr, text: Option<(Comparison, Expr)> },
    NeverStarted(Expr),
    Asked(Expr),
    StepStarted { step: Expr, at: Expr },
    Duration(Comparison, Expr),
}

/// A string with its parts.
#[derive(Clone, Debug)]
pub struct Text {
    /// From quote to quote.
    pub span: Span,
    /// Its pieces, neighbours joined.
    pub pieces: Vec<Piece>,
}

impl Text {
    /// The text, if nothing is interpolated.
    pub fn plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|p| match p {
                Piece::Text(t, _) => Some(t.as_str()),
                Piece::Value(_) => None,
            })
            .collect()
    }
}

/// A piece of a string.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Text with its escapes resolved, and where it stands.
    Text(String, Span),
    /// `${…}`
    Value(Expr),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The expressions.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a form of the language and described in its reference")]
pub enum ExprKind {
    Literal(Value),
    Text(Text),
    Name(String),
    Member(Box<Expr>, Name),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    List(Vec<Element>),
    Map(Vec<(Name, Expr)>),
    Paren(Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Logic(Logic, Vec<Expr>),
    Compare(Comparison, Span, Box<Expr>, Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Scale(f64, Box<Expr>),
    For(Box<Expr>, Box<Expr>),
    Runs(Box<Expr>, Box<Expr>),
    Command(Box<Item>),
    /// It could not be read; a finding says why.
    Bad,
}

/// An element of a list; in a scenario's series it may be repeated.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its value.
    pub value: Expr,
    /// `x21`
    pub times: Option<u32>,
}

impl Expr {
    /// An expression that could not be read.
    pub fn bad(span: Span) -> Self {
        Expr { span, kind: ExprKind::Bad }
    }

    /// `a` of `a`, `a.b.c` of `a.b.c`: a dotted path, if it is one.
    pub fn path(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Name(name) => Some(name.clone()),
            ExprKind::Member(inner, name) => Some(format!("{}.{}", inner.path()?, name.text)),
            _ => None,
        }
    }

    /// Without the parentheses around it.
    pub fn bare(&self) -> &Expr {
        match &self.kind {
            ExprKind::Paren(inner) => inner.bare(),
            _ => self,
        }
    }
}
