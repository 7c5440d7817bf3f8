//! Lines → text: indentation, and what is aligned from line to line.

/// Trailing comments are aligned up to this column; a longer line keeps its comment two spaces behind it.
const COMMENT_COLUMN: usize = 100;

/// A line without its indentation.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) level: usize,
    pub(super) text: String,
    pub(super) comment: Option<String>,
    pub(super) shape: Shape,
}

/// What matters of a line to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An empty line.
    Blank,
    /// A comment alone.
    Comment,
    /// `name = value`, with the length of the name.
    Setting(usize),
    /// `target < 1%`, with the length of the word.
    Mark(usize),
    /// It ends with an opening bracket.
    Open,
    /// Anything else.
    Other,
}

impl Line {
    pub(super) fn is_blank(&self) -> bool {
        self.shape == Shape::Blank
    }

    fn width(&self) -> usize {
        let last = self.text.rsplit('\n').next().unwrap_or_default();
        let indent = if self.text.contains('\n') { 0 } else { 2 * self.level };
        indent + last.chars().count()
    }
}

/// The text of all lines.
pub(super) fn join(mut lines: Vec<Line>) -> String {
    while lines.last().is_some_and(Line::is_blank) {
        lines.pop();
    }
    // No empty line at the beginning or at the end of a block.
    let mut kept: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let closes = line.text.starts_with(['}', ']']);
        while closes && kept.last().is_some_and(Line::is_blank) {
            kept.pop();
        }
        kept.push(line);
    }
    align(&mut kept);
    let columns = comment_columns(&kept);
    let mut text = String::new();
    for (line, column) in kept.iter().zip(columns) {
        if !line.is_blank() {
            text.push_str(&"  ".repeat(line.level));
            text.push_str(&line.text);
        }
        if let Some(comment) = &line.comment {
            text.push_str(&" ".repeat(column - line.width()));
            text.push_str(comment);
        }
        text.push('\n');
    }
    text
}

/// Neighbouring settings have their `=` in one column, neighbouring marks their bounds.
fn align(lines: &mut [Line]) {
    let mut start = 0;
    while start < lines.len() {
        let (first, level) = (lines[start].shape, lines[start].level);
        let same = |l: &&Line| l.level == level && std::mem::discriminant(&l.shape) == std::mem::discriminant(&first);
        let name = |l: &Line| match l.shape {
            Shape::Setting(n) | Shape::Mark(n) => n,
            _ => 0,
        };
        let length = lines[start..].iter().take_while(same).count().max(1);
        let group = &mut lines[start..start + length];
        let widest = group.iter().map(name).max().unwrap_or(0);
        for line in group.iter_mut().filter(|l| name(l) > 0) {
            let own = name(line);
            let at = line.text.char_indices().nth(own).map_or(line.text.len(), |(i, _)| i);
            line.text.insert_str(at, &" ".repeat(widest - own));
        }
        start += length;
    }
}

/// The column of each line's trailing comment: the same for neighbouring lines that have one.
fn comment_columns(lines: &[Line]) -> Vec<usize> {
    let mut columns: Vec<usize> = lines.iter().map(|l| l.width() + 2).collect();
    let mut start = 0;
    while start < lines.len() {
        let length = lines[start..].iter().take_while(|l| l.comment.is_some()).count();
        let fitting = columns[start..start + length].iter().copied().filter(|c| *c <= COMMENT_COLUMN);
        let column = fitting.max().unwrap_or(0);
        for own in &mut columns[start..start + length] {
            *own = (*own).max(column);
        }
        start += length.max(1);
    }
    columns
}
