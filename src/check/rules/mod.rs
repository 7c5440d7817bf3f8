//! The rules: what can be wrong with a runbook whose every word makes sense. One file each.
//!
//! A rule reads the model and says what it finds. It never changes the model, and no rule depends on another.

mod asked;
mod conditions;
mod constants;
mod crowded;
mod empty_undo;
mod essentials;
mod fact_cycles;
mod gate_attempts;
mod gate_changes;
mod known_later;
mod loose_gates;
mod marks;
mod missing_undo;
mod needs_start;
mod never_fires;
mod nobody_told;
mod offsets;
mod paths;
mod phase_order;
mod promises;
mod response_cycles;
mod rollback_outside_live;
mod shell_names;
mod start_outside;
mod stop_after_change;
mod takes;
mod undo_captures;
mod undo_outside_live;
mod unused;
mod values;

use crate::diagnostic::Diagnostic;
use crate::syntax::ast::Ast;
use crate::value::RefKind;

use super::Checker;
use super::model::{Action, ActionKind, GateUse, Model, Node, Phase, PhaseKind, Step, Typed, Undo};

/// A rule over the model alone.
type Rule = fn(&Model, &mut Vec<Diagnostic>);

const RULES: [Rule; 26] = [
    phase_order::check,
    offsets::check,
    needs_start::check,
    takes::check,
    missing_undo::check,
    undo_outside_live::check,
    empty_undo::check,
    undo_captures::check,
    rollback_outside_live::check,
    stop_after_change::check,
    gate_changes::check,
    gate_attempts::check,
    fact_cycles::check,
    paths::check,
    shell_names::check,
    constants::check,
    marks::check,
    loose_gates::check,
    never_fires::check,
    crowded::check,
    nobody_told::check,
    promises::check,
    asked::check,
    known_later::check,
    start_outside::check,
    response_cycles::check,
];

/// Applies every rule.
pub(super) fn apply(checker: &mut Checker<'_>, ast: &Ast) {
    for rule in RULES {
        rule(&checker.model, &mut checker.diagnostics);
    }
    essentials::check(checker, ast);
    unused::check(checker, ast);
}

/// Every step of the timeline with the kind of its phase, in order.
fn steps(model: &Model) -> Vec<(PhaseKind, &Step)> {
    let mut found = Vec::new();
    for (kind, node) in nodes(model) {
        if let Node::Step(step) = node {
            found.push((kind, step.as_ref()));
        }
    }
    found
}

/// Every node of the timeline that is no phase and no loop, with the kind of its phase, in order.
fn nodes(model: &Model) -> Vec<(PhaseKind, &Node)> {
    let mut found = Vec::new();
    for phase in &model.phases {
        collect(phase.kind, &phase.nodes, &mut found);
    }
    found
}

fn collect<'m>(kind: PhaseKind, nodes: &'m [Node], found: &mut Vec<(PhaseKind, &'m Node)>) {
    for node in nodes {
        match node {
            Node::Phase(phase) => collect(phase.kind, &phase.nodes, found),
            Node::For(repeated) => collect(kind, &repeated.nodes, found),
            other => {
                found.push((kind, other));
                collect(kind, other.inner(), found);
            }
        }
    }
}

/// Every `when` of the timeline and of the rollbacks.
fn whens(model: &Model) -> Vec<&Typed> {
    let mut all = nodes(model);
    for rollback in &model.rollbacks {
        collect(PhaseKind::Live, &rollback.nodes, &mut all);
    }
    let phases = phases(model).into_iter().map(|phase| &phase.head);
    let heads = all.into_iter().filter_map(|(_, node)| node.head());
    phases.chain(heads).filter_map(|head| head.when.as_deref()).collect()
}

/// Every place at which a gate is looked at: nodes, and actions of steps, of undos and of rollbacks.
fn gate_uses(model: &Model) -> Vec<&GateUse> {
    let mut found = Vec::new();
    let mut rollbacks = Vec::new();
    for rollback in &model.rollbacks {
        collect(PhaseKind::Live, &rollback.nodes, &mut rollbacks);
    }
    for (_, node) in nodes(model).into_iter().chain(rollbacks) {
        match node {
            Node::Gate(_, used) => found.push(&**used),
            Node::Step(step) => {
                let undo = match &step.undo {
                    Undo::Actions { actions, .. } => actions.as_slice(),
                    _ => &[],
                };
                found.extend(step.actions.iter().chain(undo).filter_map(|action| match &action.kind {
                    ActionKind::Gate(used) => Some(&**used),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    found
}

/// Every phase, nested ones included, in order.
fn phases(model: &Model) -> Vec<&Phase> {
    fn inner<'m>(nodes: &'m [Node], found: &mut Vec<&'m Phase>) {
        for node in nodes {
            if let Node::Phase(phase) = node {
                found.push(phase);
            }
            inner(node.inner(), found);
        }
    }
    let mut found = Vec::new();
    for phase in &model.phases {
        found.push(phase);
        inner(&phase.nodes, &mut found);
    }
    found
}

/// Whether an action may change something: a command that does not say `reads = true`, a request other than GET and HEAD
/// that does not say so.
pub(crate) fn changes(action: &Action) -> bool {
    match &action.kind {
        ActionKind::Run(command) | ActionKind::Shell(command) => !command.reads,
        ActionKind::Http(request) => !request.reads && !matches!(request.method.as_str(), "GET" | "HEAD"),
        // What `shift` and `set` change they restore themselves.
        ActionKind::Notify(_)
        | ActionKind::Gate(_)
        | ActionKind::Hold(_)
        | ActionKind::Shift { .. }
        | ActionKind::Set { .. } => false,
    }
}

/// Whether a command is told the share that it is to set.
pub(crate) fn uses_share(action: &Action) -> bool {
    let names = |value: &&Typed| value.expr.refs().iter().any(|r| r.kind == RefKind::Param && r.name == "share");
    values::of_action(action).iter().any(names)
}
