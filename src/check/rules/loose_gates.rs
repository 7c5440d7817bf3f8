//! No gate is looser than a trigger that watches while it runs.
//!
//! A gate that passes at 7% behind a trigger that rolls back at 5% promises what will not be.

use crate::check::model::{Model, Trigger, Verdict};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::Comparison;

use super::conditions::{bounds, of_gates};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    let armed: Vec<&Trigger> =
        model.triggers.iter().filter(|t| t.from.is_none() && t.until.is_none() && goes_back(model, t)).collect();
    for gate in of_gates(model) {
        for expected in bounds(&gate.expr) {
            for trigger in &armed {
                let Some(when) = &trigger.when else { continue };
                let [fires] = &bounds(&when.expr)[..] else { continue };
                let (Some(limit), Some(mark)) = (expected.value.magnitude(), fires.value.magnitude()) else { continue };
                let looser = match (expected.comparison, fires.comparison) {
                    _ if expected.metric != fires.metric => false,
                    (Comparison::Less | Comparison::AtMost, Comparison::Greater | Comparison::AtLeast) => limit > mark,
                    (Comparison::Greater | Comparison::AtLeast, Comparison::Less | Comparison::AtMost) => limit < mark,
                    _ => false,
                };
                if looser {
                    let title = format!("this passes where the trigger `{}` rolls back", trigger.id.text);
                    findings.push(
                        Diagnostic::new(Code::LooseGate, gate.span, title)
                            .label(format!("up to {}", expected.value))
                            .also(when.span, format!("rolls back from {}", fires.value))
                            .help("let the gate be the stricter one of the two"),
                    );
                }
            }
        }
    }
}

fn goes_back(model: &Model, trigger: &Trigger) -> bool {
    let severity = model.severities.iter().find(|s| Some(&s.id.text) == trigger.severity.as_ref());
    let said = trigger.then.as_ref().or_else(|| severity.and_then(|s| s.then.as_ref()));
    said.is_none_or(|outcome| matches!(outcome.verdict, Verdict::Rollback(_)))
}
