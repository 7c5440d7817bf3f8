//! The words that messages and expressions may use: `release.version`, `execution.started`, `event.reason`.

use crate::value::{Enumeration, Type};

/// Where a word is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Everywhere.
    Always,
    /// Once the run has begun.
    Run,
    /// In a rollback, a handler or a trigger: something has happened.
    Event,
    /// In a step.
    Step,
    /// In a step that runs on hosts.
    Host,
    /// Not in this version.
    Later,
}

/// A word of the vocabulary.
#[derive(Debug)]
pub struct Word {
    /// As it is written.
    pub path: &'static str,
    /// What it is, for the reference.
    pub meaning: &'static str,
    /// Where it is known.
    pub known: Where,
}

const fn w(path: &'static str, known: Where, meaning: &'static str) -> Word {
    Word { path, meaning, known }
}

use Where::*;

/// The names that begin a word; none of them is a name in a file's namespace.
pub const NAMESPACES: [&str; 8] = ["release", "scope", "plan", "execution", "event", "incident", "step", "host"];

/// Every word. `link.NAME`, `ROLE.members` and `ROLE.contact` are known beside them.
pub const WORDS: &[Word] = &[
    w("release.version", Always, "the version that is released"),
    w("release.previous", Always, "the version before it"),
    w("release.kind", Always, "`patch`, `minor`, `major` or `hotfix`"),
    w("release.strategy", Always, "the strategy"),
    w("release.manager", Always, "the release manager's role"),
    w("release.start", Always, "the instant of T+0 as planned"),
    w("release.downtime", Always, "the planned downtime"),
    w("scope.features", Always, "the features, a list"),
    w("scope.fixes", Always, "the fixes, a list"),
    w("scope.improvements", Always, "the improvements, a list"),
    w("scope.breaking", Always, "the breaking changes, a list"),
    w("scope.deprecations", Always, "the deprecations, a list"),
    w("scope.known_issues", Always, "the known issues, a list"),
    w("scope.database", Always, "the changes of the database, a list"),
    w("scope.security", Always, "the security changes, a list"),
    w("scope.out_of_scope", Always, "what is not part of it, a list"),
    w("plan.duration", Always, "how long the live part is expected to take"),
    w("plan.digest", Run, "the digest of the plan"),
    w("plan.link", Later, "where the plan can be read"),
    w("execution.id", Run, "the run's id"),
    w("execution.started", Run, "when the run began, an instant"),
    w("execution.duration", Run, "how long it has been running"),
    w("execution.progress", Run, "how many of how many nodes are done"),
    w("execution.notes", Run, "what people noted"),
    w("event.reason", Event, "why it happened"),
    w("event.node", Event, "the node at which it happened"),
    w("event.rollback", Event, "the rollback's title"),
    w("event.eta", Event, "how long the rollback takes at most, if that is known"),
    w("event.by", Event, "who or what caused it"),
    w("event.time", Event, "when it happened, an instant"),
    w("event.commander", Event, "who leads: the role that the severity names, and who is in it now"),
    w("incident.id", Run, "the id of the incident or the alert that this run has raised; no data before there is one"),
    w("incident.url", Run, "its page"),
    w("step.id", Step, "the step's id"),
    w("step.title", Step, "the step's title"),
    w("host.name", Host, "the host's name"),
    w("host.address", Host, "the host's address"),
];

/// The word of a path.
pub fn word(path: &str) -> Option<&'static Word> {
    WORDS.iter().find(|w| w.path == path)
}

impl Word {
    /// Its type.
    pub fn ty(&self) -> Type {
        match self.path {
            "release.version" | "release.previous" => Type::Semver,
            "release.kind" => Type::Enum(&Enumeration::RELEASE_KIND),
            "release.strategy" => Type::Enum(&Enumeration::STRATEGY),
            "release.start" | "execution.started" | "event.time" => Type::Instant,
            "release.downtime" | "plan.duration" | "execution.duration" | "event.eta" => Type::Duration,
            path if path.starts_with("scope.") => Type::List(Box::new(Type::Text)),
            _ => Type::Text,
        }
    }
}

/// The sort of scope item that a word lists: `features` of `scope.features`.
pub fn scope_sort(plural: &str) -> &str {
    match plural {
        "features" => "feature",
        "fixes" => "fix",
        "improvements" => "improvement",
        "deprecations" => "deprecation",
        "known_issues" => "known_issue",
        same => same,
    }
}
