//! Expressions as text: as one would write them, with what is not known yet by its name.

use std::fmt;

use super::{Arithmetic, Expr, Logic, Part, Ref, RefKind, Value};

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RefKind::Baseline => f.write_str("baseline"),
            // In a gate what it captures is known by its bare name.
            RefKind::Capture => f.write_str(self.name.trim_start_matches('.')),
            _ => f.write_str(&self.name),
        }
    }
}

/// As it would be written in a file.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Value(Value::Text(text)) => write!(f, "{}", Quoted(text)),
            Expr::Value(Value::List(items)) => {
                let items: Vec<String> = items.iter().map(|v| Expr::Value(v.clone()).to_string()).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Expr::Value(Value::Map(map)) => {
                let entries: Vec<String> =
                    map.iter().map(|(k, v)| format!("{k} = {}", Expr::Value(v.clone()))).collect();
                write!(f, "{{ {} }}", entries.join(", "))
            }
            Expr::Value(value) => write!(f, "{value}"),
            Expr::Ref(reference) => write!(f, "{reference}"),
            Expr::Template(parts) => write!(f, "\"{}\"", template_text(parts)),
            Expr::List(items) => write!(f, "[{}]", joined(items)),
            Expr::Map(entries) => {
                let entries: Vec<String> = entries.iter().map(|(k, e)| format!("{k} = {e}")).collect();
                write!(f, "{{ {} }}", entries.join(", "))
            }
            Expr::Member(inner, name) => write!(f, "{inner}.{name}"),
            Expr::Index(inner, index) => write!(f, "{inner}[{index}]"),
            Expr::Not(inner) => write!(f, "not {}", Tight(inner)),
            Expr::Negate(inner) => write!(f, "-{}", Tight(inner)),
            Expr::Logic(logic, operands) => {
                let word = if *logic == Logic::And { " and " } else { " or " };
                let operands: Vec<String> = operands.iter().map(|o| Tight(o).to_string()).collect();
                f.write_str(&operands.join(word))
            }
            Expr::Compare(comparison, a, b) => write!(f, "{} {} {}", Tight(a), comparison.symbol(), Tight(b)),
            Expr::Arithmetic(operation, a, b) => {
                let close = matches!(operation, Arithmetic::Multiply | Arithmetic::Divide);
                match close {
                    true => write!(f, "{} {} {}", Tight(a), operation.symbol(), Tight(b)),
                    false => write!(f, "{a} {} {}", operation.symbol(), Tight(b)),
                }
            }
            Expr::Scale(factor, inner) => write!(f, "{}x {}", super::number_text(*factor), Tight(inner)),
            Expr::Call(function, arguments) => write!(f, "{}({})", function.name(), joined(arguments)),
            Expr::Held { condition, span, .. } => write!(f, "{} for {span}", HeldCondition(condition)),
            Expr::Runs { step, span } => write!(f, "{step} runs {span}"),
            Expr::Error => f.write_str("?"),
        }
    }
}

/// The pieces of a string, without quotes: what is not known yet as `${name}`.
pub fn template_text(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(Expr::Value(value)) => value.to_string(),
            Part::Value(expr) => format!("${{{expr}}}"),
        })
        .collect()
}

/// What a string says, without quotes.
pub fn plain_text(expr: &Expr) -> String {
    match expr {
        Expr::Value(value) => value.to_string(),
        Expr::Template(parts) => template_text(parts),
        other => format!("${{{other}}}"),
    }
}

fn joined(items: &[Expr]) -> String {
    items.iter().map(Expr::to_string).collect::<Vec<_>>().join(", ")
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(f, "\"{}\"", escaped.replace("${", "\\${"))
    }
}

/// In parentheses, if it is made of parts.
struct Tight<'a>(&'a Expr);

impl fmt::Display for Tight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loose = matches!(self.0, Expr::Logic(..) | Expr::Held { .. } | Expr::Arithmetic(..));
        if loose { write!(f, "({})", self.0) } else { write!(f, "{}", self.0) }
    }
}

/// `for` is a postfix of one comparison or of a parenthesis.
struct HeldCondition<'a>(&'a Expr);

impl fmt::Display for HeldCondition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.0, Expr::Logic(..)) { write!(f, "({})", self.0) } else { write!(f, "{}", self.0) }
    }
}
/// The parts of a message, one after the other; a list begins on a line of its own, and ends with one.
pub fn in_lines(parts: impl Iterator<Item = Value>) -> String {
    let (mut text, mut after_list) = (String::new(), false);
    for part in parts {
        let list = matches!(&part, Value::List(items) if !items.is_empty());
        let piece = part.to_string();
        let mut piece = piece.as_str();
        if after_list {
            piece = piece.trim_start_matches([' ', '\t']);
        }
        if piece.is_empty() {
            continue;
        }
        let begun = !text.is_empty() && !text.ends_with('\n');
        if begun && (list || after_list && !piece.starts_with('\n')) {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
            text.push('\n');
        }
        after_list = list;
        text.push_str(piece);
    }
    text
}
