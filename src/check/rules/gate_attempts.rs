//! A gate that counts its attempts has time for more than one.
//!
//! Without a `within` a gate is looked at once. `pass after 3 in a row` could never be reached then.

use crate::check::model::{GateRef, Model};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Value};

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
        if used.within.is_some() || gate.within.is_some() {
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
