//! A gate that counts its attempts has time for more than one.
//!
//! Without a `within` a gate is looked at once. `pass after 3 in a row` could never be reached then.

use jiff::SignedDuration;

use crate::check::model::{Gate, GateRef, GateUse, Limit, Look, Model, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Expr, Value, duration_text};

use super::gate_uses;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for used in gate_uses(model) {
        let gate = match &used.gate {
            GateRef::Inline(gate) => gate.as_ref(),
            GateRef::Named(name) => match model.gates.iter().find(|g| g.id.text == *name) {
                Some(gate) => gate,
                None => continue,
            },
            GateRef::Error => continue,
        };
        if let Some(within) = used.within.as_ref().or(gate.within.as_ref()) {
            findings.extend(too_short(gate, used, within));
            continue;
        }
        let passes = used.pass_after.as_ref().or(gate.pass_after.as_ref());
        let failures = used.fail_after.as_ref().or(gate.fail_after.as_ref()).map(|(times, _)| times);
        for times in [passes, failures].into_iter().flatten() {
            if let Expr::Value(Value::Int(number)) = times.expr
                && number > 1
            {
                let title = format!("this gate is looked at once, so {number} attempts are never reached");
                let finding = Diagnostic::new(Code::Missing, times.span, title).label("more than one attempt");
                findings.push(finding.also(used.span, "looked at here").help("say how long it may take: `within 2m`"));
            }
        }
    }
}

/// As many attempts as it takes, or as long a span as a condition wants, do not fit into the time that there is.
fn too_short(gate: &Gate, used: &GateUse, within: &Limit) -> Option<Diagnostic> {
    let length = |typed: &Typed| match typed.expr {
        Expr::Value(Value::Duration(length)) => Some(length),
        _ => None,
    };
    let has = length(&within.duration)?;
    let tell = |place: Span, what: String| {
        Diagnostic::new(Code::TakesTooLong, place, format!("{what}, and there is {}", duration_text(has)))
            .label("cannot pass")
            .also(within.span, "the time that it has")
            .help("give it more time, or ask for less")
    };
    let every = gate.every.as_ref().map_or(Some(SignedDuration::from_secs(10)), length)?;
    let passes = used.pass_after.as_ref().or(gate.pass_after.as_ref());
    if let Some(times @ Typed { expr: Expr::Value(Value::Int(number)), .. }) = passes
        && let Some(needs) = i32::try_from(number - 1).ok().and_then(|n| every.checked_mul(n))
        && needs > has
    {
        return Some(tell(times.span, format!("{number} attempts take {} at least", duration_text(needs))));
    }
    let held = gate.looks.iter().find_map(|look| {
        let Look::Expect(condition) = look else { return None };
        let mut longest = None;
        condition.expr.walk(&mut |expr| {
            if let Expr::Held { span, .. } = expr
                && let Expr::Value(Value::Duration(needs)) = **span
                && needs > has
            {
                longest = Some(needs);
            }
        });
        longest.map(|needs| (condition.span, needs))
    });
    held.map(|(span, needs)| tell(span, format!("this must hold for {}", duration_text(needs))))
}
