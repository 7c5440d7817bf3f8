//! The timeline: phases, the start of the live part, T+0, and when a node's turn comes.

use jiff::{SignedDuration, Timestamp};

use crate::engine::Inquiry;
use crate::engine::event::{Ended, Ending, EventKind, Failure, FailureSort};
use crate::engine::scene::{Happening, Scene};
use crate::engine::state::{ActionState, Live, Status};
use crate::engine::wanted::group_deadline;
use crate::plan::{Lane, Limit, NodeIx, NodeKind, Outcome};
use crate::value::{Value, duration_text, evaluate, offset_text};

use super::{Context, Events};

/// What begins so long after its moment is late.
const LATE: SignedDuration = SignedDuration::from_secs(60);

impl<'a> Context<'a> {
    pub(super) fn settle_timeline(self) -> Events {
        let next = self.run.next_phase(self.plan);
        let live_is_through = next.is_none_or(|ix| self.plan.node(ix).lane == Lane::After);
        if self.run.live == Live::Running && live_is_through {
            // What runs beside it belongs to the live part; each response has an end.
            let busy = self.plan.responses.iter().any(|r| self.run.node(r.node).status == Status::Running)
                || !self.run.called.is_empty();
            return if busy || self.holds_timeline() { Vec::new() } else { vec![EventKind::LiveEnded] };
        }
        match next {
            Some(phase) => self.settle_node(phase),
            None if self.holds_timeline() => Vec::new(),
            None => self.reach(self.completed(), String::new()),
        }
    }

    /// Whether nothing of the timeline may start or end.
    fn holds_timeline(self) -> bool {
        self.plan.phases.first().is_some_and(|phase| self.is_held(*phase))
    }

    fn completed(self) -> Ending {
        let waived = self.run.nodes.iter().any(|node| node.status == Status::Waived);
        match self.run.reservations.is_empty() && !waived {
            true => Ending::Completed,
            false => Ending::CompletedWithReservations,
        }
    }

    pub(super) fn settle_node(self, ix: NodeIx) -> Events {
        let status = self.run.node(ix).status;
        match (&self.plan.node(ix).kind, status) {
            (_, Status::Pending | Status::Waiting) => self.start_node(ix),
            (NodeKind::Phase { .. } | NodeKind::Parallel { .. }, Status::Running) => self.settle_group(ix),
            (NodeKind::Work(work), Status::Running) => self.settle_work(ix, work),
            _ => Vec::new(),
        }
    }

    /// What runs beside the timeline.
    pub(super) fn settle_responses(self) -> Events {
        let running = |ix: &NodeIx| self.run.node(*ix).status == Status::Running;
        let called = self.run.called.iter().map(|i| self.plan.responses[*i as usize].node).find(|ix| !running(ix));
        if let Some(root) = called {
            // One that was done before is done again; its root comes last, so that nothing is done by halves.
            let inside = |ix: &NodeIx| *ix != root && self.plan.is_within(*ix, root);
            let inner = (0..self.plan.nodes.len() as u32).map(NodeIx).filter(inside);
            let done_before = self.run.node(root).status != Status::Pending;
            let again = inner.chain([root]).filter(|_| done_before).map(|node| EventKind::NodeAgain { node });
            return again.chain([EventKind::NodeStarted { node: root }]).collect();
        }
        let mut roots = self.plan.responses.iter().map(|r| r.node).filter(running);
        roots.find_map(|root| Some(self.settle_group(root)).filter(|e| !e.is_empty())).unwrap_or_default()
    }

    /// A group: its nodes one after the other, or side by side, within its limit.
    fn settle_group(self, ix: NodeIx) -> Events {
        let (node, state) = (self.plan.node(ix), self.run.node(ix));
        let children = node.children().unwrap_or_default();
        let through = |child: &NodeIx| {
            let status = self.run.node(*child).status;
            status.is_final() && status != Status::Interrupted
        };
        let over = group_deadline(self.plan, self.run, ix).is_some_and(|end| self.now >= end);
        if let (true, Some(limit)) = (over && !children.iter().all(through), node.group_limit()) {
            return self.group_out_of_time(ix, limit, children);
        }
        if node.is_checklist() {
            let asked = self.ask_again(Inquiry::Node(ix));
            if !asked.is_empty() {
                return asked;
            }
        }
        let open = match &node.kind {
            NodeKind::Parallel { .. } => {
                let open: Vec<&NodeIx> = children.iter().filter(|c| !self.run.node(**c).status.is_final()).collect();
                let said = open.iter().map(|lane| self.settle_node(**lane)).find(|events| !events.is_empty());
                if let Some(events) = said {
                    return events;
                }
                !open.is_empty()
            }
            _ => match self.run.next_of(children, state.done) {
                Some(child) => return self.settle_node(child),
                None => false,
            },
        };
        // What failed last may be done again: the group is not through as long as nobody has said how it goes on.
        if open || self.is_held(ix) {
            return Vec::new();
        }
        vec![EventKind::NodeEnded { node: ix, ended: Ended::Succeeded, failure: None, outcome: None }]
    }

    fn group_out_of_time(self, ix: NodeIx, limit: &Limit, children: &[NodeIx]) -> Events {
        let node = self.plan.node(ix);
        let after = match limit.until {
            Some(until) => format!("at {}", offset_text(until)),
            None => format!("after {}", duration_text(limit.duration)),
        };
        let open = children.iter().filter(|c| {
            let status = self.run.node(**c).status;
            !status.is_final() || status == Status::Interrupted
        });
        let open: Vec<&str> = open.map(|c| self.plan.node(*c).id.as_str()).collect();
        let text = match &node.kind {
            NodeKind::Parallel { checklist: true, .. } => format!("not ticked {after}: {}", open.join(", ")),
            NodeKind::Parallel { .. } => format!("`{}` was not through {after}", node.id),
            _ if node.parent.is_none() && !self.plan.phases.contains(&ix) => {
                format!("the response `{}` was not through {after}", node.id)
            }
            _ => format!("the phase `{}` was not through {after}", node.id),
        };
        let failure = Failure::new(FailureSort::TimedOut, text);
        let inside = |inner: NodeIx| inner != ix && self.plan.is_within(inner, ix);
        match self.interrupt(&failure, &inside) {
            Some(events) => events,
            None => vec![self.node_failed(ix, failure, limit.otherwise.clone())],
        }
    }

    pub(super) fn node_failed(self, node: NodeIx, failure: Failure, outcome: Outcome) -> EventKind {
        // The release stays: what is not done in its time is still to be done.
        let stays = self.plan.node(node).lane == Lane::After && outcome == Outcome::Continue;
        let ended = if stays && failure.sort == FailureSort::TimedOut { Ended::Overdue } else { Ended::Failed };
        EventKind::NodeEnded { node, ended, failure: Some(failure), outcome: Some(outcome) }
    }

    /// Ends every running node that does work; nothing if none is running.
    pub(super) fn interrupt_active(self, failure: &Failure) -> Option<Events> {
        self.interrupt_works(failure, &|_| true)
    }

    /// Ends what runs among some nodes, groups behind what is in them; nothing if nothing of it runs.
    pub(super) fn interrupt(self, failure: &Failure, among: &dyn Fn(NodeIx) -> bool) -> Option<Events> {
        self.interrupt_works(failure, among).or_else(|| {
            let open = self.run.active.iter().rev().find(|ix| self.plan.is_group(**ix) && among(**ix))?;
            Some(vec![EventKind::NodeEnded { node: *open, ended: Ended::Interrupted, failure: None, outcome: None }])
        })
    }

    /// While something still runs in the world there is nothing to say.
    fn interrupt_works(self, failure: &Failure, among: &dyn Fn(NodeIx) -> bool) -> Option<Events> {
        let mut waiting = false;
        for ix in &self.run.active {
            if self.plan.is_group(*ix) || !among(*ix) {
                continue;
            }
            let (Some(work), Some(slot)) = (&self.run.node(*ix).work, self.run.slot(*ix)) else { continue };
            match &work.state {
                Some(ActionState::Running { stopping: None, .. }) => {
                    let failure = Failure::new(FailureSort::Cancelled, failure.text.clone());
                    return Some(vec![EventKind::ActionStopping { slot, failure }]);
                }
                Some(ActionState::Running { .. }) => waiting = true,
                _ => {
                    let failure = Some(Failure::new(FailureSort::Cancelled, failure.text.clone()));
                    let interrupted =
                        EventKind::NodeEnded { node: *ix, ended: Ended::Interrupted, failure, outcome: None };
                    return Some(vec![interrupted]);
                }
            }
        }
        waiting.then(Vec::new)
    }

    /// Ends the phases that are still open, the innermost first.
    pub(super) fn close_phases(self) -> Option<Events> {
        let open = self.run.active.iter().rev().find(|ix| self.plan.is_group(**ix))?;
        Some(vec![EventKind::NodeEnded { node: *open, ended: Ended::Interrupted, failure: None, outcome: None }])
    }

    fn start_node(self, ix: NodeIx) -> Events {
        let (node, state) = (self.plan.node(ix), self.run.node(ix));
        if self.is_held(ix) {
            return Vec::new();
        }
        if let Some(why) = self.run.done_before.get(&ix) {
            return vec![EventKind::NodeSkipped { node: ix, why: format!("done before, says {}: {why}", self.run.by) }];
        }
        if let Some(moment) = node.at.and_then(|at| self.moment(at))
            && self.now < moment
        {
            let told = state.status == Status::Waiting && state.until == Some(moment);
            return if told { Vec::new() } else { vec![EventKind::NodeWaiting { node: ix, until: moment }] };
        }
        if let Some((open, _)) = self.opening(ix).filter(|_| self.plan.in_timeline(ix)) {
            let told = state.status == Status::Waiting && state.until == Some(open);
            return if told { Vec::new() } else { vec![EventKind::NodeWaiting { node: ix, until: open }] };
        }
        if node.lane == Lane::Live && self.run.live == Live::Before {
            return self.start_live();
        }
        if let Some(events) = self.left_out(ix) {
            return events;
        }
        let mut events: Events = self.zero_at(ix).map(|zero| EventKind::ZeroSet { zero }).into_iter().collect();
        events.push(EventKind::NodeStarted { node: ix });
        let late = node.at.and_then(|at| self.moment(at)).map(|moment| self.now.duration_since(moment));
        match late.filter(|late| *late >= LATE) {
            Some(late) => {
                let late = duration_text(SignedDuration::from_secs(late.as_secs()));
                let (reason, node) = (format!("{} begins {late} late", node.id), node.id.clone());
                self.with_handler(events, "late", Happening { reason, by: String::new(), node })
            }
            None => events,
        }
    }

    /// What happens instead of a start: the `when` of a node is not true.
    pub(super) fn left_out(self, ix: NodeIx) -> Option<Events> {
        let when = self.plan.node(ix).when.as_ref()?;
        Some(match evaluate(&when.expr, &Scene::new(self.plan, self.run, self.now)) {
            Ok(Value::Bool(true)) => return None,
            Ok(Value::Bool(false)) => {
                vec![EventKind::NodeSkipped { node: ix, why: format!("`{}` is false", when.text) }]
            }
            Ok(other) => self.cannot_start(ix, format!("`{}` is neither true nor false: {other}", when.text)),
            Err(error) => self.cannot_start(ix, format!("`{}`: {error}", when.text)),
        })
    }

    fn cannot_start(self, ix: NodeIx, why: String) -> Events {
        let outcome = match self.plan.node(ix).work() {
            Some(work) => work.on_failure.clone(),
            None => crate::plan::default_outcome(self.plan.node(ix).lane),
        };
        let failed = self.node_failed(ix, Failure::new(FailureSort::Error, why), outcome);
        vec![EventKind::NodeStarted { node: ix }, failed]
    }

    /// The lock, the facts, then the live part.
    fn start_live(self) -> Events {
        if let Some(why) = &self.run.refused {
            return self.reach(Ending::Locked, why.clone());
        }
        if let Some(why) = &self.run.unanswered {
            return self.reach(Ending::Stopped, why.clone());
        }
        let known =
            |(i, m): (usize, &crate::plan::Metric)| m.past.is_none() || self.run.baselines.contains_key(&(i as u32));
        let answered = self.plan.facts.iter().all(|f| self.run.facts.contains_key(&f.name))
            && self.plan.metrics.iter().enumerate().all(known);
        if !self.run.locked || !answered {
            return Vec::new();
        }
        self.with_handler(vec![EventKind::LiveStarted], "started", Happening::default())
    }

    /// Whether the live part is waiting to begin: then the lock and the facts are wanted.
    pub(super) fn is_at_live(self) -> bool {
        let Some(phase) = self.run.next_phase(self.plan) else { return false };
        let node = self.plan.node(phase);
        let due = node.at.and_then(|at| self.moment(at)).is_none_or(|moment| self.now >= moment);
        let open = self.opening(phase).is_none();
        node.lane == Lane::Live && self.run.live == Live::Before && due && open
    }

    /// When a node may start by the calendar, and what it waits for; nothing if at once.
    fn opening(self, ix: NodeIx) -> Option<(Timestamp, String)> {
        self.plan.opening(ix, self.now, &|name| self.run.overridden.contains_key(name))
    }

    /// The instant of an offset, as far as T+0 is known.
    pub(super) fn moment(self, at: SignedDuration) -> Option<Timestamp> {
        let zero = self.run.zero.or(self.plan.release.as_ref().and_then(|r| r.start))?;
        Some(zero.saturating_add(at).unwrap_or(zero))
    }

    /// T+0, if it becomes known by the start of this node: of the live phase that stands at T+0, or of the first live
    /// phase where no start is given.
    fn zero_at(self, ix: NodeIx) -> Option<Timestamp> {
        let node = self.plan.node(ix);
        if self.run.zero.is_some() || node.lane == Lane::Prepare || node.parent.is_some() {
            return None;
        }
        // Without a moment of its own the first live phase stands there, and no later one.
        let first = self.plan.phases.iter().find(|phase| self.plan.node(**phase).lane == Lane::Live);
        let stands_at_zero = node.at.map_or(first == Some(&ix), |at| at.is_zero());
        match self.plan.release.as_ref().and_then(|r| r.start) {
            Some(start) if stands_at_zero => Some(start.max(self.now)),
            Some(_) => None,
            None => Some(self.now),
        }
    }
}
