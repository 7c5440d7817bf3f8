//! InfluxDB: InfluxQL by `/query` and Flux by `/api/v2/query`, as
//! <https://docs.influxdata.com/influxdb/v1/tools/api/> and <https://docs.influxdata.com/influxdb/v2/api/v2/> have them.
//!
//! A query says where the time stands that it is about, as a dashboard's does: `$timeFilter` and `$interval` in InfluxQL,
//! `v.timeRangeStart`, `v.timeRangeStop` and `v.windowPeriod` in Flux.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::plan::Source;
use crate::world::http::Prepared;

use super::{Period, Series, below, number};

/// A query that begins with anything but `select` has been refused when the plan was made: version 1 runs whatever it is
/// asked.
pub(super) fn influxql(source: &Source, database: &str, query: &str, period: Period) -> Result<Prepared, String> {
    let ago = |length: SignedDuration| format!("time > now() - {}ms", length.as_millis());
    let (filter, step) = match period {
        Period::Now(step) => (ago(source.window), step),
        Period::Past { length, step, ago: end } => {
            (format!("{} and time <= now() - {}ms", ago(length + end), end.as_millis()), step)
        }
        Period::Between { from, to, step } => {
            let (from, to) = (from.as_millisecond(), to.as_millisecond());
            (format!("time >= {from}ms and time <= {to}ms"), step)
        }
    };
    let query = query.replace("$timeFilter", &filter);
    let step = format!("{}ms", step.as_millis().max(1));
    let query = query.replace("$__interval", &step).replace("$interval", &step);
    let mut url = below(source, "/query")?;
    url.query_pairs_mut().append_pair("db", database).append_pair("epoch", "ms").append_pair("q", &query);
    Ok(Prepared::get(url))
}

pub(super) fn read(json: &Json) -> Result<Vec<Series>, String> {
    let results = json.get("results").and_then(Json::as_array).ok_or("there is no `results` in the answer")?;
    let mut all = Vec::new();
    for result in results {
        if let Some(why) = result.get("error").and_then(Json::as_str) {
            return Err(why.to_owned());
        }
        for one in result.get("series").and_then(Json::as_array).into_iter().flatten() {
            let columns: Vec<&str> =
                one.get("columns").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
            let time = columns.iter().position(|c| *c == "time");
            let name = one.get("name").and_then(Json::as_str).unwrap_or_default();
            let tags = one.get("tags").map(|tags| tags.to_string()).unwrap_or_default();
            for (i, column) in columns.iter().enumerate().filter(|(i, _)| Some(*i) != time) {
                let rows = one.get("values").and_then(Json::as_array).into_iter().flatten();
                let point = |row: &Json| {
                    let at = time.and_then(|t| row.get(t)).and_then(Json::as_i64);
                    (at.and_then(|at| Timestamp::from_millisecond(at).ok()), row.get(i).and_then(number))
                };
                all.push(Series { name: format!("{name}.{column}{tags}"), points: rows.map(point).collect() });
            }
        }
    }
    Ok(all)
}

pub(super) fn flux(source: &Source, org: &str, query: &str, period: Period) -> Result<Prepared, String> {
    let duration = |length: SignedDuration| json!({ "type": "DurationLiteral", "values": [{ "magnitude": length.as_millis() as i64, "unit": "ms" }] });
    let ago =
        |length: SignedDuration| json!({ "type": "UnaryExpression", "operator": "-", "argument": duration(length) });
    let moment = |at: Timestamp| json!({ "type": "DateTimeLiteral", "value": at.to_string() });
    let now = || json!({ "type": "CallExpression", "callee": { "type": "Identifier", "name": "now" } });
    let (start, stop, step) = match period {
        Period::Now(step) => (ago(source.window), now(), step),
        Period::Past { length, step, ago: end } if end.is_zero() => (ago(length), now(), step),
        Period::Past { length, step, ago: end } => (ago(length + end), ago(end), step),
        Period::Between { from, to, step } => (moment(from), moment(to), step),
    };
    let property = |name: &str, value: Json| json!({ "type": "Property", "key": { "type": "Identifier", "name": name }, "value": value });
    let properties =
        [property("timeRangeStart", start), property("timeRangeStop", stop), property("windowPeriod", duration(step))];
    // As a dashboard hands it over: beside the query, which may begin with imports.
    let option = json!({
        "type": "OptionStatement",
        "assignment": {
            "type": "VariableAssignment",
            "id": { "type": "Identifier", "name": "v" },
            "init": { "type": "ObjectExpression", "properties": properties },
        },
    });
    let body = json!({
        "query": query,
        "type": "flux",
        "dialect": { "header": true, "annotations": [], "delimiter": "," },
        "extern": { "type": "File", "package": null, "imports": null, "body": [option] },
    });
    let mut url = below(source, "/api/v2/query")?;
    url.query_pairs_mut().append_pair("org", org);
    let mut prepared = Prepared::json(url, &body);
    let csv = reqwest::header::HeaderValue::from_static("application/csv");
    prepared.headers.insert(reqwest::header::ACCEPT, csv);
    Ok(prepared)
}

/// Tables of CSV, each with a line of names: <https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/>.
pub(super) fn read_csv(body: &str) -> Result<Vec<Series>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body.as_bytes());
    let mut names: Vec<String> = Vec::new();
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("the answer cannot be read: {e}"))?;
        let row: Vec<&str> = record.iter().collect();
        if row.contains(&"error") && !row.contains(&"_value") && names.is_empty() {
            names = row.iter().map(|cell| (*cell).to_owned()).collect();
            continue;
        }
        if row.contains(&"result") && row.contains(&"table") {
            names = row.iter().map(|cell| (*cell).to_owned()).collect();
            continue;
        }
        let cell = |name: &str| names.iter().position(|n| n == name).and_then(|i| row.get(i).copied());
        if let Some(why) = cell("error").filter(|why| !why.is_empty()) {
            return Err(why.to_owned());
        }
        let Some(value) = cell("_value") else { continue };
        let labels = names.iter().zip(&row).filter(|(name, _)| {
            !name.is_empty() && !matches!(name.as_str(), "_value" | "_time" | "_start" | "_stop" | "result")
        });
        let name = labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
        let at = cell("_time").and_then(|at| at.parse().ok());
        let series = all.entry(name.clone()).or_insert_with(|| Series { name, points: Vec::new() });
        series.points.push((at, number(&Json::String(value.into()))));
    }
    Ok(all.into_values().collect())
}
