//! OUTCOME and limits. PEOPLE will be read here when a version asks people.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{self, ClauseKind, Keyword};
use crate::value::Type;

use super::Checker;
use super::model::{Limit, Outcome, Verdict};
use super::names::Kind;
use super::read::Body;

impl<'a> Checker<'a> {
    /// OUTCOME; nothing for what this version does not run, which is a finding.
    pub(super) fn outcome(&mut self, outcome: &'a ast::Outcome) -> Option<Outcome> {
        let span = outcome.span();
        let verdict = match outcome {
            ast::Outcome::Stop(_) => Verdict::Stop,
            ast::Outcome::Continue(_) => Verdict::Continue,
            ast::Outcome::Rollback(_) => Verdict::Rollback(None),
            ast::Outcome::Ignore(_) => Verdict::Ignore,
            ast::Outcome::Pause { .. } => {
                self.not_yet(span, "`pause`");
                return None;
            }
            ast::Outcome::Named(expr) => Verdict::Rollback(Some(self.named_reaction(expr)?)),
        };
        Some(Outcome { span, verdict })
    }

    /// The name of a rollback or a response.
    fn named_reaction(&mut self, expr: &'a ast::Expr) -> Option<String> {
        let name = expr.path()?;
        match self.names.get(&name).map(|s| s.kind) {
            Some(Kind::Block(Keyword::Rollback)) => Some(name),
            Some(Kind::Block(Keyword::Response)) => {
                self.not_yet(expr.span, "a `response`");
                None
            }
            _ => {
                let all = self
                    .names
                    .iter()
                    .filter(|(_, s)| matches!(s.kind, Kind::Block(Keyword::Rollback | Keyword::Response)));
                let words = ["stop", "continue", "rollback", "pause"];
                let close = crate::diagnostic::did_you_mean(&name, all.map(|(n, _)| n).chain(words));
                let help = match close {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => "write `stop`, `continue`, `rollback` or the name of a rollback".into(),
                };
                let finding = Diagnostic::new(Code::UnknownName, expr.span, format!("there is no outcome `{name}`"));
                self.push_unless_lost(&name, finding.label("unknown outcome").help(help));
                None
            }
        }
    }

    pub(super) fn limit(&mut self, within: &'a ast::Within) -> Option<Limit> {
        if let Some(escalate) = &within.escalate {
            self.not_yet(escalate.span, "`escalate`");
        }
        let duration = self.typed(&within.limit, Some(&Type::Duration));
        let otherwise = within.otherwise.as_ref().and_then(|o| self.outcome(o));
        Some(Limit { span: within.span, duration, otherwise })
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
