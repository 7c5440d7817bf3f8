//! A finding drawn for people, by miette.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceSpan, SpanContents,
    ThemeCharacters, ThemeStyles,
};

use crate::source::{Sources, harmless, one_line};

use super::clip::Clipped;
use super::{Diagnostic, Label, Severity};

/// Draws one finding: title, place, label, help. `width` is in columns; with `color` off the text has no escapes.
pub fn human(diagnostic: &Diagnostic, sources: &Sources, width: usize, color: bool) -> String {
    let file = sources.file(diagnostic.primary.span.file);
    let start = diagnostic.primary.span.start as usize;
    let ranges: Vec<_> = labels(diagnostic).map(|(label, _)| label.span.range()).collect();
    let clipped = Clipped::new(&harmless(&file.text).replace('\r', " "), &ranges);
    let place = Place {
        name: one_line(&file.name),
        line: file.position(start).line - 1,
        column: file.position(start).column - 1,
    };
    let view = View { diagnostic, code: diagnostic.code.id(), clipped, place };
    let styles = if color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width.max(40)).with_context_lines(1);
    let mut text = String::new();
    // Writing to a string fails only if the handler fails; then the plain line is better than nothing.
    match handler.render_report(&mut text, &view) {
        Ok(()) => text + &elsewhere(diagnostic, sources),
        Err(_) => super::short(diagnostic, sources),
    }
}

/// What stands in other files, a line each: only one file is drawn.
fn elsewhere(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let other = diagnostic.secondary.iter().filter(|label| label.span.file != diagnostic.primary.span.file);
    let line = |label: &Label| {
        let file = sources.file(label.span.file);
        let at = file.position(label.span.start as usize);
        format!("  {}:{}:{}: {}\n", one_line(&file.name), at.line, at.column, one_line(&label.text))
    };
    other.map(line).collect()
}

/// A label over so many lines is drawn at its first one.
const TALL: usize = 30;

/// The labels in the file of the primary one, which comes first and is marked.
fn labels(diagnostic: &Diagnostic) -> impl Iterator<Item = (&Label, bool)> {
    let primary = &diagnostic.primary;
    let others = diagnostic.secondary.iter().filter(|label| label.span.file == primary.span.file);
    std::iter::once((primary, true)).chain(others.map(|label| (label, false)))
}

/// One finding as miette wants it. The text is a display copy with the middle of very long lines cut out.
struct View<'a> {
    diagnostic: &'a Diagnostic,
    code: &'static str,
    clipped: Clipped,
    place: Place,
}

/// Where a finding is: the name of the file, and the column in its line as it stands there, in characters from 0.
struct Place {
    name: String,
    line: usize,
    column: usize,
}

impl miette::SourceCode for View<'_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        let found = self.clipped.text.read_span(span, lines_before, lines_after)?;
        // Without context it is the place for the heading that is asked for.
        let heading = lines_before == 0 && lines_after == 0;
        let is_primary = self.place.line == found.line();
        let column = if heading && is_primary { self.place.column } else { found.column() };
        let (line, count) = (found.line(), found.line_count());
        let name = self.place.name.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, found.data(), *found.span(), line, column, count)))
    }
}

impl View<'_> {
    fn label(&self, label: &Label, primary: bool) -> LabeledSpan {
        let (mut end, whole) = (self.clipped.offset(label.span.end as usize), self.clipped.text.len());
        // A label of no length at the end of a file would vanish.
        let start = self.clipped.offset(label.span.start as usize).min(whole.saturating_sub(1));
        // Of something very long its first line says where it is.
        let covered = self.clipped.text.get(start..end).unwrap_or_default();
        if covered.bytes().filter(|b| *b == b'\n').take(TALL).count() == TALL {
            end = start + covered.find('\n').unwrap_or(covered.len());
        }
        let length = end.saturating_sub(start).max(1).min(whole.saturating_sub(start));
        let text = (!label.text.is_empty()).then(|| one_line(&label.text));
        let span = SourceSpan::new(start.into(), length);
        if primary { LabeledSpan::new_primary_with_span(text, span) } else { LabeledSpan::new_with_span(text, span) }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.diagnostic.title))
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(harmless(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(labels(self.diagnostic).map(|(label, primary)| self.label(label, primary))))
    }
}
