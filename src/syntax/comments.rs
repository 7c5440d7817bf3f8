//! The comments of a text, which no tree holds.

use pest::Parser;

use crate::source::{FileId, SourceFile, Span};

use super::grammar::{Grammar, Rule};

/// Where the comments of a file are, from `#` to the end of the line, in order.
pub fn comments(id: FileId, file: &SourceFile) -> Vec<Span> {
    let Ok(pairs) = Grammar::parse(Rule::file, &file.text) else { return Vec::new() };
    let comments = pairs.flatten().filter(|pair| pair.as_rule() == Rule::comment);
    comments.map(|pair| Span::new(id, pair.as_span().start(), pair.as_span().end())).collect()
}
