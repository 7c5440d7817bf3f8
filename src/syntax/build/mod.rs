//! pest's pairs → the syntax tree. One file a family of constructs; this one has the frame: blocks, lines, spans, depth.

mod clause;
mod expression;
mod literal;
mod scenario;
mod statement;
mod text;

use pest::Parser;
use pest::iterators::{Pair, Pairs};

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

use super::ast::{Ast, Block, ClauseKind, Construct, Item, ItemKind, Name, Text};
use super::grammar::{Grammar, Rule};
use super::mistake;

/// How deep expressions may nest, chains included: recursion over a tree is bounded by this and the grammar's levels.
const MAX_DEPTH: usize = 200;

/// So many lines that cannot be read are explained one by one. More are not shown anyway.
const EXPLAINED: usize = 200;

/// Builds the tree of a file's text, and says what was wrong.
pub(super) fn build(file: FileId, text: &str) -> (Ast, Vec<Diagnostic>) {
    let mut builder =
        Builder { file, text, base: 0, depth: 0, diagnostics: Vec::new(), lost_words: Vec::new(), unclosed_at: None };
    let pairs = match Grammar::parse(Rule::file, text) {
        Ok(pairs) => pairs,
        // `file` matches whatever stands in a file; if it ever does not, that is a finding like any other.
        Err(error) => {
            let finding = mistake::of_error(file, 0, text, &error);
            return (Ast::default(), vec![finding]);
        }
    };
    let items = pairs.into_iter().next().map(|file| builder.items(file.into_inner())).unwrap_or_default();
    let ast = Ast { items, lost_words: builder.lost_words, incomplete: false };
    (ast, builder.diagnostics)
}

struct Builder<'s> {
    file: FileId,
    /// The text that is parsed: the file's.
    text: &'s str,
    /// Where it begins in the file.
    base: usize,
    depth: usize,
    diagnostics: Vec<Diagnostic>,
    lost_words: Vec<String>,
    /// Where the last missing end was found to be missing.
    unclosed_at: Option<u32>,
}

type P<'s> = Pair<'s, Rule>;

impl<'s> Builder<'s> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The span of a pair without the space that pest leaves at its end.
    fn span(&self, pair: &P<'s>) -> Span {
        let span = pair.as_span();
        let trimmed = span.as_str().trim_end_matches([' ', '\t', '\r', '\n']);
        Span::new(self.file, self.base + span.start(), self.base + span.start() + trimmed.len())
    }

    fn name(&mut self, pair: &P<'s>) -> Name {
        Name { text: pair.as_str().trim_end().to_owned(), span: self.span(pair) }
    }

    /// A name that is declared: snake_case, and no reserved word.
    fn declared(&mut self, pair: &P<'s>) -> Name {
        let name = self.name(pair);
        if pair.as_rule() == Rule::reserved_id {
            self.push(
                Diagnostic::new(Code::ReservedId, name.span, format!("`{}` is a word of the language", name.text))
                    .label("cannot be a name")
                    .help(format!("choose another name, such as `the_{}`", name.text)),
            );
        } else if !is_snake_case(&name.text) {
            let better = snake_case(&name.text);
            let mut finding =
                Diagnostic::new(Code::IdForm, name.span, format!("`{}` is not written in snake_case", name.text))
                    .label("a name is of small letters, digits and `_`");
            if is_snake_case(&better) {
                finding = finding.help(format!("write `{better}`")).fix(name.span, better);
            } else {
                finding = finding.help("use the letters a to z: others can look like them and be different");
            }
            self.push(finding);
        }
        name
    }

    /// Does something one level deeper; too deep is a finding and nothing.
    fn deeper<T>(&mut self, levels: usize, span: Span, build: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth + levels > MAX_DEPTH {
            self.push(too_deep(span));
            return None;
        }
        self.depth += levels;
        let built = build(self);
        self.depth -= levels;
        Some(built)
    }

    /// The statements of a file or a block.
    fn items(&mut self, pairs: Pairs<'s, Rule>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for pair in pairs {
            match pair.as_rule() {
                Rule::comment
                | Rule::semicolon
                | Rule::EOI
                | Rule::byte_order_mark
                | Rule::open_brace
                | Rule::close_brace
                | Rule::missing_brace => {}
                Rule::tail => self.tail(pair, items.last_mut()),
                Rule::stray_close => {
                    let span = Span { end: self.span(&pair).start + 1, ..self.span(&pair) };
                    self.push(
                        Diagnostic::new(Code::StrayBrace, span, "this `}` closes nothing")
                            .label("no block is open here")
                            .help("remove it, or look above for a block that ends too early"),
                    );
                }
                Rule::buried => {
                    let span =
                        Span::new(self.file, self.span(&pair).start as usize, self.span(&pair).start as usize + 1);
                    self.push(too_deep(span));
                }
                Rule::bad_line => items.push(self.bad_line(pair)),
                Rule::bad_block => items.push(self.bad_block(pair)),
                _ => {
                    let span = self.span(&pair);
                    let kind = self.statement(pair);
                    items.push(Item { span, kind });
                }
            }
        }
        // Most blocks hold one or two statements; a vector keeps room for four.
        items.shrink_to_fit();
        items
    }

    fn block(&mut self, pair: P<'s>) -> Block {
        let span = self.span(&pair);
        let inner = pair.into_inner();
        if inner.clone().any(|p| p.as_rule() == Rule::missing_brace) && !self.buried(&inner) {
            let open = Span { end: span.start + 1, ..span };
            self.unclosed(open, span.end, "{", "}");
        }
        Block { span, items: self.items(inner) }
    }

    /// An end that is missing. Where several are missing at one place, the first that is found speaks for all.
    fn unclosed(&mut self, open: Span, end: u32, bracket: &str, close: &str) {
        if self.unclosed_at.replace(end) == Some(end) {
            return;
        }
        self.push(
            Diagnostic::new(Code::UnclosedBlock, open, format!("this `{bracket}` is never closed"))
                .label("opened here")
                .help(format!("write `{close}` where it ends")),
        );
    }

    /// Whether the block reaches the deepest level somewhere inside: what follows was not read, its end included.
    fn buried(&self, inner: &Pairs<'s, Rule>) -> bool {
        inner.clone().flatten().any(|p| p.as_rule() == Rule::buried)
    }

    /// A `{` on the line below its header.
    fn lower_block(&mut self, pair: P<'s>) -> Option<Block> {
        let start = self.span(&pair).start as usize;
        let block = pair.into_inner().find(|p| matches!(p.as_rule(), Rule::block | Rule::scenario_block))?;
        let brace = Span { end: self.span(&block).start + 1, ..self.span(&block) };
        let header_end = self.text[..start - self.base].trim_end().len() + self.base;
        let gap = Span::new(self.file, header_end, brace.end as usize);
        let only_space = self.text[gap.start as usize - self.base..gap.end as usize - self.base - 1].trim().is_empty();
        let mut finding = Diagnostic::new(Code::WrongForm, brace, "the `{` stands on the line of its header")
            .label("on a line of its own")
            .help("move it up, to the end of the line before");
        if only_space {
            finding = finding.fix(gap, " {");
        }
        self.push(finding);
        Some(self.block(block))
    }

    /// A block in either place.
    fn any_block(&mut self, pair: P<'s>) -> Option<Block> {
        match pair.as_rule() {
            Rule::lower_block => self.lower_block(pair),
            _ => Some(self.block(pair)),
        }
    }

    /// What is left of a line after a statement: a mistake, and perhaps the statement's block.
    fn tail(&mut self, pair: P<'s>, before: Option<&mut Item>) {
        let mut block = None;
        let tail_span = self.span(&pair);
        let mut text_span = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::tail_text => text_span = Some(self.span(&part)),
                _ => block = Some(self.block(part)),
            }
        }
        let Some(item) = before else { return };
        if let (Some(span), false) = (text_span, matches!(item.kind, ItemKind::Bad(_))) {
            let words = &self.text[span.start as usize - self.base..span.end as usize - self.base];
            self.lost_words.extend(mistake::words(words));
            let start = item.span.start as usize;
            // A statement that ends with a block is complete: only its end was expected.
            let from = if self.slice(item.span).ends_with('}') { span.start as usize } else { start };
            let text = &self.text[from - self.base..span.end as usize - self.base];
            let people = mistake::people_in_words(self.slice(item.span), words, span);
            let explain = || mistake::explain(self.file, from, text, span, Rule::strict_statement);
            let finding = people.unwrap_or_else(explain);
            self.push(finding);
            // Half of a condition is not what was meant.
            if matches!(item.kind, ItemKind::Expect(_)) {
                item.kind = ItemKind::Bad(None);
            }
        }
        match (&mut item.kind, block) {
            (_, None) => {}
            (ItemKind::Construct(construct), Some(block)) if construct.block.is_none() => construct.block = Some(block),
            (ItemKind::Bad(slot @ None), Some(block)) => *slot = Some(block),
            (kind, Some(block)) if text_span.is_none() => {
                let brace = Span { end: block.span.start + 1, ..block.span };
                let finding = mistake::stray_block(kind, brace);
                self.push(finding);
                // `on EVENT { … }` with a misspelt event: nothing more is to be said about it.
                if matches!(kind, ItemKind::Clause(clause) if matches!(clause.kind, ClauseKind::OnHosts(_))) {
                    *kind = ItemKind::Bad(Some(block));
                }
            }
            _ => {}
        }
        item.span = item.span.to(tail_span);
    }

    fn slice(&self, span: Span) -> &'s str {
        &self.text[span.start as usize - self.base..span.end as usize - self.base]
    }

    fn bad_line(&mut self, pair: P<'s>) -> Item {
        let span = self.span(&pair);
        self.bad_text(span);
        Item { span, kind: ItemKind::Bad(None) }
    }

    fn bad_block(&mut self, pair: P<'s>) -> Item {
        let span = self.span(&pair);
        let mut block = None;
        let mut header = None;
        // `run ./deploy.sh ${env}` without its quotes.
        let value = pair.as_str().find('{').is_some_and(|brace| pair.as_str()[..brace].ends_with('$'));
        if value {
            self.bad_text(span);
            return Item { span, kind: ItemKind::Bad(None) };
        }
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::bad_text => header = Some(self.span(&part)),
                _ => block = Some(self.block(part)),
            }
        }
        match header {
            Some(header) => self.bad_text(header),
            None => self.push(
                Diagnostic::new(Code::Unexpected, Span { end: span.start + 1, ..span }, "a block without a header")
                    .label("what is this block?")
                    .help("a block begins with its keyword on the same line, such as `step deploy \"Deploy\" {`"),
            ),
        }
        Item { span, kind: ItemKind::Bad(block) }
    }

    fn bad_text(&mut self, span: Span) {
        let text = self.slice(span);
        self.lost_words.extend(mistake::words(text));
        if self.diagnostics.len() > EXPLAINED {
            return self.push(Diagnostic::new(Code::Unexpected, span, "this does not fit here"));
        }
        let finding = mistake::explain(self.file, span.start as usize, text, span, Rule::strict_statement);
        self.push(finding);
    }

    fn statement(&mut self, pair: P<'s>) -> ItemKind {
        match pair.as_rule() {
            Rule::given | Rule::happening | Rule::crash | Rule::expectation => self.scenario_statement(pair),
            rule if is_clause(rule) => {
                let clause = self.clause(pair);
                clause.map_or(ItemKind::Bad(None), |clause| ItemKind::Clause(Box::new(clause)))
            }
            _ => self.other_statement(pair),
        }
    }

    /// The parts of `KEYWORD id [: kind] ["Title"] [clauses] { body }`.
    fn construct(&mut self, pair: P<'s>, keyword: super::ast::Keyword) -> Construct {
        let mut construct = Construct {
            keyword,
            keyword_span: self.span(&pair),
            name: None,
            kind: None,
            title: None,
            clauses: Vec::new(),
            block: None,
        };
        let mut first = true;
        for part in pair.into_inner() {
            match part.as_rule() {
                // The keyword itself; in an unknown block it has the rule of a name.
                _ if first => construct.keyword_span = self.span(&part),
                Rule::id | Rule::reserved_id => construct.name = Some(self.declared(&part)),
                Rule::colon => {}
                Rule::type_name => construct.kind = Some(self.type_name(part)),
                Rule::title => construct.title = self.title(part),
                Rule::block => construct.block = Some(self.block(part)),
                Rule::scenario_block => construct.block = Some(self.block(part)),
                Rule::lower_block => construct.block = self.lower_block(part),
                _ => construct.clauses.extend(self.clause(part)),
            }
            first = false;
        }
        construct
    }

    fn title(&mut self, pair: P<'s>) -> Option<Text> {
        pair.into_inner().next().map(|string| self.string(string))
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::TooDeep, span, "this is nested too deeply")
        .label("at most 64 levels are read")
        .help("take the inner part out into a declaration, a `let` or a command")
}

/// Whether a rule is one of the clauses.
pub(super) fn is_clause(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        at_clause
            | in_clause
            | within_clause
            | on_outcome
            | on_hosts
            | when_clause
            | for_clause
            | until_clause
            | from_clause
            | retry_clause
            | pass_after
            | fail_after
            | with_clause
            | manual_clause
            | by_clause
            | ask_clause
            | then_clause
            | no_data_clause
            | through_clause
            | undo_none
            | irreversible
    )
}

fn is_snake_case(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn snake_case(name: &str) -> String {
    let mut better = String::new();
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 && !better.ends_with('_') && !name[..i].ends_with(|p: char| p.is_uppercase())
        {
            better.push('_');
        }
        better.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    better
}
