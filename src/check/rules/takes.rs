//! What something needs fits into its limit: what a step says it takes, the holds in it, everything in a phase.
//!
//! What needs longer than it may fails every time, at the worst moment.

use jiff::SignedDuration;

use crate::check::model::{ActionKind, HoldLength, Limit, Model, Node, Step, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Expr, Value, duration_text};

use super::{phases, steps};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (_, step) in steps(model) {
        let Some(within) = &step.within else { continue };
        let takes = step.takes.as_ref().and_then(|takes| Some((length(takes)?, takes.span, "what it usually needs")));
        let held = (held_in(step), step.head.span, "it holds for so long");
        let (needs, place, label) = takes.filter(|(needs, ..)| *needs >= held.0).unwrap_or(held);
        findings.extend(too_long("this step", needs, within, place, label));
    }
    for phase in phases(model) {
        let Some(within) = &phase.within else { continue };
        let needs = phase.nodes.iter().map(least).fold(SignedDuration::ZERO, SignedDuration::saturating_add);
        findings.extend(too_long("this phase", needs, within, phase.head.span, "what is in it, taken together"));
    }
    for response in &model.responses {
        let Some(within) = &response.within else { continue };
        let held = response.actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Hold(hold) => hold_length(&hold.length),
            _ => None,
        });
        let needs = held.fold(SignedDuration::ZERO, SignedDuration::saturating_add);
        findings.extend(too_long("this response", needs, within, response.id.span, "it holds for so long"));
    }
}

fn too_long(what: &str, needs: SignedDuration, within: &Limit, place: Span, label: &str) -> Option<Diagnostic> {
    let limit = length(&within.duration).filter(|limit| needs > *limit)?;
    let title = format!("{what} takes {} and may take {}", duration_text(needs), duration_text(limit));
    let finding = Diagnostic::new(Code::TakesTooLong, place, title).label(label.to_owned());
    Some(finding.also(within.duration.span, "its limit").help("raise the limit; it counts for everything together"))
}

fn length(typed: &Typed) -> Option<SignedDuration> {
    match typed.expr {
        Expr::Value(Value::Duration(length)) => Some(length),
        _ => None,
    }
}

fn hold_length(hold: &Option<HoldLength>) -> Option<SignedDuration> {
    match hold {
        Some(HoldLength::For(length_)) => length(length_),
        _ => None,
    }
}

/// How long the holds among a step's actions last together.
fn held_in(step: &Step) -> SignedDuration {
    let holds = step.actions.iter().filter_map(|action| match &action.kind {
        ActionKind::Hold(hold) => hold_length(&hold.length),
        _ => None,
    });
    holds.fold(SignedDuration::ZERO, SignedDuration::saturating_add)
}

/// How long a node takes at least, by what it says: nothing if it may be left out.
pub(super) fn least(node: &Node) -> SignedDuration {
    if node.head().is_some_and(|head| head.when.is_some()) {
        return SignedDuration::ZERO;
    }
    let all = |nodes: &[Node]| nodes.iter().map(least).fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    match node {
        Node::Step(step) => step.takes.as_ref().and_then(length).unwrap_or_default().max(held_in(step)),
        Node::Hold(_, hold) => hold_length(&hold.length).unwrap_or_default(),
        Node::Phase(phase) => all(&phase.nodes),
        Node::For(repeated) => {
            let rounds = match &repeated.list.expr {
                Expr::List(items) => items.len(),
                Expr::Value(Value::List(items)) => items.len(),
                _ => 0,
            };
            let rounds = i32::try_from(rounds).unwrap_or(i32::MAX);
            all(&repeated.nodes).checked_mul(rounds).unwrap_or(SignedDuration::MAX)
        }
        Node::Parallel(_, lanes) => lanes.iter().map(least).max().unwrap_or_default(),
        Node::Ramp(ramp) => {
            let shares = ramp.through.as_ref().and_then(|t| t.expr.known_list()).map_or(0, |list| list.len());
            let shares = i32::try_from(shares).unwrap_or(i32::MAX);
            all(&ramp.looks).checked_mul(shares).unwrap_or(SignedDuration::MAX)
        }
        Node::Gate(..) | Node::Notify(..) | Node::Undo(..) | Node::Ask(_) | Node::Checklist(_) => SignedDuration::ZERO,
    }
}
