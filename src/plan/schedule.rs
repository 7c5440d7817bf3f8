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
    let mut estimates = vec![Estimate { start: None, takes: None }; plan.nodes.len()];
    let mut now: Option<SignedDuration> = None;
    let mut live: Option<(SignedDuration, SignedDuration)> = None;
    for ix in plan.timeline() {
        let node = plan.node(ix);
        now = match (node.at, now) {
            (Some(at), Some(now)) => Some(at.max(now)),
            (Some(at), None) => Some(at),
            // The live part stands at T+0 if nothing else is said.
            (None, None) if node.lane != Lane::Prepare => Some(SignedDuration::ZERO),
            (None, now) if node.lane == Lane::Live && live.is_none() => now.map(|n| n.max(SignedDuration::ZERO)),
            (None, now) => now,
        };
        estimates[ix.index()].start = now;
        if let (Lane::Live, Some(at)) = (node.lane, now) {
            live.get_or_insert((at, at));
        }
        if let NodeKind::Work(work) = &node.kind {
            let takes = expected(work, now.unwrap_or_default());
            estimates[ix.index()].takes = takes;
            now = now.map(|n| n + takes.unwrap_or_default());
            if let (Lane::Live, Some((_, end)), Some(now)) = (node.lane, live.as_mut(), now) {
                *end = now;
            }
        }
    }
    let (live_start, live_end) = live.unwrap_or_default();
    Schedule { estimates, live_end, live_start }
}
