//! For one metric the marks stand in their order: target, warn, critical, all to the same side.
//!
//! People are told at `warn` and act at `critical`. Where `critical` is the nearer one, nobody is warned.

use crate::check::model::{Metric, Model};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Comparison, Expr};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for metric in &model.metrics {
        findings.extend(disorder(metric));
    }
}

fn disorder(metric: &Metric) -> Option<Diagnostic> {
    let mark = |word: &str| metric.marks.iter().find(|(name, ..)| name == word);
    let (_, warn_sign, warn) = mark("warn")?;
    let (_, critical_sign, critical) = mark("critical")?;
    let finding = |title: String| {
        let finding = Diagnostic::new(Code::MarksOrder, critical.span, title).label("critical");
        finding.also(warn.span, "warn").help("people are warned first: put `warn` nearer to the usual value")
    };
    let up = |sign: &Comparison| matches!(sign, Comparison::Greater | Comparison::AtLeast);
    if up(warn_sign) != up(critical_sign) {
        return Some(finding(format!("`warn` and `critical` of `{}` look to different sides", metric.id.text)));
    }
    let (Expr::Value(near), Expr::Value(far)) = (&warn.expr, &critical.expr) else { return None };
    let (near_value, far_value) = (near.magnitude()?, far.magnitude()?);
    let wrong = if up(warn_sign) { far_value < near_value } else { far_value > near_value };
    wrong.then(|| finding(format!("`{}` is critical at {far}, before it warns at {near}", metric.id.text)))
}
