//! `rollback` as an outcome stands in the live part only.
//!
//! Before it there is nothing to roll back, after it the release is committed.

use crate::check::model::{ActionKind, GateRef, GateUse, Limit, Model, Node, Outcome, PhaseKind, Step, Verdict};
use crate::diagnostic::{Code, Diagnostic};

use super::{nodes, phases};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for phase in phases(model) {
        refuse(phase.kind, of_limit(phase.limit()), findings);
    }
    for (kind, node) in nodes(model) {
        match node {
            Node::Step(step) => {
                refuse(kind, of_limit(step.within.as_ref()), findings);
                refuse(kind, step.on_failure.as_ref(), findings);
                for used in gates_within(step) {
                    outcomes(model, used).into_iter().for_each(|o| refuse(kind, Some(o), findings));
                }
            }
            Node::Gate(_, used) => outcomes(model, used).into_iter().for_each(|o| refuse(kind, Some(o), findings)),
            other => own_outcomes(other).into_iter().for_each(|o| refuse(kind, Some(o), findings)),
        }
    }
    model.rollbacks.iter().flat_map(|r| &r.after).for_each(|node| of_after(node, findings));
}

/// What a question, a checklist or a ramp leads to in its own words.
pub(super) fn own_outcomes(node: &Node) -> Vec<&Outcome> {
    match node {
        Node::Ask(ask) => of_limit(ask.within.as_ref()).into_iter().chain(&ask.on_denied).collect(),
        Node::Checklist(checklist) => of_limit(checklist.within.as_ref()).into_iter().collect(),
        Node::Ramp(ramp) => ramp.on_failure.iter().collect(),
        _ => Vec::new(),
    }
}

/// What is left to do when a rollback has ended cannot roll back either.
fn of_after(node: &Node, findings: &mut Vec<Diagnostic>) {
    own_outcomes(node).into_iter().for_each(|o| refuse(PhaseKind::After, Some(o), findings));
    if let Node::Step(step) = node {
        refuse(PhaseKind::After, of_limit(step.within.as_ref()), findings);
        refuse(PhaseKind::After, step.on_failure.as_ref(), findings);
    }
    node.inner().iter().for_each(|inner| of_after(inner, findings));
}

fn of_limit(limit: Option<&Limit>) -> Option<&Outcome> {
    limit.and_then(|l| l.otherwise.as_ref())
}

/// What a gate leads to where it is used: what stands at its use comes before what stands where it is declared.
pub(super) fn outcomes<'m>(model: &'m Model, used: &'m GateUse) -> Vec<&'m Outcome> {
    let gate = match &used.gate {
        GateRef::Inline(gate) => Some(&**gate),
        GateRef::Named(name) => model.gates.iter().find(|g| g.id.text == *name),
        GateRef::Error => None,
    };
    let failure = used.on_failure.as_ref().or_else(|| gate.and_then(|g| g.on_failure.as_ref()));
    let inconclusive = used.on_inconclusive.as_ref().or_else(|| gate.and_then(|g| g.on_inconclusive.as_ref()));
    let limit = used.within.as_ref().or_else(|| gate.and_then(|g| g.within.as_ref()));
    failure.into_iter().chain(inconclusive).chain(of_limit(limit)).collect()
}

/// The gates among the actions of a step.
pub(super) fn gates_within(step: &Step) -> impl Iterator<Item = &GateUse> {
    step.actions.iter().filter_map(|action| match &action.kind {
        ActionKind::Gate(used) => Some(&**used),
        _ => None,
    })
}

fn refuse(kind: PhaseKind, outcome: Option<&Outcome>, findings: &mut Vec<Diagnostic>) {
    let Some(Outcome { span, verdict }) = outcome else { return };
    match verdict {
        Verdict::Rollback(_) => {}
        Verdict::Pause { otherwise, .. } => return refuse(kind, otherwise.as_deref(), findings),
        _ => return,
    }
    let (title, help) = match kind {
        PhaseKind::Live => return,
        PhaseKind::Prepare => ("before the live part there is nothing to roll back", "write `stop`"),
        PhaseKind::After => ("after the live part the release stays", "write `continue`"),
    };
    findings.push(Diagnostic::new(Code::RollbackOutsideLive, *span, title).label("cannot roll back").help(help));
}
