//! Statuspage: API v1. All messages of a run are one incident, or one scheduled maintenance.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use crate::engine::{Outgoing, Receipt};
use crate::value::Value;
use crate::world::World;

use super::words::{headline, text};
use super::{Problem, Repeats, Tried, authorized, said};

/// The longest name of an incident, in characters.
const NAME: usize = 255;

/// The longest text of an update, in characters.
const BODY: usize = 25_000;

impl World {
    pub(super) async fn statuspage(&self, message: &Outgoing, again: bool) -> Tried {
        let page = self.needed(&message.channel, "page")?;
        let page = percent_encoding::utf8_percent_encode(&page, percent_encoding::NON_ALPHANUMERIC).to_string();
        let path = format!("/v1/pages/{page}/incidents");
        // What may have arrived is looked for, and not told twice.
        let found = match again {
            true => self.incident_of(message, &path).await?,
            false => None,
        };
        if let Some(found) = &found
            && has_update(found, message)
        {
            return Ok(receipt(found));
        }
        let known = message.receipt.as_ref().map(|receipt| receipt.id.clone()).or_else(|| id_of(found.as_ref()?));
        let answer = match known {
            Some(id) => {
                let id = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC);
                let path = format!("{path}/{id}");
                let now = self.page_api(message, Method::GET, &path, None).await?;
                self.page_api(message, Method::PATCH, &path, Some(update(message, &now))).await?
            }
            None => self.page_api(message, Method::POST, &path, Some(incident(message))).await?,
        };
        // Without its name the next message would make another one.
        match receipt(&answer) {
            Some(receipt) => Ok(Some(receipt)),
            None => Err(Problem::Final("the answer names no incident".into())),
        }
    }

    /// The incident that an earlier try of this run may have made.
    async fn incident_of(&self, message: &Outgoing, path: &str) -> Result<Option<Json>, Problem> {
        let all = self.page_api(message, Method::GET, path, None).await?;
        let own = |incident: &&Json| {
            let run = incident.pointer("/metadata/runbook/run").and_then(Json::as_str);
            let known = message.receipt.as_ref().is_some_and(|r| id_of(incident).as_ref() == Some(&r.id));
            run == Some(&message.run) || known
        };
        Ok(all.as_array().and_then(|all| all.iter().find(own)).cloned())
    }

    async fn page_api(
        &self,
        message: &Outgoing,
        method: Method,
        path: &str,
        body: Option<Json>,
    ) -> Result<Json, Problem> {
        let url = self.address(&message.channel, "url", path)?;
        let headers = authorized("OAuth", &self.needed(&message.channel, "token")?)?;
        // Whoever tries again looks first.
        let answer = self.exchange_json(method, url, headers, body.as_ref(), Repeats::Known).await?;
        let json = answer.json();
        match json.is_object() || json.is_array() {
            true => Ok(json),
            false => Err(Problem::Final("the answer is not what Statuspage answers".into())),
        }
    }
}

fn id_of(incident: &Json) -> Option<String> {
    incident.get("id").and_then(Json::as_str).map(str::to_owned)
}

fn receipt(incident: &Json) -> Option<Receipt> {
    let url = incident.get("shortlink").and_then(Json::as_str).map(str::to_owned);
    Some(Receipt { id: id_of(incident)?, url })
}

/// So much earlier than ours a service's clock may say that something was made.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Whether an update says the same already, and is no older than the message.
fn has_update(incident: &Json, message: &Outgoing) -> bool {
    let body = body(message);
    let state = state_of(message, incident);
    let updates = incident.get("incident_updates").and_then(Json::as_array);
    updates.into_iter().flatten().any(|update| {
        let of = |name: &str| update.get(name).and_then(Json::as_str);
        let made = of("created_at").and_then(|at| at.parse::<Timestamp>().ok());
        let new = made.is_none_or(|made| made.duration_since(message.at) >= -SKEW);
        new && of("body") == Some(&body) && state.as_deref().is_none_or(|state| of("status") == Some(state))
    })
}

/// The state that a message gives an incident. A maintenance has other words for its states than an incident.
fn state_of(message: &Outgoing, now: &Json) -> Option<String> {
    let planned = now.get("scheduled_for").is_some_and(|at| !at.is_null());
    let state = said(message, "state")?.to_string();
    Some(match (planned, state.as_str()) {
        (true, "investigating" | "identified") => "in_progress".to_owned(),
        (true, "monitoring") => "verifying".to_owned(),
        (true, "resolved") => "completed".to_owned(),
        (false, "scheduled" | "in_progress") => "identified".to_owned(),
        (false, "verifying") => "monitoring".to_owned(),
        (false, "completed") => "resolved".to_owned(),
        _ => state,
    })
}

/// The text, which a page shows as HTML.
fn body(message: &Outgoing) -> String {
    let mut most = BODY;
    loop {
        let body = text(message, most).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if body.chars().count() <= BODY {
            return body;
        }
        most /= 2;
    }
}

/// What both kinds of call say.
fn common(message: &Outgoing) -> Map<String, Json> {
    let mut incident = Map::new();
    incident.insert("body".into(), body(message).into());
    if let Some(impact) = said(message, "impact") {
        incident.insert("impact_override".into(), impact.to_string().into());
    }
    match said(message, "components") {
        // `{ ID = operational }`
        Some(Value::Map(components)) => {
            let states: Map<String, Json> =
                components.iter().map(|(id, state)| (id.clone(), state.to_string().into())).collect();
            incident.insert("component_ids".into(), states.keys().cloned().collect::<Vec<_>>().into());
            incident.insert("components".into(), Json::Object(states));
        }
        Some(Value::List(ids)) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            incident.insert("component_ids".into(), ids.into());
        }
        Some(one) => {
            incident.insert("component_ids".into(), vec![one.to_string()].into());
        }
        None => {}
    }
    for (name, field) in [("from", "scheduled_for"), ("to", "scheduled_until")] {
        if let Some(moment) = said(message, name) {
            incident.insert(field.into(), moment.to_string().into());
        }
    }
    incident
}

/// A new incident; with a `from` or one of its states, a scheduled maintenance.
fn incident(message: &Outgoing) -> Json {
    let mut incident = common(message);
    let state = said(message, "state").map(ToString::to_string);
    let planned = said(message, "from").is_some();
    let state = state.unwrap_or_else(|| if planned { "scheduled" } else { "investigating" }.to_owned());
    incident.insert("name".into(), headline(message, NAME).into());
    incident.insert("status".into(), state.into());
    incident.insert("metadata".into(), json!({ "runbook": { "run": message.run } }));
    json!({ "incident": incident })
}

/// What comes next of an incident.
fn update(message: &Outgoing, now: &Json) -> Json {
    let mut incident = common(message);
    let state = state_of(message, now).or_else(|| now.get("status").and_then(Json::as_str).map(str::to_owned));
    incident.extend(state.map(|state| ("status".to_owned(), Json::from(state))));
    json!({ "incident": incident })
}
