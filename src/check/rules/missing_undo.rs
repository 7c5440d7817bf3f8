//! A live step that may change something says how it is undone, or why it need not be.
//!
//! This is the promise of the language: whatever may change production has a way back, written when there was time to
//! think, not at three in the morning.

use crate::check::model::{Action, ActionKind, Model, PhaseKind, Undo};
use crate::diagnostic::{Code, Diagnostic};

use super::{changes, steps};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (kind, step) in steps(model) {
        if kind != PhaseKind::Live || !matches!(step.undo, Undo::Unsaid) {
            continue;
        }
        if let Some(action) = step.actions.iter().find(|a| changes(a)) {
            let name = step.head.id.as_ref().map_or("this step".into(), |id| format!("the step `{}`", id.text));
            findings.push(
                Diagnostic::new(Code::MissingUndo, step.head.span, format!("{name} does not say how it is undone"))
                    .label("runs in the live part")
                    .also(action.span, changing(action))
                    .help("write `undo { run \"…\" }`, or `undo none \"why\"`; if it only looks, `reads = true` in its body"),
            );
        }
    }
}

fn changing(action: &Action) -> &'static str {
    match action.kind {
        ActionKind::Http(_) => "this request may change something",
        _ => "this command may change something",
    }
}
