//! Expressions: names resolved, types found.

use indexmap::IndexMap;

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, Keyword, Name, Piece, Text};
use crate::value::{Expr, Function, Part, Ref, Type, Value};

use super::model::Typed;
use super::{Checker, article, is_bad};

/// A name that is known only here.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) reference: Ref,
}

/// What an expression may speak of at its place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allow {
    /// Metrics, and gates as conditions.
    pub(super) metrics: bool,
    /// `for D` and `runs D`.
    pub(super) spans: bool,
    /// What a command printed or a server answered.
    pub(super) output: Option<Output>,
    /// What happened: `event.*`.
    pub(super) event: bool,
    /// `step.*`
    pub(super) step: bool,
    /// `host.*`: the step runs once a host.
    pub(super) host: bool,
    /// Secrets, and what holds one.
    pub(super) secrets: bool,
}

/// What came out of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// `exit stdout stderr`
    Command,
    /// `exit stderr`: what it prints goes to a file.
    Redirected,
    /// `status body latency`, `header("…")`
    Answer,
}

impl Output {
    pub(super) fn words(self) -> &'static [(&'static str, Type)] {
        match self {
            Output::Command => &[("exit", Type::Int), ("stdout", Type::Text), ("stderr", Type::Text)],
            Output::Redirected => &[("exit", Type::Int), ("stderr", Type::Text)],
            Output::Answer => &[("status", Type::Int), ("body", Type::Text), ("latency", Type::Duration)],
        }
    }
}

pub(super) type Inferred = (Expr, Type);

pub(super) const ERROR: Inferred = (Expr::Error, Type::Error);

impl<'a> Checker<'a> {
    /// Does something where other things may be spoken of.
    pub(super) fn allowing<T>(&mut self, allow: Allow, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.allow, allow);
        let result = work(self);
        self.allow = before;
        result
    }

    /// Does something with further names; they are gone afterwards.
    pub(super) fn with_locals<T>(&mut self, locals: Vec<Local>, work: impl FnOnce(&mut Self) -> T) -> T {
        let count = self.locals.len();
        self.locals.extend(locals);
        let result = work(self);
        self.locals.truncate(count);
        result
    }

    /// An expression, and a finding if it is not of the type that is wanted.
    pub(super) fn typed(&mut self, expr: &'a ast::Expr, want: Option<&Type>) -> Typed {
        let (typed, ty) = self.infer(expr, want);
        let Some(want) = want else { return Typed { expr: typed, ty, span: expr.span } };
        let (expr_out, ty) = self.fitted(typed, ty, want, expr.span);
        Typed { expr: expr_out, ty, span: expr.span }
    }

    /// A string with its values; secrets are refused unless they are allowed here.
    pub(super) fn text(&mut self, text: &'a Text) -> Typed {
        let (expr, ty) = self.template(text);
        let (expr, ty) = self.fitted(expr, ty, &Type::Text, text.span);
        Typed { expr, ty, span: text.span }
    }

    /// A condition: what stands after `when` and `expect`.
    pub(super) fn condition(&mut self, expr: &'a ast::Expr) -> Typed {
        self.spans = 0;
        self.typed(expr, Some(&Type::Condition))
    }

    fn fitted(&mut self, expr: Expr, ty: Type, want: &Type, span: Span) -> Inferred {
        if ty.holds_secret() && !want.holds_secret() && !self.allow.secrets {
            self.secret_leak(span);
            return ERROR;
        }
        let read_as = matches!(want, Type::Url | Type::Semver | Type::Email | Type::Instant | Type::Enum(_));
        if read_as && ty == Type::Text {
            return self.read_as(expr, want, span);
        }
        if want.accepts(&ty) || (ty == Type::Secret && *want == Type::Text && self.allow.secrets) {
            return (expr, ty);
        }
        let finding = self.mismatch(&expr, &ty, want, span);
        self.push(finding);
        ERROR
    }

    /// A string where a `url`, a `semver` or an `email` is wanted: read now if it is known, else when the plan is made.
    fn read_as(&mut self, expr: Expr, want: &Type, span: Span) -> Inferred {
        match (&expr, want) {
            (Expr::Value(Value::Text(text)), Type::Enum(e)) => {
                let help = match e.words.contains(&text.as_str()) {
                    true => format!("write `{text}` without quotes"),
                    false => format!("write one of {}", e.words.join(", ")),
                };
                let mut finding =
                    Diagnostic::new(Code::WrongForm, span, format!("a {e} is a word, not a string", e = e.name))
                        .label("a string")
                        .help(help);
                if e.words.contains(&text.as_str()) {
                    finding = finding.fix(span, text.clone());
                }
                self.push(finding);
                ERROR
            }
            (Expr::Value(Value::Text(text)), _) => match want.read(text) {
                Ok(value) => (Expr::Value(value), want.clone()),
                Err(why) => {
                    let finding =
                        Diagnostic::new(Code::Mismatch, span, format!("`{text}` is {why}")).label("cannot be read");
                    self.push(finding);
                    ERROR
                }
            },
            (Expr::Template(_), Type::Url | Type::Semver | Type::Email) => (expr, want.clone()),
            _ => {
                let finding = self.mismatch(&expr, &Type::Text, want, span);
                self.push(finding);
                ERROR
            }
        }
    }

    fn mismatch(&self, expr: &Expr, ty: &Type, want: &Type, span: Span) -> Diagnostic {
        let text = self.slice(span);
        if let (Expr::Value(Value::Int(_) | Value::Number(_)), Some(help)) = (expr, units_for(want, text)) {
            return Diagnostic::new(Code::BareNumber, span, format!("{} needs its unit", article(want)))
                .label("a bare number")
                .help(help);
        }
        let condition = *want == Type::Condition;
        let title = match condition {
            true => format!("{} is neither true nor false", article(ty)),
            false => format!("expected {}, found {}", article(want), article(ty)),
        };
        let finding = Diagnostic::new(Code::Mismatch, span, title).label(article(ty));
        match example(want) {
            Some(example) if !condition => finding.help(format!("{} is written {example}", article(want))),
            _ if condition => finding.help("compare it with something, such as `status == 200`"),
            _ => match want {
                Type::Enum(e) => finding.help(format!("write one of {}", e.words.join(", "))),
                _ => finding,
            },
        }
    }

    pub(super) fn secret_leak(&mut self, span: Span) {
        self.push(
            Diagnostic::new(Code::SecretLeak, span, "a secret would be seen here")
                .label("this holds a secret")
                .help("a secret may go to `env`, `stdin`, a header, a `json`, `form` or `body`, and nowhere else"),
        );
    }

    /// The expression and its type. `want` is what the place asks for; a bare word is read by it.
    pub(super) fn infer(&mut self, expr: &'a ast::Expr, want: Option<&Type>) -> Inferred {
        match &expr.kind {
            ExprKind::Bad => ERROR,
            ExprKind::Literal(value) => (Expr::Value(value.clone()), Type::of(value)),
            ExprKind::Text(text) => self.template(text),
            ExprKind::Paren(inner) => self.infer(inner, want),
            ExprKind::Name(name) => self.name(name, expr.span, want),
            ExprKind::Member(..) | ExprKind::Index(..) => self.member(expr, want),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, expr.span),
            ExprKind::List(elements) => self.list(elements, want),
            ExprKind::Map(entries) => self.map(entries, want),
            ExprKind::Not(inner) => {
                let inner = self.typed(inner, Some(&Type::Condition));
                (Expr::Not(Box::new(inner.expr)), Type::Condition)
            }
            ExprKind::Negate(inner) => {
                let (inner_expr, ty) = self.infer(inner, want);
                if !matches!(ty, Type::Int | Type::Number | Type::Percent | Type::Points | Type::Duration | Type::Error)
                {
                    let title = format!("{} has no negative", article(&ty));
                    self.push(Diagnostic::new(Code::Mismatch, inner.span, title).label(article(&ty)));
                    return ERROR;
                }
                match inner_expr {
                    Expr::Value(Value::Int(n)) => (Expr::Value(Value::Int(-n)), ty),
                    Expr::Value(Value::Number(n)) => (Expr::Value(Value::Number(-n)), ty),
                    other => (Expr::Negate(Box::new(other)), ty),
                }
            }
            ExprKind::Logic(logic, operands) => {
                let operands = operands.iter().map(|o| self.typed(o, Some(&Type::Condition)).expr).collect();
                (Expr::Logic(*logic, operands), Type::Condition)
            }
            ExprKind::Compare(comparison, operator, a, b) => self.compare(*comparison, *operator, a, b),
            ExprKind::Arithmetic(operation, a, b) => self.arithmetic(*operation, a, b, expr.span),
            ExprKind::Scale(factor, inner) => {
                let (inner_expr, ty) = self.infer(inner, want);
                (Expr::Scale(*factor, Box::new(inner_expr)), ty)
            }
            ExprKind::For(condition, length) => self.held(condition, length, expr.span),
            ExprKind::Runs(step, length) => self.runs(step, length, expr.span),
            ExprKind::Command(_) => {
                self.push(
                    Diagnostic::new(Code::Misplaced, expr.span, "a command is no value here")
                        .label("is not run here")
                        .help("only a `fact` asks the world; a step captures what its commands print"),
                );
                ERROR
            }
        }
    }

    fn held(&mut self, condition: &'a ast::Expr, length: &'a ast::Expr, span: Span) -> Inferred {
        if !self.allow.spans {
            let at = Span { start: condition.span.end, ..span };
            self.push(
                Diagnostic::new(Code::Misplaced, at, "nothing is watched over time here")
                    .label("a `for` needs something that is sampled")
                    .help("`for` stands in the conditions of triggers, and of gates and holds on metrics"),
            );
        }
        let id = self.spans;
        self.spans += 1;
        let condition = self.typed(condition, Some(&Type::Condition));
        let length = self.typed(length, Some(&Type::Duration));
        let held = Expr::Held { id, condition: Box::new(condition.expr), span: Box::new(length.expr) };
        (held, Type::Condition)
    }

    fn runs(&mut self, step: &'a ast::Expr, length: &'a ast::Expr, span: Span) -> Inferred {
        let length = self.typed(length, Some(&Type::Duration));
        if !self.allow.spans {
            let finding = Diagnostic::new(Code::Misplaced, span, "only a trigger watches how long a step runs");
            self.push(finding.label("does not belong here"));
        }
        let Some((id, _)) = self.node_name(step, &[Keyword::Step]) else { return ERROR };
        (Expr::Runs { step: id, span: Box::new(length.expr) }, Type::Condition)
    }

    /// A string with values in it; one secret makes it secret.
    pub(super) fn template(&mut self, text: &'a Text) -> Inferred {
        let mut parts = Vec::new();
        let mut ty = Type::Text;
        for piece in &text.pieces {
            match piece {
                Piece::Text(text, _) => parts.push(Part::Text(text.clone())),
                Piece::Value(value) => {
                    let (inner, inner_ty) = self.infer(value, None);
                    match inner_ty {
                        held if held.holds_secret() => ty = Type::Secret,
                        Type::Error if ty != Type::Secret => ty = Type::Error,
                        _ => {}
                    }
                    parts.push(Part::Value(inner));
                }
            }
        }
        match &parts[..] {
            [] => (Expr::text(""), ty),
            [Part::Text(text)] => (Expr::text(text.clone()), ty),
            _ => (Expr::Template(parts), ty),
        }
    }

    fn list(&mut self, elements: &'a [ast::Element], want: Option<&Type>) -> Inferred {
        let inner = match want {
            Some(Type::List(inner)) => Some(inner.as_ref()),
            _ => None,
        };
        let mut items = Vec::new();
        let mut common: Option<Type> = None;
        for element in elements {
            let item = self.typed(&element.value, inner);
            let fits = common.as_ref().is_none_or(|c| c.accepts(&item.ty) || item.ty.accepts(c));
            if fits {
                let widens = common.as_ref().is_none_or(|c| !c.accepts(&item.ty) || *c == Type::Error);
                if widens {
                    common = Some(item.ty.clone());
                }
            } else if inner.is_none() && !both_records(common.as_ref(), &item.ty) {
                let first = common.clone().unwrap_or(Type::Any);
                let title = format!("a list has elements of one type, and this one begins with {}", article(&first));
                self.push(Diagnostic::new(Code::Mismatch, item.span, title).label(article(&item.ty)));
            } else if let Some(Type::Record(first)) = &common {
                self.odd_record(first.clone(), &item);
            }
            items.push(item.expr);
        }
        (Expr::List(items), Type::List(Box::new(common.unwrap_or(Type::Any))))
    }

    fn odd_record(&mut self, first: IndexMap<String, Type>, item: &Typed) {
        let Type::Record(own) = &item.ty else { return };
        let missing: Vec<_> = first.keys().filter(|k| !own.contains_key(*k)).map(|k| format!("`{k}`")).collect();
        let extra: Vec<_> = own.keys().filter(|k| !first.contains_key(*k)).map(|k| format!("`{k}`")).collect();
        let changed = first.iter().find(|(k, t)| own.get(*k).is_some_and(|o| !t.accepts(o)));
        let title = match (missing.is_empty(), extra.is_empty(), changed) {
            (false, ..) => format!("this element lacks {}", missing.join(", ")),
            (_, false, _) => format!("this element has {} and the first has not", extra.join(", ")),
            (_, _, Some((key, ty))) => format!("`{key}` is {} in the first element and not here", article(ty)),
            _ => return,
        };
        self.push(
            Diagnostic::new(Code::Mismatch, item.span, title)
                .label("differs from the first element")
                .help("the elements of a list have the same keys"),
        );
    }

    fn map(&mut self, entries: &'a [(Name, ast::Expr)], want: Option<&Type>) -> Inferred {
        let inner = match want {
            Some(Type::Map(inner)) => Some(inner.as_ref()),
            _ => None,
        };
        let mut map = Vec::new();
        let mut fields = IndexMap::new();
        for (name, value) in entries {
            let value = self.typed(value, inner);
            fields.insert(name.text.clone(), value.ty);
            map.push((name.text.clone(), value.expr));
        }
        (Expr::Map(map), Type::Record(fields))
    }

    fn member(&mut self, expr: &'a ast::Expr, want: Option<&Type>) -> Inferred {
        if let Some(path) = expr.path()
            && let Some(found) = self.word(&path, expr.span)
        {
            return found;
        }
        if let Some(found) = self.captured(expr) {
            return found;
        }
        match &expr.kind {
            ExprKind::Member(inner, name) => {
                if is_bad(inner) {
                    return ERROR;
                }
                let (inner_expr, ty) = self.infer(inner, None);
                match ty {
                    Type::Record(fields) => match fields.get(&name.text) {
                        Some(ty) => (Expr::Member(Box::new(inner_expr), name.text.clone()), ty.clone()),
                        None => {
                            let close = did_you_mean(&name.text, fields.keys().map(String::as_str));
                            let names: Vec<_> = fields.keys().map(|k| format!("`{k}`")).collect();
                            let title = format!("there is no `{}` in it", name.text);
                            self.push(Diagnostic::new(Code::UnknownName, name.span, title).label("unknown key").help(
                                match close {
                                    Some(close) => format!("did you mean `{close}`?"),
                                    None => format!("it has {}", names.join(", ")),
                                },
                            ));
                            ERROR
                        }
                    },
                    Type::Map(inner_ty) => (Expr::Member(Box::new(inner_expr), name.text.clone()), *inner_ty),
                    Type::Any => (Expr::Member(Box::new(inner_expr), name.text.clone()), Type::Any),
                    Type::Error => ERROR,
                    other => {
                        let title = format!("{} has no parts", article(&other));
                        self.push(Diagnostic::new(Code::Mismatch, name.span, title).label("not a part of it"));
                        ERROR
                    }
                }
            }
            ExprKind::Index(inner, index) => self.index(inner, index),
            _ => self.infer(expr, want),
        }
    }

    fn index(&mut self, inner: &'a ast::Expr, index: &'a ast::Expr) -> Inferred {
        let (inner_expr, ty) = self.infer(inner, None);
        let (want, result) = match &ty {
            Type::List(inner) => (Type::Int, (**inner).clone()),
            Type::Map(inner) => (Type::Text, (**inner).clone()),
            // All values of a record have to have one type if its key is only known later.
            Type::Record(fields) => {
                let first = fields.values().next().cloned().unwrap_or(Type::Any);
                (Type::Text, if fields.values().all(|f| first.accepts(f)) { first } else { Type::Any })
            }
            Type::Any => (Type::Any, Type::Any),
            Type::Error => {
                self.infer(index, None);
                return ERROR;
            }
            other => {
                let title = format!("{} has no elements", article(other));
                self.push(Diagnostic::new(Code::Mismatch, inner.span, title).label(article(other)));
                return ERROR;
            }
        };
        let index = self.typed(index, Some(&want));
        (Expr::Index(Box::new(inner_expr), Box::new(index.expr)), result)
    }

    fn call(&mut self, callee: &'a ast::Expr, arguments: &'a [ast::Expr], span: Span) -> Inferred {
        let name = callee.path().unwrap_or_default();
        let Some(function) = Function::from_name(&name) else {
            let close = did_you_mean(&name, Function::ALL.iter().map(|f| f.name()));
            let names: Vec<_> = Function::ALL.iter().map(|f| f.name()).collect();
            let help =
                close.map_or(format!("the functions are {}", names.join(", ")), |c| format!("did you mean `{c}`?"));
            let finding = Diagnostic::new(Code::UnknownName, callee.span, format!("there is no function `{name}`"));
            self.push(finding.label("unknown function").help(help));
            return ERROR;
        };
        self.function(function, arguments, span)
    }

    fn function(&mut self, function: Function, arguments: &'a [ast::Expr], span: Span) -> Inferred {
        let list = Type::List(Box::new(Type::Any));
        let (wants, required, result): (&[Type], usize, Type) = match function {
            Function::Upper | Function::Lower | Function::Trim => (&[Type::Text], 1, Type::Text),
            // Plans have it, files have not.
            Function::Share => (&[Type::Text], 1, Type::Percent),
            Function::Len => (&[Type::Any], 1, Type::Int),
            Function::Join => (&[list, Type::Text], 1, Type::Text),
            Function::Min | Function::Max => (&[], 1, Type::Any),
            Function::FormatTime => (&[Type::Instant, Type::Text, Type::Text], 2, Type::Text),
            Function::Files => (&[Type::Text], 1, Type::List(Box::new(Type::Text))),
            Function::Json | Function::Header => {
                let known = match function {
                    Function::Header => self.allow.output == Some(Output::Answer),
                    _ => matches!(self.allow.output, Some(Output::Command | Output::Answer)),
                };
                if !known {
                    let title = format!("`{}` reads an answer, and there is none here", function.name());
                    self.push(
                        Diagnostic::new(Code::NotKnownHere, span, title)
                            .label("no answer")
                            .help("it stands in the body of an `http`, in `expect` and `capture`"),
                    );
                    return ERROR;
                }
                (&[Type::Text], 1, if function == Function::Json { Type::Any } else { Type::Text })
            }
            Function::Getenv | Function::File | Function::Exec => {
                let title = format!("`{}` is only for secrets", function.name());
                let help = "declare `secret name = getenv(\"NAME\")`; settings come in by `var` and `--var`";
                self.push(Diagnostic::new(Code::Misplaced, span, title).label("does not belong here").help(help));
                return ERROR;
            }
            Function::LastRollback | Function::Segment => {
                self.not_yet(span, &format!("`{}`", function.name()));
                (&[Type::Text], 1, if function == Function::Segment { Type::Text } else { Type::Duration })
            }
        };
        let most = if wants.is_empty() { usize::MAX } else { wants.len() };
        if arguments.len() < required || arguments.len() > most {
            let count = match most - required {
                0 => required.to_string(),
                1 => format!("{required} or {most}"),
                _ => format!("{required} or more"),
            };
            let values = if count == "1" { "value" } else { "values" };
            let given = match arguments.len() {
                1 => "1 is given".to_owned(),
                n => format!("{n} are given"),
            };
            let title = format!("`{}` takes {count} {values}", function.name());
            let finding = Diagnostic::new(Code::Arguments, span, title).label(given);
            self.push(finding);
            return ERROR;
        }
        let typed: Vec<Typed> =
            arguments.iter().enumerate().map(|(i, a)| self.typed_argument(a, wants.get(i))).collect();
        let tainted = typed.iter().any(|t| t.ty.holds_secret());
        let result = match function {
            Function::Min | Function::Max => typed.first().map_or(Type::Any, |t| match &t.ty {
                Type::List(inner) => (**inner).clone(),
                other => other.clone(),
            }),
            _ => result,
        };
        let expr = Expr::Call(function, typed.into_iter().map(|t| t.expr).collect());
        (expr, if tainted { Type::Secret } else { result })
    }

    /// An argument may be secret: then so is the result.
    fn typed_argument(&mut self, argument: &'a ast::Expr, want: Option<&Type>) -> Typed {
        let allow = Allow { secrets: true, ..self.allow };
        self.allowing(allow, |c| c.typed(argument, want))
    }
}

fn both_records(a: Option<&Type>, b: &Type) -> bool {
    matches!((a, b), (Some(Type::Record(_)), Type::Record(_)))
}

/// How a bare number could have been meant.
pub(super) fn units_for(want: &Type, number: &str) -> Option<String> {
    Some(match want {
        Type::Duration => match number.parse::<f64>() {
            Ok(n) if n >= 100.0 => format!("write `{number}ms` or `{number}s`"),
            _ => format!("write `{number}ms`, `{number}s` or `{number}m`"),
        },
        Type::Percent => match number.parse::<f64>() {
            Ok(n) if n > 0.0 && n < 1.0 => format!("did you mean `{}%`?", crate::value::number_text(n * 100.0)),
            _ => format!("write `{number}%`"),
        },
        Type::Size => format!("write `{number}KB`, `{number}MB` or `{number}B`"),
        Type::Rate => format!("write `{number}/s` or `{number}/min`"),
        Type::Offset => format!("write `T+{number}m` or `T+{number}h`"),
        _ => return None,
    })
}

/// How a value of a type is written.
fn example(ty: &Type) -> Option<&'static str> {
    Some(match ty {
        Type::Text => "in quotes, `\"text\"`",
        Type::Int | Type::Count => "`3`",
        Type::Number => "`0.5`",
        Type::Bool => "`true` or `false`",
        Type::Duration => "`5m`",
        Type::Percent => "`5%`",
        Type::Offset => "`T+5m`",
        Type::Instant => "`2025-11-15T10:00:00-08:00`",
        Type::Url => "`\"https://example.com\"`, or declared as `let name: url = …`",
        Type::Semver => "`\"1.2.0\"`",
        Type::Email => "`\"name@example.com\"`, or declared as `let name: email = …`",
        Type::List(_) => "in brackets, `[\"a\", \"b\"]`",
        Type::Map(_) => "in braces, `{ name = \"value\" }`",
        _ => return None,
    })
}
