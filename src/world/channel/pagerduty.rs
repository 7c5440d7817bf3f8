//! PagerDuty: Events API v2. All messages of a run are one alert, which is resolved when the run has ended well.

use serde_json::{Value as Json, json};

use crate::engine::{Outgoing, Receipt};
use crate::world::World;

use super::words::{headline, text};
use super::{Repeats, Tried, ends, said};

/// The longest `summary`, in characters.
const SUMMARY: usize = 1_024;

/// The longest text in the details: an event has 512 KB.
const DETAILS: usize = 20_000;

impl World {
    pub(super) async fn pagerduty(&self, message: &Outgoing) -> Tried {
        let url = self.address(&message.channel, "url", "/v2/enqueue")?;
        let key = self.needed(&message.channel, "routing_key")?;
        let body = payload(message, &key);
        self.exchange_json(reqwest::Method::POST, url, Default::default(), Some(&body), Repeats::Known).await?;
        Ok(Some(Receipt { id: message.run.clone(), url: None }))
    }
}

fn payload(message: &Outgoing, key: &str) -> Json {
    if ends(message) {
        return json!({ "routing_key": key, "event_action": "resolve", "dedup_key": message.run });
    }
    let severity = said(message, "severity").map_or_else(|| "error".to_owned(), ToString::to_string);
    json!({
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": message.run,
        "client": "runbook",
        "payload": {
            "summary": headline(message, SUMMARY),
            "source": message.title,
            "severity": severity,
            "timestamp": message.at.to_string(),
            "custom_details": { "run": message.run, "message": message.id, "text": text(message, DETAILS) },
        },
    })
}
