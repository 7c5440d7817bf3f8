//! What a node uses is known when it is reached: a capture of a step that runs later, an answer that is asked for later.
//!
//! Nodes run in the order in which they are written. Whoever moves a step down moves what it captures, too, and on the night
//! the value is not there.

use std::collections::HashMap;

use crate::check::model::{GateUse, Model, Node, Typed, Undo};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::RefKind;

use super::values::of_action;

/// Where the steps and the questions stand: in the order of all nodes, in which outermost loop, and in the file.
type Places<'m> = HashMap<&'m str, (usize, Option<usize>, Span)>;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let mut all: Vec<(&Node, Option<usize>)> = Vec::new();
    for phase in &model.phases {
        flatten(&phase.nodes, None, &mut all);
    }
    let mut places = Places::new();
    for (i, (node, round)) in all.iter().enumerate() {
        if let (Node::Step(_) | Node::Ask(_), Some(head)) = (node, node.head())
            && let Some(id) = &head.id
        {
            places.insert(&id.text, (i, *round, id.span));
        }
    }
    for (i, (node, round)) in all.iter().enumerate() {
        for value in values_of(node) {
            later((i, *round), value, &places, findings);
        }
    }
}

fn flatten<'m>(nodes: &'m [Node], round: Option<usize>, all: &mut Vec<(&'m Node, Option<usize>)>) {
    for node in nodes {
        let round = round.or(matches!(node, Node::For(_)).then_some(all.len()));
        all.push((node, round));
        flatten(node.inner(), round, all);
    }
}

fn later((at, round): (usize, Option<usize>), value: &Typed, places: &Places<'_>, findings: &mut Vec<Diagnostic>) {
    for reference in value.expr.refs() {
        let (owner, what) = match reference.kind {
            // `.name` is a capture of the step itself.
            RefKind::Capture => (reference.name.split('.').next().unwrap_or_default(), "captures it"),
            RefKind::Answer => (reference.name.as_str(), "asks for it"),
            _ => continue,
        };
        let Some((place, of, span)) = places.get(owner) else { continue };
        // In the same loop an earlier round is known.
        let earlier_round = round.is_some() && round == *of;
        let own = *place == at && reference.kind == RefKind::Capture;
        if *place >= at && !own && !earlier_round {
            let title = format!("`{}` is not known yet here", reference.name);
            let finding = Diagnostic::new(Code::NotKnownHere, value.span, title).label("used before it is there");
            findings.push(
                finding
                    .also(*span, format!("{what}, later"))
                    .help("move one of them, so that it is known before it is used"),
            );
        }
    }
}

/// Every value that a node uses itself, those of the nodes in it left out.
fn values_of(node: &Node) -> Vec<&Typed> {
    let mut found: Vec<&Typed> = Vec::new();
    if let Some(head) = node.head() {
        found.extend(head.when.as_deref().into_iter().chain(head.title.as_deref()));
    }
    match node {
        Node::Step(step) => {
            let undo = match &step.undo {
                Undo::Actions { actions, .. } => actions.as_slice(),
                _ => &[],
            };
            found.extend(step.actions.iter().chain(undo).flat_map(of_action));
        }
        Node::Gate(_, used) => found.extend(arguments(used)),
        Node::Notify(_, notify) => found.extend(notify.subject.iter().chain(&notify.text)),
        Node::Checklist(checklist) => found.extend(checklist.items.iter().filter_map(|item| item.when.as_ref())),
        _ => {}
    }
    found
}

fn arguments(used: &GateUse) -> impl Iterator<Item = &Typed> {
    used.arguments.iter().map(|(_, value)| value)
}
