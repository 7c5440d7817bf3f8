//! Gates and holds: what only looks.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{ClauseKind, Construct, Item, ItemKind};
use crate::value::{Expr, Ref, RefKind, Type};

use super::Checker;
use super::action::captured;
use super::model::{Gate, GateRef, GateUse, Hold, HoldLength, Id, Look, Row, Typed};
use super::read::Body;
use super::typing::{Allow, Local};

/// Clauses about when a node starts.
pub(super) const PLACED: [&str; 2] = ["at", "when"];

/// Clauses that a gate inside another has not: it has no attempts and no verdict of its own.
const INNER: &[&str] = &["at", "when", "within", "pass after", "fail after", "on failure", "on inconclusive"];

/// Why it has none.
const OUTER_LOOKS: &str = "a gate inside a gate is looked at whenever the outer one is";

impl<'a> Checker<'a> {
    /// Clauses that would do nothing where this stands.
    pub(super) fn refuse_clauses(&mut self, construct: &'a Construct, words: &[&str], why: &str) {
        let misplaced: Vec<_> = construct.every_clause().filter(|c| words.contains(&c.kind.word())).collect();
        for clause in misplaced {
            let title = format!("`{}` says nothing here", clause.kind.word());
            self.push(Diagnostic::new(Code::Misplaced, clause.span, title).label("does not belong here").help(why));
        }
    }

    fn refuse_setting(&mut self, construct: &'a Construct, name: &str, why: &str) {
        for item in construct.items() {
            if let ItemKind::Setting(setting) = &item.kind
                && setting.name.text == name
            {
                let finding =
                    Diagnostic::new(Code::Misplaced, setting.name.span, format!("`{name}` says nothing here"));
                self.push(finding.label("does not belong here").help(why));
            }
        }
    }

    /// `gate NAME { … }` at file level.
    pub(super) fn declared_gate(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        if construct.block.is_none() {
            self.missing(
                construct.head(),
                "a declared gate says what it looks at",
                "write its checks between `{` and `}`",
            );
        }
        self.refuse_clauses(construct, &PLACED, "a declared gate is looked at where it is named");
        let gate = self.gate(construct, id);
        self.model.gates.push(gate);
    }

    fn gate(&mut self, construct: &'a Construct, id: Id) -> Gate {
        let body = self.construct_body("gate", construct);
        let parameters = self.parameters(construct);
        let locals = parameters.iter().map(|(id, value)| Local {
            name: id.text.clone(),
            ty: value.ty.clone(),
            reference: Ref { kind: RefKind::Param, name: id.text.clone() },
        });
        let looks = self.with_locals(locals.collect(), |c| c.looks(&body.rest));
        if looks.is_empty() && construct.block.is_some() && !body.unread {
            let help = "write what must be true, such as `http GET \"…\"` or `expect error_rate < 1%`";
            self.missing(construct.head(), "a gate that looks at nothing always passes", help);
        }
        Gate {
            title: self.title_of(construct),
            describe: self.describe(&body),
            every: self.value_of(&body, "every"),
            within: self.within_of(&body),
            pass_after: self.pass_after(&body),
            fail_after: self.fail_after(&body),
            on_failure: self.on_failure(&body),
            on_inconclusive: self.on_inconclusive(&body),
            parameters,
            looks,
            id,
        }
    }

    /// `with url = base_url`, several times.
    fn parameters(&mut self, construct: &'a Construct) -> Vec<(Id, Typed)> {
        let mut parameters: Vec<(Id, Typed)> = Vec::new();
        for clause in construct.every_clause() {
            let ClauseKind::With(arguments) = &clause.kind else { continue };
            for (name, value) in arguments {
                let value = self.typed(value, None);
                parameters.push((Id { text: name.text.clone(), span: name.span }, value));
            }
        }
        parameters
    }

    /// The checks of a gate, in order: what one captures is known to the next.
    pub(super) fn looks(&mut self, items: &[&'a Item]) -> Vec<Look> {
        let count = self.locals.len();
        let mut looks = Vec::new();
        for item in items {
            match &item.kind {
                ItemKind::Expect(condition) => {
                    let allow = Allow { metrics: true, spans: true, secrets: true, ..self.allow };
                    let condition = self.allowing(allow, |c| c.condition(condition));
                    self.mixed_condition(&condition);
                    looks.push(Look::Expect(condition));
                }
                ItemKind::Construct(construct) => {
                    self.refuse_clauses(construct, INNER, OUTER_LOOKS);
                    self.refuse_setting(construct, "every", OUTER_LOOKS);
                    let used = self.gate_use(construct);
                    looks.push(Look::Gate(Box::new(used)));
                }
                _ => {
                    let Some(action) = self.action(item) else { continue };
                    self.locals.extend(action.captures.iter().map(captured));
                    looks.push(Look::Action(Box::new(action)));
                }
            }
        }
        self.locals.truncate(count);
        looks
    }

    /// A metric is sampled beside the gate's own requests: one condition cannot speak of both.
    fn mixed_condition(&mut self, condition: &Typed) {
        let refs = condition.expr.refs();
        let metrics = condition.expr.watches();
        let own = refs.iter().any(|r| r.kind == RefKind::Capture && r.name.starts_with('.'));
        if metrics && own {
            self.not_yet(condition.span, "a condition over a metric and a captured value of the same gate");
        }
    }

    /// A gate where it is used: by name, or written in place.
    pub(super) fn gate_use(&mut self, construct: &'a Construct) -> GateUse {
        let mut used = GateUse {
            span: construct.head(),
            gate: GateRef::Error,
            arguments: Vec::new(),
            pass_after: None,
            fail_after: None,
            on_failure: None,
            on_inconclusive: None,
            within: None,
        };
        if construct.block.is_some() {
            let id = construct.name.as_ref().map(|n| Id { text: n.text.clone(), span: n.span }).unwrap_or_default();
            used.gate = GateRef::Inline(Box::new(self.gate(construct, id)));
            return used;
        }
        let body = self.construct_body("gate", construct);
        used.pass_after = self.pass_after(&body);
        used.fail_after = self.fail_after(&body);
        used.on_failure = self.on_failure(&body);
        used.on_inconclusive = self.on_inconclusive(&body);
        used.within = self.within_of(&body);
        let Some(name) = &construct.name else {
            self.missing(construct.head(), "which gate?", "write `gate NAME`, or its checks between `{` and `}`");
            return used;
        };
        if self.known_name(&name.text, name.span, construct.keyword).is_some() {
            used.arguments = self.arguments(construct, &name.text);
            used.gate = GateRef::Named(name.text.clone());
        }
        used
    }

    fn arguments(&mut self, construct: &'a Construct, gate: &str) -> Vec<(Id, Typed)> {
        let declared: Vec<(String, crate::source::Span)> = self.parameter_names(gate);
        let mut arguments = Vec::new();
        for clause in &construct.clauses {
            let ClauseKind::With(given) = &clause.kind else { continue };
            for (name, value) in given {
                if !declared.iter().any(|(d, _)| *d == name.text) {
                    let close = crate::diagnostic::did_you_mean(&name.text, declared.iter().map(|(d, _)| d.as_str()));
                    let names: Vec<_> = declared.iter().map(|(d, _)| format!("`{d}`")).collect();
                    let help = match (close, names.is_empty()) {
                        (Some(close), _) => format!("did you mean `{close}`?"),
                        (None, true) => {
                            format!("`{gate}` has no parameters; it declares one by `with {} = …`", name.text)
                        }
                        (None, false) => format!("it has {}", names.join(", ")),
                    };
                    let title = format!("the gate `{gate}` has no parameter `{}`", name.text);
                    let finding = Diagnostic::new(Code::UnknownName, name.span, title);
                    self.push(finding.label("unknown parameter").help(help));
                    continue;
                }
                let want = self.parameter_type(gate, &name.text);
                let value = self.typed(value, want.as_ref());
                arguments.push((Id { text: name.text.clone(), span: name.span }, value));
            }
        }
        arguments
    }

    fn parameter_clauses(&self, gate: &str) -> Vec<&'a (crate::syntax::ast::Name, crate::syntax::ast::Expr)> {
        let Some(construct) = self.names.construct(gate) else { return Vec::new() };
        let clauses = construct.every_clause();
        clauses
            .filter_map(|c| match &c.kind {
                ClauseKind::With(arguments) => Some(arguments),
                _ => None,
            })
            .flatten()
            .collect()
    }

    fn parameter_names(&self, gate: &str) -> Vec<(String, crate::source::Span)> {
        self.parameter_clauses(gate).into_iter().map(|(name, _)| (name.text.clone(), name.span)).collect()
    }

    fn parameter_type(&mut self, gate: &str, parameter: &str) -> Option<Type> {
        let (_, value) = self.parameter_clauses(gate).into_iter().find(|(name, _)| name.text == parameter)?;
        let quiet = self.diagnostics.len();
        let (_, ty) = self.infer(value, None);
        self.diagnostics.truncate(quiet);
        Some(ty)
    }

    /// `hold …`
    pub(super) fn hold(&mut self, construct: &'a Construct) -> Hold {
        let body = self.construct_body("hold", construct);
        let length = body.clause(|c| match c {
            ClauseKind::For(length) => Some((true, length)),
            ClauseKind::Until(moment) => Some((false, moment)),
            _ => None,
        });
        let both = body
            .clause(|c| matches!(c, ClauseKind::For(_)).then_some(()))
            .and(body.clause_at(|c| matches!(c, ClauseKind::Until(_)).then_some(())));
        if let Some((span, ())) = both {
            let finding = Diagnostic::new(Code::Repeated, span, "how long this lasts is said twice");
            self.push(finding.label("again").help("keep `for` or `until`"));
        }
        let length = match length {
            Some((true, length)) => Some(HoldLength::For(self.typed(length, Some(&Type::Duration)))),
            Some((false, moment)) => Some(HoldLength::Until(self.typed(moment, Some(&Type::Offset)))),
            None => {
                self.missing(construct.head(), "a hold has a length", "write `hold for 5m` or `hold until T+4h`");
                None
            }
        };
        let mut looks = Vec::new();
        for item in &body.rest {
            if let ItemKind::Expect(condition) = &item.kind {
                let allow = Allow { metrics: true, spans: true, ..self.allow };
                let condition = self.allowing(allow, |c| c.condition(condition));
                let mut unread = condition.ty == Type::Error;
                condition.expr.walk(&mut |e| unread |= matches!(e, Expr::Error));
                if !condition.expr.watches() && !unread {
                    let finding =
                        Diagnostic::new(Code::NotKnownHere, condition.span, "a hold watches metrics and gates");
                    self.push(finding.label("no metric").help("what is looked at once stands in a `gate`"));
                }
                looks.push(Look::Expect(condition));
            }
            if let ItemKind::Construct(construct) = &item.kind {
                self.refuse_clauses(construct, INNER, OUTER_LOOKS);
                looks.push(Look::Gate(Box::new(self.gate_use(construct))));
            }
        }
        Hold {
            span: construct.head(),
            every: self.value_of(&body, "every"),
            fail_after: self.fail_after(&body),
            length,
            looks,
        }
    }

    fn pass_after(&mut self, body: &Body<'a>) -> Option<Typed> {
        let times = body.clause(|c| match c {
            ClauseKind::PassAfter { times, .. } => Some(times),
            _ => None,
        })?;
        Some(self.typed(times, Some(&Type::Int)))
    }

    fn fail_after(&mut self, body: &Body<'a>) -> Option<(Typed, Row)> {
        let (times, in_a_row) = body.clause(|c| match c {
            ClauseKind::FailAfter { times, in_a_row } => Some((times, *in_a_row)),
            _ => None,
        })?;
        let row = if in_a_row { Row::InARow } else { Row::Total };
        Some((self.typed(times, Some(&Type::Int)), row))
    }
}
