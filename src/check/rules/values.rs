//! Every value that an action uses, however deep it stands.

use crate::check::model::{Action, ActionKind, Command, GateRef, GateUse, Look, Request, Typed, UrlPiece, WordPiece};

/// Every value that an action uses.
pub(super) fn of_action(action: &Action) -> Vec<&Typed> {
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
            Look::Action(action) => found.extend(of_action(action)),
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
