//! The virtual driver: time jumps to the next moment at which something happens, the world is a script. The engine is
//! the same; weeks take milliseconds and nothing real is touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::engine::Part;
use crate::engine::state::ActionState;
use crate::engine::{
    Done, Effect, EffectId, Event, EventKind, Input, Judged, Run, Truth, Wanted, Watcher, advance, effect, wanted,
};
use crate::plan::{ActionKind, Plan};

/// A scripted world: what comes of an effect, and how long it takes.
pub trait Script {
    /// What comes of an effect that begins now.
    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer;

    /// What comes of an effect, where that is known without looking at what exactly is wanted.
    fn knows(&mut self, _id: EffectId, _now: Timestamp) -> Option<Answer> {
        None
    }

    /// What somebody says now, if they do. It is asked again until nobody says anything.
    fn say(&mut self, _plan: &Plan, _run: &Run, _now: Timestamp) -> Option<Input> {
        None
    }

    /// Until when every metric shows what it shows now.
    fn outlook(&self, _now: Timestamp) -> Outlook {
        Outlook::Unknown
    }

    /// Whether the process that runs it is killed now.
    fn kills(&self) -> bool {
        false
    }

    /// The next moment at which somebody says something without being asked.
    fn wakes(&self, _run: &Run, _now: Timestamp) -> Option<Timestamp> {
        None
    }
}

/// What comes of an effect in a scripted world.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It ends after a while, like this.
    After(SignedDuration, Done),
    /// It never ends by itself.
    Hangs,
}

/// How long a scripted world stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nobody knows: every sample is taken.
    Unknown,
    /// Until then.
    Until(Timestamp),
    /// For ever.
    Always,
}

/// Why a simulation did not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing is in flight, nothing is waited for, and the run is not over: the engine has a wait without a limit.
    Nothing,
    /// More happened than ever should.
    TooMuch,
}

/// So many turns are taken at most: a release from T-8w to T+30d with a metric every second takes fewer.
const TURNS: usize = 10_000_000;

/// An effect in flight: when it ends and how; nothing if it hangs.
type Flight = Option<(Timestamp, Done)>;

/// The rules by which a simulation goes: those of the engine. Tests try others, to see whether that is noticed.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What an input means, applied.
    pub advance: fn(&Plan, &mut Run, Input, Timestamp) -> Vec<Event>,
    /// What should be in flight.
    pub wanted: fn(&Plan, &Run, Timestamp) -> Wanted,
    /// So many turns are taken at most.
    pub turns: usize,
    /// Samples that would lead to nothing are left out.
    pub skips: bool,
}

/// The engine.
pub const ENGINE: Rules = Rules { advance, wanted, turns: TURNS, skips: true };

/// A run in virtual time. It can be copied at any moment, and go on in another way.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The run.
    pub run: Run,
    /// The moment that it is.
    pub now: Timestamp,
    rules: Rules,
    flights: BTreeMap<EffectId, Flight>,
    /// What is still to come from outside, the last one first.
    inputs: Vec<(Timestamp, Input)>,
    /// The moment at which the engine had nothing more to say.
    settled: Option<Timestamp>,
    /// Metrics whose newest sample led to nothing.
    idle: BTreeSet<u32>,
    /// Until when they show what they show now.
    until: Option<Timestamp>,
    /// When those are sampled next: those before would lead to nothing again.
    ahead: BTreeMap<u32, Timestamp>,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It goes on.
    Goes,
    /// The run is over.
    Over,
    /// Its process is killed, before anything else happens at this moment.
    Killed,
    /// Nothing is in flight, nothing is waited for, and the run is not over.
    Nothing,
}

impl Simulation {
    /// A run at a moment, and what happens to it from outside.
    pub fn new(run: Run, now: Timestamp, mut inputs: Vec<(Timestamp, Input)>) -> Self {
        inputs.sort_by_key(|(at, _)| *at);
        inputs.reverse();
        Simulation {
            run,
            now,
            rules: ENGINE,
            flights: BTreeMap::new(),
            inputs,
            settled: None,
            idle: BTreeSet::new(),
            until: None,
            ahead: BTreeMap::new(),
        }
    }

    /// By other rules.
    pub fn by(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Its process is killed: what was in flight is lost.
    pub fn kill(&mut self) {
        self.flights.clear();
    }

    /// Tells the engine something now.
    /// Says whether nothing but samples came of it.
    pub fn tell(&mut self, plan: &Plan, input: Input, see: &mut dyn FnMut(&Run, &Event)) -> bool {
        let events = (self.rules.advance)(plan, &mut self.run, input, self.now);
        self.settled = Some(self.now);
        let quiet = !events.iter().any(|event| changes_watchers(&event.kind));
        self.learn(plan, &events, quiet);
        events.iter().for_each(|event| see(&self.run, event));
        quiet
    }

    /// Which metrics are idle: what came of their newest sample, would come of it again as long as they show the same.
    fn learn(&mut self, plan: &Plan, events: &[Event], quiet: bool) {
        if !quiet {
            self.idle.clear();
            self.ahead.clear();
        }
        for event in events {
            let EventKind::Sampled { metric, judged, .. } = &event.kind else { continue };
            let idle = judged.iter().all(|judged| leads_nowhere(&self.run, *metric, judged));
            if quiet && idle && holds_are_content(plan, &self.run) {
                self.idle.insert(*metric);
            } else {
                self.idle.remove(metric);
            }
        }
    }

    /// When an idle metric is sampled next: as late before the moment at which something else happens as its interval
    /// allows. The engine sees a young sample then, and none that it would not have seen.
    fn skip(&mut self, script: &dyn Script, wish: &Wanted) {
        if self.until.is_some_and(|until| until <= self.now) {
            self.idle.clear();
            self.ahead.clear();
        }
        if !self.rules.skips {
            return;
        }
        self.until = match script.outlook(self.now) {
            Outlook::Unknown => return self.ahead.clear(),
            Outlook::Until(until) => Some(until),
            Outlook::Always => None,
        };
        if self.idle.is_empty() {
            return;
        }
        let moving = wish.samples.iter().filter(|(metric, _)| !self.idle.contains(metric)).map(|(_, due)| *due);
        let done = self.flights.values().flatten().map(|(at, _)| *at);
        let input = self.inputs.last().map(|(at, _)| *at);
        let others = [wish.wake, script.wakes(&self.run, self.now), input, self.until];
        let Some(soon) = others.into_iter().flatten().chain(moving).chain(done).min() else {
            return self.ahead.clear();
        };
        // What is due already waits for the later moment that was found for it.
        self.ahead.retain(|metric, at| *at > self.now && !wish.samples.iter().any(|(other, _)| other == metric));
        for (metric, due) in wish.samples.iter().filter(|(metric, _)| self.idle.contains(metric)) {
            let Some(last) = self.run.metrics[*metric as usize].last.as_ref().map(|sample| sample.at) else { continue };
            let every = due.duration_since(last);
            if every <= SignedDuration::ZERO || soon <= *due {
                continue;
            }
            // Before that moment and not at it: what is judged then finds it there.
            let times = (soon.duration_since(*due).as_nanos() - 1) / every.as_nanos();
            let skipped = i32::try_from(times).ok().and_then(|times| every.checked_mul(times));
            let at = skipped.and_then(|skipped| due.checked_add(skipped).ok()).unwrap_or(*due);
            self.ahead.insert(*metric, at);
        }
    }

    /// Does what is to be done now, or goes to the next moment at which something happens.
    pub fn turn(&mut self, plan: &Plan, script: &mut dyn Script, see: &mut dyn FnMut(&Run, &Event)) -> Turn {
        while self.inputs.last().is_some_and(|(at, _)| *at <= self.now)
            && let Some((_, input)) = self.inputs.pop()
        {
            self.tell(plan, input, see);
        }
        if self.settled != Some(self.now) {
            self.tell(plan, Input::Tick, see);
        }
        if let Some(input) = script.say(plan, &self.run, self.now).filter(|_| !self.run.is_over()) {
            self.tell(plan, input, see);
            return Turn::Goes;
        }
        if self.run.is_over() {
            return Turn::Over;
        }
        if script.kills() {
            return Turn::Killed;
        }
        let now = self.now;
        let wish = (self.rules.wanted)(plan, &self.run, now);
        // What began and was stopped in one moment was never started.
        if let Some(id) = wish.stopping.iter().find(|id| !self.flights.contains_key(id)) {
            self.tell(plan, Input::Ended(*id, Done::Cancelled), see);
            return Turn::Goes;
        }
        for (id, flight) in &mut self.flights {
            if !wish.effects.contains(id) {
                *flight = Some((now, Done::Cancelled));
            }
        }
        self.skip(script, &wish);
        let now_ahead = |id: &EffectId| match id {
            EffectId::Sample(metric, _) => self.ahead.get(metric).copied(),
            _ => None,
        };
        let later: Vec<EffectId> =
            wish.effects.iter().copied().filter(|id| now_ahead(id).is_some_and(|at| at > now)).collect();
        for id in wish.effects.iter().filter(|id| !later.contains(id)) {
            let run = &self.run;
            self.flights.entry(*id).or_insert_with(|| {
                let known = script.knows(*id, now);
                match known.unwrap_or_else(|| script.perform(*id, effect(plan, run, *id, now), now)) {
                    Answer::After(takes, done) => now.checked_add(takes).ok().map(|end| (end, done)),
                    Answer::Hangs => None,
                }
            });
        }
        let next_done = self.flights.values().flatten().map(|(at, _)| *at).min();
        let next_input = self.inputs.last().map(|(at, _)| *at);
        let next_said = script.wakes(&self.run, now);
        let sampled = |(metric, due): &(u32, Timestamp)| self.ahead.get(metric).copied().unwrap_or(*due);
        let next_sample = wish.samples.iter().map(sampled).chain(later.iter().filter_map(now_ahead)).min();
        let Some(next) = [next_done, wish.wake, next_input, next_said, next_sample].into_iter().flatten().min() else {
            return Turn::Nothing;
        };
        self.now = now.max(next);
        self.land(plan, see);
        Turn::Goes
    }

    /// Tells what has ended by now: one effect, or samples one after the other as long as nothing comes of them.
    fn land(&mut self, plan: &Plan, see: &mut dyn FnMut(&Run, &Event)) {
        let through = |flight: &Flight| flight.as_ref().is_some_and(|(at, _)| *at <= self.now);
        let ended: Vec<EffectId> =
            self.flights.iter().filter(|(_, flight)| through(flight)).map(|(id, _)| *id).collect();
        for id in ended {
            let Some(Some((_, done))) = self.flights.remove(&id) else { continue };
            // The lock is held as long as it is wanted: it is answered once and stays.
            if id == EffectId::Lock && done != Done::Cancelled {
                self.flights.insert(id, None);
            }
            let sample = matches!(id, EffectId::Sample(..));
            if !self.tell(plan, Input::Ended(id, done), see) || !sample {
                return;
            }
        }
    }

    /// Goes on until the run is over.
    ///
    /// # Errors
    /// If it does not come to an end.
    pub fn finish(
        &mut self,
        plan: &Plan,
        script: &mut dyn Script,
        see: &mut dyn FnMut(&Run, &Event),
    ) -> Result<(), Stuck> {
        for _ in 0..self.rules.turns {
            match self.turn(plan, script, see) {
                Turn::Goes => {}
                Turn::Over | Turn::Killed => return Ok(()),
                Turn::Nothing => return Err(Stuck::Nothing),
            }
        }
        Err(Stuck::TooMuch)
    }
}

/// Whether other samples may be watched after an event, or samples may mean something else.
fn changes_watchers(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Sampled { .. }
            | EventKind::Looked { .. }
            | EventKind::NodeWaiting { .. }
            | EventKind::Announced { .. }
            | EventKind::IncidentUpdated { .. }
            | EventKind::Asked { .. }
            | EventKind::Heard { .. }
            | EventKind::Refused { .. }
            | EventKind::MessageQueued { .. }
            | EventKind::MessageSending { .. }
            | EventKind::MessageSent { .. }
            | EventKind::MessageFailed { .. }
    )
}

/// So many samples without data in a row are as good as more of them.
const BLIND: u32 = 3;

/// Whether every check of the holds that wait has been judged, and is so: a hold may judge more seldom than is sampled.
fn holds_are_content(plan: &Plan, run: &Run) -> bool {
    run.active.iter().all(|ix| {
        let (Some(work), Some(state)) = (plan.node(*ix).work(), &run.node(*ix).work) else { return true };
        let Some(ActionState::Hold(held)) = &state.state else { return true };
        let actions = if state.part == Part::Undo { work.undo.actions() } else { work.actions.as_slice() };
        match actions.get(state.action as usize).map(|action| &action.kind) {
            Some(ActionKind::Hold(hold)) => {
                held.checks.len() == hold.checks.len() && held.checks.values().all(|c| c.truth == Truth::True)
            }
            _ => true,
        }
    })
}

/// Whether what a sample was judged to be would lead to nothing if it were judged so again: no condition over time comes
/// nearer to its end by it, and no bad sample is counted.
fn leads_nowhere(run: &Run, metric: u32, judged: &Judged) -> bool {
    match (judged.watcher, judged.truth) {
        (Watcher::Gate(..), _) => false,
        // What has fired fires again when it has been false; what is known to be blind is told once.
        (Watcher::Trigger(index), Truth::True) if judged.span.is_some() => run.triggers[index as usize].fired,
        (Watcher::Trigger(index), Truth::NoData) => {
            let state = &run.triggers[index as usize];
            match judged.span {
                // A span that has begun is ended by samples without data.
                Some(span) => state.told_blind && state.spans.get(&span).is_none_or(|s| s.since.is_none()),
                None => state.told_blind && state.blind.get(&metric).is_some_and(|(count, _)| *count >= BLIND),
            }
        }
        (Watcher::Trigger(_), truth) if judged.span.is_some() => truth == Truth::False,
        (Watcher::Trigger(_), truth) => truth == Truth::True,
        (Watcher::Hold(..), truth) if judged.span.is_none() => truth == Truth::True,
        (Watcher::Hold(..) | Watcher::Watched(..), truth) => truth == Truth::False,
    }
}

/// Runs a plan from an instant, with what happens to it from outside, until it is over.
///
/// # Errors
/// If it does not come to an end; the events up to there are what can be looked at.
pub fn simulate(
    plan: &Plan,
    run: Run,
    script: &mut dyn Script,
    start: Timestamp,
    inputs: Vec<(Timestamp, Input)>,
) -> (Run, Vec<Event>, Result<(), Stuck>) {
    let mut events = Vec::new();
    let (run, ended) = simulate_into(plan, run, script, start, inputs, &mut |_, event| events.push(event.clone()));
    (run, events, ended)
}

/// As [`simulate`]; the events are shown, each with the state after all that belong to it, and not kept.
///
/// # Errors
/// If it does not come to an end.
pub fn simulate_into(
    plan: &Plan,
    run: Run,
    script: &mut dyn Script,
    start: Timestamp,
    inputs: Vec<(Timestamp, Input)>,
    see: &mut dyn FnMut(&Run, &Event),
) -> (Run, Result<(), Stuck>) {
    let mut simulation = Simulation::new(run, start, inputs);
    let ended = simulation.finish(plan, script, see);
    (simulation.run, ended)
}
