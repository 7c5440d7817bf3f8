//! Samples: an answer → a value with its unit, no data, or an error.

use crate::engine::{Done, EffectId, SampleProblem};
use crate::plan::{Metric, MetricKind};
use crate::value::Value;

use super::scope::Outcome;
use super::{Ran, Stopper, World, short};

impl World {
    pub(super) async fn sample(&self, id: EffectId, metric: &Metric, stop: Stopper) -> Done {
        let ran = self.run_within(id, &metric.action, &[], stop).await;
        let outcome = match ran {
            Ran::Cancelled => return Done::Cancelled,
            Ran::Failed(failure) => return Done::Sample(Err(SampleProblem::error(failure.text))),
            Ran::Through(outcome) => outcome,
        };
        if let Some(failure) = self.unexpected(&metric.action, &outcome) {
            let printed = failure.tail.last().map(|line| format!(": {line}")).unwrap_or_default();
            return Done::Sample(Err(SampleProblem::error(format!("{}{printed}", failure.text))));
        }
        let value = number_of(metric, &outcome).and_then(|number| with_unit(metric, number));
        Done::Sample(value.map_err(|problem| SampleProblem { why: self.vault.mask().text(&problem.why), ..problem }))
    }
}

/// The number in an answer: at its path, or its last line.
fn number_of(metric: &Metric, outcome: &Outcome) -> Result<f64, SampleProblem> {
    let text = outcome.main();
    match &metric.path {
        Some(path) => {
            let json: serde_json::Value =
                serde_json::from_str(text).map_err(|_| SampleProblem::error("the answer is not JSON".into()))?;
            let path_text = path;
            let path = serde_json_path::JsonPath::parse(path)
                .map_err(|_| SampleProblem::error(format!("`{path}` is not a JSONPath")))?;
            match path.query(&json).all()[..] {
                [] => Err(SampleProblem::no_data(format!("there is nothing at `{path_text}`"))),
                [one] => json_number(one),
                ref several => {
                    Err(SampleProblem::no_data(format!("there are {} values at `{path_text}`", several.len())))
                }
            }
        }
        None => {
            let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
            let last = last.ok_or_else(|| SampleProblem::no_data("the answer is empty".into()))?;
            parse(last)
        }
    }
}

fn json_number(json: &serde_json::Value) -> Result<f64, SampleProblem> {
    match json {
        serde_json::Value::Number(n) => {
            n.as_f64().ok_or_else(|| SampleProblem::no_data("the number is too large".into()))
        }
        // Prometheus and others send numbers as strings.
        serde_json::Value::String(text) => parse(text),
        serde_json::Value::Null => Err(SampleProblem::no_data("the value is null".into())),
        other => Err(SampleProblem::no_data(format!("`{}` is not a number", short(&other.to_string())))),
    }
}

fn parse(text: &str) -> Result<f64, SampleProblem> {
    text.parse().map_err(|_| SampleProblem::no_data(format!("`{}` is not a number", short(text))))
}

/// A number with the metric's unit. What cannot be is no data, never a value.
fn with_unit(metric: &Metric, number: f64) -> Result<Value, SampleProblem> {
    if !number.is_finite() {
        return Err(SampleProblem::no_data(format!("{number} is not a number")));
    }
    let unit = metric.unit.as_deref();
    Ok(match metric.kind {
        MetricKind::Percent => {
            let percent = if unit == Some("ratio") { number * 100.0 } else { number };
            if !(0.0..=100.0).contains(&percent) {
                let shown = crate::value::number_text(percent);
                return Err(SampleProblem::no_data(format!("{shown}% is not a share of a hundred")));
            }
            Value::Percent(percent)
        }
        MetricKind::Duration => {
            let seconds = match unit {
                Some("ms") => number / 1e3,
                Some("us") => number / 1e6,
                _ => number,
            };
            let duration = jiff::SignedDuration::try_from_secs_f64(seconds);
            Value::Duration(duration.map_err(|_| SampleProblem::no_data("the duration is too long".into()))?)
        }
        MetricKind::Size => Value::Size(number),
        MetricKind::Rate => Value::Rate(number),
        MetricKind::Count if number.fract() == 0.0 && number.abs() < 9e15 => Value::Int(number as i64),
        MetricKind::Count | MetricKind::Number => Value::Number(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, ActionKind, Command};
    use crate::world::scope::CommandOutcome;

    fn sample(kind: MetricKind, unit: &str, path: Option<&str>, answer: &str) -> String {
        let command =
            Command { words: vec![], shell: false, dir: None, env: vec![], stdin: None, stdout: None, inherit: vec![] };
        let action = Action {
            kind: ActionKind::Command(command),
            within: None,
            expects: vec![],
            captures: vec![],
            changes: false,
            builtin: None,
            needs: None,
            place: Default::default(),
        };
        let metric = Metric {
            id: "m".into(),
            title: "m".into(),
            kind,
            unit: Some(unit.into()),
            every: Default::default(),
            action,
            path: path.map(Into::into),
            baseline: None,
            marks: vec![],
            place: Default::default(),
        };
        let outcome = Outcome::Command(CommandOutcome {
            exit: Some(0),
            signal: None,
            stdout: answer.into(),
            stderr: String::new(),
            truncated: false,
            tail: vec![],
        });
        match number_of(&metric, &outcome).and_then(|n| with_unit(&metric, n)) {
            Ok(value) => value.to_string(),
            Err(problem) => problem.why,
        }
    }

    #[test]
    fn an_answer_is_a_value_with_its_unit_or_no_data() {
        use MetricKind::*;
        assert_eq!(sample(Percent, "ratio", None, "log line\n0.07\n\n"), "7%");
        assert_eq!(sample(Percent, "percent", None, "7"), "7%");
        assert_eq!(sample(Duration, "ms", Some("$.p95"), r#"{"p95": 120.5}"#), "120ms");
        assert_eq!(
            sample(Count, "", Some("$.data.result[0].value[1]"), r#"{"data":{"result":[{"value":[1,"42"]}]}}"#),
            "42"
        );
        assert_eq!(sample(Percent, "ratio", None, "NaN"), "NaN is not a number");
        assert_eq!(sample(Percent, "ratio", None, "1.2"), "120% is not a share of a hundred");
        assert_eq!(sample(Number, "", None, "+Inf"), "inf is not a number");
        assert_eq!(sample(Number, "", None, "  \n"), "the answer is empty");
        assert_eq!(sample(Number, "", Some("$.a[*]"), r#"{"a":[1,2]}"#), "there are 2 values at `$.a[*]`");
        assert_eq!(sample(Number, "", Some("$.b"), r#"{"a":1}"#), "there is nothing at `$.b`");
        assert_eq!(sample(Number, "", Some("$.b"), "<html>"), "the answer is not JSON");
    }
}
