//! What people say becomes part of the state: answers, ticks, waivers, the end of a pause, what is known of a doubt.

use jiff::Timestamp;

use crate::plan::NodeIx;

use super::apply::work;
use super::event::{Doubt, Part, Who};
use super::say::{Answer, Inquiry, Say};
use super::state::{ActionState, Mode, Run, Status, UndoStatus, WorkState};

/// A person knows what became of a step that was in doubt.
pub(super) fn settle_doubt(run: &mut Run, node: NodeIx, doubt: Doubt) {
    let Some(work) = &mut run.node_mut(node).work else { return };
    if work.state != Some(ActionState::InDoubt) {
        return;
    }
    work.state = None;
    match doubt {
        Doubt::Again => {
            work.action = 0;
            work.attempt += 1;
        }
        Doubt::Done => work.action += 1,
    }
}

/// Somebody was asked.
pub(super) fn asked(run: &mut Run, what: Inquiry, round: u32, at: Timestamp) {
    match what {
        Inquiry::Pause => {
            if let Mode::Paused(pause) = &mut run.mode {
                pause.rounds = round;
            }
        }
        Inquiry::Trigger(trigger) => {
            for open in run.questions.iter_mut().filter(|open| open.trigger == trigger).take(1) {
                open.since.get_or_insert(at);
                open.rounds = round;
            }
        }
        Inquiry::Node(node) => {
            let state = run.node_mut(node);
            state.rounds = round;
            if let Some(ActionState::Asking(asking)) = state.work.as_mut().and_then(|w| w.state.as_mut()) {
                asking.rounds = round;
            }
        }
    }
}

/// What a person said becomes part of the state.
pub(super) fn hear(run: &mut Run, by: &Who, say: &Say, at: Timestamp) {
    match say {
        Say::Override { name, reason } => {
            run.overridden.insert(name.clone(), format!("{reason}, says {by}"));
        }
        Say::Note { text } => run.notes.push((at, by.clone(), text.clone())),
        Say::Answer { node, yes, value, reason } => {
            let words = match (value, yes) {
                (Some(value), _) => format!("answered {value} by {by}"),
                (None, true) => format!("approved by {by}"),
                (None, false) => format!("denied by {by}"),
            };
            answer(
                run,
                *node,
                words,
                Answer { by: by.clone(), yes: *yes, value: value.clone(), reason: reason.clone(), at },
            );
        }
        Say::Tick { node, not_applicable, reason } => {
            let what = if *not_applicable { "not applicable, says" } else { "ticked by" };
            let why = reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            let words = format!("{what} {by}{why}");
            answer(run, *node, words, Answer { by: by.clone(), yes: true, value: None, reason: reason.clone(), at });
        }
        Say::Waive { node, reason } => waive(run, *node, &format!("waived by {by}: {reason}"), at),
        Say::GoOn => {
            if let Mode::Paused(pause) = &mut run.mode {
                pause.answers.push(Answer { by: by.clone(), yes: true, value: None, reason: None, at });
            }
        }
        Say::Fire { trigger, reason } => {
            let pulled = Answer { by: by.clone(), yes: true, value: None, reason: reason.clone(), at };
            run.triggers[*trigger as usize].pulled.push(pulled);
        }
        Say::Decide { trigger, yes, reason } => {
            if let Some(open) = run.questions.iter_mut().find(|open| open.trigger == *trigger) {
                open.answers.push(Answer { by: by.clone(), yes: *yes, value: None, reason: reason.clone(), at });
            }
        }
    }
}

fn answer(run: &mut Run, node: NodeIx, words: String, answer: Answer) {
    let state = run.node_mut(node);
    let before = state.said.take().map(|said| format!("{said}, ")).unwrap_or_default();
    state.said = Some(format!("{before}{words}"));
    if let Some(ActionState::Asking(asking)) = state.work.as_mut().and_then(|w| w.state.as_mut()) {
        asking.answers.push(answer);
    }
}

/// It goes on without a node, or without its undo.
fn waive(run: &mut Run, node: NodeIx, why: &str, at: Timestamp) {
    run.node_mut(node).said = Some(why.to_owned());
    if matches!(run.mode, Mode::Back) {
        if run.parent(node).is_some() {
            let state = run.node_mut(node);
            state.undo = UndoStatus::Passed;
            state.undo_note = Some(why.to_owned());
        } else {
            run.node_mut(node).status = Status::Waived;
            run.count_through(node);
        }
        return;
    }
    let was_final = run.node(node).status.is_final();
    let state = run.node_mut(node);
    state.status = Status::Waived;
    state.ended = Some(at);
    state.work = None;
    run.active.remove(&node);
    if !was_final {
        run.count_through(node);
    }
    if run.stopped.contains(&node) {
        run.stopped.retain(|stopped| *stopped != node);
        // It goes on when nothing else holds it up, and nobody else was asked for a reason of their own.
        if run.stopped.is_empty() && matches!(&run.mode, Mode::Paused(pause) if pause.people.len() == 1) {
            run.mode = Mode::Forward;
            reopen(run, at);
        }
    }
}

/// What stopped, and what was interrupted for it, is done again; but for what stands in a group that has ended.
pub(super) fn reopen(run: &mut Run, at: Timestamp) {
    let stopped = std::mem::take(&mut run.stopped);
    // Groups come before what stands in them.
    for ix in (0..run.nodes.len() as u32).map(NodeIx) {
        let again = stopped.contains(&ix) || run.node(ix).status == Status::Interrupted;
        let stands = run.parent(ix).is_none_or(|parent| run.node(parent).status == Status::Running);
        if !again || !stands || !run.node(ix).status.is_final() {
            continue;
        }
        run.count_back(ix);
        let state = run.node_mut(ix);
        state.status = Status::Running;
        state.ended = None;
        state.failure = None;
        state.since = Some(at);
        state.rounds = 0;
        let attempt = state.attempts + 1;
        state.work = Some(WorkState { attempt, ..work(Part::Forward, at) });
        run.active.insert(ix);
    }
}
