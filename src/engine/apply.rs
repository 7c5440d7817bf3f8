//! `apply`: what an event makes of the state. It decides nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::plan::Outcome;
use crate::value::Value;

use super::event::{
    ActionResult, Doing, Ended, Ending, Event, EventKind, Failure, FailureSort, Judged, Part, Slot, Truth, Watcher,
};
use super::hear::{asked, hear, reopen, settle_doubt};
use super::state::{
    ActionState, Asking, Back, Cause, Consequence, GateState, Halt, HoldCheck, HoldState, Incident, Live, MessageState,
    Mode, NodeState, Open, Pause, Run, Status, UndoStatus, WorkState,
};

/// So many attempts in a row that cannot measure make a gate an error.
pub(super) const MAX_ERRORS: u32 = 5;

/// Makes an event part of the state.
pub fn apply(run: &mut Run, event: &Event) {
    let at = event.at;
    run.now = run.now.max(at);
    match &event.kind {
        EventKind::RunStarted { run: id, by, dir, digest, until, done, parks, .. } => {
            run.parks = *parks;
            run.until = *until;
            run.done_before = done.iter().cloned().collect();
            run.id.clone_from(id);
            run.digest.clone_from(digest);
            run.by = by.clone();
            run.dir.clone_from(dir);
            run.started = Some(at);
        }
        EventKind::Parked { until } => {
            run.parks = true;
            run.parked = Some(*until);
        }
        EventKind::Unparked { .. } => run.parked = None,
        EventKind::PlanChanged { plan, digest, nodes, metrics, comms, lapsed, .. } => {
            super::amend::change(run, plan, digest, nodes, metrics, comms, lapsed, at);
        }
        EventKind::RunResumed { doubts, .. } => {
            run.parked = None;
            resume(run, at);
            doubts.iter().for_each(|(node, doubt)| settle_doubt(run, *node, *doubt));
        }
        EventKind::LockTaken => run.locked = true,
        EventKind::LockRefused { why } => run.refused = Some(why.clone()),
        EventKind::FactRead { name, value } => {
            run.facts.insert(name.clone(), value.clone());
        }
        EventKind::FactFailed { name, why } => run.unanswered = Some(format!("the fact `{name}` is not known: {why}")),
        EventKind::BaselineRead { metric, value, why } => {
            run.baselines.insert(*metric, (value.clone(), why.clone()));
            match value {
                Value::None => run.unread.insert(*metric, at),
                _ => run.unread.remove(metric),
            };
        }
        EventKind::LiveStarted => {
            run.live = Live::Running;
            run.live_since = Some(at);
        }
        EventKind::ZeroSet { zero } => run.zero = Some(*zero),
        EventKind::LiveEnded => {
            run.live = Live::Ended;
            run.incidents.clear();
            run.live_until = Some(at);
        }
        EventKind::Announced { comms, turn, skipped } => {
            run.announced[*comms as usize] = *turn;
            run.unsaid.extend(skipped.clone());
        }
        EventKind::NodeWaiting { node, until } => {
            let state = run.node_mut(*node);
            state.status = Status::Waiting;
            state.until = Some(*until);
        }
        EventKind::NodeStarted { node } => {
            run.order += 1;
            let order = run.order;
            let state = run.node_mut(*node);
            state.status = Status::Running;
            state.until = None;
            // A node that is done again keeps its first start: what it changed then is older.
            state.started.get_or_insert(at);
            if state.order == 0 {
                state.order = order;
            }
            state.work = Some(work(Part::Forward, at));
            state.since = Some(at);
            run.active.insert(*node);
            run.begin_beside(*node);
        }
        EventKind::NodeSkipped { node, .. } => {
            run.node_mut(*node).status = Status::Skipped;
            run.node_mut(*node).ended = Some(at);
            run.count_through(*node);
        }
        EventKind::ActionStarted { slot, doing } => start_action(run, *slot, *doing, at),
        EventKind::ActionStopping { slot, failure } => stop_action(run, *slot, failure),
        EventKind::ActionEnded { slot, result } => end_action(run, *slot, result, at),
        EventKind::AttemptStarted { slot, attempt } => {
            if let Some(gate) = gate_mut(run, *slot) {
                gate.attempts = *attempt;
                gate.attempt_since = Some(at);
                gate.open = true;
                gate.looked = None;
            }
        }
        EventKind::LookEnded { slot, checks, .. } => {
            if let Some(gate) = gate_mut(run, *slot) {
                gate.looked = Some(checks.clone());
            }
        }
        EventKind::AttemptJudged { slot, truth, checks, .. } => {
            if let Some(gate) = gate_mut(run, *slot) {
                judge_attempt(gate, *truth);
                gate.last = Some((*truth, checks.clone()));
            }
        }
        EventKind::RetryScheduled { node, attempt, again, .. } => {
            if let Some(work) = &mut run.node_mut(*node).work {
                work.attempt = attempt + 1;
                work.tries += 1;
                work.action = 0;
                work.state = None;
                work.failed = None;
                work.again = Some(*again);
            }
        }
        EventKind::NodeEnded { node, ended, failure, outcome } => {
            run.end_node(*node, *ended, at);
            run.node_mut(*node).failure.clone_from(failure);
            if *ended == Ended::Failed && run.parent(*node).is_none() {
                run.back.iter_mut().for_each(|back| back.failed = Some(*node));
            }
            if let (Some(outcome), Ended::Failed | Ended::Overdue) = (outcome, ended) {
                let reason = failure.as_ref().map(|f| f.text.clone()).unwrap_or_default();
                run.consequences.push(Consequence { outcome: outcome.clone(), reason, cause: Cause::Node(*node) });
            }
        }
        EventKind::Sampled { metric, sample, judged } => {
            run.remember(*metric, sample.clone());
            for judged in judged {
                judge(run, judged, at, *metric);
            }
        }
        EventKind::Looked { metric, checks } => run.metrics[*metric as usize].looked = Some((at, checks.clone())),
        EventKind::TriggerArmed { trigger } => {
            let state = &mut run.triggers[*trigger as usize];
            state.armed = Some(at);
            state.spans.clear();
            state.fired = false;
            state.blind.clear();
        }
        EventKind::TriggerDisarmed { trigger } => run.triggers[*trigger as usize].armed = None,
        EventKind::TriggerFired { trigger, reason, samples, outcome, asks } => {
            let incident = Incident { since: at, reason: reason.clone(), updates: 0 };
            run.incidents.entry(*trigger).or_insert(incident);
            let state = &mut run.triggers[*trigger as usize];
            state.fired = true;
            state.pulled.clear();
            state.times += 1;
            if state.evidence.is_empty() {
                state.evidence.clone_from(samples);
            }
            if *asks {
                let (trigger, reason) = (*trigger, reason.clone());
                run.questions.push(Open { trigger, reason, since: None, rounds: 0, answers: Vec::new(), most: 0 });
            } else {
                add_trigger_consequence(run, *trigger, outcome, reason);
            }
        }
        EventKind::TriggerRearmed { trigger } => {
            run.incidents.remove(trigger);
            run.triggers[*trigger as usize].fired = false;
        }
        EventKind::IncidentUpdated { trigger, turn } => {
            if let Some(incident) = run.incidents.get_mut(trigger) {
                incident.updates = *turn;
            }
        }
        EventKind::TriggerBlind { trigger, why, outcome } => {
            run.triggers[*trigger as usize].told_blind = true;
            run.triggers[*trigger as usize].blindness.get_or_insert_with(|| (at, why.clone()));
            add_trigger_consequence(run, *trigger, outcome, why);
        }
        EventKind::WentOn { reason } => {
            run.consequences.retain(|c| !matches!(c.outcome, Outcome::Continue | Outcome::Ignore));
            run.reservations.push(reason.clone());
            // What was interrupted for what did not go well is done again; what did not is left.
            if run.mode == Mode::Forward && run.consequences.is_empty() {
                run.stopped.clear();
                reopen(run, at);
            }
        }
        EventKind::ResponseStarted { response, reason } => {
            let called = |c: &Consequence| matches!(c.outcome, Outcome::Respond(_)) && reason.ends_with(&c.reason);
            let first = run.consequences.iter().position(called);
            first.map(|i| run.consequences.remove(i));
            run.called.insert(*response);
            run.reservations.push(reason.clone());
            if run.mode == Mode::Forward && run.consequences.is_empty() {
                run.stopped.clear();
                reopen(run, at);
            }
        }
        EventKind::Asked { what, round } => asked(run, *what, *round, at),
        EventKind::Heard { key, by, say } => {
            run.heard.insert(key.clone());
            hear(run, by, say, at);
        }
        EventKind::Refused { key, .. } => {
            run.heard.insert(key.clone());
        }
        EventKind::QuestionEnded { trigger, yes, outcome, reason } => {
            let ended = run.questions.iter().position(|open| open.trigger == *trigger);
            ended.map(|i| run.questions.remove(i));
            if *yes == Some(false) {
                run.incidents.remove(trigger);
            }
            if yes.is_none() && matches!(outcome, Outcome::Continue) {
                run.reservations.push(reason.clone());
            }
            add_trigger_consequence(run, *trigger, outcome, reason);
        }
        EventKind::Paused { reason, until, otherwise, node, people } => {
            // What else stopped in that moment is part of the pause; what else came up comes after it.
            let stopped = run.consequences.iter().filter_map(|c| match (&c.outcome, &c.cause) {
                (Outcome::Pause { .. }, Cause::Node(ix)) => Some(*ix),
                _ => None,
            });
            let mut all: Vec<_> = run.stopped.iter().copied().chain(stopped).chain(*node).collect();
            all.sort_unstable();
            all.dedup();
            run.stopped = all;
            run.consequences.retain(|c| !matches!(c.outcome, Outcome::Pause { .. }));
            let mut asked = match std::mem::replace(&mut run.mode, Mode::Forward) {
                Mode::Paused(before) => before.people,
                _ => Vec::new(),
            };
            if !asked.contains(people) {
                asked.push(people.clone());
            }
            run.mode = Mode::Paused(Box::new(Pause {
                since: at,
                until: *until,
                otherwise: otherwise.clone(),
                reason: reason.clone(),
                people: asked,
                rounds: 0,
                answers: Vec::new(),
            }));
        }
        EventKind::PauseOver => {
            run.mode = Mode::Forward;
            reopen(run, at);
        }
        EventKind::PauseEnded { otherwise, reason } => {
            run.mode = Mode::Forward;
            let (outcome, reason) = (otherwise.clone(), reason.clone());
            run.consequences.push(Consequence { outcome, reason, cause: Cause::Nobody });
        }
        EventKind::HaltRequested { by, reason, ends } => {
            run.parked = None;
            run.until = None;
            run.halt = Some(Halt { by: by.clone(), reason: reason.clone(), since: at, complete: false, ends: *ends });
        }
        EventKind::Halted => {
            run.locked = false;
            run.halt.iter_mut().for_each(|h| h.complete = true);
        }
        EventKind::RollbackRequested { by, to } => {
            let reason = format!("{by} wanted it");
            let outcome = Outcome::Rollback(to.clone());
            run.consequences.push(Consequence { outcome, reason, cause: Cause::Person(by.clone()) });
        }
        EventKind::RollbackStarted { rollback, reason, by, node, eta, answered } => {
            run.consequences.clear();
            run.questions.clear();
            run.stopped.clear();
            run.mode = Mode::Back;
            // It may go on in another way; when it began stays.
            let (undone, since) = run.back.take().map_or((Vec::new(), at), |back| (back.undone, back.since));
            run.back = Some(Back {
                rollback: *rollback as usize,
                reason: reason.clone(),
                by: by.clone(),
                node: *node,
                eta: eta.clone(),
                since,
                done: 0,
                undone,
                unhealthy: None,
                stuck: None,
                failed: None,
                answered: *answered,
            });
        }
        EventKind::NodeAgain { node } => {
            run.active.remove(node);
            let before = run.node(*node);
            let reached = (before.reached > 0).then_some((before.order, before.reached));
            let earlier = reached.or(before.earlier);
            *run.node_mut(*node) = NodeState { earlier, ..NodeState::new() };
        }
        EventKind::UndoStarted { node } => {
            let state = run.node_mut(*node);
            state.undo = UndoStatus::Undoing;
            state.work = Some(work(Part::Undo, at));
            run.active.insert(*node);
        }
        EventKind::UndoSkipped { node, why } => {
            let state = run.node_mut(*node);
            state.undo = UndoStatus::Passed;
            state.undo_note = Some(why.clone());
            state.work = None;
            run.active.remove(node);
        }
        EventKind::UndoEnded { node, failure } => {
            let state = run.node_mut(*node);
            state.work = None;
            state.undo = if failure.is_some() { UndoStatus::Failed } else { UndoStatus::Undone };
            state.undo_note = failure.as_ref().map(|f| f.text.clone());
            run.active.remove(node);
            if let Some(back) = &mut run.back {
                match failure {
                    Some(failure) => back.stuck = Some((*node, failure.clone())),
                    None => back.undone.push(*node),
                }
            }
        }
        // What it leads to follows by itself.
        EventKind::PointOfNoReturn { .. } => {}
        EventKind::FoundUnhealthy { failure, .. } => {
            run.consequences.clear();
            run.back.iter_mut().for_each(|b| b.unhealthy = Some(failure.clone()));
        }
        EventKind::MessageQueued { channel, subject, text, settings, slot, .. } => {
            run.unsent.entry(channel.clone()).or_default().insert(run.messages.len() as u32);
            run.messages.push(MessageState {
                channel: channel.clone(),
                subject: subject.clone(),
                text: text.clone(),
                settings: settings.clone(),
                slot: *slot,
                at,
                sending: false,
                in_doubt: false,
                sent: None,
            });
        }
        EventKind::MessageSending { key } => {
            let message = &mut run.messages[*key as usize];
            message.sending = true;
        }
        EventKind::MessageSent { key, receipt } => {
            if let Some(receipt) = receipt {
                let channel = run.messages[*key as usize].channel.clone();
                run.receipts.insert(channel, receipt.clone());
            }
            run.end_message(*key, Ok(()));
        }
        EventKind::MessageFailed { key, why, unreachable } => {
            run.end_message(*key, Err(why.clone()));
            if *unreachable {
                run.silent.insert(run.messages[*key as usize].channel.clone());
            }
        }
        EventKind::MessageHeld { key } => {
            let message = &mut run.messages[*key as usize];
            (message.sending, message.in_doubt) = (false, false);
        }
        EventKind::EndingReached { ending, reason } => {
            run.consequences.clear();
            run.why.clone_from(reason);
            run.ending_since = Some(at);
            run.mode = Mode::Ending(*ending, reason.clone());
        }
        EventKind::RunEnded { ending } => {
            run.locked = false;
            run.mode = Mode::Ended(*ending);
        }
    }
}

pub(super) fn work(part: Part, since: Timestamp) -> WorkState {
    WorkState { part, since, attempt: 1, tries: 0, action: 0, state: None, failed: None, again: None }
}

/// What a trigger leads to; going on leads to nothing.
fn add_trigger_consequence(run: &mut Run, trigger: u32, outcome: &Outcome, reason: &str) {
    if !matches!(outcome, Outcome::Continue | Outcome::Ignore) {
        let (outcome, reason) = (outcome.clone(), reason.to_owned());
        run.consequences.push(Consequence { outcome, reason, cause: Cause::Trigger(trigger) });
    }
}

/// A new process begins where the old one was: what ran then is in doubt, and the limits count anew.
fn resume(run: &mut Run, at: Timestamp) {
    run.halt = None;
    run.locked = false;
    run.refused = None;
    run.ending_since = matches!(run.mode, Mode::Ending(..)).then_some(at);
    for message in run.messages.iter_mut().filter(|m| m.sending && m.sent.is_none()) {
        message.in_doubt = true;
    }
    run.unanswered = None;
    // A stuck run goes on where it was stuck: the undo, or the node of the procedure, that failed is tried again.
    if let (Mode::Ended(Ending::Stuck), Some(back)) = (&run.mode, &mut run.back) {
        if let Some((node, _)) = back.stuck.take() {
            let node = &mut run.nodes[node.index()];
            node.undo = UndoStatus::NotBegun;
            node.undo_note = None;
        } else if let Some(node) = back.failed.take() {
            back.done -= 1;
            let node = &mut run.nodes[node.index()];
            node.status = Status::Pending;
            node.failure = None;
        }
        run.mode = Mode::Back;
    }
    for node in &mut run.nodes {
        let Some(work) = &mut node.work else { continue };
        work.since = at;
        match &mut work.state {
            Some(ActionState::Running { .. } | ActionState::Judging) => work.state = Some(ActionState::InDoubt),
            // What only looks and waits does so again, from the beginning.
            Some(ActionState::Gate(_) | ActionState::Hold(_)) => work.state = None,
            Some(ActionState::Asking(asking)) => {
                asking.since = at;
                asking.most = asking.most.max(asking.rounds);
                asking.rounds = asking.rounds.min(1);
            }
            Some(ActionState::Message | ActionState::InDoubt) | None => {}
        }
    }
    // Whoever is asked has their time again, and was told: they hear of it at half time.
    for open in &mut run.questions {
        open.since = open.since.map(|_| at);
        open.most = open.most.max(open.rounds);
        open.rounds = open.rounds.min(1);
    }
    let groups: Vec<_> = run.active.iter().copied().collect();
    for ix in groups {
        let state = run.node_mut(ix);
        state.since = Some(at);
        state.most = state.most.max(state.rounds);
        state.rounds = state.rounds.min(1);
    }
    if let Mode::Paused(pause) = &mut run.mode {
        let left = pause.until.duration_since(pause.since);
        pause.since = at;
        pause.until = at.saturating_add(left).unwrap_or(at);
        pause.rounds = pause.rounds.min(1);
    }
    // Nobody sampled while nobody ran: no span goes on across the gap.
    for trigger in &mut run.triggers {
        trigger.spans.clear();
        trigger.blind.clear();
    }
    for metric in &mut run.metrics {
        metric.spans.clear();
        metric.looked = None;
    }
}

fn start_action(run: &mut Run, slot: Slot, doing: Doing, at: Timestamp) {
    let node = run.node_mut(slot.node);
    if slot.part == Part::Forward {
        node.acted |= matches!(doing, Doing::Work);
        node.reached = node.reached.max(slot.action + 1);
    }
    let Some(work) = &mut run.node_mut(slot.node).work else { return };
    work.attempt = slot.attempt;
    work.action = slot.action;
    work.again = None;
    work.failed = None;
    work.state = Some(match doing {
        Doing::Work => ActionState::Running { since: at, stopping: None },
        Doing::Message => ActionState::Message,
        Doing::DoneWhen => ActionState::Judging,
        Doing::Ask => ActionState::Asking(Box::new(Asking { since: at, rounds: 0, most: 0, answers: Vec::new() })),
        Doing::Hold(until) => {
            let hold = HoldState { since: at, until, checks: BTreeMap::new(), spans: BTreeMap::new() };
            ActionState::Hold(Box::new(hold))
        }
        Doing::Gate => ActionState::Gate(Box::new(GateState {
            since: at,
            attempts: 0,
            attempt_since: None,
            open: false,
            looked: None,
            passes: 0,
            failures: 0,
            failures_in_row: 0,
            errors: 0,
            last: None,
            spans: BTreeMap::new(),
        })),
    });
}

fn stop_action(run: &mut Run, slot: Slot, failure: &Failure) {
    let Some(work) = &mut run.node_mut(slot.node).work else { return };
    if let Some(ActionState::Running { stopping, .. }) = &mut work.state {
        *stopping = Some(failure.clone());
    }
}

fn end_action(run: &mut Run, slot: Slot, result: &ActionResult, at: Timestamp) {
    for captured in &result.captures {
        // Written once: a retry keeps the first.
        match &captured.value {
            Some(value) => {
                run.captures.entry(captured.name.clone()).or_insert_with(|| value.clone());
            }
            None => {
                run.secret_captures.insert(captured.name.clone());
            }
        }
    }
    // What was asked is answered now, and not before everybody has.
    if let Some(ActionState::Asking(asking)) = run.node(slot.node).work.as_ref().and_then(|w| w.state.as_ref())
        && let Some(last) = asking.answers.last()
    {
        let yes = asking.answers.iter().all(|a| a.yes);
        let value = last.value.clone().filter(|_| yes).unwrap_or(Value::Bool(yes));
        run.answers.insert(slot.node, value);
    }
    let Some(work) = &mut run.node_mut(slot.node).work else { return };
    work.state = None;
    match &result.failure {
        None => work.action += 1,
        // A halted action is done again from the beginning of its node, when the run is resumed.
        Some(failure) if failure.sort == FailureSort::Cancelled => {
            work.action = 0;
            work.attempt += 1;
            work.since = at;
        }
        Some(failure) => work.failed = Some(failure.clone()),
    }
}

fn gate_mut(run: &mut Run, slot: Slot) -> Option<&mut GateState> {
    match run.node_mut(slot.node).work.as_mut()?.state.as_mut()? {
        ActionState::Gate(gate) => Some(gate),
        _ => None,
    }
}

fn judge_attempt(gate: &mut GateState, truth: Truth) {
    gate.open = false;
    match truth {
        Truth::True => {
            gate.passes += 1;
            gate.failures_in_row = 0;
            gate.errors = 0;
        }
        Truth::False => {
            gate.passes = 0;
            gate.failures += 1;
            gate.failures_in_row += 1;
            gate.errors = 0;
        }
        Truth::NoData => {
            gate.passes = 0;
            gate.errors = 0;
        }
        Truth::Error => {
            gate.passes = 0;
            gate.errors += 1;
        }
    }
}

fn judge(run: &mut Run, judged: &Judged, at: Timestamp, metric: u32) {
    match judged.watcher {
        Watcher::Trigger(trigger) => {
            let state = &mut run.triggers[trigger as usize];
            match judged.span {
                Some(span) => state.spans.entry(span).or_default().judge(judged.truth, at, judged.needs),
                None if judged.truth == Truth::NoData => {
                    state.blind.entry(metric).or_insert((0, at)).0 += 1;
                }
                None => {
                    state.blind.remove(&metric);
                    state.told_blind &= !state.blind.is_empty();
                }
            }
        }
        Watcher::Watched(gate, check) => {
            if let Some(span) = judged.span {
                let spans = &mut run.metrics[gate as usize].spans;
                spans.entry((check, span)).or_default().judge(judged.truth, at, judged.needs);
            }
        }
        Watcher::Gate(slot, check) => {
            if let (Some(gate), Some(span)) = (gate_mut(run, slot), judged.span) {
                gate.spans.entry((check, span)).or_default().judge(judged.truth, at, judged.needs);
            }
        }
        Watcher::Hold(slot, check) => {
            let Some(work) = &mut run.node_mut(slot.node).work else { return };
            let Some(ActionState::Hold(hold)) = &mut work.state else { return };
            if let Some(span) = judged.span {
                hold.spans.entry((check, span)).or_default().judge(judged.truth, at, judged.needs);
                return;
            }
            let state =
                hold.checks.entry(check).or_insert(HoldCheck { truth: judged.truth, bad: 0, bad_in_row: 0, at });
            state.truth = judged.truth;
            state.at = at;
            match judged.truth {
                Truth::False => {
                    state.bad += 1;
                    state.bad_in_row += 1;
                }
                Truth::True => state.bad_in_row = 0,
                Truth::NoData | Truth::Error => {}
            }
        }
    }
}
