//! An `undo` does something.

use crate::check::model::{Model, Undo};
use crate::diagnostic::{Code, Diagnostic};

use super::steps;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (_, step) in steps(model) {
        if let Undo::Actions { span, actions, .. } = &step.undo
            && actions.is_empty()
        {
            findings.push(
                Diagnostic::new(Code::EmptyUndo, *span, "this `undo` undoes nothing")
                    .label("empty")
                    .help("write what brings the old state back, or `undo none \"why\"`"),
            );
        }
    }
}
