//! A finding in one line, for editors and for grep.

use crate::source::{Sources, one_line};

use super::Diagnostic;

/// `file:line:column: error[RB401]: title; help`
pub fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let file = sources.file(diagnostic.primary.span.file);
    let at = file.position(diagnostic.primary.span.start as usize);
    let severity = format!("{:?}", diagnostic.severity()).to_lowercase();
    let help = diagnostic.help.as_ref().map(|h| format!("; {}", one_line(h))).unwrap_or_default();
    let (name, title) = (one_line(&file.name), one_line(&diagnostic.title));
    format!("{name}:{}:{}: {severity}[{}]: {title}{help}", at.line, at.column, diagnostic.code)
}
