//! Every expression of an action, of a message, of a plan.

use crate::value::{Expr, Part};

use super::{Action, ActionKind, Body, Check, Gate, Look, Message, NodeKind, Plan, QueryPiece, Undo, UrlPart};

impl Undo {
    /// Why something is not undone.
    pub fn why(&self) -> Option<&str> {
        match self {
            Undo::Excused(why) | Undo::Irreversible(why) => Some(why),
            Undo::Nothing | Undo::Actions { .. } => None,
        }
    }

    /// The actions by which something is undone.
    pub fn actions(&self) -> &[Action] {
        match self {
            Undo::Actions { actions, .. } => actions,
            Undo::Nothing | Undo::Excused(_) | Undo::Irreversible(_) => &[],
        }
    }
}

impl Action {
    /// Every expression in it, those of its gate included.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut exprs = Vec::new();
        collect_action(self, &mut exprs);
        exprs
    }
}

fn collect_checks<'p>(checks: &'p [Check], found: &mut Vec<&'p Expr>) {
    found.extend(checks.iter().map(|c| &c.expr));
}

fn collect_parts<'p>(parts: &'p [Part], found: &mut Vec<&'p Expr>) {
    for part in parts {
        if let Part::Value(expr) = part {
            found.push(expr);
        }
    }
}

fn collect_message<'p>(message: &'p Message, found: &mut Vec<&'p Expr>) {
    found.extend(message.subject.iter().chain([&message.text]).chain(message.settings.iter().map(|(_, e)| e)));
}

fn collect_action<'p>(action: &'p Action, found: &mut Vec<&'p Expr>) {
    collect_checks(&action.expects, found);
    found.extend(action.captures.iter().map(|c| &c.expr));
    match &action.kind {
        ActionKind::Command(command) => {
            for word in &command.words {
                collect_parts(&word.pieces, found);
            }
            found.extend(command.dir.iter().chain(&command.stdin).chain(&command.stdout));
            found.extend(command.env.iter().map(|(_, e)| e));
        }
        ActionKind::Request(request) => {
            for part in &request.url {
                if let UrlPart::Base(expr) | UrlPart::Value(expr) = part {
                    found.push(expr);
                }
            }
            found.extend(request.header.iter().map(|(_, e)| e));
            match &request.body {
                Some(Body::Json(expr) | Body::Text(expr)) => found.push(expr),
                Some(Body::Form(entries)) => found.extend(entries.iter().map(|(_, e)| e)),
                None => {}
            }
        }
        ActionKind::Query(query) => found.extend(query.pieces.iter().filter_map(|piece| match piece {
            QueryPiece::Value(expr, _) => Some(expr),
            QueryPiece::Text(_) => None,
        })),
        ActionKind::Notify(message) => collect_message(message, found),
        ActionKind::Gate(gate) => {
            for look in &gate.looks {
                match look {
                    Look::Action(action) => collect_action(action, found),
                    Look::Expect(check) | Look::Metric(check) => found.push(&check.expr),
                }
            }
        }
        ActionKind::Hold(hold) => collect_checks(&hold.checks, found),
        ActionKind::Ask(_) => {}
    }
}

type Visit<'v> = &'v mut dyn FnMut(&mut Expr);

fn each_of_parts(parts: &mut [Part], visit: Visit<'_>) {
    for part in parts {
        if let Part::Value(expr) = part {
            visit(expr);
        }
    }
}

fn each_of_message(message: &mut Message, visit: Visit<'_>) {
    message.subject.iter_mut().for_each(&mut *visit);
    visit(&mut message.text);
    message.settings.iter_mut().for_each(|(_, e)| visit(e));
}

fn each_of_gate(gate: &mut Gate, visit: Visit<'_>) {
    each_of_looks(&mut gate.looks, visit);
}

fn each_of_looks(looks: &mut [Look], visit: Visit<'_>) {
    for look in looks {
        match look {
            Look::Action(action) => each_expr_of(action, visit),
            Look::Expect(check) | Look::Metric(check) => visit(&mut check.expr),
        }
    }
}

/// Calls `visit` with every expression of an action.
pub fn each_expr_of(action: &mut Action, visit: Visit<'_>) {
    action.expects.iter_mut().for_each(|c| visit(&mut c.expr));
    action.captures.iter_mut().for_each(|c| visit(&mut c.expr));
    match &mut action.kind {
        ActionKind::Command(command) => {
            command.words.iter_mut().for_each(|w| each_of_parts(&mut w.pieces, visit));
            command.dir.iter_mut().chain(&mut command.stdin).chain(&mut command.stdout).for_each(&mut *visit);
            command.env.iter_mut().for_each(|(_, e)| visit(e));
        }
        ActionKind::Request(request) => {
            for part in &mut request.url {
                if let UrlPart::Base(expr) | UrlPart::Value(expr) = part {
                    visit(expr);
                }
            }
            request.header.iter_mut().for_each(|(_, e)| visit(e));
            match &mut request.body {
                Some(Body::Json(expr) | Body::Text(expr)) => visit(expr),
                Some(Body::Form(entries)) => entries.iter_mut().for_each(|(_, e)| visit(e)),
                None => {}
            }
        }
        ActionKind::Query(query) => query.pieces.iter_mut().for_each(|piece| {
            if let QueryPiece::Value(expr, _) = piece {
                visit(expr);
            }
        }),
        ActionKind::Notify(message) => each_of_message(message, visit),
        ActionKind::Gate(gate) => each_of_gate(gate, visit),
        ActionKind::Hold(hold) => hold.checks.iter_mut().for_each(|c| visit(&mut c.expr)),
        ActionKind::Ask(_) => {}
    }
}

impl Plan {
    /// Calls `visit` with every expression of the plan.
    pub(super) fn each_expr(&mut self, visit: Visit<'_>) {
        for node in &mut self.nodes {
            node.when.iter_mut().for_each(|c| visit(&mut c.expr));
            let NodeKind::Work(work) = &mut node.kind else { continue };
            work.actions.iter_mut().for_each(|a| each_expr_of(a, visit));
            each_of_looks(&mut work.done_when, visit);
            if let Undo::Actions { actions, .. } = &mut work.undo {
                actions.iter_mut().for_each(|a| each_expr_of(a, visit));
            }
        }
        self.facts.iter_mut().for_each(|f| each_expr_of(&mut f.action, visit));
        self.metrics.iter_mut().for_each(|m| each_expr_of(&mut m.action, visit));
        for source in &mut self.sources {
            source.header.iter_mut().for_each(|(_, e)| visit(e));
            source.basic.iter_mut().filter_map(|(_, password)| password.as_mut()).for_each(&mut *visit);
        }
        for channel in &mut self.channels {
            channel.settings.iter_mut().chain(&mut channel.header).for_each(|(_, e)| visit(e));
        }
        for trigger in &mut self.triggers {
            trigger.when.iter_mut().for_each(|c| visit(&mut c.expr));
            trigger.messages.iter_mut().for_each(|m| each_of_message(m, visit));
        }
        for told in &mut self.comms {
            told.when.iter_mut().for_each(|c| visit(&mut c.expr));
            told.messages.iter_mut().for_each(|m| each_of_message(m, visit));
        }
        self.handlers.iter_mut().flat_map(|h| &mut h.messages).for_each(|m| each_of_message(m, visit));
    }
}
