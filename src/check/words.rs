//! A command's string → its words, as a POSIX shell would split it, without a shell.
//!
//! An interpolated value is always one word or a part of one. What only a shell understands is an error outside quotes.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Piece, Text};
use crate::value::{Expr, Type, Value};

use super::Checker;
use super::model::{Typed, Word, WordPiece};

/// What a shell would act on, and a program started without one would get as it stands.
const SHELL: [char; 9] = ['|', '>', '<', '&', ';', '$', '*', '?', '`'];

impl<'a> Checker<'a> {
    /// The words of a `run`.
    pub(super) fn words(&mut self, text: &'a Text) -> Vec<Word> {
        let mut splitter = Splitter::default();
        for piece in &text.pieces {
            match piece {
                Piece::Text(literal, span) => splitter.literal(literal, *span),
                Piece::Value(value) => {
                    let typed = self.typed(value, None);
                    let typed = self.word_value(typed);
                    splitter.value(typed);
                }
            }
        }
        let Splitter { words, problem, .. } = splitter.finish(text.span);
        if let Some(problem) = problem {
            let exact = self.slice(problem.piece) == problem.text;
            let span = match (problem.at, exact) {
                (Some(at), true) => {
                    let start = problem.piece.start as usize + at;
                    Span::new(problem.piece.file, start, start + 1)
                }
                _ => problem.piece,
            };
            self.push(problem.finding(span));
        }
        let unreadable = text.pieces.iter().any(|p| matches!(p, Piece::Value(v) if super::is_bad(v)));
        if words.is_empty() && !unreadable {
            self.missing(text.span, "there is no command in this string", "write the program and its arguments");
        }
        for word in &words {
            self.option_like(word);
        }
        words
    }

    /// A value that may be a word: no secret, no map.
    fn word_value(&mut self, typed: Typed) -> Typed {
        let refused = match typed.ty {
            ref held if held.holds_secret() => {
                self.push(
                    Diagnostic::new(Code::SecretLeak, typed.span, "a secret would be seen here")
                        .label("the words of a command are seen by everybody on the machine")
                        .help("hand it over by `env = { NAME = … }` or `stdin = …`"),
                );
                true
            }
            Type::Map(_) | Type::Record(_) => {
                let finding = Diagnostic::new(Code::Mismatch, typed.span, "a map is no word of a command");
                self.push(finding.label("a map").help("name one of its values"));
                true
            }
            _ => false,
        };
        if refused { Typed { expr: Expr::Error, ty: Type::Error, ..typed } } else { typed }
    }

    fn option_like(&mut self, word: &Word) {
        for piece in &word.pieces {
            let WordPiece::Value(value) = piece else { continue };
            if matches!(value.ty, Type::List(_)) && word.pieces.len() > 1 {
                let finding = Diagnostic::new(Code::Mismatch, value.span, "a list is several words");
                self.push(
                    finding.label("joined with other text").help("put space around it, or use `join(list, \",\")`"),
                );
            }
        }
        if let Some(WordPiece::Value(value)) = word.pieces.first()
            && let Expr::Value(Value::Text(text)) = &value.expr
            && text.starts_with('-')
            && !word.after_dashes
        {
            let (span, title) = (value.span, format!("`{text}` would be read as an option"));
            self.push(
                Diagnostic::new(Code::OptionInjection, span, title)
                    .label("begins with `-`")
                    .help("write `--` before it, or a literal beginning such as `--name=`"),
            );
        }
    }
}

/// What is wrong with the way a command is written.
struct Problem {
    piece: Span,
    text: String,
    at: Option<usize>,
    sign: Option<char>,
}

impl Problem {
    fn finding(&self, span: Span) -> Diagnostic {
        match self.sign {
            Some(sign) => {
                let does = match sign {
                    '|' => "a pipe",
                    '>' | '<' => "a redirection",
                    '&' => "a shell's `&`",
                    ';' => "a shell's `;`",
                    '$' => "a shell's variable",
                    '*' | '?' => "a shell's pattern",
                    _ => "a shell's command substitution",
                };
                let help = match sign {
                    '>' => {
                        "write `shell \"\"\"…\"\"\"`, or `stdout = \"FILE\"` in the body; a `>` that is meant as text stands in quotes"
                    }
                    _ => "write `shell \"\"\"…\"\"\"` if a shell is meant; text stands in quotes",
                };
                Diagnostic::new(
                    Code::ShellWords,
                    span,
                    format!("`run` starts a program, not a shell: {does} does nothing"),
                )
                .label("only a shell acts on this")
                .help(help)
            }
            None => Diagnostic::new(Code::ShellWords, span, "this quote is never closed")
                .label("the quote is inside a command")
                .help("close it; a quote that is meant as text is written `\\\\'` or stands in the other quotes"),
        }
    }
}

#[derive(Default)]
struct Splitter {
    words: Vec<Word>,
    pieces: Vec<WordPiece>,
    text: String,
    in_word: bool,
    quote: Option<char>,
    escaped: bool,
    dashes: bool,
    problem: Option<Problem>,
}

impl Splitter {
    fn literal(&mut self, literal: &str, span: Span) {
        for (at, c) in literal.char_indices() {
            if std::mem::take(&mut self.escaped) {
                // Inside double quotes a backslash only matters before what it can hide.
                if self.quote == Some('"') && !matches!(c, '"' | '\\' | '$' | '`' | '\n') {
                    self.text.push('\\');
                }
                if c != '\n' {
                    self.text.push(c);
                }
                continue;
            }
            match (self.quote, c) {
                (None | Some('"'), '\\') => {
                    self.escaped = true;
                    self.in_word = true;
                }
                (Some(quote), c) if c == quote => self.quote = None,
                (Some(_), c) => self.text.push(c),
                (None, '\'' | '"') => {
                    self.quote = Some(c);
                    self.in_word = true;
                }
                (None, c) if c.is_whitespace() => self.end_word(),
                (None, c) => {
                    if SHELL.contains(&c) && self.problem.is_none() {
                        let (text, at) = (literal.to_owned(), Some(at));
                        self.problem = Some(Problem { piece: span, text, at, sign: Some(c) });
                    }
                    self.text.push(c);
                    self.in_word = true;
                }
            }
        }
    }

    fn value(&mut self, value: Typed) {
        self.escaped = false;
        self.flush();
        self.pieces.push(WordPiece::Value(value));
        self.in_word = true;
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(WordPiece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn end_word(&mut self) {
        if !std::mem::take(&mut self.in_word) {
            return;
        }
        self.flush();
        let pieces = std::mem::take(&mut self.pieces);
        let is_dashes = matches!(&pieces[..], [WordPiece::Text(text)] if text == "--");
        self.words.push(Word { pieces, after_dashes: self.dashes });
        self.dashes |= is_dashes;
    }

    fn finish(mut self, whole: Span) -> Self {
        if self.quote.is_some() && self.problem.is_none() {
            self.problem = Some(Problem { piece: whole, text: String::new(), at: None, sign: None });
        }
        self.end_word();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<String>, Option<Option<char>>) {
        let mut splitter = Splitter::default();
        splitter.literal(text, Span::default());
        let done = splitter.finish(Span::default());
        let words = done.words.iter().map(|w| match &w.pieces[..] {
            [] => String::new(),
            [WordPiece::Text(text)] => text.clone(),
            _ => unreachable!("there are no values"),
        });
        (words.collect(), done.problem.map(|p| p.sign))
    }

    #[test]
    fn words_are_split_as_a_posix_shell_splits_them() {
        let words = |text: &str| split(text).0;
        assert_eq!(words("a b  c"), ["a", "b", "c"]);
        assert_eq!(words(r#"a 'b c' "d e" f\ g"#), ["a", "b c", "d e", "f g"]);
        assert_eq!(words(r#"a'b'"c"d"#), ["abcd"]);
        assert_eq!(words(r#""a \"b\" \n" '\n'"#), [r#"a "b" \n"#, r"\n"]);
        assert_eq!(words("'' x"), ["", "x"]);
        assert_eq!(words("--x={.a[0].b} ~ # !"), ["--x={.a[0].b}", "~", "#", "!"]);
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn what_only_a_shell_acts_on_is_refused_outside_quotes() {
        for sign in SHELL {
            assert_eq!(split(&format!("echo a {sign} b")).1, Some(Some(sign)), "{sign}");
            assert_eq!(split(&format!("echo 'a {sign} b' \"{sign}\" \\{sign}")).1, None, "{sign}");
        }
        assert_eq!(split("echo 'a").1, Some(None));
    }
}
