//! Samples: an answer → a value with its unit, no data, or an error.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::engine::{Done, EffectId, SPARSE, SampleProblem};
use crate::plan::{ActionKind, Metric, MetricKind};
use crate::source::one_line;
use crate::value::{Value, duration_text, read_share};

use super::scope::Outcome;
use super::source::{Heard, Period, RAW, Series};
use super::{Ran, Stop, Stopper, World, short};

/// How often a source is asked for a baseline before there is none.
const TRIES: u32 = 3;

/// How long after a failure it is asked again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// A baseline is the mean over so many points, or fewer.
const POINTS: i32 = 1000;

impl World {
    pub(super) async fn sample(&self, id: EffectId, metric: &Metric, stop: Stopper) -> Done {
        let ran = self.run_within(id, &metric.action, &[], stop).await;
        let outcome = match ran {
            Ran::Cancelled => return Done::Cancelled,
            Ran::Failed(failure) => return Done::Sample(Err(SampleProblem::error(failure.text)), String::new()),
            Ran::Through(outcome) => outcome,
        };
        let raw = crate::paint::ends(&one_line(&self.vault.mask().text(last_line(outcome.main()))), RAW);
        if let Some(failure) = self.unexpected(&metric.action, &outcome) {
            let printed = failure.tail.last().map(|line| format!(": {line}")).unwrap_or_default();
            return Done::Sample(Err(SampleProblem::error(format!("{}{printed}", failure.text))), raw);
        }
        let value = number_of(metric, &outcome).and_then(|number| with_unit(metric, number));
        // Masked before it is cut: half a secret would not be found.
        let masked =
            |problem: SampleProblem| SampleProblem { why: short(&self.vault.mask().text(&problem.why)), ..problem };
        Done::Sample(value.map_err(masked), raw)
    }

    /// The mean of a metric over its past, which ended so long ago. A source that fails is asked again, a few times.
    pub(super) async fn baseline(&self, metric: &Metric, ago: SignedDuration, mut stop: Stopper) -> Done {
        let mut tries = 0;
        loop {
            let answer = tokio::select! {
                answer = self.mean(metric, ago) => answer,
                _ = stop.wait_for(|wish| *wish != Stop::No) => return Done::Cancelled,
            };
            tries += 1;
            if answer.is_ok() || tries == TRIES {
                return Done::Baseline(answer);
            }
            tokio::time::sleep(PATIENCE).await;
        }
    }

    async fn mean(&self, metric: &Metric, ago: SignedDuration) -> Result<(Value, String), String> {
        let (ActionKind::Query(query), Some(length)) = (&metric.action.kind, metric.past) else {
            return Err("it has no past".into());
        };
        let step = whole_seconds((length / POINTS).max(metric.every));
        let heard = self.ask(query, Period::Past { length, step, ago }).await?;
        let points = by_moment(&heard.series);
        // Where the source works out each step, a step that is not there is a gap.
        let asked = self.places.steps(&query.source).then(|| (length.as_secs() / step.as_secs().max(1)) as usize + 1);
        let all = asked.unwrap_or(points.len()).max(points.len());
        let values: Vec<Value> =
            points.into_values().flatten().filter_map(|number| with_unit(metric, number).ok()).collect();
        let (some, made_of) = (values.len(), format!("one every {}", duration_text(step)));
        let (value, _) = mean_of(metric, values.into_iter(), &query.source)?;
        let sparse = if some * 2 < all { format!("; {SPARSE}") } else { String::new() };
        Ok((value, format!("the mean of {some} of {all} points, {made_of}{sparse}")))
    }
}

/// The mean of some values, and what it was made of.
pub(super) fn mean_of(
    metric: &Metric,
    values: impl Iterator<Item = Value>,
    source: &str,
) -> Result<(Value, String), String> {
    let numbers: Vec<f64> = values.filter_map(|value| value.magnitude()).collect();
    if numbers.is_empty() {
        return Err(format!("`{source}` has nothing of the past"));
    }
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let value = unit_of(metric, mean).ok_or("it is too large")?;
    Ok((value, format!("the mean of {} points", numbers.len())))
}

/// At least a second, and no part of one.
fn whole_seconds(length: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs((length.as_secs() + i64::from(length.subsec_nanos() > 0)).max(1))
}

/// One value a moment: where several series have one, nobody knows which is meant.
pub(super) fn by_moment(series: &[Series]) -> BTreeMap<Timestamp, Option<f64>> {
    let mut all: BTreeMap<Timestamp, (u32, Option<f64>)> = BTreeMap::new();
    for (at, value) in series.iter().flat_map(|series| &series.points) {
        let entry = all.entry(at.unwrap_or(Timestamp::MAX)).or_default();
        entry.0 += u32::from(value.is_some());
        entry.1 = value.or(entry.1);
    }
    all.into_iter().map(|(at, (count, value))| (at, value.filter(|_| count == 1))).collect()
}

/// The newest value of the one series that is meant.
fn newest_of(heard: &Heard) -> Result<f64, SampleProblem> {
    match &heard.series[..] {
        [] => Err(SampleProblem::no_data("the answer is empty".into())),
        [one] => {
            let valued = one.points.iter().filter_map(|(at, value)| Some((*at, (*value)?)));
            let newest = valued.max_by_key(|(at, _)| at.unwrap_or(Timestamp::MAX));
            newest.map(|(_, value)| value).ok_or_else(|| SampleProblem::no_data("its value is not a number".into()))
        }
        several => {
            let names: Vec<&str> = several.iter().take(3).map(|s| s.name.as_str()).collect();
            let more = if several.len() > 3 { ", …" } else { "" };
            let why = format!("there are {} series where one is meant: {}{more}", several.len(), names.join(", "));
            Err(SampleProblem::no_data(why))
        }
    }
}

fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The number in an answer: its one series, at its path, or its last line.
fn number_of(metric: &Metric, outcome: &Outcome) -> Result<f64, SampleProblem> {
    if let Outcome::Heard(heard) = outcome {
        return newest_of(heard);
    }
    if metric.kind == MetricKind::Switch {
        let text = outcome.main().trim();
        return read_share(text)
            .ok_or_else(|| SampleProblem::no_data(format!("`{text}` is no share, such as `25%`, `on` or `off`")));
    }
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
            let last = Some(last_line(text)).filter(|line| !line.is_empty());
            parse(last.ok_or_else(|| SampleProblem::no_data("the answer is empty".into()))?)
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
        other => Err(SampleProblem::no_data(format!("`{other}` is not a number"))),
    }
}

fn parse(text: &str) -> Result<f64, SampleProblem> {
    text.parse().map_err(|_| SampleProblem::no_data(format!("`{text}` is not a number")))
}

/// A number with the metric's unit. What cannot be is no data, never a value.
pub(super) fn with_unit(metric: &Metric, number: f64) -> Result<Value, SampleProblem> {
    if !number.is_finite() {
        return Err(SampleProblem::no_data(format!("{number} is not a number")));
    }
    let unit = metric.unit.as_deref();
    Ok(match metric.kind {
        MetricKind::Percent => {
            let percent = if unit == Some("ratio") { number * 100.0 } else { number };
            // A quotient of sums may miss its end by a rounding.
            let ends = [0.0, 100.0].into_iter().find(|end| (percent - end).abs() < 1e-6);
            let percent = ends.unwrap_or(percent);
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
        MetricKind::Switch if number == 100.0 => Value::Word("on".into()),
        MetricKind::Switch if number == 0.0 => Value::Word("off".into()),
        MetricKind::Switch => Value::Word(format!("{number}%")),
        MetricKind::Count | MetricKind::Number | MetricKind::Verdict => Value::Number(number),
    })
}

/// A magnitude, as [`Value::magnitude`] has it, as a value of a metric's kind.
pub(super) fn unit_of(metric: &Metric, magnitude: f64) -> Option<Value> {
    Some(match metric.kind {
        MetricKind::Percent => Value::Percent(magnitude),
        MetricKind::Duration => Value::Duration(SignedDuration::try_from_secs_f64(magnitude).ok()?),
        MetricKind::Size => Value::Size(magnitude),
        MetricKind::Rate => Value::Rate(magnitude),
        MetricKind::Count | MetricKind::Number | MetricKind::Verdict | MetricKind::Switch => Value::Number(magnitude),
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
            past: None,
            floor: None,
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
        assert_eq!(sample(Percent, "ratio", None, "1.0000000000000002"), "100%");
        assert_eq!(sample(Percent, "ratio", None, "-2.2e-16"), "0%");
        assert_eq!(sample(Number, "", None, "+Inf"), "inf is not a number");
        assert_eq!(sample(Number, "", None, "  \n"), "the answer is empty");
        assert_eq!(sample(Number, "", Some("$.a[*]"), r#"{"a":[1,2]}"#), "there are 2 values at `$.a[*]`");
        assert_eq!(sample(Number, "", Some("$.b"), r#"{"a":1}"#), "there is nothing at `$.b`");
        assert_eq!(sample(Number, "", Some("$.b"), "<html>"), "the answer is not JSON");
    }
}
