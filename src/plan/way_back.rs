//! The way back: what would be undone, in which order, and how long that takes at most.

use jiff::SignedDuration;

use super::{Action, ActionKind, HoldLength, Lane, NodeIx, NodeKind, Plan, Undo, Work};

/// The way back from a point of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WayBack {
    /// The steps that are undone, newest first.
    pub undone: Vec<NodeIx>,
    /// The steps that are passed over, newest first: their authors said why.
    pub excused: Vec<NodeIx>,
    /// The point of no return at which the plain way back ends.
    pub line: Option<NodeIx>,
    /// The steps before that line, newest first: they stay as they are.
    pub beyond: Vec<NodeIx>,
    /// How long it takes at most; nothing if that is unknown, because one of the undos has neither `takes` nor a limit.
    pub longest: Option<SignedDuration>,
}

/// How long something of the live part may take where nobody says.
pub(super) const LIVE_LIMIT: SignedDuration = SignedDuration::from_mins(30);

/// How long the holds and gates among some actions take, which have an end of their own.
pub(super) fn waits(actions: &[Action]) -> SignedDuration {
    let own = actions.iter().map(|action| match &action.kind {
        ActionKind::Hold(hold) => match hold.length {
            HoldLength::For(length) => length,
            HoldLength::Until(_) => SignedDuration::from_hours(365 * 24),
        },
        ActionKind::Gate(gate) => gate.within.unwrap_or_default(),
        _ => SignedDuration::ZERO,
    });
    own.fold(SignedDuration::ZERO, SignedDuration::saturating_add)
}

impl Work {
    /// How long its undo may take: the limit of the work where one is written, else half an hour and its own waits. What
    /// the way forward waits for is no time of the way back.
    pub fn undo_limit(&self) -> SignedDuration {
        match self.limit.written {
            true => self.limit.duration,
            false => LIVE_LIMIT.saturating_add(waits(self.undo.actions())),
        }
    }
}

/// How long the undo of some work takes at most: its `takes`, else the step's written limit.
pub(super) fn undo_takes(work: &Work) -> Option<SignedDuration> {
    match &work.undo {
        Undo::Nothing | Undo::Excused(_) | Undo::Irreversible(_) => Some(SignedDuration::ZERO),
        Undo::Actions { takes: Some(takes), .. } => Some(*takes),
        Undo::Actions { .. } => work.limit.written.then_some(work.limit.duration),
    }
}

/// The way back when these nodes have been started, in the order in which they were.
pub fn way_back(plan: &Plan, rollback: usize, started: &[NodeIx]) -> WayBack {
    let only = plan.rollbacks[rollback].nodes.iter().find_map(|ix| match &plan.node(*ix).kind {
        NodeKind::Undo { only } => only.as_ref(),
        _ => None,
    });
    let reached = |ix: &NodeIx| {
        let id = &plan.node(*ix).id;
        only.is_none_or(|names| names.iter().any(|name| name == id || id.starts_with(&format!("{name}."))))
    };
    let live = started.iter().rev().copied().filter(|ix| plan.node(*ix).lane == Lane::Live);
    let plain = plan.rollbacks[rollback].id.is_empty();
    let mut found = WayBack { longest: Some(SignedDuration::ZERO), ..WayBack::default() };
    for ix in live {
        let Some(work) = plan.node(ix).work() else { continue };
        match &work.undo {
            Undo::Irreversible(_) if plain => found.line = found.line.or(Some(ix)),
            _ if !reached(&ix) => {}
            Undo::Nothing => {}
            Undo::Actions { .. } if found.line.is_some() => found.beyond.push(ix),
            Undo::Excused(_) => found.excused.push(ix),
            Undo::Irreversible(_) => found.excused.push(ix),
            Undo::Actions { .. } => {
                found.undone.push(ix);
                found.longest = found.longest.zip(undo_takes(work)).map(|(sum, takes)| sum + takes);
            }
        }
    }
    // The rest of the procedure takes its time too.
    for ix in &plan.rollbacks[rollback].nodes {
        let node = plan.node(*ix);
        if let NodeKind::Work(work) = &node.kind {
            found.longest = found.longest.zip(procedure_takes(work)).map(|(sum, takes)| sum + takes);
        }
    }
    found
}

/// The way back from a point: from the moment at which a live step has begun.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// The step.
    pub(super) node: NodeIx,
    /// How many steps are undone from there.
    pub(super) undone: usize,
    /// How long it takes at most, the rollback's own nodes included; nothing if that is unknown.
    pub(super) longest: Option<SignedDuration>,
    /// It is the point of no return: from here on nothing before it is undone.
    pub(super) line: bool,
}

/// The way back from every point at which it grows, in the order of the timeline.
pub(super) fn points(plan: &Plan, rollback: usize) -> Vec<Point> {
    let own = way_back(plan, rollback, &[]).longest;
    let plain = plan.rollbacks[rollback].id.is_empty();
    let (mut undone, mut longest) = (0, own);
    let mut found = Vec::new();
    for node in plan.timeline() {
        // Behind the point of no return it is a new way back.
        let work = plan.node(node).work().filter(|_| plan.node(node).lane == Lane::Live && plain);
        if work.is_some_and(|w| matches!(w.undo, Undo::Irreversible(_))) {
            (undone, longest) = (0, own);
            found.push(Point { node, undone, longest, line: true });
            continue;
        }
        // A step adds what its own undo takes.
        let added = way_back(plan, rollback, &[node]);
        if added.undone.is_empty() {
            continue;
        }
        undone += 1;
        longest = longest.zip(added.longest).zip(own).map(|((sum, added), own)| sum + added - own);
        found.push(Point { node, undone, longest, line: false });
    }
    found
}

/// How long a node of the rollback itself takes at most.
fn procedure_takes(work: &Work) -> Option<SignedDuration> {
    let mut sum = SignedDuration::ZERO;
    if let Some(takes) = work.takes {
        return Some(takes);
    }
    for action in &work.actions {
        sum += match &action.kind {
            // A message is sent beside it.
            ActionKind::Notify(_) => SignedDuration::ZERO,
            ActionKind::Hold(hold) => match hold.length {
                HoldLength::For(length) => length,
                HoldLength::Until(_) => return None,
            },
            ActionKind::Gate(gate) => gate.within?,
            ActionKind::Ask(_) if work.limit.written => work.limit.duration,
            ActionKind::Ask(_) => return None,
            ActionKind::Command(_) | ActionKind::Request(_) | ActionKind::Query(_) => {
                match (action.within, work.limit.written) {
                    (Some(within), _) => within,
                    (None, true) => work.limit.duration,
                    (None, false) => return None,
                }
            }
        };
    }
    Some(sum)
}
