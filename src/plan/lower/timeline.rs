//! Phases and nodes: loops unrolled, names given, limits filled in.

use jiff::SignedDuration;

use crate::check::instance_name;
use crate::check::model::{self, Head, Node as ModelNode};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::way_back::{LIVE_LIMIT, waits};
use crate::plan::{
    Action, ActionKind, HoldLength, Lane, Limit, Node, NodeIx, NodeKind, Outcome, Retry, Sort, Undo, Work,
};
use crate::value::{Value, duration_text, offset_text};

use super::{Lowering, or_keyword};

/// Where a node stands, while it is being made.
pub(super) struct Spot<'s> {
    pub(super) parent: Option<NodeIx>,
    /// The phase's name, for nodes without one.
    pub(super) prefix: &'s str,
    /// The names of the loops' instances around it.
    pub(super) instances: Vec<String>,
}

/// A plan that nobody could read, and no screen could show.
const MOST_NODES: usize = 50_000;

impl<'m> Lowering<'m> {
    pub(super) fn phases(&mut self) -> Vec<NodeIx> {
        let model = self.model;
        let phases: Vec<NodeIx> = model.phases.iter().map(|phase| self.phase(phase, None)).collect();
        if let ([first, ..], false) = (&model.phases[..], self.nodes.iter().any(|n| n.work().is_some())) {
            let finding = Diagnostic::new(Code::Missing, first.head.span, "there is nothing to do in this plan");
            self.push(
                finding.label("nothing in it or in what follows").help("is a `for` going through an empty list?"),
            );
        }
        self.default_limits();
        self.offsets_in_order(&phases);
        phases
    }

    fn phase(&mut self, phase: &'m model::Phase, parent: Option<NodeIx>) -> NodeIx {
        let before = std::mem::replace(&mut self.lane, phase.kind);
        let name = phase.head.id.as_ref().map_or_else(|| "phase".to_owned(), |id| id.text.clone());
        let id = self.take_id(name.clone(), phase.head.span);
        let limit = phase.within.as_ref().and_then(|w| {
            let duration = self.duration(&w.duration)?;
            let usual = self.usual_outcome();
            let otherwise = w.otherwise.as_ref().map_or(usual, |o| self.outcome(o));
            Some(Limit { duration, until: None, otherwise, written: true })
        });
        let kind = NodeKind::Phase { children: Vec::new(), limit };
        let ix = self.add(&phase.head, id, &name, parent, kind);
        self.nodes[ix.index()].windows = self.windows(&phase.windows);
        let mut position = 0;
        let spot = Spot { parent: Some(ix), prefix: &name, instances: Vec::new() };
        let nodes = self.nodes(&phase.nodes, &spot, &mut position);
        if let NodeKind::Phase { children, .. } = &mut self.nodes[ix.index()].kind {
            *children = nodes;
        }
        self.lane = before;
        ix
    }

    pub(super) fn add(
        &mut self,
        head: &'m Head,
        id: String,
        title: &str,
        parent: Option<NodeIx>,
        kind: NodeKind,
    ) -> NodeIx {
        let node = Node {
            title: self.title(head.title.as_deref(), title),
            describe: head.describe.as_deref().and_then(|d| self.text(d)),
            place: self.place(head.span),
            at: head.at.as_deref().and_then(|at| self.offset(at)),
            windows: Vec::new(),
            when: head.when.as_deref().map(|when| self.check(when)),
            lane: self.lane,
            parent,
            kind,
            id,
        };
        self.nodes.push(node);
        NodeIx(self.nodes.len() as u32 - 1)
    }

    /// Nodes in their order. Positions count what is written, so that a name does not depend on a loop's values.
    pub(super) fn nodes(&mut self, nodes: &'m [ModelNode], spot: &Spot<'_>, position: &mut usize) -> Vec<NodeIx> {
        let mut made = Vec::new();
        for node in nodes {
            match node {
                ModelNode::For(repeated) => made.extend(self.unroll(repeated, spot, position)),
                other => {
                    *position += 1;
                    made.extend(self.node(other, spot, *position));
                }
            }
        }
        made
    }

    fn unroll(&mut self, repeated: &'m model::For, spot: &Spot<'_>, position: &mut usize) -> Vec<NodeIx> {
        let Some(Value::List(items)) = self.value(&repeated.list) else { return Vec::new() };
        if self.nodes.len() > MOST_NODES {
            let title = format!("the plan would have more than {MOST_NODES} nodes");
            let finding = Diagnostic::new(Code::BadLiteral, repeated.name.span, title);
            if !self.error.findings.iter().any(|f| f.title == finding.title) {
                self.push(finding.label("repeated too often").help("go through fewer values, or let a command do it"));
            }
            return Vec::new();
        }
        let start = *position;
        let mut made = Vec::new();
        for (i, item) in items.into_iter().enumerate() {
            *position = start;
            let name = match &item {
                Value::Text(text) => instance_name(text),
                _ => (i + 1).to_string(),
            };
            let mut instances = spot.instances.clone();
            instances.push(name);
            let inner = Spot { parent: spot.parent, prefix: spot.prefix, instances };
            self.loops.push((repeated.name.text.clone(), item));
            made.extend(self.nodes(&repeated.nodes, &inner, position));
            self.loops.pop();
        }
        if made.is_empty() {
            *position = start + count(&repeated.nodes);
        }
        made
    }

    fn node(&mut self, node: &'m ModelNode, spot: &Spot<'_>, position: usize) -> Option<NodeIx> {
        let name = |head: &Head| {
            let base = head.id.as_ref().map_or_else(|| format!("{}.{position}", spot.prefix), |id| id.text.clone());
            let parts: Vec<&str> =
                std::iter::once(base.as_str()).chain(spot.instances.iter().map(String::as_str)).collect();
            parts.join(".")
        };
        match node {
            ModelNode::Phase(phase) => Some(self.phase(phase, spot.parent)),
            ModelNode::Step(step) => {
                let id = self.take_id(name(&step.head), step.head.span);
                Some(self.step(step, id, spot.parent))
            }
            ModelNode::Gate(head, used) => {
                // A gate that is used by its name has the name of its place.
                let inline = matches!(used.gate, model::GateRef::Inline(_));
                let mut head_name = name(head);
                if !inline || head.id.is_none() {
                    let bare = Head { id: None, ..head.clone() };
                    head_name = name(&bare);
                }
                let id = self.take_id(head_name, head.span);
                let gate = self.gate(used);
                let title = or_keyword(&model::Id { text: gate.title.clone(), span: head.span }, "Gate");
                let on_failure = gate.on_failure.clone().unwrap_or_else(|| self.usual_outcome());
                let action = self.sole(ActionKind::Gate(gate), head);
                let work = self.work(Sort::Gate, vec![action], on_failure);
                let node = self.add(head, id, &title, spot.parent, NodeKind::Work(Box::new(work)));
                Some(node)
            }
            ModelNode::Hold(head, hold) => {
                let id = self.take_id(name(head), head.span);
                let hold = self.hold(hold);
                let title = match &hold.length {
                    HoldLength::For(length) => format!("Hold for {}", duration_text(*length)),
                    HoldLength::Until(moment) => format!("Hold until {}", offset_text(*moment)),
                };
                let on_failure = self.usual_outcome();
                let action = self.sole(ActionKind::Hold(hold), head);
                let work = self.work(Sort::Hold, vec![action], on_failure);
                Some(self.add(head, id, &title, spot.parent, NodeKind::Work(Box::new(work))))
            }
            ModelNode::Notify(head, notify) if notify.from.is_some() => {
                self.beside.push((head, notify));
                None
            }
            ModelNode::Notify(head, notify) => {
                let id = self.take_id(name(head), head.span);
                let message = self.message(notify);
                let title = format!("Notify {}", message.channels.join(", "));
                let action = self.sole(ActionKind::Notify(message), head);
                let on_failure = self.usual_outcome();
                let work = self.work(Sort::Notify, vec![action], on_failure);
                Some(self.add(head, id, &title, spot.parent, NodeKind::Work(Box::new(work))))
            }
            ModelNode::Undo(span, only) => {
                let id = self.take_id(format!("{}.{position}", spot.prefix), *span);
                let head = Head { id: None, span: *span, title: None, describe: None, at: None, when: None };
                let only = only.as_ref().map(|names| names.iter().map(|(name, _)| name.clone()).collect());
                Some(self.add_undo(head, id, spot.parent, only))
            }
            // Loops were unrolled; of what this version does not run there is no plan.
            ModelNode::For(_) => None,
            ModelNode::Ramp(ramp) => {
                let id = self.take_id(name(&ramp.head), ramp.head.span);
                Some(self.ramp(ramp, id, spot.parent))
            }
            ModelNode::Parallel(head, nodes) => {
                let id = self.take_id(name(head), head.span);
                Some(self.parallel(head, nodes, id, spot))
            }
            ModelNode::Ask(ask) => {
                let id = self.take_id(name(&ask.head), ask.head.span);
                Some(self.ask_node(ask, id, spot.parent))
            }
            ModelNode::Checklist(list) => {
                let id = self.take_id(name(&list.head), list.head.span);
                Some(self.checklist(list, id, spot))
            }
        }
    }

    fn add_undo(&mut self, head: Head, id: String, parent: Option<NodeIx>, only: Option<Vec<String>>) -> NodeIx {
        self.nodes.push(Node {
            title: "Undo what was done".into(),
            describe: None,
            place: self.place(head.span),
            at: None,
            windows: Vec::new(),
            when: None,
            lane: self.lane,
            kind: NodeKind::Undo { only },
            parent,
            id,
        });
        NodeIx(self.nodes.len() as u32 - 1)
    }

    /// The nodes of a rollback. Without an `undo` of its own it begins with one.
    pub(super) fn rollback_nodes(&mut self, rollback: &'m model::Rollback) -> Vec<NodeIx> {
        let prefix = or_keyword(&rollback.id, "rollback");
        let spot = Spot { parent: None, prefix: &prefix, instances: Vec::new() };
        self.lane = Lane::Live;
        self.in_rollback = true;
        let mut position = 0;
        let mut nodes = self.nodes(&rollback.nodes, &spot, &mut position);
        self.in_rollback = false;
        let has_undo = nodes.iter().any(|ix| matches!(self.nodes[ix.index()].kind, NodeKind::Undo { .. }));
        if !has_undo {
            nodes.insert(0, self.implicit_undo(&prefix, rollback.id.span));
        }
        nodes
    }

    /// An `undo` that is not written.
    pub(super) fn implicit_undo(&mut self, prefix: &str, span: crate::source::Span) -> NodeIx {
        let id = self.take_id(format!("{prefix}.undo"), span);
        let head = Head { id: None, span, title: None, describe: None, at: None, when: None };
        self.add_undo(head, id, None, None)
    }

    /// The only action of a node that is a gate, a hold or a message by itself.
    pub(super) fn sole(&self, kind: ActionKind, head: &Head) -> Action {
        let place = self.place(head.span);
        Action::plain(kind, place)
    }

    pub(super) fn work(&self, sort: Sort, actions: Vec<Action>, on_failure: Outcome) -> Work {
        let limit = self.usual_limit(&actions);
        Work {
            sort,
            takes: None,
            limit,
            retry: None,
            on_failure,
            actions,
            undo: Undo::Nothing,
            done_when: Vec::new(),
            idempotent: false,
        }
    }

    fn step(&mut self, step: &'m model::Step, id: String, parent: Option<NodeIx>) -> NodeIx {
        let before = self.owner.replace(id.clone());
        let title = self.title(step.head.title.as_deref(), &id);
        self.learn("step.id", Some(Value::Text(id.clone())));
        self.learn("step.title", Some(Value::Text(title)));
        let undo = match &step.undo {
            model::Undo::Unsaid => Undo::Nothing,
            model::Undo::None(_, why) => Undo::Excused(why.as_ref().and_then(|w| self.text(w)).unwrap_or_default()),
            model::Undo::Irreversible(_, why) => {
                Undo::Irreversible(why.as_ref().and_then(|w| self.text(w)).unwrap_or_default())
            }
            model::Undo::Actions { takes, actions, .. } => {
                let takes = self.optional_duration(takes.as_ref());
                Undo::Actions { takes, actions: self.step_actions(actions, Undo::Nothing).0 }
            }
        };
        let (actions, undo) = self.step_actions(&step.actions, undo);
        let mut limit = self.usual_limit(&actions);
        if let Some(within) = &step.within {
            limit.duration = self.duration(&within.duration).unwrap_or(limit.duration);
            limit.otherwise = match (&within.otherwise, &step.on_failure) {
                (Some(otherwise), _) => self.outcome(otherwise),
                (None, Some(outcome)) => self.outcome(outcome),
                (None, None) => limit.otherwise,
            };
            limit.written = true;
        }
        let mut done_when = Vec::new();
        self.each_look(&step.done_when, 0, &mut done_when);
        let on_failure = match &step.on_failure {
            Some(outcome) => self.outcome(outcome),
            None => self.usual_outcome(),
        };
        let work = Work {
            sort: Sort::Step,
            takes: self.optional_duration(step.takes.as_ref()),
            retry: step.retry.as_ref().and_then(|r| self.retry(r)),
            on_failure,
            done_when,
            idempotent: step.idempotent,
            limit,
            actions,
            undo,
        };
        let name = id.clone();
        let ix = self.add(&step.head, id, &name, parent, NodeKind::Work(Box::new(work)));
        self.owner = before;
        ix
    }

    fn retry(&mut self, retry: &'m model::Retry) -> Option<Retry> {
        let backoff = match retry.backoff.as_ref().and_then(|b| self.value(b)) {
            Some(Value::Factor(factor)) if factor >= 1.0 => factor,
            Some(other) => {
                let span = retry.backoff.as_ref().map(|b| b.span).unwrap_or_default();
                let finding =
                    Diagnostic::new(Code::BadLiteral, span, format!("a backoff of {other} would shorten the wait"));
                self.push(finding.label("less than `1x`").help("write `backoff 2x`"));
                return None;
            }
            None => 1.0,
        };
        let every = retry.every.as_ref().and_then(|e| self.duration(e)).unwrap_or(SignedDuration::from_secs(1));
        Some(Retry { times: self.count(&retry.times, 0)?, every, backoff })
    }

    /// What a failure leads to here where nobody says.
    pub(super) fn usual_outcome(&self) -> Outcome {
        self.otherwise.clone().unwrap_or_else(|| default_outcome(self.lane))
    }

    /// How long something may take here where nobody says.
    pub(super) fn usual_limit(&self, actions: &[Action]) -> Limit {
        Limit { otherwise: self.usual_outcome(), ..default_limit(self.lane, actions) }
    }

    /// A node with nothing in its head.
    pub(super) fn bare_node(
        &mut self,
        id: String,
        span: crate::source::Span,
        parent: Option<NodeIx>,
        kind: NodeKind,
    ) -> NodeIx {
        self.nodes.push(Node {
            title: id.clone(),
            describe: None,
            place: self.place(span),
            at: None,
            windows: Vec::new(),
            when: None,
            lane: self.lane,
            parent,
            kind,
            id,
        });
        NodeIx(self.nodes.len() as u32 - 1)
    }

    /// In a prepare phase a step without a limit may take until the next moment of the plan.
    fn default_limits(&mut self) {
        // Without a start nobody knows when that is.
        if self.model.release.as_ref().is_none_or(|r| r.start.is_none()) {
            return;
        }
        let mut next: Option<SignedDuration> = None;
        for i in (0..self.nodes.len()).rev() {
            let at = self.nodes[i].at;
            let node = &mut self.nodes[i];
            let limit = match &mut node.kind {
                NodeKind::Work(work) => Some(&mut work.limit),
                NodeKind::Parallel { limit, .. } => limit.as_mut(),
                NodeKind::Phase { .. } | NodeKind::Undo { .. } => None,
            };
            if let Some(limit) = limit.filter(|limit| node.lane == Lane::Prepare && !limit.written) {
                limit.until = next;
            }
            next = at.or(next);
        }
    }

    /// The offsets of loops are known only now.
    fn offsets_in_order(&mut self, phases: &[NodeIx]) {
        let mut latest: Option<(SignedDuration, String)> = None;
        let mut stack: Vec<NodeIx> = phases.iter().rev().copied().collect();
        while let Some(ix) = stack.pop() {
            let node = &self.nodes[ix.index()];
            match &node.kind {
                NodeKind::Phase { children, .. } => stack.extend(children.iter().rev()),
                // Side by side nothing comes after another; the checker looks at each lane.
                NodeKind::Parallel { .. } | NodeKind::Work(_) | NodeKind::Undo { .. } => {}
            }
            let Some(at) = node.at else { continue };
            match &latest {
                Some((before, id)) if at < *before => {
                    let title =
                        format!("`{}` at {} comes after `{id}` at {}", node.id, offset_text(at), offset_text(*before));
                    let span = self.ids.get(&node.id).copied().unwrap_or_default();
                    let finding =
                        Diagnostic::new(Code::OffsetsBackwards, span, title).label("earlier than what stands above");
                    self.push(finding.help("nodes run in the order in which they are written"));
                }
                _ => latest = Some((at, node.id.clone())),
            }
        }
    }
}

/// How many statements a loop's body has: the positions it takes.
fn count(nodes: &[ModelNode]) -> usize {
    let of = |node: &ModelNode| match node {
        ModelNode::For(repeated) => count(&repeated.nodes),
        _ => 1,
    };
    nodes.iter().map(of).sum()
}

/// What a failure leads to where nobody says.
pub fn default_outcome(lane: Lane) -> Outcome {
    match lane {
        Lane::Prepare => Outcome::Stop,
        Lane::Live => Outcome::Rollback(None),
        Lane::After => Outcome::Continue,
    }
}

/// How long something may take where nobody says. The time of its holds and gates, which have an end of their own, is
/// added.
fn default_limit(lane: Lane, actions: &[Action]) -> Limit {
    let own = match lane {
        Lane::Prepare => SignedDuration::from_hours(24),
        Lane::Live => LIVE_LIMIT,
        Lane::After => SignedDuration::from_hours(7 * 24),
    };
    let duration = own.saturating_add(waits(actions));
    Limit { duration, until: None, otherwise: default_outcome(lane), written: false }
}
