//! Responses: what runs beside the timeline, in the order in which it is written.

use crate::check::model;
use crate::plan::{ActionKind, Lane, Limit, NodeIx, NodeKind, Response, Sort, Undo};

use super::Lowering;
use super::timeline::Spot;

/// A part of a response, with its place in the file.
enum Piece<'m> {
    Node(&'m model::Node),
    Action(&'m model::Action),
}

impl<'m> Lowering<'m> {
    pub(super) fn responses(&mut self) -> Vec<Response> {
        let model = self.model;
        model.responses.iter().map(|response| self.response(response)).collect()
    }

    fn response(&mut self, response: &'m model::Response) -> Response {
        self.lane = Lane::Live;
        let name = response.id.text.clone();
        let limit = response.within.as_ref().and_then(|within| {
            let duration = self.duration(&within.duration)?;
            let usual = self.usual_outcome();
            let otherwise = within.otherwise.as_ref().map_or(usual, |o| self.outcome(o));
            Some(Limit { duration, until: None, otherwise, written: true })
        });
        let id = self.take_id(name.clone(), response.id.span);
        let node =
            self.bare_node(id, response.id.span, None, NodeKind::Phase { children: Vec::new(), limit: limit.clone() });
        self.nodes[node.index()].title = self.title(response.title.as_ref(), &name);
        // What fails in it fails it.
        self.otherwise = limit.map(|limit| limit.otherwise);
        let mut pieces: Vec<(u32, Piece<'m>)> =
            response.actions.iter().map(|a| (a.span.start, Piece::Action(a))).collect();
        pieces.extend(response.nodes.iter().map(|n| (start(n), Piece::Node(n))));
        pieces.sort_by_key(|(start, _)| *start);
        let spot = Spot { parent: Some(node), prefix: &name, instances: Vec::new() };
        let (mut made, mut position) = (Vec::new(), 0);
        for (_, piece) in pieces {
            match piece {
                Piece::Node(node) => made.extend(self.nodes(std::slice::from_ref(node), &spot, &mut position)),
                Piece::Action(action) => {
                    position += 1;
                    made.push(self.lone(action, format!("{name}.{position}"), node));
                }
            }
        }
        if let NodeKind::Phase { children, .. } = &mut self.nodes[node.index()].kind {
            *children = made;
        }
        self.otherwise = None;
        Response { id: name, node }
    }

    /// A node of one action.
    fn lone(&mut self, action: &'m model::Action, id: String, parent: NodeIx) -> NodeIx {
        let id = self.take_id(id, action.span);
        let before = self.owner.replace(id.clone());
        let (actions, _) = self.step_actions(std::slice::from_ref(action), Undo::Nothing);
        self.owner = before;
        let sort = match actions.first().map(|a| &a.kind) {
            Some(ActionKind::Gate(_)) => Sort::Gate,
            Some(ActionKind::Hold(_)) => Sort::Hold,
            Some(ActionKind::Notify(_)) => Sort::Notify,
            _ => Sort::Step,
        };
        let work = self.work(sort, actions, self.usual_outcome());
        self.bare_node(id, action.span, Some(parent), NodeKind::Work(Box::new(work)))
    }
}

/// Where a node begins in the file.
fn start(node: &model::Node) -> u32 {
    match node {
        model::Node::For(repeated) => repeated.name.span.start,
        model::Node::Undo(span, _) => span.start,
        other => other.head().map_or(0, |head| head.span.start),
    }
}
