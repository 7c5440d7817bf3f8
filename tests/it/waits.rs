//! Every wait has an end: each node of a runbook that uses all of them hangs once, or is answered by nobody, and the table says
//! what it waited for, how long, and what came then.

use jiff::Timestamp;
use runbook::drive::virtual_time::{Answer, Script, simulate};
use runbook::engine::state::Run;
use runbook::engine::{Effect, EffectId, Ended, Event, EventKind, Input, Inquiry, Part, Say};
use runbook::plan::{ActionKind, NodeIx, NodeKind, Plan};

use crate::cuts::{EVERYTHING, calm};
use crate::support::{START, World, begin, plan_of};

/// A world in which one node never comes to its end, forward or back.
struct Hanging {
    inner: World,
    node: NodeIx,
    part: Part,
}

impl Script for Hanging {
    fn say(&mut self, plan: &Plan, run: &Run, now: Timestamp) -> Option<Input> {
        let said = self.inner.say(plan, run, now)?;
        let of_it = match &said {
            Input::Say { say: Say::Answer { node, .. } | Say::Tick { node, .. }, .. } => *node == self.node,
            // Nobody ends the pauses either.
            Input::Say { say: Say::GoOn | Say::Decide { .. }, .. } => true,
            _ => false,
        };
        (!of_it).then_some(said)
    }

    fn perform(&mut self, id: EffectId, effect: Effect, now: Timestamp) -> Answer {
        match id {
            EffectId::Action(slot) | EffectId::Look(slot, _) if slot.node == self.node && slot.part == self.part => {
                Answer::Hangs
            }
            _ => self.inner.perform(id, effect, now),
        }
    }
}

/// What a node waits for.
fn waits_for(plan: &Plan, ix: NodeIx) -> &'static str {
    match plan.node(ix).work().and_then(|w| w.actions.first()).map(|a| &a.kind) {
        Some(ActionKind::Ask(_)) => "people",
        Some(ActionKind::Gate(_)) => "a look",
        Some(ActionKind::Hold(_)) => "time",
        Some(ActionKind::Notify(_)) => "a message",
        _ => "a command",
    }
}

fn world(plan: &Plan, part: Part, ix: NodeIx) -> World {
    let mut world = calm();
    let id = plan.node(ix).id.as_str();
    // What is to be undone, or belongs to a way back, needs one.
    if part == Part::Undo
        || plan.rollbacks.iter().any(|r| r.nodes.contains(&ix) || r.after.is_some_and(|a| plan.is_within(ix, a)))
    {
        world = world.fails("do judged");
    }
    if id.starts_with("calm") {
        world = world.metric("errors", &[(0, Some(9.0))]);
    }
    world.name_metrics(plan);
    world
}

/// A row: the node, what it waits for, how long at most, what came then, how the run ended.
fn row(plan: &Plan, ix: NodeIx, part: Part) -> String {
    let start: Timestamp = START.parse().unwrap();
    let mut script = Hanging { inner: world(plan, part, ix), node: ix, part };
    let (run, events, result) = simulate(plan, Run::new(plan), &mut script, start, vec![(start, begin())]);
    let id = &plan.node(ix).id;
    assert_eq!(result, Ok(()), "{id} waits for ever:\n{}", crate::support::transcript(plan, &events));
    let began = |e: &&Event| match (&e.kind, part) {
        (EventKind::NodeStarted { node }, Part::Forward) | (EventKind::UndoStarted { node }, Part::Undo) => *node == ix,
        _ => false,
    };
    let Some(began) = events.iter().find(began).map(|e| e.at) else { panic!("{id} never began") };
    // What stands in a group ends with it at the latest.
    let ended = events.iter().find_map(|e| match &e.kind {
        EventKind::NodeEnded { node, ended, .. } if e.at >= began && *node == ix && part == Part::Forward => {
            Some((e.at, *ended))
        }
        EventKind::NodeSkipped { node, .. } if *node == ix => Some((e.at, Ended::Succeeded)),
        EventKind::UndoEnded { node, .. } if *node == ix && part == Part::Undo => Some((e.at, Ended::Failed)),
        _ => None,
    });
    let (at, ended) = ended.unwrap_or_else(|| panic!("{id} never ended"));
    let length = runbook::value::duration_text(at.duration_since(began));
    let then = match ended {
        Ended::Succeeded => "through",
        Ended::Failed => "failed",
        Ended::Interrupted => "ended by its group",
        Ended::Overdue => "overdue",
    };
    let what = if part == Part::Undo { "its undo" } else { waits_for(plan, ix) };
    let ending = run.ending().map_or("halted", |e| e.words());
    format!("{id:<16} {what:<10} {length:<7} {then:<19} {ending}")
}

/// A wait of the run itself: a pause, or what a trigger asks.
fn of_the_run(
    plan: &Plan,
    name: &str,
    mut inner: World,
    begins: fn(&EventKind) -> bool,
    ends: fn(&EventKind) -> bool,
) -> String {
    let start: Timestamp = START.parse().unwrap();
    inner.name_metrics(plan);
    let mut script = Hanging { inner, node: NodeIx(u32::MAX), part: Part::Forward };
    let (run, events, result) = simulate(plan, Run::new(plan), &mut script, start, vec![(start, begin())]);
    assert_eq!(result, Ok(()), "{name} waits for ever");
    let at = |wanted: fn(&EventKind) -> bool| events.iter().find(|e| wanted(&e.kind)).map(|e| e.at).unwrap();
    let length = runbook::value::duration_text(at(ends).duration_since(at(begins)));
    format!("{name:<16} people     {length:<7} nobody came         {}", run.ending().map_or("halted", |e| e.words()))
}

#[test]
fn every_wait_has_an_end() {
    let plan = plan_of(EVERYTHING);
    let mut table = String::new();
    for (i, node) in plan.nodes.iter().enumerate() {
        let ix = NodeIx(i as u32);
        let NodeKind::Work(work) = &node.kind else { continue };
        // This one is left out.
        if node.id == "ready.never" {
            continue;
        }
        table.push_str(&format!("{}\n", row(&plan, ix, Part::Forward)));
        if !work.undo.actions().is_empty() && plan.in_timeline(ix) && node.id != "judged" {
            table.push_str(&format!("{}\n", row(&plan, ix, Part::Undo)));
        }
    }
    let asked = |kind: &EventKind| matches!(kind, EventKind::Asked { what: Inquiry::Trigger(_), .. });
    let answered = |kind: &EventKind| matches!(kind, EventKind::QuestionEnded { .. });
    let hot = calm().metric("errors", &[(0, Some(60.0))]);
    table.push_str(&format!("{}\n", of_the_run(&plan, "(trigger worse)", hot, asked, answered)));
    let paused = |kind: &EventKind| matches!(kind, EventKind::Paused { .. });
    let ended = |kind: &EventKind| matches!(kind, EventKind::PauseEnded { .. });
    table.push_str(&format!("{}\n", of_the_run(&plan, "(a pause)", calm().fails("do big"), paused, ended)));
    crate::screens::snapshot("waits", &table);
}
