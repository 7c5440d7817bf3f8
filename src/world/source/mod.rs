//! Sources: a query → series. What cannot be asked or read is an error; what has no value in it is no data.
//!
//! A source has a client of its own, a limit on how many questions are open at once, and a time within which it answers,
//! so that one that hangs holds up nobody but itself.

mod datadog;
mod graphite;
mod influxdb;
mod prometheus;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::{OnceCell, Semaphore};

use crate::engine::{Failure, FailureSort};
use crate::plan::{Plan, Query, QueryPiece, Source, SourceKind, in_query};
use crate::source::one_line;
use crate::value::{duration_text, evaluate};

use super::http::{Prepared, is_here};
use super::scope::{Answer, HandOver, Outcome};
use super::{Ran, Stop, Stopper, World};

/// Which time a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// The present; where that is the newest point of a series, points are so far apart.
    Now(SignedDuration),
    /// So long up to the present of the source, whose clock may be another than ours, in steps.
    Past {
        /// How long.
        length: SignedDuration,
        /// How far apart the points are.
        step: SignedDuration,
        /// How long ago it ended.
        ago: SignedDuration,
    },
    /// From a moment to another, in steps.
    Between {
        /// From then on.
        from: Timestamp,
        /// Until then, it included.
        to: Timestamp,
        /// How far apart the points are.
        step: SignedDuration,
    },
}

/// Points with something that tells them from others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    /// What tells it from others, as its source writes that.
    pub(super) name: String,
    /// When, where the source says, and what; nothing where there is no value.
    pub(super) points: Vec<(Option<Timestamp>, Option<f64>)>,
}

/// What a source answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Heard {
    pub(super) series: Vec<Series>,
    /// The answer as it came, masked, cut.
    pub(super) raw: String,
}

/// A source, and what is needed to ask it.
struct Place {
    source: Source,
    client: OnceCell<reqwest::Client>,
    permits: Semaphore,
}

/// The sources of a run, by name.
#[derive(Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    pub(super) fn of(plan: &Plan) -> Self {
        let place = |source: &Source| Place {
            permits: Semaphore::new(source.concurrency.max(1) as usize),
            source: source.clone(),
            client: OnceCell::new(),
        };
        Places(plan.sources.iter().map(|source| (source.id.clone(), place(source))).collect())
    }
}

impl Places {
    /// Of which kind a source is.
    pub(super) fn kind(&self, source: &str) -> Option<SourceKind> {
        self.0.get(source).map(|place| place.source.kind.clone())
    }

    /// Whether a source works out a value for each step that it is asked for.
    pub(super) fn steps(&self, source: &str) -> bool {
        self.0.get(source).is_some_and(|place| place.source.kind == SourceKind::Prometheus)
    }
}

/// How long the past of a metric may take to be read, at least.
const LONG: SignedDuration = SignedDuration::from_secs(30);

/// How much longer than for an answer one waits for one's turn.
const PATIENCE: u32 = 3;

/// So much of an answer is kept, in characters.
pub(super) const RAW: usize = 400;

impl World {
    /// Asks for the present value, until it is told to stop.
    pub(super) async fn ask_now(&self, query: &Query, mut stop: Stopper) -> Ran {
        tokio::select! {
            heard = self.ask(query, Period::Now(query.every)) => match heard {
                Ok(heard) => Ran::Through(Outcome::Heard(heard)),
                Err(why) => Ran::Failed(Failure::new(FailureSort::Error, why)),
            },
            _ = stop.wait_for(|wish| *wish != Stop::No) => Ran::Cancelled,
        }
    }

    /// Asks a source.
    ///
    /// # Errors
    /// Says, masked, why there is no answer or why it cannot be read.
    pub(super) async fn ask(&self, query: &Query, period: Period) -> Result<Heard, String> {
        let name = &query.source;
        let said = |why: String| self.vault.mask().text(&format!("`{name}`: {why}"));
        let place = self.places.0.get(name).ok_or_else(|| said("there is no such source".into()))?;
        let text = self.query_text(&place.source.kind, query).map_err(said)?;
        let client = place.client.get_or_try_init(|| self.client_of(&place.source)).await.map_err(said)?;
        let real = |length: SignedDuration| std::time::Duration::try_from(length).unwrap_or_default();
        let within = place.source.timeout;
        let turn = tokio::time::timeout(real(within) * PATIENCE, place.permits.acquire()).await;
        let concurrency = place.source.concurrency;
        let waited =
            || format!("its turn did not come: `concurrency = {concurrency}` is too little for what is asked of it");
        let _permit = turn.map_err(|_| said(waited()))?.map_err(|_| said("it is not asked any more".into()))?;
        // A past takes longer than a value.
        let within = if matches!(period, Period::Now(_)) { within } else { within.max(LONG) };
        let answered = tokio::time::timeout(real(within), self.answered(place, client, &text, period)).await;
        let late = || format!("it did not answer within {}", duration_text(within));
        answered.map_err(|_| said(late()))?.map_err(|why| said(one_line(&why)))
    }

    async fn answered(
        &self,
        place: &Place,
        client: &reqwest::Client,
        query: &str,
        period: Period,
    ) -> Result<Heard, String> {
        let period = match (&place.source.kind, period) {
            // The past ends at the present of the source.
            (SourceKind::Prometheus, Period::Past { length, step, ago }) => {
                let present = self.present_of(client, &place.source).await?;
                let to = present.saturating_sub(ago).unwrap_or(present);
                Period::Between { from: to.saturating_sub(length).unwrap_or(to), to, step }
            }
            _ => period,
        };
        let prepared = self.prepare_query(&place.source, query, period)?;
        let answer = self.exchange(client, prepared).await?;
        // Everything that is shown is masked as a whole, before it is cut.
        let masked = self.vault.mask().text(&answer.body);
        let mut series = read(&place.source.kind, &answer, &masked, matches!(period, Period::Now(_)))?;
        series.iter_mut().for_each(|one| one.name = self.vault.mask().text(&one.name));
        Ok(Heard { series, raw: crate::paint::ends(&one_line(&masked), RAW) })
    }

    /// What a source's clock shows.
    async fn present_of(&self, client: &reqwest::Client, source: &Source) -> Result<Timestamp, String> {
        let prepared = self.prepare_query(source, "time()", Period::Now(SignedDuration::ZERO))?;
        let answer = self.exchange(client, prepared).await?;
        let series = read(&source.kind, &answer, &self.vault.mask().text(&answer.body), true)?;
        let point = series.first().and_then(|s| s.points.first()).and_then(|(at, _)| *at);
        point.ok_or_else(|| "it does not say what time it is".into())
    }

    /// The query with its values.
    pub(super) fn query_text(&self, kind: &SourceKind, query: &Query) -> Result<String, String> {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        let mut text = String::new();
        for piece in &query.pieces {
            match piece {
                QueryPiece::Text(literal) => text.push_str(literal),
                QueryPiece::Value(expr, spot) => {
                    let value = evaluate(expr, &scope).map_err(|e| e.to_string())?;
                    text.push_str(&in_query(kind, *spot, &value.to_string())?);
                }
            }
        }
        Ok(text)
    }

    async fn client_of(&self, source: &Source) -> Result<reqwest::Client, String> {
        let url = url::Url::parse(&source.url).map_err(|e| format!("`{}` is not a URL: {e}", source.url))?;
        let mut builder = super::http::builder().redirect(reqwest::redirect::Policy::none());
        if is_here(&url) {
            builder = builder.no_proxy();
        }
        if let Some(ca) = &source.ca {
            let authorities =
                certificates(&self.dir.join(ca)).await.map_err(|why| format!("the file `{ca}`: {why}"))?;
            builder = builder.tls_certs_only(authorities);
        }
        builder.build().map_err(|e| format!("HTTP is not available: {}", super::http::deepest(&e)))
    }

    fn prepare_query(&self, source: &Source, query: &str, period: Period) -> Result<Prepared, String> {
        let mut prepared = match &source.kind {
            SourceKind::Prometheus => prometheus::request(source, query, period),
            SourceKind::Datadog => datadog::request(source, query, period),
            SourceKind::Graphite => graphite::request(source, query, period),
            SourceKind::Influxql { database } => influxdb::influxql(source, database, query, period),
            SourceKind::Flux { org } => influxdb::flux(source, org, query, period),
        }?;
        prepared.headers.extend(self.credentials(source)?);
        Ok(prepared)
    }

    /// The headers that a source is sent.
    fn credentials(&self, source: &Source) -> Result<HeaderMap, String> {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        let mut headers = HeaderMap::new();
        let mut put = |name: &str, value: &str| -> Result<(), String> {
            let key =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is not a name of a header"))?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| format!("the header `{name}` would have a character that no header may have"))?;
            value.set_sensitive(true);
            headers.insert(key, value);
            Ok(())
        };
        for (name, expr) in &source.header {
            put(name, &evaluate(expr, &scope).map_err(|e| e.to_string())?.to_string())?;
        }
        if let Some((user, password)) = &source.basic {
            use base64::Engine;
            let password = password.as_ref().map(|p| evaluate(p, &scope)).transpose().map_err(|e| e.to_string())?;
            let pair = format!("{user}:{}", password.map(|p| p.to_string()).unwrap_or_default());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            put(AUTHORIZATION.as_str(), &format!("Basic {encoded}"))?;
        }
        Ok(headers)
    }
}

async fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let text = tokio::fs::read(path).await.map_err(|e| e.to_string())?;
    let found = reqwest::Certificate::from_pem_bundle(&text).map_err(|e| e.to_string())?;
    if found.is_empty() { Err("there is no certificate in it".into()) } else { Ok(found) }
}

/// A URL below that of a source.
fn below(source: &Source, path: &str) -> Result<url::Url, String> {
    let text = format!("{}{path}", source.url.trim_end_matches('/'));
    let url = url::Url::parse(&text).map_err(|e| format!("`{text}` is not a URL: {e}"))?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err(format!("`{text}` is not a URL of a web server")),
    }
}

/// Seconds with what is behind the point, as the APIs take them.
fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// The series in an answer.
fn read(kind: &SourceKind, answer: &Answer, masked: &str, now: bool) -> Result<Vec<Series>, String> {
    if matches!(answer.status, 401 | 403) {
        let why = error_in(masked).map(|why| format!(": {why}")).unwrap_or_default();
        return Err(format!("the credentials are refused ({}){why}", answer.status));
    }
    if !(200..300).contains(&answer.status) {
        if (300..400).contains(&answer.status) {
            return Err(format!(
                "the answer is {}, and redirects are not followed: is one to log in there?",
                answer.status
            ));
        }
        let first = || masked.lines().map(str::trim).find(|line| !line.is_empty()).map(super::short);
        let why = error_in(masked).or_else(first).map(|why| format!(": {why}")).unwrap_or_default();
        return Err(format!("the answer is {}{why}", answer.status));
    }
    match kind {
        SourceKind::Flux { .. } => influxdb::read_csv(&answer.body),
        other => {
            let json: serde_json::Value = serde_json::from_str(&answer.body)
                .map_err(|_| format!("the answer is not JSON: `{}`", super::short(masked)))?;
            match other {
                SourceKind::Prometheus => prometheus::read(&json, now),
                SourceKind::Datadog => datadog::read(&json),
                SourceKind::Graphite => graphite::read(&json),
                SourceKind::Influxql { .. } | SourceKind::Flux { .. } => influxdb::read(&json),
            }
        }
    }
}

/// What a source says went wrong: each has one of these.
fn error_in(body: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(body).ok()?;
    let text = |name: &str| json.get(name).and_then(|v| v.as_str()).filter(|t| !t.is_empty());
    let list = || json.get("errors").and_then(|v| v.get(0)).and_then(|v| v.as_str());
    let why = text("error").or_else(|| text("message")).or_else(list)?;
    Some(match text("errorType") {
        Some(sort) => super::short(&format!("{sort}: {why}")),
        None => super::short(why),
    })
}

/// A number, or a text that is one: several sources write numbers as strings. What is not finite has no value.
fn number(json: &serde_json::Value) -> Option<f64> {
    let number = match json {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|n: &f64| n.is_finite())
}
