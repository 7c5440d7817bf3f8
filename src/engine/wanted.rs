//! `wanted`: which effects should be in flight, and when to look again.

use jiff::Timestamp;

use crate::plan::{ActionKind, Gate, Hold, Look, NodeIx, NodeKind, Plan, Sort, Work};
use crate::value::{Expr, RefKind, Value};

use super::asked::asked;
use super::decide::{
    HALT_PATIENCE, Standing, actions_of, instant, needs_world, next_announcement, next_update, patience,
};
use super::effect::{EffectId, Wanted};
use super::event::{Part, Slot};
use super::say::Inquiry;
use super::state::{ActionState, Live, Mode, Run, Status, WorkState};
use super::watched::{metrics_of, missing_inside};

/// How long after a baseline could not be read it is asked for again.
const AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// When the limit of what a node is doing is over; nothing if it ends by itself.
pub fn deadline(plan: &Plan, run: &Run, ix: NodeIx) -> Option<Timestamp> {
    let (work, state) = (plan.node(ix).work()?, run.node(ix).work.as_ref()?);
    // An item of a checklist ends with its list.
    if work.sort == Sort::Item {
        return None;
    }
    // A hold ends by itself, a message waits for nothing but its own tries.
    let own_end =
        actions_of(work, state.part).iter().all(|a| matches!(a.kind, ActionKind::Hold(_) | ActionKind::Notify(_)));
    if own_end {
        return None;
    }
    if let (Some(until), Part::Forward) = (work.limit.until, state.part) {
        let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start));
        // A moment that was past when the node began is no limit: whoever catches up has the usual one.
        let moment = zero.and_then(|zero| zero.checked_add(until).ok()).filter(|moment| *moment > state.since);
        if moment.is_some() {
            return moment;
        }
    }
    let limit = if state.part == Part::Undo { work.undo_limit() } else { work.limit.duration };
    state.since.checked_add(limit).ok()
}

/// When the limit of a group is over: of a phase it counts from the start of its first node.
pub fn group_deadline(plan: &Plan, run: &Run, ix: NodeIx) -> Option<Timestamp> {
    let (node, state) = (plan.node(ix), run.node(ix));
    let limit = node.group_limit()?;
    let since = match &node.kind {
        NodeKind::Phase { children, .. } if node.parent.is_some() || plan.phases.contains(&ix) => {
            let first = children.iter().filter_map(|c| run.node(*c).started).min()?;
            state.since.map_or(first, |since| since.max(first))
        }
        _ => state.since?,
    };
    if let Some(until) = limit.until {
        let zero = run.zero.or(plan.release.as_ref().and_then(|r| r.start));
        let moment = zero.and_then(|zero| zero.checked_add(until).ok()).filter(|moment| *moment > since);
        if moment.is_some() {
            return moment;
        }
    }
    since.checked_add(limit.duration).ok()
}

/// Which effects should be in flight now.
pub fn wanted(plan: &Plan, run: &Run, now: Timestamp) -> Wanted {
    let mut collector = Collector { plan, run, now, wanted: Wanted::default(), dues: vec![None; plan.metrics.len()] };
    if run.started.is_some() && !run.is_over() {
        collector.collect();
    }
    collector.wanted
}

struct Collector<'a> {
    plan: &'a Plan,
    run: &'a Run,
    now: Timestamp,
    wanted: Wanted,
    /// When each metric is wanted next.
    dues: Vec<Option<Timestamp>>,
}

impl Collector<'_> {
    /// The facts that can be asked: all that they need is known. Facts that wait for each other are asked as they are,
    /// so that they fail instead of waiting for ever.
    fn facts(&self) -> Vec<EffectId> {
        let unknown = |name: &str| !self.run.facts.contains_key(name);
        let open = self.plan.facts.iter().enumerate().filter(|(_, fact)| unknown(&fact.name));
        let (ready, waiting): (Vec<_>, Vec<_>) = open.partition(|(_, fact)| {
            let mut names = fact.action.exprs().into_iter().flat_map(|e| e.names(RefKind::Fact));
            !names.any(unknown)
        });
        let chosen = if ready.is_empty() { waiting } else { ready };
        chosen.into_iter().map(|(i, _)| EffectId::Fact(i as u32)).collect()
    }

    fn collect(&mut self) {
        let standing = Standing::of(self.plan, self.run, self.now);
        if standing.holds_lock {
            self.wanted.effects.push(EffectId::Lock);
        }
        if standing.holds_lock && self.run.live == Live::Running && !self.run.locked {
            return;
        }
        let due = self.run.next_messages().filter(|key| self.run.messages[*key as usize].sending);
        self.wanted.effects.extend(due.map(EffectId::Message));
        if let Some(end) = patience(self.run) {
            self.wake(end);
        }
        // While the run is being halted nothing else is wanted, and what runs no more.
        if let Some(halt) = &self.run.halt {
            let since = halt.since;
            for ix in &self.run.active {
                if let (Some(slot), Some(ActionState::Running { stopping: Some(_), .. })) =
                    (self.run.slot(*ix), self.run.node(*ix).work.as_ref().and_then(|w| w.state.as_ref()))
                {
                    self.wanted.stopping.push(EffectId::Action(slot));
                }
            }
            return self.wake(since + HALT_PATIENCE);
        }
        if standing.asks_facts {
            self.wanted.effects.extend(self.facts());
            let unread = |m: &u32| self.plan.metrics[*m as usize].past.is_some() && !self.run.baselines.contains_key(m);
            let baselines = (0..self.plan.metrics.len() as u32).filter(unread).map(EffectId::Baseline);
            self.wanted.effects.extend(baselines);
        }
        self.unread_baselines();
        if let Mode::Paused(pause) = &self.run.mode {
            self.wake(pause.until);
            self.asked(Inquiry::Pause);
        }
        if let Some(open) = self.run.questions.first() {
            self.asked(Inquiry::Trigger(open.trigger));
        }
        for index in 0..self.plan.comms.len() {
            if let Some(next) = next_announcement(self.plan, self.run, index) {
                self.wake(next);
            }
        }
        for (trigger, incident) in &self.run.incidents {
            if let Some(next) = next_update(self.plan, self.run, *trigger, incident) {
                self.wake(next);
            }
        }
        self.waiting();
        for ix in &self.run.active {
            self.node(*ix);
        }
        if matches!(self.run.mode, Mode::Forward | Mode::Paused(_)) {
            self.triggers();
        }
        self.samples();
    }

    /// A baseline that could not be read is asked for again while the live part lasts: the past stays where it is.
    fn unread_baselines(&mut self) {
        if self.run.live != Live::Running || !matches!(self.run.mode, Mode::Forward | Mode::Paused(_)) {
            return;
        }
        for (metric, asked) in &self.run.unread {
            let next = asked.checked_add(AGAIN).unwrap_or(*asked);
            if next <= self.now {
                self.wanted.effects.push(EffectId::Baseline(*metric));
            } else {
                self.wanted.wake = Some(self.wanted.wake.map_or(next, |wake| wake.min(next)));
            }
        }
    }

    /// What is not in the future has been dealt with already: the engine was told of this moment.
    fn wake(&mut self, at: Timestamp) {
        if at <= self.now {
            return;
        }
        self.wanted.wake = Some(self.wanted.wake.map_or(at, |wake| wake.min(at)));
    }

    /// When somebody is asked next, and when their time is over.
    fn asked(&mut self, what: Inquiry) {
        let Some(open) = asked(self.plan, self.run, what) else { return };
        self.wake(open.until);
        if let Some(next) = open.next() {
            self.wake(next);
        }
    }

    /// Nodes whose moment has not come, and groups whose limit counts.
    fn waiting(&mut self) {
        let mut next: Vec<NodeIx> = self.run.next_phase(self.plan).into_iter().collect();
        let beside =
            self.plan.responses.iter().map(|r| r.node).chain(self.plan.rollbacks.iter().filter_map(|r| r.after));
        next.extend(beside.filter(|ix| self.run.active.contains(ix)));
        while let Some(ix) = next.pop() {
            let state = self.run.node(ix);
            if let (Status::Waiting, Some(until)) = (state.status, state.until) {
                self.wake(until);
            }
            if state.status != Status::Running {
                continue;
            }
            if let Some(end) = group_deadline(self.plan, self.run, ix) {
                self.wake(end);
            }
            match &self.plan.node(ix).kind {
                NodeKind::Phase { children, .. } => next.extend(self.run.next_of(children, state.done)),
                NodeKind::Parallel { lanes, checklist, .. } => {
                    next.extend(lanes);
                    if *checklist {
                        self.asked(Inquiry::Node(ix));
                    }
                }
                NodeKind::Work(_) | NodeKind::Undo { .. } => {}
            }
        }
    }

    fn node(&mut self, ix: NodeIx) {
        let (Some(work), Some(state)) = (self.plan.node(ix).work(), &self.run.node(ix).work) else { return };
        if let Some(limit) = deadline(self.plan, self.run, ix) {
            self.wake(limit);
        }
        if let Some(again) = state.again {
            self.wake(again);
        }
        let slot = Slot { node: ix, part: state.part, attempt: state.attempt, action: state.action };
        self.action(work, state, slot);
    }

    fn action(&mut self, work: &Work, state: &WorkState, slot: Slot) {
        let Some(action) = actions_of(work, state.part).get(state.action as usize) else { return };
        match (&state.state, &action.kind) {
            (Some(ActionState::Running { since, stopping: None }), _) => {
                self.wanted.effects.push(EffectId::Action(slot));
                if let Some(end) = action.within.and_then(|within| since.checked_add(within).ok()) {
                    self.wake(end);
                }
            }
            (Some(ActionState::Running { stopping: Some(_), .. }), _) => {
                self.wanted.stopping.push(EffectId::Action(slot));
            }
            (Some(ActionState::Judging), _) => self.wanted.effects.push(EffectId::Look(slot, 0)),
            (Some(ActionState::Gate(_)), ActionKind::Gate(gate)) => self.gate(slot, gate),
            (Some(ActionState::Asking(_)), _) => self.asked(Inquiry::Node(slot.node)),
            (Some(ActionState::Hold(hold_state)), ActionKind::Hold(hold)) => {
                // Past its end it waits for samples alone.
                if hold_state.until > self.now {
                    self.wake(hold_state.until);
                }
                self.hold(hold, hold_state.since);
            }
            _ => {}
        }
    }

    fn gate(&mut self, slot: Slot, gate: &Gate) {
        let Some(ActionState::Gate(state)) = self.run.slot_state(slot) else { return };
        if let Some(end) = gate.within.and_then(|within| state.since.checked_add(within).ok()) {
            self.wake(end);
        }
        match state.attempt_since {
            Some(since) if state.open => {
                if needs_world(gate) && state.looked.is_none() {
                    self.wanted.effects.push(EffectId::Look(slot, state.attempts));
                }
                for look in &gate.looks {
                    if let Look::Metric(check) = look {
                        for metric in metrics_of(self.plan, &check.expr) {
                            let sampled =
                                self.run.metrics[metric as usize].last.as_ref().is_some_and(|s| s.at >= since);
                            if !sampled {
                                self.due(metric, since);
                            }
                        }
                    }
                }
            }
            Some(since) => {
                if let Ok(next) = since.checked_add(gate.every) {
                    self.wake(next);
                }
            }
            None => {}
        }
    }

    fn hold(&mut self, hold: &Hold, since: Timestamp) {
        for check in &hold.checks {
            for metric in metrics_of(self.plan, &check.expr) {
                let every = hold.every.unwrap_or(self.plan.metrics[metric as usize].every);
                self.regularly(metric, since, every);
            }
        }
    }

    fn triggers(&mut self) {
        for (i, trigger) in self.plan.triggers.iter().enumerate() {
            let Some(since) = self.run.triggers[i].armed else { continue };
            let Some(condition) = trigger.condition() else { continue };
            let watching = &self.run.watching;
            for metric in watching.triggers[i].iter().copied() {
                let every = self.plan.metrics[metric as usize].every;
                self.regularly(metric, since, every);
            }
            if watching.timed[i] && !self.run.triggers[i].fired {
                self.running_long(condition);
            }
        }
        self.moments();
    }

    /// When a step that runs will have run so long as a condition says.
    fn running_long(&mut self, condition: &Expr) {
        let mut ends = Vec::new();
        condition.walk(&mut |e| {
            let Expr::Runs { step, span } = e else { return };
            let Some(Value::Duration(span)) = span.known() else { return };
            for ix in self.plan.named(step) {
                let since = self.run.node(ix).work.as_ref().map(|work| work.since);
                ends.extend(since.and_then(|since| since.checked_add(*span).ok()));
            }
        });
        ends.into_iter().for_each(|end| self.wake(end));
    }

    /// Moments at which a trigger is armed or disarmed by the clock.
    fn moments(&mut self) {
        if self.run.live != Live::Running {
            return;
        }
        let moments = self.plan.triggers.iter().flat_map(|t| t.from.iter().chain(&t.until));
        let offsets = moments.filter_map(|moment| instant(self.plan, self.run, moment));
        let next = offsets.filter(|at| *at > self.now).min();
        if let Some(next) = next {
            self.wake(next);
        }
    }

    /// Somebody wants a sample of a metric every so often, from a moment on; of a gate, also of what it judges by.
    fn regularly(&mut self, metric: u32, since: Timestamp, every: jiff::SignedDuration) {
        for inner in self.run.watching.inside[metric as usize].iter().copied() {
            self.regularly(inner, since, self.plan.metrics[inner as usize].every);
        }
        let last = self.run.metrics[metric as usize].last.as_ref().map(|s| s.at);
        let due = match last {
            Some(last) if last >= since => last.checked_add(every).unwrap_or(last),
            _ => since,
        };
        self.due(metric, due);
    }

    fn due(&mut self, metric: u32, at: Timestamp) {
        let due = &mut self.dues[metric as usize];
        *due = Some(due.map_or(at, |d| d.min(at)));
    }

    /// One question serves everybody who wants that metric at that moment.
    fn samples(&mut self) {
        for metric in 0..self.dues.len() as u32 {
            if let Some((at, _)) = self.run.metrics[metric as usize].looked {
                for inner in missing_inside(self.plan, self.run, metric, at) {
                    self.due(inner, at);
                }
            }
        }
        for metric in 0..self.dues.len() {
            let Some(due) = self.dues[metric] else { continue };
            // It has been looked at; what it judges by is on its way.
            if self.run.metrics[metric].looked.is_some() {
                continue;
            }
            if due <= self.now {
                let count = self.run.metrics[metric].count;
                self.wanted.effects.push(EffectId::Sample(metric as u32, count));
            } else {
                self.wanted.samples.push((metric as u32, due));
            }
        }
    }
}
