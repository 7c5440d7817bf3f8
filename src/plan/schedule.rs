//! When each node is expected to start, by the offsets and by what steps usually take.

use jiff::SignedDuration;

use super::{ActionKind, HoldLength, Lane, NodeIx, NodeKind, Plan, Work};

/// When a node is expected to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Its start relative to T+0; nothing before the live part where no start is known.
    pub start: Option<SignedDuration>,
    /// What it is expected to need; nothing if nobody said.
    pub takes: Option<SignedDuration>,
}

/// The estimates of a plan.
#[derive(Clone, Debug)]
pub struct Schedule {
    estimates: Vec<Estimate>,
    live_end: SignedDuration,
    live_start: SignedDuration,
}

impl Schedule {
    /// The estimate of a node.
    pub fn of(&self, ix: NodeIx) -> Estimate {
        self.estimates[ix.index()]
    }

    /// From the start of the first live node to the end of the last.
    pub fn live_duration(&self) -> SignedDuration {
        self.live_end - self.live_start
    }
}

/// What the work of a node is expected to need: its `takes`, else the length of its holds.
fn expected(work: &Work, start: SignedDuration) -> Option<SignedDuration> {
    let holds: Vec<SignedDuration> = work
        .actions
        .iter()
        .filter_map(|a| match &a.kind {
            ActionKind::Hold(hold) => Some(match hold.length {
                HoldLength::For(length) => length,
                HoldLength::Until(moment) => (moment - start).max(SignedDuration::ZERO),
            }),
            _ => None,
        })
        .collect();
    let held = holds.iter().fold(SignedDuration::ZERO, |sum, length| sum + *length);
    work.takes.or((!holds.is_empty()).then_some(held))
}

/// Estimates when each node of the timeline starts.
pub fn schedule(plan: &Plan) -> Schedule {
    let estimates = vec![Estimate { start: None, takes: None }; plan.nodes.len()];
    let mut walker = Walker { plan, estimates, live: None };
    plan.phases.iter().fold(None, |now, phase| walker.walk(*phase, now));
    let (live_start, live_end) = walker.live.unwrap_or_default();
    Schedule { estimates: walker.estimates, live_end, live_start }
}

struct Walker<'p> {
    plan: &'p Plan,
    estimates: Vec<Estimate>,
    /// From when to when the live part lasts, as far as it was walked.
    live: Option<(SignedDuration, SignedDuration)>,
}

impl Walker<'_> {
    /// A node that is reached now; says when what comes behind it is.
    fn walk(&mut self, ix: NodeIx, now: Option<SignedDuration>) -> Option<SignedDuration> {
        let node = self.plan.node(ix);
        let start = match (node.at, now) {
            (Some(at), Some(now)) => Some(at.max(now)),
            (Some(at), None) => Some(at),
            // The live part stands at T+0 if nothing else is said.
            (None, None) if node.lane != Lane::Prepare => Some(SignedDuration::ZERO),
            (None, now) if node.lane == Lane::Live && self.live.is_none() => now.map(|n| n.max(SignedDuration::ZERO)),
            (None, now) => now,
        };
        self.estimates[ix.index()].start = start;
        if let (Lane::Live, Some(at)) = (node.lane, start) {
            self.live.get_or_insert((at, at));
        }
        match &node.kind {
            NodeKind::Phase { children, .. } => children.iter().fold(start, |now, child| self.walk(*child, now)),
            NodeKind::Parallel { lanes, .. } => {
                let ends: Vec<_> = lanes.iter().map(|lane| self.walk(*lane, start)).collect();
                ends.into_iter().chain([start]).max().flatten()
            }
            NodeKind::Work(work) => {
                let takes = expected(work, start.unwrap_or_default());
                self.estimates[ix.index()].takes = takes;
                let end = start.map(|n| n + takes.unwrap_or_default());
                if let (Lane::Live, Some((_, last)), Some(end)) = (node.lane, self.live.as_mut(), end) {
                    *last = end.max(*last);
                }
                end
            }
            NodeKind::Undo { .. } => start,
        }
    }
}
