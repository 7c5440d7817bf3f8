//! Scenarios: tests of a runbook. Whatever they name is there, and has the type of what they say it is.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, Construct, ExprKind, ItemKind, Keyword};
use crate::value::{Expr, RefKind, Type};

use super::Checker;
use super::comms::NODES;
use super::model::{Deed, Expectation, Fault, Faulty, Given, Happening, Id, Line, Scenario, Typed};
use super::names::Kind;
use super::typing::Allow;

/// What can be given a value.
const GIVEN: &str = "a variable, a fact, a capture, an answer, a flag or a metric can be given";

impl<'a> Checker<'a> {
    pub(super) fn scenario(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let same = self.model.scenarios.iter().find(|s| s.id.text == id.text && !id.text.is_empty());
        if let Some(first) = same.map(|s| s.id.span) {
            let finding =
                Diagnostic::new(Code::DuplicateName, id.span, format!("two scenarios are named `{}`", id.text));
            self.push(finding.label("again").also(first, "first here").help("give one of them another name"));
        }
        let body = self.construct_body("scenario", construct);
        let mut scenario = Scenario {
            id,
            title: self.title_of(construct),
            describe: self.describe(&body),
            givens: Vec::new(),
            happenings: Vec::new(),
            expectations: Vec::new(),
        };
        for item in &body.rest {
            let span = item.span;
            match &item.kind {
                ItemKind::Given(given) => {
                    scenario.givens.extend(self.given(given).map(|what| Line { what, span }));
                }
                ItemKind::At(happening) => {
                    scenario.happenings.extend(self.happening(happening).map(|what| Line { what, span }));
                }
                ItemKind::Crash(at) => {
                    let at = self.typed(at, Some(&Type::Offset));
                    scenario.happenings.push(Line { what: Happening { at, deed: Deed::Crash }, span });
                }
                ItemKind::Expectation(expectation) => {
                    scenario.expectations.extend(self.expectation(expectation).map(|what| Line { what, span }));
                }
                _ => {}
            }
        }
        let outcomes: Vec<Span> = body
            .rest
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Expectation(ast::Expectation::Ending { ending, .. }) => Some(ending.span),
                _ => None,
            })
            .collect();
        if let [first, second, ..] = outcomes[..] {
            let finding = Diagnostic::new(Code::Repeated, second, "a scenario ends in one way");
            self.push(
                finding
                    .label("a second ending")
                    .also(first, "the first")
                    .help("keep one; the other is another scenario"),
            );
        }
        self.model.scenarios.push(scenario);
    }

    fn given(&mut self, given: &'a ast::Given) -> Option<Given> {
        let fault = |c: &mut Self, what, subject: &'a ast::Expr, kinds: &[Keyword], fault| {
            let (id, _) = c.node_name(subject, kinds)?;
            let fault = c.fault(what, fault, subject.span)?;
            Some(Given::Fault { what, id, fault })
        };
        match given {
            ast::Given::Value { subject, value } => {
                let (name, ty) = self.subject(subject)?;
                let value = self.given_value(value, &ty);
                Some(Given::Value { subject: name, value })
            }
            ast::Given::Series { metric, every, values } => {
                let name = self.named_expr(metric, Keyword::Metric)?;
                let ty = self.metric_type(&name);
                let every = self.typed(every, Some(&Type::Duration));
                let values = self.series(values, &ty);
                Some(Given::Series { metric: name, every, values })
            }
            ast::Given::Step(subject, kind) => {
                fault(self, Faulty::Step, subject, &[Keyword::Step, Keyword::Ramp], kind)
            }
            ast::Given::Gate(subject, kind) => fault(self, Faulty::Gate, subject, &[Keyword::Gate], kind),
            ast::Given::Undo(subject, kind) => {
                fault(self, Faulty::Undo, subject, &[Keyword::Step, Keyword::Ramp], kind)
            }
            ast::Given::Notify(subject, kind) => {
                let id = self.named_expr(subject, Keyword::Channel)?;
                let fault = self.fault(Faulty::Notify, kind, subject.span)?;
                Some(Given::Fault { what: Faulty::Notify, id, fault })
            }
            ast::Given::Starts(at) => Some(Given::Starts(self.typed(at, Some(&Type::Offset)))),
        }
    }

    /// What is given a value, and the type that it has.
    fn subject(&mut self, subject: &'a ast::Expr) -> Option<(String, Type)> {
        if let ExprKind::Name(name) = &subject.kind {
            let symbol = self.names.get(name);
            let (kind, declaration) = symbol.map(|s| (s.kind, s.declaration)).unzip();
            let ty = match kind {
                Some(Kind::Var | Kind::Fact) => declaration.flatten().map_or(Type::Error, |d| self.declared_type(d)),
                Some(Kind::Block(Keyword::Metric)) => self.metric_type(name),
                Some(Kind::Block(Keyword::Flag)) => Type::Any,
                Some(Kind::Block(Keyword::Approve | Keyword::Confirm | Keyword::Question)) => self.answer(name)?,
                Some(other) => {
                    let title = format!("`{name}` is {}, and has no value that could be given", other.phrase());
                    self.push(Diagnostic::new(Code::WrongKind, subject.span, title).label("not a value").help(GIVEN));
                    return None;
                }
                None => {
                    let close =
                        did_you_mean(name, self.names.iter().map(|(n, _)| n)).map(|c| format!("did you mean `{c}`?"));
                    let finding =
                        Diagnostic::new(Code::UnknownName, subject.span, format!("nothing is named `{name}`"));
                    self.push_unless_lost(
                        name,
                        finding.label("unknown name").help(close.unwrap_or_else(|| GIVEN.to_owned())),
                    );
                    return None;
                }
            };
            return Some((name.clone(), ty));
        }
        if super::is_bad(subject) {
            return None;
        }
        match self.captured(subject) {
            Some((Expr::Ref(reference), ty)) if reference.kind == RefKind::Capture => Some((reference.name, ty)),
            Some(_) => None,
            None => {
                let title = "this cannot be given a value";
                self.push(Diagnostic::new(Code::WrongKind, subject.span, title).label("not a value").help(GIVEN));
                None
            }
        }
    }

    /// `none` is no data.
    fn given_value(&mut self, value: &'a ast::Expr, ty: &Type) -> Typed {
        let none = matches!(&value.kind, ExprKind::Name(name) if name == "none");
        let want = (!none && *ty != Type::Any).then_some(ty);
        self.allowing(Allow::default(), |c| c.typed(value, want))
    }

    fn series(&mut self, values: &'a ast::Expr, ty: &Type) -> Vec<(Typed, u32)> {
        let ExprKind::List(elements) = &values.bare().kind else {
            if !super::is_bad(values) {
                let finding = Diagnostic::new(Code::Mismatch, values.span, "a series is a list");
                self.push(finding.label("not a list").help("write `[0.2% x21, 7% x5, none x2]`"));
            }
            return Vec::new();
        };
        if elements.is_empty() {
            self.missing(values.span, "this series has no values", "write `[0.2% x21, 7% x5]`");
        }
        elements.iter().map(|e| (self.given_value(&e.value, ty), e.times.unwrap_or(1))).collect()
    }

    fn fault(&mut self, what: Faulty, fault: &'a ast::Fault, span: Span) -> Option<Fault> {
        let word = match fault {
            ast::Fault::Fails(_) => "fails",
            ast::Fault::Hangs => "hangs",
            ast::Fault::Takes(_) => "takes",
            ast::Fault::Inconclusive => "inconclusive",
            ast::Fault::Error => "error",
        };
        let (name, known): (&str, &[&str]) = match what {
            Faulty::Step => ("step", &["fails", "hangs", "takes"]),
            Faulty::Gate => ("gate", &["fails", "inconclusive", "error"]),
            Faulty::Undo => ("undo", &["fails", "hangs", "takes"]),
            Faulty::Notify => ("message", &["fails", "hangs"]),
        };
        if !known.contains(&word) {
            let title = format!("`{word}` says nothing about a {name}");
            let known: Vec<_> = known.iter().map(|k| format!("`{k}`")).collect();
            let finding = Diagnostic::new(Code::WrongForm, span, title).label(format!("this {name}"));
            self.push(finding.help(format!("what can be given of a {name}: {}", known.join(", "))));
            return None;
        }
        Some(match fault {
            ast::Fault::Fails(times) => Fault::Fails(times.as_ref().map(|t| self.typed(t, Some(&Type::Int)))),
            ast::Fault::Hangs => Fault::Hangs,
            ast::Fault::Takes(length) => Fault::Takes(self.typed(length, Some(&Type::Duration))),
            ast::Fault::Inconclusive => Fault::Inconclusive,
            ast::Fault::Error => Fault::Error,
        })
    }

    fn happening(&mut self, happening: &'a ast::Happening) -> Option<Happening> {
        let at = self.typed(&happening.at, Some(&Type::Offset));
        let by = happening.by.as_ref().map(|by| self.text(by));
        let Some(deed) = &happening.deed else {
            let (subject, value) = (happening.subject.as_ref()?, happening.value.as_ref()?);
            let gate = matches!(&subject.kind, ExprKind::Name(name)
                if self.names.peek(name).is_some_and(|symbol| symbol.kind == Kind::Block(Keyword::Gate)));
            if gate {
                let gate = self.named_expr(subject, Keyword::Gate)?;
                let passes = self.typed(value, Some(&Type::Bool));
                return Some(Happening { at, deed: Deed::Gate { gate, passes } });
            }
            let metric = self.named_expr(subject, Keyword::Metric)?;
            let ty = self.metric_type(&metric);
            let value = self.given_value(value, &ty);
            return Some(Happening { at, deed: Deed::Value { metric, value } });
        };
        let deed = match deed.text.as_str() {
            "crash" => Deed::Crash,
            "abort" => Deed::Abort,
            word => {
                let id = match &happening.subject {
                    Some(subject) => Some(self.target(word, subject)?),
                    None if matches!(word, "resume" | "rollback") => None,
                    None => {
                        let help = format!("write `at T+5m {word} NAME`");
                        self.missing(deed.span, format!("`{word}` what?"), help);
                        return None;
                    }
                };
                let value = happening.value.as_ref().map(|value| {
                    let ty = id.as_deref().filter(|_| word == "answer").and_then(|id| self.answer(id));
                    self.typed(value, ty.as_ref())
                });
                Deed::Person { word: word.to_owned(), id, by, value }
            }
        };
        Some(Happening { at, deed })
    }

    /// What a person does something with.
    fn target(&mut self, word: &str, subject: &'a ast::Expr) -> Option<String> {
        let kinds: &[Keyword] = match word {
            "fire" => &[Keyword::Trigger],
            "approve" => &[Keyword::Approve, Keyword::Trigger],
            "deny" => &[Keyword::Approve, Keyword::Confirm, Keyword::Trigger],
            "confirm" => &[Keyword::Confirm],
            "answer" => &[Keyword::Question],
            "rollback" => &[Keyword::Rollback],
            "tick" => return self.item_name(subject),
            _ => &NODES,
        };
        self.node_name(subject, kinds).map(|(id, _)| id)
    }

    /// `readiness.tests`: an item of a checklist.
    pub(super) fn item_name(&mut self, subject: &'a ast::Expr) -> Option<String> {
        let ExprKind::Member(inner, item) = &subject.kind else {
            let (id, _) = self.node_name(subject, &[Keyword::Checklist])?;
            let finding = Diagnostic::new(Code::WrongForm, subject.span, format!("which item of `{id}`?"));
            self.push(finding.label("a whole checklist").help(format!("write `{id}.NAME`")));
            return None;
        };
        let (checklist, _) = self.node_name(inner, &[Keyword::Checklist])?;
        let construct = self.names.construct(&checklist)?;
        let items = items_of(construct.items());
        if items.iter().any(|i| i.text == item.text) {
            return Some(format!("{checklist}.{}", item.text));
        }
        let close = did_you_mean(&item.text, items.iter().map(|i| i.text.as_str()));
        let names: Vec<_> = items.iter().take(12).map(|i| format!("`{}`", i.text)).collect();
        let help = close.map_or(format!("it has {}", names.join(", ")), |c| format!("did you mean `{checklist}.{c}`?"));
        let title = format!("the checklist `{checklist}` has no item `{}`", item.text);
        self.push(Diagnostic::new(Code::UnknownName, item.span, title).label("unknown item").help(help));
        None
    }

    fn expectation(&mut self, expectation: &'a ast::Expectation) -> Option<Expectation> {
        let undoable = [Keyword::Step, Keyword::Ramp];
        Some(match expectation {
            ast::Expectation::Ending { ending, before } => Expectation::Ending {
                ending: ending.text.clone(),
                before: before.as_ref().map(|b| self.typed(b, Some(&Type::Offset))),
            },
            ast::Expectation::Undone(list) => {
                let ExprKind::List(elements) = &list.bare().kind else { return None };
                let names = elements.iter().filter_map(|e| self.node_name(&e.value, &undoable));
                Expectation::Undone(names.map(|(id, _)| id).collect())
            }
            ast::Expectation::Notified { channel, text } => Expectation::Notified {
                channel: self.named_expr(channel, Keyword::Channel)?,
                text: text.as_ref().map(|(comparison, text)| (*comparison, self.typed(text, Some(&Type::Text)))),
            },
            ast::Expectation::NeverStarted(node) => Expectation::NeverStarted(self.node_name(node, &NODES)?.0),
            ast::Expectation::Asked(role) => Expectation::Asked(self.named_expr(role, Keyword::Role)?),
            ast::Expectation::StepStarted { step, at } => Expectation::StepStarted {
                step: self.node_name(step, &NODES)?.0,
                at: self.typed(at, Some(&Type::Offset)),
            },
            ast::Expectation::Duration(comparison, length) => {
                Expectation::Duration(*comparison, self.typed(length, Some(&Type::Duration)))
            }
        })
    }
}

/// The names of a checklist's items.
fn items_of(items: &[ast::Item]) -> Vec<Id> {
    let mut found = Vec::new();
    for item in items {
        let ItemKind::Construct(construct) = &item.kind else { continue };
        match (construct.keyword, &construct.name) {
            (Keyword::Item, Some(name)) => found.push(Id { text: name.text.clone(), span: name.span }),
            (Keyword::Group, _) => found.extend(items_of(construct.items())),
            _ => {}
        }
    }
    found
}
