//! Text → syntax tree, and text → the same text in canonical form.
//!
//! Parsing never fails: what cannot be read becomes a finding and a hole in the tree. It never takes more than a few looks
//! at each character and never nests deeper than the grammar's 64 levels.

pub mod ast;
mod build;
mod comments;
mod encoding;
mod format;
mod grammar;
mod mistake;

pub use comments::comments;
pub use encoding::{Unreadable, decode};
pub use format::{FormatError, format};

use crate::diagnostic::{Code, Diagnostic, tidy};
use crate::source::{FileId, MAX_BYTES, Sources, Span};

use ast::Ast;

/// A syntax tree and what was wrong on the way to it.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The tree.
    pub ast: Ast,
    /// The findings, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a file of `sources`.
pub fn parse(sources: &Sources, file: FileId) -> Parsed {
    let source = sources.file(file);
    if source.text.len() > MAX_BYTES {
        let finding = Diagnostic::new(Code::TooLarge, Span::new(file, 0, 0), "a runbook is at most 1 MiB of text")
            .label("the file is larger")
            .help("keep long scripts and messages in files of their own, and name those files here");
        return Parsed { ast: Ast::default(), diagnostics: vec![finding] };
    }
    let (ast, diagnostics) = build::build(file, &source.text);
    Parsed { ast, diagnostics: tidy(diagnostics) }
}
