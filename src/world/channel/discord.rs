//! Discord: a webhook. Its text is Markdown, so every sign of it is escaped, and nobody is mentioned.

use serde_json::{Value as Json, json};

use crate::engine::Outgoing;
use crate::world::World;

use super::words::{Block, Piece, blocks, cut, pieces, subject, text};
use super::{Repeats, Tried};

/// The longest `content`, in characters.
const CONTENT: usize = 2_000;

/// The longest subject, in characters.
const SUBJECT: usize = 200;

/// No pictures of linked pages: `SUPPRESS_EMBEDS`.
const FLAGS: u32 = 1 << 2;

impl World {
    pub(super) async fn discord(&self, message: &Outgoing) -> Tried {
        let mut url = self.address(&message.channel, "webhook", "")?;
        // Without it a message that is not kept is no error.
        url.query_pairs_mut().append_pair("wait", "true");
        let body = payload(message);
        let method = reqwest::Method::POST;
        self.exchange_json(method, url, Default::default(), Some(&body), Repeats::Seen).await.map(|_| None)
    }
}

fn payload(message: &Outgoing) -> Json {
    // Escaping makes a text longer: it is cut until it fits.
    let mut most = CONTENT;
    let content = loop {
        let content = content(message, most);
        let length = content.chars().count();
        if length <= CONTENT || most == 0 {
            break cut(&content, CONTENT);
        }
        most = most * CONTENT / length;
    };
    json!({ "content": content, "allowed_mentions": { "parse": [] }, "flags": FLAGS })
}

fn content(message: &Outgoing, most: usize) -> String {
    let title = subject(message, SUBJECT).map(|subject| format!("**{}**", escaped(&subject)));
    let lines = blocks(&text(message, most)).into_iter().flat_map(|block| match block {
        Block::Lines(lines) => lines.iter().map(|line| marked(line)).collect::<Vec<_>>(),
        Block::List(entries) => entries.iter().map(|entry| format!("- {}", marked(entry))).collect(),
    });
    title.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn marked(line: &str) -> String {
    pieces(line)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => escaped(text),
            // Without a picture of the page, and without Markdown in it.
            Piece::Link(link) => format!("<{link}>"),
        })
        .collect()
}

/// Every sign that Markdown, a mention or a name of an emoji begins with.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '*'
                | '_'
                | '~'
                | '`'
                | '|'
                | '>'
                | '#'
                | '-'
                | '+'
                | '['
                | ']'
                | '('
                | ')'
                | '<'
                | '@'
                | ':'
                | '.'
                | '!'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
