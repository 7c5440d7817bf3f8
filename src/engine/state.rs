//! The state of a run: the fold of its events, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::plan::{NodeIx, NodeKind, Outcome, People, Plan};
use crate::value::Value;

use super::event::{Checked, Ended, Ending, Failure, Part, Receipt, Sample, Slot, Who};
use super::say::Answer;
use super::span::Span;
use super::watched::Watching;

pub use super::doing::{ActionState, Asking, GateState, HoldCheck, HoldState, WorkState};

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Who started it.
    pub by: Who,
    /// The directory in which its commands run.
    pub dir: String,
    /// The digest of its plan.
    pub digest: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When the last event happened.
    pub now: Timestamp,
    /// T+0, once it is known for good.
    pub zero: Option<Timestamp>,
    /// How far the live part is.
    pub live: Live,
    /// The nodes, by their index.
    pub nodes: Vec<NodeState>,
    /// How many of the plan's phases are through.
    pub phases_done: usize,
    /// How many nodes have started: their order is the order of the way back, reversed.
    pub order: u32,
    /// The metrics, by their index.
    pub metrics: Vec<MetricState>,
    /// The triggers, by their index.
    pub triggers: Vec<TriggerState>,
    /// What the world answered.
    pub facts: BTreeMap<String, Value>,
    /// What metrics were over their past, by their index: the value, or nothing, and why.
    pub baselines: BTreeMap<u32, (Value, String)>,
    /// When a baseline was last asked for that is not known.
    pub unread: BTreeMap<u32, Timestamp>,
    /// What was kept.
    pub captures: BTreeMap<String, Value>,
    /// What was kept and is secret: only that it was.
    pub secret_captures: BTreeSet<String>,
    /// The messages, by their key.
    pub messages: Vec<MessageState>,
    /// Those that are on their way, by their channel: each channel speaks in order.
    pub unsent: BTreeMap<String, BTreeSet<u32>>,
    /// Channels whose last message could not be sent.
    pub silent: BTreeSet<String>,
    /// What services made of the run's messages, by the channel.
    pub receipts: BTreeMap<String, Receipt>,
    /// Since when it is clear how the run ends.
    pub ending_since: Option<Timestamp>,
    /// Why it ended, or is about to.
    pub why: String,
    /// What a failure or a trigger leads to, before it has.
    pub consequences: Vec<Consequence>,
    /// What the run is doing.
    pub mode: Mode,
    /// The way back, once it has begun; it is kept for the report.
    pub back: Option<Back>,
    /// It is being halted, or has been.
    pub halt: Option<Halt>,
    /// What did not go well although the run went on.
    pub reservations: Vec<String>,
    /// Why the lock was refused.
    pub refused: Option<String>,
    /// Why a fact is not known.
    pub unanswered: Option<String>,
    /// The lock is held.
    pub locked: bool,
    /// What stopped the run and is done again when a pause is over.
    pub stopped: Vec<NodeIx>,
    /// What triggers have found and is not over, by the trigger.
    pub incidents: BTreeMap<u32, Incident>,
    /// What triggers ask, in their order; the first one is asked.
    pub questions: Vec<Open>,
    /// How often what `comms` and `every` say has been due, by its index.
    pub announced: Vec<u64>,
    /// Messages that were due and were not sent, and why.
    pub unsaid: Vec<String>,
    /// When the live part began.
    pub live_since: Option<Timestamp>,
    /// When the live part ended.
    pub live_until: Option<Timestamp>,
    /// It halts when this node is through.
    pub until: Option<NodeIx>,
    /// What was done before the run, by hand, and why that is known.
    pub done_before: BTreeMap<NodeIx, String>,
    /// Responses that have been called and have not begun.
    pub called: BTreeSet<u32>,
    /// What was answered, by node.
    pub answers: BTreeMap<NodeIx, Value>,
    /// What was said once counts once.
    pub heard: BTreeSet<String>,
    /// Windows and blackouts that do not hold for this run, and why.
    pub overridden: BTreeMap<String, String>,
    /// Its process ends while nothing is to be done, and something takes it up again when it is due.
    pub parks: bool,
    /// Nothing happens until then, and nobody runs it.
    pub parked: Option<Timestamp>,
    /// Remarks for the record.
    pub notes: Vec<(Timestamp, Who, String)>,
    /// The nodes that are doing something.
    pub active: BTreeSet<NodeIx>,
    pub(super) parents: Vec<Option<NodeIx>>,
    pub(super) phases: Vec<NodeIx>,
    /// Groups beside the timeline and the way back.
    beside: Vec<NodeIx>,
    /// What is watched by whom.
    pub(super) watching: Arc<Watching>,
}

/// How far the live part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Live {
    Before,
    Running,
    Ended,
}

/// What the run is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// It goes forward.
    Forward,
    /// It waits for a person, and then takes another outcome.
    Paused(Box<Pause>),
    /// It goes back; [`Run::back`] says how.
    Back,
    /// It is clear how it ends.
    Ending(Ending, String),
    /// It has ended.
    Ended(Ending),
}

/// A pause: nothing new starts, and a person says how it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What happens then.
    pub otherwise: Outcome,
    /// Why it waits.
    pub reason: String,
    /// Who is asked: of a pause that came into another one, both.
    pub people: Vec<People>,
    /// How often they were.
    pub rounds: u32,
    /// Who has said that it goes on.
    pub answers: Vec<Answer>,
}

/// What a trigger has found, until it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Since when.
    pub since: Timestamp,
    /// Why it fired.
    pub reason: String,
    /// How often its channels have been told how it stands.
    pub updates: u64,
}

/// A trigger that asks before it acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Which.
    pub trigger: u32,
    /// Why it fired.
    pub reason: String,
    /// Since when it is asked; questions queue.
    pub since: Option<Timestamp>,
    /// How often somebody was asked.
    pub rounds: u32,
    /// Yes and no, and who said it.
    pub answers: Vec<Answer>,
    /// How often somebody was asked before the run was taken up again.
    pub most: u32,
}

/// The way back, while it is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Back {
    /// Which rollback.
    pub rollback: usize,
    /// Why.
    pub reason: String,
    /// Who or what caused it.
    pub by: String,
    /// Where it happened.
    pub node: Option<NodeIx>,
    /// How long it takes at most, in words.
    pub eta: Option<String>,
    /// When it began.
    pub since: Timestamp,
    /// How many of the procedure's nodes are through.
    pub done: usize,
    /// The steps that were undone, in that order.
    pub undone: Vec<NodeIx>,
    /// A gate behind the undoing did not pass.
    pub unhealthy: Option<Failure>,
    /// The undo that failed.
    pub stuck: Option<(NodeIx, Failure)>,
    /// The newest node of the procedure itself that failed.
    pub failed: Option<NodeIx>,
    /// A person has said that it goes back, though only to the point of no return.
    pub answered: bool,
}

/// What a failure or a trigger leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Consequence {
    /// What.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// Who or what caused it.
    pub cause: Cause,
}

/// Who or what caused something.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// A node that did not go well.
    Node(NodeIx),
    /// A trigger that fired, by its index.
    Trigger(u32),
    /// Nobody answered.
    Nobody,
    /// A person wanted it.
    Person(Who),
}

/// A run that is being halted, or has been.
#[derive(Clone, Debug, PartialEq)]
pub struct Halt {
    /// Who.
    pub by: Who,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Nothing runs any more.
    pub complete: bool,
    /// It has ended then.
    pub ends: bool,
}

/// How far a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Status {
    Pending,
    Waiting,
    Running,
    Succeeded,
    Failed,
    Interrupted,
    Skipped,
    /// It goes on without it: a person said so.
    Waived,
    /// Its time is over and it is still to be done.
    Overdue,
}

impl Status {
    /// Whether nothing more happens to it on the way forward.
    pub fn is_final(self) -> bool {
        match self {
            Status::Pending | Status::Waiting | Status::Running => false,
            Status::Succeeded
            | Status::Failed
            | Status::Interrupted
            | Status::Skipped
            | Status::Waived
            | Status::Overdue => true,
        }
    }
}

/// How far the undo of a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum UndoStatus {
    NotBegun,
    Undoing,
    Undone,
    Passed,
    Failed,
}

/// The state of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// How far it is.
    pub status: Status,
    /// Since when it waits for its moment, and until when.
    pub until: Option<Timestamp>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When it began in the order of all nodes, from 1; 0 if it has not.
    pub order: u32,
    /// What it is doing.
    pub work: Option<WorkState>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// How far its undo is.
    pub undo: UndoStatus,
    /// Why its undo was passed over or failed.
    pub undo_note: Option<String>,
    /// Of a phase, how many of its nodes are through.
    pub done: usize,
    /// One of its own actions has begun.
    pub acted: bool,
    /// How many of its own actions have begun, at most.
    pub reached: u32,
    /// Of a group, since when its limit counts.
    pub since: Option<Timestamp>,
    /// Of a checklist, how often somebody was asked.
    pub rounds: u32,
    /// How often before the run was taken up again.
    pub most: u32,
    /// What it had reached before it was done again, and when it had begun in the order of all nodes.
    pub earlier: Option<(u32, u32)>,
    /// How many attempts were made before it was done again.
    pub attempts: u32,
    /// Who said what about it: approved by, waived by.
    pub said: Option<String>,
}

impl NodeState {
    /// A node that nothing has happened to.
    pub fn new() -> Self {
        NodeState {
            status: Status::Pending,
            until: None,
            started: None,
            ended: None,
            order: 0,
            work: None,
            failure: None,
            undo: UndoStatus::NotBegun,
            undo_note: None,
            done: 0,
            acted: false,
            reached: 0,
            since: None,
            rounds: 0,
            most: 0,
            earlier: None,
            attempts: 0,
            said: None,
        }
    }
}

impl Default for NodeState {
    fn default() -> Self {
        NodeState::new()
    }
}

/// The state of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricState {
    /// How many samples there have been.
    pub count: u64,
    /// The newest.
    pub last: Option<Sample>,
    /// The newest few, oldest first, for reports.
    pub recent: Vec<Sample>,
    /// Of a gate, what its commands and requests gave, and when, until what it judges by is known.
    pub looked: Option<(Timestamp, Vec<Checked>)>,
    /// Of a gate, the spans of its checks.
    pub spans: BTreeMap<(u32, u32), Span>,
}

/// So many samples of a metric are kept for reports.
const RECENT: usize = 20;

/// The state of a trigger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriggerState {
    /// Since when it watches.
    pub armed: Option<Timestamp>,
    /// It has fired and its condition has not been false since.
    pub fired: bool,
    /// How often it has fired.
    pub times: u32,
    /// The samples by which it fired first.
    pub evidence: Vec<Sample>,
    /// The spans of its condition.
    pub spans: BTreeMap<u32, Span>,
    /// Samples without data in a row, and since when.
    pub blind: BTreeMap<u32, (u32, Timestamp)>,
    /// That it is blind has been said.
    pub told_blind: bool,
    /// When it was blind first, and why.
    pub blindness: Option<(Timestamp, String)>,
    /// Who fires it by hand, until it has fired.
    pub pulled: Vec<Answer>,
}

/// The state of a message.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct MessageState {
    pub channel: String,
    pub subject: Option<String>,
    pub text: String,
    pub settings: Vec<(String, Value)>,
    pub slot: Option<Slot>,
    pub at: Timestamp,
    /// It is being sent, or was when its process ended.
    pub sending: bool,
    /// The process ended while it was being sent.
    pub in_doubt: bool,
    pub sent: Option<Result<(), String>>,
}

impl Run {
    /// A run of a plan before its first event.
    pub fn new(plan: &Plan) -> Self {
        let node = NodeState::new();
        Run {
            id: String::new(),
            by: Who::default(),
            dir: String::new(),
            digest: String::new(),
            started: None,
            now: Timestamp::UNIX_EPOCH,
            zero: None,
            live: Live::Before,
            nodes: vec![node; plan.nodes.len()],
            phases_done: 0,
            order: 0,
            metrics: vec![MetricState::default(); plan.metrics.len()],
            triggers: vec![TriggerState::default(); plan.triggers.len()],
            facts: BTreeMap::new(),
            baselines: BTreeMap::new(),
            unread: BTreeMap::new(),
            captures: BTreeMap::new(),
            secret_captures: BTreeSet::new(),
            messages: Vec::new(),
            unsent: BTreeMap::new(),
            silent: BTreeSet::new(),
            receipts: BTreeMap::new(),
            ending_since: None,
            why: String::new(),
            consequences: Vec::new(),
            mode: Mode::Forward,
            back: None,
            halt: None,
            reservations: Vec::new(),
            refused: None,
            unanswered: None,
            locked: false,
            stopped: Vec::new(),
            incidents: BTreeMap::new(),
            questions: Vec::new(),
            announced: vec![0; plan.comms.len()],
            called: BTreeSet::new(),
            until: None,
            done_before: BTreeMap::new(),
            unsaid: Vec::new(),
            live_since: None,
            live_until: None,
            answers: BTreeMap::new(),
            heard: BTreeSet::new(),
            overridden: BTreeMap::new(),
            parks: false,
            parked: None,
            notes: Vec::new(),
            active: BTreeSet::new(),
            watching: Arc::new(Watching::of(plan)),
            parents: plan.nodes.iter().map(|n| n.parent).collect(),
            phases: plan.phases.clone(),
            beside: {
                let after = plan.rollbacks.iter().filter_map(|r| r.after);
                plan.responses.iter().map(|r| r.node).chain(after).collect()
            },
        }
    }

    /// The state of a node.
    pub fn node(&self, ix: NodeIx) -> &NodeState {
        &self.nodes[ix.index()]
    }

    pub(super) fn node_mut(&mut self, ix: NodeIx) -> &mut NodeState {
        &mut self.nodes[ix.index()]
    }

    pub(super) fn parent(&self, ix: NodeIx) -> Option<NodeIx> {
        self.parents[ix.index()]
    }

    /// What a node's slot is doing, if the slot is the one that runs.
    pub(super) fn slot_state(&self, slot: Slot) -> Option<&ActionState> {
        let work = self.node(slot.node).work.as_ref()?;
        let same = work.part == slot.part && work.attempt == slot.attempt && work.action == slot.action;
        work.state.as_ref().filter(|_| same)
    }

    /// The slot of what a node is doing.
    pub fn slot(&self, node: NodeIx) -> Option<Slot> {
        let work = self.node(node).work.as_ref()?;
        Some(Slot { node, part: work.part, attempt: work.attempt, action: work.action })
    }

    /// The first of some nodes that is not through, where so many are; those behind it may be.
    pub(super) fn next_of(&self, nodes: &[NodeIx], done: usize) -> Option<NodeIx> {
        let rest = nodes.get(done..).unwrap_or_default();
        rest.iter().copied().find(|ix| !self.node(*ix).status.is_final())
    }

    /// The phase of the timeline that goes on.
    pub(super) fn next_phase(&self, plan: &Plan) -> Option<NodeIx> {
        self.next_of(&plan.phases, self.phases_done)
    }

    /// The ending, once it is reached for good.
    pub fn ending(&self) -> Option<Ending> {
        match self.mode {
            Mode::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// Whether nothing more will happen in this process: the run has ended, or it was halted.
    pub fn is_over(&self) -> bool {
        self.ending().is_some() || self.parked.is_some() || self.halt.as_ref().is_some_and(|h| h.complete)
    }

    /// The steps that were changing something when their process ended, and of which only a person knows what became: what
    /// looks, what may be run again and what shows by itself that it was done is none of them.
    pub fn in_doubt(&self, plan: &Plan) -> Vec<NodeIx> {
        let doubtful = |ix: &NodeIx| {
            let (Some(work), Some(state)) = (plan.node(*ix).work(), &self.node(*ix).work) else { return false };
            let running = matches!(state.state, Some(ActionState::Running { .. } | ActionState::InDoubt));
            let changes = work.actions.get(state.action as usize).is_some_and(|a| a.changes);
            running && changes && state.part == Part::Forward && !work.idempotent && work.done_when.is_empty()
        };
        self.active.iter().copied().filter(doubtful).collect()
    }

    /// How many nodes of the timeline that do work are through, and how many there are.
    pub fn progress(&self, plan: &Plan) -> (usize, usize) {
        let works: Vec<NodeIx> =
            plan.timeline().into_iter().filter(|ix| matches!(plan.node(*ix).kind, NodeKind::Work(_))).collect();
        let through =
            |ix: &&NodeIx| matches!(self.node(**ix).status, Status::Succeeded | Status::Skipped | Status::Waived);
        (works.iter().filter(through).count(), works.len())
    }

    /// The message of each channel whose turn it is.
    pub fn next_messages(&self) -> impl Iterator<Item = u32> {
        self.unsent.values().filter_map(|keys| keys.first().copied())
    }

    /// A message is through, one way or another.
    pub(super) fn end_message(&mut self, key: u32, sent: Result<(), String>) {
        let message = &mut self.messages[key as usize];
        if let Some(keys) = self.unsent.get_mut(&message.channel) {
            keys.remove(&key);
            if keys.is_empty() {
                self.unsent.remove(&message.channel);
            }
        }
        if sent.is_ok() {
            self.silent.remove(&message.channel);
        }
        message.sent = Some(sent);
    }

    /// The newest sample of a metric, if it is still young enough to be believed: three of its intervals.
    pub fn fresh(&self, plan: &Plan, metric: u32, now: Timestamp) -> Option<&Sample> {
        let sample = self.metrics[metric as usize].last.as_ref()?;
        let every = plan.metrics[metric as usize].every;
        (now.duration_since(sample.at) <= every * 3).then_some(sample)
    }

    /// Whether it is known what a metric was over its past.
    pub fn knows_baseline(&self, metric: u32) -> bool {
        self.baselines.get(&metric).is_some_and(|(value, _)| *value != Value::None)
    }

    /// The newest sample of a metric, if it was young enough at a moment, or is newer than that.
    pub fn known_at(&self, plan: &Plan, metric: u32, moment: Timestamp) -> Option<&Sample> {
        let sample = self.metrics[metric as usize].last.as_ref()?;
        let every = plan.metrics[metric as usize].every;
        (moment.duration_since(sample.at) <= every * 3).then_some(sample)
    }

    pub(super) fn remember(&mut self, metric: u32, sample: Sample) {
        let state = &mut self.metrics[metric as usize];
        state.count += 1;
        if state.recent.len() == RECENT {
            state.recent.remove(0);
        }
        state.recent.push(sample.clone());
        state.looked = None;
        state.last = Some(sample);
    }

    pub(super) fn end_node(&mut self, ix: NodeIx, ended: Ended, at: Timestamp) {
        let node = self.node_mut(ix);
        let was_final = node.status.is_final();
        node.status = match ended {
            Ended::Succeeded => Status::Succeeded,
            Ended::Failed => Status::Failed,
            Ended::Interrupted => Status::Interrupted,
            Ended::Overdue => Status::Overdue,
        };
        node.ended = Some(at);
        node.attempts = node.work.take().map_or(node.attempts, |w| w.attempt);
        self.active.remove(&ix);
        if !was_final {
            self.count_through(ix);
        }
    }

    /// A node that was through is not any more.
    pub(super) fn count_back(&mut self, ix: NodeIx) {
        match self.parent(ix) {
            Some(parent) => self.node_mut(parent).done -= 1,
            None if self.phases.contains(&ix) => self.phases_done -= 1,
            None => {}
        }
    }

    /// A response that was called has begun.
    pub(super) fn begin_beside(&mut self, ix: NodeIx) {
        if let Some(response) = self.beside.iter().position(|root| *root == ix) {
            self.called.remove(&(response as u32));
        }
    }

    /// One node more is through: its phase, or the plan, goes on behind it.
    pub(super) fn count_through(&mut self, ix: NodeIx) {
        match self.parent(ix) {
            Some(parent) => self.node_mut(parent).done += 1,
            None if self.phases.contains(&ix) => self.phases_done += 1,
            // What runs beside the timeline is no part of the way back.
            None if self.beside.contains(&ix) => {}
            None => self.back.iter_mut().for_each(|back| back.done += 1),
        }
    }
}
