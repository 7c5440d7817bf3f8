//! What each block may hold: the one table of settings, clauses and contents.
//!
//! The checker reads files by it, and the reference, completions and editor grammars are held against it. What the
//! language has and this version does not run yet is in it too, marked, so that it is refused in plain words.

use crate::value::{Enumeration, Type};

/// What a block may hold.
#[derive(Debug)]
pub struct Block {
    /// Its keyword; of the parts of another block, such as `undo`, theirs.
    pub name: &'static str,
    /// Its settings.
    pub settings: &'static [Setting],
    /// Its clauses.
    pub clauses: &'static [Allowed],
    /// What else may stand in it.
    pub contents: &'static [Allowed],
}

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub shape: Shape,
    /// Whether this version runs it.
    pub runs: bool,
}

/// A clause or a statement that may stand in a block.
#[derive(Debug)]
pub struct Allowed {
    /// Its first words.
    pub word: &'static str,
    /// Whether this version runs it.
    pub runs: bool,
}

/// What the value of a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a type of the language")]
pub enum Shape {
    Text,
    Bool,
    Int,
    Duration,
    Percent,
    Instant,
    Email,
    Url,
    Semver,
    /// The unit of the metric.
    Metric,
    /// A string or a list of strings.
    Texts,
    TextList,
    /// A map from names to values.
    Map,
    /// A map, a list or a value.
    Json,
    Enum(&'static Enumeration),
    /// A word of an enumeration, or a percent.
    Probability,
    /// A string that may be secret.
    Private,
    /// A URL that may be secret.
    PrivateUrl,
    /// `[mon, tue]`
    Days,
    /// A list of addresses of mail.
    Emails,
    /// The ids of components of a status page, or a map from ids to how they are.
    Components,
    /// A moment: an offset or an instant.
    Moment,
    Offset,
    Time,
    /// The beginning or the end of a blackout: a date or an instant.
    DateOrInstant,
    /// `get = run "…"`
    Command,
    /// A team in words, or the name of a role.
    Owner,
    /// The name of something, resolved by whoever reads it.
    Name,
    Names,
    /// A value whose type the reader knows, or that is only kept.
    Any,
}

impl Shape {
    /// The type that the value must have; nothing where the reader decides.
    pub fn ty(self) -> Option<Type> {
        Some(match self {
            Shape::Text => Type::Text,
            Shape::Bool => Type::Bool,
            Shape::Int => Type::Int,
            Shape::Duration => Type::Duration,
            Shape::Percent => Type::Percent,
            Shape::Instant => Type::Instant,
            Shape::Email => Type::Email,
            Shape::Url => Type::Url,
            Shape::Semver => Type::Semver,
            Shape::TextList => Type::List(Box::new(Type::Text)),
            Shape::Map => Type::Map(Box::new(Type::Any)),
            Shape::Json => Type::Any,
            Shape::Enum(e) => Type::Enum(e),
            Shape::Private => Type::Text,
            Shape::PrivateUrl => Type::Url,
            Shape::Days => Type::List(Box::new(Type::Enum(&Enumeration::DAYS))),
            Shape::Emails => Type::List(Box::new(Type::Email)),
            Shape::Offset => Type::Offset,
            Shape::Time => Type::Time,
            Shape::Metric
            | Shape::Texts
            | Shape::Probability
            | Shape::Moment
            | Shape::DateOrInstant
            | Shape::Command
            | Shape::Components
            | Shape::Owner
            | Shape::Name
            | Shape::Names
            | Shape::Any => return None,
        })
    }
}

const fn s(name: &'static str, shape: Shape) -> Setting {
    Setting { name, shape, runs: true }
}

/// A setting that this version does not run yet.
const fn later(name: &'static str, shape: Shape) -> Setting {
    Setting { name, shape, runs: false }
}

const fn a(word: &'static str) -> Allowed {
    Allowed { word, runs: true }
}

/// A clause or statement that this version does not run yet.
const fn l(word: &'static str) -> Allowed {
    Allowed { word, runs: false }
}

/// The block of a name.
pub fn block(name: &str) -> Option<&'static Block> {
    BLOCKS.iter().find(|b| b.name == name)
}

macro_rules! block {
    ($name:literal, [$($setting:expr),* $(,)?], [$($clause:expr),* $(,)?], [$($content:expr),* $(,)?]) => {
        Block { name: $name, settings: &[$($setting),*], clauses: &[$($clause),*], contents: &[$($content),*] }
    };
}

use Shape::*;

/// Every block of the language.
pub const BLOCKS: &[Block] = &[
    block!(
        "file",
        [],
        [],
        [
            a("import"),
            a("runbook"),
            a("release"),
            a("var"),
            a("let"),
            a("secret"),
            a("fact"),
            a("link"),
            a("channel"),
            a("source"),
            a("flags"),
            a("router"),
            l("hosts"),
            a("metric"),
            a("role"),
            a("escalation"),
            a("window"),
            a("blackout"),
            a("severity"),
            a("scope"),
            a("risk"),
            a("flag"),
            a("phase"),
            a("gate"),
            a("trigger"),
            a("response"),
            a("rollback"),
            a("comms"),
            a("on"),
            a("scenario"),
        ]
    ),
    block!(
        "runbook",
        [
            s("owner", Text),
            s("timezone", Text),
            s("lock", Texts),
            s("shell", TextList),
            s("inherit", TextList),
            s("grace", Duration),
            later("report", Text),
        ],
        [],
        [a("describe")]
    ),
    block!(
        "release",
        [
            s("version", Semver),
            s("previous", Semver),
            later("since", Text),
            s("kind", Enum(&Enumeration::RELEASE_KIND)),
            s("strategy", Enum(&Enumeration::STRATEGY)),
            s("manager", Name),
            s("start", Instant),
            s("downtime", Duration),
            later("needs", TextList),
        ],
        [],
        [a("describe"), a("goal"), l("follow_up")]
    ),
    block!("var", [s("one_of", Any)], [], [a("describe")]),
    block!("channel", [], [], [a("describe")]),
    block!("channel console", [], [], [a("describe")]),
    block!("channel webhook", [s("url", PrivateUrl), s("header", Map)], [], [a("describe")]),
    block!(
        "channel slack",
        [
            s("webhook", PrivateUrl),
            s("token", Private),
            s("room", Text),
            s("create", Bool),
            s("archive", Offset),
            s("url", Url),
        ],
        [],
        [a("describe")]
    ),
    block!("channel teams", [s("webhook", PrivateUrl)], [], [a("describe")]),
    block!("channel discord", [s("webhook", PrivateUrl)], [], [a("describe")]),
    block!(
        "channel email",
        [s("smtp", Url), s("from", Email), s("to", Emails), s("user", Text), s("password", Private), s("ca", Text),],
        [],
        [a("describe")]
    ),
    block!("channel pagerduty", [s("routing_key", Private), s("url", Url)], [], [a("describe")]),
    block!("channel statuspage", [s("page", Text), s("token", Private), s("url", Url)], [], [a("describe")]),
    block!(
        "source prometheus",
        [
            s("url", Url),
            s("token", Private),
            s("user", Text),
            s("password", Private),
            s("header", Map),
            s("ca", Text),
            s("concurrency", Int),
        ],
        [a("within")],
        [a("describe")]
    ),
    block!(
        "source datadog",
        [
            s("url", Url),
            s("api_key", Private),
            s("app_key", Private),
            s("ca", Text),
            s("concurrency", Int),
            s("window", Duration),
        ],
        [a("within")],
        [a("describe")]
    ),
    block!(
        "source graphite",
        [
            s("url", Url),
            s("token", Private),
            s("user", Text),
            s("password", Private),
            s("header", Map),
            s("ca", Text),
            s("concurrency", Int),
            s("window", Duration),
        ],
        [a("within")],
        [a("describe")]
    ),
    block!(
        "source influxdb",
        [
            s("url", Url),
            s("database", Text),
            s("org", Text),
            s("token", Private),
            s("user", Text),
            s("password", Private),
            s("header", Map),
            s("ca", Text),
            s("concurrency", Int),
            s("window", Duration),
        ],
        [a("within")],
        [a("describe")]
    ),
    block!(
        "flags unleash",
        [s("url", Url), s("token", Private), s("project", Text), s("environment", Text)],
        [],
        [a("describe")]
    ),
    block!("flags launchdarkly", [], [], [a("describe")]),
    block!("flags command", [s("get", Command), s("set", Command)], [], [a("describe")]),
    block!(
        "router haproxy",
        [s("socket", Text), s("backend", Text), s("old", Text), s("new", Text)],
        [],
        [a("describe")]
    ),
    block!("router nginx", [], [], [a("describe")]),
    block!("router kubernetes", [], [], [a("describe")]),
    block!("router command", [s("get", Command), s("set", Command)], [], [a("describe")]),
    block!("hosts ssh", [s("addresses", TextList), s("user", Text)], [], [a("describe")]),
    block!("escalation", [], [], [a("describe"), a("level")]),
    block!(
        "window",
        [s("days", Days), s("from", Time), s("to", Time), s("timezone", Text), s("reason", Text)],
        [],
        [a("describe")]
    ),
    block!(
        "blackout",
        [s("from", DateOrInstant), s("to", DateOrInstant), s("timezone", Text), s("reason", Text)],
        [],
        [a("describe")]
    ),
    block!("flag", [s("in", Name), s("default", Enum(&Enumeration::SWITCH)), s("owner", Owner)], [], [a("describe")]),
    block!(
        "metric",
        [
            s("source", Name),
            s("query", Text),
            s("unit", Enum(&Enumeration::UNIT)),
            s("every", Duration),
            s("baseline", Any),
            s("floor", Metric),
            s("path", Text),
        ],
        [],
        [a("describe"), a("run"), a("http"), a("target"), a("warn"), a("critical")]
    ),
    block!(
        "role",
        [s("members", TextList), s("backup", TextList), s("reach", Names), s("contact", Map), s("self", Bool)],
        [],
        [a("describe"), a("duty"), a("away")]
    ),
    block!(
        "severity",
        [s("notify", Names), s("update_every", Duration), s("commander", Name)],
        [a("then"), a("ask")],
        [a("describe")]
    ),
    block!(
        "scope",
        [],
        [],
        [
            a("describe"),
            a("feature"),
            a("fix"),
            a("breaking"),
            a("deprecation"),
            a("known_issue"),
            a("improvement"),
            a("technical"),
            a("security"),
            a("performance"),
            a("database"),
            a("dependency"),
            a("upgrade"),
            a("out_of_scope"),
            a("highlight"),
            a("contributor"),
        ]
    ),
    block!(
        "scope item",
        [
            s("ticket", Text),
            s("owner", Text),
            s("audience", Any),
            s("migration", Text),
            s("removed_in", Semver),
            s("alternative", Text),
            s("workaround", Text),
        ],
        [],
        [a("describe")]
    ),
    block!(
        "risk",
        [
            s("probability", Probability),
            s("impact", Enum(&Enumeration::IMPACT)),
            s("owner", Name),
            s("mitigation", TextList),
            s("contingency", TextList),
            later("criteria", Names),
            s("covered_by", Names),
        ],
        [],
        [a("describe")]
    ),
    block!(
        "phase",
        [later("owner", Owner)],
        [a("at"), a("in"), a("within"), a("when")],
        [
            a("describe"),
            a("phase"),
            a("parallel"),
            a("step"),
            a("gate"),
            a("hold"),
            a("ramp"),
            a("approve"),
            a("confirm"),
            a("checklist"),
            a("question"),
            a("notify"),
            a("for"),
        ]
    ),
    block!(
        "for",
        [],
        [],
        [
            a("phase"),
            a("parallel"),
            a("step"),
            a("gate"),
            a("hold"),
            a("ramp"),
            a("approve"),
            a("confirm"),
            a("checklist"),
            a("question"),
            a("notify"),
            a("for"),
        ]
    ),
    block!(
        "parallel",
        [],
        [a("at"), a("when")],
        [
            a("describe"),
            a("phase"),
            a("step"),
            a("gate"),
            a("hold"),
            a("ramp"),
            a("approve"),
            a("confirm"),
            a("checklist"),
            a("question"),
            a("notify"),
            a("for"),
        ]
    ),
    block!(
        "ramp",
        [s("takes", Duration)],
        [a("through"), a("at"), a("when"), a("on failure")],
        [a("describe"), a("hold"), a("gate")]
    ),
    block!("approve", [], [a("at"), a("when"), a("by"), a("within"), a("on denied")], [a("describe")]),
    block!("confirm", [], [a("at"), a("when"), a("by"), a("within"), a("on denied")], [a("describe")]),
    block!("question", [], [a("at"), a("when"), a("by"), a("within"), a("on denied")], [a("describe")]),
    block!("checklist", [s("owner", Owner)], [a("at"), a("when"), a("within")], [a("describe"), a("group"), a("item")]),
    block!("group", [], [], [a("describe"), a("item")]),
    block!(
        "item",
        [s("owner", Owner)],
        [a("by"), a("when")],
        [a("describe"), a("run"), a("shell"), a("http"), a("expect"), a("gate")]
    ),
    block!(
        "step",
        [
            s("takes", Duration),
            s("idempotent", Bool),
            later("batch", Percent),
            later("max_failures", Int),
            later("owner", Owner),
        ],
        [a("at"), a("when"), l("on"), a("within"), a("retry"), a("on failure"), a("undo none"), a("irreversible"),],
        [
            a("describe"),
            a("run"),
            a("shell"),
            a("http"),
            a("shift"),
            a("set"),
            a("notify"),
            a("gate"),
            a("hold"),
            a("undo"),
            a("done when"),
        ]
    ),
    block!(
        "undo",
        [s("takes", Duration)],
        [],
        [a("run"), a("shell"), a("http"), a("shift"), a("set"), a("notify"), a("gate"), a("hold")]
    ),
    block!(
        "gate",
        [s("every", Duration)],
        [
            a("at"),
            a("when"),
            a("with"),
            a("within"),
            a("pass after"),
            a("fail after"),
            a("on failure"),
            a("on inconclusive")
        ],
        [a("describe"), a("run"), a("shell"), a("http"), a("expect"), a("gate")]
    ),
    block!(
        "hold",
        [s("every", Duration)],
        [a("at"), a("when"), a("for"), a("until"), a("fail after")],
        [a("describe"), a("expect"), a("gate")]
    ),
    block!(
        "command",
        [s("dir", Text), s("env", Map), s("stdin", Any), s("stdout", Text), s("reads", Bool), s("inherit", TextList),],
        [a("within")],
        [a("expect"), a("capture")]
    ),
    block!(
        "http",
        [s("header", Map), s("json", Json), s("body", Any), s("form", Map), s("reads", Bool)],
        [a("within")],
        [a("expect"), a("capture")]
    ),
    block!("notify", [s("required", Bool)], [a("at"), a("from"), a("when")], []),
    block!(
        "notify statuspage",
        [
            s("state", Enum(&Enumeration::STATE)),
            s("components", Components),
            s("impact", Enum(&Enumeration::DISRUPTION)),
            s("from", Moment),
            s("to", Moment)
        ],
        [],
        []
    ),
    block!("notify pagerduty", [s("severity", Enum(&Enumeration::ALERT))], [], []),
    block!(
        "trigger",
        [s("severity", Name)],
        [a("when"), a("manual"), a("by"), a("from"), a("until"), a("no data"), a("then"), a("ask")],
        [a("describe"), a("notify")]
    ),
    block!(
        "response",
        [],
        [a("within")],
        [
            a("describe"),
            a("step"),
            a("run"),
            a("shell"),
            a("http"),
            a("shift"),
            a("set"),
            a("gate"),
            a("hold"),
            a("confirm"),
            a("notify"),
            l("every"),
        ]
    ),
    block!("comms", [], [], [a("describe"), a("notify"), a("every")]),
    block!("every", [], [a("from"), a("until"), a("when")], [a("notify")]),
    block!(
        "after",
        [],
        [],
        [
            a("describe"),
            a("step"),
            a("gate"),
            a("hold"),
            a("checklist"),
            a("confirm"),
            a("question"),
            a("approve"),
            a("notify")
        ]
    ),
    block!("shift", [s("drain", Duration)], [], []),
    block!("set", [], [], []),
    block!("done when", [], [], [a("run"), a("shell"), a("http"), a("expect"), a("gate")]),
    block!("follow_up", [s("owner", Owner)], [], [a("describe")]),
    block!("scenario", [], [], [a("describe"), a("given"), a("at"), a("crash"), a("expect")]),
    block!(
        "rollback",
        [s("rto", Duration)],
        [l("within")],
        [a("describe"), a("undo"), a("step"), a("gate"), a("hold"), a("confirm"), a("notify"), a("every"), a("after")]
    ),
    block!("on", [], [], [a("notify")]),
];
