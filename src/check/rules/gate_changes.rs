//! A gate only looks, so it may be repeated.
//!
//! A request that may change something is sent again with every attempt. One that only asks, although it is a POST, says
//! `reads = true`.

use crate::check::model::{ActionKind, Gate, GateRef, GateUse, Look, Model, Node};
use crate::diagnostic::{Code, Diagnostic};

use super::gate_uses;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for used in gate_uses(model) {
        of_use(used, findings);
    }
    for gate in &model.gates {
        of_gate(gate, findings);
    }
    for (_, node) in super::nodes(model) {
        match node {
            Node::Checklist(checklist) => {
                checklist.items.iter().for_each(|item| of_looks("an item", &item.looks, findings))
            }
            Node::Step(step) => of_looks("`done when`", &step.done_when, findings),
            _ => {}
        }
    }
}

fn of_use(used: &GateUse, findings: &mut Vec<Diagnostic>) {
    if let GateRef::Inline(gate) = &used.gate {
        of_gate(gate, findings);
    }
}

fn of_gate(gate: &Gate, findings: &mut Vec<Diagnostic>) {
    of_looks("a gate", &gate.looks, findings);
}

fn of_looks(what: &str, looks: &[Look], findings: &mut Vec<Diagnostic>) {
    for look in looks {
        match look {
            Look::Gate(used) => of_use(used, findings),
            Look::Expect(_) => {}
            Look::Action(action) => {
                // A command in a gate is there to look; only a request says by its method that it changes something.
                let ActionKind::Http(request) = &action.kind else { continue };
                if super::changes(action) {
                    let title = format!("{what} only looks, and a {} may change something", request.method);
                    findings.push(
                        Diagnostic::new(Code::GateChanges, action.span, title)
                            .label("sent again with every attempt")
                            .help("if it only asks, say `reads = true` in its body; else it belongs in a `step`"),
                    );
                }
            }
        }
    }
}
