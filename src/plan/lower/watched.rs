//! Gates and flags in conditions: each is looked at again and again like a metric, one attempt each `every`.

use crate::check::model::{self, GateRef, GateUse, Id};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Action, ActionKind, Check, Gate, Look, Metric, MetricKind, Outcome, Plan};
use crate::source::Span;
use crate::value::{Expr, Ref, RefKind};

use super::Lowering;
use super::gate::EVERY;
use super::source::SAMPLE_LIMIT;

impl<'m> Lowering<'m> {
    /// A gate that a hold looks at throughout: by name it is that gate, else one of its own.
    pub(super) fn watched_use(&mut self, used: &'m GateUse) -> Option<Check> {
        let gate = match &used.gate {
            GateRef::Inline(gate) => gate.as_ref(),
            GateRef::Named(name) => self.model.gates.iter().find(|g| g.id.text == *name)?,
            GateRef::Error => return None,
        };
        let own = matches!(used.gate, GateRef::Inline(_)) || !used.arguments.is_empty();
        let mut name = gate.id.text.clone();
        if own {
            let base = if name.is_empty() { "gate" } else { &name };
            let taken = |name: &str| {
                self.watched.iter().any(|m| m.id == name) || self.model.gates.iter().any(|g| g.id.text == name)
            };
            let mut numbered = (1..).map(|n| format!("{base}.{n}"));
            name = numbered.find(|name| !taken(name)).unwrap_or_default();
            let metric = self.watched_gate(gate, &used.arguments, name.clone(), used.span);
            self.watched.push(metric);
        }
        let title = if gate.id.text.is_empty() { "the gate" } else { &gate.id.text };
        Some(Check {
            text: format!("{title} passes"),
            expr: Expr::Ref(Ref { kind: RefKind::Gate, name }),
            place: self.place(used.span),
        })
    }

    /// Everything that conditions watch beside metrics, and what that watches in its turn.
    pub(super) fn watch(&mut self, plan: &mut Plan) {
        plan.metrics.append(&mut self.watched);
        loop {
            let mut wanted: Vec<Ref> = Vec::new();
            plan.each_expr(&mut |e| {
                wanted
                    .extend(e.refs().into_iter().filter(|r| matches!(r.kind, RefKind::Gate | RefKind::Flag)).cloned());
            });
            let Some(next) = wanted.into_iter().find(|r| !plan.metrics.iter().any(|m| m.id == r.name)) else { break };
            let made = match next.kind {
                RefKind::Gate => {
                    let gate = self.model.gates.iter().find(|g| g.id.text == next.name);
                    gate.map(|gate| self.watched_gate(gate, &[], next.name.clone(), gate.id.span))
                }
                _ => self.watched_flag(&next.name),
            };
            // What is not there has been told, or is a flag of a place that this version does not run.
            let Some(made) = made else { break };
            plan.metrics.push(made);
        }
        for metric in 0..plan.metrics.len() {
            if leads_back(plan, metric, metric, &mut vec![false; plan.metrics.len()]) {
                let name = plan.metrics[metric].id.clone();
                let span = self
                    .model
                    .gates
                    .iter()
                    .find(|g| g.id.text == name)
                    .map_or(self.model.runbook.id.span, |g| g.id.span);
                let finding = Diagnostic::new(Code::Cycle, span, format!("the gate `{name}` is judged by itself"));
                return self.push(finding.label("its conditions lead back to it"));
            }
        }
    }

    fn watched_gate(
        &mut self,
        gate: &'m model::Gate,
        given: &'m [(Id, model::Typed)],
        name: String,
        span: Span,
    ) -> Metric {
        let mut looks = Vec::new();
        self.looks(gate, given, span, 0, &mut looks);
        for look in &mut looks {
            if let Look::Action(action) = look {
                action.within = action.within.or(Some(SAMPLE_LIMIT));
            }
        }
        let every = self.optional_duration(gate.every.as_ref()).unwrap_or(EVERY);
        let title = self.title(gate.title.as_ref(), &name);
        let made = Gate {
            id: name.clone(),
            title: title.clone(),
            every,
            within: None,
            pass_after: 1,
            fail_after: None,
            on_failure: None,
            on_inconclusive: Outcome::Continue,
            patient: false,
            looks,
        };
        self.as_metric(name, title, MetricKind::Verdict, every, Action::plain(ActionKind::Gate(made), self.place(span)))
    }

    fn watched_flag(&mut self, name: &str) -> Option<Metric> {
        let flag = self.model.flags.iter().find(|flag| flag.id.text == name)?;
        let title = self.title(flag.title.as_ref(), name);
        let mut action = self.flag_state(name, flag.id.span)?;
        action.within = action.within.or(Some(SAMPLE_LIMIT));
        Some(self.as_metric(name.to_owned(), title, MetricKind::Switch, EVERY, action))
    }

    fn as_metric(
        &self,
        id: String,
        title: String,
        kind: MetricKind,
        every: jiff::SignedDuration,
        action: Action,
    ) -> Metric {
        let place = action.place.clone();
        Metric {
            id,
            title,
            kind,
            unit: None,
            every,
            action,
            path: None,
            baseline: None,
            past: None,
            floor: None,
            marks: Vec::new(),
            place,
        }
    }
}

/// Whether what a gate is judged by leads to another one.
fn leads_back(plan: &Plan, from: usize, to: usize, seen: &mut [bool]) -> bool {
    let named = plan.metrics[from].watched();
    let inner = named.into_iter().filter_map(|name| plan.metrics.iter().position(|m| m.id == name));
    inner
        .collect::<Vec<_>>()
        .into_iter()
        .any(|next| next == to || (!std::mem::replace(&mut seen[next], true) && leads_back(plan, next, to, seen)))
}
