//! Single faults: what can go wrong, and where on the happy path it does.

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::Simulation;
use crate::engine::state::{Status, UndoStatus};
use crate::engine::{Event, Input, Run, Say, ask_of};
use crate::plan::scenario::Fault;
use crate::plan::{ActionKind, AskSort, Lane, NodeIx, NodeKind, Plan, Undo};

use crate::rehearse::play::resume;
use crate::rehearse::stage::{Stage, main_action, runner};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A node fails or hangs.
    Node(NodeIx, Fault),
    /// The undo of a step fails or hangs, on a way back from right behind it.
    Undo(NodeIx, Fault),
    /// A gate does not pass, where a node looks at it.
    Gate(NodeIx, Fault),
    /// A channel takes nothing, from the beginning on.
    Channel(String, Fault),
    /// Somebody says no.
    Denied(NodeIx),
    /// Nobody says anything.
    Silent(NodeIx),
    /// A metric shows nothing, from the start of a phase on.
    Blind(String, NodeIx),
    /// A trigger fires while a node runs.
    Trigger(u32, NodeIx),
    /// The process that runs it is killed, and taken up again.
    Killed,
}

/// A fault with its place on the happy path: before which turn it happens.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    pub(super) turn: usize,
    /// When that shows, if it is not at once.
    pub(super) at: Option<Timestamp>,
    pub(super) trouble: Trouble,
}

/// Where a node begins and ends on the happy path, by turns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    pub(super) begins: Option<usize>,
    pub(super) since: Option<Timestamp>,
    pub(super) ends: Option<usize>,
}

impl Trouble {
    /// In a few words.
    pub fn words(&self, plan: &Plan) -> String {
        let id = |ix: &NodeIx| plan.node(*ix).id.clone();
        match self {
            Trouble::Node(ix, fault) => format!("{} {}", id(ix), verb(fault)),
            Trouble::Undo(ix, fault) => format!("the undo of {} {}", id(ix), verb(fault)),
            Trouble::Gate(ix, fault) => format!("the gate at {} {}", id(ix), verb(fault)),
            Trouble::Channel(channel, fault) => format!("the channel {channel} {}", verb(fault)),
            Trouble::Denied(ix) => format!("{} is denied", id(ix)),
            Trouble::Silent(ix) => format!("nobody answers {}", id(ix)),
            Trouble::Blind(metric, ix) => format!("{metric} is blind from {} on", id(ix)),
            Trouble::Trigger(trigger, ix) => {
                format!("the trigger {} fires during {}", plan.triggers[*trigger as usize].id, id(ix))
            }
            Trouble::Killed => "the process is killed".into(),
        }
    }

    /// Of which sort it is, for the table.
    pub fn sort(&self) -> &'static str {
        match self {
            Trouble::Node(_, Fault::Hangs) => "a node hangs",
            Trouble::Node(..) => "a node fails",
            Trouble::Undo(..) => "an undo fails or hangs",
            Trouble::Gate(..) => "a gate does not pass",
            Trouble::Channel(..) => "a channel takes nothing",
            Trouble::Denied(_) => "somebody says no",
            Trouble::Silent(_) => "nobody answers",
            Trouble::Blind(..) => "a metric is blind",
            Trouble::Trigger(..) => "a trigger fires",
            Trouble::Killed => "the process is killed",
        }
    }

    /// The node that it is about.
    pub fn node(&self) -> Option<NodeIx> {
        match self {
            Trouble::Node(ix, _)
            | Trouble::Undo(ix, _)
            | Trouble::Gate(ix, _)
            | Trouble::Denied(ix)
            | Trouble::Silent(ix)
            | Trouble::Blind(_, ix)
            | Trouble::Trigger(_, ix) => Some(*ix),
            Trouble::Channel(..) | Trouble::Killed => None,
        }
    }

    /// It goes wrong: in the world, or for the run that stands before that turn.
    pub(super) fn strikes(
        &self,
        plan: &Plan,
        simulation: &mut Simulation,
        stage: &mut Stage<'_>,
        see: &mut dyn FnMut(&Run, &Event),
    ) {
        match self {
            Trouble::Node(ix, fault) => stage.fault(false, *ix, fault),
            Trouble::Undo(ix, fault) => {
                stage.fault(true, *ix, fault);
                let back = Input::Rollback { by: runner(), to: None, resumes: false };
                simulation.tell(plan, back, see);
            }
            Trouble::Gate(ix, fault) => stage.gate_at(*ix, fault),
            Trouble::Channel(channel, fault) => stage.channel(channel, fault),
            Trouble::Denied(ix) => {
                stage.cast.denied.insert(*ix);
            }
            Trouble::Silent(ix) => {
                let lanes = plan.node(*ix).children().unwrap_or_default();
                stage.cast.silent.extend(lanes.iter().chain([ix]));
            }
            Trouble::Blind(metric, _) => {
                stage.blind.insert(metric.clone());
            }
            Trouble::Trigger(trigger, _) => {
                let say = Say::Fire { trigger: *trigger, reason: None };
                let key = format!("sweep-{trigger}");
                simulation.tell(plan, Input::Say { key, by: runner(), say }, see);
            }
            Trouble::Killed => {
                simulation.kill();
                let input = resume(plan, &simulation.run);
                simulation.tell(plan, input, see);
            }
        }
    }
}

fn verb(fault: &Fault) -> &'static str {
    match fault {
        Fault::Hangs => "hangs",
        Fault::Inconclusive => "is inconclusive",
        Fault::Error => "cannot look",
        Fault::Fails(_) | Fault::Takes(SignedDuration { .. }) => "fails",
    }
}

/// Every single fault of a plan, with its place on the happy path, in the order of that path.
pub(super) fn faults(plan: &Plan, stretches: &[Stretch], turns: &[usize]) -> Vec<Case> {
    let mut cases: Vec<Case> =
        turns.iter().map(|turn| Case { turn: *turn, at: None, trouble: Trouble::Killed }).collect();
    for channel in &plan.channels {
        for fault in [Fault::Fails(None), Fault::Hangs] {
            cases.push(Case { turn: 0, at: None, trouble: Trouble::Channel(channel.id.clone(), fault) });
        }
    }
    for (i, node) in plan.nodes.iter().enumerate() {
        let ix = NodeIx(i as u32);
        let Some(begins) = stretches[i].begins else { continue };
        let mut add = |turn: usize, trouble: Trouble| {
            let at = stretches[i].since.filter(|_| turn == begins);
            cases.push(Case { turn, at, trouble });
        };
        if node.is_checklist() {
            add(begins, Trouble::Silent(ix));
        }
        if plan.phases.contains(&ix) && node.lane == Lane::Live {
            for metric in plan.metrics.iter().filter(|m| m.gate().is_none()) {
                add(begins, Trouble::Blind(metric.id.clone(), ix));
            }
        }
        let Some(work) = node.work() else { continue };
        if main_action(&work.actions).is_some() {
            add(begins, Trouble::Node(ix, Fault::Fails(None)));
            add(begins, Trouble::Node(ix, Fault::Hangs));
        }
        if work.actions.iter().any(|a| matches!(&a.kind, ActionKind::Gate(_))) {
            let patient = work.actions.iter().any(|a| matches!(&a.kind, ActionKind::Gate(gate) if gate.patient));
            add(begins, Trouble::Gate(ix, Fault::Fails(None)));
            if !patient {
                add(begins, Trouble::Gate(ix, Fault::Inconclusive));
            }
        }
        match ask_of(plan, ix).map(|ask| &ask.sort) {
            Some(AskSort::Approval | AskSort::Confirmation) => {
                add(begins, Trouble::Denied(ix));
                add(begins, Trouble::Silent(ix));
            }
            Some(AskSort::Answer(_)) => add(begins, Trouble::Silent(ix)),
            Some(AskSort::Tick) | None => {}
        }
        if node.lane != Lane::Live || !matches!(node.kind, NodeKind::Work(_)) {
            continue;
        }
        for trigger in 0..plan.triggers.len() as u32 {
            add(begins + 1, Trouble::Trigger(trigger, ix));
        }
        if let (Undo::Actions { .. }, Some(ends)) = (&work.undo, stretches[i].ends) {
            add(ends + 1, Trouble::Undo(ix, Fault::Fails(None)));
            add(ends + 1, Trouble::Undo(ix, Fault::Hangs));
        }
    }
    cases.sort_by_key(|case| case.turn);
    cases
}

/// The steps that have changed something and were neither undone nor excused. A rollback that names what it undoes excuses the
/// rest if it does something itself: a restored backup is another way back.
pub(super) fn left_behind(plan: &Plan, run: &Run, rollback: Option<usize>) -> Vec<NodeIx> {
    let only = rollback.and_then(|index| {
        plan.rollbacks[index].nodes.iter().find_map(|ix| match &plan.node(*ix).kind {
            NodeKind::Undo { only } => only.as_ref(),
            _ => None,
        })
    });
    let does = rollback.is_some_and(|index| {
        let works = plan.rollbacks[index].nodes.iter().filter_map(|ix| plan.node(*ix).work());
        works.flat_map(|work| &work.actions).any(|action| action.changes)
    });
    let only = only.filter(|_| does);
    let meant = |ix: NodeIx| only.is_none_or(|names| names.iter().any(|name| plan.named(name).contains(&ix)));
    // What stands before a point of no return stays: whoever wrote that said why.
    let line = (0..plan.nodes.len() as u32).map(NodeIx).filter(|ix| {
        let acted = run.node(*ix).acted;
        acted && plan.node(*ix).work().is_some_and(|work| matches!(work.undo, Undo::Irreversible(_)))
    });
    let line = line.map(|ix| run.node(ix).order).max().unwrap_or(0);
    let all = (0..plan.nodes.len() as u32).map(NodeIx);
    all.filter(|ix| {
        let (node, state) = (plan.node(*ix), run.node(*ix));
        let Some(work) = node.work() else { return false };
        let changes = work.actions.iter().take(state.reached as usize).any(|action| action.changes);
        let undoable = matches!(work.undo, Undo::Actions { .. });
        node.lane == Lane::Live
            && plan.in_timeline(*ix)
            && changes
            && undoable
            && meant(*ix)
            && state.order > line
            && state.undo != UndoStatus::Undone
            && !matches!(state.status, Status::Skipped | Status::Waived)
    })
    .collect()
}
