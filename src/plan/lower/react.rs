//! Triggers, rollbacks, handlers, and what outcomes lead to.

use jiff::SignedDuration;

use crate::check::model::{self, Verdict};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Check, Handler, Lane, Moment, NodeIx, NodeKind, Outcome, People, Plan, Rollback, Severity, Trigger};
use crate::source::Span;
use crate::value::{Expr, Value};

use super::Lowering;
use super::timeline::Spot;

/// How long a pause lasts that does not say.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);

impl<'m> Lowering<'m> {
    pub(super) fn outcome(&mut self, outcome: &'m model::Outcome) -> Outcome {
        match &outcome.verdict {
            Verdict::Stop => Outcome::Stop,
            Verdict::Continue => Outcome::Continue,
            Verdict::Rollback(name) => Outcome::Rollback(name.clone()),
            Verdict::Ignore => Outcome::Ignore,
            Verdict::Pause { people, within, otherwise } => Outcome::Pause {
                people: people.as_ref().map_or_else(People::anybody, |p| self.people(p)),
                within: within.as_ref().and_then(|w| self.duration(w)).unwrap_or(PAUSE),
                otherwise: Box::new(match otherwise {
                    Some(otherwise) => self.outcome(otherwise),
                    None => super::default_outcome(self.lane),
                }),
            },
            Verdict::Respond(name) => Outcome::Respond(name.clone()),
        }
    }

    /// The ways back, the one that answers any failure first; it is there whether it is written or not.
    pub(super) fn rollbacks(&mut self) -> Vec<Rollback> {
        let mut rollbacks = Vec::new();
        if !self.model.rollbacks.iter().any(|r| r.id.text.is_empty()) {
            let span = self.model.runbook.id.span;
            let nodes = vec![self.implicit_undo("rollback", span)];
            let title = "Roll back".into();
            rollbacks.push(Rollback { id: String::new(), title, rto: None, nodes, after: None });
        }
        for rollback in &self.model.rollbacks {
            let nodes = self.rollback_nodes(rollback);
            let made = Rollback {
                id: rollback.id.text.clone(),
                title: self.title(rollback.title.as_ref(), "Roll back"),
                rto: self.optional_duration(rollback.rto.as_ref()),
                after: self.after(rollback),
                nodes,
            };
            let first = usize::from(!rollback.id.text.is_empty()) * rollbacks.len();
            rollbacks.insert(first, made);
        }
        rollbacks
    }

    /// What is left to do when a rollback has ended: like an `after` phase.
    fn after(&mut self, rollback: &'m model::Rollback) -> Option<NodeIx> {
        if rollback.after.is_empty() {
            return None;
        }
        self.lane = Lane::After;
        let name = format!("{}.after", super::or_keyword(&rollback.id, "rollback"));
        let id = self.take_id(name.clone(), rollback.id.span);
        let kind = NodeKind::Phase { children: Vec::new(), limit: None };
        let ix = self.bare_node(id, rollback.id.span, None, kind);
        let spot = Spot { parent: Some(ix), prefix: &name, instances: Vec::new() };
        let made = self.nodes(&rollback.after, &spot, &mut 0);
        if let NodeKind::Phase { children, .. } = &mut self.nodes[ix.index()].kind {
            *children = made;
        }
        self.lane = Lane::Live;
        Some(ix)
    }

    pub(super) fn triggers(&mut self, plan: &Plan) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        for trigger in &self.model.triggers {
            let severity = trigger.severity.as_ref();
            let rank = severity.and_then(|name| self.model.severities.iter().position(|s| s.id.text == *name));
            let of_severity = rank.map(|i| &self.model.severities[i]);
            let outcome = trigger.then.as_ref().or(of_severity.and_then(|s| s.then.as_ref()));
            let mut messages: Vec<_> = trigger.notifies.iter().map(|n| self.message(n)).collect();
            if let Some(severity) = of_severity.filter(|s| !s.notify.is_empty()) {
                messages.push(severity_message(trigger, severity));
            }
            let when = trigger.when.as_ref().map(|condition| {
                let check = self.check(condition);
                Check { expr: self.running_steps(check.expr, plan, condition.span), ..check }
            });
            let ask =
                trigger.ask.as_ref().or(of_severity.and_then(|s| s.ask.as_ref()).filter(|_| trigger.then.is_none()));
            let ask = ask.and_then(|ask| self.question(ask));
            let manual = trigger.manual.as_ref().map(|people| match people {
                Some(people) => self.people(people),
                None => People::anybody(),
            });
            triggers.push(Trigger {
                id: trigger.id.text.clone(),
                title: self.title(trigger.title.as_ref(), &trigger.id.text),
                outcome: outcome.map_or(Outcome::Rollback(None), |o| self.outcome(o)),
                severity: severity.cloned(),
                // Without a severity a trigger comes behind those that have one.
                rank: rank.unwrap_or(self.model.severities.len()) as u32,
                no_data: trigger.no_data.as_ref().map(|o| self.outcome(o)),
                from: trigger.from.as_ref().and_then(|m| self.moment(m, plan)),
                until: trigger.until.as_ref().and_then(|m| self.moment(m, plan)),
                messages,
                manual,
                ask,
                when,
            });
        }
        triggers
    }

    pub(super) fn severities(&mut self) -> Vec<Severity> {
        let model = self.model;
        let of = |l: &mut Self, severity: &'m model::Severity| Severity {
            id: severity.id.text.clone(),
            title: l.title(severity.title.as_ref(), &severity.id.text),
            notify: severity.notify.clone(),
            update_every: severity.update_every.as_ref().and_then(|every| l.how_often(every)),
            commander: severity.commander.clone(),
        };
        model.severities.iter().map(|severity| of(self, severity)).collect()
    }

    /// `when migrate runs 30m`: the step must be there.
    fn running_steps(&mut self, expr: Expr, plan: &Plan, span: Span) -> Expr {
        let mut missing = None;
        expr.walk(&mut |e| {
            if let Expr::Runs { step, .. } = e
                && plan.named(step).is_empty()
            {
                missing = Some(step.clone());
            }
        });
        if let Some(step) = missing {
            self.no_such_node(&step, span);
        }
        expr
    }

    fn no_such_node(&mut self, id: &str, span: Span) {
        let finding = Diagnostic::new(Code::UnknownName, span, format!("the plan has no node `{id}`"));
        self.push(finding.label("no such instance").help("the dry run lists every node with its name"));
    }

    pub(super) fn moment(&mut self, moment: &'m model::Moment, plan: &Plan) -> Option<Moment> {
        match moment {
            model::Moment::Offset(offset) => self.offset(offset).map(Moment::Offset),
            model::Moment::End => Some(Moment::LiveEnd),
            model::Moment::Node { id, span, done, shift } => {
                let nodes: Vec<NodeIx> = plan.named(id);
                if nodes.is_empty() {
                    self.no_such_node(id, *span);
                    return None;
                }
                let moment = if *done { Moment::End(nodes) } else { Moment::Start(nodes) };
                let shift = shift.as_ref().and_then(|shift| match self.value(shift)? {
                    Value::Duration(length) => Some(length),
                    _ => None,
                });
                Some(match shift {
                    Some(shift) => Moment::After(Box::new(moment), shift),
                    None => moment,
                })
            }
        }
    }

    pub(super) fn handlers(&mut self) -> Vec<Handler> {
        let model = self.model;
        let of = |l: &mut Self, h: &'m model::Handler| Handler {
            event: h.event.clone(),
            messages: h.notifies.iter().map(|n| l.message(n)).collect(),
        };
        model.handlers.iter().map(|h| of(self, h)).collect()
    }
}

/// What a severity says to its channels by itself.
fn severity_message(trigger: &model::Trigger, severity: &model::Severity) -> crate::plan::Message {
    use crate::value::{Part, Ref, RefKind};
    let word = |name: &str| Part::Value(Expr::Ref(Ref { kind: RefKind::Word, name: name.to_owned() }));
    let text = vec![Part::Text(format!("[{}] {}: ", severity.id.text, trigger.id.text)), word("event.reason")];
    crate::plan::Message {
        channels: severity.notify.clone(),
        subject: None,
        text: Expr::Template(text),
        required: false,
        settings: Vec::new(),
    }
}
