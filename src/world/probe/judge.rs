//! What is made of what was found: ready, to be looked at, or not.

use jiff::SignedDuration;

use crate::engine::{Checked, SampleProblem, Truth, seen};
use crate::plan::{Gate, Look, Mark, Metric, MetricKind};
use crate::value::{Comparison, Expr, Value};

use super::{Probed, Readiness};

pub(super) fn unlimited(gate: &Gate) -> Vec<Look> {
    let mut looks = gate.looks.clone();
    looks.iter_mut().for_each(|look| {
        if let Look::Action(action) = look {
            action.within = None;
        }
    });
    looks
}

pub(super) fn of_gate(name: String, checks: &[Checked]) -> Probed {
    let bad: Vec<String> = checks
        .iter()
        .filter(|check| check.truth != Truth::True)
        .map(|check| if check.why.is_empty() { check.text.clone() } else { format!("{} ({})", check.text, check.why) })
        .collect();
    let worst = |truth| checks.iter().any(|c| c.truth == truth);
    match () {
        () if bad.is_empty() => Probed::new("gate", name, Readiness::Ready, "would pass now"),
        () if worst(Truth::Error) => {
            Probed::new("gate", name, Readiness::Missing, format!("cannot be judged: {}", bad.join("; ")))
        }
        () if worst(Truth::False) => {
            Probed::new("gate", name, Readiness::Remark, format!("would fail now: {}", bad.join("; ")))
        }
        () => Probed::new("gate", name, Readiness::Remark, format!("could not tell now: {}", bad.join("; "))),
    }
}

pub(super) fn sampled(metric: &Metric, answer: &Result<Value, SampleProblem>) -> Probed {
    let sort = if metric.kind == MetricKind::Switch { "flag" } else { "metric" };
    match answer {
        Ok(value) => {
            let doubt = implausible(metric, value).or_else(|| beyond(metric, value));
            let readiness = if doubt.is_some() { Readiness::Remark } else { Readiness::Ready };
            let doubt = doubt.map(|doubt| format!(": {doubt}")).unwrap_or_default();
            Probed::new(sort, &metric.id, readiness, format!("{}{doubt}", seen(value)))
        }
        Err(problem) if problem.error => Probed::new(sort, &metric.id, Readiness::Missing, problem.why.clone()),
        Err(problem) => Probed::new(sort, &metric.id, Readiness::Remark, format!("no data: {}", problem.why)),
    }
}

/// A value that makes one doubt the unit of its metric.
fn implausible(metric: &Metric, value: &Value) -> Option<String> {
    match (value, metric.unit.as_deref()) {
        (Value::Percent(percent), Some("percent")) if *percent > 0.0 && *percent < 1.0 => {
            Some("is the answer a ratio? then write `unit = ratio`".into())
        }
        (Value::Duration(length), Some(unit))
            if !length.is_zero()
                && (*length < SignedDuration::from_micros(10) || *length > SignedDuration::from_hours(1)) =>
        {
            Some(format!("is the answer really in `{unit}`?"))
        }
        _ => None,
    }
}

/// A mark that a value is beyond already.
fn beyond(metric: &Metric, value: &Value) -> Option<String> {
    let is_so = |mark: &&Mark| {
        let compared = Expr::Compare(
            mark.comparison,
            Box::new(Expr::Value(value.clone())),
            Box::new(Expr::Value(mark.value.clone())),
        );
        let so = matches!(crate::value::fold(compared, &Nothing), Expr::Value(Value::Bool(true)));
        if mark.word == "target" { !so } else { so }
    };
    let mark = metric.marks.iter().rev().find(is_so)?;
    let word = |comparison: Comparison| comparison.symbol();
    Some(match mark.word.as_str() {
        "target" => format!("its target is {} {}", word(mark.comparison), mark.value),
        other => format!("beyond its `{other}` of {} {}", word(mark.comparison), mark.value),
    })
}

/// An environment in which nothing has a name.
struct Nothing;

impl crate::value::Environment for Nothing {
    fn look_up(&self, _: &crate::value::Ref) -> crate::value::Found {
        crate::value::Found::Later
    }
}
