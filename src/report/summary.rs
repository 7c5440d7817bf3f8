//! The end of a run in words that can be pasted into a chat: how it ended, why, what was undone and what was not.

use jiff::{SignedDuration, Timestamp};

use crate::engine::state::{ActionState, Live, Mode, Status, UndoStatus};
use crate::engine::{Ending, Run};
use crate::paint::{self, Paint};
use crate::plan::{NodeIx, NodeKind, Plan, Sort, moment};
use crate::source::one_line;

use super::evidence::sample_words;
use super::lines::{said_of, spoken, stamp};

/// A node that began so much after its moment was late.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// So many of the last lines of a failure are repeated.
const PRINTED: usize = 5;

/// The summary of a run that is over, or is left by this process.
pub fn summary(plan: &Plan, run: &Run, now: Timestamp, paint: Paint) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    rows.extend(reason(plan, run));
    rows.extend(samples(plan, run));
    rows.extend(doubtful(plan, run));
    rows.extend(undone(plan, run));
    rows.extend(problems(run));
    rows.extend(blind(plan, run));
    rows.extend(late(plan, run));
    rows.extend(people(plan, run));
    rows.extend(passed_over(run));
    rows.extend(next(plan, run, now));
    rows.push(("run", run.id.clone()));
    let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = format!("{}\n", headline(plan, run, now, paint));
    for (name, value) in rows {
        let first = format!("  {}  ", paint::pad(name, widest));
        let lines = paint::wrap(&value, paint.width.saturating_sub(first.len()).max(30));
        for (i, line) in lines.iter().enumerate() {
            let lead = if i == 0 { first.clone() } else { " ".repeat(first.len()) };
            text.push_str(&format!("{lead}{line}\n"));
        }
    }
    text
}

/// Whether the process of a run ended before anything could be written down about that.
fn is_left(run: &Run) -> bool {
    run.ending().is_none() && run.parked.is_none() && run.halt.as_ref().is_none_or(|halt| !halt.complete)
}

/// The triggers that could not see for a while: whoever reads that all went well should know what nobody looked at.
fn blind(plan: &Plan, run: &Run) -> Vec<(&'static str, String)> {
    let triggers = plan.triggers.iter().zip(&run.triggers);
    let told = triggers.filter_map(|(trigger, state)| Some((trigger, state.blindness.as_ref()?)));
    told.map(|(_, (at, why))| ("blind", format!("{why}, at {}", stamp(plan, run, *at)))).collect()
}

/// The windows and blackouts that did not hold.
fn passed_over(run: &Run) -> Vec<(&'static str, String)> {
    run.overridden.iter().map(|(name, why)| ("override", one_line(&format!("{name}: {why}")))).collect()
}

/// What was running when the process ended.
fn doubtful(plan: &Plan, run: &Run) -> Vec<(&'static str, String)> {
    let running = |ix: &&NodeIx| {
        let state = run.node(**ix).work.as_ref().and_then(|w| w.state.as_ref());
        is_left(run) && matches!(state, Some(ActionState::Running { .. } | ActionState::InDoubt))
    };
    let found = run.active.iter().filter(running);
    found
        .map(|ix| {
            let id = &plan.node(*ix).id;
            ("in doubt", format!("{id}: nobody knows how far it got, and its command may still be running"))
        })
        .collect()
}

/// Nodes that began later than they were to.
fn late(plan: &Plan, run: &Run) -> Vec<(&'static str, String)> {
    let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start));
    let mut rows = Vec::new();
    for (node, state) in plan.nodes.iter().zip(&run.nodes) {
        let due = node.at.zip(zero).and_then(|(at, zero)| zero.checked_add(at).ok());
        if let (Some(due), Some(started)) = (due, state.started)
            && started.duration_since(due) >= LATE
        {
            rows.push(("late", format!("{}: began {} late", node.id, spoken(started.duration_since(due)))));
        }
    }
    rows
}

/// What people decided, item by item but for checklists, of which only what does not apply is told.
fn people(plan: &Plan, run: &Run) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    for (node, state) in plan.nodes.iter().zip(&run.nodes) {
        let said = said_of(node, state);
        match (state.status, node.work().map(|w| w.sort)) {
            (Status::Waived, _) => rows.push(("waived", one_line(&format!("{}: {said}", node.id)))),
            (Status::Overdue, _) => {
                let why = state.failure.as_ref().map(|f| f.text.as_str()).unwrap_or_default();
                rows.push(("overdue", one_line(&format!("{}: {why}", node.id))));
            }
            (_, Some(Sort::Approve | Sort::Confirm | Sort::Question)) if !said.is_empty() => {
                rows.push(("asked", one_line(&format!("{}: {said}", node.id))));
            }
            (_, Some(Sort::Item)) if said.starts_with("not applicable") => {
                rows.push(("item", one_line(&format!("{}: {said}", node.id))));
            }
            _ => {}
        }
    }
    rows.extend(
        run.notes.iter().map(|(at, by, text)| ("note", one_line(&format!("{} {by}: {text}", stamp(plan, run, *at))))),
    );
    rows
}

fn headline(plan: &Plan, run: &Run, now: Timestamp, paint: Paint) -> String {
    // What has ended takes no longer.
    let now = if run.ending().is_some() { run.ending_since.unwrap_or(run.now) } else { now };
    let passed = |since: Timestamp| now.duration_since(since).max(SignedDuration::ZERO);
    let took = run.started.map(|s| format!(" after {}", spoken(passed(s)))).unwrap_or_default();
    let (done, all) = run.progress(plan);
    let what = match plan.release.as_ref().and_then(|r| r.version.as_ref()) {
        Some(version) => format!("{} {}", plan.runbook.title, one_line(version)),
        None => plan.runbook.title.clone(),
    };
    let ending = match run.ending() {
        Some(Ending::Completed) => paint.good("completed"),
        Some(ending @ (Ending::CompletedWithReservations | Ending::RolledBack | Ending::Stopped)) => {
            paint.warn(ending.words())
        }
        Some(ending @ (Ending::Unhealthy | Ending::Stuck | Ending::Locked)) => paint.bad(ending.words()),
        None if run.parked.is_some() => paint.warn("parked"),
        None if is_left(run) => paint.bad("left in the middle: its process is gone"),
        None => paint.warn("paused"),
    };
    format!("{}: {ending}{took}, {done} of {all} nodes", paint.bold(one_line(&what)))
}

fn reason(plan: &Plan, run: &Run) -> Option<(&'static str, String)> {
    let why = match (&run.back, &run.mode, &run.halt) {
        (_, Mode::Ended(Ending::Stopped), _) if !run.why.is_empty() => run.why.clone(),
        (Some(back), ..) => format!("{} at {}", back.reason, stamp(plan, run, back.since)),
        (_, _, Some(halt)) => format!("{} by {}", halt.reason, halt.by),
        (_, Mode::Ending(_, reason), _) => reason.clone(),
        // A reservation says for itself why there is one.
        _ if run.ending() == Some(Ending::CompletedWithReservations) => return None,
        _ => first_failure(plan, run).or_else(|| run.refused.clone()).or_else(|| run.unanswered.clone())?,
    };
    Some(("reason", one_line(&why)))
}

fn first_failure(plan: &Plan, run: &Run) -> Option<String> {
    let failed = (0..plan.nodes.len() as u32).map(NodeIx).find(|ix| run.node(*ix).status == Status::Failed)?;
    let failure = run.node(failed).failure.as_ref()?;
    Some(format!("{}: {}", plan.node(failed).id, failure.text))
}

/// The samples of the trigger that caused the way back.
fn samples(plan: &Plan, run: &Run) -> Option<(&'static str, String)> {
    let fired = run.triggers.iter().position(|t| !t.evidence.is_empty())?;
    let samples: Vec<String> = run.triggers[fired].evidence.iter().map(|s| sample_words(plan, run, s)).collect();
    Some(("samples", samples.join(", ")))
}

fn undone(plan: &Plan, run: &Run) -> Vec<(&'static str, String)> {
    let Some(back) = &run.back else { return Vec::new() };
    let mut rows = Vec::new();
    let names: Vec<&str> = back.undone.iter().map(|ix| plan.node(*ix).id.as_str()).collect();
    let text = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    rows.push(("undone", text));
    for (i, node) in plan.nodes.iter().enumerate() {
        let state = &run.nodes[i];
        let note = state.undo_note.as_deref().unwrap_or_default();
        match state.undo {
            UndoStatus::Passed => rows.push(("not undone", format!("{}: {note}", node.id))),
            UndoStatus::Undoing => rows.push(("half undone", node.id.clone())),
            UndoStatus::Failed => rows.push(("undo failed", format!("{}: {note}", node.id))),
            UndoStatus::NotBegun if state.order > 0 && has_undo(node) && run.order_of_line(plan) > state.order => {
                rows.push(("not undone", format!("{}: before the point of no return", node.id)));
            }
            UndoStatus::NotBegun if is_unfinished(run) && state.order > 0 && has_undo(node) => {
                rows.push(("still to undo", node.id.clone()));
            }
            _ => {}
        }
    }
    if let (Some(Ending::Stuck), Some(node)) = (run.ending(), back.failed) {
        let why = run.node(node).failure.as_ref().map(|f| f.text.as_str()).unwrap_or_default();
        rows.push(("stuck at", one_line(&format!("{}: {why}", plan.node(node).id))));
    }
    if let (Some(Ending::Stuck), Some(line)) = (run.ending(), run.waits_at_line(plan)) {
        let why = plan.node(line).work().and_then(|w| w.undo.why()).unwrap_or_default();
        rows.push(("stuck at", one_line(&format!("{}: cannot be undone: {why}", plan.node(line).id))));
    }
    if let Some(failure) = &back.unhealthy {
        rows.push(("not healthy", one_line(&failure.text)));
    }
    rows
}

/// Whether something is still to be undone: the run is stuck, or was halted on its way back.
fn is_unfinished(run: &Run) -> bool {
    matches!(run.ending(), Some(Ending::Stuck) | None)
}

fn has_undo(node: &crate::plan::Node) -> bool {
    matches!(&node.kind, NodeKind::Work(work) if !work.undo.actions().is_empty())
}

fn problems(run: &Run) -> Vec<(&'static str, String)> {
    let mut rows: Vec<(&str, String)> = run.reservations.iter().map(|r| ("reservation", one_line(r))).collect();
    for message in &run.messages {
        if let Some(Err(why)) = &message.sent {
            let words = message.subject.as_deref().unwrap_or(&message.text);
            let words = paint::cut(&one_line(words.lines().next().unwrap_or_default()), 60);
            rows.push(("not sent", format!("{}: \"{words}\": {why}", message.channel)));
        }
    }
    rows.extend(run.unsaid.iter().map(|why| ("not sent", one_line(why))));
    rows.extend(printed(run).into_iter().flatten().map(|l| ("printed", one_line(l))));
    rows
}

/// The last lines of what went wrong: of the undo that failed, else of the node that caused it all.
fn printed(run: &Run) -> Option<&[String]> {
    let stuck = run.back.as_ref().and_then(|back| back.stuck.as_ref()).map(|(_, failure)| failure);
    let caused = || match &run.back {
        Some(back) => run.node(back.node?).failure.as_ref(),
        None => run.nodes.iter().find(|n| n.status == Status::Failed)?.failure.as_ref(),
    };
    let tail = &stuck.or_else(caused)?.tail;
    Some(&tail[tail.len().saturating_sub(PRINTED)..])
}

/// What to do next.
fn next(plan: &Plan, run: &Run, now: Timestamp) -> Option<(&'static str, String)> {
    let id = &run.id;
    let line = run.waits_at_line(plan);
    Some(match (run.ending(), line) {
        (Some(Ending::Stuck), Some(line)) => {
            let named: Vec<String> = plan
                .rollbacks
                .iter()
                .filter(|r| !r.id.is_empty())
                .map(|r| format!(", `runbook rollback {id} --to {}` by that way", r.id))
                .collect();
            let line = &plan.node(line).id;
            (
                "next",
                format!(
                    "`runbook rollback {id}` goes back to `{line}` and no further{}, `runbook abort {id} --reason …` leaves it as it is; the lock is kept",
                    named.concat()
                ),
            )
        }
        (Some(Ending::Stuck), None) => {
            let back = run.back.as_ref();
            let at = back.and_then(|b| b.stuck.as_ref().map(|(node, _)| *node).or(b.failed));
            let at = at.map(|ix| plan.node(ix).id.as_str()).unwrap_or("ID");
            (
                "next",
                format!(
                    "mend what stands in the way, then `runbook resume {id}` tries it again; `runbook waive {id} {at} --reason …` goes on without it; the lock is kept"
                ),
            )
        }
        (None, _) if run.parked.is_some_and(|until| until <= now) => {
            ("next", format!("it is due: `runbook resume --due` goes on, or `runbook resume {id}`"))
        }
        (None, _) if run.parked.is_some() => {
            let until = run.parked.map(|until| moment::local_text(until, &moment::zone(&plan.runbook.timezone)));
            let until = until.unwrap_or_default();
            (
                "next",
                format!(
                    "nothing happens until {until}; `runbook resume --due` goes on from then on, or `runbook resume {id}`"
                ),
            )
        }
        (None, _) if run.back.is_some() => ("next", format!("`runbook resume {id}` goes on with the way back")),
        (None, _) if run.live == Live::Running => {
            ("next", format!("`runbook resume {id}` goes on, `runbook rollback {id}` goes back; nothing was undone"))
        }
        (None, _) => ("next", format!("`runbook resume {id}` goes on, `runbook abort {id} --reason …` ends it")),
        (Some(_), _) => return None,
    })
}
