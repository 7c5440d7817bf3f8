//! Clauses: time, people and consequences.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Clause, ClauseKind, Expr, Name, Outcome, People, Quorum, Within};
use crate::syntax::grammar::Rule;
use crate::syntax::mistake;

use super::{Builder, P};

impl<'s> Builder<'s> {
    /// A clause; nothing if a part of it is missing, which is a finding.
    pub(super) fn clause(&mut self, pair: P<'s>) -> Option<Clause> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut parts = pair.into_inner().filter(|p| p.as_rule() != Rule::comment);
        let keyword = parts.next()?;
        let kind = match rule {
            Rule::at_clause => ClauseKind::At(self.expression(parts.next()?)),
            Rule::in_clause => ClauseKind::In(self.expression(parts.next()?)),
            Rule::within_clause => {
                let parts: Vec<_> = parts.collect();
                ClauseKind::Within(self.within(span, parts)?)
            }
            Rule::on_outcome => {
                let what = parts.next()?.as_rule();
                let outcome = self.outcome(parts.next()?);
                match what {
                    Rule::kw_failure => ClauseKind::OnFailure(outcome),
                    Rule::kw_denied => ClauseKind::OnDenied(outcome),
                    _ => ClauseKind::OnInconclusive(outcome),
                }
            }
            Rule::on_hosts => ClauseKind::OnHosts(self.expression(parts.next()?)),
            Rule::when_clause => ClauseKind::When(self.expression(parts.next()?)),
            Rule::for_clause => ClauseKind::For(self.expression(parts.next()?)),
            Rule::until_clause => ClauseKind::Until(self.expression(parts.next()?)),
            Rule::from_clause => ClauseKind::From(self.expression(parts.next()?)),
            Rule::retry_clause => self.retry(parts.collect())?,
            Rule::pass_after | Rule::fail_after => {
                let mut parts = parts.filter(|p| p.as_rule() != Rule::kw_after);
                let times = self.expression(parts.next()?);
                let in_a_row = parts.any(|p| p.as_rule() == Rule::kw_in_a_row);
                match rule {
                    Rule::pass_after => ClauseKind::PassAfter { times, in_a_row },
                    _ => ClauseKind::FailAfter { times, in_a_row },
                }
            }
            Rule::with_clause => {
                let arguments: Vec<_> = parts.filter(|p| p.as_rule() == Rule::argument).collect();
                ClauseKind::With(arguments.into_iter().filter_map(|p| self.argument(p)).collect())
            }
            Rule::manual_clause => {
                let people = parts.find(|p| p.as_rule() == Rule::people);
                ClauseKind::Manual(people.map(|p| self.people(p)))
            }
            Rule::by_clause => ClauseKind::By(self.people(parts.next()?)),
            Rule::ask_clause => {
                let people = self.people(parts.next()?);
                let within = parts.next().and_then(|p| self.within_clause(p));
                ClauseKind::Ask(people, within)
            }
            Rule::then_clause => ClauseKind::Then(self.outcome(parts.next()?)),
            Rule::no_data_clause => ClauseKind::NoData(self.outcome(parts.find(|p| p.as_rule() == Rule::outcome)?)),
            Rule::through_clause => ClauseKind::Through(self.expression(parts.next()?)),
            Rule::undo_none => {
                ClauseKind::UndoNone(parts.find(|p| p.as_rule() == Rule::string).map(|p| self.string(p)))
            }
            Rule::irreversible => ClauseKind::Irreversible(parts.next().map(|p| self.string(p))),
            _ => {
                let at = self.span(&keyword);
                self.push(Diagnostic::new(Code::Unexpected, at, "this does not fit here"));
                return None;
            }
        };
        Some(Clause { span, kind })
    }

    pub(super) fn within_clause(&mut self, pair: P<'s>) -> Option<Within> {
        let span = self.span(&pair);
        let parts: Vec<_> = pair.into_inner().skip(1).collect();
        self.within(span, parts)
    }

    fn within(&mut self, span: Span, parts: Vec<P<'s>>) -> Option<Within> {
        let mut limit = None;
        let mut escalate = None;
        let mut otherwise = None;
        for part in parts {
            match part.as_rule() {
                Rule::sum => limit = Some(self.expression(part)),
                Rule::reference => escalate = Some(self.expression(part)),
                Rule::outcome => otherwise = Some(self.outcome(part)),
                _ => {}
            }
        }
        Some(Within { span, limit: limit?, escalate, otherwise })
    }

    fn retry(&mut self, parts: Vec<P<'s>>) -> Option<ClauseKind> {
        let mut times = None;
        let mut every = None;
        let mut backoff = None;
        let mut slot = Rule::kw_retry;
        for part in parts {
            match part.as_rule() {
                rule @ (Rule::kw_every | Rule::kw_backoff) => slot = rule,
                _ => {
                    let value = Some(self.expression(part));
                    match slot {
                        Rule::kw_every => every = value,
                        Rule::kw_backoff => backoff = value,
                        _ => times = value,
                    }
                }
            }
        }
        Some(ClauseKind::Retry { times: times?, every, backoff })
    }

    fn argument(&mut self, pair: P<'s>) -> Option<(Name, Expr)> {
        let mut parts = pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::equals | Rule::comment));
        let name = parts.next()?;
        let name = self.declared(&name);
        Some((name, self.expression(parts.next()?)))
    }

    /// PEOPLE
    pub(super) fn people(&mut self, pair: P<'s>) -> People {
        let span = self.span(&pair);
        let mut quorum = None;
        let mut persons = Vec::new();
        let mut crowd_span = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::quorum => quorum = Some(self.quorum(part)),
                Rule::crowd => {
                    crowd_span = Some(self.span(&part));
                    persons.extend(self.crowd(part));
                }
                Rule::person => persons.extend(self.person(part)),
                _ => {}
            }
        }
        if let (None, Some(at)) = (&quorum, crowd_span) {
            let list = self.slice(at).to_owned();
            self.push(
                Diagnostic::new(Code::WrongForm, at, "how many of these people?")
                    .label("one of them, or all?")
                    .help(format!("write `any {list}` or `all {list}`")),
            );
            quorum = Some(Quorum::Any);
        }
        People { span, quorum: quorum.unwrap_or(Quorum::One), persons }
    }

    fn crowd(&mut self, pair: P<'s>) -> Vec<(Expr, Option<Expr>)> {
        let whole = self.span(&pair);
        let mut persons = Vec::new();
        let mut bad = false;
        let mut before: Option<Span> = None;
        for part in pair.into_inner() {
            let span = self.span(&part);
            let next = before.take();
            match part.as_rule() {
                Rule::person => {
                    if let Some(before) = next {
                        let between = Span { start: before.end, end: span.start, ..span };
                        let finding =
                            Diagnostic::new(Code::WrongForm, before.to(span), "a comma is missing between these");
                        self.push(finding.label("two names").help("write a `,` between them").fix(between, ", "));
                    }
                    before = Some(span);
                    persons.extend(self.person(part));
                }
                Rule::bad_rest => {
                    bad = true;
                    let finding =
                        mistake::explain(self.file, span.start as usize, self.slice(span), span, Rule::strict_person);
                    self.push(finding);
                }
                Rule::missing_bracket if !bad => {
                    let at = Span { end: whole.start + 1, ..whole };
                    self.unclosed(at, whole.end, "[", "]");
                }
                _ => {}
            }
        }
        persons
    }

    fn quorum(&mut self, pair: P<'s>) -> Quorum {
        let first = pair.into_inner().next();
        match first.as_ref().map(|p| p.as_rule()) {
            Some(Rule::kw_all) => Quorum::All,
            Some(Rule::quantity) => first.map_or(Quorum::Any, |p| Quorum::Of(self.expression(p))),
            _ => Quorum::Any,
        }
    }

    fn person(&mut self, pair: P<'s>) -> Option<(Expr, Option<Expr>)> {
        let mut parts = pair.into_inner().filter(|p| p.as_rule() != Rule::kw_when);
        let person = self.expression(parts.next()?);
        Some((person, parts.next().map(|p| self.expression(p))))
    }

    /// OUTCOME: pauses in a row are one inside the other.
    pub(super) fn outcome(&mut self, pair: P<'s>) -> Outcome {
        let span = self.span(&pair);
        let parts: Vec<_> = pair.into_inner().filter(|p| p.as_rule() != Rule::kw_else).collect();
        let chain = parts.len();
        let built = self.deeper(chain, span, |b| {
            parts.into_iter().rev().fold(None, |otherwise, part| Some(b.single_outcome(part, otherwise)))
        });
        built.flatten().unwrap_or(Outcome::Stop(span))
    }

    fn single_outcome(&mut self, pair: P<'s>, otherwise: Option<Outcome>) -> Outcome {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::kw_stop => Outcome::Stop(span),
            Rule::kw_continue => Outcome::Continue(span),
            Rule::kw_rollback => Outcome::Rollback(span),
            Rule::kw_ignore => Outcome::Ignore(span),
            Rule::pause => {
                let mut people = None;
                let mut within = None;
                for part in pair.into_inner() {
                    match part.as_rule() {
                        Rule::people => people = Some(self.people(part)),
                        Rule::sum => within = Some(self.expression(part)),
                        _ => {}
                    }
                }
                if within.is_none() || otherwise.is_none() {
                    self.push(
                        Diagnostic::new(Code::Missing, span, "a pause says how long, and what comes then")
                            .label("could wait for ever")
                            .help("write `pause within 15m else rollback`"),
                    );
                }
                Outcome::Pause { span, people, within, otherwise: otherwise.map(Box::new) }
            }
            _ => Outcome::Named(self.expression(pair)),
        }
    }
}
