//! An event in words: who, what, and how bad it is. The lines of every screen come from here.

use jiff::{SignedDuration, Timestamp};

use crate::engine::state::{ActionState, NodeState};
use crate::engine::{
    Doing, Doubt, Effect, EffectId, Ended, Ending, Event, EventKind, Failure, FailureSort, Inquiry, Part, Run, Sample,
    Say, Slot, Truth, Watcher, effect, seen,
};
use crate::paint::Paint;
use crate::plan::{Action, ActionKind, NodeIx, NodeKind, Plan, Sort, Undo, moment};
use crate::source::{harmless, one_line};
use crate::value::{Value, duration_text};

use super::evidence::{Over, evidence, of_attempt, of_verdict};

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As expected.
    Good,
    /// Not as expected.
    Bad,
    /// Worth a look.
    Warn,
    /// Something begins.
    Begin,
    /// For the record.
    Quiet,
    /// Somebody says something.
    Say,
}

impl Tone {
    /// The sign before a line, and the line in its colour.
    pub(super) fn sign(self, paint: Paint) -> String {
        match self {
            Tone::Good => paint.good("✓"),
            Tone::Bad => paint.bad("✗"),
            Tone::Warn => paint.warn("!"),
            Tone::Begin => paint.name("▸"),
            Tone::Quiet => paint.dim("·"),
            Tone::Say => paint.name("»"),
        }
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tone: Tone,
    /// The node, the trigger, the channel; empty for the run itself.
    pub(super) who: String,
    pub(super) text: String,
    /// What belongs to it, below.
    pub(super) more: Vec<String>,
}

fn line(tone: Tone, who: impl Into<String>, text: impl Into<String>) -> Line {
    Line { tone, who: one_line(&who.into()), text: one_line(&text.into()), more: Vec::new() }
}

/// When something happened, relative to T+0; nothing as long as T+0 is not known.
pub(super) fn stamp(plan: &Plan, run: &Run, at: Timestamp) -> String {
    let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start));
    zero.map_or_else(|| "T-?".into(), |zero| moment::relative_text(rounded(at.duration_since(zero))))
}

/// To the tenth of a second, towards the earlier.
fn rounded(duration: SignedDuration) -> SignedDuration {
    SignedDuration::from_millis((duration.as_millis() as i64).div_euclid(100) * 100)
}

/// A length of time for people: whole seconds from ten on, tenths below, milliseconds below one.
pub(super) fn spoken(duration: SignedDuration) -> String {
    let ms = duration.as_millis() as i64;
    match ms {
        10_000.. => duration_text(SignedDuration::from_secs(ms / 1000)),
        1_000.. if ms % 1000 < 100 => format!("{}s", ms / 1000),
        1_000.. => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => format!("{ms}ms"),
    }
}

/// The event in words; nothing for what only programs want to know. `run` is the state after it.
pub(super) fn words(plan: &Plan, run: &Run, event: &Event) -> Option<Line> {
    let id = |ix: &NodeIx| plan.node(*ix).id.clone();
    Some(match &event.kind {
        EventKind::RunStarted { run: id, by, .. } => {
            line(Tone::Begin, "", format!("{} started as run {id} by {by}", plan.runbook.title))
        }
        EventKind::RunResumed { by, doubts } => {
            let said: Vec<String> = doubts
                .iter()
                .map(|(node, doubt)| match doubt {
                    Doubt::Again => format!("; {} is done again", id(node)),
                    Doubt::Done => format!("; {} was done", id(node)),
                })
                .collect();
            line(Tone::Begin, "", format!("run {} resumed by {by}{}", run.id, said.concat()))
        }
        EventKind::Parked { until } => {
            let when = moment::local_text(*until, &moment::zone(&plan.runbook.timezone));
            line(Tone::Quiet, "", format!("parked: nothing happens until {when}; `runbook resume --due` goes on then"))
        }
        EventKind::Unparked { by } => line(Tone::Quiet, "", format!("taken up by {by}")),
        EventKind::PlanChanged { by, reason, digest, lapsed, .. } => {
            let again: Vec<String> = lapsed.iter().map(id).collect();
            let lapsed = match again.is_empty() {
                true => String::new(),
                false => format!("; asked for again: {}", again.join(", ")),
            };
            line(Tone::Warn, "", format!("goes on by the plan {digest}: {reason}, says {by}{lapsed}"))
        }
        EventKind::LockTaken => line(Tone::Quiet, "", format!("lock {} taken", plan.runbook.locks.join(", "))),
        EventKind::LockRefused { why } => line(Tone::Bad, "", why),
        EventKind::FactRead { name, value } => line(Tone::Quiet, name, format!("is {value}")),
        // It is asked for again until it is known; that it is not is told once.
        EventKind::BaselineRead { value: Value::None, .. } if run.live_since.is_some_and(|since| event.at > since) => {
            return None;
        }
        EventKind::BaselineRead { metric, value: Value::None, why } => line(
            Tone::Bad,
            &plan.metrics[*metric as usize].id,
            format!("no baseline: {why}; it is asked for again, and until then what is compared with it is an error"),
        ),
        EventKind::BaselineRead { metric, value, why } => {
            line(Tone::Quiet, &plan.metrics[*metric as usize].id, format!("baseline {}, {why}", value.brief()))
        }
        EventKind::FactFailed { name, why } => line(Tone::Bad, name, why),
        EventKind::LiveStarted => return None,
        EventKind::ZeroSet { .. } => return None,
        EventKind::LiveEnded => line(Tone::Good, "", "the live part is through: the release is committed"),
        EventKind::NodeWaiting { node, until } => {
            let left = until.duration_since(event.at);
            let zone = moment::zone(&plan.runbook.timezone);
            let when = match run.zero.or(plan.release.as_ref().and_then(|r| r.start)) {
                Some(_) => stamp(plan, run, *until),
                None => moment::local_text(*until, &zone),
            };
            let what = match plan.opening(*node, event.at, &|name| run.overridden.contains_key(name)) {
                Some((open, what)) if open == *until => format!(", {what}"),
                _ => String::new(),
            };
            line(Tone::Quiet, id(node), format!("waits for {when} ({}){what}", spoken(left)))
        }
        EventKind::NodeStarted { node } => started(plan, *node)?,
        EventKind::NodeSkipped { node, why } => line(Tone::Quiet, id(node), format!("left out: {why}")),
        EventKind::ActionStarted { slot, doing } => return action_started(plan, run, *slot, *doing, event.at),
        EventKind::ActionStopping { slot, failure } => {
            line(Tone::Warn, id(&slot.node), format!("is being stopped: {}", failure.text))
        }
        EventKind::ActionEnded { .. } | EventKind::AttemptStarted { .. } | EventKind::LookEnded { .. } => return None,
        EventKind::AttemptJudged { slot, attempt, truth, checks } => {
            if *truth == Truth::True {
                return None;
            }
            let why: Vec<String> = checks
                .iter()
                .filter(|c| c.truth != Truth::True)
                .map(|c| if c.why.is_empty() { c.text.clone() } else { format!("{}: {}", c.text, c.why) })
                .collect();
            let verdict = match truth {
                Truth::False => "did not pass",
                Truth::NoData => "could not tell yet",
                Truth::Error | Truth::True => "could not measure",
            };
            let mut line = line(Tone::Warn, id(&slot.node), format!("attempt {attempt} {verdict}: {}", why.join("; ")));
            // What it is judged by is the same for all of them, and told again at the end.
            if *attempt == 1 {
                line.more = of_attempt(plan, run, *slot, checks);
            }
            line
        }
        EventKind::RetryScheduled { node, part, again, failure, .. } => {
            let what = if *part == Part::Undo { "the undo failed" } else { "failed" };
            let left = again.duration_since(event.at);
            let mut line =
                line(Tone::Warn, id(node), format!("{what}, is tried again in {}: {}", spoken(left), failure.text));
            line.more = tail(failure);
            line
        }
        EventKind::NodeEnded { node, ended, failure, .. } => {
            return node_ended(plan, run, event.at, *node, *ended, failure.as_ref());
        }
        EventKind::Sampled { metric, sample, judged } => return sampled(plan, run, *metric, sample, judged),
        EventKind::Looked { .. } | EventKind::TriggerArmed { .. } | EventKind::TriggerDisarmed { .. } => return None,
        EventKind::TriggerFired { trigger, reason, .. } => {
            let reason = reason.split_once(": ").map_or(reason.as_str(), |(_, rest)| rest);
            let fired = &plan.triggers[*trigger as usize];
            let mut line = line(Tone::Bad, &fired.id, format!("trigger fired: {reason}"));
            let since = run.triggers[*trigger as usize].spans.values().filter_map(|s| s.since).min();
            let over = since.map_or(Over::Now, Over::TrueSince);
            line.more = fired.when.iter().flat_map(|check| evidence(plan, run, check, over)).collect();
            line
        }
        EventKind::TriggerRearmed { trigger } => {
            line(Tone::Quiet, &plan.triggers[*trigger as usize].id, "its condition is false again")
        }
        EventKind::TriggerBlind { trigger, why, .. } => {
            let blind = &plan.triggers[*trigger as usize];
            let mut line = line(Tone::Warn, &blind.id, why);
            line.more = blind.when.iter().flat_map(|check| evidence(plan, run, check, Over::Now)).collect();
            line
        }
        EventKind::WentOn { reason } => line(Tone::Warn, "", format!("went on with a reservation: {reason}")),
        EventKind::ResponseStarted { response, reason } => {
            let id = &plan.responses[*response as usize].id;
            line(Tone::Warn, id, format!("begins beside the timeline: {reason}"))
        }
        EventKind::Asked { what, round } => asked(plan, run, *what, *round)?,
        EventKind::Heard { by, say, .. } => heard(plan, by, say),
        EventKind::Refused { by, say, why, .. } => {
            let said = heard(plan, by, say);
            Line { tone: Tone::Quiet, text: one_line(&format!("{}, which does not count: {why}", said.text)), ..said }
        }
        EventKind::QuestionEnded { trigger, yes, outcome, .. } => {
            let id = &plan.triggers[*trigger as usize].id;
            let then = match outcome {
                crate::plan::Outcome::Ignore => "it goes on".to_owned(),
                other => crate::plan::outcome_text(other),
            };
            match yes {
                Some(_) => return None,
                None => line(Tone::Warn, id, format!("nobody answered: {then}")),
            }
        }
        EventKind::Paused { reason, until, otherwise, .. } => {
            let left = until.duration_since(event.at);
            let then = crate::plan::outcome_text(otherwise);
            line(Tone::Warn, "", format!("paused for {}, then {then}: {reason}", spoken(left)))
        }
        EventKind::PauseOver => line(Tone::Begin, "", "goes on: what stopped is done again"),
        EventKind::PauseEnded { otherwise, .. } => {
            line(Tone::Warn, "", format!("nobody came: {}", crate::plan::outcome_text(otherwise)))
        }
        EventKind::HaltRequested { by, reason, .. } => line(Tone::Warn, "", format!("halted by {by}: {reason}")),
        EventKind::Halted if matches!(run.mode, crate::engine::state::Mode::Ending(..)) => line(
            Tone::Warn,
            "",
            "nothing runs any more; the run has come to its end, and what is left to do is not done",
        ),
        EventKind::Halted if run.back.is_some() => {
            line(Tone::Warn, "", "nothing runs any more; the way back is not through")
        }
        EventKind::Halted => line(Tone::Warn, "", "nothing runs any more; nothing was undone"),
        EventKind::RollbackRequested { by, .. } => line(Tone::Warn, "", format!("{by} wants to go back")),
        EventKind::RollbackStarted { rollback, reason, .. } => {
            let title = &plan.rollbacks[*rollback as usize].title;
            line(Tone::Bad, "", format!("rolling back ({title}): {reason}"))
        }
        EventKind::UndoStarted { node } => line(Tone::Begin, id(node), "is being undone"),
        EventKind::NodeAgain { .. } => return None,
        EventKind::PointOfNoReturn { node, why } => {
            line(Tone::Bad, id(node), format!("cannot be undone: {why}; a person says how far it goes back"))
        }
        EventKind::UndoSkipped { node, why } => line(Tone::Quiet, id(node), format!("is not undone: {why}")),
        EventKind::UndoEnded { node, failure: None } => line(Tone::Good, id(node), "undone"),
        EventKind::UndoEnded { node, failure: Some(failure) } => {
            let mut line = line(Tone::Bad, id(node), format!("the undo failed: {}", failure.text));
            line.more = tail(failure);
            line
        }
        EventKind::FoundUnhealthy { node, failure } => {
            line(Tone::Bad, id(node), format!("rolled back, and not healthy: {}", failure.text))
        }
        EventKind::Announced { skipped: Some(why), .. } => {
            line(Tone::Warn, "", format!("a message was not sent: {why}"))
        }
        EventKind::Announced { .. } | EventKind::IncidentUpdated { .. } => return None,
        EventKind::MessageQueued { channel, subject, text, .. } => {
            let text = harmless(text);
            let mut lines = text.lines().map(str::to_owned);
            let first = match subject {
                Some(subject) => one_line(subject),
                None => lines.next().unwrap_or_default(),
            };
            Line { tone: Tone::Say, who: channel.clone(), text: first, more: lines.collect() }
        }
        EventKind::MessageSending { .. } | EventKind::MessageSent { .. } | EventKind::MessageHeld { .. } => {
            return None;
        }
        EventKind::MessageFailed { key, why, .. } => {
            let channel = run.messages.get(*key as usize).map(|m| m.channel.clone()).unwrap_or_default();
            line(Tone::Warn, channel, format!("a message could not be sent: {why}"))
        }
        EventKind::EndingReached { .. } => return None,
        EventKind::RunEnded { ending } => {
            let tone = match ending {
                Ending::Completed => Tone::Good,
                Ending::CompletedWithReservations | Ending::RolledBack | Ending::Stopped => Tone::Warn,
                Ending::Unhealthy | Ending::Stuck | Ending::Locked => Tone::Bad,
            };
            let why =
                if *ending == Ending::Stopped { format!("{}: {}", ending.words(), run.why) } else { String::new() };
            line(tone, "", if run.why.is_empty() || why.is_empty() { ending.words().to_owned() } else { why })
        }
    })
}

/// The last lines of output, for below a failure.
pub(super) fn tail(failure: &Failure) -> Vec<String> {
    failure.tail.iter().map(|l| one_line(l)).collect()
}

fn started(plan: &Plan, ix: NodeIx) -> Option<Line> {
    let node = plan.node(ix);
    Some(match &node.kind {
        NodeKind::Phase { .. } if node.parent.is_none() && !plan.phases.contains(&ix) => return None,
        NodeKind::Phase { .. } => line(Tone::Begin, &node.id, format!("phase {} begins", node.title)),
        NodeKind::Parallel { checklist: true, lanes, .. } => {
            let items = if lanes.len() == 1 { "1 item".to_owned() } else { format!("{} items", lanes.len()) };
            line(Tone::Begin, &node.id, format!("checklist {}: {items}", node.title))
        }
        NodeKind::Parallel { .. } => line(Tone::Begin, &node.id, format!("{}: side by side", node.title)),
        // What is open is shown by its list.
        NodeKind::Work(work) if work.sort == crate::plan::Sort::Item => return None,
        // What a message says is shown by itself.
        NodeKind::Work(work) if work.sort == crate::plan::Sort::Notify => return None,
        NodeKind::Work(_) if node.title == node.id => line(Tone::Begin, &node.id, "starts"),
        NodeKind::Work(_) => line(Tone::Begin, &node.id, &node.title),
        NodeKind::Undo { .. } => return None,
    })
}

/// Who is asked what, the first time or again.
fn asked(plan: &Plan, run: &Run, what: Inquiry, round: u32) -> Option<Line> {
    let again = if round > 1 { "is still open: " } else { "" };
    Some(match what {
        Inquiry::Node(ix) => {
            let node = plan.node(ix);
            match &node.kind {
                NodeKind::Parallel { lanes, .. } if round > 1 => {
                    let open = lanes.iter().filter(|lane| !run.node(**lane).status.is_final());
                    let open: Vec<&str> = open.map(|lane| plan.node(*lane).id.as_str()).collect();
                    line(Tone::Say, &node.id, format!("still open: {}", open.join(", ")))
                }
                NodeKind::Parallel { .. } => return None,
                _ => {
                    let ask = node.work()?.actions.first().map(action_words).unwrap_or_default();
                    // At half time those who were asked and the first level, then one level after the other.
                    let level = (round as usize).checked_sub(2).and_then(|i| node.escalation().get(i));
                    let text = match level.map(|level| level.people.words()) {
                        Some(level) if round == 2 => format!("{again}{ask}, and {level}"),
                        Some(level) => format!("{again}asks {level}"),
                        None => format!("{again}{ask}"),
                    };
                    line(Tone::Say, &node.id, text)
                }
            }
        }
        Inquiry::Trigger(index) => {
            let trigger = &plan.triggers[index as usize];
            let people = trigger.ask.as_ref().map(|ask| ask.people.words()).unwrap_or_default();
            let then = crate::plan::outcome_text(&trigger.outcome);
            line(Tone::Say, &trigger.id, format!("{again}asks {people}: {then}?"))
        }
        Inquiry::Pause if round > 1 => line(Tone::Say, "", "still paused"),
        Inquiry::Pause => return None,
    })
}

/// What was said about a node, in the words of what was asked.
pub(super) fn said_of(node: &crate::plan::Node, state: &NodeState) -> String {
    let said = state.said.clone().unwrap_or_default();
    match node.work().map(|w| w.sort) {
        Some(Sort::Confirm) => said.replace("approved by", "confirmed by"),
        _ => said,
    }
}

/// What somebody said.
fn heard(plan: &Plan, by: &crate::engine::Who, say: &Say) -> Line {
    let because = |reason: &Option<String>| reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    let trigger = |index: &u32| plan.triggers[*index as usize].id.clone();
    let id = |ix: &NodeIx| plan.node(*ix).id.clone();
    match say {
        Say::Answer { node, value: Some(value), .. } => line(Tone::Say, id(node), format!("{by} answers {value}")),
        Say::Answer { node, yes, reason, .. } => {
            let word = if *yes { "says yes" } else { "says no" };
            line(Tone::Say, id(node), format!("{by} {word}{}", because(reason)))
        }
        Say::Tick { node, not_applicable, reason } => {
            let word = if *not_applicable { "says that it does not apply" } else { "ticks it" };
            line(Tone::Say, id(node), format!("{by} {word}{}", because(reason)))
        }
        Say::Waive { node, reason } => line(Tone::Say, id(node), format!("{by} goes on without it: {reason}")),
        Say::Fire { trigger: index, reason } => {
            line(Tone::Say, trigger(index), format!("{by} fires it{}", because(reason)))
        }
        Say::Decide { trigger: index, yes, reason } => {
            let word = if *yes { "says yes" } else { "says no, it goes on" };
            line(Tone::Say, trigger(index), format!("{by} {word}{}", because(reason)))
        }
        Say::GoOn => line(Tone::Say, "", format!("{by} resumes it")),
        Say::Override { name, reason } => line(Tone::Warn, "", format!("{by} passes over `{name}`: {reason}")),
        Say::Note { text } => line(Tone::Say, "", format!("note of {by}: {text}")),
    }
}

fn action_started(plan: &Plan, run: &Run, slot: Slot, doing: Doing, at: Timestamp) -> Option<Line> {
    let work = plan.node(slot.node).work()?;
    match doing {
        Doing::Work => {}
        Doing::DoneWhen => {
            let text = "it is looked whether it was done before the runner ended";
            return Some(line(Tone::Quiet, &plan.node(slot.node).id, text));
        }
        Doing::Gate if work.actions.len() > 1 => {}
        Doing::Gate | Doing::Hold(_) | Doing::Message | Doing::Ask => return None,
    }
    Some(line(Tone::Quiet, &plan.node(slot.node).id, doing_words(plan, run, slot, at)?))
}

/// What the action of a slot does, with what the run captured put in; secrets stay names.
pub(super) fn doing_words(plan: &Plan, run: &Run, slot: Slot, at: Timestamp) -> Option<String> {
    match effect(plan, run, EffectId::Action(slot), at) {
        Effect::Action(action) => Some(action_words(&action)),
        _ => {
            let work = plan.node(slot.node).work()?;
            Some(action_words(actions(work, slot.part).get(slot.action as usize)?))
        }
    }
}

pub(super) fn actions(work: &crate::plan::Work, part: Part) -> &[Action] {
    match (part, &work.undo) {
        (Part::Forward, _) => &work.actions,
        (Part::Undo, Undo::Actions { actions, .. }) => actions,
        (Part::Undo, _) => &[],
    }
}

/// What an action does, in a few words.
fn action_words(action: &Action) -> String {
    match &action.kind {
        ActionKind::Command(command) => crate::plan::command_text(command),
        ActionKind::Request(request) => crate::plan::request_text(request),
        ActionKind::Query(query) => crate::plan::query_text(query),
        ActionKind::Gate(gate) if gate.title.is_empty() => "gate".into(),
        ActionKind::Gate(gate) => format!("gate: {}", gate.title),
        ActionKind::Hold(_) => "hold".into(),
        ActionKind::Ask(ask) => format!("asks {}", ask.people.words()),
        ActionKind::Notify(message) => format!("notify {}", message.channels.join(", ")),
    }
}

fn node_ended(
    plan: &Plan,
    run: &Run,
    at: Timestamp,
    ix: NodeIx,
    ended: Ended,
    failure: Option<&Failure>,
) -> Option<Line> {
    let (node, state) = (plan.node(ix), run.node(ix));
    let took = state.started.map(|s| format!(" in {}", spoken(at.duration_since(s)))).unwrap_or_default();
    let is_notify = node.work().is_some_and(|w| w.sort == crate::plan::Sort::Notify);
    Some(match (ended, &node.kind) {
        (_, NodeKind::Undo { .. }) => return None,
        (Ended::Succeeded, _) if is_notify => return None,
        (Ended::Succeeded, NodeKind::Phase { .. }) if node.parent.is_none() && !plan.phases.contains(&ix) => {
            line(Tone::Good, &node.id, format!("through{took}"))
        }
        (Ended::Succeeded, NodeKind::Phase { .. }) => {
            line(Tone::Good, &node.id, format!("phase {} through{took}", node.title))
        }
        (Ended::Succeeded, _) if state.said.is_some() => line(Tone::Good, &node.id, said_of(node, state)),
        (Ended::Succeeded, NodeKind::Work(work)) if work.sort == crate::plan::Sort::Item => {
            line(Tone::Good, &node.id, format!("ticks itself: {}", node.title))
        }
        (Ended::Succeeded, _) => line(Tone::Good, &node.id, format!("done{took}")),
        (Ended::Interrupted, NodeKind::Phase { .. } | NodeKind::Parallel { .. }) => return None,
        (Ended::Interrupted, NodeKind::Work(work)) if work.sort == crate::plan::Sort::Item => return None,
        (Ended::Interrupted, _) => line(Tone::Warn, &node.id, format!("interrupted after{}", took.replace(" in", ""))),
        (Ended::Overdue, _) => {
            let why = failure.map(|f| f.text.as_str()).unwrap_or_default();
            line(Tone::Warn, &node.id, format!("overdue: {why}"))
        }
        (Ended::Failed, _) => {
            let why = failure.map(|f| f.text.as_str()).unwrap_or_default();
            // A no is no failure, and says itself what it is.
            let text = match failure.map(|f| f.sort) {
                Some(FailureSort::Rejected) => why.to_owned(),
                _ => format!("failed{}: {why}", took.replace(" in", " after")),
            };
            let mut line = line(Tone::Bad, &node.id, text);
            line.more = failure.map(tail).unwrap_or_default();
            line.more.extend(of_verdict(plan, run, ix, failure));
            line
        }
    })
}

/// A sample is worth a line when it could not be taken and that is new, when a trigger's condition becomes true, or a
/// hold's check is false.
fn sampled(plan: &Plan, run: &Run, metric: u32, sample: &Sample, judged: &[crate::engine::Judged]) -> Option<Line> {
    if let (Some(why), Value::None) = (&sample.why, &sample.value) {
        let before = run.metrics[metric as usize].recent.iter().rev().nth(1);
        let is_news = before.is_none_or(|before| before.why.as_ref() != Some(why));
        return is_news.then(|| line(Tone::Warn, &plan.metrics[metric as usize].id, format!("no data: {why}")));
    }
    // What had none has data again.
    let before = run.metrics[metric as usize].recent.iter().rev().nth(1);
    let back = before.is_some_and(|before| before.value == Value::None);
    // Of a gate that fails, what it found.
    let why = sample.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
    let value = format!("{} {}{why}", plan.metrics[metric as usize].id, seen(&sample.value));
    for judged in judged {
        match judged.watcher {
            Watcher::Hold(slot, check) if judged.span.is_none() && judged.truth == Truth::False => {
                let (text, count, values) = hold_check(plan, run, slot, check)?;
                return Some(line(Tone::Warn, &plan.node(slot.node).id, format!("{text} is false, {count}: {values}")));
            }
            Watcher::Trigger(i) if judged.span.is_some() && judged.truth == Truth::True => {
                let state = &run.triggers[i as usize];
                let since = judged.span.and_then(|s| state.spans.get(&s)).and_then(|s| s.since);
                if since == Some(sample.at) && !state.fired {
                    let trigger = &plan.triggers[i as usize];
                    let text = format!("{value}: fires if it stays so for {}", duration_text(judged.needs));
                    return Some(line(Tone::Warn, &trigger.id, text));
                }
            }
            _ => {}
        }
    }
    back.then(|| {
        line(Tone::Good, &plan.metrics[metric as usize].id, format!("has data again: {}", seen(&sample.value)))
    })
}

/// A check of a hold, how often it was bad, and the values that it was judged by.
fn hold_check(plan: &Plan, run: &Run, slot: Slot, check: u32) -> Option<(String, String, String)> {
    let work = plan.node(slot.node).work()?;
    let ActionKind::Hold(hold) = &actions(work, slot.part).get(slot.action as usize)?.kind else { return None };
    let judged = hold.checks.get(check as usize)?;
    let values = judged.expr.watched().into_iter().filter_map(|name| {
        let newest = run.metrics[plan.metrics.iter().position(|m| m.id == name)?].last.as_ref()?;
        let why = newest.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
        Some(format!("{name} {}{why}", seen(&newest.value)))
    });
    let (text, values) = (judged.text.clone(), values.collect::<Vec<_>>().join(", "));
    let state = run.node(slot.node).work.as_ref().and_then(|w| w.state.as_ref());
    let bad = match state {
        Some(ActionState::Hold(state)) => {
            state.checks.get(&check).map_or(0, |c| if hold.fail_after.in_a_row { c.bad_in_row } else { c.bad })
        }
        _ => hold.fail_after.times,
    };
    Some((format!("`{text}`"), format!("{bad} of {}", hold.fail_after.times), values))
}
