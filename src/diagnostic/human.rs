//! A finding drawn for people, by miette.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceSpan, ThemeCharacters, ThemeStyles,
};

use crate::source::{Sources, harmless, one_line};

use super::{Diagnostic, Label, Severity};

/// Draws one finding: title, place, label, help. `width` is in columns; with `color` off the text has no escapes.
pub fn human(diagnostic: &Diagnostic, sources: &Sources, width: usize, color: bool) -> String {
    let file = sources.file(diagnostic.primary.span.file);
    let view = View {
        diagnostic,
        code: diagnostic.code.id(),
        source: NamedSource::new(one_line(&file.name), harmless(&file.text).replace('\r', " ")),
        length: file.text.len(),
    };
    let styles = if color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width.max(40)).with_context_lines(1);
    let mut text = String::new();
    // Writing to a string fails only if the handler fails; then the plain line is better than nothing.
    match handler.render_report(&mut text, &view) {
        Ok(()) => text,
        Err(_) => super::short(diagnostic, sources),
    }
}

/// One finding as miette wants it. The text is a display copy of the same length, so offsets hold.
struct View<'a> {
    diagnostic: &'a Diagnostic,
    code: &'static str,
    source: NamedSource<String>,
    length: usize,
}

impl View<'_> {
    fn label(&self, label: &Label, primary: bool) -> LabeledSpan {
        // A label of no length at the end of a file would vanish.
        let start = (label.span.start as usize).min(self.length.saturating_sub(1));
        let length = label.span.len().max(1).min(self.length.saturating_sub(start));
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
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let same_file = |label: &&Label| label.span.file == self.diagnostic.primary.span.file;
        let others = self.diagnostic.secondary.iter().filter(same_file).map(|label| self.label(label, false));
        Some(Box::new(std::iter::once(self.label(&self.diagnostic.primary, true)).chain(others)))
    }
}
