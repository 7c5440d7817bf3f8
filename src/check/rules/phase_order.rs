//! Phases come in the order prepare, live, after.
//!
//! What is easy to get wrong follows from a phase's kind: the lock is held, triggers are armed and a rollback reaches
//! from the start of the first live phase to the end of the last one. A prepare phase in between would be neither.

use crate::check::model::Model;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for pair in model.phases.windows(2) {
        let [before, phase] = pair else { continue };
        if phase.kind < before.kind {
            let title = format!("a {} phase cannot follow a {} phase", phase.kind.word(), before.kind.word());
            findings.push(
                Diagnostic::new(Code::PhaseOrder, phase.head.span, title)
                    .label(format!("this one is `{}`", phase.kind.word()))
                    .also(before.head.span, format!("this one is `{}`", before.kind.word()))
                    .help("first the prepare phases, then the live ones, then those after"),
            );
        }
    }
}
