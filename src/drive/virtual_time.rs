//! The virtual driver: time jumps to the next moment at which something happens, the world is a script. The engine is
//! the same; weeks take milliseconds and nothing real is touched.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::engine::{Done, Effect, EffectId, Event, Input, Run, advance, effect, wanted};
use crate::plan::Plan;

/// A scripted world: what comes of an effect, and how long it takes.
pub trait Script {
    /// What comes of an effect that begins now.
    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer;

    /// What somebody says now, if they do. It is asked again until nobody says anything.
    fn say(&mut self, _plan: &Plan, _run: &Run, _now: Timestamp) -> Option<Input> {
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

/// Why a simulation did not come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    mut run: Run,
    script: &mut dyn Script,
    start: Timestamp,
    mut inputs: Vec<(Timestamp, Input)>,
    see: &mut dyn FnMut(&Run, &Event),
) -> (Run, Result<(), Stuck>) {
    let mut now = start;
    let mut flights: BTreeMap<EffectId, Flight> = BTreeMap::new();
    let mut tell = |run: &mut Run, input: Input, now: Timestamp| {
        let events = advance(plan, run, input, now);
        events.iter().for_each(|event| see(run, event));
    };
    inputs.sort_by_key(|(at, _)| *at);
    inputs.reverse();
    for _ in 0..TURNS {
        while inputs.last().is_some_and(|(at, _)| *at <= now)
            && let Some((_, input)) = inputs.pop()
        {
            tell(&mut run, input, now);
        }
        tell(&mut run, Input::Tick, now);
        if let Some(input) = script.say(plan, &run, now).filter(|_| !run.is_over()) {
            tell(&mut run, input, now);
            continue;
        }
        if run.is_over() {
            return (run, Ok(()));
        }
        let wish = wanted(plan, &run, now);
        // What began and was stopped in one moment was never started.
        if let Some(id) = wish.stopping.iter().find(|id| !flights.contains_key(id)) {
            tell(&mut run, Input::Ended(*id, Done::Cancelled), now);
            continue;
        }
        for (id, flight) in &mut flights {
            if !wish.effects.contains(id) {
                *flight = Some((now, Done::Cancelled));
            }
        }
        for id in &wish.effects {
            flights.entry(*id).or_insert_with(|| match script.perform(*id, effect(plan, &run, *id, now), now) {
                Answer::After(takes, done) => Some((now + takes, done)),
                Answer::Hangs => None,
            });
        }
        // The lock is held as long as it is wanted: it is answered once and stays.
        let next_done = flights.values().flatten().map(|(at, _)| *at).min();
        let next_input = inputs.last().map(|(at, _)| *at);
        let Some(next) = [next_done, wish.wake, next_input].into_iter().flatten().min() else {
            return (run, Err(Stuck::Nothing));
        };
        now = now.max(next);
        let ended = flights.iter().find(|(_, f)| f.as_ref().is_some_and(|(at, _)| *at <= now)).map(|(id, _)| *id);
        if let Some(id) = ended
            && let Some(Some((_, done))) = flights.remove(&id)
        {
            if id == EffectId::Lock && done != Done::Cancelled {
                flights.insert(id, None);
            }
            tell(&mut run, Input::Ended(id, done), now);
        }
    }
    (run, Err(Stuck::TooMuch))
}
