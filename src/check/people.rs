//! OUTCOME, PEOPLE and limits, which are the same everywhere.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{self, ClauseKind, Keyword};
use crate::value::Type;

use super::Checker;
use super::model::{Ask, Limit, Outcome, People, Person, Quorum, Verdict};
use super::names::Kind;
use super::read::Body;
use super::typing::Allow;

impl<'a> Checker<'a> {
    /// OUTCOME; nothing where its name stands for none, which is a finding.
    pub(super) fn outcome(&mut self, outcome: &'a ast::Outcome) -> Option<Outcome> {
        let span = outcome.span();
        let verdict = match outcome {
            ast::Outcome::Stop(_) => Verdict::Stop,
            ast::Outcome::Continue(_) => Verdict::Continue,
            ast::Outcome::Rollback(_) => Verdict::Rollback(None),
            ast::Outcome::Ignore(_) => Verdict::Ignore,
            ast::Outcome::Pause { people, within, otherwise, .. } => Verdict::Pause {
                people: people.as_ref().and_then(|p| self.people(p)).map(Box::new),
                within: within.as_ref().map(|w| Box::new(self.typed(w, Some(&Type::Duration)))),
                otherwise: otherwise.as_ref().and_then(|o| self.outcome(o)).map(Box::new),
            },
            ast::Outcome::Named(expr) => self.named_reaction(expr)?,
        };
        Some(Outcome { span, verdict })
    }

    /// The name of a rollback or a response.
    fn named_reaction(&mut self, expr: &'a ast::Expr) -> Option<Verdict> {
        let name = expr.path()?;
        match self.names.get(&name).map(|s| s.kind) {
            Some(Kind::Block(Keyword::Rollback)) => Some(Verdict::Rollback(Some(name))),
            Some(Kind::Block(Keyword::Response)) => Some(Verdict::Respond(name)),
            _ => {
                let all = self
                    .names
                    .iter()
                    .filter(|(_, s)| matches!(s.kind, Kind::Block(Keyword::Rollback | Keyword::Response)));
                let words = ["stop", "continue", "rollback", "pause"];
                let close = crate::diagnostic::did_you_mean(&name, all.map(|(n, _)| n).chain(words)).map(str::to_owned);
                // What was probably meant is not unused as well.
                close.as_deref().and_then(|close| self.names.get(close));
                let help = match close {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "write `stop`, `continue`, `rollback`, `pause …`, or the name of a rollback or a response"
                        .into(),
                };
                let finding = Diagnostic::new(Code::UnknownName, expr.span, format!("there is no outcome `{name}`"));
                self.push_unless_lost(&name, finding.label("unknown outcome").help(help));
                None
            }
        }
    }

    /// PEOPLE: roles, and how many of them.
    pub(super) fn people(&mut self, people: &'a ast::People) -> Option<People> {
        let quorum = match &people.quorum {
            ast::Quorum::One => Quorum::One,
            ast::Quorum::Any => Quorum::Any,
            ast::Quorum::All => Quorum::All,
            ast::Quorum::Of(number) => Quorum::Of(Box::new(self.typed(number, Some(&Type::Int)))),
        };
        let allow = Allow::default();
        let persons = people.persons.iter().filter_map(|(person, when)| {
            let when = when.as_ref().map(|when| self.allowing(allow, |c| c.condition(when)));
            let role = match &person.kind {
                ast::ExprKind::Text(text) => {
                    self.person_in_quotes(text);
                    return None;
                }
                _ => self.named_expr(person, Keyword::Role)?,
            };
            Some(Person { role, span: person.span, when })
        });
        let persons: Vec<Person> = persons.collect();
        for (i, person) in persons.iter().enumerate() {
            if let Some(first) = persons[..i].iter().find(|p| p.role == person.role && p.when.is_none()) {
                let title = format!("the role `{}` is named twice", person.role);
                let finding = Diagnostic::new(Code::Repeated, person.span, title).label("again");
                self.push(finding.also(first.span, "first here").help("each role answers once; leave one of them out"));
            }
        }
        if people.persons.is_empty() {
            self.missing(
                people.span,
                "nobody is named here",
                "name a role, or several: `any [tech_lead, release_manager]`",
            );
        }
        (!persons.is_empty()).then_some(People { span: people.span, quorum, persons })
    }

    /// Roles answer, and roles have members: whoever is away is replaced in one place.
    fn person_in_quotes(&mut self, text: &'a ast::Text) {
        let plain = text.plain().unwrap_or_default();
        let role = Some(plain.as_str()).filter(|name| self.names.peek(name).is_some_and(|s| s.kind.is_role()));
        let finding =
            Diagnostic::new(Code::WrongForm, text.span, "a role is named here, without quotes").label("a string");
        let finding = match role {
            Some(role) => {
                self.names.get(role);
                finding.help(format!("write `{role}`")).fix(text.span, role)
            }
            None => finding.help("declare who it is: `role release_manager { members = [\"…\"] }`, and name the role"),
        };
        self.push(finding);
    }

    /// `by PEOPLE`
    pub(super) fn by_of(&mut self, body: &Body<'a>) -> Option<People> {
        let people = body.clause(|c| match c {
            ClauseKind::By(people) => Some(people),
            _ => None,
        })?;
        self.people(people)
    }

    /// `ask PEOPLE within D else OUTCOME`
    pub(super) fn ask_of(&mut self, body: &Body<'a>) -> Option<Ask> {
        let (span, (people, within)) = body.clause_at(|c| match c {
            ClauseKind::Ask(people, within) => Some((people, within)),
            _ => None,
        })?;
        if within.as_ref().is_none_or(|w| w.otherwise.is_none()) {
            let finding =
                Diagnostic::new(Code::Missing, span, "a question says how long it waits, and what happens then");
            self.push(finding.label("without an end").help("write `ask release_manager within 10m else rollback`"));
        }
        let within = within.as_ref().and_then(|w| self.limit(w));
        Some(Ask { people: self.people(people), within })
    }

    pub(super) fn limit(&mut self, within: &'a ast::Within) -> Option<Limit> {
        let escalate = within.escalate.as_ref().and_then(|e| self.named_expr(e, Keyword::Escalation));
        let duration = self.typed(&within.limit, Some(&Type::Duration));
        let otherwise = within.otherwise.as_ref().and_then(|o| self.outcome(o));
        Some(Limit { span: within.span, duration, escalate, otherwise })
    }

    pub(super) fn within_of(&mut self, body: &Body<'a>) -> Option<Limit> {
        let within = body.clause(|c| match c {
            ClauseKind::Within(within) => Some(within),
            _ => None,
        })?;
        self.limit(within)
    }

    pub(super) fn on_failure(&mut self, body: &Body<'a>) -> Option<Outcome> {
        let outcome = body.clause(|c| match c {
            ClauseKind::OnFailure(outcome) => Some(outcome),
            _ => None,
        })?;
        self.outcome(outcome)
    }

    pub(super) fn on_inconclusive(&mut self, body: &Body<'a>) -> Option<Outcome> {
        let outcome = body.clause(|c| match c {
            ClauseKind::OnInconclusive(outcome) => Some(outcome),
            _ => None,
        })?;
        self.outcome(outcome)
    }
}
