//! An `undo` uses only what was captured before its step changed anything.
//!
//! A step is undone even if it failed in its first changing action. What would have been captured after that is not
//! there.

use crate::check::model::{
    Action, ActionKind, Command, GateRef, GateUse, Look, Model, Request, Step, Typed, Undo, UrlPiece, WordPiece,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::RefKind;

use super::{changes, steps};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (_, step) in steps(model) {
        let Undo::Actions { actions, .. } = &step.undo else { continue };
        for (name, place) in late_captures(step) {
            for action in actions {
                for used in values(action).iter().filter(|v| uses(v, &name)) {
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

/// Every value that an action uses.
fn values(action: &Action) -> Vec<&Typed> {
    let mut found: Vec<&Typed> = action.expects.iter().collect();
    match &action.kind {
        ActionKind::Run(command) | ActionKind::Shell(command) => of_command(command, &mut found),
        ActionKind::Http(request) => of_request(request, &mut found),
        ActionKind::Notify(notify) => found.extend(notify.subject.iter().chain(&notify.text)),
        ActionKind::Gate(used) => of_gate(used, &mut found),
        ActionKind::Hold(hold) => of_looks(&hold.looks, &mut found),
    }
    found
}

fn of_gate<'m>(used: &'m GateUse, found: &mut Vec<&'m Typed>) {
    found.extend(used.arguments.iter().map(|(_, v)| v));
    if let GateRef::Inline(gate) = &used.gate {
        of_looks(&gate.looks, found);
    }
}

fn of_looks<'m>(looks: &'m [Look], found: &mut Vec<&'m Typed>) {
    for look in looks {
        match look {
            Look::Expect(condition) => found.push(condition),
            Look::Action(action) => found.extend(values(action)),
            Look::Gate(used) => of_gate(used, found),
        }
    }
}

fn of_command<'m>(command: &'m Command, found: &mut Vec<&'m Typed>) {
    for word in &command.words {
        for piece in &word.pieces {
            if let WordPiece::Value(value) = piece {
                found.push(value);
            }
        }
    }
    found
        .extend([&command.dir, &command.env, &command.stdin, &command.stdout].into_iter().filter_map(|v| v.as_deref()));
}

fn of_request<'m>(request: &'m Request, found: &mut Vec<&'m Typed>) {
    for piece in &request.url {
        if let UrlPiece::Base(value) | UrlPiece::Value(value) = piece {
            found.push(value);
        }
    }
    found.extend(
        [&request.header, &request.json, &request.body, &request.form].into_iter().filter_map(|v| v.as_deref()),
    );
}
