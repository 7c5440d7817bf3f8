//! What is watched for a condition, by its index among the plan's metrics.

use jiff::Timestamp;

use crate::plan::Plan;
use crate::value::Expr;

use super::state::Run;

/// What is watched for a condition: metrics, gates and flags.
pub(super) fn metrics_of(plan: &Plan, expr: &Expr) -> Vec<u32> {
    indices(plan, expr.watched())
}

/// What the gate of a metric judges by, if it is one.
pub(super) fn metrics_inside(plan: &Plan, metric: u32) -> Vec<u32> {
    indices(plan, plan.metrics[metric as usize].watched())
}

/// What a gate that was looked at at a moment judges by and is too old for that, or was never sampled.
pub(super) fn missing_inside(plan: &Plan, run: &Run, metric: u32, looked: Timestamp) -> Vec<u32> {
    let mut inside = metrics_inside(plan, metric);
    inside.retain(|inner| run.known_at(plan, *inner, looked).is_none());
    inside
}

fn indices(plan: &Plan, names: Vec<&str>) -> Vec<u32> {
    let index = |name: &str| plan.metrics.iter().position(|m| m.id == name);
    names.into_iter().filter_map(|name| index(name).map(|i| i as u32)).collect()
}
