//! Graphite's render API: <https://graphite.readthedocs.io/en/latest/render_api.html>.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::plan::Source;
use crate::world::http::Prepared;

use super::{Period, Series, below, number};

pub(super) fn request(source: &Source, query: &str, period: Period) -> Result<Prepared, String> {
    let ago = |length: SignedDuration| format!("-{}s", length.as_secs().max(1));
    let (from, until) = match period {
        Period::Now(_) => (ago(source.window), "now".to_owned()),
        Period::Past { length, ago: end, .. } if end < SignedDuration::from_secs(1) => (ago(length), "now".to_owned()),
        Period::Past { length, ago: end, .. } => (ago(length + end), ago(end)),
        Period::Between { from, to, .. } => (from.as_second().to_string(), to.as_second().to_string()),
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("target", query).append_pair("from", &from).append_pair("until", &until);
    // Its own cache may be a minute behind.
    form.append_pair("format", "json").append_pair("noCache", "true");
    Ok(Prepared::form(below(source, "/render")?, form.finish()))
}

pub(super) fn read(json: &Json) -> Result<Vec<Series>, String> {
    let all = json.as_array().ok_or("the answer is not a list of series")?;
    let series = |one: &Json| {
        let points = one.get("datapoints").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let point = |pair: &Json| {
            let at = pair.get(1).and_then(Json::as_i64).and_then(|at| Timestamp::from_second(at).ok());
            (at, pair.get(0).and_then(number))
        };
        let name = one.get("target").and_then(Json::as_str).unwrap_or_default().to_owned();
        Series { name, points: points.iter().map(point).collect() }
    };
    Ok(all.iter().map(series).collect())
}
