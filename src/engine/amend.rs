//! Another plan for a run whose live part has not begun: what has begun keeps its state, approvals lapse.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::plan::{Announcement, Moment, Node, NodeIx, NodeKind, Plan, Sort, Work, digest};

use super::event::{EventKind, Who};
use super::state::{ActionState, Live, Mode, NodeState, Run, Status};

/// What it means that a run goes on by another plan.
///
/// # Errors
/// Says why it cannot: its live part has begun, or the new plan changes or leaves out what has begun.
pub fn amendment(old: &Plan, run: &Run, new: Plan, by: Who, reason: String) -> Result<EventKind, String> {
    if run.ending().is_some() || !matches!(run.mode, Mode::Forward) {
        return Err(format!("the run {} does not go forward: `runbook status {0}` says how it stands", run.id));
    }
    if run.live != Live::Before {
        return Err(format!(
            "the live part of the run {} has begun: what was approved is what runs; `runbook rollback` or `runbook abort` ends it",
            run.id
        ));
    }
    if !run.consequences.is_empty() || !run.questions.is_empty() {
        return Err(format!("something has gone wrong in the run {}: `runbook resume` deals with it first", run.id));
    }
    if new.runbook.id != old.runbook.id {
        return Err(format!("the run is one of `{}`, and the new plan one of `{}`", old.runbook.id, new.runbook.id));
    }
    let ids: BTreeMap<&str, usize> = old.nodes.iter().enumerate().map(|(i, n)| (n.id.as_str(), i)).collect();
    let before = |node: &Node| ids.get(node.id.as_str()).map(|i| NodeIx(*i as u32));
    let nodes: Vec<Option<NodeIx>> = new.nodes.iter().map(before).collect();
    let begun = |ix: NodeIx| !matches!(run.node(ix).status, Status::Pending | Status::Waiting);
    for (i, node) in old.nodes.iter().enumerate().filter(|(i, _)| begun(NodeIx(*i as u32))) {
        let Some(now) = new.find(&node.id).map(|ix| new.node(ix)) else {
            return Err(format!("`{}` has begun, and the new plan does not have it", node.id));
        };
        let over = run.node(NodeIx(i as u32)).status.is_final();
        if std::mem::discriminant(&now.kind) != std::mem::discriminant(&node.kind) {
            return Err(format!("`{}` has begun, and is something else in the new plan", node.id));
        }
        let kinds = |work: &Work| work.actions.iter().map(|a| std::mem::discriminant(&a.kind)).collect::<Vec<_>>();
        if let (NodeKind::Work(was), NodeKind::Work(is), false) = (&node.kind, &now.kind, over)
            && (kinds(was) != kinds(is) || was.sort != is.sort)
        {
            return Err(format!("`{}` is running, and does something else in the new plan", node.id));
        }
    }
    // What comes before something that has begun would never be done.
    let has_begun = |ix: &NodeIx| nodes[ix.index()].is_some_and(begun);
    for (around, children) in new.nodes.iter().filter_map(|n| Some((n, n.children()?))) {
        if matches!(around.kind, NodeKind::Phase { .. }) && new.find(&around.id).is_some_and(|ix| new.in_timeline(ix)) {
            in_order(&new, children, &has_begun)?;
        }
    }
    in_order(&new, &new.phases, &has_begun)?;
    let approved = |ix: &NodeIx| {
        let approves = new.node(*ix).work().is_some_and(|work| work.sort == Sort::Approve);
        let given = |old: NodeIx| matches!(run.node(old).status, Status::Succeeded | Status::Running);
        approves && nodes[ix.index()].is_some_and(given)
    };
    let lapsed = (0..new.nodes.len() as u32).map(NodeIx).filter(approved).collect();
    let place = |known: Option<usize>| known.map(|i| i as u32);
    let metrics = new.metrics.iter().map(|m| place(old.metrics.iter().position(|o| o.id == m.id))).collect();
    // What is ahead again, because the start has moved, is said again: with what is right now.
    let start = new.release.as_ref().and_then(|r| r.start);
    let ahead = |told: &Announcement| match (&told.from, start) {
        (Some(Moment::Offset(offset)), Some(start)) => start.checked_add(*offset).is_ok_and(|at| at > run.now),
        _ => false,
    };
    let comms = said_before(old, &new).into_iter().zip(&new.comms).map(|(was, told)| was.filter(|_| !ahead(told)));
    let comms = comms.collect();
    let digest = digest(&new);
    Ok(EventKind::PlanChanged { by, reason, digest, plan: Box::new(new), nodes, metrics, comms, lapsed })
}

fn in_order(new: &Plan, nodes: &[NodeIx], has_begun: &dyn Fn(&NodeIx) -> bool) -> Result<(), String> {
    let Some(last) = nodes.iter().rposition(has_begun) else { return Ok(()) };
    match nodes[..last].iter().find(|ix| !has_begun(ix)) {
        Some(late) => Err(format!(
            "`{}` stands before `{}`, which has begun, and would never be done",
            new.node(*late).id,
            new.node(nodes[last]).id
        )),
        None => Ok(()),
    }
}

/// Which message of the plan before each message beside the timeline is: the one to the same channels with the same words
/// at the same place among those.
fn said_before(old: &Plan, new: &Plan) -> Vec<Option<u32>> {
    let mut left: Vec<Option<&Announcement>> = old.comms.iter().map(Some).collect();
    let same = |a: &Announcement, b: &Announcement| {
        let channels = |told: &Announcement| told.messages.iter().map(|m| m.channels.clone()).collect::<Vec<_>>();
        let subjects = |told: &Announcement| told.messages.iter().map(|m| m.subject.clone()).collect::<Vec<_>>();
        a.from == b.from && a.every == b.every && channels(a) == channels(b) && subjects(a) == subjects(b)
    };
    let exactly = |a: &Announcement, b: &Announcement| a.from == b.from && a.messages == b.messages;
    let mut found: Vec<Option<u32>> = vec![None; new.comms.len()];
    // What is the same is itself; of what is left, what is said at the same moment to the same.
    for fits in [&exactly as &dyn Fn(&Announcement, &Announcement) -> bool, &same] {
        for (told, place) in new.comms.iter().zip(&mut found).filter(|(_, place)| place.is_none()) {
            if let Some(position) = left.iter().position(|o| o.is_some_and(|o| fits(o, told))) {
                left[position] = None;
                *place = Some(position as u32);
            }
        }
    }
    found
}

/// The state by the new plan.
#[allow(clippy::too_many_arguments, reason = "each is a part of one event")]
pub(super) fn change(
    run: &mut Run,
    plan: &Plan,
    digest: &str,
    nodes: &[Option<NodeIx>],
    metrics: &[Option<u32>],
    comms: &[Option<u32>],
    lapsed: &[NodeIx],
    at: Timestamp,
) {
    let old = std::mem::replace(run, Run::new(plan));
    let new_of: BTreeMap<NodeIx, NodeIx> =
        nodes.iter().enumerate().filter_map(|(new, old)| Some(((*old)?, NodeIx(new as u32)))).collect();
    let moved = |ix: &NodeIx| new_of.get(ix).copied();
    for (new, old_ix) in nodes.iter().enumerate() {
        if let Some(old_ix) = old_ix {
            run.nodes[new] = old.nodes[old_ix.index()].clone();
        }
    }
    for (new, old_index) in metrics.iter().enumerate() {
        if let Some(old_index) = old_index {
            run.metrics[new] = old.metrics[*old_index as usize].clone();
        }
    }
    for (new, old_index) in comms.iter().enumerate() {
        if let Some(old_index) = old_index {
            run.announced[new] = old.announced[*old_index as usize];
        }
    }
    // An approval is of a plan.
    for ix in lapsed {
        *run.node_mut(*ix) = NodeState::new();
    }
    // Whoever was being asked is asked by the new plan, with their time; a list whose moment is ahead again has its own then.
    let start = plan.release.as_ref().and_then(|r| r.start);
    for ix in (0..plan.nodes.len() as u32).map(NodeIx) {
        let node = plan.node(ix);
        if run.node(ix).status != Status::Running {
            continue;
        }
        if node.work().is_some_and(|work| matches!(work.sort, Sort::Confirm | Sort::Question)) {
            *run.node_mut(ix) = NodeState::new();
        }
        let ahead = start.zip(node.at).and_then(|(start, offset)| start.checked_add(offset).ok());
        if let Some(moment) = ahead.filter(|moment| *moment > at && node.is_checklist()) {
            run.node_mut(ix).since = Some(moment);
        }
    }
    // What waits and looks does so by the new plan.
    for node in &mut run.nodes {
        if let Some(work) = &mut node.work
            && matches!(work.state, Some(ActionState::Gate(_) | ActionState::Hold(_)))
        {
            work.state = None;
        }
    }
    // A group that was through, and of which something is to be done now, goes on; what is inside comes behind it.
    for ix in (0..plan.nodes.len() as u32).rev().map(NodeIx) {
        let Some(children) = plan.node(ix).children() else { continue };
        if run.node(ix).status == Status::Succeeded && children.iter().any(|c| !run.node(*c).status.is_final()) {
            let state = run.node_mut(ix);
            state.status = Status::Running;
            state.ended = None;
            state.since = Some(at);
        }
    }
    let groups: Vec<NodeIx> = (0..plan.nodes.len() as u32).map(NodeIx).filter(|ix| plan.is_group(*ix)).collect();
    for group in groups {
        let children = plan.node(group).children().unwrap_or_default();
        let through = |ix: &&NodeIx| run.node(**ix).status.is_final();
        let done = match plan.node(group).kind {
            // Of nodes in a row those at the beginning, of nodes side by side all.
            NodeKind::Phase { .. } => children.iter().take_while(through).count(),
            _ => children.iter().filter(through).count(),
        };
        run.node_mut(group).done = done;
    }
    run.phases_done = plan.phases.iter().take_while(|ix| run.node(**ix).status.is_final()).count();
    run.active =
        (0..plan.nodes.len() as u32).map(NodeIx).filter(|ix| run.node(*ix).status == Status::Running).collect();
    run.stopped = old.stopped.iter().filter_map(moved).collect();
    run.answers = old.answers.iter().filter_map(|(ix, value)| Some((moved(ix)?, value.clone()))).collect();
    run.answers.retain(|ix, _| !lapsed.contains(ix));
    run.done_before = old.done_before.iter().filter_map(|(ix, why)| Some((moved(ix)?, why.clone()))).collect();
    run.until = old.until.as_ref().and_then(moved);
    run.messages = old.messages;
    for message in &mut run.messages {
        message.slot = message.slot.and_then(|slot| Some(super::event::Slot { node: moved(&slot.node)?, ..slot }));
    }
    run.unsent = old.unsent;
    run.silent = old.silent;
    run.receipts = old.receipts;
    run.id = old.id;
    run.by = old.by;
    run.dir = old.dir;
    run.digest = digest.to_owned();
    run.started = old.started;
    run.now = old.now;
    run.order = old.order;
    run.captures = old.captures;
    run.secret_captures = old.secret_captures;
    run.reservations = old.reservations;
    run.heard = old.heard;
    run.notes = old.notes;
    run.unsaid = old.unsaid;
    run.overridden = old.overridden;
    run.parks = old.parks;
    run.halt = old.halt;
    // There may be something to do now.
    run.parked = old.parked.map(|_| at);
}
