//! The backtest: the triggers and gates of a plan over the past of its metrics. The engine judges, as on the night; only
//! what it answers with is what was measured then.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::{Answer, Script, simulate_into};
use crate::engine::{Done, Effect, EffectId, Event, EventKind, FailureSort, Input, Run, SampleProblem, Who};
use crate::plan::{
    Action, ActionKind, Gate, Hold, HoldLength, Lane, Limit, Look, Node, NodeIx, NodeKind, Outcome, Plan, Sort,
    Trigger, Undo, Work,
};
use crate::value::{Expr, Value};

use super::tuning::{Tuning, tuning};

/// So many times a gate is begun, at most, over the time that is looked at.
const BEGUN: i32 = 100;

/// A trigger that fires so long before the beginning of an incident has seen it coming.
pub(super) const FORESIGHT: SignedDuration = SignedDuration::from_mins(30);

/// The past of the metrics of a plan.
pub struct Past {
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
    /// By the metric's index: its points in order, how long a point counts, and its baseline.
    pub metrics: BTreeMap<u32, Replayed>,
}

/// The past of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// When, and what.
    pub points: Vec<(Timestamp, Value)>,
    /// How long a point counts.
    pub reach: SignedDuration,
    /// How far apart the points are.
    pub apart: SignedDuration,
    /// What it was before, if it is compared with that, or why nobody knows.
    pub baseline: Option<Result<(Value, String), String>>,
}

/// Something that really went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
}

/// What would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// Of the triggers that could be tested.
    pub triggers: Vec<Tested>,
    /// Of the gates that could.
    pub gates: Vec<GateTest>,
    /// What could not be tested, and why.
    pub skipped: Vec<Skipped>,
}

/// What cannot be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// `trigger` or `gate`.
    pub sort: &'static str,
    /// Its name.
    pub id: String,
    /// Why.
    pub why: String,
}

/// What a trigger would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Its index in the plan.
    pub trigger: usize,
    /// When it would have fired.
    pub fired: Vec<Episode>,
    /// The longest time that its condition was true without firing.
    pub near: Option<(Timestamp, SignedDuration)>,
    /// Moments at which it was blind.
    pub blind: Vec<(Timestamp, String)>,
    /// What it would have done with other thresholds.
    pub tuning: Option<Tuning>,
}

/// A time at which a trigger would have fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// When.
    pub at: Timestamp,
    /// When its condition was false again; nothing if it was true to the end.
    pub until: Option<Timestamp>,
    /// The incident that it belongs to, by its index; nothing is a false alarm, if incidents are known.
    pub incident: Option<usize>,
    /// Why, as the run would have said.
    pub reason: String,
}

/// What a gate would have said, begun again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateTest {
    /// Its name.
    pub id: String,
    /// How often it would have passed.
    pub passed: usize,
    /// When it would not, and why.
    pub others: Vec<(Timestamp, FailureSort, String)>,
}

/// What the triggers of a plan would have done over a past.
pub fn backtest(plan: &Plan, past: &Past, incidents: &[Incident]) -> Backtest {
    let mut skipped = Vec::new();
    let mut kept: Vec<usize> = Vec::new();
    for (i, trigger) in plan.triggers.iter().enumerate() {
        match untestable(plan, past, trigger.condition()) {
            None => kept.push(i),
            Some(why) => skipped.push(Skipped { sort: "trigger", id: trigger.id.clone(), why }),
        }
    }
    let replayed = replayed_plan(plan, past, kept.iter().map(|i| plan.triggers[*i].clone()).collect());
    let mut tested: Vec<Tested> = kept.iter().map(|i| Tested::of(*i)).collect();
    if !kept.is_empty() {
        let mut spans = vec![None; kept.len()];
        play(&replayed, past, past.from, &mut |run, event| watch(run, event, &mut tested, &mut spans));
    }
    for test in &mut tested {
        for episode in &mut test.fired {
            episode.incident = incident_at(incidents, episode.at, episode.until.unwrap_or(past.to));
        }
        test.tuning = tuning(plan, past, test.trigger, incidents);
    }
    Backtest { triggers: tested, gates: Vec::new(), skipped }
}

/// The incident that an alarm belongs to: it was on while that lasted, or shortly before.
fn incident_at(incidents: &[Incident], at: Timestamp, until: Timestamp) -> Option<usize> {
    incidents.iter().position(|incident| {
        let from = incident.from.saturating_sub(FORESIGHT).unwrap_or(incident.from);
        at <= incident.to && until >= from
    })
}

/// How often a trigger would have fired with another condition: the incident of each.
pub(super) fn fired_of(
    plan: &Plan,
    past: &Past,
    trigger: usize,
    condition: Expr,
    incidents: &[Incident],
) -> Vec<Option<usize>> {
    let mut changed = plan.triggers[trigger].clone();
    changed.when.iter_mut().for_each(|when| when.expr = condition.clone());
    let replayed = replayed_plan(plan, past, vec![changed]);
    let mut fired: Vec<(Timestamp, Timestamp)> = Vec::new();
    play(&replayed, past, past.from, &mut |_, event| match event.kind {
        EventKind::TriggerFired { .. } => fired.push((event.at, past.to)),
        EventKind::TriggerRearmed { .. } => fired.iter_mut().rev().take(1).for_each(|(_, until)| *until = event.at),
        _ => {}
    });
    fired.into_iter().map(|(at, until)| incident_at(incidents, at, until)).collect()
}

impl Tested {
    fn of(trigger: usize) -> Self {
        Tested { trigger, fired: Vec::new(), near: None, blind: Vec::new(), tuning: None }
    }
}

/// Keeps what a trigger would have done of one event.
fn watch(run: &Run, event: &Event, tested: &mut [Tested], spans: &mut [Option<(Timestamp, Timestamp)>]) {
    match &event.kind {
        EventKind::TriggerFired { trigger, reason, .. } => {
            let (at, reason) = (event.at, reason.clone());
            tested[*trigger as usize].fired.push(Episode { at, until: None, incident: None, reason });
        }
        EventKind::TriggerRearmed { trigger } => {
            if let Some(episode) = tested[*trigger as usize].fired.last_mut() {
                episode.until.get_or_insert(event.at);
            }
        }
        EventKind::TriggerBlind { trigger, why, .. } => tested[*trigger as usize].blind.push((event.at, why.clone())),
        EventKind::Sampled { .. } => {
            for (i, test) in tested.iter_mut().enumerate() {
                let since = run.triggers[i].spans.values().filter_map(|span| span.since).min();
                if let (Some((began, last)), None) = (spans[i], since)
                    && test.fired.last().is_none_or(|fired| fired.at < began)
                {
                    let lasted = last.duration_since(began);
                    if test.near.is_none_or(|(_, longest)| lasted > longest) {
                        test.near = Some((began, lasted));
                    }
                }
                // To the last sample that was true.
                spans[i] = since.map(|since| (since, event.at));
            }
        }
        _ => {}
    }
}

/// What the gates of a plan would have said, begun again and again over a past.
pub fn replay_gates(plan: &Plan, past: &Past) -> (Vec<GateTest>, Vec<Skipped>) {
    let (mut tests, mut skipped) = (Vec::new(), Vec::new());
    let mut seen: Vec<&Gate> = Vec::new();
    let of_nodes = plan.nodes.iter().flat_map(|node| {
        let actions = node.work().map(|work| work.actions.as_slice()).unwrap_or_default();
        actions.iter().map(move |action| (node.id.as_str(), action))
    });
    // A gate that only a condition names is one too, with one attempt.
    for (node, action) in of_nodes.chain(plan.metrics.iter().map(|metric| (metric.id.as_str(), &metric.action))) {
        if let ActionKind::Gate(gate) = &action.kind {
            if seen.iter().any(|other| other.looks == gate.looks && (**other == *gate || gate.id == other.id)) {
                continue;
            }
            seen.push(gate);
            let id = if gate.id.is_empty() { node.to_owned() } else { gate.id.clone() };
            match of_metrics_alone(plan, past, gate) {
                Some(why) => skipped.push(Skipped { sort: "gate", id, why }),
                None => tests.push(replay_gate(plan, past, id, gate)),
            }
        }
    }
    (tests, skipped)
}

fn replay_gate(plan: &Plan, past: &Past, id: String, gate: &Gate) -> GateTest {
    let mut test = GateTest { id, ..GateTest::default() };
    let mut replayed = replayed_plan(plan, past, Vec::new());
    let long = gate.within.unwrap_or(gate.every);
    // What is judged at the end needs the past up to there.
    let last = past.to.saturating_sub(long).unwrap_or(past.from).max(past.from);
    let apart = (last.duration_since(past.from) / BEGUN).max(gate.every);
    let mut gate = gate.clone();
    (gate.on_failure, gate.on_inconclusive) = (Some(Outcome::Continue), Outcome::Continue);
    let place = replayed.nodes[1].place.clone();
    if let NodeKind::Work(work) = &mut replayed.nodes[1].kind {
        work.actions = vec![Action::plain(ActionKind::Gate(gate), place)];
        work.sort = Sort::Gate;
        work.limit.duration = long.checked_mul(2).unwrap_or(long) + SignedDuration::from_hours(1);
    }
    let mut begun = past.from;
    while begun <= last {
        let mut verdict = None;
        play_in(&replayed, Remembered { past, between: true }, begun, &mut |_, event| {
            if let EventKind::ActionEnded { result, .. } = &event.kind {
                verdict = Some(result.failure.clone());
            }
        });
        match verdict {
            Some(None) => test.passed += 1,
            Some(Some(failure)) => test.others.push((begun, failure.sort, failure.text)),
            None => {}
        }
        begun = match begun.checked_add(apart) {
            Ok(next) => next,
            Err(_) => break,
        };
    }
    test
}

/// Why a condition cannot be tested.
fn untestable(plan: &Plan, past: &Past, condition: Option<&Expr>) -> Option<String> {
    let Some(condition) = condition else { return Some("it is fired by hand".into()) };
    let mut of_the_run = false;
    condition.walk(&mut |e| of_the_run |= matches!(e, Expr::Runs { .. }));
    if of_the_run {
        return Some("it watches how long a step runs".into());
    }
    without_past(plan, past, condition)
}

fn without_past(plan: &Plan, past: &Past, condition: &Expr) -> Option<String> {
    condition.watched().into_iter().find_map(|name| {
        let index = plan.metrics.iter().position(|m| m.id == name)?;
        match plan.metrics[index].gate() {
            Some(gate) => of_metrics_alone(plan, past, gate).map(|why| format!("`{name}`: {why}")),
            None if past.metrics.contains_key(&(index as u32)) => None,
            None => Some(format!("nothing is known of the past of `{name}`")),
        }
    })
}

fn of_metrics_alone(plan: &Plan, past: &Past, gate: &Gate) -> Option<String> {
    gate.looks.iter().find_map(|look| match look {
        Look::Metric(check) => without_past(plan, past, &check.expr),
        Look::Action(_) => Some("it looks at more than metrics".into()),
        Look::Expect(_) => Some("it needs what only a run knows".into()),
    })
}

/// A plan that waits, with these triggers, which only say so.
fn replayed_plan(plan: &Plan, past: &Past, triggers: Vec<Trigger>) -> Plan {
    let mut plan = plan.clone();
    plan.triggers = triggers;
    for trigger in &mut plan.triggers {
        trigger.outcome = Outcome::Continue;
        trigger.no_data = Some(Outcome::Continue);
        (trigger.ask, trigger.manual, trigger.from, trigger.until) = (None, None, None, None);
        trigger.messages.clear();
    }
    plan.release = None;
    plan.facts.clear();
    plan.handlers.clear();
    plan.comms.clear();
    plan.responses.clear();
    plan.rollbacks.clear();
    plan.blackouts.clear();
    let place = plan.metrics.first().map(|m| m.place.clone()).unwrap_or_default();
    let hold = Hold {
        length: HoldLength::For(past.to.duration_since(past.from)),
        every: None,
        fail_after: crate::plan::FailAfter { times: 1, in_a_row: false },
        checks: Vec::new(),
        on_inconclusive: Outcome::Continue,
    };
    let work = Work {
        sort: Sort::Hold,
        takes: None,
        limit: Limit { duration: SignedDuration::MAX, until: None, otherwise: Outcome::Continue, written: true },
        retry: None,
        on_failure: Outcome::Continue,
        actions: vec![Action::plain(ActionKind::Hold(hold), place.clone())],
        undo: Undo::Nothing,
        done_when: Vec::new(),
        idempotent: false,
    };
    let node = |id: &str, parent, kind| Node {
        id: id.into(),
        title: id.into(),
        describe: None,
        place: place.clone(),
        parent,
        lane: Lane::Live,
        at: None,
        windows: Vec::new(),
        when: None,
        kind,
    };
    plan.nodes = vec![
        node("past", None, NodeKind::Phase { children: vec![NodeIx(1)], limit: None }),
        node("past.1", Some(NodeIx(0)), NodeKind::Work(Box::new(work))),
    ];
    plan.phases = vec![NodeIx(0)];
    plan
}

/// Runs a plan over a past, from a moment on.
fn play(plan: &Plan, past: &Past, from: Timestamp, see: &mut dyn FnMut(&Run, &Event)) {
    play_in(plan, Remembered { past, between: false }, from, see);
}

fn play_in(plan: &Plan, mut world: Remembered<'_>, from: Timestamp, see: &mut dyn FnMut(&Run, &Event)) {
    let begin = Input::Begin {
        parks: false,
        run: "backtest".into(),
        by: Who::default(),
        dir: "/".into(),
        version: String::new(),
        until: None,
        done: Vec::new(),
    };
    // It always ends: the plan waits for a moment, and nothing else.
    let _ended = simulate_into(plan, Run::new(plan), &mut world, from, vec![(from, begin)], see);
}

/// A world that answers with what was measured.
struct Remembered<'p> {
    past: &'p Past,
    /// It is asked between the moments of the points too: a gate begins when it begins.
    between: bool,
}

impl Script for Remembered<'_> {
    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        let done = match (id, effect) {
            (EffectId::Sample(..) | EffectId::Look(..), Effect::Look(_)) => Done::Look(Vec::new()),
            (EffectId::Sample(metric, _), _) => Done::Sample(self.value(metric, now), String::new()),
            (EffectId::Baseline(metric), _) => {
                let known = self.past.metrics.get(&metric).and_then(|m| m.baseline.clone());
                Done::Baseline(known.unwrap_or_else(|| Err("nothing is known of its past".into())))
            }
            (EffectId::Lock, _) => Done::Lock(Ok(())),
            _ => Done::Cancelled,
        };
        Answer::After(SignedDuration::ZERO, done)
    }
}

impl Remembered<'_> {
    fn value(&self, metric: u32, now: Timestamp) -> Result<Value, SampleProblem> {
        let none = || SampleProblem::no_data("there was no data then".into());
        let past = self.past.metrics.get(&metric).ok_or_else(none)?;
        let reach = if self.between { past.reach.max(past.apart - SignedDuration::from_millis(1)) } else { past.reach };
        let behind = past.points.partition_point(|(at, _)| *at <= now);
        let newest = past.points[..behind].last().filter(|(at, _)| now.duration_since(*at) <= reach);
        newest.map(|(_, value)| value.clone()).ok_or_else(none)
    }
}
