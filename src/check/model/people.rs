//! Who: people, who is asked what, and what is ticked off.

use crate::source::Span;
use crate::syntax::ast::Keyword;
use crate::value::Type;

use super::{Head, Id, Limit, Look, Outcome, Typed};

/// `qa_lead`, `any [a, b]`, `all [a, b]`, `2 of [a, b, c]`
#[derive(Clone, Debug)]
pub struct People {
    /// The place.
    pub span: Span,
    /// How many of them.
    pub quorum: Quorum,
    /// The roles.
    pub persons: Vec<Person>,
}

/// How many of several people.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a word of the language")]
pub enum Quorum {
    One,
    Any,
    All,
    Of(Box<Typed>),
}

/// A role among people.
#[derive(Clone, Debug)]
pub struct Person {
    /// The role.
    pub role: String,
    /// Where it is named.
    pub span: Span,
    /// Whether it belongs to them.
    pub when: Option<Typed>,
}

/// `duty "…" from … to …` and `away "…" from … to …`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a part of the form")]
pub struct Duty {
    pub away: bool,
    pub person: Typed,
    pub from: Typed,
    pub to: Typed,
}

/// `ask PEOPLE within D else OUTCOME`
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who.
    pub people: Option<People>,
    /// How long they have, and what then.
    pub within: Option<Limit>,
}

/// `approve`, `confirm` and `question`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct AskNode {
    pub keyword: Keyword,
    pub head: Head,
    /// What a `question` is answered with.
    pub ty: Type,
    pub by: Option<People>,
    /// It says who, be it wrongly.
    pub said: bool,
    pub within: Option<Limit>,
    pub on_denied: Option<Outcome>,
}

/// `checklist NAME "…" { group … item … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Checklist {
    pub head: Head,
    pub owner: Option<Typed>,
    pub within: Option<Limit>,
    pub items: Vec<Tick>,
}

/// `item NAME "…" { … }`
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a clause of the language")]
pub struct Tick {
    pub id: Id,
    pub title: Option<Typed>,
    /// The title of its group.
    pub group: Option<Box<Typed>>,
    pub owner: Option<Typed>,
    pub by: Option<People>,
    /// It says who, or looks itself, be it wrongly.
    pub said: bool,
    pub when: Option<Typed>,
    /// What ticks it; without them a person does.
    pub looks: Vec<Look>,
}
