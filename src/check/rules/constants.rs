//! No condition is always true or always false.
//!
//! A trigger on `error_rate > 500%` never fires, a gate on `error_rate <= 100%` always passes: whoever wrote them believes
//! to be protected.

use crate::check::model::{Model, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Comparison, Expr, RefKind, Type, Value};

use super::conditions::{bound, every_condition};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for condition in every_condition(model) {
        condition.expr.walk(&mut |expr| {
            if let Expr::Compare(comparison, left, right) = expr {
                findings.extend(of_metric(model, condition, *comparison, left, right));
                findings.extend(of_variable(model, condition, *comparison, left, right));
            }
        });
    }
    for whens in super::whens(model) {
        whens.expr.walk(&mut |expr| {
            if let Expr::Compare(comparison, left, right) = expr {
                findings.extend(of_variable(model, whens, *comparison, left, right));
            }
        });
    }
}

/// A metric compared with what it cannot be: a percent lies between 0% and 100%, and nothing that is counted or measured in
/// seconds or bytes is negative.
fn of_metric(model: &Model, place: &Typed, comparison: Comparison, left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let found = bound(comparison, left, right)?;
    let metric = model.metrics.iter().find(|m| m.id.text == found.metric)?;
    let highest = (metric.kind == Type::Percent).then_some(100.0);
    let lowest = (!matches!(metric.kind, Type::Number)).then_some(0.0)?;
    let value = found.value.magnitude()?;
    let above = highest.is_some_and(|highest| value > highest);
    let always = match found.comparison {
        Comparison::Greater => {
            (value < lowest).then_some(true).or((highest.is_some_and(|h| value >= h)).then_some(false))
        }
        Comparison::AtLeast => (value <= lowest).then_some(true).or(above.then_some(false)),
        Comparison::Less => (value <= lowest).then_some(false).or(above.then_some(true)),
        Comparison::AtMost => {
            (value < lowest).then_some(false).or((highest.is_some_and(|h| value >= h)).then_some(true))
        }
        Comparison::Equal | Comparison::NotEqual | Comparison::Matches | Comparison::In => None,
    }?;
    let range = match highest {
        Some(_) => "a share lies between 0% and 100%".to_owned(),
        None => format!("a {} is never negative", metric.kind),
    };
    let title = format!("`{} {} {}` is always {always}", found.metric, found.comparison.symbol(), found.value);
    Some(
        Diagnostic::new(Code::Constant, place.span, title)
            .label(range)
            .also(metric.id.span, "of this metric")
            .help("write the value at which it is to change"),
    )
}

/// A variable compared with what none of its values is.
fn of_variable(model: &Model, place: &Typed, comparison: Comparison, left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let (Expr::Ref(reference), Expr::Value(Value::Text(value))) = (left, right) else { return None };
    if reference.kind != RefKind::Var {
        return None;
    }
    let variable = model.vars.iter().find(|v| v.id.text == reference.name)?;
    let one_of = variable.one_of.as_ref()?;
    let Expr::List(values) = &one_of.expr else { return None };
    let known: Option<Vec<String>> = values.iter().map(|v| v.known().map(Value::to_string)).collect();
    let known = known?;
    let always = match comparison {
        Comparison::Equal if !known.contains(value) => false,
        Comparison::NotEqual if !known.contains(value) => true,
        _ => return None,
    };
    let close = crate::diagnostic::did_you_mean(value, known.iter().map(String::as_str));
    let help = close.map_or_else(|| format!("it is one of {}", known.join(", ")), |c| format!("did you mean \"{c}\"?"));
    let title = format!("`{} {} \"{value}\"` is always {always}", reference.name, comparison.symbol());
    let span: Span = place.span;
    Some(
        Diagnostic::new(Code::Constant, span, title)
            .label("no value makes a difference")
            .also(one_of.span, "the values")
            .help(help),
    )
}
