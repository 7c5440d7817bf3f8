//! The scripted world of a rehearsal: what it does not say goes well. Commands take what their step usually takes, people
//! answer at once, metrics sit on their target; nothing real is touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::{Answer, Outlook, Script};
use crate::engine::state::UndoStatus;
use crate::engine::{
    ActionResult, Captured, Checked, Done, Effect, EffectId, Failure, FailureSort, Input, Part, Run, SampleProblem,
    Slot, Truth, Unsent, Who,
};
use crate::plan::scenario::{Deed, Fault, Faulty, Given, Happening};
use crate::plan::{
    Action, ActionKind, Gate, Look, MetricKind, NodeIx, NodeKind, Plan, Touch, Undo, command_text, request_text,
};
use crate::value::{Environment, Found, Ref, RefKind, Type, Value, evaluate};

use super::cast::Cast;
use super::track::Track;

/// Where a rehearsal runs: nothing is ever looked for there.
pub(super) const NOWHERE: &str = "/";

/// How long a message takes to fail, where one is given to fail: its tries and the waits between them.
const TRIES: SignedDuration = SignedDuration::from_secs(3);

/// A scripted world, in which a plan is tried.
#[derive(Clone, Debug)]
pub struct Stage<'p> {
    plan: &'p Plan,
    /// T+0 as it is planned.
    planned: Option<Timestamp>,
    /// T+0 as the run has it.
    zero: Option<Timestamp>,
    /// When what was done was undone: the world is as it was.
    mended: Option<Timestamp>,
    tracks: Vec<Track>,
    /// Facts, captures, answers and flags, by their name.
    values: BTreeMap<String, Value>,
    /// The shares of routers and flags.
    shares: BTreeMap<String, Value>,
    steps: BTreeMap<NodeIx, Faults>,
    undos: BTreeMap<NodeIx, Faults>,
    gates: BTreeMap<String, Faults>,
    /// Gates where a node looks at them.
    gates_at: BTreeMap<NodeIx, Faults>,
    /// How gates go from some moments on.
    verdicts: BTreeMap<String, Vec<(SignedDuration, bool)>>,
    channels: BTreeMap<String, Faults>,
    /// Metrics that show nothing.
    pub(super) blind: BTreeSet<String>,
    happenings: Vec<Happening>,
    /// How many of them have happened, and what is being said for the next one.
    happened: usize,
    pub(super) cast: Cast,
    /// What a scenario wants of the process that runs it, rather than of the run.
    pub(super) wanted: Option<Deed>,
}

/// What goes otherwise than well with one thing, and how often it has.
#[derive(Clone, Debug, Default)]
struct Faults {
    fault: Option<Fault>,
    takes: Option<SignedDuration>,
    failed: u32,
}

impl Faults {
    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::Takes(length) => self.takes = Some(*length),
            other => self.fault = Some(other.clone()),
        }
    }

    /// What goes wrong this time.
    fn next(&mut self) -> Option<Fault> {
        if let Some(Fault::Fails(Some(times))) = &self.fault {
            if self.failed >= *times {
                return None;
            }
            self.failed += 1;
        }
        self.fault.clone()
    }
}

impl<'p> Stage<'p> {
    /// A world in which everything goes well.
    pub fn new(plan: &'p Plan, planned: Option<Timestamp>) -> Self {
        Stage {
            plan,
            planned,
            zero: planned,
            mended: None,
            tracks: plan.metrics.iter().map(Track::of).collect(),
            values: BTreeMap::new(),
            shares: BTreeMap::new(),
            steps: BTreeMap::new(),
            undos: BTreeMap::new(),
            gates: BTreeMap::new(),
            gates_at: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            channels: BTreeMap::new(),
            blind: BTreeSet::new(),
            happenings: Vec::new(),
            happened: 0,
            cast: Cast::default(),
            wanted: None,
        }
    }

    /// What is given of it.
    pub fn give(&mut self, given: &Given) {
        match given {
            Given::Value { name, value } => {
                self.shares.insert(name.clone(), value.clone());
                self.cast.answers.insert(name.clone(), value.clone());
                self.values.insert(name.clone(), value.clone());
            }
            Given::Metric { id, every, values } => {
                if let Some(index) = self.plan.metrics.iter().position(|m| m.id == *id) {
                    self.tracks[index].give(*every, values);
                }
            }
            Given::Fault { of: Faulty::Gate, id, fault } => self.gates.entry(id.clone()).or_default().add(fault),
            Given::Fault { of: Faulty::Notify, id, fault } => self.channels.entry(id.clone()).or_default().add(fault),
            Given::Fault { of, id, fault } => {
                for ix in self.plan.named(id).into_iter().flat_map(|ix| works_in(self.plan, ix)) {
                    self.fault(*of == Faulty::Undo, ix, fault);
                }
            }
        }
    }

    /// What goes wrong with a node, or with its undo.
    pub(super) fn fault(&mut self, undo: bool, ix: NodeIx, fault: &Fault) {
        let faults = if undo { &mut self.undos } else { &mut self.steps };
        faults.entry(ix).or_default().add(fault);
    }

    /// How a gate goes where a node looks at it.
    pub(super) fn gate_at(&mut self, ix: NodeIx, fault: &Fault) {
        self.gates_at.entry(ix).or_default().add(fault);
    }

    /// What becomes of the messages of a channel.
    pub(super) fn channel(&mut self, channel: &str, fault: &Fault) {
        self.channels.entry(channel.to_owned()).or_default().add(fault);
    }

    /// What happens in it, by the clock.
    pub fn happens(&mut self, happenings: &[Happening]) {
        self.happenings = happenings.to_vec();
        // Those of one moment happen in the order in which they are written.
        self.happenings.sort_by_key(|happening| happening.at);
        for happening in &self.happenings {
            match &happening.deed {
                Deed::Metric { id, value } => {
                    if let Some(index) = self.plan.metrics.iter().position(|m| m.id == *id) {
                        self.tracks[index].set(happening.at, value.clone());
                    }
                }
                Deed::Gate { id, passes } => {
                    self.verdicts.entry(id.clone()).or_default().push((happening.at, *passes));
                }
                Deed::Person { id: Some(id), .. } => self.cast.own.extend(self.plan.named(id)),
                _ => {}
            }
        }
        self.happenings.retain(|happening| !happening.deed.is_of_the_world());
    }

    /// What has not happened.
    pub(super) fn left(&self) -> &[Happening] {
        &self.happenings[self.happened..]
    }

    /// What happens next, and when, if that is known.
    pub(super) fn next(&self) -> Option<(Timestamp, &Happening)> {
        let next = self.left().first()?;
        // Before the live part began nothing that comes after T+0 can be told from the plan's T+0.
        Some((self.zero?.checked_add(next.at).ok()?, next))
    }

    /// It has happened.
    pub(super) fn pass(&mut self) {
        self.happened += 1;
    }

    fn learn(&mut self, run: &Run, now: Timestamp) {
        self.zero = run.zero.or(self.planned);
        if let Some(back) = run.back.as_ref().filter(|_| self.mended.is_none()) {
            let nodes = &self.plan.rollbacks[back.rollback].nodes;
            let undone =
                nodes.iter().take(back.done).any(|ix| matches!(self.plan.node(*ix).kind, NodeKind::Undo { .. }));
            let failed = run.nodes.iter().any(|node| node.undo == UndoStatus::Failed);
            if undone && !failed {
                self.mended = Some(now);
            }
        }
    }

    fn command(&mut self, slot: Slot, action: &Action) -> Answer {
        let takes = self.takes(slot);
        let is_main = self.is_main(slot);
        let faults = if slot.part == Part::Undo { &mut self.undos } else { &mut self.steps };
        let fault = faults.get_mut(&slot.node).filter(|_| is_main).and_then(Faults::next);
        match fault {
            Some(Fault::Hangs) => return Answer::Hangs,
            Some(_) => {
                let failure = Some(Failure::new(FailureSort::Failed, "it fails in this rehearsal"));
                let result = ActionResult { failure, note: String::new(), captures: Vec::new() };
                return Answer::After(takes, Done::Action(result));
            }
            None => {}
        }
        if let Some(builtin) = &action.builtin
            && let Touch::Sets(share) = &builtin.touch
            && let Some(share) = share.known()
        {
            self.shares.insert(builtin.subject.clone(), share.clone());
        }
        let captures = action.captures.iter().map(|capture| {
            let found = match &action.builtin {
                Some(builtin) => Some(self.share(&builtin.subject)),
                None => self.values.get(&capture.name).cloned(),
            };
            let value = found.unwrap_or_else(|| empty(capture.ty.as_deref()));
            Captured { name: capture.name.clone(), value: (!capture.secret).then_some(value) }
        });
        let captures = captures.collect();
        Answer::After(takes, Done::Action(ActionResult { failure: None, note: String::new(), captures }))
    }

    /// The share of a router or a flag: what was set, else what is given, else nothing.
    fn share(&self, subject: &str) -> Value {
        match self.shares.get(subject) {
            Some(Value::Word(word)) if word == "on" => Value::Percent(100.0),
            Some(Value::Percent(share)) => Value::Percent(*share),
            _ => Value::Percent(0.0),
        }
    }

    /// A step takes its time in the first of its actions that changes something, and fails there.
    fn is_main(&self, slot: Slot) -> bool {
        self.plan.node(slot.node).work().is_some_and(|work| {
            let actions = match slot.part {
                Part::Forward => &work.actions,
                Part::Undo => work.undo.actions(),
            };
            main_action(actions) == Some(slot.action as usize)
        })
    }

    fn takes(&self, slot: Slot) -> SignedDuration {
        if !self.is_main(slot) {
            return SignedDuration::ZERO;
        }
        let faults = if slot.part == Part::Undo { &self.undos } else { &self.steps };
        let given = faults.get(&slot.node).and_then(|f| f.takes);
        let usual = self.plan.node(slot.node).work().and_then(|work| match (&work.undo, slot.part) {
            (_, Part::Forward) => work.takes,
            (Undo::Actions { takes, .. }, Part::Undo) => *takes,
            (_, Part::Undo) => None,
        });
        given.or(usual).unwrap_or_default()
    }

    fn looks(&mut self, id: EffectId, gate: Option<&Gate>, closed: &[Look], now: Timestamp) -> Vec<Checked> {
        // What shows that a step was done shows it not: whoever was killed in the middle did not come to the end.
        let Some(gate) = gate else { return closed.iter().map(|look| checked(look, Truth::False)).collect() };
        let here = match id {
            EffectId::Look(slot, _) => self.gates_at.get_mut(&slot.node).and_then(Faults::next),
            _ => None,
        };
        let set = self.verdicts.get(&gate.id).and_then(|set| self.newest(set, now));
        // What is set counts for what was given.
        let fault = here.or_else(|| match set {
            Some(passes) => (!passes).then_some(Fault::Fails(None)),
            None => self.gates.get_mut(&gate.id).and_then(Faults::next),
        });
        let truth = fault.map(|fault| match fault {
            Fault::Inconclusive => Truth::NoData,
            Fault::Error => Truth::Error,
            _ => Truth::False,
        });
        if let Some(truth) = truth {
            let checks = closed.iter().map(|look| checked(look, truth));
            return checks.map(|check| Checked { why: "in this rehearsal".into(), ..check }).collect();
        }
        let written = gate.looks.iter().filter(|look| !matches!(look, Look::Metric(_)));
        written.zip(closed).map(|(written, look)| checked(look, self.truth(written, look))).collect()
    }

    /// What was set last of what is set from some moments on, in order; what was set before the undo was done is over.
    fn newest(&self, set: &[(SignedDuration, bool)], now: Timestamp) -> Option<bool> {
        let zero = self.zero?;
        let at = |offset: &SignedDuration| zero.checked_add(*offset).unwrap_or(Timestamp::MAX);
        let (moment, passes) = set.iter().rev().find(|(offset, _)| at(offset) <= now)?;
        self.mended.is_none_or(|mended| at(moment) > mended).then_some(*passes)
    }

    /// What is known is judged; what only the real world could say is as one would like it to be.
    fn truth(&self, written: &Look, closed: &Look) -> Truth {
        let (Look::Expect(written), Look::Expect(closed)) = (written, closed) else { return Truth::True };
        let given = |r: &Ref| match r.kind {
            RefKind::Capture | RefKind::Fact | RefKind::Output => self.values.contains_key(&r.name),
            _ => true,
        };
        if !written.expr.refs().into_iter().all(given) {
            return Truth::True;
        }
        match evaluate(&closed.expr, &Nothing) {
            Ok(Value::Bool(false)) => Truth::False,
            Ok(Value::None) => Truth::NoData,
            _ => Truth::True,
        }
    }

    fn sample(&self, index: usize, id: &str, kind: MetricKind, now: Timestamp) -> Result<Value, SampleProblem> {
        let none = || SampleProblem::no_data("there is none in this rehearsal".into());
        if self.blind.contains(id) {
            return Err(none());
        }
        if kind == MetricKind::Switch {
            return Ok(match self.share(id) {
                Value::Percent(100.0) => Value::Word("on".into()),
                Value::Percent(0.0) => Value::Word("off".into()),
                share => Value::Word(share.to_string()),
            });
        }
        match self.tracks[index].at(now, self.zero, self.mended) {
            Value::None => Err(none()),
            value => Ok(value.clone()),
        }
    }

    fn message(&mut self, channel: &str) -> Answer {
        match self.channels.get_mut(channel).and_then(Faults::next) {
            Some(Fault::Hangs) => Answer::Hangs,
            Some(_) => {
                let why = "it fails in this rehearsal".to_owned();
                Answer::After(TRIES, Done::Message(Err(Unsent { why, unreachable: true, held: false })))
            }
            None => Answer::After(SignedDuration::ZERO, Done::Message(Ok(None))),
        }
    }

    /// The gate that an effect is about.
    fn gate(&self, id: EffectId) -> Option<&'p Gate> {
        match id {
            EffectId::Look(_, 0) => None,
            EffectId::Look(slot, _) => {
                let work = self.plan.node(slot.node).work()?;
                let actions = match slot.part {
                    Part::Forward => &work.actions,
                    Part::Undo => work.undo.actions(),
                };
                match &actions.get(slot.action as usize)?.kind {
                    ActionKind::Gate(gate) => Some(gate),
                    _ => None,
                }
            }
            EffectId::Sample(metric, _) => self.plan.metrics.get(metric as usize)?.gate(),
            _ => None,
        }
    }
}

impl Script for Stage<'_> {
    fn say(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> Option<Input> {
        self.learn(run, now);
        if let Some(said) = self.cast.next(plan, run, now, self.zero) {
            return Some(said);
        }
        let (at, happening) = self.next()?;
        if at > now || self.wanted.is_some() || run.is_over() {
            return None;
        }
        let happening = happening.clone();
        match &happening.deed {
            Deed::Person { .. } => {
                self.pass();
                self.cast.does(plan, run, now, self.zero, &happening, self.happened);
                self.cast.next(plan, run, now, self.zero)
            }
            Deed::Abort => {
                self.pass();
                Some(Input::End { by: runner(), reason: "aborted".into() })
            }
            Deed::Crash | Deed::Metric { .. } | Deed::Gate { .. } => {
                self.wanted = Some(happening.deed);
                None
            }
        }
    }

    fn outlook(&self, now: Timestamp) -> Outlook {
        // What fails so many times is counted by looking.
        let counts = |faults: &Faults| matches!(faults.fault, Some(Fault::Fails(Some(times))) if faults.failed < times);
        if self.gates.values().any(counts) {
            return Outlook::Unknown;
        }
        // What is set stays set until the undo is done, which is an event of the run.
        let tracks = self.tracks.iter().filter_map(|track| track.changes(now, self.zero));
        let verdicts = self.verdicts.values().flatten();
        let verdicts = verdicts.filter_map(|(at, _)| self.zero?.checked_add(*at).ok()).filter(|at| *at > now);
        tracks.chain(verdicts).min().map_or(Outlook::Always, Outlook::Until)
    }

    fn kills(&self) -> bool {
        self.wanted == Some(Deed::Crash)
    }

    fn wakes(&self, _run: &Run, now: Timestamp) -> Option<Timestamp> {
        self.next().map(|(at, _)| at).filter(|at| *at > now)
    }

    fn knows(&mut self, id: EffectId, now: Timestamp) -> Option<Answer> {
        let EffectId::Sample(index, _) = id else { return None };
        let metric = self.plan.metrics.get(index as usize).filter(|metric| metric.gate().is_none())?;
        let sample = self.sample(index as usize, &metric.id, metric.kind, now);
        Some(Answer::After(SignedDuration::ZERO, Done::Sample(sample, String::new())))
    }

    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        let at_once = |done| Answer::After(SignedDuration::ZERO, done);
        match effect {
            Effect::Lock(_) => at_once(Done::Lock(Ok(()))),
            Effect::Fact(fact) => {
                let value = self.values.get(&fact.name).cloned();
                at_once(Done::Fact(Ok(value.unwrap_or_else(|| empty(Some(&fact.ty))))))
            }
            Effect::Baseline(metric, _) => {
                let index = self.plan.metrics.iter().position(|m| m.id == metric.id);
                let before = index.map_or(&Value::None, |i| self.tracks[i].before());
                at_once(Done::Baseline(match before {
                    Value::None => Err("there is no data in this rehearsal".into()),
                    value => Ok((value.clone(), "where it stands in this rehearsal".into())),
                }))
            }
            Effect::Message(message) => self.message(&message.channel.id),
            Effect::Action(action) => match id {
                EffectId::Action(slot) => self.command(slot, &action),
                _ => Answer::Hangs,
            },
            Effect::Look(closed) => {
                let gate = self.gate(id);
                at_once(Done::Look(self.looks(id, gate, &closed, now)))
            }
            // What it shows is known without looking.
            Effect::Sample(_) => Answer::Hangs,
            Effect::Impossible(why) => at_once(impossible(id, why)),
        }
    }
}

/// Who runs a rehearsal.
pub(super) fn runner() -> Who {
    Who { user: "rehearsal".into(), claim: None }
}

/// What comes of an effect for which something has no value.
fn impossible(id: EffectId, why: String) -> Done {
    match id {
        EffectId::Fact(_) => Done::Fact(Err(why)),
        EffectId::Look(..) => Done::Look(vec![Checked { text: why, truth: Truth::Error, why: String::new() }]),
        EffectId::Sample(..) => Done::Sample(Err(SampleProblem::error(why)), String::new()),
        EffectId::Baseline(_) => Done::Baseline(Err(why)),
        EffectId::Message(_) => Done::Message(Err(Unsent::refused(why))),
        EffectId::Action(_) | EffectId::Lock => {
            let failure = Some(Failure::new(FailureSort::Error, why));
            Done::Action(ActionResult { failure, note: String::new(), captures: Vec::new() })
        }
    }
}

/// The work in a node: it itself, or what stands in it.
fn works_in(plan: &Plan, ix: NodeIx) -> Vec<NodeIx> {
    match plan.node(ix).children() {
        Some(children) => children.iter().flat_map(|child| works_in(plan, *child)).collect(),
        None => vec![ix],
    }
}

/// The action in which a step takes its time: the first that changes something, else the first that does something.
pub(super) fn main_action(actions: &[Action]) -> Option<usize> {
    let does =
        |action: &Action| matches!(action.kind, ActionKind::Command(_) | ActionKind::Request(_) | ActionKind::Query(_));
    actions.iter().position(|a| a.changes).or_else(|| actions.iter().position(does))
}

fn checked(look: &Look, truth: Truth) -> Checked {
    let text = match look {
        Look::Action(action) => match &action.kind {
            ActionKind::Command(command) => command_text(command),
            ActionKind::Request(request) => request_text(request),
            _ => String::new(),
        },
        Look::Expect(check) | Look::Metric(check) => check.text.clone(),
    };
    Checked { text, truth, why: String::new() }
}

/// What nobody gave: an empty value of its type.
pub(super) fn empty(ty: Option<&str>) -> Value {
    match ty.map_or(Some(Type::Text), Type::from_name) {
        Some(Type::Text | Type::Url | Type::Semver | Type::Email | Type::Secret) => Value::Text(String::new()),
        Some(Type::Int | Type::Count) => Value::Int(0),
        Some(Type::Number) => Value::Number(0.0),
        Some(Type::Bool) => Value::Bool(false),
        Some(Type::Duration) => Value::Duration(SignedDuration::ZERO),
        Some(Type::Percent) => Value::Percent(0.0),
        Some(Type::Points) => Value::Points(0.0),
        Some(Type::Factor) => Value::Factor(0.0),
        Some(Type::Size) => Value::Size(0.0),
        Some(Type::Rate) => Value::Rate(0.0),
        Some(Type::List(_)) => Value::List(Vec::new()),
        Some(Type::Map(_)) => Value::Map(Default::default()),
        _ => Value::None,
    }
}

/// Everything that was known has been put in.
struct Nothing;

impl Environment for Nothing {
    fn look_up(&self, _reference: &Ref) -> Found {
        Found::Later
    }
}
