//! What is watched for a condition, by its index among the plan's metrics.

use jiff::Timestamp;

use crate::plan::{Gate, Look, Plan};
use crate::value::{Expr, RefKind};

use super::state::Run;

/// What of a plan is watched by whom. It follows from the plan, and is asked for at every sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watching {
    /// What the condition of each trigger is about.
    pub(super) triggers: Vec<Vec<u32>>,
    /// Whether the condition of a trigger looks at the clock.
    pub(super) timed: Vec<bool>,
    /// The condition of each trigger, however long it must hold, and the metrics whose past it compares with.
    pub(super) at_once: Vec<Option<(Expr, Vec<u32>)>>,
    /// What each metric that is a gate judges by.
    pub(super) inside: Vec<Vec<u32>>,
    /// The conditions of gates that are metrics: whose, which, and what it is about.
    pub(super) gates: Vec<(u32, u32, Vec<u32>)>,
}

impl Watching {
    /// What is watched in a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let conditions = || plan.triggers.iter().map(|trigger| trigger.condition());
        let timed = |condition: &Expr| {
            let mut found = false;
            condition.walk(&mut |e| found |= matches!(e, Expr::Runs { .. }));
            found
        };
        let checks = |index: usize, gate: &Gate| -> Vec<(u32, u32, Vec<u32>)> {
            let looks = gate.looks.iter().enumerate().filter_map(|(i, look)| match look {
                Look::Metric(check) => Some((index as u32, i as u32, metrics_of(plan, &check.expr))),
                _ => None,
            });
            looks.collect()
        };
        let gates = plan.metrics.iter().enumerate().filter_map(|(index, metric)| Some(checks(index, metric.gate()?)));
        Watching {
            triggers: conditions().map(|c| c.map(|c| metrics_of(plan, c)).unwrap_or_default()).collect(),
            at_once: conditions().map(|c| c.map(|c| at_once(plan, c))).collect(),
            timed: conditions().map(|c| c.is_some_and(timed)).collect(),
            inside: plan.metrics.iter().map(|metric| indices(plan, metric.watched())).collect(),
            gates: gates.flatten().collect(),
        }
    }
}

/// A condition however long it must hold, and the metrics whose past it compares with.
fn at_once(plan: &Plan, condition: &Expr) -> (Expr, Vec<u32>) {
    let expr = condition.clone().map_inner(&mut |e| match e {
        Expr::Held { condition, .. } => *condition,
        other => other,
    });
    (expr, indices(plan, condition.names(RefKind::Baseline)))
}

/// What is watched for a condition: metrics, gates and flags.
pub(super) fn metrics_of(plan: &Plan, expr: &Expr) -> Vec<u32> {
    indices(plan, expr.watched())
}

/// What a gate that was looked at at a moment judges by and is too old for that, or was never sampled.
pub(super) fn missing_inside(plan: &Plan, run: &Run, metric: u32, looked: Timestamp) -> Vec<u32> {
    let inside = run.watching.inside[metric as usize].iter();
    inside.copied().filter(|inner| run.known_at(plan, *inner, looked).is_none()).collect()
}

fn indices(plan: &Plan, names: Vec<&str>) -> Vec<u32> {
    let index = |name: &str| plan.metrics.iter().position(|m| m.id == name);
    names.into_iter().filter_map(|name| index(name).map(|i| i as u32)).collect()
}
