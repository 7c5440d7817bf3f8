//! Why a condition was judged as it was: its rule and the line of the file, what was asked, the samples, the answer as it
//! came.

use jiff::Timestamp;

use crate::engine::{Checked, Effect, EffectId, Failure, Run, Sample, Slot, Truth, effect, seen};
use crate::paint::{cut, ends};
use crate::plan::{ActionKind, Check, Look, Metric, NodeIx, Plan, command_text, look_words, query_text, request_text};
use crate::source::one_line;
use crate::value::{RefKind, duration_text};

use super::lines::{actions, stamp};

/// So many samples are shown, the newest.
const SAMPLES: usize = 8;

/// So wide is what may be long, in columns.
const WIDE: usize = 160;

/// Over which time a condition is explained.
#[derive(Clone, Copy)]
pub(super) enum Over {
    /// As it is now.
    Now,
    /// It has been true since then.
    TrueSince(Timestamp),
    /// It was looked at since then.
    LookedAtSince(Timestamp),
}

/// The lines that explain a condition.
pub(super) fn evidence(plan: &Plan, run: &Run, check: &Check, over: Over) -> Vec<String> {
    let (since, held) = match over {
        Over::Now => (None, String::new()),
        Over::TrueSince(since) => (Some(since), format!(", true since {}", stamp(plan, run, since))),
        Over::LookedAtSince(since) => (Some(since), String::new()),
    };
    let mut lines = vec![format!("rule     {}: {}{held}", check.place, cut(&one_line(&check.text), WIDE))];
    let watched = check.expr.watched();
    let several = watched.len() > 1;
    for name in watched {
        let Some(index) = plan.metrics.iter().position(|m| m.id == name) else { continue };
        let state = &run.metrics[index];
        let of = if several { format!(" {name}") } else { String::new() };
        lines.push(format!("asked   {of} {}", cut(&asked(plan, run, index as u32), WIDE)));
        let compared = check.expr.names(RefKind::Baseline).contains(&name);
        if let Some((value, why)) = run.baselines.get(&(index as u32)).filter(|_| compared) {
            lines.push(format!("baseline{of} {}, {}", seen(value), cut(&one_line(why), WIDE)));
        }
        let from = state.recent.iter().filter(|s| since.is_none_or(|since| s.at >= since));
        let mut samples: Vec<&Sample> = from.collect();
        let all = samples.len();
        let kept = if since.is_some() { SAMPLES } else { 1 };
        samples.drain(..all.saturating_sub(kept));
        if samples.is_empty() {
            lines.push(format!("samples {of} none yet"));
            continue;
        }
        // The first of a long span is not among the newest any more.
        let before = all.saturating_sub(samples.len());
        let before = if before > 0 && since.is_some() { format!("{before} before, ") } else { String::new() };
        let mut shown: Vec<String> = Vec::new();
        for (i, sample) in samples.iter().enumerate() {
            // The same reason again and again says nothing more.
            let same = i > 0 && samples[i - 1].why == sample.why;
            let without = Sample { why: None, ..(*sample).clone() };
            shown.push(sample_words(plan, run, if same { &without } else { sample }));
        }
        lines.push(format!("samples {of} {before}{}", shown.join(", ")));
        if let Some(newest) = samples.last().filter(|s| !s.raw.is_empty()) {
            lines.push(format!("answer  {of} {}", ends(&one_line(&newest.raw), WIDE)));
        }
    }
    lines
}

/// What the checks of an attempt that did not pass were judged by, where that is metrics.
pub(super) fn of_attempt(plan: &Plan, run: &Run, slot: Slot, checks: &[Checked]) -> Vec<String> {
    let action = plan.node(slot.node).work().and_then(|w| actions(w, slot.part).get(slot.action as usize));
    let Some(ActionKind::Gate(gate)) = action.map(|a| &a.kind) else { return Vec::new() };
    let failed = |text: &str| checks.iter().any(|c| c.truth != Truth::True && c.text == text);
    let judged = gate.looks.iter().filter_map(|look| match look {
        Look::Metric(check) if failed(&check.text) => Some(check),
        _ => None,
    });
    judged.flat_map(|check| evidence(plan, run, check, Over::Now)).collect()
}

/// What a hold or a gate that failed was judged by: the conditions that its failure names.
pub(super) fn of_verdict(plan: &Plan, run: &Run, ix: NodeIx, failure: Option<&Failure>) -> Vec<String> {
    let (Some(work), Some(failure)) = (plan.node(ix).work(), failure) else { return Vec::new() };
    let over = run.node(ix).started.map_or(Over::Now, Over::LookedAtSince);
    let judged = work.actions.iter().flat_map(|action| match &action.kind {
        ActionKind::Hold(hold) => {
            let named = |check: &&Check| failure.text.starts_with(&format!("`{}`", check.text));
            hold.checks.iter().filter(named).collect::<Vec<_>>()
        }
        ActionKind::Gate(gate) if failure.text.starts_with("the gate") => {
            let named = |check: &&Check| failure.text.contains(&check.text);
            let metrics = gate.looks.iter().filter_map(|look| match look {
                Look::Metric(check) => Some(check),
                Look::Action(_) | Look::Expect(_) => None,
            });
            metrics.filter(named).collect()
        }
        _ => Vec::new(),
    });
    judged.flat_map(|check| evidence(plan, run, check, over)).collect()
}

/// `T+7.5s 8%`, with why where there is no value.
pub(super) fn sample_words(plan: &Plan, run: &Run, sample: &Sample) -> String {
    let why = sample.why.as_ref().map(|why| format!(" ({})", cut(&one_line(why), WIDE))).unwrap_or_default();
    format!("{} {}{why}", stamp(plan, run, sample.at), seen(&sample.value))
}

/// Where a metric comes from, with what the run knows put in.
fn asked(plan: &Plan, run: &Run, index: u32) -> String {
    let metric: &Metric = &plan.metrics[index as usize];
    let known = match effect(plan, run, EffectId::Sample(index, 0), run.now) {
        Effect::Sample(known) => known.action.kind,
        _ => metric.action.kind.clone(),
    };
    match &known {
        ActionKind::Query(query) => format!("{}: {}", query.source, query_text(query)),
        ActionKind::Command(command) => format!("run {}", command_text(command)),
        ActionKind::Request(request) => request_text(request),
        ActionKind::Gate(gate) => format!("the gate, each {}: {}", duration_text(metric.every), look_words(gate)),
        ActionKind::Notify(_) | ActionKind::Hold(_) | ActionKind::Ask(_) => String::new(),
    }
}
