//! Datadog's metrics, version 1: <https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points>.

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::plan::Source;
use crate::world::http::Prepared;

use super::{Period, Series, below, number};

pub(super) fn request(source: &Source, query: &str, period: Period) -> Result<Prepared, String> {
    // It takes no moments but absolute ones.
    let now = Timestamp::now();
    let (from, to) = match period {
        Period::Now(_) => (now.saturating_sub(source.window).unwrap_or(now), now),
        Period::Past { length, ago, .. } => {
            let to = now.saturating_sub(ago).unwrap_or(now);
            (to.saturating_sub(length).unwrap_or(to), to)
        }
        Period::Between { from, to, .. } => (from, to),
    };
    let mut url = below(source, "/api/v1/query")?;
    url.query_pairs_mut()
        .append_pair("from", &from.as_second().to_string())
        .append_pair("to", &to.as_second().to_string())
        .append_pair("query", query);
    Ok(Prepared::get(url))
}

pub(super) fn read(json: &Json) -> Result<Vec<Series>, String> {
    if let Some(why) = json.get("error").and_then(Json::as_str).filter(|why| !why.is_empty()) {
        return Err(why.to_owned());
    }
    let all = json.get("series").and_then(Json::as_array).ok_or("there is no `series` in the answer")?;
    let series = |one: &Json| {
        let points = one.get("pointlist").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let point = |pair: &Json| {
            let at = pair.get(0).and_then(Json::as_f64).and_then(|at| Timestamp::from_millisecond(at as i64).ok());
            (at, pair.get(1).and_then(number))
        };
        let text = |name: &str| one.get(name).and_then(Json::as_str).unwrap_or_default();
        Series {
            name: format!("{}{{{}}}", text("display_name"), text("scope")),
            points: points.iter().map(point).collect(),
        }
    };
    Ok(all.iter().map(series).collect())
}
