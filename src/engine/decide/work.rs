//! The work of a node: its actions one after the other, its tries and its limit; forward, or as its undo.

use jiff::{SignedDuration, Timestamp};

use crate::engine::event::{ActionResult, Checked, Doing, Ended, EventKind, Failure, FailureSort, Part, Slot, Truth};
use crate::engine::state::{ActionState, WorkState};
use crate::engine::wanted::deadline;
use crate::plan::{Action, ActionKind, HoldLength, Lane, NodeIx, Outcome, Retry, Sort, Work};
use crate::value::duration_text;

use super::{Context, Events};

impl<'a> Context<'a> {
    pub(super) fn settle_work(self, ix: NodeIx, work: &'a Work) -> Events {
        let Some(state) = &self.run.node(ix).work else { return Vec::new() };
        let slot = Slot { node: ix, part: state.part, attempt: state.attempt, action: state.action };
        let actions = actions_of(work, state.part);
        match &state.state {
            // It is being stopped: what came of it is still to be told.
            Some(ActionState::Running { stopping: Some(_), .. }) => return Vec::new(),
            Some(ActionState::InDoubt) => return self.in_doubt(ix, work, slot),
            _ => {}
        }
        // What a response has set a ramp does not move any further.
        if let (Sort::Ramp, Part::Forward, None) = (work.sort, state.part, &state.failed)
            && let Some((subject, by)) = self.taken_from(work)
        {
            let failure = Failure::new(FailureSort::Failed, format!("the response `{by}` has set {subject}"));
            return match &state.state {
                Some(ActionState::Running { .. }) => vec![EventKind::ActionStopping { slot, failure }],
                _ => vec![self.node_failed(ix, failure, work.on_failure.clone())],
            };
        }
        if let Some(failure) = &state.failed {
            return self.failed(ix, work, state, failure.clone());
        }
        if let Some(limit) = deadline(self.plan, self.run, ix)
            && self.now >= limit
        {
            return self.out_of_time(ix, work, state, slot);
        }
        if state.again.is_some_and(|again| self.now < again) {
            return Vec::new();
        }
        let Some(action) = actions.get(state.action as usize) else { return self.through(ix, state.part) };
        match &state.state {
            None => self.start_action(slot, action),
            Some(ActionState::Running { since, .. }) => match action.within {
                Some(within) if self.now >= *since + within => {
                    let text = format!("it did not end within {}", duration_text(within));
                    vec![EventKind::ActionStopping { slot, failure: Failure::new(FailureSort::TimedOut, text) }]
                }
                _ => Vec::new(),
            },
            Some(ActionState::Gate(state)) => match &action.kind {
                ActionKind::Gate(gate) => self.settle_gate(slot, gate, state),
                _ => Vec::new(),
            },
            Some(ActionState::Hold(state)) => match &action.kind {
                ActionKind::Hold(hold) => self.settle_hold(slot, hold, state),
                _ => Vec::new(),
            },
            Some(ActionState::Message) => self.settle_message(slot),
            Some(ActionState::Asking(state)) => match &action.kind {
                ActionKind::Ask(ask) => self.settle_ask(slot, ask, state),
                _ => Vec::new(),
            },
            Some(ActionState::InDoubt | ActionState::Judging) => Vec::new(),
        }
    }

    /// What a ramp moves, if a response has set it.
    fn taken_from(self, work: &'a Work) -> Option<(&'a str, &'a str)> {
        let subject = work.actions.iter().find_map(|a| a.builtin.as_ref().map(|b| b.subject.as_str()))?;
        Some((subject, self.taken_by_response(subject)?))
    }

    fn through(self, ix: NodeIx, part: Part) -> Events {
        vec![match part {
            Part::Forward => EventKind::NodeEnded { node: ix, ended: Ended::Succeeded, failure: None, outcome: None },
            Part::Undo => EventKind::UndoEnded { node: ix, failure: None },
        }]
    }

    fn start_action(self, slot: Slot, action: &'a Action) -> Events {
        if let (Part::Undo, Some(why)) = (slot.part, self.passed_over(slot.node, action)) {
            return vec![self.end_action(slot, None, why)];
        }
        let doing = match &action.kind {
            ActionKind::Command(_) | ActionKind::Request(_) | ActionKind::Query(_) => Doing::Work,
            ActionKind::Gate(_) => Doing::Gate,
            ActionKind::Ask(_) => Doing::Ask,
            ActionKind::Hold(hold) => Doing::Hold(match hold.length {
                HoldLength::For(length) => self.now + length,
                HoldLength::Until(moment) => self.moment(moment).unwrap_or(self.now).max(self.now),
            }),
            ActionKind::Notify(message) => return self.start_message(slot, message),
        };
        vec![EventKind::ActionStarted { slot, doing }]
    }

    fn out_of_time(self, ix: NodeIx, work: &'a Work, state: &WorkState, slot: Slot) -> Events {
        let limit = work.limit.duration;
        let what = match state.part {
            Part::Forward => "it",
            Part::Undo => "its undo",
        };
        let asking = matches!(state.state, Some(ActionState::Asking(_)));
        let text = match work.limit.until {
            _ if asking => format!("nobody answered within {}", duration_text(limit)),
            Some(until) if state.part == Part::Forward => {
                format!("{what} was not through at {}", crate::value::offset_text(until))
            }
            _ => format!("{what} was not through after {}", duration_text(limit)),
        };
        let failure = Failure::new(FailureSort::TimedOut, text);
        match &state.state {
            Some(ActionState::Running { .. }) => vec![EventKind::ActionStopping { slot, failure }],
            _ => self.failed(ix, work, state, failure),
        }
    }

    /// Tried again, if there is a try and time left; else the node has failed.
    fn failed(self, ix: NodeIx, work: &'a Work, state: &WorkState, failure: Failure) -> Events {
        let out_of_time = deadline(self.plan, self.run, ix).is_some_and(|limit| self.now >= limit);
        let retries = !out_of_time && !matches!(failure.sort, FailureSort::Inconclusive | FailureSort::InDoubt);
        if let Some(again) = work.retry.as_ref().filter(|_| retries).and_then(|r| self.again(r, state.tries)) {
            let (part, attempt) = (state.part, state.attempt);
            return vec![EventKind::RetryScheduled { node: ix, part, attempt, again, failure }];
        }
        if state.part == Part::Undo {
            return vec![EventKind::UndoEnded { node: ix, failure: Some(failure) }];
        }
        let outcome = if out_of_time && failure.sort == FailureSort::TimedOut {
            work.limit.otherwise.clone()
        } else {
            outcome_of(work, state, &failure)
        };
        vec![self.node_failed(ix, failure, outcome)]
    }

    /// When the next try begins; nothing if there is none left.
    fn again(self, retry: &Retry, tries: u32) -> Option<Timestamp> {
        if tries >= retry.times {
            return None;
        }
        let wait = retry.every.as_secs_f64() * retry.backoff.powi(tries as i32);
        let wait = SignedDuration::try_from_secs_f64(wait).ok()?;
        self.now.checked_add(wait).ok()
    }

    /// Something was running when the runner ended, and nobody knows how far it got.
    fn in_doubt(self, ix: NodeIx, work: &'a Work, slot: Slot) -> Events {
        let action = actions_of(work, slot.part).get(slot.action as usize);
        // What only looks is looked at again.
        if slot.part == Part::Forward && action.is_some_and(|a| !a.changes) {
            return vec![EventKind::ActionStarted { slot, doing: Doing::Work }];
        }
        let failure =
            Failure::new(FailureSort::InDoubt, "the runner ended while it ran, and nobody knows how far it got");
        // An undo bears being run again, and so does a step that says so.
        if slot.part == Part::Undo || work.idempotent {
            let (part, attempt) = (slot.part, slot.attempt);
            return vec![EventKind::RetryScheduled { node: ix, part, attempt, again: self.now, failure }];
        }
        // A step that says what shows that it was done is looked at.
        if !work.done_when.is_empty() {
            return vec![EventKind::ActionStarted { slot, doing: Doing::DoneWhen }];
        }
        self.doubtful(ix, failure)
    }

    /// It was looked whether a step was done before the runner ended: then it is through, else it is done again. What could
    /// not be looked at stays in doubt.
    pub(super) fn judged_done(self, slot: Slot, checks: &[Checked]) -> Events {
        let (ix, attempt) = (slot.node, slot.attempt);
        let looked = EventKind::LookEnded { slot, attempt: 0, checks: checks.to_vec() };
        let unknown = checks.iter().find(|c| matches!(c.truth, Truth::Error | Truth::NoData));
        let mut events = vec![looked];
        match (unknown, checks.iter().all(|c| c.truth == Truth::True)) {
            (Some(check), _) => {
                let text =
                    format!("the runner ended while it ran, and whether it was done cannot be seen: {}", check.text);
                events.extend(self.doubtful(ix, Failure::new(FailureSort::InDoubt, text)));
            }
            (None, true) => {
                events.push(EventKind::NodeEnded { node: ix, ended: Ended::Succeeded, failure: None, outcome: None });
            }
            (None, false) => {
                let failure = Failure::new(FailureSort::InDoubt, "the runner ended while it ran, and it was not done");
                let again = self.now;
                events.push(EventKind::RetryScheduled { node: ix, part: Part::Forward, attempt, again, failure });
            }
        }
        events
    }

    fn doubtful(self, ix: NodeIx, failure: Failure) -> Events {
        let outcome = match self.plan.node(ix).lane {
            Lane::Prepare => Outcome::Stop,
            Lane::Live => Outcome::Rollback(None),
            Lane::After => Outcome::Continue,
        };
        vec![self.node_failed(ix, failure, outcome)]
    }

    /// An action that ended by the engine's own judgement.
    pub(super) fn end_action(self, slot: Slot, failure: Option<Failure>, note: impl Into<String>) -> EventKind {
        EventKind::ActionEnded { slot, result: ActionResult { failure, note: note.into(), captures: Vec::new() } }
    }
}

/// The actions of a node, or those of its undo.
pub(crate) fn actions_of(work: &Work, part: Part) -> &[Action] {
    match part {
        Part::Forward => &work.actions,
        Part::Undo => work.undo.actions(),
    }
}

/// What the failure of an action leads to: a gate and a hold may say so themselves, else it is the node's affair.
fn outcome_of(work: &Work, state: &WorkState, failure: &Failure) -> Outcome {
    let undecided = matches!(failure.sort, FailureSort::Inconclusive | FailureSort::Error);
    match work.actions.get(state.action as usize).map(|a| &a.kind) {
        Some(ActionKind::Gate(gate)) if undecided => gate.on_inconclusive.clone(),
        Some(ActionKind::Gate(gate)) => gate.on_failure.clone().unwrap_or_else(|| work.on_failure.clone()),
        Some(ActionKind::Ask(ask)) if failure.sort == FailureSort::Rejected => ask.on_denied.clone(),
        Some(ActionKind::Hold(hold)) if undecided => hold.on_inconclusive.clone(),
        _ => work.on_failure.clone(),
    }
}
