//! Scenarios: what is given, what happens, what is expected.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Expectation, Expr, Fault, Given, Happening, ItemKind};
use crate::syntax::grammar::Rule;
use crate::value::Comparison;

use super::{Builder, P};

impl<'s> Builder<'s> {
    pub(super) fn scenario_statement(&mut self, pair: P<'s>) -> ItemKind {
        let rule = pair.as_rule();
        let span = self.span(&pair);
        let parts: Vec<_> =
            pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::comment | Rule::equals)).collect();
        let built = match rule {
            Rule::given => self.given(parts).map(|g| ItemKind::Given(Box::new(g))),
            Rule::happening => self.happening(parts).map(|h| ItemKind::At(Box::new(h))),
            Rule::crash => {
                parts.into_iter().find(|p| p.as_rule() == Rule::sum).map(|p| ItemKind::Crash(self.expression(p)))
            }
            _ => self.expectation(parts).map(ItemKind::Expectation),
        };
        if built.is_none() {
            let finding = Diagnostic::new(Code::Missing, span, "this line of a scenario is not complete");
            let help = match rule {
                Rule::given => "a series is written `given error_rate every 1m = [0.2% x21, 7% x5]`",
                _ => "what happens is written `at T+21m error_rate = 7%` or `at T-5m approve go by \"…\"`",
            };
            self.push(finding.label("something is missing").help(help));
        }
        built.unwrap_or(ItemKind::Bad(None))
    }

    fn given(&mut self, parts: Vec<P<'s>>) -> Option<Given> {
        let mut parts = parts.into_iter().skip(1);
        let first = parts.next()?;
        let rest: Vec<_> = parts.collect();
        match first.as_rule() {
            Rule::kw_execution => Some(Given::Starts(self.last(rest)?)),
            rule @ (Rule::kw_step | Rule::kw_gate | Rule::kw_undo | Rule::kw_notify) => {
                let mut rest = rest.into_iter();
                let (subject, fault) = (self.expression(rest.next()?), self.fault(rest.next()?));
                Some(match rule {
                    Rule::kw_step => Given::Step(subject, fault),
                    Rule::kw_gate => Given::Gate(subject, fault),
                    Rule::kw_undo => Given::Undo(subject, fault),
                    _ => Given::Notify(subject, fault),
                })
            }
            _ => {
                let subject = self.expression(first);
                let every = rest.iter().any(|p| p.as_rule() == Rule::kw_every);
                let mut values = rest.into_iter().filter(|p| p.as_rule() != Rule::kw_every);
                let value = self.expression(values.next()?);
                Some(match every {
                    true => Given::Series { metric: subject, every: value, values: self.expression(values.next()?) },
                    false => Given::Value { subject, value },
                })
            }
        }
    }

    fn fault(&mut self, pair: P<'s>) -> Fault {
        let mut parts = pair.into_inner();
        let first = parts.next().map(|p| p.as_rule());
        let value = parts.find(|p| p.as_rule() == Rule::sum).map(|p| self.expression(p));
        match (first, value) {
            (Some(Rule::kw_takes), Some(length)) => Fault::Takes(length),
            (Some(Rule::kw_hangs), _) => Fault::Hangs,
            (Some(Rule::kw_inconclusive), _) => Fault::Inconclusive,
            (Some(Rule::kw_error), _) => Fault::Error,
            (_, times) => Fault::Fails(times),
        }
    }

    fn happening(&mut self, parts: Vec<P<'s>>) -> Option<Happening> {
        let mut parts = parts.into_iter().skip(1);
        let at = self.expression(parts.next()?);
        let mut happening = Happening { at, deed: None, subject: None, by: None, value: None };
        for part in parts {
            match part.as_rule() {
                Rule::deed => happening.deed = Some(self.name(&part)),
                Rule::reference => happening.subject = Some(self.expression(part)),
                Rule::string => happening.by = Some(self.string(part)),
                Rule::expression => happening.value = Some(self.expression(part)),
                _ => {}
            }
        }
        (happening.deed.is_some() || happening.value.is_some()).then_some(happening)
    }

    fn expectation(&mut self, parts: Vec<P<'s>>) -> Option<Expectation> {
        let mut parts = parts.into_iter().skip(1);
        let first = parts.next()?;
        let rest: Vec<_> = parts.collect();
        Some(match first.as_rule() {
            Rule::kw_undone => Expectation::Undone(self.last(rest)?),
            Rule::kw_asked => Expectation::Asked(self.last(rest)?),
            Rule::kw_never => Expectation::NeverStarted(self.last(rest)?),
            Rule::kw_duration => {
                let symbol = rest.first()?.as_str().trim_end();
                Expectation::Duration(Comparison::from_symbol(symbol)?, self.last(rest)?)
            }
            Rule::kw_step => {
                let mut values = rest.into_iter().filter(|p| matches!(p.as_rule(), Rule::reference | Rule::sum));
                let (step, at) = (values.next()?, values.next()?);
                Expectation::StepStarted { step: self.expression(step), at: self.expression(at) }
            }
            Rule::kw_notified => {
                let mut rest = rest.into_iter();
                let channel = self.expression(rest.next()?);
                let comparison = rest.next().and_then(|p| Comparison::from_symbol(p.as_str().trim_end()));
                let text = rest.next().map(|p| self.expression(p));
                Expectation::Notified { channel, text: comparison.zip(text) }
            }
            _ => {
                let ending = self.name(&first);
                Expectation::Ending { ending, before: self.last(rest) }
            }
        })
    }

    /// The value behind the words.
    fn last(&mut self, parts: Vec<P<'s>>) -> Option<Expr> {
        parts.into_iter().last().map(|p| self.expression(p))
    }
}
