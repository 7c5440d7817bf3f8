//! `stop` undoes nothing, so it is refused where a live step may have started.
//!
//! Whoever writes `stop` in the live part probably means `rollback`; stopping half way leaves production between two
//! versions and says nothing about the way back.

use crate::check::model::{Action, ActionKind, Model, Node, Outcome, PhaseKind, Response, Verdict};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

use super::changes;
use super::rollback_outside_live::{gates_within, outcomes, own_outcomes};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let mut changed: Option<Span> = None;
    for phase in model.phases.iter().filter(|p| p.kind == PhaseKind::Live) {
        let first = changed;
        walk(model, &phase.nodes, &mut changed, findings);
        if let (Some(limit), Some(at)) = (phase.limit(), changed.or(first)) {
            refuse(limit.otherwise.as_ref(), at, findings);
        }
    }
    for response in &model.responses {
        refuse(late(response), changed.unwrap_or(response.id.span), findings);
    }
    for trigger in &model.triggers {
        let severity = model.severities.iter().find(|s| Some(&s.id.text) == trigger.severity.as_ref());
        let outcome = trigger.then.as_ref().or_else(|| severity.and_then(|s| s.then.as_ref()));
        let ask = trigger.ask.as_ref().or_else(|| severity.and_then(|s| s.ask.as_ref()));
        let unanswered = ask.and_then(|ask| ask.within.as_ref()).and_then(|within| within.otherwise.as_ref());
        for outcome in [outcome, trigger.no_data.as_ref(), unanswered] {
            refuse(outcome, changed.unwrap_or(trigger.id.span), findings);
        }
    }
}

fn late(response: &Response) -> Option<&Outcome> {
    response.within.as_ref()?.otherwise.as_ref()
}

fn walk(model: &Model, nodes: &[Node], changed: &mut Option<Span>, findings: &mut Vec<Diagnostic>) {
    for node in nodes {
        match node {
            Node::Step(step) => {
                if changed.is_none() && step.actions.iter().any(|a| changes(a) || moves(a)) {
                    *changed = Some(step.head.span);
                }
                if let Some(at) = *changed {
                    refuse(step.on_failure.as_ref(), at, findings);
                    refuse(step.within.as_ref().and_then(|w| w.otherwise.as_ref()), at, findings);
                    for used in gates_within(step) {
                        outcomes(model, used).into_iter().for_each(|o| refuse(Some(o), at, findings));
                    }
                }
            }
            Node::Gate(_, used) => {
                if let Some(at) = *changed {
                    for outcome in outcomes(model, used) {
                        refuse(Some(outcome), at, findings);
                    }
                }
            }
            Node::Phase(phase) => {
                walk(model, &phase.nodes, changed, findings);
                if let (Some(limit), Some(at)) = (phase.limit(), *changed) {
                    refuse(limit.otherwise.as_ref(), at, findings);
                }
            }
            other => {
                if let Some(at) = *changed {
                    own_outcomes(other).into_iter().for_each(|o| refuse(Some(o), at, findings));
                }
                walk(model, other.inner(), changed, findings);
                // It moves traffic or a flag.
                if let (Node::Ramp(ramp), None) = (other, *changed) {
                    *changed = Some(ramp.head.span);
                    ramp.on_failure.iter().for_each(|o| refuse(Some(o), ramp.head.span, findings));
                }
            }
        }
    }
}

/// What `shift` and `set` change is changed too, though they restore it themselves.
fn moves(action: &Action) -> bool {
    matches!(action.kind, ActionKind::Shift { .. } | ActionKind::Set { .. })
}

fn refuse(outcome: Option<&Outcome>, changed: Span, findings: &mut Vec<Diagnostic>) {
    let span = match outcome.map(|o| (&o.verdict, o.span)) {
        Some((Verdict::Stop, span)) => span,
        Some((Verdict::Pause { otherwise, .. }, _)) => return refuse(otherwise.as_deref(), changed, findings),
        _ => return,
    };
    findings.push(
        Diagnostic::new(Code::StopAfterChange, span, "`stop` would leave what was changed as it is")
            .label("undoes nothing")
            .also(changed, "by then this may have changed something")
            .help("write `rollback`, or `continue` if it does not matter"),
    );
}
