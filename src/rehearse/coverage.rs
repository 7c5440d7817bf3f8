//! What scenarios reach of a runbook: which triggers fire, which ways back and responses are taken, how gates and waits end,
//! and which branches are gone.

use std::collections::BTreeSet;

use crate::engine::{Ended, Event, EventKind, FailureSort, Truth, ask_of};
use crate::plan::{ActionKind, AskSort, Gate, Look, Plan, Work};

/// Something that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// Of which sort it is: `trigger`, `rollback`, `response`, `gate`, `wait`, `when`.
    pub sort: &'static str,
    /// Its name.
    pub id: String,
    /// How it went: `fires`, `passes`, `nobody`.
    pub how: &'static str,
}

/// What was reached, or can be.
pub type Coverage = BTreeSet<Reached>;

fn reached(sort: &'static str, id: impl Into<String>, how: &'static str) -> Reached {
    Reached { sort, id: id.into(), how }
}

/// The name of a rollback, for people.
fn rollback_name(id: &str) -> String {
    if id.is_empty() { "rollback".to_owned() } else { id.to_owned() }
}

/// Everything that scenarios could reach of a plan.
pub fn possible(plan: &Plan) -> Coverage {
    let mut all = Coverage::new();
    for trigger in &plan.triggers {
        all.insert(reached("trigger", &trigger.id, "fires"));
        if trigger.no_data.is_some() && trigger.when.is_some() {
            all.insert(reached("trigger", &trigger.id, "blind"));
        }
        if trigger.ask.is_some() {
            all.extend(["yes", "no", "nobody"].map(|how| reached("wait", &trigger.id, how)));
        }
    }
    all.extend(plan.rollbacks.iter().map(|r| reached("rollback", rollback_name(&r.id), "taken")));
    all.extend(plan.responses.iter().map(|r| reached("response", &r.id, "called")));
    for node in &plan.nodes {
        if node.when.is_some() {
            all.extend(["true", "false"].map(|how| reached("when", &node.id, how)));
        }
        if node.is_checklist() {
            all.extend(["done", "nobody"].map(|how| reached("wait", &node.id, how)));
        }
        let Some(work) = node.work() else { continue };
        for gate in gates(work) {
            all.extend(["passes", "fails"].map(|how| reached("gate", &gate.id, how)));
            if gate.looks.iter().any(|look| matches!(look, Look::Metric(_))) {
                all.insert(reached("gate", &gate.id, "inconclusive"));
            }
        }
        for action in &work.actions {
            let ActionKind::Ask(ask) = &action.kind else { continue };
            let ends: &[&'static str] = match &ask.sort {
                AskSort::Tick => &[],
                AskSort::Answer(_) => &["yes", "nobody"],
                AskSort::Approval | AskSort::Confirmation => &["yes", "no", "nobody"],
            };
            all.extend(ends.iter().map(|how| reached("wait", &node.id, how)));
        }
    }
    all
}

/// The gates that a node looks at by itself: what an item of a checklist looks at until it passes has no other verdict.
fn gates(work: &Work) -> impl Iterator<Item = &Gate> {
    work.actions.iter().filter_map(|action| match &action.kind {
        ActionKind::Gate(gate) if !gate.patient && !gate.id.is_empty() => Some(gate),
        _ => None,
    })
}

/// What an event reaches.
pub(super) fn notice(plan: &Plan, event: &Event, found: &mut Coverage) {
    match &event.kind {
        EventKind::TriggerFired { trigger, .. } => {
            found.insert(reached("trigger", &plan.triggers[*trigger as usize].id, "fires"));
        }
        EventKind::TriggerBlind { trigger, .. } => {
            found.insert(reached("trigger", &plan.triggers[*trigger as usize].id, "blind"));
        }
        EventKind::QuestionEnded { trigger, yes, .. } => {
            let how = match yes {
                Some(true) => "yes",
                Some(false) => "no",
                None => "nobody",
            };
            found.insert(reached("wait", &plan.triggers[*trigger as usize].id, how));
        }
        EventKind::RollbackStarted { rollback, .. } => {
            let id = rollback_name(&plan.rollbacks[*rollback as usize].id);
            found.insert(reached("rollback", id, "taken"));
        }
        EventKind::ResponseStarted { response, .. } => {
            found.insert(reached("response", &plan.responses[*response as usize].id, "called"));
        }
        EventKind::NodeStarted { node } if plan.node(*node).when.is_some() => {
            found.insert(reached("when", &plan.node(*node).id, "true"));
        }
        EventKind::NodeSkipped { node, .. } if plan.node(*node).when.is_some() => {
            found.insert(reached("when", &plan.node(*node).id, "false"));
        }
        EventKind::AttemptJudged { slot, truth, .. } => {
            let gate = plan.node(slot.node).work().and_then(|work| gates(work).next());
            if let Some(gate) = gate {
                let how = match truth {
                    Truth::True => "passes",
                    Truth::False => "fails",
                    Truth::NoData | Truth::Error => "inconclusive",
                };
                found.insert(reached("gate", &gate.id, how));
            }
        }
        EventKind::NodeEnded { node, ended, failure, .. } => {
            let id = &plan.node(*node).id;
            let sort = failure.as_ref().map(|f| f.sort);
            if plan.node(*node).is_checklist() {
                let how = if *ended == Ended::Succeeded { "done" } else { "nobody" };
                found.insert(reached("wait", id, how));
            } else if ask_of(plan, *node).is_some_and(|ask| ask.sort != AskSort::Tick) {
                let how = match (ended, sort) {
                    (Ended::Succeeded, _) => "yes",
                    (_, Some(FailureSort::Rejected)) => "no",
                    (_, Some(FailureSort::TimedOut)) => "nobody",
                    _ => return,
                };
                found.insert(reached("wait", id, how));
            }
        }
        _ => {}
    }
}
