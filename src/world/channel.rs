//! Channels: messages to people, in the background, three tries.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Map, Value as Json};

use crate::engine::Outgoing;
use crate::plan::{Channel, ChannelKind, Plan};
use crate::value::{Expr, evaluate};

use super::http::{Redirects, unreachable};
use super::scope::HandOver;
use super::{Stop, Stopper, Vault, World};

/// How often a message is tried.
const TRIES: u32 = 3;

/// How long one try may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest wait that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(30);

impl World {
    pub(super) async fn send(&self, message: &Outgoing, mut stop: Stopper) -> Result<(), String> {
        match &message.channel.kind {
            // The screen and the log show every message themselves.
            ChannelKind::Console => Ok(()),
            ChannelKind::Webhook { url, header } => {
                tokio::select! {
                    sent = self.post(message, url, header) => sent,
                    _ = stop.wait_for(|wish| *wish != Stop::No) => Err("the run ended before it was sent".into()),
                }
            }
        }
    }

    async fn post(&self, message: &Outgoing, url: &Expr, header: &[(String, Expr)]) -> Result<(), String> {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        let text = |expr: &Expr| evaluate(expr, &scope).map(|v| v.to_string()).map_err(|e| e.to_string());
        let masked = |why: String| self.vault.mask().text(&why);
        let url = url::Url::parse(&text(url)?).map_err(|e| masked(format!("its url is not a URL: {e}")))?;
        let mut headers = HeaderMap::new();
        for (name, expr) in header {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is not a name of a header"))?;
            let value = HeaderValue::from_str(&text(expr)?)
                .map_err(|_| format!("the header `{name}` has a wrong character"))?;
            headers.insert(name, value);
        }
        let body = payload(message);
        let client = self.client(Redirects::None, &url).await?;
        let mut wait = Duration::from_secs(1);
        for attempt in 1.. {
            let sent = client.post(url.clone()).headers(headers.clone()).timeout(LIMIT).json(&body).send().await;
            let (why, asked) = match sent {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    let asked = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
                    let status = response.status();
                    let final_answer = status.is_client_error() && status.as_u16() != 429 && status.as_u16() != 408;
                    if final_answer {
                        return Err(masked(format!("the answer is {status}")));
                    }
                    (format!("the answer is {status}"), asked.map(Duration::from_secs))
                }
                Err(error) => (unreachable(&error), None),
            };
            if attempt == TRIES {
                return Err(masked(format!("{why}; {TRIES} tries")));
            }
            tokio::time::sleep(asked.unwrap_or(wait).min(PATIENCE)).await;
            wait *= 2;
        }
        Ok(())
    }
}

/// The channels whose address, known now that the secrets are, is none. A message that cannot be sent on the night would
/// be found out too late.
pub fn unusable_channels(plan: &Plan, vault: &Vault) -> Vec<String> {
    let scope = HandOver { vault, captured: &[] };
    let unusable = |channel: &Channel| {
        let ChannelKind::Webhook { url, .. } = &channel.kind else { return None };
        let text = evaluate(url, &scope).ok()?.to_string();
        let why = match url::Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return None,
            Ok(_) => "it is not the address of a web server".to_owned(),
            Err(error) => error.to_string(),
        };
        Some(format!("the url of the channel `{}` is none: {}", channel.id, vault.mask().text(&why)))
    };
    plan.channels.iter().filter_map(unusable).collect()
}

/// What a webhook gets: `{"text": …, "subject": …}` and the message's own settings.
fn payload(message: &Outgoing) -> Json {
    let mut payload = Map::new();
    for (name, value) in &message.settings {
        payload.insert(name.clone(), value.to_json());
    }
    if let Some(subject) = &message.subject {
        payload.insert("subject".into(), subject.clone().into());
    }
    payload.insert("text".into(), message.text.clone().into());
    Json::Object(payload)
}
