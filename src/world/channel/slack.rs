//! Slack: a webhook, or a token that speaks in a room. Messages are structured (`rich_text`), so nothing in them is markup.

use serde_json::{Value as Json, json};

use crate::engine::{Outgoing, Receipt};
use crate::world::World;

use super::words::{Block, Piece, blocks, cut, headline, pieces, subject, text};
use super::{Answered, Problem, Repeats, Tried, authorized, ends};

/// The longest `header`, in characters (Block Kit).
const HEADER: usize = 150;

/// The longest text that is sent, in characters; Slack advises 4,000, and takes some 12,000 in blocks.
const TEXT: usize = 4_000;

impl World {
    pub(super) async fn slack(&self, message: &Outgoing) -> Tried {
        let channel = &message.channel;
        if channel.setting("webhook").is_some() {
            let url = self.address(channel, "webhook", "")?;
            let body = payload(message, None);
            let method = reqwest::Method::POST;
            return self.exchange_json(method, url, Default::default(), Some(&body), Repeats::Seen).await.map(|_| None);
        }
        let room = self.needed(channel, "room")?;
        if ends(message) {
            return self.put_away(message, &room).await;
        }
        let made = channel.text("create").as_deref() == Some("true") && message.receipt.is_none();
        let place = match (&message.receipt, made) {
            (Some(receipt), _) => receipt.id.clone(),
            (None, true) => self.make_room(message, &room).await?,
            (None, false) => room,
        };
        let answer = self.slack_api(message, "chat.postMessage", &payload(message, Some(&place))).await?;
        let id = answer.get("channel").and_then(Json::as_str).unwrap_or(&place).to_owned();
        Ok(Some(Receipt { id, url: None }))
    }

    /// Makes the room; one that is there already is spoken in.
    async fn make_room(&self, message: &Outgoing, room: &str) -> Result<String, Problem> {
        let name = room_name(room);
        match self.slack_api(message, "conversations.create", &json!({ "name": name })).await {
            Ok(answer) => Ok(answer.pointer("/channel/id").and_then(Json::as_str).unwrap_or(&name).to_owned()),
            Err(Problem::Final(why)) if why.ends_with("name_taken") => Ok(format!("#{name}")),
            Err(other) => Err(other),
        }
    }

    async fn put_away(&self, message: &Outgoing, room: &str) -> Tried {
        let Some(receipt) = &message.receipt else {
            return Err(Problem::Final(format!(
                "nothing was said in {room} by this run, so it does not know the room"
            )));
        };
        match self.slack_api(message, "conversations.archive", &json!({ "channel": receipt.id })).await {
            Ok(_) => Ok(None),
            Err(Problem::Final(why)) if why.ends_with("already_archived") => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// A method of the Web API; its errors come with 200.
    async fn slack_api(&self, message: &Outgoing, method: &str, body: &Json) -> Result<Json, Problem> {
        let url = self.address(&message.channel, "url", &format!("/api/{method}"))?;
        let headers = authorized("Bearer", &self.needed(&message.channel, "token")?)?;
        // Making and putting away are known again; a message is not.
        let repeats = if method == "chat.postMessage" { Repeats::Seen } else { Repeats::Known };
        let answer = self.exchange_json(reqwest::Method::POST, url, headers, Some(body), repeats).await?;
        understood(&answer, method)
    }
}

fn understood(answer: &Answered, method: &str) -> Result<Json, Problem> {
    let json = answer.json();
    if json.get("ok") == Some(&Json::Bool(true)) {
        return Ok(json);
    }
    let Some(error) = json.get("error").and_then(Json::as_str) else {
        return Err(Problem::Final(format!("{method} answers {} and not what Slack answers", answer.status)));
    };
    let why = format!("{method}: {}", cut(&crate::source::one_line(error), 100));
    match error {
        "ratelimited" | "rate_limited" | "service_unavailable" | "request_timeout" => Err(Problem::Again(why, None)),
        // "Some aspect of the operation may have succeeded."
        "internal_error" | "fatal_error" if method == "chat.postMessage" => {
            Err(Problem::Final(format!("{why}: it may have arrived, and is not sent twice")))
        }
        "internal_error" | "fatal_error" => Err(Problem::Again(why, None)),
        _ => Err(Problem::Final(why)),
    }
}

/// What a room may be called: 80 lower-case letters, digits, `-` and `_`.
fn room_name(room: &str) -> String {
    let plain = room.trim().trim_start_matches('#').to_lowercase();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    plain.chars().map(|c| if fits(c) { c } else { '-' }).take(80).collect()
}

fn payload(message: &Outgoing, room: Option<&str>) -> Json {
    let body = text(message, TEXT);
    let mut shown = Vec::new();
    if let Some(subject) = subject(message, HEADER) {
        shown.push(json!({ "type": "header", "text": { "type": "plain_text", "text": subject, "emoji": false } }));
    }
    if !body.is_empty() {
        let elements: Vec<Json> = blocks(&body).iter().map(element).collect();
        shown.push(json!({ "type": "rich_text", "elements": elements }));
    }
    let mut payload = json!({
        // What a notification shows, and who cannot see blocks.
        "text": escaped(&headline(message, HEADER)),
        "mrkdwn": false,
        "blocks": shown,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    if let Some(room) = room {
        payload["channel"] = room.into();
    }
    payload
}

fn element(block: &Block) -> Json {
    match block {
        Block::Lines(lines) => section(&lines.join("\n")),
        Block::List(entries) => {
            let entries: Vec<Json> = entries.iter().map(|entry| section(entry)).collect();
            json!({ "type": "rich_text_list", "style": "bullet", "elements": entries })
        }
    }
}

fn section(text: &str) -> Json {
    let parts: Vec<Json> = pieces(text)
        .into_iter()
        .map(|piece| match piece {
            // An element has a character at least.
            Piece::Text(text) => json!({ "type": "text", "text": if text.is_empty() { " " } else { text } }),
            Piece::Link(link) => json!({ "type": "link", "url": link }),
        })
        .collect();
    json!({ "type": "rich_text_section", "elements": parts })
}

/// The three characters that mean something in a `text`.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
