//! The comparisons of a condition: which metric, which sign, which value.

use crate::value::{Comparison, Expr, RefKind, Value};

use crate::check::model::{ActionKind, GateRef, GateUse, Look, Model, Node, PhaseKind, Typed, Undo};

use super::{collect, nodes};

/// `metric > value`, wherever it stands in a condition; the metric is always on the left.
pub(super) struct Bound<'m> {
    pub(super) metric: &'m str,
    pub(super) comparison: Comparison,
    pub(super) value: &'m Value,
}

/// The comparisons of metrics with values that are known, of a condition that is true only if all of them are.
pub(super) fn bounds(condition: &Expr) -> Vec<Bound<'_>> {
    let mut found = Vec::new();
    gather(condition, &mut found);
    found
}

fn gather<'m>(expr: &'m Expr, found: &mut Vec<Bound<'m>>) {
    match expr {
        Expr::Held { condition, .. } => gather(condition, found),
        Expr::Logic(crate::value::Logic::And, parts) => parts.iter().for_each(|part| gather(part, found)),
        Expr::Compare(comparison, left, right) => found.extend(bound(*comparison, left, right)),
        _ => {}
    }
}

/// One comparison of a metric with a value that is known.
pub(super) fn bound<'m>(comparison: Comparison, left: &'m Expr, right: &'m Expr) -> Option<Bound<'m>> {
    let metric = |expr: &'m Expr| match expr {
        Expr::Ref(reference) if reference.kind == RefKind::Metric => Some(reference.name.as_str()),
        _ => None,
    };
    match (metric(left), right, metric(right), left) {
        (Some(metric), Expr::Value(value), ..) => Some(Bound { metric, comparison, value }),
        (.., Some(metric), Expr::Value(value)) => Some(Bound { metric, comparison: turned(comparison), value }),
        _ => None,
    }
}

/// The same comparison, read from the other side.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Greater => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
        other => other,
    }
}

/// Every condition over metrics: of triggers, of gates and of holds.
pub(super) fn every_condition(model: &Model) -> Vec<&Typed> {
    let triggers = model.triggers.iter().filter_map(|t| t.when.as_ref());
    triggers.chain(looked_at(model, true)).collect()
}

/// Every condition of a gate.
pub(super) fn of_gates(model: &Model) -> Vec<&Typed> {
    looked_at(model, false)
}

fn looked_at(model: &Model, holds: bool) -> Vec<&Typed> {
    let mut found = Vec::new();
    model.gates.iter().for_each(|gate| expects(&gate.looks, &mut found));
    let mut all = nodes(model);
    for rollback in &model.rollbacks {
        collect(PhaseKind::Live, &rollback.nodes, &mut all);
    }
    for (_, node) in all {
        looks_of(node, holds, &mut found);
    }
    found
}

/// The conditions that a node of the timeline looks at in its own words.
fn looks_of<'m>(node: &'m Node, holds: bool, found: &mut Vec<&'m Typed>) {
    match node {
        Node::Gate(_, used) => of_gate(used, found),
        Node::Hold(_, hold) if holds => expects(&hold.looks, found),
        Node::Step(step) => {
            let undo = match &step.undo {
                Undo::Actions { actions, .. } => actions.as_slice(),
                _ => &[],
            };
            for action in step.actions.iter().chain(undo) {
                match &action.kind {
                    ActionKind::Gate(used) => of_gate(used, found),
                    ActionKind::Hold(hold) if holds => expects(&hold.looks, found),
                    _ => {}
                }
            }
        }
        Node::Checklist(checklist) => checklist.items.iter().for_each(|item| expects(&item.looks, found)),
        _ => {}
    }
}

fn of_gate<'m>(used: &'m GateUse, found: &mut Vec<&'m Typed>) {
    if let GateRef::Inline(gate) = &used.gate {
        expects(&gate.looks, found);
    }
}

fn expects<'m>(looks: &'m [Look], found: &mut Vec<&'m Typed>) {
    for look in looks {
        match look {
            Look::Expect(condition) => found.push(condition),
            Look::Gate(used) => of_gate(used, found),
            Look::Action(_) => {}
        }
    }
}
