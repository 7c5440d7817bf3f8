//! Gates: attempts, and the verdict.
//!
//! **pass**: enough attempts in a row passed. **fail**: a check was false often enough, or the deadline came after a false
//! one. **inconclusive**: the deadline came, nothing was false, and it had not passed. **error**: five attempts in a row,
//! or its only one, could not measure at all. Fail beats error beats inconclusive. No data is never a pass.

use crate::engine::apply::MAX_ERRORS;
use crate::engine::effect::SampleProblem;
use crate::engine::event::{Checked, EventKind, Failure, FailureSort, Slot, Truth, seen};
use crate::engine::scene::Scene;
use crate::engine::span::Span;
use crate::engine::state::{ActionState, GateState};
use crate::engine::watched::{metrics_of, missing_inside};
use crate::plan::{Check, Gate, Look};
use crate::value::{Expr, RefKind, Value, duration_text, evaluate};

use jiff::Timestamp;

use super::{Context, Events};

impl<'a> Context<'a> {
    pub(super) fn settle_gate(self, slot: Slot, gate: &'a Gate, state: &GateState) -> Events {
        if state.open {
            return self.settle_attempt(slot, gate, state);
        }
        if let Some(end) = self.verdict(slot, gate, state) {
            return vec![end];
        }
        let due = state.attempt_since.is_none_or(|since| self.now >= since + gate.every);
        if !due {
            return Vec::new();
        }
        vec![EventKind::AttemptStarted { slot, attempt: state.attempts + 1 }]
    }

    /// An attempt is judged when everything has been looked at, or when the gate's time is over.
    fn settle_attempt(self, slot: Slot, gate: &'a Gate, state: &GateState) -> Events {
        let began = state.attempt_since.unwrap_or(self.now);
        let looked = state.looked.is_some() || !needs_world(gate);
        let sampled = |check: &Check| {
            metrics_of(self.plan, &check.expr)
                .iter()
                .all(|m| self.run.metrics[*m as usize].last.as_ref().is_some_and(|sample| sample.at >= began))
        };
        let metrics = gate.looks.iter().all(|look| match look {
            Look::Metric(check) => sampled(check),
            Look::Action(_) | Look::Expect(_) => true,
        });
        let over = gate.within.is_some_and(|within| self.now >= state.since + within);
        let complete = looked && metrics;
        if !complete && !over {
            return Vec::new();
        }
        let mut checks = match (&state.looked, looked) {
            (Some(checks), _) => checks.clone(),
            (None, true) => Vec::new(),
            // A command or a request that did not answer in time is a false check.
            (None, false) => vec![Checked {
                text: "the gate's commands and requests".into(),
                truth: Truth::False,
                why: "they had not answered when the gate's time was over".into(),
            }],
        };
        for (i, look) in gate.looks.iter().enumerate() {
            if let Look::Metric(check) = look {
                checks.push(self.judge_metric(slot, i as u32, check, began));
            }
        }
        let truth = combine(checks.iter().map(|c| c.truth));
        vec![EventKind::AttemptJudged { slot, attempt: state.attempts, truth, checks }]
    }

    /// The commands and requests of a gate that a condition watches have been looked at.
    pub(super) fn watched_looked(self, metric: u32, n: u64, checks: &[Checked]) -> Events {
        let state = self.run.metrics.get(metric as usize);
        match state.is_some_and(|state| state.count == n && state.looked.is_none()) {
            true => vec![EventKind::Looked { metric, checks: checks.to_vec() }],
            false => Vec::new(),
        }
    }

    /// The gates that conditions watch, whose attempts are complete: what they judge by is known.
    pub(super) fn settle_watched(self) -> Events {
        for (metric, state) in self.run.metrics.iter().enumerate() {
            let Some((at, looked)) = &state.looked else { continue };
            if missing_inside(self.plan, self.run, metric as u32, *at).is_empty() {
                return self.attempted(metric as u32, state.count, *at, looked);
            }
        }
        Vec::new()
    }

    fn attempted(self, metric: u32, n: u64, at: Timestamp, looked: &[Checked]) -> Events {
        let Some(gate) = self.plan.metrics.get(metric as usize).and_then(|m| m.gate()) else { return Vec::new() };
        let mut checks = looked.to_vec();
        for (i, look) in gate.looks.iter().enumerate() {
            if let Look::Metric(check) = look {
                let spans = |id: u32| self.run.metrics[metric as usize].spans.get(&(i as u32, id)).cloned();
                checks.push(self.judge_by(check, at, &spans));
            }
        }
        let (raw, why) = (told(&checks), explain(&checks));
        let answer = match combine(checks.iter().map(|c| c.truth)) {
            Truth::True => Ok(Value::Bool(true)),
            Truth::False => return self.sampled_as(metric, n, (Value::Bool(false), Some(why), false), raw),
            Truth::NoData => Err(SampleProblem::no_data(why)),
            Truth::Error => Err(SampleProblem::error(why)),
        };
        self.sampled(metric, n, &answer, &raw)
    }

    /// A condition over metrics, with the newest samples.
    fn judge_metric(self, slot: Slot, look: u32, check: &Check, began: Timestamp) -> Checked {
        let spans = |id: u32| -> Option<Span> {
            match self.run.slot_state(slot) {
                Some(ActionState::Gate(gate)) => gate.spans.get(&(look, id)).cloned(),
                _ => None,
            }
        };
        self.judge_by(check, began, &spans)
    }

    /// By samples that were young enough at a moment, or are newer than it.
    pub(in crate::engine) fn judge_by(
        self,
        check: &Check,
        asked_at: Timestamp,
        spans: &dyn Fn(u32) -> Option<Span>,
    ) -> Checked {
        let scene = Scene { spans: Some(spans), ..self.scene_at(asked_at) };
        let (truth, why) = match evaluate(&check.expr, &scene) {
            Ok(Value::Bool(true)) => (Truth::True, self.values_at(&check.expr, asked_at)),
            Ok(Value::Bool(false)) => (Truth::False, self.values_at(&check.expr, asked_at)),
            Ok(_) if self.unmeasured(&check.expr) => (Truth::Error, self.values_at(&check.expr, asked_at)),
            Ok(_) => (Truth::NoData, self.values_at(&check.expr, asked_at)),
            Err(error) => (Truth::Error, error.to_string()),
        };
        Checked { text: check.text.clone(), truth, why }
    }

    /// Whether a metric of a condition could not be measured at all.
    fn unmeasured(self, expr: &Expr) -> bool {
        metrics_of(self.plan, expr).iter().any(|m| self.run.metrics[*m as usize].last.as_ref().is_some_and(|s| s.error))
    }

    /// The values that a condition was judged by: `error_rate 7%`.
    pub(super) fn values(self, expr: &Expr) -> String {
        self.values_at(expr, self.now)
    }

    fn scene_at(self, asked_at: Timestamp) -> Scene<'a> {
        Scene { asked_at: Some(asked_at), ..Scene::new(self.plan, self.run, self.now) }
    }

    fn values_at(self, expr: &Expr, asked_at: Timestamp) -> String {
        let scene = self.scene_at(asked_at);
        let mut words = Vec::new();
        for name in expr.watched() {
            let reference = Expr::Ref(crate::value::Ref { kind: RefKind::Metric, name: name.to_owned() });
            let value = evaluate(&reference, &scene).unwrap_or(Value::None);
            let index = self.plan.metrics.iter().position(|m| m.id == name);
            let newest = index.and_then(|i| self.run.metrics[i].recent.last());
            let why = newest.filter(|s| s.value == value).and_then(|s| s.why.as_deref());
            words.push(match why {
                Some(why) => format!("{name} {}: {why}", seen(&value)),
                None => format!("{name} {}", seen(&value)),
            });
        }
        words.join(", ")
    }

    fn verdict(self, slot: Slot, gate: &'a Gate, state: &GateState) -> Option<EventKind> {
        let (truth, checks) = state.last.as_ref()?;
        let attempts = match state.attempts {
            1 => "1 attempt".to_owned(),
            n => format!("{n} attempts"),
        };
        if *truth == Truth::True && state.passes >= gate.pass_after {
            return Some(self.end_action(slot, None, format!("passed, {attempts}")));
        }
        if gate.patient {
            return None;
        }
        let failed = gate.fail_after.is_some_and(|f| {
            let count = if f.in_a_row { state.failures_in_row } else { state.failures };
            count >= f.times
        });
        let over = gate.within.is_none_or(|within| self.now >= state.since + within);
        let unable = state.errors >= MAX_ERRORS || (gate.within.is_none() && *truth == Truth::Error);
        let name = if gate.title.is_empty() { "the gate".to_owned() } else { format!("the gate `{}`", gate.title) };
        let why = explain(checks);
        let (sort, text) = match () {
            () if failed || (over && state.failures > 0) => {
                (FailureSort::Failed, format!("{name} failed on {attempts}: {why}"))
            }
            () if unable => (FailureSort::Error, format!("{name} could not measure: {why}")),
            () if over => {
                let after = gate.within.map(|w| format!(" within {}", duration_text(w))).unwrap_or_default();
                (FailureSort::Inconclusive, format!("{name} could not tell{after}: {why}"))
            }
            () => return None,
        };
        Some(self.end_action(slot, Some(Failure::new(sort, text)), attempts))
    }

    pub(super) fn look_ended(self, slot: Slot, attempt: u32, checks: &[Checked]) -> Events {
        match self.run.slot_state(slot) {
            Some(ActionState::Gate(gate)) if gate.open && gate.attempts == attempt && gate.looked.is_none() => {
                vec![EventKind::LookEnded { slot, attempt, checks: checks.to_vec() }]
            }
            Some(ActionState::Judging) if attempt == 0 => self.judged_done(slot, checks),
            _ => Vec::new(),
        }
    }
}

/// Whether a gate looks at more than metrics.
pub(crate) fn needs_world(gate: &Gate) -> bool {
    gate.looks.iter().any(|look| !matches!(look, Look::Metric(_)))
}

/// Fail beats error beats no data.
pub(super) fn combine(truths: impl Iterator<Item = Truth>) -> Truth {
    let worst = |t: &Truth| match t {
        Truth::False => 3,
        Truth::Error => 2,
        Truth::NoData => 1,
        Truth::True => 0,
    };
    truths.max_by_key(worst).unwrap_or(Truth::NoData)
}

/// All checks and what came of them, for the record.
fn told(checks: &[Checked]) -> String {
    let word = |truth| match truth {
        Truth::True => "so",
        Truth::False => "not so",
        Truth::NoData => "no data",
        Truth::Error => "error",
    };
    let one = |c: &Checked| {
        format!(
            "{}: {}{}",
            c.text,
            word(c.truth),
            if c.why.is_empty() { String::new() } else { format!(" ({})", c.why) }
        )
    };
    checks.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The checks that did not pass, in words.
fn explain(checks: &[Checked]) -> String {
    let bad: Vec<String> = checks
        .iter()
        .filter(|c| c.truth != Truth::True)
        .map(|c| if c.why.is_empty() { c.text.clone() } else { format!("{} ({})", c.text, c.why) })
        .collect();
    if bad.is_empty() { "it had not passed often enough".into() } else { bad.join("; ") }
}
