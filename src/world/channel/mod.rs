//! Channels: messages to people, in the background, three tries. One file a service.
//!
//! What a service gets is built and never pasted: a value in a message is text there, whatever it contains. A message has
//! one name however often it is tried; the services that know such a name are told it.

mod discord;
mod email;
mod pagerduty;
mod slack;
mod statuspage;
mod teams;
mod words;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Map, Value as Json};

use crate::engine::{Outgoing, Receipt, Unsent};
use crate::plan::{Channel, ChannelKind, ENDS, Plan};
use crate::source::one_line;
use crate::value::{Value, evaluate};

use super::http::{Redirects, unreachable};
use super::scope::HandOver;
use super::{Stop, Stopper, Vault, World, short};

pub(super) use email::server as mail_server;

/// How long one try may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest wait that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(60);

/// So much of an answer is read, in bytes.
const ANSWER: usize = 64 * 1024;

/// Why a try came to nothing.
#[derive(Debug)]
enum Problem {
    /// It will not come to anything.
    Final(String),
    /// It may next time, and how long the service asks to wait.
    Again(String, Option<Duration>),
}

/// What came of a try: what the service made of the message.
type Tried = Result<Option<Receipt>, Problem>;

/// What a service answered.
struct Answered {
    status: u16,
    body: String,
}

impl Answered {
    /// Its JSON; nothing if it is none.
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

impl World {
    pub(super) async fn send(&self, message: &Outgoing, mut stop: Stopper) -> Result<Option<Receipt>, Unsent> {
        // Whether something of it may be on its way.
        let sending = AtomicBool::new(false);
        let sent = tokio::select! {
            sent = self.try_to_send(message, &sending) => sent,
            _ = stop.wait_for(|wish| *wish != Stop::No) => {
                let held = !sending.load(Ordering::Relaxed) && !message.again;
                Err(Unsent { why: "the run ended before it was sent".into(), unreachable: false, held })
            }
        };
        sent.map_err(|unsent| Unsent { why: self.vault.mask().text(&unsent.why), ..unsent })
    }

    async fn try_to_send(&self, message: &Outgoing, sending: &AtomicBool) -> Result<Option<Receipt>, Unsent> {
        let mut wait = Duration::from_secs(1);
        let mut attempt = 1;
        // Of a mail, those who have it.
        let mut had = BTreeSet::new();
        loop {
            sending.store(true, Ordering::Relaxed);
            let tried = self.send_once(message, attempt > 1, &mut had).await;
            let (why, asked) = match tried {
                Ok(receipt) => return Ok(receipt),
                Err(Problem::Final(why)) => return Err(Unsent::refused(why)),
                Err(Problem::Again(why, asked)) => (why, asked),
            };
            let unreachable = |why: String| Err(Unsent { why, unreachable: true, held: false });
            if attempt >= message.tries {
                let tries = if attempt == 1 { "one try".to_owned() } else { format!("{attempt} tries") };
                return unreachable(format!("{why}; {tries}"));
            }
            if let Some(asked) = asked.filter(|asked| *asked > PATIENCE) {
                return unreachable(format!("{why}, and it asks to wait for {} s", asked.as_secs()));
            }
            // What a try came to is known where it would be seen twice.
            sending.store(false, Ordering::Relaxed);
            tokio::time::sleep(asked.unwrap_or(wait).max(Duration::from_millis(100))).await;
            wait *= 2;
            attempt += 1;
        }
    }

    /// One try. `again`: an earlier one may have come to something.
    async fn send_once(&self, message: &Outgoing, again: bool, had: &mut BTreeSet<String>) -> Tried {
        match message.channel.kind {
            // The screen and the log show every message themselves.
            ChannelKind::Console => Ok(None),
            ChannelKind::Webhook => self.webhook(message).await,
            ChannelKind::Slack => self.slack(message).await,
            ChannelKind::Teams => self.teams(message).await,
            ChannelKind::Discord => self.discord(message).await,
            ChannelKind::Email => self.mail(message, had).await,
            ChannelKind::Pagerduty => self.pagerduty(message).await,
            ChannelKind::Statuspage => self.statuspage(message, again || message.again).await,
        }
    }

    async fn webhook(&self, message: &Outgoing) -> Tried {
        let url = self.address(&message.channel, "url", "")?;
        let mut headers = HeaderMap::new();
        for (name, expr) in &message.channel.header {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| Problem::Final(format!("`{name}` is not a name of a header")))?;
            let value = self.worth(expr)?;
            headers.insert(name.clone(), header(name.as_str(), &value)?);
        }
        // So that whoever takes it can know a message that they have had.
        headers.entry("idempotency-key").or_insert(header("idempotency-key", &message.id)?);
        let body = payload(message);
        self.exchange_json(reqwest::Method::POST, url, headers, Some(&body), Repeats::Known).await.map(|_| None)
    }

    /// What an expression of a channel is worth, now that the secrets are known.
    fn worth(&self, expr: &crate::value::Expr) -> Result<String, Problem> {
        let scope = HandOver { vault: &self.vault, captured: &[] };
        evaluate(expr, &scope).map(|v| v.to_string()).map_err(|e| Problem::Final(e.to_string()))
    }

    /// A setting; nothing if it is not there or empty.
    fn setting(&self, channel: &Channel, name: &str) -> Result<Option<String>, Problem> {
        let value = channel.setting(name).map(|expr| self.worth(expr)).transpose()?;
        Ok(value.filter(|text| !text.is_empty()))
    }

    /// A setting that must be there.
    fn needed(&self, channel: &Channel, name: &str) -> Result<String, Problem> {
        self.setting(channel, name)?.ok_or_else(|| Problem::Final(format!("its `{name}` is empty")))
    }

    /// The URL in a setting, else the service's own, with a path behind it.
    fn address(&self, channel: &Channel, name: &str, path: &str) -> Result<url::Url, Problem> {
        let base = match self.setting(channel, name)? {
            Some(base) => base,
            None => home(channel.kind).to_owned(),
        };
        let text = if path.is_empty() { base } else { format!("{}{path}", base.trim_end_matches('/')) };
        // The text may be secret; what is wrong with it is not.
        let url = url::Url::parse(&text).map_err(|e| Problem::Final(format!("its `{name}` is not a URL: {e}")))?;
        match matches!(url.scheme(), "http" | "https") && url.has_host() {
            true => Ok(url),
            false => Err(Problem::Final(format!("its `{name}` is not the address of a web server"))),
        }
    }

    /// Sends JSON, and says what an answer means that is none of success.
    async fn exchange_json(
        &self,
        method: reqwest::Method,
        url: url::Url,
        headers: HeaderMap,
        body: Option<&Json>,
        repeats: Repeats,
    ) -> Result<Answered, Problem> {
        let client = self.client(Redirects::None, &url).await.map_err(Problem::Final)?;
        let mut request = client.request(method, url).headers(headers).timeout(LIMIT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| unanswered(&error, repeats))?;
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse::<f64>().ok());
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            if bytes.len() + chunk.len() > ANSWER {
                break;
            }
            bytes.extend_from_slice(&chunk);
        }
        let answer = Answered { status: status.as_u16(), body: String::from_utf8_lossy(&bytes).into_owned() };
        if status.is_success() {
            return Ok(answer);
        }
        let said = self.said(&answer);
        let why = format!("the answer is {status}{said}");
        // A gateway that gave up, or a server that broke in the middle, may have handed it on before.
        if repeats == Repeats::Seen && matches!(answer.status, 408 | 500 | 502 | 504) {
            return Err(Problem::Final(format!("{why}: it may have arrived, and is not sent twice")));
        }
        // 420 is how Statuspage says 429.
        if status.is_server_error() || matches!(answer.status, 408 | 420 | 429) {
            let asked = header.or_else(|| answer.json().get("retry_after")?.as_f64());
            let asked = asked.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            return Err(Problem::Again(why, asked));
        }
        let moved = if status.is_redirection() { ", and redirects are not followed" } else { "" };
        Err(Problem::Final(format!("{why}{moved}")))
    }

    /// What a service says is wrong, masked before it is cut.
    fn said(&self, answer: &Answered) -> String {
        let json = answer.json();
        let list = |name: &str| {
            let errors = json.get(name)?.as_array()?.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ");
            Some(errors).filter(|text| !text.is_empty())
        };
        let text = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        let known = text("message")
            .into_iter()
            .chain(list("errors"))
            .chain(text("error"))
            .chain(list("error"))
            .collect::<Vec<_>>();
        let said = if known.is_empty() { answer.body.clone() } else { known.join(": ") };
        let said = self.vault.mask().text(&one_line(said.trim()));
        // A page is not for a line.
        let page = said.starts_with('<');
        if said.is_empty() || page { String::new() } else { format!(": {}", short(&said)) }
    }
}

/// Whether a service can tell a message that it has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    /// By its name, or because it is asked first.
    Known,
    /// It would be seen twice.
    Seen,
}

/// Why there is no answer. What may have arrived is only sent again where that does no harm.
fn unanswered(error: &reqwest::Error, repeats: Repeats) -> Problem {
    let why = unreachable(error);
    if error.is_connect() || repeats == Repeats::Known {
        return Problem::Again(why, None);
    }
    Problem::Final(format!("{why}: it may have arrived, and is not sent twice"))
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Problem> {
    let wrong = || Problem::Final(format!("the header `{name}` would have a character that no header may have"));
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Authorization: SCHEME TOKEN`
fn authorized(scheme: &str, token: &str) -> Result<HeaderMap, Problem> {
    Ok(HeaderMap::from_iter([(AUTHORIZATION, header("authorization", &format!("{scheme} {token}"))?)]))
}

/// Where a service is, unless the channel says otherwise.
fn home(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Slack => "https://slack.com",
        ChannelKind::Pagerduty => "https://events.pagerduty.com",
        ChannelKind::Statuspage => "https://api.statuspage.io",
        _ => "",
    }
}

/// The setting in which the address of a channel stands.
pub(super) fn address_setting(channel: &Channel) -> Option<&'static str> {
    Some(match channel.kind {
        ChannelKind::Console => return None,
        ChannelKind::Email => "smtp",
        ChannelKind::Slack if channel.setting("webhook").is_none() => "url",
        ChannelKind::Slack | ChannelKind::Teams | ChannelKind::Discord => "webhook",
        ChannelKind::Webhook | ChannelKind::Pagerduty | ChannelKind::Statuspage => "url",
    })
}

/// The host and the port of a channel; nothing of a console.
///
/// # Errors
/// Says why its address is none.
pub(super) fn place(channel: &Channel, vault: &Vault) -> Option<Result<(String, u16), String>> {
    let name = address_setting(channel)?;
    let scope = HandOver { vault, captured: &[] };
    let text = match channel.setting(name) {
        Some(expr) => match evaluate(expr, &scope) {
            Ok(value) => value.to_string(),
            Err(error) => return Some(Err(error.to_string())),
        },
        None => home(channel.kind).to_owned(),
    };
    let mail = channel.kind == ChannelKind::Email;
    Some(match url::Url::parse(&text) {
        Ok(url) if mail => mail_server(&url, channel.setting("user").is_some()),
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            let port = url.port_or_known_default().unwrap_or(443);
            url.host_str().map(|host| (host.trim_matches(['[', ']']).to_owned(), port)).ok_or("it has no host".into())
        }
        Ok(_) => Err("it is not the address of a web server".into()),
        Err(error) => Err(error.to_string()),
    })
}

/// What is wrong with channels, known now that the secrets are. A message that cannot be sent on the night would be found
/// out too late.
pub fn unusable_channels(plan: &Plan, vault: &Vault) -> Vec<String> {
    let unusable = |channel: &Channel| {
        let of = |what: &str, why: &str| format!("{what} of the channel `{}` {}", channel.id, vault.mask().text(why));
        if let (Some(name), Some(Err(why))) = (address_setting(channel), place(channel, vault)) {
            return Some(of(&format!("the {name}"), &format!("is none: {why}")));
        }
        let scope = HandOver { vault, captured: &[] };
        let worth = |name: &str| channel.setting(name).and_then(|e| evaluate(e, &scope).ok());
        let empty = |name: &str| worth(name).is_some_and(|v| v.to_string().is_empty());
        if let Some(name) = ["token", "room", "routing_key", "page", "user"].into_iter().find(|name| empty(name)) {
            return Some(of(&format!("the {name}"), "is empty"));
        }
        let mail = (channel.kind == ChannelKind::Email).then(|| email::people(channel, &scope));
        mail.and_then(Result::err).map(|why| of("the mail", &why))
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

/// A setting of a message.
fn said<'m>(message: &'m Outgoing, name: &str) -> Option<&'m Value> {
    message.settings.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

/// Whether a message ends what its channel began.
fn ends(message: &Outgoing) -> bool {
    said(message, ENDS).is_some()
}
