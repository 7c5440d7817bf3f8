//! `undo`, `undo none` and `irreversible` stand in live steps only.
//!
//! Nothing is rolled back before the live part or after it. An `undo` there would look like a way back and never run.

use crate::check::model::{Model, PhaseKind, Undo};
use crate::diagnostic::{Code, Diagnostic};

use super::steps;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (kind, step) in steps(model) {
        if kind == PhaseKind::Live {
            continue;
        }
        let (span, word) = match &step.undo {
            Undo::Unsaid => continue,
            Undo::None(span, _) => (*span, "undo none"),
            Undo::Irreversible(span, _) => (*span, "irreversible"),
            Undo::Actions { span, .. } => (*span, "undo"),
        };
        let title = format!("`{word}` in a {} phase, where nothing is rolled back", kind.word());
        findings.push(
            Diagnostic::new(Code::UndoOutsideLive, span, title)
                .label("would never run")
                .help("leave it out, or move the step into a live phase"),
        );
    }
}
