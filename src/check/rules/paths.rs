//! What is looked up by a literal can be looked up: JSONPaths, the time zone.
//!
//! A path without its `$` fails every attempt of a gate, and a metric with one never has data. That is known now.

use crate::check::model::{Model, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::value::{Expr, Function, Value};

use super::values::{every_action, of_action};

pub(super) fn check(model: &Model, findings: &mut Vec<Diagnostic>) {
    for metric in &model.metrics {
        if let Some(path) = &metric.path
            && let Expr::Value(Value::Text(text)) = &path.expr
        {
            judge(path, text, findings);
        }
    }
    for action in every_action(model) {
        let captured = action.captures.iter().map(|capture| &capture.value);
        for value in of_action(action).into_iter().chain(captured) {
            value.expr.walk(&mut |expr| {
                if let Expr::Call(Function::Json, arguments) = expr
                    && let [Expr::Value(Value::Text(text)), ..] = &arguments[..]
                {
                    judge(value, text, findings);
                }
            });
        }
    }
    let windows = model.windows.iter().filter_map(|w| w.timezone.as_ref());
    for zone in model.runbook.timezone.iter().chain(windows) {
        if let Expr::Value(Value::Text(name)) = &zone.expr
            && jiff::tz::TimeZone::get(name).is_err()
        {
            let finding = Diagnostic::new(Code::BadLiteral, zone.span, format!("there is no time zone `{name}`"));
            findings.push(finding.label("unknown zone").help("write an IANA name, such as `Europe/Berlin` or `UTC`"));
        }
    }
}

fn judge(place: &Typed, path: &str, findings: &mut Vec<Diagnostic>) {
    let Err(error) = serde_json_path::JsonPath::parse(path) else { return };
    let better = format!("${}{path}", if path.starts_with(['.', '[']) { "" } else { "." });
    let help = match serde_json_path::JsonPath::parse(&better) {
        Ok(_) => format!("a JSONPath begins with `$`: write `{better}`"),
        Err(_) => format!("RFC 9535 says what one looks like: {error}"),
    };
    let finding = Diagnostic::new(Code::BadLiteral, place.span, format!("`{path}` is not a JSONPath"));
    findings.push(finding.label("nothing would ever be found").help(help));
}
