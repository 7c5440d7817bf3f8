//! Canonical form: two spaces a level, one statement a line, settings aligned at their `=`, comments where they stood.
//!
//! The formatter reads tokens, not the tree, so nothing that somebody wrote can get lost: it only decides what space
//! stands between them. Line breaks are the author's where the language leaves them free. Before a text is given out
//! it is proved: the tokens are the same, the tree is the same, and formatting it again changes nothing.

mod layout;
mod print;

use pest::Parser;
use pest::iterators::Pair;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceFile, Sources};

use super::grammar::{Grammar, Rule};

/// Why a text was left as it is.
#[derive(Debug)]
pub enum FormatError {
    /// Brackets or quotes do not match, or lines cannot be read, so that nobody can tell what belongs where; with what the
    /// parser says of it.
    Unbalanced(Vec<Diagnostic>),
    /// The proof failed. This is a fault of the formatter; the words say which part.
    Unproved(&'static str),
}

/// The text of a file in canonical form. Lines that cannot be read stay as they are.
///
/// # Errors
/// Says why the text was left alone.
pub fn format(sources: &Sources, file: FileId) -> Result<String, FormatError> {
    let source = &sources.file(file).text;
    let parsed = super::parse(sources, file);
    let told = parsed.diagnostics.iter().any(|d| {
        matches!(d.code, Code::StrayBrace | Code::UnclosedBlock | Code::UnclosedString | Code::TooDeep | Code::TooLarge)
    });
    let unbalanced = || tokens(source).is_none_or(|tokens| tokens.iter().any(|t| is_unbalanced(t.0)));
    if told || unbalanced() {
        return Err(FormatError::Unbalanced(parsed.diagnostics));
    }
    let formatted = render(source);
    match unproved(source, &formatted, &parsed.ast) {
        None => Ok(formatted),
        // Where lines cannot be read, a text may be one that has no canonical form. What is wrong in it comes first.
        Some(_) if !parsed.diagnostics.is_empty() => Err(FormatError::Unbalanced(parsed.diagnostics)),
        Some(why) => Err(FormatError::Unproved(why)),
    }
}

/// Which part of the proof fails.
fn unproved(source: &str, formatted: &str, ast: &super::ast::Ast) -> Option<&'static str> {
    if !same_tokens(source, formatted) {
        return Some("the tokens would change");
    }
    let mut again = Sources::default();
    let id = again.add(SourceFile::new("formatted", formatted));
    if shape(ast) != shape(&super::parse(&again, id).ast) {
        return Some("the meaning would change");
    }
    (render(formatted) != formatted).then_some("formatting it twice would change it again")
}

fn render(source: &str) -> String {
    let Ok(mut pairs) = Grammar::parse(Rule::file, source) else { return source.to_owned() };
    let Some(file) = pairs.next() else { return source.to_owned() };
    let lines = print::print(source, file);
    let text = layout::join(lines).replace("\r\n", "\n");
    // A file keeps the line ends with which it begins.
    let windows = source.find('\n').is_some_and(|i| source[..i].ends_with('\r'));
    if windows { text.replace('\n', "\r\n") } else { text }
}

/// The tokens of a text without those that the formatter may add or take away: commas, semicolons, empty pieces.
fn tokens(source: &str) -> Option<Vec<(Rule, String)>> {
    let file = Grammar::parse(Rule::file, source).ok()?.next()?;
    let mut tokens = Vec::new();
    leaves(file, &mut tokens);
    Some(tokens)
}

fn leaves(pair: Pair<'_, Rule>, tokens: &mut Vec<(Rule, String)>) {
    let rule = pair.as_rule();
    if is_token(rule) || pair.clone().into_inner().next().is_none() {
        let text = pair.as_str().trim_end().replace("\r\n", "\n");
        if !(matches!(rule, Rule::comma | Rule::semicolon | Rule::EOI | Rule::byte_order_mark)) {
            tokens.push((rule, text));
        }
        return;
    }
    for inner in pair.into_inner() {
        leaves(inner, tokens);
    }
}

fn same_tokens(a: &str, b: &str) -> bool {
    tokens(a) == tokens(b)
}

/// What is printed as it stands, though it has parts.
fn is_token(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, string | quoted | text_block | raw_block | raw_string | tail_text | bad_text | spaced_percent)
}

/// Signs that brackets or quotes do not match.
fn is_unbalanced(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        missing_brace | missing_bracket | missing_paren | missing_quote | stray_close | buried | too_deep_here
    )
}

/// The tree without its places.
fn shape(ast: &super::ast::Ast) -> String {
    let text = format!("{:?}", ast.items);
    let mut shape = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // A span is printed as `12..34`.
    while let Some(at) = rest.find("..") {
        let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
        let before = rest[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        let after = digits(&rest[at + 2..]);
        let keep = if before > 0 && after > 0 { (at - before, at + 2 + after) } else { (at + 2, at + 2) };
        shape.push_str(&rest[..keep.0]);
        rest = &rest[keep.1..];
    }
    shape.push_str(rest);
    shape
}
