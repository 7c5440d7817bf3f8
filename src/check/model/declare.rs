//! What is declared: the release and what it is about, values, connections, metrics, the calendar.

use serde::{Deserialize, Serialize};

use crate::source::Span;
use crate::syntax::ast::Keyword;
use crate::value::{Comparison, Type};

use super::{Action, Ask, Duty, Id, Limit, Outcome, People, Typed, Word};

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
    pub report: Option<Typed>,
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
    pub since: Option<Typed>,
    pub needs: Option<Typed>,
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
    pub criteria: Vec<String>,
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
    /// The channels through which they are asked.
    pub reach: Vec<String>,
    /// Whoever starts a run may also answer for this role.
    pub answers_own: bool,
    pub duties: Vec<Duty>,
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
    /// Its kind; nothing where a finding says that there is no such kind.
    pub kind: Option<ChannelKind>,
    /// Its settings, as they are written.
    pub settings: Vec<(String, Typed)>,
}

/// The kinds of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a kind of the language")]
pub enum ChannelKind {
    /// The terminal, or the log.
    Console,
    /// An HTTP POST of JSON.
    Webhook,
    Slack,
    Teams,
    Discord,
    Email,
    Pagerduty,
    Statuspage,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [ChannelKind; 8] = [
        ChannelKind::Console,
        ChannelKind::Webhook,
        ChannelKind::Slack,
        ChannelKind::Teams,
        ChannelKind::Discord,
        ChannelKind::Email,
        ChannelKind::Pagerduty,
        ChannelKind::Statuspage,
    ];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            ChannelKind::Console => "console",
            ChannelKind::Webhook => "webhook",
            ChannelKind::Slack => "slack",
            ChannelKind::Teams => "teams",
            ChannelKind::Discord => "discord",
            ChannelKind::Email => "email",
            ChannelKind::Pagerduty => "pagerduty",
            ChannelKind::Statuspage => "statuspage",
        }
    }
}

/// `source`, `flags`, `router` and `hosts`: `KEYWORD NAME: KIND { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Connection {
    pub id: Id,
    pub keyword: Keyword,
    pub kind: String,
    pub title: Option<Typed>,
    pub settings: Vec<(String, Typed)>,
    /// How long an answer may take.
    pub within: Option<Typed>,
    /// `get = run "…"` and `set = run "…"` of the kind `command`.
    pub commands: Vec<(String, Action)>,
}

/// `flag NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Flag {
    pub id: Id,
    pub title: Option<Typed>,
    pub describe: Option<Typed>,
    pub place: Option<String>,
    pub default: Option<Typed>,
    pub owner: Option<Typed>,
}

/// `escalation NAME { level … }`
#[derive(Clone, Debug)]
pub struct Escalation {
    /// Its name.
    pub id: Id,
    /// Who is asked, one after the other, each with the time they have.
    pub levels: Vec<(People, Option<Limit>)>,
}

/// `window NAME { … }` and `blackout NAME { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a setting of the language")]
pub struct Window {
    pub id: Id,
    pub title: Option<Typed>,
    /// Nothing starts in it, instead of only in it.
    pub blackout: bool,
    pub days: Option<Typed>,
    pub from: Option<Typed>,
    pub to: Option<Typed>,
    pub timezone: Option<Typed>,
    pub reason: Option<Typed>,
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
    /// The `source` that it is asked of.
    pub source: Option<String>,
    pub query: Option<Typed>,
    pub describe: Option<Typed>,
}

/// `severity NAME { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Severity {
    pub id: Id,
    pub title: Option<Typed>,
    pub then: Option<Outcome>,
    pub ask: Option<Ask>,
    pub notify: Vec<String>,
    pub update_every: Option<Typed>,
    pub commander: Option<String>,
}
