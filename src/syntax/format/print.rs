//! Tokens → lines: which tokens stand on one line, and what space is between them.

use pest::iterators::{Pair, Pairs};

use crate::syntax::grammar::Rule;

use crate::syntax::build::is_clause;

use super::is_token;
use super::layout::{Line, Shape};

/// A block or list that was written on one line stays there up to this width, in columns.
const WIDTH: usize = 120;

type P<'s> = Pair<'s, Rule>;

/// The lines of a file.
pub(super) fn print(source: &str, file: P<'_>) -> Vec<Line> {
    let mut printer = Printer { source, lines: Vec::new(), current: String::new(), level: 0, last: None, extra: 0 };
    printer.items(file.into_inner(), 0);
    printer.lines
}

struct Printer<'s> {
    source: &'s str,
    lines: Vec<Line>,
    current: String,
    level: usize,
    /// The token before, on this line, and the rule it stands in.
    last: Option<(Rule, Rule)>,
    /// Further levels for the lines that continue a statement.
    extra: usize,
}

impl<'s> Printer<'s> {
    fn end_line(&mut self, shape: Shape) {
        if !self.current.is_empty() {
            let text = std::mem::take(&mut self.current);
            self.lines.push(Line { level: self.level + self.extra, text, comment: None, shape });
        }
        self.last = None;
    }

    /// The statements and comments of a file or a block, each on a line of its own.
    fn items(&mut self, pairs: Pairs<'s, Rule>, start: usize) {
        let mut end = start;
        let mut first = true;
        let mut end_is_clause = false;
        for pair in pairs {
            let rule = pair.as_rule();
            if skipped(rule) {
                continue;
            }
            let (from, to) = bounds(&pair);
            let between = &self.source[end.min(from)..from];
            let breaks = between.matches('\n').count();
            end = to;
            if rule == Rule::comment {
                let text = pair.as_str().trim_end().to_owned();
                match self.lines.last_mut() {
                    Some(line) if breaks == 0 && line.comment.is_none() && !line.is_blank() => {
                        line.comment = Some(text)
                    }
                    _ => {
                        self.blank(breaks, first);
                        self.lines.push(Line { level: self.level, text, comment: None, shape: Shape::Comment });
                    }
                }
                first = false;
                continue;
            }
            // What stands behind a statement on its line: a mistake, or a second clause.
            let joined = rule == Rule::tail || (!between.contains(['\n', ';']) && end_is_clause);
            end_is_clause = is_clause(rule);
            // On a line of its own it would continue the statement before.
            let continues =
                !first && matches!(rule, Rule::bad_line | Rule::bad_text) && begins_with_operator(pair.as_str());
            if (joined || continues) && !self.lines.is_empty() && self.lines.last().is_some_and(|l| l.comment.is_none())
            {
                self.resume(rule);
                if continues {
                    self.current.push(';');
                }
                self.walk(pair, Rule::file);
                self.end_line(Shape::Other);
                continue;
            }
            self.blank(breaks, first);
            first = false;
            let shape = setting_shape(&pair);
            let count = self.lines.len();
            self.walk(pair, Rule::file);
            let whole = self.lines.len() == count;
            self.end_line(if whole { shape } else { Shape::Other });
            self.extra = 0;
        }
    }

    /// Takes the line of the statement back, for what stands behind it.
    fn resume(&mut self, parent: Rule) {
        if let Some(line) = self.lines.pop() {
            self.current = line.text;
            self.last = Some((Rule::tail_text, parent));
        }
    }

    /// Keeps one of the empty lines that stood here.
    fn blank(&mut self, breaks: usize, first: bool) {
        if breaks > 1 && !first {
            self.lines.push(Line { level: 0, text: String::new(), comment: None, shape: Shape::Blank });
        }
    }

    fn walk(&mut self, pair: P<'s>, parent: Rule) {
        let rule = pair.as_rule();
        match rule {
            Rule::block | Rule::scenario_block => self.block(pair),
            Rule::lower_block => {
                for inner in pair.into_inner() {
                    match inner.as_rule() {
                        Rule::comment => self.comment_inside(&inner),
                        _ => self.walk(inner, rule),
                    }
                }
            }
            Rule::list | Rule::crowd => self.list(pair),
            Rule::map => self.map(pair),
            Rule::comment => self.comment_inside(&pair),
            Rule::sum | Rule::product | Rule::expression | Rule::comparison => self.chain(pair),
            _ if skipped(rule) => {}
            _ if is_token(rule) || pair.clone().into_inner().next().is_none() => self.token(&pair, parent),
            _ => {
                for inner in pair.into_inner() {
                    self.walk(inner, rule);
                }
            }
        }
    }

    /// Operands and operators. A line break before or behind an operator becomes one before it.
    fn chain(&mut self, pair: P<'s>) {
        let rule = pair.as_rule();
        let mut end = None;
        let parts: Vec<P<'s>> = pair.into_inner().collect();
        for (i, part) in parts.iter().enumerate() {
            let (from, to) = bounds(part);
            let broken = |a: usize, b: usize| self.source[a.min(b)..b].contains('\n');
            let operator = is_operator(part.as_rule());
            if part.as_rule() != Rule::comment {
                let before = end.is_some_and(|end| broken(end, from));
                let next = parts[i + 1..].iter().find(|p| p.as_rule() != Rule::comment).map(|p| bounds(p).0);
                let behind = next.is_some_and(|next| broken(to, next));
                if operator && (before || behind) && !self.current.is_empty() {
                    self.end_line(Shape::Other);
                    self.extra = 1;
                }
                end = Some(to);
            }
            self.walk(part.clone(), rule);
        }
    }

    /// A comment in the middle of a statement ends its line.
    fn comment_inside(&mut self, pair: &P<'s>) {
        let text = pair.as_str().trim_end().to_owned();
        let own_line = self.source[..pair.as_span().start()].trim_end_matches([' ', '\t']).ends_with('\n');
        if self.current.is_empty() || own_line {
            self.end_line(Shape::Other);
            self.lines.push(Line { level: self.level + self.extra.max(1), text, comment: None, shape: Shape::Comment });
        } else {
            self.end_line(Shape::Other);
            if let Some(line) = self.lines.last_mut() {
                line.comment = Some(text);
            }
        }
        self.extra = 1;
    }

    fn block(&mut self, pair: P<'s>) {
        let (from, to) = bounds(&pair);
        let inside = &self.source[from..to];
        self.space(Rule::open_brace, Rule::block);
        let items: Vec<P<'s>> = content(pair.clone()).collect();
        if items.is_empty() {
            self.current.push_str("{}");
            self.last = Some((Rule::close_brace, Rule::block));
            return;
        }
        if !inside.contains('\n') {
            let line = self.inline(&items, "; ");
            if self.fits(&line) {
                self.current.push_str(&format!("{{ {line} }}"));
                self.last = Some((Rule::close_brace, Rule::block));
                return;
            }
        }
        self.current.push('{');
        self.nested(|p| p.items(pair.into_inner(), from + 1));
        self.current.push('}');
        self.last = Some((Rule::close_brace, Rule::block));
    }

    /// Prints something one level deeper, on lines of its own.
    fn nested(&mut self, print: impl FnOnce(&mut Self)) {
        self.end_line(Shape::Open);
        let (level, extra) = (self.level, self.extra);
        self.level += extra + 1;
        self.extra = 0;
        print(self);
        self.end_line(Shape::Other);
        (self.level, self.extra) = (level, extra);
    }

    fn fits(&self, line: &str) -> bool {
        let before = self.current.rsplit('\n').next().unwrap_or_default().chars().count();
        !line.contains('\n') && 2 * (self.level + self.extra) + before + line.chars().count() + 4 <= WIDTH
    }

    /// Some parts on one line, each as it would be alone.
    fn inline(&self, parts: &[P<'s>], separator: &str) -> String {
        let mut line = String::new();
        let mut end = 0;
        for part in parts {
            let mut printer = Printer {
                source: self.source,
                lines: Vec::new(),
                current: String::new(),
                level: 0,
                last: None,
                extra: 0,
            };
            printer.walk(part.clone(), Rule::file);
            printer.end_line(Shape::Other);
            let text: Vec<String> = printer.lines.into_iter().map(|l| l.text).collect();
            let (from, to) = bounds(part);
            let same_statement = !self.source[end.min(from)..from].contains([';', '\n']);
            let joined = part.as_rule() == Rule::tail || (is_clause(part.as_rule()) && same_statement);
            line.push_str(match line.is_empty() {
                true => "",
                false if joined => " ",
                false => separator,
            });
            line.push_str(&text.join("\n"));
            end = to;
        }
        line
    }

    fn list(&mut self, pair: P<'s>) {
        let (from, to) = bounds(&pair);
        self.space(Rule::open_bracket, Rule::list);
        let elements: Vec<P<'s>> = content(pair.clone()).collect();
        if !self.source[from..to].contains('\n') || elements.is_empty() {
            let line = self.inline(&elements, ", ");
            if self.fits(&line) || elements.is_empty() {
                self.current.push_str(&format!("[{line}]"));
                self.last = Some((Rule::close_bracket, Rule::list));
                return;
            }
        }
        self.current.push('[');
        self.nested(|p| p.entries(pair, ","));
        self.current.push(']');
        self.last = Some((Rule::close_bracket, Rule::list));
    }

    fn map(&mut self, pair: P<'s>) {
        let (from, to) = bounds(&pair);
        self.space(Rule::open_brace, Rule::map);
        let entries: Vec<P<'s>> = content(pair.clone()).collect();
        if entries.is_empty() {
            self.current.push_str("{}");
            self.last = Some((Rule::close_brace, Rule::map));
            return;
        }
        if !self.source[from..to].contains('\n') {
            let line = self.inline(&entries, ", ");
            if self.fits(&line) {
                self.current.push_str(&format!("{{ {line} }}"));
                self.last = Some((Rule::close_brace, Rule::map));
                return;
            }
        }
        self.current.push('{');
        self.nested(|p| p.entries(pair, ""));
        self.current.push('}');
        self.last = Some((Rule::close_brace, Rule::map));
    }

    /// The elements of a list or the entries of a map, one a line.
    fn entries(&mut self, pair: P<'s>, end_with: &str) {
        let mut end = pair.as_span().start() + 1;
        let mut first = true;
        for part in pair.into_inner() {
            let rule = part.as_rule();
            let (from, to) = bounds(&part);
            let breaks = self.source[end.min(from)..from].matches('\n').count();
            match rule {
                Rule::comment => {
                    let text = part.as_str().trim_end().to_owned();
                    match self.lines.last_mut() {
                        Some(line) if breaks == 0 && line.comment.is_none() && !first => line.comment = Some(text),
                        // Behind the opening bracket.
                        Some(line) if breaks == 0 && line.comment.is_none() && line.shape == Shape::Open => {
                            line.comment = Some(text);
                        }
                        _ => {
                            self.blank(breaks, first);
                            self.lines.push(Line { level: self.level, text, comment: None, shape: Shape::Comment });
                        }
                    }
                }
                Rule::comma | Rule::semicolon => {}
                _ if skipped(rule) || is_bracket(rule) => continue,
                _ => {
                    self.blank(breaks, first);
                    let shape = setting_shape(&part);
                    let count = self.lines.len();
                    self.walk(part, Rule::list);
                    self.current.push_str(end_with);
                    let whole = self.lines.len() == count;
                    self.end_line(if whole { shape } else { Shape::Other });
                    self.extra = 0;
                }
            }
            first = false;
            end = to;
        }
    }

    fn token(&mut self, pair: &P<'s>, parent: Rule) {
        let text = pair.as_str().trim_end();
        if text.is_empty() {
            return;
        }
        self.space(pair.as_rule(), parent);
        self.current.push_str(text);
        self.last = Some((pair.as_rule(), parent));
    }

    /// The space before a token, decided by it and the one before.
    fn space(&mut self, rule: Rule, parent: Rule) {
        let Some((last, last_parent)) = self.last else { return };
        let tight_before = match rule {
            Rule::comma | Rule::close_paren | Rule::close_bracket | Rule::dot | Rule::colon | Rule::semicolon => true,
            Rule::open_paren => matches!(parent, Rule::call | Rule::type_name),
            Rule::open_bracket => matches!(parent, Rule::index | Rule::key),
            _ => false,
        };
        let tight_after = match last {
            Rule::open_paren | Rule::dot => true,
            Rule::open_bracket => matches!(last_parent, Rule::index | Rule::key),
            Rule::minus => last_parent == Rule::unary,
            _ => false,
        };
        if !tight_before && !tight_after && !self.current.is_empty() {
            self.current.push(' ');
        }
    }
}

/// Whether a line that begins so continues the one before.
fn begins_with_operator(text: &str) -> bool {
    text.starts_with(['<', '>', '=', '+', '-', '*', '/', '!'])
        || text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next()
            .is_some_and(|word| matches!(word, "and" | "or" | "in"))
}

fn skipped(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, EOI | byte_order_mark | semicolon | missing_brace | missing_bracket | missing_paren)
        || (matches!(rule, open_brace | close_brace))
}

fn is_bracket(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, open_brace | close_brace | open_bracket | close_bracket)
}

fn is_operator(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, kw_and | kw_or | plus | minus | times | divide | compare | assign)
}

/// The parts of a block, list or map that are printed.
fn content(pair: P<'_>) -> impl Iterator<Item = P<'_>> {
    pair.into_inner().filter(|p| !skipped(p.as_rule()) && !is_bracket(p.as_rule()) && p.as_rule() != Rule::comma)
}

/// From the first to the last character that is not space.
fn bounds(pair: &P<'_>) -> (usize, usize) {
    let span = pair.as_span();
    (span.start(), span.start() + span.as_str().trim_end().len())
}

/// A setting, an entry of a map, a mark: what is aligned with its neighbours.
fn setting_shape(pair: &P<'_>) -> Shape {
    let rule = pair.as_rule();
    let width = || pair.clone().into_inner().next().map_or(0, |name| name.as_str().trim_end().chars().count());
    match rule {
        Rule::setting | Rule::map_entry => Shape::Setting(width()),
        Rule::mark => Shape::Mark(width()),
        _ => Shape::Other,
    }
}
