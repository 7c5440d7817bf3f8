//! An effect with everything the world needs for it.

use jiff::Timestamp;

use crate::plan::{Action, ActionKind, Check, Fact, Look, Metric, Plan, each_expr_of};
use crate::value::{Environment, EvalError, Expr, Found, evaluate, fold};

use super::decide::{Context, actions_of};
use super::effect::{Effect, EffectId, Outgoing};
use super::event::Checked;
use super::scene::Scene;
use super::state::Run;

/// How often a message is tried.
const TRIES: u32 = 3;

/// The effect of a wish, with what is known put in. What stays open are secrets, and what its own result will say.
pub fn effect(plan: &Plan, run: &Run, id: EffectId, now: Timestamp) -> Effect {
    let scene = Scene::new(plan, run, now);
    match id {
        EffectId::Lock => Effect::Lock(plan.runbook.locks.clone()),
        EffectId::Fact(i) => {
            let fact = &plan.facts[i as usize];
            match closed(&fact.action, &scene) {
                Ok(action) => Effect::Fact(Box::new(Fact { action, ..fact.clone() })),
                Err(why) => Effect::Impossible(why),
            }
        }
        EffectId::Action(slot) => {
            let work = plan.node(slot.node).work();
            match work.and_then(|w| actions_of(w, slot.part).get(slot.action as usize)) {
                Some(action) => match closed(action, &scene) {
                    Ok(action) => Effect::Action(Box::new(action)),
                    Err(why) => Effect::Impossible(why),
                },
                None => Effect::Impossible("the plan has no such action".into()),
            }
        }
        EffectId::Look(slot, 0) => match plan.node(slot.node).work() {
            Some(work) => looks(&work.done_when, &scene),
            None => Effect::Impossible("the plan has no such step".into()),
        },
        EffectId::Look(slot, _) => {
            let work = plan.node(slot.node).work();
            let action = work.and_then(|w| actions_of(w, slot.part).get(slot.action as usize));
            match action.map(|a| &a.kind) {
                Some(ActionKind::Gate(gate)) => looks(&gate.looks, &scene),
                _ => Effect::Impossible("the plan has no such gate".into()),
            }
        }
        EffectId::Sample(metric, _) => {
            let metric = &plan.metrics[metric as usize];
            if let Some(gate) = metric.gate() {
                return looks(&gate.looks, &scene);
            }
            match closed(&metric.action, &scene) {
                Ok(action) => Effect::Sample(Box::new(Metric { action, ..metric.clone() })),
                Err(why) => Effect::Impossible(why),
            }
        }
        EffectId::Baseline(metric) => {
            let metric = &plan.metrics[metric as usize];
            match closed(&metric.action, &scene) {
                Ok(action) => {
                    // Also where it is read late, it is about the time before the live part.
                    let ago = run.live_since.map(|since| now.duration_since(since)).unwrap_or_default();
                    Effect::Baseline(Box::new(Metric { action, ..metric.clone() }), ago)
                }
                Err(why) => Effect::Impossible(why),
            }
        }
        EffectId::Message(key) => {
            let message = &run.messages[key as usize];
            match plan.channels.iter().find(|c| c.id == message.channel) {
                Some(channel) => Effect::Message(Box::new(Outgoing {
                    id: format!("{}.{key}", run.id),
                    run: run.id.clone(),
                    title: plan.runbook.title.clone(),
                    at: message.at,
                    again: message.in_doubt,
                    // A service that is down holds up what comes after it no longer than it must.
                    tries: if run.silent.contains(&message.channel) && message.slot.is_none() { 1 } else { TRIES },
                    receipt: run.receipts.get(&message.channel).cloned(),
                    channel: channel.clone(),
                    subject: message.subject.clone(),
                    text: message.text.clone(),
                    settings: message.settings.clone(),
                })),
                None => Effect::Impossible(format!("the plan has no channel `{}`", message.channel)),
            }
        }
    }
}

/// What checks look at in the world, with what a run knows put in; metrics aside.
pub fn look_at(looked: &[Look], plan: &Plan, run: &Run, now: Timestamp) -> Effect {
    looks(looked, &Scene::new(plan, run, now))
}

/// A condition over metrics as it is now, by the newest samples. A `for` counts as held: nobody waits here.
pub fn judge_now(plan: &Plan, run: &Run, check: &Check, now: Timestamp) -> Checked {
    let expr = check.expr.clone().map_inner(&mut |e| match e {
        Expr::Held { condition, .. } => *condition,
        other => other,
    });
    // Whenever it was sampled: nobody waits here.
    Context { plan, run, now }.judge_by(&Check { expr, ..check.clone() }, Timestamp::MIN, &|_| None)
}

/// What a gate looks at in the world, metrics aside: the engine judges those itself.
fn looks(looks: &[Look], scene: &Scene<'_>) -> Effect {
    let mut closed_looks = Vec::new();
    for look in looks {
        match look {
            Look::Action(action) => match closed(action, scene) {
                Ok(action) => closed_looks.push(Look::Action(Box::new(action))),
                Err(why) => return Effect::Impossible(why),
            },
            Look::Expect(check) => {
                let mut check = check.clone();
                check.expr = fold(check.expr, scene);
                closed_looks.push(Look::Expect(check));
            }
            Look::Metric(_) => {}
        }
    }
    Effect::Look(closed_looks)
}

/// An action with everything in it that the run knows. Says what is missing.
fn closed(action: &Action, scene: &Scene<'_>) -> Result<Action, String> {
    let mut action = action.clone();
    let mut problem = None;
    each_expr_of(&mut action, &mut |expr| {
        let folded = fold(std::mem::replace(expr, Expr::Error), scene);
        let never = folded.refs().into_iter().find_map(|r| match scene.look_up(r) {
            Found::Never(why) => Some(why),
            Found::Value(_) | Found::Later => None,
        });
        let failed = match evaluate(&folded, scene) {
            Err(EvalError::Failed(why)) => Some(why),
            Ok(_) | Err(EvalError::Later) => None,
        };
        if let Some(why) = never.or(failed) {
            problem.get_or_insert(why);
        }
        *expr = folded;
    });
    match problem {
        Some(why) => Err(why),
        None => Ok(action),
    }
}
