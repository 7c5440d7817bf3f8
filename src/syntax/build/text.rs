//! Strings: escapes, interpolation, the layout of text blocks.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, Piece, Text};
use crate::syntax::grammar::Rule;
use crate::syntax::mistake;

use super::{Builder, P};

impl<'s> Builder<'s> {
    /// `string`, or one of its forms.
    pub(super) fn string(&mut self, pair: P<'s>) -> Text {
        let pair = match pair.as_rule() {
            Rule::string | Rule::title => pair.into_inner().next().expect("the grammar gives a string its form"),
            _ => pair,
        };
        match pair.as_rule() {
            Rule::text_block => self.text_block(pair),
            Rule::raw_block => self.raw_block(pair),
            _ => self.quoted(pair),
        }
    }

    fn quoted(&mut self, pair: P<'s>) -> Text {
        let span = self.span(&pair);
        let mut pieces = Pieces::default();
        for part in pair.into_inner() {
            let at = self.exact(&part);
            match part.as_rule() {
                Rule::text | Rule::raw_chars => pieces.text(part.as_str(), at),
                Rule::escape => match unescape(part.as_str()) {
                    Some(c) => pieces.text(c.encode_utf8(&mut [0; 4]), at),
                    None => {
                        self.push(
                            Diagnostic::new(Code::BadEscape, at, format!("`{}` is not an escape", part.as_str()))
                                .label("unknown escape")
                                .help(r#"the escapes are `\n \t \r \" \\ \$ \u{1F680}`; a backslash itself is `\\`"#),
                        );
                    }
                },
                Rule::interpolation => self.interpolation(part, &mut pieces),
                Rule::missing_quote => self.unclosed_text(span, "\""),
                _ => {}
            }
        }
        Text { span, pieces: pieces.0 }
    }

    fn text_block(&mut self, pair: P<'s>) -> Text {
        let span = self.span(&pair);
        let mut pieces = Pieces::default();
        for part in pair.into_inner() {
            let at = self.exact(&part);
            match part.as_rule() {
                Rule::block_text => pieces.text(part.as_str(), at),
                Rule::literal_dollar => pieces.text("${", at),
                Rule::interpolation => self.interpolation(part, &mut pieces),
                Rule::missing_quote => self.unclosed_text(span, "\"\"\""),
                _ => {}
            }
        }
        Text { span, pieces: strip_layout(pieces.0) }
    }

    /// After `shell` everything stands as it is.
    fn raw_block(&mut self, pair: P<'s>) -> Text {
        let span = self.span(&pair);
        let mut pieces = Pieces::default();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::raw_text => pieces.text(part.as_str(), self.exact(&part)),
                Rule::missing_quote => self.unclosed_text(span, "\"\"\""),
                _ => {}
            }
        }
        Text { span, pieces: strip_layout(pieces.0) }
    }

    fn unclosed_text(&mut self, span: Span, quote: &str) {
        let open = Span { end: span.start + quote.len() as u32, ..span };
        let (name, help) = match quote.len() {
            1 => ("string", "write `\"` where it ends; text of several lines stands between `\"\"\"` and `\"\"\"`"),
            _ => ("text block", "write `\"\"\"` where the text ends"),
        };
        let finding = Diagnostic::new(Code::UnclosedString, open, format!("this {name} is never closed"));
        self.push(finding.label("opened here").help(help));
    }

    fn interpolation(&mut self, pair: P<'s>, pieces: &mut Pieces) {
        let span = self.exact(&pair);
        let open = Span { end: span.start + 2, ..span };
        let mut value = None;
        let mut bad = None;
        let mut closed = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::inner => {
                    let expression = part.into_inner().next();
                    value = expression.and_then(|e| self.deeper(1, span, |b| b.expression(e)));
                }
                Rule::bad_inner => bad = Some(self.span(&part)),
                Rule::close_brace => closed = true,
                Rule::too_deep_here => {
                    self.push(super::too_deep(open));
                    closed = true;
                    value = Some(Expr::bad(open));
                }
                _ => {}
            }
        }
        if !closed {
            self.push(
                Diagnostic::new(Code::UnclosedBlock, open, "this `${` is never closed")
                    .label("opened here")
                    .help("write `}` behind the value; a `${` that is meant as text is written `\\${`"),
            );
        } else if let Some(bad) = bad {
            let start = open.end as usize;
            let inside = Span { start: open.end, ..bad };
            let finding = mistake::explain(self.file, start, self.slice(inside), bad, Rule::strict_expression);
            self.push(finding);
            value = None;
        } else if value.is_none() {
            self.push(
                Diagnostic::new(Code::Unexpected, span, "there is no value between the braces")
                    .label("empty")
                    .help("write a name or an expression, such as `${version}`"),
            );
        }
        pieces.0.push(Piece::Value(value.unwrap_or(Expr::bad(span))));
    }

    /// The span as pest has it: inside a string, space counts.
    fn exact(&self, pair: &P<'s>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, self.base + span.start(), self.base + span.end())
    }
}

/// Pieces of a string, neighbouring texts joined.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn text(&mut self, text: &str, span: Span) {
        match self.0.last_mut() {
            Some(Piece::Text(before, at)) => {
                before.push_str(text);
                *at = at.to(span);
            }
            _ => self.0.push(Piece::Text(text.to_owned(), span)),
        }
    }
}

fn unescape(escape: &str) -> Option<char> {
    Some(match &escape[1..] {
        "n" => '\n',
        "t" => '\t',
        "r" => '\r',
        "\"" => '"',
        "\\" => '\\',
        "$" => '$',
        hex => char::from_u32(u32::from_str_radix(hex.strip_prefix("u{")?.strip_suffix('}')?, 16).ok()?)?,
    })
}

/// Takes the layout of the file out of a text block: the line of the opening quotes, the line of the closing ones, and
/// the closing quotes' indentation from every line. Line ends become `\n`.
fn strip_layout(mut pieces: Vec<Piece>) -> Vec<Piece> {
    for piece in &mut pieces {
        if let Piece::Text(text, _) = piece {
            *text = text.replace("\r\n", "\n");
        }
    }
    let multiline =
        matches!(pieces.first(), Some(Piece::Text(text, _)) if text.trim_start_matches([' ', '\t']).starts_with('\n'));
    if !multiline {
        return pieces;
    }
    let mut indent = String::new();
    if let Some(Piece::Text(last, _)) = pieces.last_mut()
        && let Some(line) = last.rfind('\n')
        && last[line + 1..].chars().all(|c| c == ' ' || c == '\t')
    {
        indent = last[line + 1..].to_owned();
        last.truncate(line);
    }
    if let Some(Piece::Text(first, _)) = pieces.first_mut() {
        match first.find('\n') {
            Some(line) => drop(first.drain(..=line)),
            // The block is one line end: the closing quotes took it.
            None => first.clear(),
        }
    }
    let mut at_line_start = true;
    for piece in &mut pieces {
        let Piece::Text(text, _) = piece else {
            at_line_start = false;
            continue;
        };
        let mut stripped = String::with_capacity(text.len());
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                stripped.push('\n');
            }
            let begins = i > 0 || at_line_start;
            let common = line.bytes().zip(indent.bytes()).take_while(|(a, b)| a == b).count();
            stripped.push_str(if begins { &line[common..] } else { line });
        }
        *text = stripped;
        at_line_start = false;
    }
    pieces.retain(|p| !matches!(p, Piece::Text(t, _) if t.is_empty()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> String {
        let pieces = strip_layout(vec![Piece::Text(text.to_owned(), Span::default())]);
        Text { span: Span::default(), pieces }.plain().expect("nothing is interpolated")
    }

    #[test]
    fn the_closing_quotes_say_how_far_a_text_block_is_indented() {
        assert_eq!(block("\n    a\n      b\n    "), "a\n  b");
        assert_eq!(block("\r\n  a\r\n  "), "a");
        assert_eq!(block("\n    a\n"), "    a");
        assert_eq!(block("\n  a\n\n  b\n  "), "a\n\nb");
        assert_eq!(block("one line"), "one line");
        assert_eq!(block("\n  "), "");
        assert_eq!(block(""), "");
    }
}
