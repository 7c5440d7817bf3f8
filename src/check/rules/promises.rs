//! What the release says of itself is so: a high risk is covered, a strategy has what it needs.

use crate::check::model::{Model, Node, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::Keyword;
use crate::value::{Expr, Value};

use super::nodes;

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for risk in &model.risks {
        let (Some(probability), Some(impact)) = (&risk.probability, &risk.impact) else { continue };
        let likely = match &probability.expr {
            Expr::Value(Value::Percent(share)) => *share >= 30.0,
            Expr::Value(Value::Word(word)) => matches!(word.as_str(), "medium" | "high"),
            _ => false,
        };
        let grave =
            matches!(&impact.expr, Expr::Value(Value::Word(word)) if matches!(word.as_str(), "high" | "critical"));
        if likely && grave && risk.covered_by.is_empty() {
            findings.push(
                Diagnostic::new(
                    Code::RiskUncovered,
                    risk.id.span,
                    format!("nothing answers the risk `{}`", risk.id.text),
                )
                .label("likely, and grave")
                .help("name the steps, gates and triggers that answer it: `covered_by = [migrate, errors]`"),
            );
        }
    }
    let Some(release) = &model.release else { return };
    let Some(strategy @ Typed { expr: Expr::Value(Value::Word(word)), .. }) = &release.strategy else { return };
    if matches!(word.as_str(), "recreate" | "maintenance") && !has_downtime(release.downtime.as_ref()) {
        findings.push(
            Diagnostic::new(Code::StrategyMisfit, strategy.span, format!("a release by `{word}` needs a downtime"))
                .label("the old version ends before the new one begins")
                .help("say how long the service is away: `downtime = 10m`"),
        );
    }
    let ramps = |keyword: Keyword| {
        let of = |name: &String| match keyword {
            Keyword::Router => model.connections.iter().any(|c| c.keyword == keyword && c.id.text == *name),
            _ => model.flags.iter().any(|f| f.id.text == *name),
        };
        nodes(model).iter().any(|(_, node)| matches!(node, Node::Ramp(ramp) if ramp.subject.as_ref().is_some_and(of)))
    };
    let (missing, label, help) = match word.as_str() {
        "canary" if !ramps(Keyword::Router) && !ramps(Keyword::Flag) => (
            "a `ramp`",
            "nothing takes the traffic over step by step",
            "write `ramp canary: ROUTER through [10%, 50%, 100%] { hold for 15m; gate promote }`",
        ),
        "blue_green" if !model.connections.iter().any(|c| c.keyword == Keyword::Router) => (
            "a `router`",
            "nothing moves the traffic from the one to the other",
            "declare it: `router edge: haproxy { … }`, and `shift edge to 100%` in a step",
        ),
        "feature_flags" if model.flags.is_empty() => (
            "a `flag`",
            "nothing is switched on",
            "declare it: `flag new_search \"New search\" { in = launch; default = off }`",
        ),
        _ => return,
    };
    let finding =
        Diagnostic::new(Code::StrategyMisfit, strategy.span, format!("a release by `{word}` needs {missing}"));
    findings.push(finding.label(label).help(help));
}

fn has_downtime(downtime: Option<&Typed>) -> bool {
    match downtime.map(|d| &d.expr) {
        None => false,
        Some(Expr::Value(Value::Duration(length))) => !length.is_zero(),
        Some(_) => true,
    }
}
