//! Findings for programs: one JSON document, versioned.

use serde::Serialize;

use crate::source::{Position, Sources, Span};

use super::{Diagnostic, Severity};

/// The version of the document's shape.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: Severity,
    title: &'a str,
    place: Place<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Replacement<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Related<'a> {
    place: Place<'a>,
    label: &'a str,
}

#[derive(Serialize)]
struct Replacement<'a> {
    certain: bool,
    place: Place<'a>,
    text: &'a str,
}

/// All findings as one document. Control characters are escaped by JSON; bidirectional ones stay, programs are not fooled.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let place = |span: Span| {
        let file = sources.file(span.file);
        Place { file: &file.name, start: file.position(span.start as usize), end: file.position(span.end as usize) }
    };
    let findings = diagnostics.iter().map(|d| Finding {
        code: d.code.id(),
        severity: d.severity(),
        title: &d.title,
        place: place(d.primary.span),
        label: &d.primary.text,
        related: d.secondary.iter().map(|l| Related { place: place(l.span), label: &l.text }).collect(),
        help: d.help.as_deref(),
        fix: d.fix.as_ref().map(|f| Replacement { certain: f.certain, place: place(f.span), text: &f.text }),
    });
    let document = Document { version: VERSION, findings: findings.collect() };
    serde_json::to_string_pretty(&document).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}
