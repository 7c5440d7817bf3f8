//! Triggers: armed through the live part, fired by a sample, armed again when their condition has been false.

use jiff::SignedDuration;

use crate::engine::event::{EventKind, Judged, Sample, Truth, Watcher, seen};
use crate::engine::scene::{Happening, Scene};
use crate::engine::state::{Live, Mode};
use crate::plan::{Moment, Outcome, Trigger};
use crate::value::{Value, duration_text, evaluate};

use crate::engine::Answer;
use crate::engine::asked::is_enough;

use super::comms::instant;
use super::{Context, Events};

/// A trigger is blind when its metric has had no data for three intervals, at least a minute.
const BLIND_SAMPLES: u32 = 3;
const BLIND_TIME: SignedDuration = SignedDuration::from_mins(1);

impl<'a> Context<'a> {
    /// Arms and disarms what should be.
    pub(super) fn arming(self) -> Events {
        let live = self.run.live == Live::Running && matches!(self.run.mode, Mode::Forward | Mode::Paused(_));
        let mut events = Vec::new();
        for (i, trigger) in self.plan.triggers.iter().enumerate() {
            let armed = self.run.triggers[i].armed.is_some();
            let begun = trigger.from.as_ref().is_none_or(|m| self.reached(m));
            let over = trigger.until.as_ref().is_some_and(|m| self.reached(m));
            let should = live && begun && !over;
            let index = i as u32;
            match (armed, should) {
                (false, true) => events.push(EventKind::TriggerArmed { trigger: index }),
                (true, false) => events.push(EventKind::TriggerDisarmed { trigger: index }),
                _ => {}
            }
        }
        events
    }

    fn reached(self, moment: &Moment) -> bool {
        instant(self.plan, self.run, moment).is_some_and(|at| self.now >= at)
    }

    /// The triggers that a new sample fires, arms again or leaves blind.
    pub(super) fn triggers_after(self, newest: (u32, &Sample), judged: &[Judged]) -> Events {
        let mut events = Vec::new();
        for (i, trigger) in self.plan.triggers.iter().enumerate() {
            let (state, index) = (&self.run.triggers[i], i as u32);
            let Some(condition) = trigger.condition() else { continue };
            let asking = self.run.questions.iter().any(|q| q.trigger == index);
            if asking || state.armed.is_none() || !self.run.watching.triggers[i].contains(&newest.0) {
                continue;
            }
            let spans = |id: u32| state.spans.get(&id).cloned();
            let renewed = self.renewed(Watcher::Trigger(index), judged, &spans);
            let truth = self.truth(condition, newest, &renewed);
            match (truth, state.fired) {
                (Truth::True, false) => events.extend(self.fire(index, trigger, Some(newest))),
                (Truth::False, true) => events.push(EventKind::TriggerRearmed { trigger: index }),
                _ => {}
            }
            if let Some(because) = self.unseen(i, newest.0, newest.1) {
                events.extend(self.blind(index, trigger, newest, &because));
            }
        }
        events
    }

    /// Triggers that fire by the clock, `when migrate runs 30m`, or by hand.
    pub(super) fn late_triggers(self) -> Events {
        let mut events = Vec::new();
        for (i, trigger) in self.plan.triggers.iter().enumerate() {
            let state = &self.run.triggers[i];
            if let Some(people) = &trigger.manual
                && is_enough(self.plan, self.run, people, &[], &state.pulled, self.now)
            {
                let who = |a: &Answer| match &a.reason {
                    Some(reason) => format!("{}: {reason}", a.by),
                    None => a.by.to_string(),
                };
                let by: Vec<String> = state.pulled.iter().map(who).collect();
                let reason = format!("trigger `{}` fired by {}", trigger.id, by.join(", "));
                return self.fire_for(i as u32, trigger, reason, Vec::new(), None);
            }
            // What it asks is answered first.
            if self.run.questions.iter().any(|q| q.trigger == i as u32) {
                continue;
            }
            let Some(condition) = trigger.condition() else { continue };
            if state.armed.is_none() || !self.run.watching.timed[i] {
                continue;
            }
            let spans = |id: u32| state.spans.get(&id).cloned();
            let scene = Scene { spans: Some(&spans), ..Scene::new(self.plan, self.run, self.now) };
            match (evaluate(condition, &scene), state.fired) {
                (Ok(Value::Bool(true)), false) => events.extend(self.fire(i as u32, trigger, None)),
                (Ok(Value::Bool(false)), true) => events.push(EventKind::TriggerRearmed { trigger: i as u32 }),
                _ => {}
            }
        }
        events
    }

    fn fire(self, index: u32, trigger: &'a Trigger, newest: Option<(u32, &Sample)>) -> Events {
        let mut samples = Vec::new();
        let mut values = Vec::new();
        for metric in self.run.watching.triggers[index as usize].iter().copied() {
            let since = self.span_start(index);
            let own = newest.filter(|(m, _)| *m == metric).map(|(_, s)| s.clone());
            let recent =
                self.run.metrics[metric as usize].recent.iter().filter(|s| since.is_none_or(|since| s.at >= since));
            let mut recent: Vec<Sample> = recent.cloned().chain(own).collect();
            if since.is_none() && recent.len() > 1 {
                recent.drain(..recent.len() - 1);
            }
            let newest = recent.last();
            let value = newest.map_or(Value::None, |s| s.value.clone());
            // Of a gate, what it found.
            let why = newest.and_then(|s| s.why.as_deref()).map(|why| format!(": {why}")).unwrap_or_default();
            values.push(format!("{} {}{why}", self.plan.metrics[metric as usize].id, seen(&value)));
            samples.extend(recent);
        }
        let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
        let text = trigger.when.as_ref().map(|check| check.text.as_str()).unwrap_or_default();
        let reason = format!("trigger `{}` fired: {text}{values}", trigger.id);
        self.fire_for(index, trigger, reason, samples, newest)
    }

    pub(super) fn fire_for(
        self,
        index: u32,
        trigger: &'a Trigger,
        reason: String,
        samples: Vec<Sample>,
        newest: Option<(u32, &Sample)>,
    ) -> Events {
        let happening =
            Happening { reason: reason.clone(), by: format!("trigger {}", trigger.id), node: self.running_node() };
        let asks = trigger.ask.is_some();
        let fired = EventKind::TriggerFired { trigger: index, reason, samples, outcome: trigger.outcome.clone(), asks };
        let mut events = vec![fired];
        let scene = Scene {
            happening: Some(&happening),
            newest,
            fires: Some(index),
            ..Scene::new(self.plan, self.run, self.now)
        };
        let mut key = self.run.messages.len() as u32;
        for message in &trigger.messages {
            events.extend(self.queue(message, None, &scene, &mut key));
        }
        events
    }

    /// When the first span of a trigger's condition began.
    fn span_start(self, index: u32) -> Option<jiff::Timestamp> {
        self.run.triggers[index as usize].spans.values().filter_map(|s| s.since).min()
    }

    /// The node that is doing something, for messages.
    pub(super) fn running_node(self) -> String {
        let node = self.run.active.iter().rev().find(|ix| !self.plan.is_group(**ix));
        node.map(|ix| self.plan.node(*ix).id.clone()).unwrap_or_default()
    }

    fn blind(self, index: u32, trigger: &'a Trigger, (metric, sample): (u32, &Sample), because: &str) -> Events {
        let state = &self.run.triggers[index as usize];
        let (count, since) = state.blind.get(&metric).copied().unwrap_or((0, self.now));
        let lasting = self.now.duration_since(since);
        let outcome = trigger.no_data.clone().unwrap_or(Outcome::Continue);
        if count + 1 < BLIND_SAMPLES || lasting < BLIND_TIME || state.told_blind || outcome == Outcome::Ignore {
            return Vec::new();
        }
        let (name, lasting) = (&self.plan.metrics[metric as usize].id, duration_text(rounded(lasting)));
        let why = match sample.value {
            Value::None => format!("trigger `{}` has seen nothing of {name} for {lasting}: {because}", trigger.id),
            _ => format!("trigger `{}` could not be judged for {lasting}: {because}", trigger.id),
        };
        vec![EventKind::TriggerBlind { trigger: index, why, outcome }]
    }
}

fn rounded(duration: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(duration.as_secs())
}
