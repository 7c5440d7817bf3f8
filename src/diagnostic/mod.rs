//! Findings: what is wrong in a file, where, and what to write instead.
//!
//! A [`Diagnostic`] is data. The parser and the checker push them, renderers show them: [`human`] draws the place,
//! [`short`] gives a line, [`json`] is for programs. Whatever comes from a file is made harmless before it is shown.

mod clip;
mod code;
mod fix;
mod github;
mod human;
mod json;
mod sarif;
mod short;

use crate::source::{Sources, Span};

pub use code::{Area, Code};
pub use fix::fixed;
pub use github::github;
pub use human::human;
pub use json::json;
pub use sarif::sarif;
pub use short::short;

/// At most so many findings are shown for one file.
pub const MAX_SHOWN: usize = 50;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be run.
    Error,
    /// It can be run, and something in it is probably not what was meant.
    Warning,
    /// It can be better. Can be turned off where it stands.
    Advice,
}

/// A place and what is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; empty where the title says it all.
    pub text: String,
}

/// A change that mends a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// It can only have been meant so; another is what was probably meant, for an editor to offer.
    pub certain: bool,
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// What is wrong, in one line, lower case, without a full stop.
    pub title: String,
    /// Where.
    pub primary: Label,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// What to write.
    pub help: Option<String>,
    /// The change that mends it, where there is one.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding at a place.
    pub fn new(code: Code, span: Span, title: impl Into<String>) -> Self {
        let primary = Label { span, text: String::new() };
        Diagnostic { code, title: title.into(), primary, secondary: Vec::new(), help: None, fix: None }
    }

    /// Says what is there.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points at another place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Says what to write.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to write, if there is something to say.
    pub fn help_if(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into).or(self.help);
        self
    }

    /// Gives the change that mends it for certain.
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { certain: true, span, text: text.into() });
        self
    }

    /// Gives the change that was probably meant.
    pub fn suggest(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { certain: false, span, text: text.into() });
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Sorts by place, and leaves out what is said twice.
pub fn tidy(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.span.file, d.primary.span.start, d.primary.span.end);
        key(a).cmp(&key(b)).then(a.code.id().cmp(b.code.id())).then(a.title.cmp(&b.title))
    });
    let seen: Vec<(Code, Span)> = diagnostics.iter().map(|d| (d.code, d.primary.span)).collect();
    let said = |code: Code, at: &dyn Fn(Span) -> bool| seen.iter().any(|(c, span)| *c == code && at(*span));
    let scripts: Vec<String> =
        diagnostics.iter().filter(|d| d.code == Code::ShellName).map(|d| d.title.clone()).collect();
    diagnostics.retain(|d| {
        let span = d.primary.span;
        let consequence = match d.code {
            // What an unclosed block has swallowed stands in the wrong place for no other reason.
            Code::Misplaced => said(Code::UnclosedBlock, &|_| true),
            // What a string that is never closed has swallowed is not missing.
            Code::Missing => {
                // What could not be read right behind it may be what is missing.
                let behind =
                    |other: Span| other.file == span.file && other.start >= span.end && other.start <= span.end + 2;
                said(Code::Unexpected, &behind)
                    || said(Code::WrongForm, &behind)
                    || said(Code::UnclosedString, &|other| span.start <= other.start && other.start < span.end)
            }
            // Outside of strings it does not fit in the first place.
            Code::Hidden => said(Code::Unexpected, &|other| other == span),
            // It was to be used, and is not in the place where it was.
            Code::Unused => d
                .title
                .split('`')
                .nth(1)
                .is_some_and(|name| scripts.iter().any(|title| title.contains(&format!("${{{name}}}")))),
            // `5 min`: the unit is there, behind a space.
            Code::BareNumber => said(Code::WrongForm, &|other| other.start == span.start && other.file == span.file),
            _ => false,
        };
        !consequence
    });
    diagnostics.dedup_by(|a, b| a.primary.span == b.primary.span && a.code == b.code && a.title == b.title);
    diagnostics
}

/// How many of each severity, in words: `2 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity() == severity).count();
    let words = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let parts = [
        (count(Severity::Error), "error", "errors"),
        (count(Severity::Warning), "warning", "warnings"),
        (count(Severity::Advice), "piece of advice", "pieces of advice"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| words(*n, one, many)).collect();
    if parts.is_empty() { "nothing to complain about".into() } else { parts.join(", ") }
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}

/// The closest of several names, if one is close enough to have been meant.
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = wrong.chars().count().max(3) / 3;
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= close)
        .min()
        .map(|(_, name)| name)
}

/// Renders everything for people: each finding drawn, then what was left out and a summary.
pub fn report(diagnostics: &[Diagnostic], sources: &Sources, width: usize, color: bool) -> String {
    let mut text = String::new();
    for (id, _) in sources.iter() {
        let of_file: Vec<_> = diagnostics.iter().filter(|d| d.primary.span.file == id).collect();
        for diagnostic in of_file.iter().take(MAX_SHOWN) {
            text.push_str(&human(diagnostic, sources, width, color));
            text.push('\n');
        }
        if of_file.len() > MAX_SHOWN {
            text.push_str(&format!("… and {} more findings in this file\n", of_file.len() - MAX_SHOWN));
        }
    }
    text
}
