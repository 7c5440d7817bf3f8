//! An `undo` uses only what was captured before its step changed anything.
//!
//! A step is undone even if it failed in its first changing action. What would have been captured after that is not
//! there.

use crate::check::model::{Model, Step, Typed, Undo};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{RefKind, Type};

use super::values::of_action;
use super::{changes, steps};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (_, step) in steps(model) {
        let Undo::Actions { actions, .. } = &step.undo else { continue };
        for capture in step.actions.iter().flat_map(|a| &a.captures).filter(|c| c.ty == Type::Secret) {
            let name = &capture.id.text;
            for used in actions.iter().flat_map(of_action).filter(|v| uses(v, name)) {
                findings.push(
                    Diagnostic::new(
                        Code::UndoCapture,
                        used.span,
                        format!("the secret `{name}` is forgotten when the run is taken up again"),
                    )
                    .label("the undo may come after that")
                    .also(capture.id.span, "captured here, and never written down")
                    .help("capture it again in the undo, in an action that says `reads = true`"),
                );
            }
        }
        for (name, place) in late_captures(step) {
            for action in actions {
                for used in of_action(action).iter().filter(|v| uses(v, &name)) {
                    findings.push(
                        Diagnostic::new(
                            Code::UndoCapture,
                            used.span,
                            format!("`{name}` may not be known when this runs"),
                        )
                        .label("used by the undo")
                        .also(place, "captured after the step has begun to change something")
                        .help("capture it before, in an action that says `reads = true`"),
                    );
                }
            }
        }
    }
}

/// What is captured by the first changing action of a step or later.
fn late_captures(step: &Step) -> Vec<(String, Span)> {
    let first = step.actions.iter().position(changes).unwrap_or(step.actions.len());
    step.actions[first..].iter().flat_map(|a| &a.captures).map(|c| (c.id.text.clone(), c.id.span)).collect()
}

fn uses(value: &Typed, name: &str) -> bool {
    let own = format!(".{name}");
    value.expr.refs().iter().any(|r| r.kind == RefKind::Capture && r.name == own)
}
