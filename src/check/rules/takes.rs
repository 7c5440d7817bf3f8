//! What a step usually needs fits into its limit.
//!
//! `takes` above `within` would fail every time, at the worst moment.

use crate::check::model::Model;
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Value, duration_text};

use super::steps;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for (_, step) in steps(model) {
        let (Some(takes), Some(within)) = (&step.takes, &step.within) else { continue };
        let (Expr::Value(Value::Duration(needs)), Expr::Value(Value::Duration(limit))) =
            (&takes.expr, &within.duration.expr)
        else {
            continue;
        };
        if needs > limit {
            let title = format!("this step takes {} and may take {}", duration_text(*needs), duration_text(*limit));
            findings.push(
                Diagnostic::new(Code::TakesTooLong, takes.span, title)
                    .label("what it usually needs")
                    .also(within.duration.span, "its limit")
                    .help("raise the limit; it counts for all tries together"),
            );
        }
    }
}
