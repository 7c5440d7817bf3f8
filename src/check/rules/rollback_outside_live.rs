//! `rollback` as an outcome stands in the live part only.
//!
//! Before it there is nothing to roll back, after it the release is committed.

use crate::check::model::{GateUse, Limit, Model, Node, Outcome, PhaseKind, Verdict};
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
            }
            Node::Gate(_, used) => outcomes(used).into_iter().for_each(|o| refuse(kind, Some(o), findings)),
            _ => {}
        }
    }
}

fn of_limit(limit: Option<&Limit>) -> Option<&Outcome> {
    limit.and_then(|l| l.otherwise.as_ref())
}

/// What a gate leads to where it is used.
pub(super) fn outcomes(used: &GateUse) -> Vec<&Outcome> {
    let mut found: Vec<&Outcome> = used.on_failure.iter().chain(&used.on_inconclusive).collect();
    found.extend(of_limit(used.within.as_ref()));
    if let crate::check::model::GateRef::Inline(gate) = &used.gate {
        found.extend(gate.on_failure.iter().chain(&gate.on_inconclusive));
        found.extend(of_limit(gate.within.as_ref()));
    }
    found
}

fn refuse(kind: PhaseKind, outcome: Option<&Outcome>, findings: &mut Vec<Diagnostic>) {
    let Some(Outcome { span, verdict: Verdict::Rollback(_) }) = outcome else { return };
    let (title, help) = match kind {
        PhaseKind::Live => return,
        PhaseKind::Prepare => ("before the live part there is nothing to roll back", "write `stop`"),
        PhaseKind::After => ("after the live part the release stays", "write `continue`"),
    };
    findings.push(Diagnostic::new(Code::RollbackOutsideLive, *span, title).label("cannot roll back").help(help));
}
