//! Findings as annotations of GitHub Actions: workflow commands on standard output.
//!
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>

use crate::source::{Sources, one_line};

use super::{Diagnostic, Severity};

/// `::error file=…,line=…,…::message`
pub fn github(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.primary.span;
    let file = sources.file(span.file);
    let (start, end) = (file.position(span.start as usize), file.position(span.end as usize));
    let level = match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "notice",
    };
    // Columns count only where the annotation is within a line.
    let columns = match start.line == end.line {
        true => format!(",col={},endColumn={}", start.column, end.column),
        false => String::new(),
    };
    let help = diagnostic.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    format!(
        "::{level} file={},line={},endLine={}{columns},title={}::{}",
        property(&one_line(&file.name)),
        start.line,
        end.line,
        property(&format!("{} {}", diagnostic.code, diagnostic.code.title())),
        escaped(&format!("{}{help}", one_line(&diagnostic.title))),
    )
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{SourceFile, Span};

    #[test]
    fn nothing_in_a_file_ends_the_command() {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a,b:c\n.rb", "one\ntwo"));
        let finding = Diagnostic::new(Code::Unexpected, Span::new(file, 4, 7), "50% of\n::error::it").help("x\ny");
        let text = github(&finding, &sources);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("::error file=a%2Cb%3Ac"), "{text}");
        assert!(text.contains("line=2,endLine=2,col=1,endColumn=4") && text.contains("50%25 of"), "{text}");
    }
}
