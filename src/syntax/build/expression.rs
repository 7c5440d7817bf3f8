//! Expressions.

use pest::iterators::Pairs;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Element, Expr, ExprKind, Item, Name};
use crate::syntax::grammar::Rule;
use crate::syntax::mistake;
use crate::value::{Arithmetic, Comparison, Logic, Value};

use super::{Builder, P};

impl<'s> Builder<'s> {
    /// Any rule of an expression, from `expression` down to a literal.
    pub(super) fn expression(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::expression => return self.logic(pair),
            Rule::negated => return self.negated(pair),
            Rule::comparison => return self.comparison(pair),
            Rule::sum | Rule::product => return self.chain(pair),
            Rule::unary => return self.unary(pair),
            Rule::scaled => self.scaled(pair),
            Rule::access | Rule::reference => return self.access(pair),
            Rule::paren => self.paren(pair, span),
            Rule::list => self.list(pair, span),
            Rule::map => self.map(pair, span),
            Rule::string => ExprKind::Text(self.string(pair)),
            Rule::name => match pair.as_str().trim_end() {
                "true" => ExprKind::Literal(Value::Bool(true)),
                "false" => ExprKind::Literal(Value::Bool(false)),
                name => ExprKind::Name(name.to_owned()),
            },
            Rule::command => {
                let kind = self.command(pair);
                ExprKind::Command(Box::new(Item { span, kind }))
            }
            _ => self.literal(&pair),
        };
        Expr { span, kind }
    }

    fn logic(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let parts: Vec<P<'s>> = pair.into_inner().filter(|p| p.as_rule() != Rule::comment).collect();
        if parts.len() == 1 {
            return self.only(parts);
        }
        let mut operators = Vec::new();
        let mut operands = Vec::new();
        for part in parts {
            match part.as_rule() {
                Rule::kw_and => operators.push(Logic::And),
                Rule::kw_or => operators.push(Logic::Or),
                _ => {
                    let operand = self.deeper(1, span, |b| b.expression(part)).unwrap_or(Expr::bad(span));
                    operands.push(operand);
                }
            }
        }
        if let Some(finding) = operands.iter().find_map(|o| ambiguous_for(o, span, |s| self.slice(s).to_owned())) {
            self.push(finding);
        }
        // `and` binds closer than `or`.
        let mut alternatives: Vec<Vec<Expr>> = vec![Vec::new()];
        for (i, operand) in operands.into_iter().enumerate() {
            if i > 0 && operators[i - 1] == Logic::Or {
                alternatives.push(Vec::new());
            }
            if let Some(last) = alternatives.last_mut() {
                last.push(operand);
            }
        }
        let mut joined: Vec<Expr> = alternatives.into_iter().map(|all| join(Logic::And, all, span)).collect();
        match joined.len() {
            1 => joined.remove(0),
            _ => join(Logic::Or, joined, span),
        }
    }

    fn negated(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let mut nots = Vec::new();
        let mut condition = Expr::bad(span);
        let mut length = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_not => nots.push(self.span(&part).start),
                Rule::kw_for => {}
                Rule::sum => length = Some(self.expression(part)),
                _ => {
                    condition = self.deeper(nots.len(), span, |b| b.expression(part)).unwrap_or(Expr::bad(span));
                }
            }
        }
        if nots.len() > super::MAX_DEPTH {
            return Expr::bad(span);
        }
        for start in nots.into_iter().rev() {
            let span = Span { start, ..condition.span };
            condition = Expr { span, kind: ExprKind::Not(Box::new(condition)) };
        }
        match length {
            Some(length) => Expr { span, kind: ExprKind::For(Box::new(condition), Box::new(length)) },
            None => condition,
        }
    }

    fn comparison(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let mut parts = pair.into_inner().filter(|p| p.as_rule() != Rule::comment);
        let Some(first) = parts.next() else { return Expr::bad(span) };
        let left = self.expression(first);
        let Some(operator) = parts.next() else { return left };
        let Some(right) = parts.next() else { return left };
        let operator_span = self.span(&operator);
        let symbol = operator.as_str().trim_end();
        let right = self.expression(right);
        if operator.as_rule() == Rule::kw_runs {
            return Expr { span, kind: ExprKind::Runs(Box::new(left), Box::new(right)) };
        }
        if operator.as_rule() == Rule::assign {
            self.push(
                Diagnostic::new(Code::WrongForm, operator_span, "`=` sets something, `==` compares")
                    .label("compares nothing")
                    .help("write `==`")
                    .fix(operator_span, "=="),
            );
        }
        if let Some(second) = parts.next() {
            let first = self.slice(left.span).to_owned();
            let middle = self.slice(right.span).to_owned();
            let at = self.span(&second);
            let (second_symbol, last) = (second.as_str().trim_end(), parts.next().map(|p| self.span(&p)));
            let last = last.map(|s| self.slice(s)).unwrap_or_default();
            self.push(
                Diagnostic::new(Code::ChainedComparison, at, "comparisons do not chain")
                    .label("a second comparison")
                    .help(format!("write `{first} {symbol} {middle} and {middle} {second_symbol} {last}`")),
            );
            return Expr::bad(span);
        }
        let comparison = Comparison::from_symbol(symbol).unwrap_or(Comparison::Equal);
        Expr { span, kind: ExprKind::Compare(comparison, operator_span, Box::new(left), Box::new(right)) }
    }

    /// `a + b - c`, `a * b / c`: from the left.
    fn chain(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let parts: Vec<P<'s>> = pair.into_inner().filter(|p| p.as_rule() != Rule::comment).collect();
        if parts.len() == 1 {
            return self.only(parts);
        }
        let levels = parts.len() / 2;
        let chain = self.deeper(levels, span, |b| {
            let mut parts = parts.into_iter();
            let mut left = parts.next().map_or(Expr::bad(span), |p| b.expression(p));
            while let (Some(operator), Some(right)) = (parts.next(), parts.next()) {
                let operation = match operator.as_rule() {
                    Rule::plus => Arithmetic::Add,
                    Rule::minus => Arithmetic::Subtract,
                    Rule::times => Arithmetic::Multiply,
                    _ => Arithmetic::Divide,
                };
                let right = b.expression(right);
                let span = left.span.to(right.span);
                left = Expr { span, kind: ExprKind::Arithmetic(operation, Box::new(left), Box::new(right)) };
            }
            left
        });
        chain.unwrap_or(Expr::bad(span))
    }

    fn unary(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let mut parts: Vec<P<'s>> = pair.into_inner().collect();
        let minuses = parts.len() - 1;
        let Some(operand) = parts.pop() else { return Expr::bad(span) };
        let built = self.deeper(minuses, span, |b| b.expression(operand));
        let Some(mut operand) = built else { return Expr::bad(span) };
        for minus in parts.iter().rev() {
            let span = self.span(minus).to(operand.span);
            operand = Expr { span, kind: ExprKind::Negate(Box::new(operand)) };
        }
        operand
    }

    fn scaled(&mut self, pair: P<'s>) -> ExprKind {
        let mut parts = pair.into_inner();
        let (Some(factor), Some(operand)) = (parts.next(), parts.next()) else { return ExprKind::Bad };
        match factor.as_str().trim_end_matches('x').parse() {
            Ok(factor) => ExprKind::Scale(factor, Box::new(self.expression(operand))),
            Err(_) => ExprKind::Bad,
        }
    }

    fn access(&mut self, pair: P<'s>) -> Expr {
        let span = self.span(&pair);
        let parts: Vec<P<'s>> = pair.into_inner().collect();
        if parts.len() == 1 {
            return self.only(parts);
        }
        let levels = parts.len() - 1;
        let built = self.deeper(levels, span, |b| {
            let mut parts = parts.into_iter();
            let mut left = parts.next().map_or(Expr::bad(span), |p| b.expression(p));
            for part in parts {
                let span = left.span.to(b.span(&part));
                let kind = match part.as_rule() {
                    Rule::member => {
                        let name = part.into_inner().find(|p| p.as_rule() == Rule::member_name);
                        let name = name.map_or(Name { text: String::new(), span }, |p| b.name(&p));
                        ExprKind::Member(Box::new(left), name)
                    }
                    Rule::index | Rule::key => {
                        let index = b.enclosed(part, "[", "]").into_iter().next();
                        index.map_or(ExprKind::Bad, |index| ExprKind::Index(Box::new(left), Box::new(index)))
                    }
                    _ => ExprKind::Call(Box::new(left), b.enclosed(part, "(", ")")),
                };
                left = Expr { span, kind };
            }
            left
        });
        built.unwrap_or(Expr::bad(span))
    }

    fn paren(&mut self, pair: P<'s>, span: Span) -> ExprKind {
        let inner = self.deeper(1, span, |b| b.enclosed(pair, "(", ")"));
        match inner.map(|mut values| values.pop()) {
            Some(Some(inner)) => ExprKind::Paren(Box::new(inner)),
            _ => ExprKind::Bad,
        }
    }

    /// The values between brackets. What does not fit between them, and an end that is missing, are findings.
    fn enclosed(&mut self, pair: P<'s>, open: &str, close: &str) -> Vec<Expr> {
        let whole = self.span(&pair);
        let at = Span { end: whole.start + 1, ..whole };
        let mut values = Vec::new();
        let mut bad = false;
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::expression | Rule::quantity | Rule::name | Rule::string => values.push(self.expression(part)),
                Rule::bad_rest | Rule::bad_argument => {
                    bad = true;
                    let from = values.last().map_or(span.start, |v: &Expr| v.span.start);
                    let piece = Span { start: from, ..span };
                    let finding =
                        mistake::explain(self.file, from as usize, self.slice(piece), span, Rule::strict_expression);
                    self.push(finding);
                }
                Rule::missing_paren | Rule::missing_bracket if !bad => {
                    bad = true;
                    self.unclosed(at, whole.end, open, close);
                }
                _ => {}
            }
        }
        if values.is_empty() && !bad && open == "(" && whole.len() <= 2 && !self.called(whole) {
            let finding = Diagnostic::new(Code::Unexpected, whole, "there is no value between the parentheses");
            self.push(finding.label("empty"));
        }
        if bad && values.is_empty() { vec![Expr::bad(whole)] } else { values }
    }

    /// Whether parentheses stand right behind a name: an empty pair is a call without arguments there.
    fn called(&self, span: Span) -> bool {
        let before = &self.text[..span.start as usize - self.base];
        let before = before.trim_end_matches([' ', '\t']);
        let word = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        !matches!(
            &before[word.len()..],
            "" | "and" | "or" | "not" | "in" | "for" | "when" | "at" | "from" | "until" | "within" | "expect"
        )
    }

    fn list(&mut self, pair: P<'s>, span: Span) -> ExprKind {
        let inner = pair.into_inner();
        if !self.closed(&inner, Rule::missing_bracket, span, "[", "]") {
            return ExprKind::Bad;
        }
        let built = self.deeper(1, span, |b| b.elements(inner));
        built.map_or(ExprKind::Bad, ExprKind::List)
    }

    fn elements(&mut self, inner: Pairs<'s, Rule>) -> Vec<Element> {
        let mut elements: Vec<Element> = Vec::new();
        let mut comma = true;
        for part in inner {
            match part.as_rule() {
                Rule::comma => comma = true,
                Rule::element => {
                    let span = self.span(&part);
                    self.missing_comma(comma, elements.last().map(|e| e.value.span), span);
                    comma = false;
                    let mut element = Element { value: Expr::bad(span), times: None };
                    for piece in part.into_inner() {
                        match piece.as_rule() {
                            Rule::repeat => element.times = piece.as_str().trim_start_matches('x').trim().parse().ok(),
                            Rule::bad_element => self.bad_piece(&piece, Rule::strict_expression),
                            _ => element.value = self.expression(piece),
                        }
                    }
                    elements.push(element);
                }
                _ => {}
            }
        }
        elements
    }

    fn missing_comma(&mut self, comma: bool, before: Option<Span>, span: Span) {
        let (false, Some(before)) = (comma, before) else { return };
        self.push(
            Diagnostic::new(Code::Unexpected, span, "a comma is missing before this element")
                .label("the next element")
                .also(before, "a comma belongs behind this one")
                .help("separate the elements of a list by commas")
                .fix(before.after(), ","),
        );
    }

    fn map(&mut self, pair: P<'s>, span: Span) -> ExprKind {
        let inner = pair.into_inner();
        if !self.closed(&inner, Rule::missing_brace, span, "{", "}") {
            return ExprKind::Bad;
        }
        let built = self.deeper(1, span, |b| {
            let mut entries: Vec<(Name, Expr)> = Vec::new();
            for part in inner {
                match part.as_rule() {
                    Rule::map_entry => entries.extend(b.entry(part)),
                    Rule::bad_entry => b.bad_piece(&part, Rule::strict_entry),
                    _ => {}
                }
            }
            entries
        });
        let Some(entries) = built else { return ExprKind::Bad };
        for (i, (name, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..i].iter().find(|(other, _)| other.text == name.text) {
                self.push(
                    Diagnostic::new(Code::Repeated, name.span, format!("`{}` stands twice in this map", name.text))
                        .label("again")
                        .also(first.span, "first here"),
                );
            }
        }
        ExprKind::Map(entries)
    }

    fn entry(&mut self, pair: P<'s>) -> Option<(Name, Expr)> {
        let mut parts = pair.into_inner().filter(|p| !matches!(p.as_rule(), Rule::equals | Rule::comment));
        let (key, value) = (parts.next()?, parts.next()?);
        if let Some(bad) = parts.next() {
            let (start, span) = (self.span(&key).start, self.span(&bad));
            let whole = Span { start, ..span };
            let finding = mistake::explain(self.file, start as usize, self.slice(whole), span, Rule::strict_entry);
            self.push(finding);
        }
        let span = self.span(&key);
        let text = key.as_str().trim_end().trim_matches('"').to_owned();
        Some((Name { text, span }, self.expression(value)))
    }

    /// Whether a list or map has its end; if not, that is the one finding about it.
    fn closed(&mut self, inner: &Pairs<'s, Rule>, missing: Rule, span: Span, open: &str, close: &str) -> bool {
        let missing_end = inner.clone().any(|p| p.as_rule() == missing);
        if missing_end {
            let at = Span { end: span.start + 1, ..span };
            self.unclosed(at, span.end, open, close);
        }
        !missing_end
    }

    fn bad_piece(&mut self, pair: &P<'s>, rule: Rule) {
        let span = self.span(pair);
        let text = self.slice(span);
        let finding = mistake::explain(self.file, span.start as usize, text, span, rule);
        self.push(finding);
    }

    fn only(&mut self, mut parts: Vec<P<'s>>) -> Expr {
        let pair = parts.remove(0);
        self.expression(pair)
    }
}

fn join(logic: Logic, mut operands: Vec<Expr>, span: Span) -> Expr {
    match operands.len() {
        1 => operands.remove(0),
        _ => {
            let span = operands.iter().map(|o| o.span).reduce(Span::to).unwrap_or(span);
            Expr { span, kind: ExprKind::Logic(logic, operands) }
        }
    }
}

/// `a > 1 and b > 2 for 5m`: the `for` could belong to the last comparison or to all of it.
fn ambiguous_for(operand: &Expr, whole: Span, text: impl Fn(Span) -> String) -> Option<Diagnostic> {
    let ExprKind::For(condition, length) = &operand.kind else { return None };
    let inner = text(operand.span);
    let all = text(whole);
    let length_text = text(length.span);
    let close = all.replacen(&inner, &format!("({inner})"), 1);
    let without = all.replacen(&inner, &text(condition.span), 1);
    let span = Span { start: condition.span.end, ..operand.span };
    Some(
        Diagnostic::new(Code::AmbiguousFor, span, "this `for` can be read in two ways")
            .label("for which condition?")
            .help(format!("write `{close}` or `({without}) for {length_text}`")),
    )
}
