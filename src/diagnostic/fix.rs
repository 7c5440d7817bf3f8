//! A text with its certain mistakes mended.

use crate::source::FileId;

use super::{Diagnostic, Fix};

/// The text of a file with every certain fix of its findings, and how many there were. Of two that touch the same place
/// the first counts; the other comes with the next round.
pub fn fixed(text: &str, file: FileId, findings: &[Diagnostic]) -> (String, usize) {
    let mut fixes: Vec<&Fix> =
        findings.iter().filter_map(|d| d.fix.as_ref()).filter(|f| f.certain && f.span.file == file).collect();
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let (mut mended, mut at, mut count) = (String::with_capacity(text.len()), 0, 0);
    for fix in fixes {
        let range = fix.span.range();
        let Some(before) = text.get(at..range.start).filter(|_| range.start >= at) else { continue };
        mended.push_str(before);
        mended.push_str(&fix.text);
        at = range.end;
        count += 1;
    }
    mended.push_str(text.get(at..).unwrap_or_default());
    (mended, count)
}
