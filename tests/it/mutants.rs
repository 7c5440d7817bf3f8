//! Whether the scenarios and the sweep notice when a rule of the engine is broken. Each mutant is the engine with one of its
//! rules changed: in what it decides, in what it wants, or in how it reads the plan.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use runbook::drive::virtual_time::{ENGINE, Rules};
use runbook::engine::state::UndoStatus;
use runbook::engine::{
    EffectId, Ended, Ending, Event, EventKind, Input, Run, Say, Truth, Wanted, advance, apply, decide, wanted,
};
use runbook::plan::scenario::Staged;
use runbook::plan::{ActionKind, FailAfter, NodeIx, NodeKind, Outcome, Plan, Quorum, Undo};
use runbook::rehearse::{Place, Sweeper, play_by};
use runbook::value::Expr;

use crate::scenarios::{scenarios_of, stage};

thread_local! {
    static MUTANT: Cell<usize> = const { Cell::new(0) };
}

/// How a mutant decides: a change of an event before it happens. Nothing happens instead if it gives nothing.
type Twist = fn(&Plan, &Run, EventKind) -> Option<EventKind>;

/// A broken rule.
struct Mutant {
    name: &'static str,
    /// It reads another plan.
    plan: Option<fn(&mut Plan)>,
    /// It decides otherwise.
    twist: Option<Twist>,
    /// It wants otherwise.
    wants: Option<fn(Wanted) -> Wanted>,
}

const fn reads(name: &'static str, plan: fn(&mut Plan)) -> Mutant {
    Mutant { name, plan: Some(plan), twist: None, wants: None }
}

const fn decides(name: &'static str, twist: Twist) -> Mutant {
    Mutant { name, plan: None, twist: Some(twist), wants: None }
}

const fn wants(name: &'static str, wants: fn(Wanted) -> Wanted) -> Mutant {
    Mutant { name, plan: None, twist: None, wants: Some(wants) }
}

fn works(plan: &mut Plan, change: fn(&mut runbook::plan::Work)) {
    for node in &mut plan.nodes {
        if let NodeKind::Work(work) = &mut node.kind {
            change(work);
        }
    }
}

fn actions(plan: &mut Plan, change: fn(&mut ActionKind)) {
    for node in &mut plan.nodes {
        if let NodeKind::Work(work) = &mut node.kind {
            work.actions.iter_mut().for_each(|action| change(&mut action.kind));
        }
    }
}

/// The step that began first of those that are still to be undone.
fn oldest(plan: &Plan, run: &Run) -> Option<NodeIx> {
    let all = (0..plan.nodes.len() as u32).map(NodeIx);
    let open = all.filter(|ix| {
        let undoable = plan.node(*ix).work().is_some_and(|work| matches!(work.undo, Undo::Actions { .. }));
        undoable && run.node(*ix).order > 0 && run.node(*ix).undo == UndoStatus::NotBegun
    });
    open.min_by_key(|ix| run.node(*ix).order)
}

const MUTANTS: &[Mutant] = &[
    reads("a retry too many", |plan| works(plan, |w| w.retry.iter_mut().for_each(|r| r.times += 1))),
    reads("a retry too few", |plan| works(plan, |w| w.retry.iter_mut().for_each(|r| r.times -= 1))),
    reads("a limit is ignored", |plan| works(plan, |w| w.limit.duration = SignedDuration::from_hours(9000))),
    reads("a limit is over at once", |plan| works(plan, |w| w.limit.duration = SignedDuration::from_secs(1))),
    reads("a failure is gone over", |plan| works(plan, |w| w.on_failure = Outcome::Continue)),
    reads("a failure stops and undoes nothing", |plan| works(plan, |w| w.on_failure = Outcome::Stop)),
    reads("a condition is not looked at", |plan| plan.nodes.iter_mut().for_each(|n| n.when = None)),
    reads("a moment is not waited for", |plan| plan.nodes.iter_mut().for_each(|n| n.at = None)),
    reads("a gate passes at its first pass", |plan| {
        actions(plan, |a| {
            if let ActionKind::Gate(gate) = a {
                gate.pass_after = 1;
            }
        });
    }),
    reads("a gate fails at its first failure", |plan| {
        actions(plan, |a| {
            if let ActionKind::Gate(gate) = a {
                gate.fail_after = Some(FailAfter { times: 1, in_a_row: false });
            }
        });
    }),
    reads("a hold looks at nothing", |plan| {
        actions(plan, |a| {
            if let ActionKind::Hold(hold) = a {
                hold.checks.clear();
            }
        });
    }),
    reads("a hold fails at its first bad sample", |plan| {
        actions(plan, |a| {
            if let ActionKind::Hold(hold) = a {
                hold.fail_after = FailAfter { times: 1, in_a_row: false };
            }
        });
    }),
    reads("one yes is enough for all", |plan| {
        actions(plan, |a| {
            if let ActionKind::Ask(ask) = a {
                ask.people.quorum = Quorum::Any;
            }
        });
    }),
    reads("a trigger fires at its first sample", |plan| {
        for trigger in &mut plan.triggers {
            if let Some(check) = &mut trigger.when {
                check.expr = check.expr.clone().map_inner(&mut |e| match e {
                    Expr::Held { condition, .. } => *condition,
                    other => other,
                });
            }
        }
    }),
    reads("a trigger goes back by any way", |plan| {
        plan.triggers.iter_mut().for_each(|t| t.outcome = Outcome::Rollback(None));
    }),
    reads("a trigger never asks", |plan| plan.triggers.iter_mut().for_each(|t| t.ask = None)),
    reads("a blind trigger says nothing", |plan| plan.triggers.iter_mut().for_each(|t| t.no_data = None)),
    reads("nothing is said at the end", |plan| plan.handlers.clear()),
    decides("undo in the wrong order", |plan, run, kind| match kind {
        EventKind::UndoStarted { node } => Some(EventKind::UndoStarted { node: oldest(plan, run).unwrap_or(node) }),
        other => Some(other),
    }),
    decides("a step is not undone", |_, _, kind| match kind {
        EventKind::UndoStarted { node } => Some(EventKind::UndoSkipped { node, why: String::new() }),
        other => Some(other),
    }),
    decides("an undo that failed counts as done", |_, _, kind| match kind {
        EventKind::UndoEnded { node, .. } => Some(EventKind::UndoEnded { node, failure: None }),
        other => Some(other),
    }),
    decides("a node that failed counts as done", |_, _, kind| match kind {
        EventKind::NodeEnded { node, .. } => {
            Some(EventKind::NodeEnded { node, ended: Ended::Succeeded, failure: None, outcome: None })
        }
        other => Some(other),
    }),
    decides("a trigger stays armed", |_, _, kind| match kind {
        EventKind::TriggerDisarmed { .. } => None,
        other => Some(other),
    }),
    decides("a trigger is never armed", |_, _, kind| match kind {
        EventKind::TriggerArmed { .. } => None,
        other => Some(other),
    }),
    decides("a trigger that fired does nothing", |_, _, kind| match kind {
        EventKind::TriggerFired { trigger, reason, samples, asks, .. } => {
            Some(EventKind::TriggerFired { trigger, reason, samples, outcome: Outcome::Continue, asks })
        }
        other => Some(other),
    }),
    decides("a no counts as a yes", |_, _, kind| match kind {
        EventKind::Heard { key, by, say: Say::Answer { node, value, reason, .. } } => {
            Some(EventKind::Heard { key, by, say: Say::Answer { node, yes: true, value, reason } })
        }
        other => Some(other),
    }),
    decides("a gate always passes", |_, _, kind| match kind {
        EventKind::AttemptJudged { slot, attempt, checks, .. } => {
            Some(EventKind::AttemptJudged { slot, attempt, truth: Truth::True, checks })
        }
        other => Some(other),
    }),
    decides("a gate never passes", |_, _, kind| match kind {
        EventKind::AttemptJudged { slot, attempt, checks, .. } => {
            Some(EventKind::AttemptJudged { slot, attempt, truth: Truth::False, checks })
        }
        other => Some(other),
    }),
    decides("not healthy counts as healthy", |_, _, kind| match kind {
        EventKind::FoundUnhealthy { node, .. } => {
            Some(EventKind::NodeEnded { node, ended: Ended::Succeeded, failure: None, outcome: None })
        }
        other => Some(other),
    }),
    decides("every end is a good end", |_, _, kind| match kind {
        EventKind::EndingReached { reason, .. } => Some(EventKind::EndingReached { ending: Ending::Completed, reason }),
        EventKind::RunEnded { .. } => Some(EventKind::RunEnded { ending: Ending::Completed }),
        other => Some(other),
    }),
    decides("a wait for a person ends at once", |_, run, kind| match kind {
        EventKind::Paused { reason, otherwise, node, people, .. } => {
            Some(EventKind::Paused { reason, until: run.now, otherwise, node, people })
        }
        other => Some(other),
    }),
    decides("T+0 is an hour later than it is", |_, _, kind| match kind {
        EventKind::ZeroSet { zero } => Some(EventKind::ZeroSet { zero: zero + SignedDuration::from_hours(1) }),
        other => Some(other),
    }),
    decides("what a command gave is lost", |_, _, kind| match kind {
        EventKind::ActionEnded { slot, mut result } => {
            result.captures.clear();
            Some(EventKind::ActionEnded { slot, result })
        }
        other => Some(other),
    }),
    wants("no message is ever sent", |mut wanted| {
        wanted.effects.retain(|id| !matches!(id, EffectId::Message(_)));
        wanted
    }),
    wants("no metric is ever sampled", |mut wanted| {
        wanted.effects.retain(|id| !matches!(id, EffectId::Sample(..)));
        wanted.samples.clear();
        wanted
    }),
];

fn twisted(plan: &Plan, run: &mut Run, input: Input, now: Timestamp) -> Vec<Event> {
    let Some(twist) = MUTANTS[MUTANT.get()].twist else { return advance(plan, run, input, now) };
    let mut all = Vec::new();
    let mut next = decide(plan, run, &input, now);
    for _ in 0..10_000 {
        let mut events = Vec::new();
        for event in next {
            let Some(kind) = twist(plan, run, event.kind) else { continue };
            let event = Event { at: event.at, kind };
            apply(run, &event);
            events.push(event);
        }
        if events.is_empty() {
            break;
        }
        all.append(&mut events);
        next = decide(plan, run, &Input::Tick, now);
    }
    all
}

fn wanted_otherwise(plan: &Plan, run: &Run, now: Timestamp) -> Wanted {
    let found = wanted(plan, run, now);
    MUTANTS[MUTANT.get()].wants.map_or(found.clone(), |wants| wants(found))
}

const BROKEN: Rules = Rules { advance: twisted, wanted: wanted_otherwise, turns: 20_000, skips: true };

/// The runbooks by whose scenarios and faults mutants are looked for: those that need nothing from outside of their file.
fn texts() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["runbooks/quickstart.rb", "runbooks/deploy.rb", "runbooks/checklist.rb", "runbooks/blue_green.rb"];
    let mut texts: Vec<String> = files.iter().map(|f| std::fs::read_to_string(root.join(f)).unwrap()).collect();
    texts.push(std::fs::read_to_string(root.join("src/cli/templates/canary.rb")).unwrap());
    texts.push(format!("{}{COUNTED}", crate::scenarios::SHOP));
    texts
}

/// What is counted: tries, passes in a row, and those who must say yes.
const COUNTED: &str = r#"
scenario second_try { given step first fails 1 times; expect completed }
scenario third_try { given step first fails 2 times; expect rolled_back }
scenario only_one { at T-25m approve go by "lead@x.example"; expect stopped }
scenario steady { given gate twice fails 1 times; expect completed; expect step third started at T+30m40s }
"#;

/// Whether a scenario, or else the sweep, notices; and what.
fn noticed(staged: &[Staged], rules: Rules, change: Option<fn(&mut Plan)>) -> Option<String> {
    let changed = |plan: &Plan| {
        let mut plan = plan.clone();
        change.into_iter().for_each(|change| change(&mut plan));
        plan
    };
    for one in staged {
        let staged = Staged { plan: changed(&one.plan), scenario: one.scenario.clone() };
        if let Some(unmet) = play_by(&staged, rules).unmet.first() {
            return Some(format!("{}: {}", one.scenario.id, unmet.title));
        }
    }
    let sweeper = Sweeper::by(&changed(&staged[0].plan), rules);
    let sweep = sweeper.report(sweeper.sweep(0, 1));
    if let Some(finding) = sweep.findings.first() {
        return Some(format!("the sweep: {}", finding.title));
    }
    let endless = sweep.fates.iter().find(|fate| fate.place == Place::Endless);
    endless.map(|fate| format!("the sweep: {} comes to no end", fate.troubles[0].words(sweeper.plan())))
}

#[test]
fn a_broken_rule_of_the_engine_is_noticed() {
    let texts = texts();
    // The quickstart first: it is small, and the only one that is swept.
    let staged: Vec<Staged> = texts
        .iter()
        .flat_map(|text| scenarios_of(text).into_iter().map(|id| stage(text, &id)).collect::<Vec<_>>())
        .collect();
    assert_eq!(noticed(&staged, ENGINE, None), None, "the engine itself has nothing broken");
    let mut caught = 0;
    for (index, mutant) in MUTANTS.iter().enumerate() {
        MUTANT.set(index);
        match noticed(&staged, BROKEN, mutant.plan) {
            Some(by) => {
                caught += 1;
                println!("caught  {:<40} {by}", mutant.name);
            }
            None => println!("MISSED  {}", mutant.name),
        }
    }
    println!("{caught} of {} mutants are caught", MUTANTS.len());
    assert!(MUTANTS.len() >= 20);
    assert_eq!(caught, MUTANTS.len(), "a rule of the engine can be broken and nothing notices");
}
