//! A scenario, played: the engine of the night, in virtual time, in a scripted world.

use jiff::{SignedDuration, Timestamp};

use crate::drive::virtual_time::{ENGINE, Rules, Simulation, Stuck, Turn};
use crate::engine::state::Mode;
use crate::engine::{Doubt, Ending, Event, EventKind, Input, Run, whom};
use crate::plan::scenario::{Deed, Expectation, Staged};
use crate::plan::{ActionKind, HoldLength, Lane, Moment, Plan, SOME_DAY};

use super::coverage::{Coverage, notice};
use super::stage::{NOWHERE, Stage, runner};
use super::verdict::{Unmet, judge};

/// So long before its first moment a run begins.
const LEAD: SignedDuration = SignedDuration::from_mins(1);

/// A scenario that was played.
pub struct Played {
    /// Everything that happened.
    pub events: Vec<Event>,
    /// How it stood then.
    pub run: Run,
    /// T+0: as the run has it, else as it was planned.
    pub zero: Timestamp,
    /// How it came out, in the words of the language.
    pub outcome: &'static str,
    /// When it did.
    pub at: Timestamp,
    /// What is not as it is expected to be; nothing if everything is.
    pub unmet: Vec<Unmet>,
    /// What was reached.
    pub reached: Coverage,
    /// Who was asked, and when, by the place among the events.
    pub(super) asked: Vec<(usize, Vec<String>)>,
    /// Lines that did not happen, and why, by their number.
    pub(super) refused: Vec<(usize, String)>,
    /// How many lines never had their moment.
    pub(super) left: usize,
    /// It came to no end.
    pub(super) endless: Option<Stuck>,
}

/// When a plan is rehearsed: when its run begins, T+0 as it is planned if it is, and T+0 for those who read it.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    /// The run begins.
    pub begins: Timestamp,
    /// T+0 as the release has it.
    pub planned: Option<Timestamp>,
}

/// When a plan is rehearsed.
pub fn dates(plan: &Plan, starts: Option<SignedDuration>) -> Dates {
    let planned = plan.release.as_ref().and_then(|release| release.start);
    let zero = planned.unwrap_or(SOME_DAY);
    let begins = match (starts, planned) {
        (Some(starts), _) => zero.checked_add(starts).unwrap_or(zero),
        (None, Some(_)) => zero.checked_sub(before(plan)).unwrap_or(zero),
        (None, None) => zero,
    };
    Dates { begins, planned }
}

/// How long before T+0 the run of a plan begins: before its first moment, and early enough for what comes before that.
fn before(plan: &Plan) -> SignedDuration {
    let comms = plan.comms.iter().filter(|c| c.rollback.is_none()).filter_map(|c| match &c.from {
        Some(Moment::Offset(offset)) => Some(*offset),
        _ => None,
    });
    let first = plan.nodes.iter().filter_map(|node| node.at).chain(comms).min().unwrap_or_default();
    let mut lead = LEAD;
    for ix in plan.timeline() {
        let node = plan.node(ix);
        if node.at.is_some() || node.lane == Lane::Live {
            break;
        }
        let Some(work) = node.work() else { continue };
        let holds = work.actions.iter().map(|action| match &action.kind {
            ActionKind::Hold(hold) => match hold.length {
                HoldLength::For(length) => length,
                HoldLength::Until(_) => SignedDuration::ZERO,
            },
            _ => SignedDuration::ZERO,
        });
        let holds = holds.fold(SignedDuration::ZERO, SignedDuration::saturating_add);
        lead = lead.saturating_add(work.takes.unwrap_or(holds));
    }
    lead.saturating_sub(first.min(SignedDuration::ZERO))
}

/// How every rehearsal begins.
pub(super) fn begin() -> Input {
    Input::Begin {
        run: "rehearsal".into(),
        by: runner(),
        dir: NOWHERE.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        until: None,
        done: Vec::new(),
        parks: false,
    }
}

/// Plays a scenario.
pub fn play(staged: &Staged) -> Played {
    play_by(staged, ENGINE)
}

/// Plays a scenario by other rules than the engine's.
pub fn play_by(staged: &Staged, rules: Rules) -> Played {
    let plan = &with_looks(&staged.plan);
    let scenario = &staged.scenario;
    let dates = dates(plan, scenario.starts);
    let mut stage = Stage::new(plan, dates.planned);
    scenario.given.iter().for_each(|given| stage.give(given));
    stage.happens(&scenario.happenings);
    let waits_for_pause =
        scenario.expected.iter().any(|e| matches!(&e.what, Expectation::Ending { ending, .. } if ending == "paused"));
    let (mut events, mut asked, mut reached) = (Vec::new(), Vec::new(), Coverage::default());
    let mut refused = Vec::new();
    let mut see = |run: &Run, event: &Event| {
        match &event.kind {
            EventKind::Asked { what, round } => {
                let people = whom(plan, run, *what, *round);
                let roles = people.iter().flat_map(|p| &p.persons).map(|p| p.role.clone());
                asked.push((events.len(), roles.collect()));
            }
            EventKind::Refused { key, why, .. } => {
                refused.extend(super::cast::line_of(key).map(|line| (line, why.clone())));
            }
            _ => {}
        }
        notice(plan, event, &mut reached);
        events.push(event.clone());
    };
    let mut simulation = Simulation::new(Run::new(plan), dates.begins, vec![(dates.begins, begin())]).by(rules);
    let mut endless = Some(Stuck::TooMuch);
    for _ in 0..rules.turns {
        match simulation.turn(plan, &mut stage, &mut see) {
            Turn::Goes => {}
            Turn::Killed => {
                stage.wanted = None;
                stage.pass();
                simulation.kill();
                // Somebody takes it up again: when the scenario says so, else at once.
                if let Some((at, Deed::Person { word, .. })) = stage.next().map(|(at, next)| (at, &next.deed))
                    && word == "resume"
                {
                    simulation.now = simulation.now.max(at);
                    stage.pass();
                }
                simulation.tell(plan, resume(plan, &simulation.run), &mut see);
            }
            Turn::Over if taken_up(plan, &mut simulation, &mut stage, &mut see) => continue,
            Turn::Over => {
                endless = None;
                break;
            }
            Turn::Nothing => {
                endless = Some(Stuck::Nothing);
                break;
            }
        }
        if waits_for_pause && matches!(simulation.run.mode, Mode::Paused(_)) {
            endless = None;
            break;
        }
    }
    let left = stage.left().len();
    let run = simulation.run;
    let (outcome, at) = outcome(&run, &events);
    let zero = run.zero.or(dates.planned).unwrap_or(SOME_DAY);
    let (unmet, refused) = (Vec::new(), refused);
    let mut played = Played { events, run, zero, outcome, at, unmet, reached, asked, refused, left, endless };
    played.unmet = judge(&staged.plan, scenario, &played);
    played
}

/// A run that is over for its process is taken up, if the scenario says so.
fn taken_up(
    plan: &Plan,
    simulation: &mut Simulation,
    stage: &mut Stage<'_>,
    see: &mut dyn FnMut(&Run, &Event),
) -> bool {
    let goes_on = simulation.run.ending().is_none_or(Ending::can_go_on);
    let Some((at, Deed::Person { word, id, .. })) = stage.next().map(|(at, next)| (at, next.deed.clone())) else {
        return false;
    };
    let input = match word.as_str() {
        "resume" if goes_on => resume(plan, &simulation.run),
        "rollback" if goes_on => Input::Rollback { by: runner(), to: id, resumes: true },
        _ => return false,
    };
    stage.pass();
    simulation.now = simulation.now.max(at);
    simulation.kill();
    simulation.tell(plan, input, see);
    true
}

/// A new process takes it up: what was being done in the middle is done again.
pub(super) fn resume(plan: &Plan, run: &Run) -> Input {
    let doubts = run.in_doubt(plan).into_iter().map(|ix| (ix, Doubt::Again)).collect();
    Input::Resume { by: runner(), doubts }
}

/// How a run came out, in the words of the language, and when.
pub(super) fn outcome(run: &Run, events: &[Event]) -> (&'static str, Timestamp) {
    let reached = events.iter().rev().find_map(|event| match event.kind {
        EventKind::EndingReached { .. } => Some(event.at),
        _ => None,
    });
    match run.ending() {
        Some(ending) => (ending.handler(), reached.unwrap_or(run.now)),
        None => ("paused", run.now),
    }
}

/// A plan in which every gate looks at the world, so that a scenario can say how it goes.
pub(super) fn with_looks(plan: &Plan) -> Plan {
    use crate::plan::{Check, Gate, Look, NodeKind, Undo};
    use crate::value::{Expr, Value};
    let looks = |gate: &mut Gate, place: &crate::source::Place| {
        if gate.looks.iter().all(|look| matches!(look, Look::Metric(_))) {
            let text = "in this rehearsal".to_owned();
            let expr = Expr::Value(Value::Bool(true));
            gate.looks.push(Look::Expect(Check { text, expr, place: place.clone() }));
        }
    };
    let mut plan = plan.clone();
    for node in &mut plan.nodes {
        let NodeKind::Work(work) = &mut node.kind else { continue };
        let undo = match &mut work.undo {
            Undo::Actions { actions, .. } => actions.as_mut_slice(),
            Undo::Nothing | Undo::Excused(_) | Undo::Irreversible(_) => &mut [],
        };
        for action in work.actions.iter_mut().chain(undo) {
            if let ActionKind::Gate(gate) = &mut action.kind {
                looks(gate, &action.place);
            }
        }
    }
    for metric in &mut plan.metrics {
        if let ActionKind::Gate(gate) = &mut metric.action.kind {
            looks(gate, &metric.place);
        }
    }
    plan
}
