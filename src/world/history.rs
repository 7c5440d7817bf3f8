//! The past of a metric, as far as its source remembers it.

use jiff::{SignedDuration, Timestamp};

use crate::engine::{Effect, EffectId, Run, effect};
use crate::plan::{ActionKind, Metric, Plan, Query, SourceKind};
use crate::value::{Value, duration_text};

use super::World;
use super::sample::{by_moment, with_unit};
use super::source::Period;

/// So many points are asked for at once: Prometheus gives 11,000 at most.
const AT_ONCE: i32 = 5_000;

/// So many points are read at most.
const MOST: i128 = 1_000_000;

/// The longest time of which Datadog answers finely.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The past of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// When, and what; a moment without a value is not in it.
    pub points: Vec<(Timestamp, Value)>,
    /// How long a point counts.
    pub reach: SignedDuration,
    /// What it was over the time before, if it has a baseline from its past; or why that is not known.
    pub baseline: Option<Result<(Value, String), String>>,
}

impl World {
    /// Reads the past of a metric from a moment to another, a point each `every` of it; and before that, its baseline.
    ///
    /// # Errors
    /// Says why it cannot be read: only what is asked of a source has a past.
    pub async fn history(&self, plan: &Plan, index: u32, from: Timestamp, to: Timestamp) -> Result<History, String> {
        let run = Run::new(plan);
        let metric = match effect(plan, &run, EffectId::Sample(index, 0), from) {
            Effect::Sample(metric) => metric,
            Effect::Impossible(why) => return Err(why),
            _ => return Err("it is no metric".into()),
        };
        let ActionKind::Query(query) = &metric.action.kind else {
            return Err("only what is asked of a `source` has a past".into());
        };
        let source = plan.source(&query.source).ok_or("there is no such source")?;
        if let Some(word) = source.kind.time_in_query() {
            let text = self.query_text(&source.kind, query)?;
            if !text.contains(word) {
                return Err(format!("its query has no past: write `{word}` where the time is chosen"));
            }
        }
        let all = to.duration_since(from).as_millis() / metric.every.as_millis().max(1);
        if all > MOST {
            let most = duration_text(SignedDuration::from_millis((metric.every.as_millis() * MOST) as i64));
            let every = duration_text(metric.every);
            return Err(format!(
                "that would be {all} points, one every {every}, and {MOST} are read at most: ask for {most} or less"
            ));
        }
        let points = self.between(&metric, query, from, to, metric.every).await?;
        let baseline = match metric.past {
            Some(past) => {
                let start = from.saturating_sub(past).unwrap_or(from);
                let step = (past / 1000).max(metric.every);
                let before = self.between(&metric, query, start, from, step).await?;
                Some(super::sample::mean_of(&metric, before.into_iter().map(|(_, value)| value), &query.source))
            }
            None => None,
        };
        // Prometheus works out each step anew; the others have points at moments of their own.
        let reach = match source.kind {
            SourceKind::Prometheus => metric.every / 2,
            _ => source.window,
        };
        Ok(History { points, reach, baseline })
    }

    async fn between(
        &self,
        metric: &Metric,
        query: &Query,
        from: Timestamp,
        to: Timestamp,
        step: SignedDuration,
    ) -> Result<Vec<(Timestamp, Value)>, String> {
        let kind = self.places.kind(&query.source);
        // Datadog answers about an hour as finely as about the five minutes of a sample; about a day it does not.
        let most = match kind {
            Some(SourceKind::Datadog) => HOUR,
            _ => step * (AT_ONCE - 1),
        };
        let mut points = Vec::new();
        let mut start = from;
        loop {
            let end = start.saturating_add(most).unwrap_or(to).min(to);
            let heard = self.ask(query, Period::Between { from: start, to: end, step }).await?;
            let valued = by_moment(&heard.series).into_iter().filter_map(|(at, number)| Some((at, number?)));
            points.extend(valued.filter_map(|(at, number)| Some((at, with_unit(metric, number).ok()?))));
            if end >= to {
                break;
            }
            // Points at moments of their own stand between the steps too: there the next part begins where this one ended.
            let next = if kind == Some(SourceKind::Prometheus) { step } else { SignedDuration::ZERO };
            start = end.saturating_add(next).unwrap_or(to).min(to);
        }
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by_key(|(at, _)| *at);
        Ok(points)
    }
}
