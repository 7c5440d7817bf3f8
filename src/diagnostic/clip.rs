//! Very long lines, cut to what a finding is about.
//!
//! A line of 64 KB is drawn whole otherwise, under as many dashes. What is cut out becomes `…`; offsets into the whole
//! text are translated, so that labels stay where they belong.

use std::ops::Range;

use crate::source::floor_char;

/// Lines up to this many bytes are drawn whole.
const LONG: usize = 400;

/// What is kept before and behind each end of a label, in bytes.
const AROUND: (usize, usize) = (40, 60);

/// A text with the middle of its long lines cut out.
pub(super) struct Clipped {
    pub(super) text: String,
    cuts: Vec<Cut>,
}

/// A range of the whole text, and where the `…` for it stands.
struct Cut {
    whole: Range<usize>,
    at: usize,
}

impl Clipped {
    /// Keeps of each long line what lies around the labels, or its beginning where there is none.
    pub(super) fn new(text: &str, labels: &[Range<usize>]) -> Self {
        let mut clipped = Clipped { text: String::with_capacity(text.len().min(64 * 1024)), cuts: Vec::new() };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.trim_end_matches('\n').len();
            clipped.line(text, start..end, labels);
            clipped.text.push_str(&text[end..start + line.len()]);
            start += line.len();
        }
        clipped
    }

    /// Where an offset into the whole text lies in the clipped one.
    pub(super) fn offset(&self, offset: usize) -> usize {
        let before = self.cuts.partition_point(|cut| cut.whole.start <= offset);
        let Some(cut) = before.checked_sub(1).and_then(|last| self.cuts.get(last)) else { return offset };
        match offset.checked_sub(cut.whole.end) {
            Some(behind) => cut.at + "…".len() + behind,
            None => cut.at,
        }
    }

    fn line(&mut self, text: &str, line: Range<usize>, labels: &[Range<usize>]) {
        let mut from = line.start;
        if line.len() > LONG {
            let ends = labels.iter().flat_map(|label| [label.start, label.end]);
            let mut kept: Vec<Range<usize>> = ends
                .filter(|at| line.contains(at) || *at == line.end)
                .map(|at| at.saturating_sub(AROUND.0).max(line.start)..(at + AROUND.1).min(line.end))
                .collect();
            if kept.is_empty() {
                kept.push(line.start..line.start + AROUND.1);
            }
            kept.sort_by_key(|range| range.start);
            for range in kept {
                let start = floor_char(text, range.start);
                if start > from + "…".len() {
                    self.cut(from..start);
                    from = start;
                }
                let end = floor_char(text, range.end);
                if end > from {
                    self.text.push_str(&text[from..end]);
                    from = end;
                }
            }
            if line.end > from + "…".len() {
                return self.cut(from..line.end);
            }
        }
        self.text.push_str(&text[from..line.end]);
    }

    fn cut(&mut self, whole: Range<usize>) {
        self.cuts.push(Cut { whole, at: self.text.len() });
        self.text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_to_what_is_around_its_labels_and_offsets_follow() {
        let text = format!("short\n{}HERE{}\nend\n", "é".repeat(1000), "b".repeat(1000));
        let start = text.find("HERE").expect("it stands there");
        let clipped = Clipped::new(&text, std::slice::from_ref(&(start..start + 4)));
        assert!(clipped.text.len() < 200, "{}", clipped.text.len());
        let (from, to) = (clipped.offset(start), clipped.offset(start + 4));
        assert_eq!(&clipped.text[from..to], "HERE");
        assert_eq!(&clipped.text[clipped.offset(text.len() - 4)..], "end\n");
        assert!(clipped.text.starts_with("short\n…é") && clipped.text.ends_with("b…\nend\n"), "{}", clipped.text);
        assert_eq!(clipped.offset(start - 500), "short\n".len());
    }

    #[test]
    fn lines_without_labels_keep_their_beginning_and_short_ones_are_whole() {
        let text = format!("{}\nshort\n", "x".repeat(1000));
        let clipped = Clipped::new(&text, &[]);
        assert_eq!(clipped.text, format!("{}…\nshort\n", "x".repeat(60)));
    }
}
