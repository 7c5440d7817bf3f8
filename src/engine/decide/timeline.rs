//! The timeline: phases, the start of the live part, T+0, and when a node's turn comes.

use jiff::{SignedDuration, Timestamp};

use crate::engine::event::{Ended, Ending, EventKind, Failure, FailureSort};
use crate::engine::scene::{Happening, Scene};
use crate::engine::state::{ActionState, Live, Status};
use crate::plan::{Lane, Limit, NodeIx, NodeKind, Outcome};
use crate::value::{Value, duration_text, evaluate};

use super::{Context, Events};

impl<'a> Context<'a> {
    pub(super) fn settle_timeline(self) -> Events {
        let next = self.plan.phases.get(self.run.phases_done);
        let live_is_through = next.is_none_or(|ix| self.plan.node(*ix).lane == Lane::After);
        if self.run.live == Live::Running && live_is_through {
            return vec![EventKind::LiveEnded];
        }
        match next {
            Some(phase) => self.settle_node(*phase),
            None => self.reach(self.completed(), String::new()),
        }
    }

    fn completed(self) -> Ending {
        if self.run.reservations.is_empty() { Ending::Completed } else { Ending::CompletedWithReservations }
    }

    fn settle_node(self, ix: NodeIx) -> Events {
        let status = self.run.node(ix).status;
        match (&self.plan.node(ix).kind, status) {
            (_, Status::Pending | Status::Waiting) => self.start_node(ix),
            (NodeKind::Phase { children, limit }, Status::Running) => self.settle_phase(ix, children, limit.as_ref()),
            (NodeKind::Work(work), Status::Running) => self.settle_work(ix, work),
            (NodeKind::Undo { .. }, _) | (_, _) => Vec::new(),
        }
    }

    fn settle_phase(self, ix: NodeIx, children: &'a [NodeIx], limit: Option<&Limit>) -> Events {
        let state = self.run.node(ix);
        let first = children.first().and_then(|c| self.run.node(*c).started);
        let last = state.done.checked_sub(1).and_then(|i| children.get(i));
        let cut_short = last.is_some_and(|c| self.run.node(*c).status == Status::Interrupted);
        if let (Some(limit), Some(first)) = (limit, first)
            && self.now >= first + limit.duration
            && (state.done < children.len() || cut_short)
        {
            let text = format!(
                "the phase `{}` was not through after {}",
                self.plan.node(ix).id,
                duration_text(limit.duration)
            );
            let failure = Failure::new(FailureSort::TimedOut, text);
            return match self.interrupt_active(&failure) {
                Some(events) => events,
                None => vec![self.node_failed(ix, failure, limit.otherwise.clone())],
            };
        }
        match children.get(state.done) {
            Some(child) => self.settle_node(*child),
            None => vec![EventKind::NodeEnded { node: ix, ended: Ended::Succeeded, failure: None, outcome: None }],
        }
    }

    pub(super) fn node_failed(self, node: NodeIx, failure: Failure, outcome: Outcome) -> EventKind {
        EventKind::NodeEnded { node, ended: Ended::Failed, failure: Some(failure), outcome: Some(outcome) }
    }

    /// Ends every running node that does work; nothing if none is running. While something still runs in the world
    /// there is nothing to say.
    pub(super) fn interrupt_active(self, failure: &Failure) -> Option<Events> {
        let mut waiting = false;
        for ix in &self.run.active {
            if self.plan.is_phase(*ix) {
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
        let open = self.run.active.iter().rev().find(|ix| self.plan.is_phase(**ix))?;
        Some(vec![EventKind::NodeEnded { node: *open, ended: Ended::Interrupted, failure: None, outcome: None }])
    }

    fn start_node(self, ix: NodeIx) -> Events {
        let (node, state) = (self.plan.node(ix), self.run.node(ix));
        if let Some(moment) = node.at.and_then(|at| self.moment(at))
            && self.now < moment
        {
            let told = state.status == Status::Waiting && state.until == Some(moment);
            return if told { Vec::new() } else { vec![EventKind::NodeWaiting { node: ix, until: moment }] };
        }
        if node.lane == Lane::Live && self.run.live == Live::Before {
            return self.start_live();
        }
        if let Some(events) = self.left_out(ix) {
            return events;
        }
        let started = EventKind::NodeStarted { node: ix };
        match self.zero_at(ix) {
            Some(zero) => vec![EventKind::ZeroSet { zero }, started],
            None => vec![started],
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
        let answered = self.plan.facts.iter().all(|f| self.run.facts.contains_key(&f.name));
        if !self.run.locked || !answered {
            return Vec::new();
        }
        self.with_handler(vec![EventKind::LiveStarted], "started", Happening::default())
    }

    /// Whether the live part is waiting to begin: then the lock and the facts are wanted.
    pub(super) fn is_at_live(self) -> bool {
        let Some(phase) = self.plan.phases.get(self.run.phases_done) else { return false };
        let node = self.plan.node(*phase);
        let due = node.at.and_then(|at| self.moment(at)).is_none_or(|moment| self.now >= moment);
        node.lane == Lane::Live && self.run.live == Live::Before && due
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
        if self.run.zero.is_some() || node.lane == Lane::Prepare || !self.plan.is_phase(ix) {
            return None;
        }
        let stands_at_zero = node.at.is_none_or(|at| at.is_zero());
        match self.plan.release.as_ref().and_then(|r| r.start) {
            Some(start) if stands_at_zero => Some(start.max(self.now)),
            Some(_) => None,
            None => Some(self.now),
        }
    }
}
