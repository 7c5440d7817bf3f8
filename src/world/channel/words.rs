//! The words of a message as every service takes them: lines, lists and links; cut where the service cuts.

use crate::engine::Outgoing;
use crate::source::{harmless, one_line};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Lines that belong together.
    Lines(Vec<String>),
    /// A list.
    List(Vec<String>),
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// The address of a page.
    Link(&'t str),
}

/// What stands where the rest was cut off.
const CUT: &str = "… (cut)";

/// The text of a message: harmless, and of at most so many characters, whole lines where that loses little.
pub(super) fn text(message: &Outgoing, most: usize) -> String {
    let clean: Vec<String> = message.text.lines().map(|line| harmless(line.trim_end())).collect();
    cut(clean.join("\n").trim(), most)
}

/// The subject of a message: one line.
pub(super) fn subject(message: &Outgoing, most: usize) -> Option<String> {
    let line = one_line(message.subject.as_deref()?.trim());
    Some(cut(&line, most)).filter(|line| !line.is_empty())
}

/// The subject, or the first line of the text: for services that want one.
pub(super) fn headline(message: &Outgoing, most: usize) -> String {
    let first = || one_line(message.text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default());
    let line = subject(message, most).unwrap_or_else(|| cut(&first(), most));
    if line.is_empty() { cut(&one_line(&message.title), most) } else { line }
}

/// At most so many characters, with a word that something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(CUT.chars().count());
    let mut kept: String = text.chars().take(room).collect();
    // A line is lost as a whole if not much more than half of it would be shown.
    if let Some(end) = kept.rfind('\n').filter(|end| *end * 4 > kept.len() * 3) {
        kept.truncate(end + 1);
    }
    kept.push_str(CUT);
    kept.chars().take(most).collect()
}

/// The lines of a text, with its lists: `- ` begins an entry.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        match (line.trim_start().strip_prefix("- "), blocks.last_mut()) {
            (Some(entry), Some(Block::List(entries))) => entries.push(entry.trim().to_owned()),
            (Some(entry), _) => blocks.push(Block::List(vec![entry.trim().to_owned()])),
            (None, Some(Block::Lines(lines))) => lines.push(line.to_owned()),
            (None, _) => blocks.push(Block::Lines(vec![line.to_owned()])),
        }
    }
    blocks
}

/// A line with its links.
pub(super) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(start) = ["https://", "http://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let tail = &rest[start..];
        let end =
            tail.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|')).unwrap_or(tail.len());
        let link = tail[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*', '_', '~']);
        let known = url::Url::parse(link).is_ok_and(|url| url.has_host());
        let link = if known { link } else { &tail[..tail.find("//").map_or(tail.len(), |at| at + 2)] };
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        pieces.push(if known { Piece::Link(link) } else { Piece::Text(link) });
        rest = &tail[link.len()..];
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Text as HTML shows it.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A line as HTML, with its links.
pub(super) fn html_line(line: &str) -> String {
    pieces(line)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => html(text),
            Piece::Link(link) => format!("<a href=\"{0}\">{0}</a>", html(link)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_lists_are_told_apart() {
        let lines = |l: &[&str]| Block::Lines(l.iter().map(|s| (*s).to_owned()).collect());
        let list = |l: &[&str]| Block::List(l.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(blocks("New:\n- a\n- b\n\nBye"), [lines(&["New:"]), list(&["a", "b"]), lines(&["", "Bye"])]);
        assert_eq!(blocks("-5 % and -x"), [lines(&["-5 % and -x"])]);
    }

    #[test]
    fn links_end_before_what_ends_a_sentence() {
        use Piece::{Link, Text};
        assert_eq!(
            pieces("See https://a.example/d?x=1, or (http://b.example)."),
            [Text("See "), Link("https://a.example/d?x=1"), Text(", or ("), Link("http://b.example"), Text(").")]
        );
        assert_eq!(pieces("https:// alone"), [Text("https://"), Text(" alone")]);
        assert_eq!(pieces(""), [Text("")]);
        assert_eq!(pieces("https://a.example<script>"), [Link("https://a.example"), Text("<script>")]);
    }

    #[test]
    fn what_is_too_long_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut(&"x".repeat(20), 12), "xxxxx… (cut)");
        let lines = "0123456789\n".repeat(9);
        assert_eq!(cut(&lines, 60), format!("{}… (cut)", "0123456789\n".repeat(4)));
        assert!(cut(&"ü\n".repeat(5000), 2000).chars().count() <= 2000);
    }
}
