//! Prometheus and what speaks its API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::plan::Source;
use crate::world::http::Prepared;

use super::{LONG, Period, Series, below, number, seconds};

/// The present is asked without a time: the source's own clock counts, and ours may be wrong by minutes.
pub(super) fn request(source: &Source, query: &str, period: Period) -> Result<Prepared, String> {
    // It gives up when nobody waits any more; for a past one waits longer.
    let timeout = match period {
        Period::Now(_) => source.timeout,
        Period::Past { .. } | Period::Between { .. } => source.timeout.max(LONG),
    };
    let timeout = format!("{}ms", timeout.as_millis());
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("timeout", &timeout);
    // Thanos and VictoriaMetrics would answer with what a part of their stores knows.
    form.append_pair("partial_response", "false").append_pair("deny_partial_response", "1");
    let path = match period {
        Period::Now(_) | Period::Past { .. } => {
            form.append_pair("query", query);
            "/api/v1/query"
        }
        Period::Between { from, to, step } => {
            form.append_pair("query", query);
            form.append_pair("start", &seconds(from)).append_pair("end", &seconds(to));
            form.append_pair("step", &step.as_secs_f64().to_string());
            "/api/v1/query_range"
        }
    };
    Ok(Prepared::form(below(source, path)?, form.finish()))
}

pub(super) fn read(json: &Json, now: bool) -> Result<Vec<Series>, String> {
    if json.get("status").and_then(Json::as_str) != Some("success") {
        return Err("the answer is not one of Prometheus".into());
    }
    let mut warned = json.get("warnings").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    if let Some(why) = warned.find(|why| why.contains("partial")) {
        return Err(format!("the answer is only a part: {why}"));
    }
    if json.get("isPartial") == Some(&Json::Bool(true)) {
        return Err("the answer is only a part of what it knows".into());
    }
    let data = json.get("data").ok_or("there is no `data` in the answer")?;
    let result = data.get("result").ok_or("there is no `result` in the answer")?;
    let all = || result.as_array().map(Vec::as_slice).unwrap_or_default();
    match data.get("resultType").and_then(Json::as_str) {
        Some("scalar") => Ok(vec![Series { name: String::new(), points: vec![point(result)?] }]),
        Some("vector") => all().iter().map(|one| series(one, one.get("value").into_iter())).collect(),
        Some("matrix") if now => {
            Err("the query gives all values of a time and not one: make one of them, such as `rate(…[1m])`".into())
        }
        Some("matrix") => {
            let points = |one: &Json| one.get("values").and_then(Json::as_array).cloned().unwrap_or_default();
            all().iter().map(|one| series(one, points(one).iter())).collect()
        }
        Some(other) => Err(format!("the query gives a {other}, not numbers")),
        None => Err("there is no `resultType` in the answer".into()),
    }
}

fn series<'j>(one: &Json, points: impl Iterator<Item = &'j Json>) -> Result<Series, String> {
    let labels = one.get("metric").and_then(Json::as_object);
    let labels = labels.into_iter().flatten().map(|(k, v)| format!("{k}={v}"));
    let name = format!("{{{}}}", labels.collect::<Vec<_>>().join(", "));
    let points: Vec<_> = points.map(point).collect::<Result<_, _>>()?;
    // Of a native histogram there is no one number.
    Ok(Series { name, points: if points.is_empty() { vec![(None, None)] } else { points } })
}

/// `[1700000000.123, "0.07"]`
fn point(pair: &Json) -> Result<(Option<Timestamp>, Option<f64>), String> {
    let at = pair.get(0).and_then(Json::as_f64).ok_or("a point of the answer has no time")?;
    let at =
        SignedDuration::try_from_secs_f64((at * 1e3).round() / 1e3).ok().and_then(|d| Timestamp::from_duration(d).ok());
    let value = pair.get(1).ok_or("a point of the answer has no value")?;
    Ok((at, number(value)))
}
