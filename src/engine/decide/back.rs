//! The way back.
//!
//! The running node is interrupted first. Then the procedure goes on node by node; at its `undo` every live step that
//! started, the failed and the interrupted one too, is undone, newest start first, one at a time. There is never a
//! rollback of a rollback: if an undo fails, the run is stuck, and nothing is undone on top of something that is not.

use crate::engine::event::{Ended, Ending, EventKind, Failure, FailureSort, Who};
use crate::engine::scene::Scene;
use crate::engine::state::{ActionState, Mode, Status, UndoStatus};
use crate::plan::{Action, Lane, NodeIx, NodeKind, Undo};
use crate::value::{Environment, Found, RefKind};

use super::{Context, Events};

impl<'a> Context<'a> {
    pub(super) fn settle_back(self) -> Events {
        let Some(back) = &self.run.back else { return Vec::new() };
        let said = self.settle_comms();
        if !said.is_empty() {
            return said;
        }
        if let Some((node, failure)) = &back.stuck {
            let reason = format!("the undo of `{}` failed: {}", self.plan.node(*node).id, failure.text);
            return self.reach(Ending::Stuck, reason);
        }
        if let Some(events) = self.interrupt_forward(&back.reason) {
            return events;
        }
        if let Some(line) = self.run.waits_at_line(self.plan) {
            let node = self.plan.node(line);
            let why = node.work().and_then(|w| w.undo.why()).unwrap_or_default();
            let reason = format!("`{}` cannot be undone: {why}; a person says how far it goes back", node.id);
            let mut events = vec![EventKind::PointOfNoReturn { node: line, why: why.to_owned() }];
            events.extend(self.reach(Ending::Stuck, reason));
            return events;
        }
        let nodes = &self.plan.rollbacks[back.rollback].nodes;
        let Some(ix) = nodes.get(back.done) else {
            return match &back.unhealthy {
                Some(failure) => self.reach(Ending::Unhealthy, failure.text.clone()),
                None => self.reach(Ending::RolledBack, back.reason.clone()),
            };
        };
        let status = self.run.node(*ix).status;
        match &self.plan.node(*ix).kind {
            _ if status == Status::Pending => {
                self.left_out(*ix).unwrap_or_else(|| vec![EventKind::NodeStarted { node: *ix }])
            }
            NodeKind::Work(work) => self.settle_work(*ix, work),
            NodeKind::Undo { only } => self.settle_undo(*ix, only.as_deref()),
            NodeKind::Phase { .. } | NodeKind::Parallel { .. } => Vec::new(),
        }
    }

    /// What is left to do when the way back has ended.
    fn after(self) -> Option<NodeIx> {
        let back = self.run.back.as_ref()?;
        let ended = matches!(self.run.mode, Mode::Ending(Ending::RolledBack | Ending::Unhealthy, _));
        self.plan.rollbacks[back.rollback].after.filter(|_| ended)
    }

    pub(super) fn is_after_through(self) -> bool {
        self.after().is_none_or(|ix| self.run.node(ix).status.is_final())
    }

    /// The way back has ended well or badly: nothing of it needs the lock any more.
    pub(super) fn is_committed_back(self) -> bool {
        matches!(self.run.mode, Mode::Ending(Ending::RolledBack | Ending::Unhealthy, _))
    }

    /// Nothing of it goes back: what is not done is overdue.
    pub(super) fn settle_after(self) -> Events {
        if !self.run.consequences.is_empty() && self.after().is_some() {
            return vec![EventKind::WentOn { reason: self.reasons() }];
        }
        match self.after() {
            Some(ix) if !self.run.node(ix).status.is_final() => self.settle_node(ix),
            _ => Vec::new(),
        }
    }

    /// A person takes a stuck run up to go back: as it was tried, back to the point of no return, or by another procedure.
    pub(super) fn back_again(self, by: &Who, to: Option<&str>) -> Events {
        let mut events = self.resume(by.clone(), Vec::new());
        events.extend(self.change_way(by, to, false));
        events
    }

    /// A person wants to go back by another procedure than the one that the run is in, or, where it waits at the point of no
    /// return, back to there. What was undone stays undone.
    pub(super) fn change_way(self, by: &Who, to: Option<&str>, live: bool) -> Events {
        let stuck = matches!(self.run.mode, Mode::Ended(Ending::Stuck) | Mode::Ending(Ending::Stuck, _));
        let Some(back) = self.run.back.as_ref().filter(|_| stuck || matches!(self.run.mode, Mode::Back)) else {
            return Vec::new();
        };
        // One procedure at a time: what this process runs is to end first. What another one ran is in doubt.
        let busy = |ix: &NodeIx| {
            let state = self.run.node(*ix).work.as_ref().and_then(|w| w.state.as_ref());
            matches!(state, Some(ActionState::Running { .. }))
        };
        if live && self.run.active.iter().any(busy) {
            return Vec::new();
        }
        let other = to.and_then(|name| self.plan.rollback(Some(name))).filter(|other| *other != back.rollback);
        let to_line = self.run.waits_at_line(self.plan).filter(|_| to.is_none()).map(|_| back.rollback);
        let Some(rollback) = other.or(to_line) else { return Vec::new() };
        let own = &self.plan.rollbacks[back.rollback].nodes;
        let mut events: Events = own
            .iter()
            .filter(|ix| self.run.active.contains(ix))
            .map(|ix| EventKind::NodeEnded { node: *ix, ended: Ended::Interrupted, failure: None, outcome: None })
            .collect();
        // What it did when it was gone before is done again.
        let gone = |ix: &&NodeIx| self.run.node(**ix).status != Status::Pending;
        let again = self.plan.rollbacks[rollback].nodes.iter().filter(gone);
        events.extend(again.map(|ix| EventKind::NodeAgain { node: *ix }));
        events.push(EventKind::RollbackStarted {
            rollback: rollback as u32,
            reason: back.reason.clone(),
            by: by.to_string(),
            node: back.node,
            eta: None,
            answered: true,
        });
        events
    }

    /// Ends what the timeline is still doing; nothing if it is doing nothing.
    fn interrupt_forward(self, reason: &str) -> Option<Events> {
        let forward =
            |ix: &NodeIx| self.plan.node(*ix).parent.is_some() && self.run.node(*ix).undo == UndoStatus::NotBegun;
        let busy = self.run.active.iter().any(|ix| !self.plan.is_group(*ix) && forward(ix));
        if busy {
            let failure = Failure::new(FailureSort::Cancelled, format!("interrupted by the rollback: {reason}"));
            return self.interrupt_active(&failure);
        }
        self.close_phases()
    }

    fn settle_undo(self, ix: NodeIx, only: Option<&[String]>) -> Events {
        let undoing = self.run.active.iter().find(|n| self.run.node(**n).undo == UndoStatus::Undoing);
        if let Some(node) = undoing
            && let Some(work) = self.plan.node(*node).work()
        {
            return self.settle_work(*node, work);
        }
        let Some(next) = self.next_undo(only) else {
            return vec![EventKind::NodeEnded { node: ix, ended: Ended::Succeeded, failure: None, outcome: None }];
        };
        match self.plan.node(next).work().map(|w| &w.undo) {
            Some(Undo::Excused(why)) => vec![EventKind::UndoSkipped { node: next, why: why.clone() }],
            Some(Undo::Irreversible(why)) => {
                vec![EventKind::UndoSkipped { node: next, why: format!("irreversible: {why}") }]
            }
            Some(Undo::Actions { actions, .. }) => {
                let passed: Vec<_> = actions.iter().map(|action| self.passed_over(next, action)).collect();
                let whole = actions.iter().all(|action| action.builtin.is_none());
                match passed.iter().flatten().next() {
                    // Of a step that is undone by itself each part counts for itself.
                    Some(why) if whole || passed.iter().all(Option::is_some) => {
                        vec![EventKind::UndoSkipped { node: next, why: why.clone() }]
                    }
                    _ => vec![EventKind::UndoStarted { node: next }],
                }
            }
            Some(Undo::Nothing) | None => Vec::new(),
        }
    }

    /// The newest live step that started and has not been dealt with.
    fn next_undo(self, only: Option<&[String]>) -> Option<NodeIx> {
        let reached = |id: &str| {
            only.is_none_or(|names| names.iter().any(|name| name == id || id.starts_with(&format!("{name}."))))
        };
        // The plain way back ends at the point of no return.
        let line = self.run.line(self.plan).map_or(0, |ix| self.run.node(ix).order);
        let candidates = (0..self.plan.nodes.len() as u32).map(NodeIx).filter(|ix| {
            let (node, state) = (self.plan.node(*ix), self.run.node(*ix));
            let undo = node.work().map(|w| &w.undo);
            self.plan.in_timeline(*ix)
                && node.lane == Lane::Live
                && state.order > 0
                && state.order >= line
                && state.undo == UndoStatus::NotBegun
                && matches!(undo, Some(Undo::Excused(_) | Undo::Irreversible(_) | Undo::Actions { .. }))
                && reached(&node.id)
        });
        candidates.max_by_key(|ix| self.run.node(*ix).order)
    }

    /// Why an action of an undo is passed over. What it needs was never captured: an undo only uses what is captured before
    /// the step's first change, so nothing was changed. Or a response has set what it would restore.
    pub(super) fn passed_over(self, ix: NodeIx, action: &Action) -> Option<String> {
        let order = self.run.node(ix).order;
        if let Some(by) = action.builtin.as_ref().and_then(|b| self.set_by_response(&b.subject, order)) {
            return Some(format!("the response `{by}` has set what it would restore"));
        }
        let scene = Scene::new(self.plan, self.run, self.now);
        let own = format!("{}.", self.plan.node(ix).id);
        let never = action.exprs().into_iter().flat_map(|e| e.refs()).find(|reference| {
            let is_own = reference.kind == RefKind::Capture && reference.name.starts_with(&own);
            is_own && matches!(scene.look_up(reference), Found::Never(_))
        })?;
        Some(match &action.needs {
            Some(_) => "it ended before it changed anything".to_owned(),
            None => format!("it ended before it changed anything: `{}` was not captured", never.name),
        })
    }

    /// The response that has begun to set a router or a flag
    /// after a step began: what that step found is older then.
    fn set_by_response(self, subject: &str, order: u32) -> Option<&'a str> {
        self.response_that(subject, |ix| {
            let state = self.run.node(ix);
            let earlier = state.earlier.filter(|(begun, _)| *begun > order).map_or(0, |(_, reached)| reached);
            let now = if state.order > order { state.reached } else { 0 };
            earlier.max(now) as usize
        })
    }

    /// The response that has set a router or a flag, and is done with that.
    pub(super) fn taken_by_response(self, subject: &str) -> Option<&'a str> {
        self.response_that(subject, |ix| match self.run.node(ix).status {
            Status::Succeeded => usize::MAX,
            _ => 0,
        })
    }

    fn response_that(self, subject: &str, begun: impl Fn(NodeIx) -> usize) -> Option<&'a str> {
        let sets = |ix: NodeIx| {
            let actions = self.plan.node(ix).work().map(|w| w.actions.as_slice()).unwrap_or_default();
            actions
                .iter()
                .take(begun(ix))
                .any(|a| a.changes && a.builtin.as_ref().is_some_and(|b| b.subject == subject))
        };
        let all = || (0..self.plan.nodes.len() as u32).map(NodeIx);
        let found = self.plan.responses.iter().find(|r| all().any(|ix| self.plan.is_within(ix, r.node) && sets(ix)))?;
        Some(&found.id)
    }
}
