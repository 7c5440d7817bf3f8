//! A trigger can fire: the longest stretch for which it is armed is not shorter than its `for`.

use jiff::SignedDuration;

use crate::check::model::{Model, Moment, PhaseKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Expr, Value, duration_text};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let live = live_part(model);
    for trigger in &model.triggers {
        let Some(when) = &trigger.when else { continue };
        let offset = |moment: &Option<Moment>| match moment {
            Some(Moment::Offset(at)) => match &at.expr {
                Expr::Value(Value::Offset(offset)) => Some((*offset, at.span)),
                _ => None,
            },
            _ => None,
        };
        let armed = match (offset(&trigger.from), offset(&trigger.until)) {
            (Some((from, _)), Some((until, span))) => Some((until - from, span)),
            (None, None) if trigger.from.is_none() && trigger.until.is_none() => live,
            _ => None,
        };
        let (Some(needs), Some((armed, span))) = (longest_span(&when.expr), armed) else { continue };
        if armed < needs {
            let title = format!("the trigger `{}` can never fire", trigger.id.text);
            findings.push(
                Diagnostic::new(Code::NeverFires, when.span, title)
                    .label(format!("must be so for {}", duration_text(needs)))
                    .also(span, format!("and is armed for {} at most", duration_text(armed.max(SignedDuration::ZERO))))
                    .help("shorten its `for`, or let it watch longer"),
            );
        }
    }
}

/// The longest `for` of a condition.
fn longest_span(expr: &Expr) -> Option<SignedDuration> {
    let mut longest = None;
    expr.walk(&mut |e| {
        if let Expr::Held { span, .. } | Expr::Runs { span, .. } = e
            && let Expr::Value(Value::Duration(length)) = &**span
        {
            longest = longest.max(Some(*length));
        }
    });
    longest
}

/// How long the live part lasts at most, if every phase of it says so.
fn live_part(model: &Model) -> Option<(SignedDuration, Span)> {
    let mut live = model.phases.iter().filter(|p| p.kind == PhaseKind::Live).peekable();
    live.peek()?;
    let limits: Option<Vec<(SignedDuration, Span)>> = live
        .map(|phase| {
            let limit = &phase.limit()?.duration;
            match &limit.expr {
                Expr::Value(Value::Duration(length)) => Some((*length, limit.span)),
                _ => None,
            }
        })
        .collect();
    let limits = limits?;
    Some((limits.iter().map(|(length, _)| *length).sum(), limits[0].1))
}
