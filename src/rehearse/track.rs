//! What a metric shows in a rehearsal: where it usually stands, a series, and what is set on the way.

use jiff::{SignedDuration, Timestamp};

use crate::plan::{Mark, Metric, MetricKind};
use crate::value::{Comparison, Value};

/// What a metric shows.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Values from T+0 on, each so long; before it, and of one value alone, the first.
    series: Vec<(Value, u32)>,
    every: SignedDuration,
    /// From these moments on, relative to T+0, something else.
    set: Vec<(SignedDuration, Value)>,
}

impl Track {
    /// A metric of which nothing is said sits where one wants it.
    pub(super) fn of(metric: &Metric) -> Self {
        Track { series: vec![(sits(metric), 1)], every: SignedDuration::from_secs(1), set: Vec::new() }
    }

    pub(super) fn give(&mut self, every: SignedDuration, values: &[(Value, u32)]) {
        self.every = every;
        self.series = values.to_vec();
    }

    /// From a moment on it has another value. Moments come in any order; of the same one the last counts.
    pub(super) fn set(&mut self, at: SignedDuration, value: Value) {
        let place = self.set.partition_point(|(other, _)| *other <= at);
        self.set.insert(place, (at, value));
    }

    /// What it was before the release.
    pub(super) fn before(&self) -> &Value {
        self.series.first().map_or(&Value::None, |(value, _)| value)
    }

    /// The next moment at which it may show something else.
    pub(super) fn changes(&self, now: Timestamp, zero: Option<Timestamp>) -> Option<Timestamp> {
        let zero = zero?;
        let set = self.set.iter().filter_map(|(at, _)| zero.checked_add(*at).ok()).find(|at| *at > now);
        let mut next = zero;
        let mut turn = None;
        for (_, times) in self.series.iter().take(self.series.len().saturating_sub(1)) {
            let length = i32::try_from(*times).ok().and_then(|times| self.every.checked_mul(times));
            next = length.and_then(|length| next.checked_add(length).ok()).unwrap_or(Timestamp::MAX);
            if next > now {
                turn = Some(next);
                break;
            }
        }
        set.into_iter().chain(turn).min()
    }

    /// What it shows at a moment. `mended` is when the undo was done: what was set before then is over.
    pub(super) fn at(&self, now: Timestamp, zero: Option<Timestamp>, mended: Option<Timestamp>) -> &Value {
        let Some(zero) = zero else { return self.before() };
        let moment = |offset: SignedDuration| zero.checked_add(offset).unwrap_or(Timestamp::MAX);
        let newest = self.set.iter().rev().find(|(at, _)| moment(*at) <= now);
        if let Some((at, value)) = newest
            && mended.is_none_or(|mended| moment(*at) > mended)
        {
            return value;
        }
        let mut left = now.duration_since(zero).as_millis().max(0) / self.every.as_millis().max(1);
        for (value, times) in &self.series {
            if left < i128::from(*times) {
                return value;
            }
            left -= i128::from(*times);
        }
        self.series.last().map_or(&Value::None, |(value, _)| value)
    }
}

/// Where a metric stands of which nothing is said: on its target, else at its baseline, else well on the good side of its
/// other marks, else at nothing.
fn sits(metric: &Metric) -> Value {
    let mark = |word: &str| metric.marks.iter().find(|mark| mark.word == word);
    if let Some(value) = mark("target").and_then(|target| meets(metric, target)) {
        return value;
    }
    if let Some(baseline) = &metric.baseline {
        return baseline.clone();
    }
    // `warn > 1%` is a mark that one wants to be on the other side of.
    let bad = mark("warn").or_else(|| mark("critical"));
    match bad.and_then(|mark| Some((mark, mark.value.magnitude()?))) {
        Some((mark, limit)) if is_above(mark.comparison) => as_value(metric.kind, limit / 2.0),
        Some((_, limit)) => as_value(metric.kind, limit * 2.0),
        None => as_value(metric.kind, 0.0),
    }
}

fn is_above(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Greater | Comparison::AtLeast)
}

/// The value that meets a target and is nearest to it; of `<` and `>`, one hundredth on the good side.
fn meets(metric: &Metric, target: &Mark) -> Option<Value> {
    let limit = target.value.magnitude()?;
    let whole = metric.kind == MetricKind::Count;
    let step = if whole { 1.0 } else { limit.abs() / 100.0 };
    let value = match target.comparison {
        Comparison::Less => limit - step,
        Comparison::Greater if metric.kind == MetricKind::Percent && limit < 100.0 => (limit + step).min(100.0),
        Comparison::Greater => limit + if step == 0.0 { 1.0 } else { step },
        _ => return Some(target.value.clone()),
    };
    Some(as_value(metric.kind, value))
}

/// A magnitude as a value of a metric.
fn as_value(kind: MetricKind, magnitude: f64) -> Value {
    match kind {
        MetricKind::Percent => Value::Percent(magnitude.clamp(0.0, 100.0)),
        MetricKind::Duration => {
            Value::Duration(SignedDuration::try_from_secs_f64(magnitude.max(0.0)).unwrap_or_default())
        }
        MetricKind::Size => Value::Size(magnitude),
        MetricKind::Rate => Value::Rate(magnitude),
        MetricKind::Count => Value::Int(magnitude as i64),
        MetricKind::Number | MetricKind::Verdict | MetricKind::Switch => Value::Number(magnitude),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(kind: &str, marks: &[(&str, &str, f64)]) -> Metric {
        let value = |n: f64| match kind {
            "percent" => Value::Percent(n),
            "count" => Value::Int(n as i64),
            _ => Value::Number(n),
        };
        let marks: Vec<_> = marks
            .iter()
            .map(|(word, comparison, n)| Mark {
                word: (*word).into(),
                comparison: Comparison::from_symbol(comparison).expect("a comparison"),
                value: value(*n),
            })
            .collect();
        let place = crate::source::Place { file: "x.rb".into(), line: 1 };
        let command = crate::plan::Command {
            words: vec![],
            shell: false,
            dir: None,
            env: vec![],
            stdin: None,
            stdout: None,
            inherit: vec![],
        };
        Metric {
            id: "m".into(),
            title: "m".into(),
            kind: serde_json::from_str(&format!("{kind:?}")).expect("a kind"),
            unit: None,
            every: SignedDuration::from_secs(1),
            action: crate::plan::Action::plain(crate::plan::ActionKind::Command(command), place.clone()),
            path: None,
            baseline: None,
            past: None,
            floor: None,
            marks,
            place,
        }
    }

    #[test]
    fn a_metric_sits_where_one_wants_it() {
        let sits = |kind, marks: &[_]| sits(&metric(kind, marks)).to_string();
        assert_eq!(sits("percent", &[("target", "<", 1.0)]), "0.99%");
        assert_eq!(sits("percent", &[("target", "<=", 1.0), ("critical", ">", 5.0)]), "1%");
        assert_eq!(sits("percent", &[("target", ">", 99.9)]), "100%");
        assert_eq!(sits("percent", &[("target", ">=", 99.9)]), "99.9%");
        assert_eq!(sits("count", &[("target", "<", 3.0)]), "2");
        assert_eq!(sits("count", &[("target", ">", 0.0)]), "1");
        assert_eq!(sits("percent", &[("warn", ">", 4.0)]), "2%");
        assert_eq!(sits("percent", &[("critical", "<", 4.0)]), "8%");
        assert_eq!(sits("number", &[]), "0");
    }

    #[test]
    fn a_series_starts_at_zero_and_what_is_set_is_over_when_the_undo_is_done() {
        let mut track = Track::of(&metric("number", &[]));
        track.give(SignedDuration::from_mins(1), &[(Value::Int(1), 2), (Value::Int(2), 1), (Value::None, 1)]);
        let zero: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let at = |minutes: i64| zero + SignedDuration::from_mins(minutes);
        let shown: Vec<String> =
            [-5, 0, 1, 2, 3, 9].iter().map(|m| track.at(at(*m), Some(zero), None).to_string()).collect();
        assert_eq!(shown, ["1", "1", "1", "2", "no data", "no data"]);
        let changes =
            |minutes: i64| track.changes(at(minutes), Some(zero)).map(|next| next.duration_since(zero).as_mins());
        assert_eq!([-5, 0, 1, 2, 3].map(changes), [Some(2), Some(2), Some(2), Some(3), None]);
        track.set(SignedDuration::from_mins(5), Value::Int(7));
        assert_eq!(track.at(at(4), Some(zero), None), &Value::None);
        assert_eq!(track.at(at(5), Some(zero), None), &Value::Int(7));
        assert_eq!(track.at(at(9), Some(zero), Some(at(8))), &Value::None);
        track.set(SignedDuration::from_mins(9), Value::Int(8));
        assert_eq!(track.at(at(9), Some(zero), Some(at(8))), &Value::Int(8));
    }
}
