//! Microsoft Teams: a webhook that takes an adaptive card. Its text stands in `TextRun`s, in which nothing is Markdown.

use serde_json::{Value as Json, json};

use crate::engine::Outgoing;
use crate::world::World;

use super::words::{Block, Piece, blocks, pieces, subject, text};
use super::{Problem, Repeats, Tried};

/// The longest text, in characters.
const TEXT: usize = 4_000;

/// The largest message, in bytes: Teams takes 28 KB, connectors have been seen to take 21.
const LARGEST: usize = 20_000;

/// The longest title, in characters.
const TITLE: usize = 200;

impl World {
    pub(super) async fn teams(&self, message: &Outgoing) -> Tried {
        let url = self.address(&message.channel, "webhook", "")?;
        let body = payload(message);
        let method = reqwest::Method::POST;
        let answer = self.exchange_json(method, url, Default::default(), Some(&body), Repeats::Seen).await?;
        // A connector answers 200 and says in the text that it did not work.
        if answer.body.contains("HTTP error 429") {
            return Err(Problem::Again("Teams takes no more messages for now".into(), None));
        }
        if answer.body.contains("delivery failed") {
            return Err(Problem::Final(format!("the answer is {}{}", answer.status, self.said(&answer))));
        }
        Ok(None)
    }
}

fn payload(message: &Outgoing) -> Json {
    let mut most = TEXT;
    loop {
        let card = card(message, most);
        if most < 100 || card.to_string().len() <= LARGEST {
            return card;
        }
        most = most * 3 / 4;
    }
}

fn card(message: &Outgoing, most: usize) -> Json {
    let mut body = Vec::new();
    if let Some(subject) = subject(message, TITLE) {
        let run = json!({ "type": "TextRun", "text": subject, "size": "Medium", "weight": "Bolder" });
        body.push(json!({ "type": "RichTextBlock", "inlines": [run] }));
    }
    for block in blocks(&text(message, most)) {
        let (lines, mark) = match &block {
            Block::Lines(lines) => (lines, ""),
            Block::List(entries) => (entries, "• "),
        };
        body.extend(lines.iter().map(|line| paragraph(mark, line)));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    })
}

fn paragraph(mark: &str, line: &str) -> Json {
    let runs = pieces(line).into_iter().map(|piece| match piece {
        Piece::Text(text) => json!({ "type": "TextRun", "text": if text.is_empty() { " " } else { text } }),
        Piece::Link(link) => {
            json!({ "type": "TextRun", "text": link, "selectAction": { "type": "Action.OpenUrl", "url": link } })
        }
    });
    let mark = (!mark.is_empty()).then(|| json!({ "type": "TextRun", "text": mark }));
    json!({ "type": "RichTextBlock", "spacing": "Small", "inlines": mark.into_iter().chain(runs).collect::<Vec<_>>() })
}
