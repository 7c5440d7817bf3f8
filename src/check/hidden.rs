//! A file reads as it is: no character in it, strings and comments included, turns the direction of the text or speaks to
//! the terminal.
//!
//! With such a character a reviewer sees another command than the one that is run (CVE-2021-42574).

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Sources, Span};

/// Says where such characters stand; each line once.
pub(super) fn check(sources: &Sources, findings: &mut Vec<Diagnostic>) {
    for (id, file) in sources.iter() {
        let mut told = 0;
        for (at, c) in file.text.char_indices().filter(|(_, c)| deceives(*c)) {
            let line = file.position(at).line;
            if line != std::mem::replace(&mut told, line) {
                findings.push(finding(id, at, c));
            }
        }
    }
}

fn deceives(c: char) -> bool {
    let turns = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn finding(id: FileId, at: usize, c: char) -> Diagnostic {
    let (code, what) =
        (c as u32, if c.is_control() { "speaks to the terminal" } else { "turns the direction of the text" });
    let span = Span::new(id, at, at + c.len_utf8());
    Diagnostic::new(Code::Hidden, span, format!("a character that {what}, U+{code:04X}"))
        .label("cannot be seen")
        .help(format!("remove it; where it is meant, write it as `\\u{{{code:X}}}` in a string"))
}
