//! Literals: numbers with units, dates, offsets.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::ExprKind;
use crate::syntax::grammar::Rule;
use crate::value::{QuantityError, Type, Value, parse_quantity};

use super::{Builder, P};

impl<'s> Builder<'s> {
    pub(super) fn literal(&mut self, pair: &P<'s>) -> ExprKind {
        let span = self.span(pair);
        let text = pair.as_str().trim_end();
        let value = match pair.as_rule() {
            Rule::quantity => self.quantity(text, span),
            Rule::spaced_percent => {
                let number = text.trim_end_matches('%').trim_end();
                let better = format!("{number}%");
                self.push(
                    Diagnostic::new(Code::WrongForm, span, "a percent is written without a space")
                        .label("a space before the `%`")
                        .help(format!("write `{better}`"))
                        .fix(span, better.clone()),
                );
                parse_quantity(&better).ok()
            }
            Rule::offset => self.offset(text, span),
            Rule::date => self.dated(&Type::Date, text, span, "there is no such day"),
            Rule::instant => self.dated(&Type::Instant, text, span, "there is no such instant"),
            Rule::time_of_day => {
                let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
                self.dated(&Type::Time, &padded, span, "there is no such time of day")
            }
            _ => None,
        };
        value.map_or(ExprKind::Bad, ExprKind::Literal)
    }

    fn dated(&mut self, ty: &Type, text: &str, span: Span, what: &str) -> Option<Value> {
        let value = ty.read(text).ok();
        if value.is_none() {
            let finding = Diagnostic::new(Code::BadLiteral, span, what)
                .label(format!("not {} {ty}", if *ty == Type::Instant { "an" } else { "a" }));
            self.push(finding);
        }
        value
    }

    fn quantity(&mut self, text: &str, span: Span) -> Option<Value> {
        match parse_quantity(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let finding = quantity_finding(text, span, error);
                self.push(finding);
                None
            }
        }
    }

    fn offset(&mut self, text: &str, span: Span) -> Option<Value> {
        if let Ok(value) = Type::Offset.read(text) {
            return Some(value);
        }
        let (sign, rest) = text.split_at(2);
        let finding = match parse_quantity(rest) {
            Ok(Value::Int(_)) => Diagnostic::new(Code::WrongForm, span, format!("`{text}` has no unit"))
                .label("days, hours or minutes?")
                .help(format!("write `{text}d`, `{text}h` or `{text}m`")),
            Ok(other) => Diagnostic::new(Code::Mismatch, span, "an offset is a length of time before or after T+0")
                .label(format!("a {} is none", other.type_name()))
                .help("write it like `T+5m` or `T-24h`"),
            Err(error) => {
                let mut finding = quantity_finding(rest, span, error);
                if let Some(fix) = &mut finding.fix {
                    fix.text = format!("{sign}{}", fix.text);
                    finding.help = Some(format!("write `{}`", fix.text));
                }
                finding
            }
        };
        self.push(finding);
        None
    }
}

fn quantity_finding(text: &str, span: Span, error: QuantityError) -> Diagnostic {
    let (finding, write) = match error {
        QuantityError::UnknownUnit { unit, write } => {
            let units = "durations have ms s m h d w; sizes B KB MB GB TB KiB MiB GiB TiB; then % pp x /s /min /h";
            let finding = Diagnostic::new(Code::UnknownUnit, span, format!("unknown unit `{unit}`"))
                .label("this unit does not exist");
            (if write.is_none() { finding.help(units) } else { finding }, write)
        }
        QuantityError::Overflow => {
            let finding =
                Diagnostic::new(Code::BadLiteral, span, format!("`{text}` is too large")).label("cannot be kept");
            (finding, None)
        }
        QuantityError::Order { write } => {
            let title = "the units of a duration descend, each once";
            (Diagnostic::new(Code::WrongForm, span, title).label("out of order"), Some(write))
        }
        QuantityError::Fraction { write } => {
            let title = "a duration is written in whole units";
            (Diagnostic::new(Code::WrongForm, span, title).label("a fraction"), write)
        }
        QuantityError::NotANumber => {
            let finding = Diagnostic::new(Code::BadLiteral, span, format!("`{text}` is not a number"));
            let version = text.split('.').count() == 3 && text.split('.').all(|p| p.parse::<u64>().is_ok());
            let finding = if version {
                let quoted = format!("\"{text}\"");
                finding.label("a version is a string").help(format!("write `{quoted}`")).fix(span, quoted)
            } else {
                finding.label("neither a number nor a quantity")
            };
            (finding, None)
        }
    };
    match write {
        Some(write) => finding.help(format!("write `{write}`")).fix(span, write),
        None => finding,
    }
}
