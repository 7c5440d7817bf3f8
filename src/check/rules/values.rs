//! Every action of a model, and every value that an action uses, however deep it stands.

use crate::check::model::{
    Action, ActionKind, Command, GateRef, GateUse, Look, Model, Node, PhaseKind, Request, Typed, Undo, UrlPiece,
    WordPiece,
};

use super::collect;

/// Every action: of steps and their undos, of rollbacks, of gates and holds, of facts and metrics.
pub(super) fn every_action(model: &Model) -> Vec<&Action> {
    let mut nodes = super::nodes(model);
    for rollback in &model.rollbacks {
        collect(PhaseKind::Live, &rollback.nodes, &mut nodes);
    }
    let mut found = Vec::new();
    for (_, node) in nodes {
        match node {
            Node::Step(step) => {
                step.actions.iter().for_each(|action| with_inner(action, &mut found));
                in_looks(&step.done_when, &mut found);
                if let Undo::Actions { actions, .. } = &step.undo {
                    actions.iter().for_each(|action| with_inner(action, &mut found));
                }
            }
            Node::Gate(_, used) => in_gate(used, &mut found),
            Node::Hold(_, hold) => in_looks(&hold.looks, &mut found),
            Node::Checklist(checklist) => checklist.items.iter().for_each(|item| in_looks(&item.looks, &mut found)),
            _ => {}
        }
    }
    model.gates.iter().for_each(|gate| in_looks(&gate.looks, &mut found));
    model.facts.iter().filter_map(|f| f.command.as_deref()).for_each(|action| with_inner(action, &mut found));
    model.metrics.iter().filter_map(|m| m.look.as_ref()).for_each(|action| with_inner(action, &mut found));
    found
}

fn with_inner<'m>(action: &'m Action, found: &mut Vec<&'m Action>) {
    found.push(action);
    match &action.kind {
        ActionKind::Gate(used) => in_gate(used, found),
        ActionKind::Hold(hold) => in_looks(&hold.looks, found),
        _ => {}
    }
}

fn in_gate<'m>(used: &'m GateUse, found: &mut Vec<&'m Action>) {
    if let GateRef::Inline(gate) = &used.gate {
        in_looks(&gate.looks, found);
    }
}

fn in_looks<'m>(looks: &'m [Look], found: &mut Vec<&'m Action>) {
    for look in looks {
        match look {
            Look::Action(action) => with_inner(action, found),
            Look::Gate(used) => in_gate(used, found),
            Look::Expect(_) => {}
        }
    }
}

/// Every value that an action uses.
pub(super) fn of_action(action: &Action) -> Vec<&Typed> {
    let mut found: Vec<&Typed> = action.expects.iter().collect();
    match &action.kind {
        ActionKind::Run(command) | ActionKind::Shell(command) => of_command(command, &mut found),
        ActionKind::Http(request) => of_request(request, &mut found),
        ActionKind::Notify(notify) => found.extend(notify.subject.iter().chain(&notify.text)),
        ActionKind::Gate(used) => of_gate(used, &mut found),
        ActionKind::Hold(hold) => of_looks(&hold.looks, &mut found),
        ActionKind::Shift { share, drain, .. } => found.extend(std::iter::once(share).chain(drain)),
        ActionKind::Set { value, segment, .. } => found.extend(std::iter::once(value).chain(segment)),
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
