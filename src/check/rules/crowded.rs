//! What stands before an offset fits before it; and steps that only offsets keep apart.
//!
//! Offsets do not slide: a step that takes ten minutes and stands five before the next one makes that one late, every time.
//! Where the pause between two changes matters, a `hold` keeps it whatever the first one took.

use jiff::SignedDuration;

use crate::check::model::{Model, Node, PhaseKind, Step};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Expr, Value, duration_text, offset_text};

use super::changes;
use super::takes::least;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for phase in super::phases(model) {
        let mut since = phase.head.at.as_deref().and_then(offset).map(|at| (at, phase.head.span));
        let mut needed = SignedDuration::ZERO;
        let mut changed: Option<(&Step, SignedDuration)> = None;
        for node in &phase.nodes {
            let Node::Step(step) = node else {
                // Whatever it is, it stands between.
                changed = None;
                match node.head().and_then(|head| head.at.as_deref()) {
                    Some(at) => {
                        let moment = offset(at).map(|moment| (moment, at.span));
                        if let Some((moment, span)) = moment {
                            findings.extend(since.and_then(|(from, first)| late(from, needed, moment, (first, span))));
                        }
                        (since, needed) = (moment, least(node));
                    }
                    None => needed = needed.saturating_add(least(node)),
                }
                continue;
            };
            if let Some((at, span)) = step.head.at.as_deref().and_then(|at| Some((offset(at)?, at.span))) {
                findings.extend(since.and_then(|(from, first)| late(from, needed, at, (first, span))));
                if phase.kind == PhaseKind::Live
                    && let Some((before, then)) = changed
                    && at > then
                    && step.actions.iter().any(changes)
                {
                    findings.push(spaced(before, step, at - then, span));
                }
                (since, needed) = (Some((at, span)), SignedDuration::ZERO);
                changed = step.actions.iter().any(changes).then_some((step, at));
            } else {
                changed = None;
            }
            needed = needed.saturating_add(least(node));
        }
    }
}

fn offset(at: &crate::check::model::Typed) -> Option<SignedDuration> {
    match &at.expr {
        Expr::Value(Value::Offset(offset)) => Some(*offset),
        _ => None,
    }
}

fn late(from: SignedDuration, needed: SignedDuration, at: SignedDuration, spans: (Span, Span)) -> Option<Diagnostic> {
    // A moment before the one above has a finding of its own.
    if from.saturating_add(needed) <= at || at < from {
        return None;
    }
    let title = format!(
        "this is due at {} and usually begins at {}",
        offset_text(at),
        offset_text(from.saturating_add(needed))
    );
    Some(
        Diagnostic::new(Code::Crowded, spans.1, title)
            .label("late every time")
            .also(spans.0, format!("what begins here takes {}", duration_text(needed)))
            .help("give it a later moment, or none: nodes follow each other by themselves"),
    )
}

fn spaced(before: &Step, step: &Step, apart: SignedDuration, at: Span) -> Diagnostic {
    let apart = duration_text(apart);
    Diagnostic::new(Code::SpacedByOffsets, at, "only the clock keeps these two changes apart")
        .label(format!("{apart} after the one before, if that is not late"))
        .also(before.head.span, "changes something too")
        .help(format!(
            "if the pause matters, put `hold for {apart}` before the step `{}`",
            step.head.id.as_ref().map_or("", |id| id.text.as_str())
        ))
}
