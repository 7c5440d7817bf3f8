//! Text on a terminal: colours that were decided once for a stream, and lines broken at its width.

use owo_colors::OwoColorize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How text is shown on one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours are wanted.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Paint {
    /// Plain text of a width in columns.
    pub fn plain(width: usize) -> Self {
        Paint { color: false, width }
    }

    /// What matters.
    pub fn bold(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().bold().to_string() } else { text.as_ref().to_owned() }
    }

    /// What is there to be looked up.
    pub fn dim(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().dimmed().to_string() } else { text.as_ref().to_owned() }
    }

    /// What went well.
    pub fn good(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().green().to_string() } else { text.as_ref().to_owned() }
    }

    /// What wants attention.
    pub fn warn(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().yellow().to_string() } else { text.as_ref().to_owned() }
    }

    /// What went wrong.
    pub fn bad(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().red().to_string() } else { text.as_ref().to_owned() }
    }

    /// A name of the runbook.
    pub fn name(self, text: impl AsRef<str>) -> String {
        if self.color { text.as_ref().cyan().to_string() } else { text.as_ref().to_owned() }
    }
}

/// How many columns a text without escapes takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// A text in lines of at most `width` columns, broken at spaces. A longer word stands alone and whole, so that it can
/// be copied. Line ends of the text stay, and the spaces that a line of it begins with.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let words = paragraph.trim_start_matches(' ');
        let mut line = " ".repeat(paragraph.len() - words.len());
        for word in words.split(' ') {
            let fits = line.trim_start().is_empty() || columns(&line) + 1 + columns(word) <= width;
            if !fits {
                lines.push(std::mem::take(&mut line));
            } else if !line.trim_start().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// As [`wrap`]; a word that is too wide by itself is broken.
pub fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let mut part = String::new();
        for c in line.chars() {
            if columns(&part) + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut part));
            }
            part.push(c);
        }
        lines.push(part);
    }
    lines
}

/// The beginning and the end of a text that is longer than so many characters: of an answer the value stands at the end.
pub fn ends(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return text.to_owned();
    }
    let part = |range: &[char]| range.iter().collect::<String>();
    format!("{} … {}", part(&all[..most / 3]), part(&all[all.len() - most / 2..]))
}

/// A text cut to `width` columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken + 1 > width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// A text filled with spaces to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("a https://example.com b", 6), ["a", "https://example.com", "b"]);
        assert_eq!(wrap("a\n  b c", 9), ["a", "  b c"]);
        assert_eq!(cut("deployment", 5), "depl…");
        assert_eq!(cut("流量流量", 5), "流量…");
    }
}
