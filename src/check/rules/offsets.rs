//! Offsets do not run backwards.
//!
//! Nodes run in the order in which they are written; `at` is the earliest moment. A node at T+5m below one at T+20m
//! would simply run late, every time.

use jiff::SignedDuration;

use crate::check::model::{Head, Model, Node, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Expr, Value, offset_text};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let mut latest: Option<(SignedDuration, Span)> = None;
    for phase in &model.phases {
        look(&phase.head, &mut latest, findings);
        walk(&phase.nodes, &mut latest, findings);
    }
}

fn walk(nodes: &[Node], latest: &mut Option<(SignedDuration, Span)>, findings: &mut Vec<Diagnostic>) {
    for node in nodes {
        if let Some(head) = node.head() {
            look(head, latest, findings);
        }
        match node {
            // Lanes begin side by side; each counts from there.
            Node::Parallel(_, lanes) => {
                for lane in lanes {
                    let mut own = *latest;
                    walk(std::slice::from_ref(lane), &mut own, findings);
                }
            }
            // The offsets of a loop come with its values: the plan looks at them.
            other => walk(other.inner(), latest, findings),
        }
    }
}

fn look(head: &Head, latest: &mut Option<(SignedDuration, Span)>, findings: &mut Vec<Diagnostic>) {
    let Some(Typed { expr: Expr::Value(Value::Offset(at)), span, .. }) = head.at.as_deref() else { return };
    if let Some((before, place)) = *latest
        && *at < before
    {
        findings.push(
            Diagnostic::new(
                Code::OffsetsBackwards,
                *span,
                format!("{} lies before {}", offset_text(*at), offset_text(before)),
            )
            .label("earlier than what stands above")
            .also(place, "this comes first")
            .help("nodes run in the order in which they are written: move this one up, or give it a later moment"),
        );
        return;
    }
    *latest = Some((*at, *span));
}
