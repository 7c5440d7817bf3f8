//! Comparisons and arithmetic: what people mean by a number and its unit, asked and never guessed.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast;
use crate::value::{Arithmetic, Comparison, Expr, RefKind, Type, Value};

use super::typing::units_for;
use super::{Checker, article};

impl<'a> Checker<'a> {
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        operator: Span,
        a: &'a ast::Expr,
        b: &'a ast::Expr,
    ) -> (Expr, Type) {
        let (left, left_ty) = self.infer(a, None);
        let metric = match &left {
            Expr::Ref(r) if r.kind == RefKind::Metric => Some(r.name.clone()),
            _ => None,
        };
        let before = std::mem::replace(&mut self.baseline_of, metric);
        // A bare word on the right is first one of the enumeration on the left.
        let want = matches!(left_ty, Type::Enum(_)).then_some(&left_ty);
        let (right, right_ty) = self.infer(b, want);
        self.baseline_of = before;
        // … and one on the left, of the enumeration on the right.
        let (left, left_ty) = match (&left_ty, &right_ty) {
            (Type::Text, Type::Enum(_)) => self.infer(a, Some(&right_ty)),
            _ => (left, left_ty),
        };
        let fits = match comparison {
            Comparison::In => self.check_in(&left_ty, &right_ty, a, b),
            Comparison::Matches => self.check_match(&left_ty, &right, &right_ty, a.span, b.span),
            _ => self.check_order(comparison, (&left, &left_ty, a.span), (&right, &right_ty, b.span), operator),
        };
        if !fits {
            return (Expr::Error, Type::Error);
        }
        (Expr::Compare(comparison, Box::new(left), Box::new(right)), Type::Condition)
    }

    fn check_in(&mut self, item: &Type, list: &Type, a: &ast::Expr, b: &ast::Expr) -> bool {
        match list {
            Type::List(inner) if inner.accepts(item) || item.accepts(inner) => true,
            Type::Any | Type::Error => true,
            Type::List(inner) => {
                let title = format!("a list of {inner} never has {} in it", article(item));
                self.push(Diagnostic::new(Code::Mismatch, a.span, title).label(article(item)));
                false
            }
            other => {
                let title = format!("`in` looks into a list, and this is {}", article(other));
                self.push(
                    Diagnostic::new(Code::Mismatch, b.span, title).label(article(other)).help("write `in [a, b]`"),
                );
                false
            }
        }
    }

    fn check_match(&mut self, left: &Type, right: &Expr, right_ty: &Type, a: Span, b: Span) -> bool {
        for (ty, span) in [(left, a), (right_ty, b)] {
            if !Type::Text.accepts(ty) && *ty != Type::Secret {
                let title = format!("`=~` compares a string with a regular expression, and this is {}", article(ty));
                self.push(Diagnostic::new(Code::Mismatch, span, title).label(article(ty)));
                return false;
            }
        }
        if let Expr::Value(Value::Text(pattern)) = right
            && let Err(error) = regex::Regex::new(pattern)
        {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let title = format!("`{pattern}` is not a regular expression");
            self.push(Diagnostic::new(Code::BadLiteral, b, title).label(why));
            return false;
        }
        true
    }

    fn check_order(
        &mut self,
        comparison: Comparison,
        (left, left_ty, left_span): (&Expr, &Type, Span),
        (right, right_ty, right_span): (&Expr, &Type, Span),
        operator: Span,
    ) -> bool {
        if left_ty.accepts(right_ty) || right_ty.accepts(left_ty) || is_secret_text(left_ty, right_ty) {
            let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            if equality || is_ordered(left_ty) || is_ordered(right_ty) {
                return true;
            }
            let title = format!("{} is not more or less than another", article(left_ty));
            self.push(
                Diagnostic::new(Code::Mismatch, operator, title)
                    .label("has no order")
                    .help("compare with `==` or `!=`"),
            );
            return false;
        }
        for (number, ty, other, span) in [(right, right_ty, left_ty, right_span), (left, left_ty, right_ty, left_span)]
        {
            let literal = matches!(number, Expr::Value(Value::Int(_) | Value::Number(_)));
            if let (true, Type::Int | Type::Number, Some(help)) = (literal, ty, units_for(other, self.slice(span))) {
                self.push(
                    Diagnostic::new(
                        Code::BareNumber,
                        span,
                        format!("{} is compared with a bare number", article(other)),
                    )
                    .label("no unit")
                    .help(help),
                );
                return false;
            }
        }
        let title = format!("{} is compared with {}", article(left_ty), article(right_ty));
        let mut finding = Diagnostic::new(Code::Mismatch, right_span, title)
            .label(article(right_ty))
            .also(left_span, article(left_ty));
        if let (Type::Percent, Type::Points) = (left_ty, right_ty) {
            finding = finding.help("`pp` is the difference of two percents; a percent is written `5%`");
        }
        self.push(finding);
        false
    }

    pub(super) fn arithmetic(
        &mut self,
        operation: Arithmetic,
        a: &'a ast::Expr,
        b: &'a ast::Expr,
        span: Span,
    ) -> (Expr, Type) {
        let (left, left_ty) = self.infer(a, None);
        let (right, right_ty) = self.infer(b, None);
        let whole = |c: &mut Self, ty: Option<Type>| match ty {
            Some(ty) => (Expr::Arithmetic(operation, Box::new(left.clone()), Box::new(right.clone())), ty),
            None => {
                let title = format!(
                    "`{}` does not work on {} and {}",
                    operation.symbol(),
                    article(&left_ty),
                    article(&right_ty)
                );
                c.push(Diagnostic::new(Code::Mismatch, span, title).label("cannot be worked out"));
                (Expr::Error, Type::Error)
            }
        };
        // A percent more of a percent: a point, or a part of it?
        let relative = left.mentions(RefKind::Baseline);
        if matches!(operation, Arithmetic::Add | Arithmetic::Subtract)
            && left_ty == Type::Percent
            && right_ty == Type::Percent
            && relative
            && let Expr::Value(Value::Percent(percent)) = right
        {
            let number = crate::value::number_text(percent);
            let sign = if operation == Arithmetic::Add { 1.0 } else { -1.0 };
            let factor = crate::value::number_text(1.0 + sign * percent / 100.0);
            let left_text = self.slice(a.span);
            self.push(
                Diagnostic::new(Code::AmbiguousPercent, span, "a percent of a percent can be read in two ways")
                    .label("points, or a part of it?")
                    .help(format!("write `{left_text} {} {number}pp` or `{factor}x {left_text}`", operation.symbol())),
            );
            return (Expr::Error, Type::Error);
        }
        let ty = result_type(operation, &left_ty, &right_ty);
        whole(self, ty)
    }
}

/// A secret may be compared with a string: nothing of it is shown.
fn is_secret_text(a: &Type, b: &Type) -> bool {
    matches!((a, b), (Type::Secret, Type::Text) | (Type::Text, Type::Secret))
}

fn is_ordered(ty: &Type) -> bool {
    use Type::*;
    matches!(
        ty,
        Int | Number
            | Duration
            | Percent
            | Points
            | Factor
            | Size
            | Count
            | Rate
            | Offset
            | Time
            | Date
            | Instant
            | Semver
            | Any
            | Error
    )
}

fn result_type(operation: Arithmetic, left: &Type, right: &Type) -> Option<Type> {
    use Type::*;
    if matches!(left, Error) || matches!(right, Error) {
        return Some(Error);
    }
    if matches!(left, Any) || matches!(right, Any) {
        return Some(Any);
    }
    let plain = |t: &Type| matches!(t, Int | Number | Count);
    let quantity = |t: &Type| matches!(t, Duration | Percent | Points | Factor | Size | Rate) || plain(t);
    match operation {
        Arithmetic::Add | Arithmetic::Subtract => match (left, right) {
            (Int | Count, Int | Count) => Some(Int),
            (a, b) if plain(a) && plain(b) => Some(Number),
            (Percent, Points) => Some(Percent),
            (Offset, Duration) => Some(Offset),
            (Instant, Duration) => Some(Instant),
            (Offset, Offset) | (Instant, Instant) if operation == Arithmetic::Subtract => Some(Duration),
            (a, b) if a == b && quantity(a) => Some(a.clone()),
            (a, Percent) if quantity(a) => Some(a.clone()),
            _ => None,
        },
        Arithmetic::Multiply => match (left, right) {
            (Int | Count, Int | Count) => Some(Int),
            (a, b) if plain(a) && plain(b) => Some(Number),
            (a, b) if (plain(a) || *a == Factor) && quantity(b) => Some(b.clone()),
            (a, b) if quantity(a) && (plain(b) || *b == Factor) => Some(a.clone()),
            _ => None,
        },
        Arithmetic::Divide => match (left, right) {
            (a, b) if quantity(a) && plain(b) && !plain(a) => Some(a.clone()),
            (a, b) if (a == b && quantity(a)) || (plain(a) && plain(b)) => Some(Number),
            _ => None,
        },
    }
}
