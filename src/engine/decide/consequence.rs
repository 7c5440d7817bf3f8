//! What a failure or a trigger leads to.

use crate::engine::event::{Ending, EventKind, Failure, FailureSort};
use crate::engine::scene::Happening;
use crate::engine::state::{Cause, Consequence, Live, Mode};
use crate::plan::{NodeIx, NodeKind, Outcome, Sort, way_back};
use crate::value::duration_text;

use super::{Context, Events};

impl<'a> Context<'a> {
    /// The most severe of what has come up; the others were reported when they happened.
    pub(super) fn settle_consequences(self) -> Events {
        let Some(worst) = self.run.consequences.iter().min_by_key(|c| self.weight(c)) else { return Vec::new() };
        if let Mode::Back = self.run.mode {
            return self.settle_in_back(worst);
        }
        match &worst.outcome {
            Outcome::Continue | Outcome::Ignore => vec![EventKind::WentOn { reason: self.reason(worst) }],
            Outcome::Respond(name) => self.respond(name, self.reason(worst), worst),
            Outcome::Pause { people, within, otherwise } => {
                let node = match worst.cause {
                    Cause::Node(ix) => Some(ix),
                    Cause::Trigger(_) | Cause::Nobody | Cause::Person(_) => None,
                };
                // What runs beside a node that failed is interrupted, and done again with it.
                if let Some(beside) = node.and_then(|ix| self.lanes_around(ix))
                    && let Some(events) = self.interrupt_beside(beside, &self.reason(worst))
                {
                    return events;
                }
                let happening = self.happening(worst);
                let paused = EventKind::Paused {
                    reason: self.reason(worst),
                    until: self.now + *within,
                    otherwise: (**otherwise).clone(),
                    people: people.clone(),
                    node,
                };
                self.with_handler(vec![paused], "paused", happening)
            }
            Outcome::Rollback(name) if self.run.live == Live::Running => self.start_back(worst, name.as_deref()),
            // Where nothing is rolled back it ends the run.
            Outcome::Stop | Outcome::Rollback(_) => {
                let failure = Failure::new(FailureSort::Cancelled, "cancelled, because the run stops");
                let open = self.interrupt_active(&failure).or_else(|| self.close_phases());
                open.unwrap_or_else(|| self.reach(Ending::Stopped, self.reason(worst)))
            }
        }
    }

    /// Going back comes first, then waiting, then stopping, then going on; among triggers the most severe.
    fn weight(self, consequence: &Consequence) -> (u32, u32) {
        let outcome = match consequence.outcome {
            Outcome::Rollback(_) => 0,
            Outcome::Pause { .. } => 1,
            Outcome::Stop => 2,
            Outcome::Respond(_) => 3,
            Outcome::Continue | Outcome::Ignore => 4,
        };
        let rank = match &consequence.cause {
            Cause::Trigger(i) => self.plan.triggers[*i as usize].rank,
            Cause::Person(_) => 0,
            Cause::Node(_) | Cause::Nobody => u32::MAX,
        };
        (outcome, rank)
    }

    /// Why, with the name of the node at which it happened.
    fn reason(self, consequence: &Consequence) -> String {
        match &consequence.cause {
            Cause::Node(ix) => format!("{}: {}", self.plan.node(*ix).id, consequence.reason),
            Cause::Trigger(_) | Cause::Nobody | Cause::Person(_) => consequence.reason.clone(),
        }
    }

    /// Of everything that has come up.
    pub(super) fn reasons(self) -> String {
        let all: Vec<String> = self.run.consequences.iter().map(|c| self.reason(c)).collect();
        all.join("; ")
    }

    fn happening(self, consequence: &Consequence) -> Happening {
        let (by, node) = match &consequence.cause {
            Cause::Node(ix) => {
                (format!("{} {}", self.sort(*ix), self.plan.node(*ix).id), self.plan.node(*ix).id.clone())
            }
            Cause::Trigger(i) => (format!("trigger {}", self.plan.triggers[*i as usize].id), self.running_node()),
            Cause::Nobody => ("nobody answered".to_owned(), String::new()),
            Cause::Person(who) => (who.to_string(), self.running_node()),
        };
        Happening { reason: self.reason(consequence), by, node }
    }

    fn sort(self, ix: crate::plan::NodeIx) -> &'static str {
        self.plan.node(ix).work().map_or("phase", |w| w.sort.word())
    }

    fn start_back(self, consequence: &Consequence, name: Option<&str>) -> Events {
        let rollback = self.plan.rollback(name).or_else(|| self.plan.rollback(None)).unwrap_or(0);
        let happening = self.happening(consequence);
        let node = match &consequence.cause {
            Cause::Node(ix) => Some(*ix),
            _ => self.run.active.iter().rev().find(|ix| !self.plan.is_group(**ix)).copied(),
        };
        let eta = way_back(self.plan, rollback, &self.started()).longest.map(duration_text);
        vec![EventKind::RollbackStarted {
            rollback: rollback as u32,
            reason: happening.reason,
            by: happening.by,
            node,
            eta,
            answered: matches!(consequence.cause, Cause::Person(_)),
        }]
    }

    /// The nodes of the timeline that have started, in the order in which they did.
    pub(super) fn started(self) -> Vec<crate::plan::NodeIx> {
        let mut started: Vec<_> = self.plan.timeline().into_iter().filter(|ix| self.run.node(*ix).order > 0).collect();
        started.sort_by_key(|ix| self.run.node(*ix).order);
        started
    }

    /// A node of the rollback itself did not go well. A message is never worth being stuck; a gate behind the undoing says
    /// that it is not healthy; anything else needs a person.
    fn settle_in_back(self, consequence: &Consequence) -> Events {
        let (Cause::Node(ix), Some(back)) = (&consequence.cause, &self.run.back) else {
            return vec![EventKind::WentOn { reason: self.reason(consequence) }];
        };
        let nodes = &self.plan.rollbacks[back.rollback].nodes;
        let own = nodes.iter().position(|n| n == ix);
        let undo = nodes.iter().position(|n| matches!(self.plan.node(*n).kind, crate::plan::NodeKind::Undo { .. }));
        let sort = self.plan.node(*ix).work().map(|w| w.sort);
        let failure = Failure::new(FailureSort::Failed, consequence.reason.clone());
        match sort {
            Some(Sort::Gate | Sort::Hold) if own > undo => vec![EventKind::FoundUnhealthy { node: *ix, failure }],
            Some(Sort::Notify) => vec![EventKind::WentOn { reason: self.reason(consequence) }],
            _ => self.reach(Ending::Stuck, self.reason(consequence)),
        }
    }

    /// A response is called; one that runs already goes on.
    fn respond(self, name: &str, reason: String, consequence: &Consequence) -> Events {
        let found = self.plan.responses.iter().position(|r| r.id == name);
        let Some(index) = found.filter(|_| self.run.live == Live::Running) else {
            return vec![EventKind::WentOn { reason }];
        };
        // What fails in a response is not answered by it.
        let root = self.plan.responses[index].node;
        if let Cause::Node(ix) = consequence.cause
            && self.plan.is_within(ix, root)
        {
            return self.start_back(consequence, None);
        }
        vec![EventKind::ResponseStarted { response: index as u32, reason }]
    }

    /// The outermost nodes side by side in which a node stands.
    fn lanes_around(self, ix: NodeIx) -> Option<NodeIx> {
        let mut found = None;
        let mut next = self.plan.node(ix).parent;
        while let Some(parent) = next {
            let node = self.plan.node(parent);
            if matches!(node.kind, NodeKind::Parallel { .. }) {
                found = Some(parent);
            }
            next = node.parent;
        }
        found
    }

    fn interrupt_beside(self, group: NodeIx, reason: &str) -> Option<Events> {
        let failure = Failure::new(FailureSort::Cancelled, format!("interrupted: {reason}"));
        self.interrupt(&failure, &|ix| ix != group && self.plan.is_within(ix, group))
    }

    /// Whether a person may send the run back now.
    pub(super) fn can_roll_back(self) -> bool {
        self.run.live == Live::Running && matches!(self.run.mode, Mode::Forward | Mode::Paused(_))
    }

    /// The end is clear: what is to be said about it is said, then the run ends.
    pub(super) fn reach(self, ending: Ending, reason: String) -> Events {
        let reached = EventKind::EndingReached { ending, reason: reason.clone() };
        let happening = match &self.run.back {
            // Who is called to a stuck run needs to know what it is stuck at, not why it went back.
            Some(back) if ending == Ending::Stuck => {
                let line = self.run.waits_at_line(self.plan);
                let node = back.stuck.as_ref().map(|(node, _)| *node).or(back.failed).or(line);
                let node = node.map(|ix| self.plan.node(ix).id.clone()).unwrap_or_default();
                Happening { reason, by: back.by.clone(), node }
            }
            // In a way back the words are those of its beginning.
            Some(_) => {
                return self.with_handlers_of(vec![reached], ending.handler(), None);
            }
            None => Happening { reason, by: String::new(), node: String::new() },
        };
        self.with_handlers_of(vec![reached], ending.handler(), Some(&happening))
    }
}
