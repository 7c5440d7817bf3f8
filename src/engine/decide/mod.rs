//! `decide`: what an input means.
//!
//! Each call sees one state and says what follows from it at once; [`super::advance`] repeats it until nothing more
//! follows. So every rule looks at the state alone and none depends on what another has just decided.

mod back;
mod comms;
mod consequence;
mod gate;
mod hold;
mod incident;
mod message;
mod people;
mod sample;
mod timeline;
mod trigger;
mod work;

use jiff::{SignedDuration, Timestamp};

use crate::plan::{NodeIx, Plan};

use super::effect::{Done, EffectId, Input};
use super::event::{ActionResult, Doubt, Ending, Event, EventKind, FORMAT, Failure, FailureSort, Slot};
use super::scene::Happening;
use super::state::{ActionState, Live, Mode, Run};

/// What is so far away is not waited for by a process that parks.
pub(super) const FAR: SignedDuration = SignedDuration::from_mins(5);

/// So long the messages about a halt may hold it up.
pub(super) const HALT_PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// What an input means.
pub fn decide(plan: &Plan, run: &Run, input: &Input, now: Timestamp) -> Vec<Event> {
    let now = now.max(run.now);
    let ctx = Context { plan, run, now };
    let kinds = match input {
        Input::Begin { run: id, by, dir, version, until, done, parks } if run.started.is_none() => {
            vec![EventKind::RunStarted {
                format: FORMAT,
                run: id.clone(),
                digest: crate::plan::digest(plan),
                by: by.clone(),
                dir: dir.clone(),
                version: version.clone(),
                until: *until,
                done: done.clone(),
                parks: *parks,
            }]
        }
        _ if run.started.is_none() || run.ending().is_some_and(|e| !e.can_go_on()) => Vec::new(),
        Input::Begin { .. } => Vec::new(),
        Input::Resume { by, doubts } => ctx.resume(by.clone(), doubts.clone()),
        Input::Tick => ctx.settle(),
        Input::Park => ctx.park(),
        Input::Ended(id, done) => ctx.ended(*id, done),
        Input::Halt { by, reason } if run.halt.is_none() => ctx.halt(by.clone(), reason.clone()),
        Input::Halt { .. } => Vec::new(),
        Input::End { by, reason } => {
            vec![EventKind::HaltRequested { by: by.clone(), reason: format!("aborted: {reason}"), ends: true }]
        }
        // Nobody is there who could send messages: the record alone says so.
        Input::Abort { .. } if matches!(run.mode, Mode::Ending(..)) => {
            let Mode::Ending(ending, _) = run.mode else { return Vec::new() };
            vec![EventKind::RunEnded { ending }]
        }
        Input::Abort { by, reason } => {
            let reason = format!("aborted by {by}: {reason}");
            vec![
                EventKind::EndingReached { ending: Ending::Stopped, reason },
                EventKind::RunEnded { ending: Ending::Stopped },
            ]
        }
        Input::Say { key, by, say } => ctx.say(key, by, say),
        Input::Rollback { by, to, resumes: true } => ctx.back_again(by, to.as_deref()),
        Input::Rollback { by, to, .. } if ctx.can_roll_back() => {
            vec![EventKind::RollbackRequested { by: by.clone(), to: to.clone() }]
        }
        Input::Rollback { by, to, .. } => ctx.change_way(by, to.as_deref(), true),
    };
    kinds.into_iter().map(|kind| Event { at: now, kind }).collect()
}

/// A plan, a run of it, and a moment.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a Run,
    pub(super) now: Timestamp,
}

type Events = Vec<EventKind>;

impl Context<'_> {
    /// What follows from the state by itself.
    fn settle(self) -> Events {
        if self.run.is_over() {
            return Vec::new();
        }
        let messages = self.settle_messages();
        if !messages.is_empty() {
            return messages;
        }
        if self.run.halt.is_some() {
            return self.settle_halt();
        }
        let watched = self.settle_watched();
        if !watched.is_empty() {
            return watched;
        }
        if let Mode::Ending(ending, _) = &self.run.mode {
            let after = self.settle_after();
            if !after.is_empty() {
                return after;
            }
            let told = self.run.unsent.is_empty();
            if !told || !self.is_after_through() {
                return Vec::new();
            }
            let kept = self.never_kept();
            if !kept.is_empty() {
                return kept;
            }
            let last = self.end_alerts(*ending);
            return if last.is_empty() { vec![EventKind::RunEnded { ending: *ending }] } else { last };
        }
        if self.run.live == Live::Running && !self.run.locked {
            return self.without_lock();
        }
        let through = |ix: &NodeIx| self.run.node(*ix).status.is_final();
        if let (Some(until), Mode::Forward) = (self.run.until.filter(through), &self.run.mode)
            && self.run.consequences.is_empty()
        {
            let reason = format!("`{}` is through", self.plan.node(until).id);
            return self.halt(self.run.by.clone(), reason);
        }
        let updates = self.settle_incidents();
        if !updates.is_empty() {
            return updates;
        }
        let arming = self.arming();
        if !arming.is_empty() {
            return arming;
        }
        if !self.run.consequences.is_empty() {
            return self.settle_consequences();
        }
        match &self.run.mode {
            Mode::Paused(pause) if self.now >= pause.until => {
                vec![EventKind::PauseEnded { otherwise: pause.otherwise.clone(), reason: pause.reason.clone() }]
            }
            Mode::Forward | Mode::Paused(_) => self.settle_forward(),
            Mode::Back => self.settle_back(),
            Mode::Ending(..) | Mode::Ended(_) => Vec::new(),
        }
    }

    /// Triggers that fire by the clock, questions, what runs beside the timeline, the timeline itself: the first that has
    /// something to say.
    fn settle_forward(self) -> Events {
        let rules: [&dyn Fn() -> Events; 6] = [
            &|| self.settle_comms(),
            &|| self.late_triggers(),
            &|| self.settle_question(),
            &|| self.settle_pause(),
            &|| self.settle_responses(),
            &|| self.settle_timeline(),
        ];
        rules.iter().map(|rule| rule()).find(|events| !events.is_empty()).unwrap_or_default()
    }

    /// Stops what runs, and is complete when nothing runs any more.
    fn settle_halt(self) -> Events {
        let mut stopping = false;
        for ix in &self.run.active {
            let (Some(work), Some(slot)) = (&self.run.node(*ix).work, self.run.slot(*ix)) else { continue };
            match &work.state {
                Some(ActionState::Running { stopping: None, .. }) => {
                    let failure = Failure::new(FailureSort::Cancelled, "cancelled, because the run is halted");
                    return vec![EventKind::ActionStopping { slot, failure }];
                }
                Some(ActionState::Running { .. }) => stopping = true,
                _ => {}
            }
        }
        let telling = !self.run.unsent.is_empty();
        let patient = self.run.halt.as_ref().is_some_and(|h| self.now < h.since + HALT_PATIENCE);
        if stopping || (telling && patient) {
            return Vec::new();
        }
        match &self.run.halt {
            // What has come to its end keeps it.
            Some(halt) if halt.ends => {
                let (ending, reason) = match &self.run.mode {
                    Mode::Ending(ending, reason) => (*ending, reason.clone()),
                    _ => {
                        let reason = halt.reason.trim_start_matches("aborted: ");
                        (Ending::Stopped, format!("aborted by {}: {reason}", halt.by))
                    }
                };
                vec![EventKind::Halted, EventKind::EndingReached { ending, reason }, EventKind::RunEnded { ending }]
            }
            _ => vec![EventKind::Halted],
        }
    }

    /// Its process may end for a while if nothing is in flight, nothing is armed, nobody is to hear of anything, and the next
    /// moment is far. A captured secret would be lost with the process.
    fn park(self) -> Events {
        let wanted = super::wanted(self.plan, self.run, self.now);
        let quiet = wanted.effects.is_empty() && wanted.stopping.is_empty() && self.run.unsent.is_empty();
        let forward = self.run.live != Live::Running && self.run.mode == Mode::Forward && !self.run.is_over();
        let keeps = self.run.secret_captures.is_empty() && self.run.halt.is_none();
        let far = wanted.next().filter(|wake| wake.duration_since(self.now) >= FAR);
        far.filter(|_| quiet && forward && keeps).map(|until| EventKind::Parked { until }).into_iter().collect()
    }

    fn halt(self, by: super::event::Who, reason: String) -> Events {
        let happening = Happening { reason: reason.clone(), by: by.to_string(), node: self.running_node() };
        self.with_handler(vec![EventKind::HaltRequested { by, reason, ends: false }], "paused", happening)
    }

    /// A run that is taken up again in its live part waits for its lock, and halts if another run has it.
    fn without_lock(self) -> Events {
        match &self.run.refused {
            Some(why) => self.halt(self.run.by.clone(), why.clone()),
            None => Vec::new(),
        }
    }

    fn resume(self, by: super::event::Who, doubts: Vec<(NodeIx, Doubt)>) -> Events {
        // Nothing was in flight, nothing is done again and nobody has to hear of it.
        if self.run.parked.is_some() {
            return vec![EventKind::Unparked { by }];
        }
        let happening = Happening { reason: "resumed".into(), by: by.to_string(), node: String::new() };
        self.with_handler(vec![EventKind::RunResumed { by, doubts }], "resumed", happening)
    }

    /// An effect ended. What is no longer waited for is let go.
    fn ended(self, id: EffectId, done: &Done) -> Events {
        match (id, done) {
            (EffectId::Lock, Done::Lock(Ok(()))) if !self.run.locked => vec![EventKind::LockTaken],
            (EffectId::Lock, Done::Lock(Err(why))) => vec![EventKind::LockRefused { why: why.clone() }],
            (EffectId::Fact(i), Done::Fact(answer)) => {
                let name = self.plan.facts[i as usize].name.clone();
                match answer {
                    _ if self.run.facts.contains_key(&name) => Vec::new(),
                    Ok(value) => vec![EventKind::FactRead { name, value: value.clone() }],
                    Err(why) => vec![EventKind::FactFailed { name, why: why.clone() }],
                }
            }
            (EffectId::Action(slot), Done::Action(result)) => self.action_ended(slot, result.clone()),
            (EffectId::Action(slot), Done::Cancelled) => {
                let failure = Failure::new(FailureSort::Cancelled, "cancelled");
                self.action_ended(
                    slot,
                    ActionResult { failure: Some(failure), note: String::new(), captures: Vec::new() },
                )
            }
            (EffectId::Look(slot, attempt), Done::Look(checks)) => self.look_ended(slot, attempt, checks),
            (EffectId::Sample(metric, n), Done::Sample(answer, raw)) => self.sampled(metric, n, answer, raw),
            (EffectId::Sample(metric, n), Done::Look(checks)) => self.watched_looked(metric, n, checks),
            (EffectId::Baseline(metric), Done::Baseline(answer)) => self.baseline_read(metric, answer),
            (EffectId::Message(key), Done::Message(result)) => {
                let state = self.run.messages.get(key as usize);
                match (state.map(|m| m.sent.is_none()), result) {
                    (Some(true), Ok(receipt)) => vec![EventKind::MessageSent { key, receipt: receipt.clone() }],
                    (Some(true), Err(unsent)) if unsent.held => vec![EventKind::MessageHeld { key }],
                    (Some(true), Err(unsent)) => {
                        let why = unsent.why.clone();
                        vec![EventKind::MessageFailed { key, why, unreachable: unsent.unreachable }]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    fn action_ended(self, slot: Slot, mut result: ActionResult) -> Events {
        match self.run.slot_state(slot) {
            Some(ActionState::Running { stopping, .. }) => {
                // Why it was stopped is why it did not go well, unless it was through before that reached it.
                if let (Some(why), Some(failure)) = (stopping, &mut result.failure) {
                    failure.sort = why.sort;
                    failure.text.clone_from(&why.text);
                }
                vec![EventKind::ActionEnded { slot, result }]
            }
            _ => Vec::new(),
        }
    }
}

pub(super) use comms::{instant, next_announcement};
pub(super) use gate::needs_world;
pub(super) use incident::next_update;
pub(super) use message::patience;
pub(super) use work::actions_of;

/// Where a run stands towards its live part.
pub(super) struct Standing {
    /// The lock is held, or is to be taken.
    pub(super) holds_lock: bool,
    /// The facts are to be asked.
    pub(super) asks_facts: bool,
}

impl Standing {
    pub(super) fn of(plan: &Plan, run: &Run, now: Timestamp) -> Self {
        let ctx = Context { plan, run, now };
        let at_live = ctx.is_at_live() && matches!(run.mode, Mode::Forward);
        let undecided = run.refused.is_none() && run.unanswered.is_none();
        Standing {
            // A stuck run keeps its lock beyond its end; who ends the process sees to that.
            holds_lock: run.refused.is_none() && !ctx.is_committed_back() && (at_live || run.live == Live::Running),
            asks_facts: at_live && run.locked && undecided,
        }
    }
}
