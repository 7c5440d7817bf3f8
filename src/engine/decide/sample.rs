//! A sample, and everything that is judged by it.

use crate::engine::effect::SampleProblem;
use crate::engine::event::{EventKind, Judged, Sample, Slot, Truth, Watcher};
use crate::engine::scene::Scene;
use crate::engine::span::Span;
use crate::engine::state::ActionState;
use crate::engine::watched::metrics_of;
use crate::plan::{ActionKind, Check, Look};
use crate::value::{Expr, Value, evaluate};

use super::work::actions_of;
use super::{Context, Events};

impl<'a> Context<'a> {
    pub(super) fn sampled(self, metric: u32, n: u64, answer: &Result<Value, SampleProblem>, raw: &str) -> Events {
        let said = match answer {
            Ok(value) => (value.clone(), None, false),
            Err(problem) => (Value::None, Some(problem.why.clone()), problem.error),
        };
        self.sampled_as(metric, n, said, raw.to_owned())
    }

    /// A value, why it is that or none, and whether it could not be measured at all.
    pub(super) fn sampled_as(self, metric: u32, n: u64, said: (Value, Option<String>, bool), raw: String) -> Events {
        let Some(state) = self.run.metrics.get(metric as usize) else { return Vec::new() };
        if state.count != n {
            return Vec::new();
        }
        let (value, why, error) = said;
        let sample = Sample { at: self.now, value, why, error, raw };
        let mut judged = Vec::new();
        for (i, trigger) in self.plan.triggers.iter().enumerate() {
            let Some(when) = trigger.when.as_ref().filter(|_| self.run.triggers[i].armed.is_some()) else { continue };
            if self.run.watching.triggers[i].contains(&metric) {
                let watcher = Watcher::Trigger(i as u32);
                self.judge_spans(when, watcher, (metric, &sample), &mut judged);
                // That there was a sample at all: for blindness.
                let truth = if self.unseen(i, metric, &sample).is_some() { Truth::NoData } else { Truth::True };
                judged.push(Judged { watcher, span: None, truth, needs: Default::default() });
            }
        }
        for ix in &self.run.active {
            if let Some(slot) = self.run.slot(*ix) {
                self.judge_slot(slot, (metric, &sample), &mut judged);
            }
        }
        self.judge_watched(metric, &sample, &mut judged);
        let mut events = vec![EventKind::Sampled { metric, sample: sample.clone(), judged: judged.clone() }];
        events.extend(self.triggers_after((metric, &sample), &judged));
        events
    }

    /// Why a trigger sees nothing with a sample: there is no value in it, nothing to compare it with, or its condition cannot
    /// be worked out. How long it must hold does not matter for that.
    pub(super) fn unseen(self, trigger: usize, metric: u32, sample: &Sample) -> Option<String> {
        if sample.value == Value::None {
            return Some(sample.why.clone().unwrap_or_else(|| "no data".into()));
        }
        let (at_once, baselines) = self.run.watching.at_once[trigger].as_ref()?;
        let unread = |index: &u32| self.run.baselines.get(index).filter(|(value, _)| *value == Value::None);
        if let Some((_, why)) = baselines.iter().find_map(unread) {
            return Some(format!("there is no baseline: {why}"));
        }
        let scene = Scene { newest: Some((metric, sample)), ..Scene::new(self.plan, self.run, self.now) };
        match evaluate(at_once, &scene) {
            Ok(Value::Bool(_)) => None,
            Ok(_) => {
                let other = |m: &u32| *m != metric && self.run.fresh(self.plan, *m, self.now).is_none();
                let old = self.run.watching.triggers[trigger].iter().copied().find(other);
                let old =
                    old.map(|m| format!("{} has no sample that is young enough", self.plan.metrics[m as usize].id));
                Some(old.unwrap_or_else(|| "there is no data for all of its condition".into()))
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// What a metric was before the release; nothing below its floor.
    pub(super) fn baseline_read(self, metric: u32, answer: &Result<(Value, String), String>) -> Events {
        let Some(plan) = self.plan.metrics.get(metric as usize).filter(|_| !self.run.knows_baseline(metric)) else {
            return Vec::new();
        };
        let (value, why) = match answer {
            Ok((value, made_of)) => match &plan.floor {
                Some(floor) if value.magnitude() < floor.magnitude() => {
                    (floor.clone(), format!("its floor; it was {}, {made_of}", value.brief()))
                }
                _ => (value.clone(), made_of.clone()),
            },
            Err(why) => (Value::None, why.clone()),
        };
        vec![EventKind::BaselineRead { metric, value, why }]
    }

    /// The conditions of the gate or the hold that a node is at.
    fn judge_slot(self, slot: Slot, sample: (u32, &Sample), judged: &mut Vec<Judged>) {
        let Some(work) = self.plan.node(slot.node).work() else { return };
        let Some(action) = actions_of(work, slot.part).get(slot.action as usize) else { return };
        match (&action.kind, self.run.slot_state(slot)) {
            (ActionKind::Hold(hold), Some(ActionState::Hold(state))) => {
                for (i, check) in hold.checks.iter().enumerate() {
                    if !metrics_of(self.plan, &check.expr).contains(&sample.0) {
                        continue;
                    }
                    let last = state.checks.get(&(i as u32)).map(|c| c.at);
                    let too_soon =
                        hold.every.zip(last).is_some_and(|(every, last)| self.now.duration_since(last) < every);
                    if too_soon {
                        continue;
                    }
                    let watcher = Watcher::Hold(slot, i as u32);
                    self.judge_spans(check, watcher, sample, judged);
                    // One bad sample counts once: each of its metrics has a new one when it is judged again.
                    let is_new = |m: &u32| {
                        let at = self.run.metrics[*m as usize].last.as_ref().map(|s| s.at);
                        *m == sample.0 || at.is_some_and(|at| last.map_or(at >= state.since, |last| at > last))
                    };
                    if !metrics_of(self.plan, &check.expr).iter().all(is_new) {
                        continue;
                    }
                    let spans = |id: u32| state.spans.get(&(i as u32, id)).cloned();
                    let truth = self.truth(&check.expr, sample, &self.renewed(watcher, judged, &spans));
                    judged.push(Judged { watcher, span: None, truth, needs: Default::default() });
                }
            }
            (ActionKind::Gate(gate), Some(ActionState::Gate(_))) => {
                for (i, look) in gate.looks.iter().enumerate() {
                    if let Look::Metric(check) = look
                        && metrics_of(self.plan, &check.expr).contains(&sample.0)
                    {
                        self.judge_spans(check, Watcher::Gate(slot, i as u32), sample, judged);
                    }
                }
            }
            _ => {}
        }
    }

    /// The spans of the gates that conditions watch. Where nobody has looked for a while, a span begins anew.
    fn judge_watched(self, metric: u32, sample: &Sample, judged: &mut Vec<Judged>) {
        let asked = &self.plan.metrics[metric as usize];
        let longest = (asked.every + asked.action.within.unwrap_or_default()) * 3;
        let last = self.run.metrics[metric as usize].last.as_ref().map(|s| s.at);
        let unwatched = last.is_some_and(|last| self.now.duration_since(last) > longest);
        for (g, i, about) in &self.run.watching.gates {
            let looks = self.plan.metrics[*g as usize].gate().map(|gate| &gate.looks);
            if let Some(Look::Metric(check)) = looks.and_then(|looks| looks.get(*i as usize))
                && about.contains(&metric)
            {
                let watcher = Watcher::Watched(*g, *i);
                let before = judged.len();
                self.judge_spans(check, watcher, (metric, sample), judged);
                if unwatched {
                    let ended: Vec<Judged> =
                        judged[before..].iter().map(|j| Judged { truth: Truth::False, ..j.clone() }).collect();
                    judged.splice(before..before, ended);
                }
            }
        }
    }

    /// Every `for` of a condition, by a new sample.
    fn judge_spans(self, check: &Check, watcher: Watcher, sample: (u32, &Sample), judged: &mut Vec<Judged>) {
        let mut spans = Vec::new();
        check.expr.walk(&mut |e| {
            if let Expr::Held { id, condition, span } = e {
                spans.push((*id, condition.clone(), span.clone()));
            }
        });
        for (id, condition, span) in spans {
            let Some(Value::Duration(needs)) = span.known() else { continue };
            let truth = self.truth(&condition, sample, &|_| None);
            judged.push(Judged { watcher, span: Some(id), truth, needs: *needs });
        }
    }

    /// What a condition is with a sample that is not part of the state yet.
    pub(super) fn truth(self, expr: &Expr, newest: (u32, &Sample), spans: &dyn Fn(u32) -> Option<Span>) -> Truth {
        let scene = Scene { newest: Some(newest), spans: Some(spans), ..Scene::new(self.plan, self.run, self.now) };
        match evaluate(expr, &scene) {
            Ok(Value::Bool(true)) => Truth::True,
            Ok(Value::Bool(false)) => Truth::False,
            Ok(_) => Truth::NoData,
            Err(_) => Truth::Error,
        }
    }

    /// The spans of a watcher as they will be once this sample is part of the state.
    pub(super) fn renewed<'s>(
        self,
        watcher: Watcher,
        judged: &'s [Judged],
        spans: &'s dyn Fn(u32) -> Option<Span>,
    ) -> impl Fn(u32) -> Option<Span> + 's {
        let now = self.now;
        move |id| {
            let mut span = spans(id);
            if let Some(new) = judged.iter().find(|j| j.watcher == watcher && j.span == Some(id)) {
                span.get_or_insert_default().judge(new.truth, now, new.needs);
            }
            span
        }
    }
}
