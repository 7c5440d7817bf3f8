//! The live driver: the clock, the real world, one task that owns the state.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::engine::{Done, Effect, EffectId, Ending, Event, Input, Live, Run, Unsent, Who, advance, effect, wanted};
use crate::journal::{Journal, JournalError};
use crate::plan::Plan;
use crate::world::{Stop, World, impossible};

use super::Clock;

/// How often somebody who watches is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// What is nearer than that is not worth asking whether the run parks.
const TICK_FAR: SignedDuration = SignedDuration::from_secs(1);

/// How often it is looked whether somebody at another terminal wants something.
const LOOK: SignedDuration = SignedDuration::from_millis(300);

/// How long everything in flight may take to end when nothing more is wanted, beyond its grace.
const LAST: Duration = Duration::from_secs(15);

/// What a signal, or a key, wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Halt: what runs is cancelled and recorded, the run can be resumed. The second time it kills.
    Halt(String),
    /// The terminal is gone: it halts, and nothing more comes of it however often that is told.
    Gone,
    /// Something was typed at the run's own terminal.
    Typed(String),
}

/// Who watches a run: screens and logs. It is told everything, and cannot stop anything.
pub trait Watch {
    /// Something happened; `run` is the state after it.
    fn event(&mut self, plan: &Plan, run: &Run, event: &Event);
    /// What somebody typed, as far as it means something to the run.
    fn typed(&mut self, plan: &Plan, run: &Run, line: &str) -> Option<Input>;
    /// Something is to be shown and forgotten.
    fn live(&mut self, plan: &Plan, run: &Run, live: &Live);
    /// Time passes.
    fn tick(&mut self, plan: &Plan, run: &Run, now: Timestamp);
}

/// Why a run could not go on in this process.
#[derive(Debug)]
pub enum DriveError {
    /// Nothing could be written down any more. What ran was stopped.
    Journal(JournalError),
    /// Somebody insisted: everything was killed at once.
    Killed,
}

/// An effect in flight.
struct Flight {
    stop: watch::Sender<Stop>,
    stopped: bool,
}

/// A run, its plan and what is in flight.
pub struct Driver<'a, J> {
    plan: &'a Plan,
    run: Run,
    journal: J,
    world: Arc<World>,
    watch: &'a mut dyn Watch,
    clock: &'a Clock,
    flights: BTreeMap<EffectId, Flight>,
    tasks: JoinSet<(EffectId, Done)>,
    /// Which effect a task is for, so that one that panics has a name.
    names: HashMap<tokio::task::Id, EffectId>,
    locked: bool,
    parks: bool,
}

impl<'a, J: Journal> Driver<'a, J> {
    /// A driver for a run that is in the journal already. `parks`: it ends while nothing is to be done for a long time.
    pub fn new(
        plan: &'a Plan,
        run: Run,
        journal: J,
        world: Arc<World>,
        watch: &'a mut dyn Watch,
        clock: &'a Clock,
        parks: bool,
    ) -> Self {
        let (flights, tasks, names) = (BTreeMap::new(), JoinSet::new(), HashMap::new());
        Driver { plan, run, journal, world, watch, clock, flights, tasks, names, locked: false, parks }
    }

    /// Goes on with the run until it has ended or is halted. `first` is what begins or resumes it.
    ///
    /// # Errors
    /// If nothing can be written down any more, or somebody insisted on an end. What is on disk then is true, and the
    /// run can be resumed. The state beside it is what was known last.
    pub async fn drive(
        mut self,
        first: Vec<Input>,
        mut lines: mpsc::Receiver<Live>,
        mut signals: mpsc::Receiver<Signal>,
        who: &Who,
    ) -> Result<Run, (Run, DriveError)> {
        let outcome = self.go_on(first, &mut lines, &mut signals, who).await;
        self.land(outcome.is_err()).await;
        if let Err(error) = outcome {
            return Err((self.run, error));
        }
        // A run that can be resumed keeps its lock; what an earlier process of this run took is given back too.
        let keeps_lock = self.run.ending().is_none_or(|ending| ending == Ending::Stuck);
        if !keeps_lock && let Err(error) = self.journal.unlock() {
            return Err((self.run, DriveError::Journal(error)));
        }
        Ok(self.run)
    }

    async fn go_on(
        &mut self,
        first: Vec<Input>,
        lines: &mut mpsc::Receiver<Live>,
        signals: &mut mpsc::Receiver<Signal>,
        who: &Who,
    ) -> Result<(), DriveError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut first = first.into_iter();
        for input in first.by_ref().take(1) {
            self.take(input)?;
        }
        // What people said while nobody ran it comes before what whoever takes it up wants of it.
        self.listen()?;
        for input in first {
            self.take(input)?;
        }
        let mut halting = false;
        let mut looked = self.clock.now();
        while !self.run.is_over() {
            if self.clock.now().duration_since(looked) >= LOOK {
                self.listen()?;
                looked = self.clock.now();
            }
            let wake = self.reconcile()?;
            if let Some(until) = wake.filter(|_| self.parks && self.flights.is_empty())
                && until.duration_since(self.clock.now()) >= TICK_FAR
            {
                // Somebody may have said something meanwhile.
                self.listen()?;
                self.take(Input::Park)?;
            }
            if self.run.is_over() {
                break;
            }
            let asleep = self.sleep_until(wake);
            tokio::select! {
                biased;
                Some(signal) = signals.recv() => match signal {
                    Signal::Gone if self.run.halt.is_some() => {}
                    Signal::Gone => self.take(Input::Halt { by: who.clone(), reason: "SIGHUP".into() })?,
                    Signal::Halt(_) if std::mem::replace(&mut halting, true) => return Err(DriveError::Killed),
                    Signal::Halt(reason) => self.take(Input::Halt { by: who.clone(), reason })?,
                    Signal::Typed(line) => {
                        if let Some(input) = self.watch.typed(self.plan, &self.run, &line) {
                            self.take(input)?;
                        }
                    }
                },
                Some(joined) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    let ended = match joined {
                        Ok((task, ended)) => {
                            self.names.remove(&task);
                            Some(ended)
                        }
                        // A fault of ours; the effect has failed, and the run goes on from there.
                        Err(fault) => self.names.remove(&fault.id()).map(|id| {
                            (id, impossible(id, "this part of the program failed, which is a fault of runbook".into()))
                        }),
                    };
                    if let Some((id, done)) = ended {
                        self.flights.remove(&id);
                        self.take(Input::Ended(id, done))?;
                    }
                }
                Some(line) = lines.recv() => self.watch.live(self.plan, &self.run, &line),
                () = tokio::time::sleep(asleep), if asleep < TICK => self.take(Input::Tick)?,
                _ = tick.tick() => {
                    let now = self.clock.now();
                    self.watch.tick(self.plan, &self.run, now);
                    if wake.is_some_and(|wake| wake <= now) {
                        self.take(Input::Tick)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does what people at other terminals have asked for.
    fn listen(&mut self) -> Result<(), DriveError> {
        // What cannot be read now can be read later; only what cannot be written ends anything.
        for (number, wish) in self.journal.wishes().unwrap_or_default() {
            self.journal.taking(number);
            if let Some(wish) = wish {
                self.take(wish.into())?;
            }
            self.journal.taken().map_err(DriveError::Journal)?;
        }
        Ok(())
    }

    /// How long until a moment.
    fn sleep_until(&self, wake: Option<Timestamp>) -> Duration {
        let left = wake.map(|wake| self.clock.real(wake.duration_since(self.clock.now())));
        left.map_or(Duration::MAX, |left| Duration::try_from(left.max(SignedDuration::ZERO)).unwrap_or(Duration::MAX))
    }

    /// Tells the engine something, writes down what follows from it, and only then lets anybody see it.
    fn take(&mut self, input: Input) -> Result<(), DriveError> {
        self.take_at(input, self.clock.now())
    }

    fn take_at(&mut self, input: Input, now: Timestamp) -> Result<(), DriveError> {
        let events = advance(self.plan, &mut self.run, input, now);
        if events.is_empty() {
            return Ok(());
        }
        self.journal.append(&events).map_err(DriveError::Journal)?;
        for event in &events {
            self.watch.event(self.plan, &self.run, event);
        }
        Ok(())
    }

    /// Starts what is wanted and not in flight, cancels what is in flight and not wanted.
    fn reconcile(&mut self) -> Result<Option<Timestamp>, DriveError> {
        let now = self.clock.now();
        self.take_at(Input::Tick, now)?;
        let mut wish = wanted(self.plan, &self.run, now);
        // What began and was stopped in one moment was never started.
        for id in std::mem::take(&mut wish.stopping) {
            if !self.flights.contains_key(&id) {
                self.take_at(Input::Ended(id, Done::Cancelled), now)?;
                wish = wanted(self.plan, &self.run, now);
            }
        }
        // The lock is for the live part: others may release while this run watches.
        if self.locked && !wish.effects.contains(&EffectId::Lock) {
            self.journal.unlock().map_err(DriveError::Journal)?;
            self.locked = false;
        }
        for (id, flight) in &mut self.flights {
            if !flight.stopped && !wish.effects.contains(id) {
                flight.stopped = true;
                flight.stop.send_replace(Stop::Gently);
            }
        }
        let next = wish.next();
        for id in wish.effects {
            if id == EffectId::Lock {
                self.take_lock(now)?;
            } else if !self.flights.contains_key(&id) {
                self.start(id, now);
            }
        }
        Ok(next)
    }

    fn start(&mut self, id: EffectId, now: Timestamp) {
        let (stop, stopper) = watch::channel(Stop::No);
        let work = effect(self.plan, &self.run, id, now);
        let world = Arc::clone(&self.world);
        self.flights.insert(id, Flight { stop, stopped: false });
        let task = self.tasks.spawn(async move { (id, world.perform(id, work, stopper).await) });
        self.names.insert(task.id(), id);
    }

    fn take_lock(&mut self, now: Timestamp) -> Result<(), DriveError> {
        if self.locked || self.run.refused.is_some() {
            return Ok(());
        }
        let Effect::Lock(names) = effect(self.plan, &self.run, EffectId::Lock, now) else { return Ok(()) };
        let answer = self.journal.lock(&names, &self.run.by, now).map_err(DriveError::Journal)?;
        self.locked = answer.is_ok();
        let answer = answer.map_err(|holder| holder.to_string());
        self.take(Input::Ended(EffectId::Lock, Done::Lock(answer)))
    }

    /// Waits for everything that is still in flight, so that nothing is left running.
    async fn land(&mut self, at_once: bool) {
        let wish = if at_once { Stop::Now } else { Stop::Gently };
        for flight in self.flights.values() {
            flight.stop.send_replace(wish);
        }
        let grace = Duration::try_from(self.plan.runbook.grace).unwrap_or_default();
        let mut held = Vec::new();
        let all = async {
            while let Some(joined) = self.tasks.join_next().await {
                // A message of which nothing was sent is sent by the next process.
                if let Ok((id @ EffectId::Message(_), done @ Done::Message(Err(Unsent { held: true, .. })))) = joined {
                    held.push((id, done));
                }
            }
        };
        if tokio::time::timeout(grace + LAST, all).await.is_err() {
            // Dropping a task kills its process.
            self.tasks.shutdown().await;
        }
        // If that cannot be written down, it is in doubt, and is told as that.
        for (id, done) in held.into_iter().filter(|_| !at_once) {
            let _in_doubt = self.take(Input::Ended(id, done));
        }
    }
}
