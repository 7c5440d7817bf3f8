//! Who is asked: roles and the people in them, questions, checklists, escalations.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Check, Outcome, Plan, Role, serial};

/// `qa_lead`, `any [a, b]`, `all [a, b]`, `2 of [a, b, c]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// How many of them.
    pub quorum: Quorum,
    /// The roles.
    pub persons: Vec<Person>,
}

/// How many of several roles must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// One of them.
    Any,
    /// Each of them, by a person of its own.
    All,
    /// So many of them.
    Of(u32),
}

/// A role among people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The role.
    pub role: String,
    /// It belongs to them only if this is true.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub when: Option<Check>,
}

/// A level of an escalation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Who is asked.
    pub people: People,
    /// How long they have before the next level is asked; the last one has until the end.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "serial::optional_duration")]
    pub within: Option<SignedDuration>,
}

/// A question to people, as an action of its node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What for.
    pub sort: AskSort,
    /// Who is asked; nobody in particular if it is empty.
    pub people: People,
    /// Who is asked when they do not answer.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub escalation: Vec<Level>,
    /// What a *no* leads to.
    pub on_denied: Outcome,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskSort {
    /// A yes or a no before something is done.
    Approval,
    /// That something was done and is as it should be.
    Confirmation,
    /// An answer of a type, by its name.
    Answer(String),
    /// That an item of a checklist is done.
    Tick,
}

/// What a trigger asks before it acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Who is asked.
    pub people: People,
    /// How long they have.
    #[serde(with = "serial::duration")]
    pub within: SignedDuration,
    /// Who is asked when they do not answer.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub escalation: Vec<Level>,
    /// What happens if nobody answers.
    pub otherwise: Outcome,
}

/// Somebody who belongs to a role, or does not, for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duty {
    /// Who.
    pub person: String,
    /// They are away, instead of there.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub away: bool,
    /// From then on.
    pub from: When,
    /// Until then.
    pub to: When,
}

/// A moment of the calendar, or of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// An instant.
    At(Timestamp),
    /// Relative to T+0.
    Offset(#[serde(with = "serial::duration")] SignedDuration),
}

impl When {
    fn instant(self, zero: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            When::At(at) => Some(at),
            When::Offset(offset) => zero?.checked_add(offset).ok(),
        }
    }
}

impl Role {
    /// Who may answer for this role at a moment: its members who are not away, whoever is on duty, and the backup.
    pub fn answering(&self, now: Timestamp, zero: Option<Timestamp>) -> Vec<&str> {
        let lasts = |duty: &&Duty| {
            duty.from.instant(zero).is_some_and(|from| from <= now) && duty.to.instant(zero).is_none_or(|to| now < to)
        };
        let (away, there): (Vec<&Duty>, Vec<&Duty>) = self.duties.iter().filter(lasts).partition(|d| d.away);
        let members = self.members.iter().chain(there.into_iter().map(|d| &d.person)).chain(&self.backup);
        let mut found: Vec<&str> = Vec::new();
        for member in members {
            if !away.iter().any(|d| same_person(&d.person, member)) && !found.contains(&member.as_str()) {
                found.push(member);
            }
        }
        found
    }
}

impl Plan {
    /// People by the titles of their roles, as one says it.
    pub fn titles(&self, people: &People) -> String {
        let title = |person: &Person| {
            let found = self.roles.iter().find(|r| r.id == person.role);
            found.map_or_else(|| person.role.clone(), |r| r.title.clone())
        };
        let names: Vec<String> = people.persons.iter().map(title).collect();
        match (people.quorum, &names[..]) {
            (_, []) => "anybody".into(),
            (_, [one]) => one.clone(),
            (Quorum::Any, _) => names.join(" or "),
            (Quorum::All, _) => names.join(" and "),
            (Quorum::Of(n), _) => format!("{n} of {}", names.join(", ")),
        }
    }
}

impl People {
    /// Nobody in particular: whoever is there may answer.
    pub fn anybody() -> Self {
        People { quorum: Quorum::Any, persons: Vec::new() }
    }

    /// Whether nobody in particular is named.
    pub fn is_anybody(&self) -> bool {
        self.persons.is_empty()
    }

    /// As it is written.
    pub fn words(&self) -> String {
        let names: Vec<String> = self
            .persons
            .iter()
            .map(|p| match &p.when {
                Some(when) => format!("{} when {}", p.role, when.text),
                None => p.role.clone(),
            })
            .collect();
        match (self.quorum, &names[..]) {
            (_, []) => "anybody".into(),
            (_, [one]) => one.clone(),
            (Quorum::Any, _) => format!("any [{}]", names.join(", ")),
            (Quorum::All, _) => format!("all [{}]", names.join(", ")),
            (Quorum::Of(n), _) => format!("{n} of [{}]", names.join(", ")),
        }
    }
}

/// Whether two names mean the same person: addresses of mail differ by no capital letter.
pub fn same_person(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}
