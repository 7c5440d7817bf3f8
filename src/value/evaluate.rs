//! What an expression is worth.
//!
//! Conditions are three-valued (Kleene): no data makes a comparison neither true nor false, `and` and `or` go on only as
//! far as what is known decides them. [`fold`] replaces what is known already and leaves the rest as it is.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Arithmetic, Comparison, Expr, Function, Logic, Part, Ref, RefKind, Value};

/// What looking something up gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It is known.
    Value(Value),
    /// It will be known later.
    Later,
    /// It will never be known; the words say why.
    Never(String),
}

/// Where an expression finds what it names.
pub trait Environment {
    /// The value of a reference.
    fn look_up(&self, reference: &Ref) -> Found;

    /// Whether a condition has held for its span; nothing where no spans are kept.
    fn held(&self, _id: u32) -> Option<Value> {
        None
    }

    /// How long a step has been running; nothing if it is not.
    fn running(&self, _step: &str) -> Option<SignedDuration> {
        None
    }

    /// Files that match a pattern, sorted; only where the plan is made.
    fn files(&self, _pattern: &str) -> Option<std::result::Result<Vec<String>, String>> {
        None
    }

    /// The body of the answer, or what the command printed, and the headers: `json("…")`, `header("…")`.
    fn header(&self, _name: &str) -> Option<Value> {
        None
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub enum EvalError {
    /// It depends on something that is not known yet.
    Later,
    /// It makes no sense; the words say why, in the language of a message.
    Failed(String),
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EvalError::Later => f.write_str("it is not known yet"),
            EvalError::Failed(why) => f.write_str(why),
        }
    }
}

/// The largest value that is made, in bytes and elements: a few lines of text can ask for more than any machine has.
const LARGEST: usize = 4 * 1024 * 1024;

/// The longest duration and the farthest offset, as a literal has it too: a thousand years.
const LONGEST: SignedDuration = SignedDuration::from_hours(1000 * 365 * 24);

fn within(size: usize) -> Result<()> {
    if size > LARGEST { failed("the value would be larger than 4 MiB") } else { Ok(()) }
}

/// How much a value holds.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 1,
        Value::List(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Map(map) => 1 + map.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>(),
        _ => 1,
    }
}

type Result<T> = std::result::Result<T, EvalError>;

fn failed<T>(why: impl Into<String>) -> Result<T> {
    Err(EvalError::Failed(why.into()))
}

/// The value of an expression.
///
/// # Errors
/// [`EvalError::Later`] if it depends on what is not known yet; [`EvalError::Failed`] if it has no meaning, such as an
/// index outside its list.
pub fn evaluate(expr: &Expr, env: &dyn Environment) -> Result<Value> {
    match expr {
        Expr::Value(value) => Ok(value.clone()),
        Expr::Ref(reference) => match env.look_up(reference) {
            Found::Value(value) => Ok(value),
            Found::Later => Err(EvalError::Later),
            Found::Never(why) => failed(why),
        },
        Expr::Template(parts) => {
            let mut text = String::new();
            for part in parts {
                match part {
                    Part::Text(literal) => text.push_str(literal),
                    Part::Value(inner) => text.push_str(&evaluate(inner, env)?.to_string()),
                }
                within(text.len())?;
            }
            Ok(Value::Text(text))
        }
        Expr::List(items) => {
            let items = items.iter().map(|e| evaluate(e, env)).collect::<Result<Vec<_>>>()?;
            within(items.iter().map(weight).sum())?;
            Ok(Value::List(items))
        }
        Expr::Map(entries) => {
            let map = entries.iter().map(|(k, e)| Ok((k.clone(), evaluate(e, env)?)));
            Ok(Value::Map(map.collect::<Result<_>>()?))
        }
        Expr::Member(inner, name) => match evaluate(inner, env)? {
            Value::Map(mut map) => match map.shift_remove(name) {
                Some(value) => Ok(value),
                None => failed(format!("there is no `{name}` in it")),
            },
            Value::None => Ok(Value::None),
            other => failed(format!("a {} has no `{name}`", other.type_name())),
        },
        Expr::Index(inner, index) => at_index(evaluate(inner, env)?, evaluate(index, env)?),
        Expr::Not(inner) => Ok(match truth(evaluate(inner, env)?)? {
            Some(known) => Value::Bool(!known),
            None => Value::None,
        }),
        Expr::Negate(inner) => negate(evaluate(inner, env)?),
        Expr::Logic(op, operands) => logic(*op, operands, env),
        Expr::Compare(op, a, b) => compare(*op, &evaluate(a, env)?, &evaluate(b, env)?),
        Expr::Arithmetic(op, a, b) => arithmetic(*op, evaluate(a, env)?, evaluate(b, env)?),
        Expr::Scale(factor, inner) => arithmetic(Arithmetic::Multiply, Value::Number(*factor), evaluate(inner, env)?),
        Expr::Call(function, arguments) => call(*function, arguments, env),
        Expr::Held { id, .. } => env.held(*id).ok_or(EvalError::Later),
        Expr::Runs { step, span } => {
            let Value::Duration(span) = evaluate(span, env)? else { return failed("`runs` needs a duration") };
            Ok(Value::Bool(env.running(step).is_some_and(|running| running >= span)))
        }
        Expr::Error => failed("it has no meaning"),
    }
}

/// The same expression with everything in it that is known already as a value.
pub fn fold(expr: Expr, env: &dyn Environment) -> Expr {
    expr.map_inner(&mut |e| match e {
        // What is too large is left as it is: whoever evaluates it is told.
        Expr::Template(parts) if parts.iter().map(length).sum::<usize>() > LARGEST => Expr::Template(parts),
        Expr::Template(parts) => fold_template(parts),
        // Held and Runs depend on time, whatever stands in them.
        held @ (Expr::Held { .. } | Expr::Runs { .. } | Expr::Value(_)) => held,
        other => match evaluate(&other, env) {
            Ok(value) => Expr::Value(value),
            Err(_) => other,
        },
    })
}

fn length(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Value(Expr::Value(value)) => weight(value),
        Part::Value(_) => 1,
    }
}

/// Joins neighbouring text; a template of text only is a string.
fn fold_template(parts: Vec<Part>) -> Expr {
    let mut folded: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        let text = match part {
            Part::Text(text) => text,
            Part::Value(Expr::Value(value)) => value.to_string(),
            Part::Value(Expr::Template(inner)) => {
                folded.extend(inner);
                continue;
            }
            later => {
                folded.push(later);
                continue;
            }
        };
        match folded.last_mut() {
            Some(Part::Text(before)) => before.push_str(&text),
            _ => folded.push(Part::Text(text)),
        }
    }
    match folded.as_slice() {
        [] => Expr::text(""),
        [Part::Text(text)] => Expr::text(text.clone()),
        _ => Expr::Template(folded),
    }
}

/// True, false, or nothing where there is no data.
fn truth(value: Value) -> Result<Option<bool>> {
    match value {
        Value::Bool(b) => Ok(Some(b)),
        Value::None => Ok(None),
        Value::Word(word) if word == "on" || word == "off" => Ok(Some(word == "on")),
        other => failed(format!("a {} is neither true nor false", other.type_name())),
    }
}

fn logic(op: Logic, operands: &[Expr], env: &dyn Environment) -> Result<Value> {
    let decides = op == Logic::Or;
    let mut unknown = None;
    for operand in operands {
        match evaluate(operand, env).and_then(truth) {
            Ok(Some(known)) if known == decides => return Ok(Value::Bool(decides)),
            Ok(Some(_)) => {}
            Ok(None) => unknown = unknown.or(Some(Ok(Value::None))),
            // A later operand may still decide, so that folding does not hide it.
            Err(error) => unknown = Some(Err(error)),
        }
    }
    unknown.unwrap_or(Ok(Value::Bool(!decides)))
}

fn at_index(value: Value, index: Value) -> Result<Value> {
    match (value, index) {
        (Value::List(mut items), Value::Int(i)) => match usize::try_from(i).ok().filter(|i| *i < items.len()) {
            Some(i) => Ok(items.swap_remove(i)),
            None => failed(format!("the list has {} elements, and counting from 0 there is no {i}", items.len())),
        },
        (Value::Map(mut map), key) => {
            let key = key.to_string();
            map.shift_remove(&key).map_or_else(|| failed(format!("the map has no `{key}`")), Ok)
        }
        (Value::None, _) => Ok(Value::None),
        (other, index) => failed(format!("a {} has no element by a {}", other.type_name(), index.type_name())),
    }
}

fn negate(value: Value) -> Result<Value> {
    Ok(match value {
        Value::Int(n) => Value::Int(-n),
        Value::Number(n) => Value::Number(-n),
        Value::Percent(n) => Value::Percent(-n),
        Value::Points(n) => Value::Points(-n),
        Value::Duration(d) => Value::Duration(-d),
        Value::None => Value::None,
        other => return failed(format!("a {} has no negative", other.type_name())),
    })
}

/// Two values by their magnitudes, if they have one unit.
fn ordering(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    use Value::{Date, Duration, Factor, Instant, Int, Number, Offset, Percent, Points, Rate, Size, Text, Time};
    match (a, b) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Int(_) | Number(_), Int(_) | Number(_)) => a.magnitude()?.partial_cmp(&b.magnitude()?),
        (Duration(a), Duration(b)) | (Offset(a), Offset(b)) => Some(a.cmp(b)),
        (Percent(a), Percent(b))
        | (Points(a), Points(b))
        | (Factor(a), Factor(b))
        | (Size(a), Size(b))
        | (Rate(a), Rate(b)) => a.partial_cmp(b),
        (Time(a), Time(b)) => Some(a.cmp(b)),
        (Date(a), Date(b)) => Some(a.cmp(b)),
        (Instant(a), Instant(b)) => Some(a.cmp(b)),
        (Text(a), Text(b)) => match (semver::Version::parse(a), semver::Version::parse(b)) {
            (Ok(a), Ok(b)) => Some(a.cmp(&b)),
            _ => Some(str::cmp(a, b)),
        },
        _ => None,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a) | Value::Word(a), Value::Text(b) | Value::Word(b)) => a == b,
        (Value::Bool(on), Value::Word(word)) | (Value::Word(word), Value::Bool(on)) => {
            (*on && word == "on") || (!*on && word == "off")
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => ordering(a, b).map_or_else(|| a == b, |o| o.is_eq()),
    }
}

fn compare(op: Comparison, a: &Value, b: &Value) -> Result<Value> {
    if let (Comparison::In, Value::List(items)) = (op, b) {
        return Ok(if *a == Value::None { Value::None } else { Value::Bool(items.iter().any(|item| equal(a, item))) });
    }
    if *a == Value::None || *b == Value::None {
        return Ok(Value::None);
    }
    if let Comparison::Equal | Comparison::NotEqual = op {
        return Ok(Value::Bool(equal(a, b) == (op == Comparison::Equal)));
    }
    if op == Comparison::Matches {
        let (Some(text), Some(pattern)) = (a.as_text(), b.as_text()) else {
            return failed("`=~` compares a string with a regular expression");
        };
        return match regex::Regex::new(pattern) {
            Ok(regex) => Ok(Value::Bool(regex.is_match(text))),
            Err(_) => failed(format!("`{pattern}` is not a regular expression")),
        };
    }
    let Some(order) = ordering(a, b) else {
        return failed(format!("a {} cannot be compared with a {}", a.type_name(), b.type_name()));
    };
    Ok(Value::Bool(match op {
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn arithmetic(op: Arithmetic, a: Value, b: Value) -> Result<Value> {
    match calculate(op, a, b)? {
        Value::Duration(d) | Value::Offset(d) if d.abs() > LONGEST => {
            failed("the result is longer than a thousand years")
        }
        result => Ok(result),
    }
}

fn calculate(op: Arithmetic, a: Value, b: Value) -> Result<Value> {
    use Arithmetic::*;
    use Value as V;
    let refuse = |a: &Value, b: &Value| {
        failed(format!("`{}` does not work on a {} and a {}", op.symbol(), a.type_name(), b.type_name()))
    };
    let overflow = || EvalError::Failed("the result is too large".into());
    let sign = if op == Subtract { -1.0 } else { 1.0 };
    let shift = |d: SignedDuration| if op == Subtract { -d } else { d };
    Ok(match (op, a, b) {
        (_, V::None, _) | (_, _, V::None) => V::None,
        (_, V::Int(a), V::Int(b)) => {
            let result = match op {
                Add => a.checked_add(b),
                Subtract => a.checked_sub(b),
                Multiply => a.checked_mul(b),
                Divide if b == 0 => return failed("it divides by zero"),
                Divide if a % b != 0 => return Ok(V::Number(a as f64 / b as f64)),
                Divide => a.checked_div(b),
            };
            V::Int(result.ok_or_else(overflow)?)
        }
        (Add | Subtract, V::Duration(a), V::Duration(b)) => V::Duration(a.checked_add(shift(b)).ok_or_else(overflow)?),
        (Add | Subtract, V::Offset(a), V::Duration(b)) => V::Offset(a.checked_add(shift(b)).ok_or_else(overflow)?),
        (Subtract, V::Offset(a), V::Offset(b)) => V::Duration(a.checked_sub(b).ok_or_else(overflow)?),
        (Add | Subtract, V::Instant(a), V::Duration(b)) => V::Instant(a.checked_add(shift(b)).map_err(|_| overflow())?),
        (Subtract, V::Instant(a), V::Instant(b)) => V::Duration(a.duration_since(b)),
        (Add | Subtract, V::Percent(a), V::Points(b)) => V::Percent(a + sign * b),
        (Add | Subtract, V::Percent(a), V::Percent(b)) => V::Percent(a + sign * b),
        (Add | Subtract, V::Points(a), V::Points(b)) => V::Points(a + sign * b),
        (Add | Subtract, V::Size(a), V::Size(b)) => V::Size(a + sign * b),
        (Add | Subtract, V::Rate(a), V::Rate(b)) => V::Rate(a + sign * b),
        // `baseline + 10%`: ten percent more.
        (Add | Subtract, a, V::Percent(b)) => {
            scale(a, 1.0 + sign * b / 100.0).or_else(|a| refuse(&a, &V::Percent(b)))?
        }
        (Add | Subtract, a @ (V::Int(_) | V::Number(_)), b @ (V::Int(_) | V::Number(_))) => {
            number(&a).zip(number(&b)).map_or(V::None, |(a, b)| V::Number(a + sign * b))
        }
        (Multiply, a, b) => match (plain(&a), plain(&b)) {
            (Some(factor), _) => scale(b, factor).or_else(|b| refuse(&a, &b))?,
            (_, Some(factor)) => scale(a, factor).or_else(|a| refuse(&a, &b))?,
            _ => return refuse(&a, &b),
        },
        (Divide, a, b) => match (plain(&b), a.magnitude(), b.magnitude()) {
            (Some(0.0), ..) | (_, Some(_), Some(0.0)) => return failed("it divides by zero"),
            (Some(divisor), ..) => scale(a, 1.0 / divisor).or_else(|a| refuse(&a, &b))?,
            (None, Some(x), Some(y)) if std::mem::discriminant(&a) == std::mem::discriminant(&b) => V::Number(x / y),
            _ => return refuse(&a, &b),
        },
        (_, a, b) => return refuse(&a, &b),
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(_) | Value::Number(_) => value.magnitude(),
        _ => None,
    }
}

/// What something can be multiplied by.
fn plain(value: &Value) -> Option<f64> {
    match value {
        Value::Int(_) | Value::Number(_) | Value::Factor(_) => value.magnitude(),
        _ => None,
    }
}

fn scale(value: Value, factor: f64) -> std::result::Result<Value, Value> {
    Ok(match value {
        Value::Int(n) => Value::Number(n as f64 * factor),
        Value::Number(n) => Value::Number(n * factor),
        Value::Percent(n) => Value::Percent(n * factor),
        Value::Points(n) => Value::Points(n * factor),
        Value::Factor(n) => Value::Factor(n * factor),
        Value::Size(n) => Value::Size(n * factor),
        Value::Rate(n) => Value::Rate(n * factor),
        Value::Duration(d) => match SignedDuration::try_from_secs_f64(d.as_secs_f64() * factor) {
            Ok(d) => Value::Duration(d),
            Err(_) => return Err(Value::Duration(d)),
        },
        Value::None => Value::None,
        other => return Err(other),
    })
}

/// A share as a command prints it: a percent, with or without its sign, or `on` and `off`.
pub fn read_share(text: &str) -> Option<f64> {
    let text = text.trim();
    let share = match text {
        "on" | "true" => 100.0,
        "off" | "false" => 0.0,
        number => number.strip_suffix('%').unwrap_or(number).trim_end().parse().ok()?,
    };
    (0.0..=100.0).contains(&share).then_some(share)
}

fn call(function: Function, arguments: &[Expr], env: &dyn Environment) -> Result<Value> {
    if function == Function::Header {
        let Some(Ok(name)) = arguments.first().map(|e| evaluate(e, env)) else {
            return failed("`header` needs a name");
        };
        return env.header(&name.to_string()).ok_or(EvalError::Later);
    }
    let values = arguments.iter().map(|e| evaluate(e, env)).collect::<Result<Vec<_>>>()?;
    let text = |i: usize| values.get(i).map(Value::to_string).unwrap_or_default();
    match function {
        Function::Upper => Ok(Value::Text(text(0).to_uppercase())),
        Function::Lower => Ok(Value::Text(text(0).to_lowercase())),
        Function::Share => match read_share(&text(0)) {
            Some(share) => Ok(Value::Percent(share)),
            None => {
                let text = text(0);
                failed(format!("`{}` is no share, such as `25%`, `on` or `off`", text.trim()))
            }
        },
        Function::Trim => Ok(Value::Text(text(0).trim().to_owned())),
        Function::Len => match &values[..] {
            [Value::List(items)] => Ok(Value::Int(items.len() as i64)),
            [Value::Map(map)] => Ok(Value::Int(map.len() as i64)),
            _ => Ok(Value::Int(text(0).chars().count() as i64)),
        },
        Function::Join => match values.first() {
            Some(Value::List(items)) => {
                let separator = if values.len() > 1 { text(1) } else { ", ".into() };
                within(items.iter().map(|item| weight(item) + separator.len()).sum())?;
                Ok(Value::Text(items.iter().map(Value::to_string).collect::<Vec<_>>().join(&separator)))
            }
            _ => failed("`join` needs a list"),
        },
        Function::Min | Function::Max => extreme(function, values),
        Function::FormatTime => format_time(&values),
        Function::Files => match env.files(&text(0)) {
            Some(Ok(files)) => Ok(Value::List(files.into_iter().map(Value::Text).collect())),
            Some(Err(why)) => failed(why),
            None => Err(EvalError::Later),
        },
        Function::Json => {
            let body = Ref { kind: RefKind::Output, name: "body".into() };
            match env.look_up(&body) {
                Found::Value(body) => json_path(&body.to_string(), &text(0)),
                Found::Later => Err(EvalError::Later),
                Found::Never(why) => failed(why),
            }
        }
        Function::Header => Err(EvalError::Later),
        Function::Getenv | Function::File | Function::Exec => failed("secrets are read by the run, not here"),
        Function::LastRollback | Function::Segment => failed(format!("`{}` is not known here", function.name())),
    }
}

fn extreme(function: Function, mut values: Vec<Value>) -> Result<Value> {
    if let [Value::List(items)] = &mut values[..] {
        values = std::mem::take(items);
    }
    let mut best: Option<Value> = None;
    for value in values {
        let wins = match &best {
            None => true,
            Some(best) => match ordering(&value, best) {
                Some(order) => order.is_lt() == (function == Function::Min) && order.is_ne(),
                None => return failed(format!("`{}` needs values of one unit", function.name())),
            },
        };
        if wins {
            best = Some(value);
        }
    }
    best.map_or_else(|| failed(format!("`{}` of nothing", function.name())), Ok)
}

/// `format_time(instant, format, zone)`; the plan adds the runbook's zone where none is written.
fn format_time(values: &[Value]) -> Result<Value> {
    let [Value::Instant(instant), format, zone @ ..] = values else { return failed("`format_time` needs an instant") };
    let zone = match zone.first() {
        Some(name) => TimeZone::get(&name.to_string())
            .map_err(|_| EvalError::Failed(format!("there is no time zone `{name}`")))?,
        None => TimeZone::UTC,
    };
    let format = format.to_string();
    match jiff::fmt::strtime::format(&format, &Timestamp::to_zoned(*instant, zone)) {
        Ok(text) => Ok(Value::Text(text)),
        Err(_) => failed(format!("`{format}` is not a format of a time")),
    }
}

/// The one value at a JSONPath (RFC 9535); several values are a list, none is no data.
fn json_path(body: &str, path: &str) -> Result<Value> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(body) else { return failed("the answer is not JSON") };
    let Ok(path) = serde_json_path::JsonPath::parse(path) else { return failed(format!("`{path}` is not a JSONPath")) };
    let any = super::Type::Any;
    let read = |json: &serde_json::Value| any.from_json(json).unwrap_or(Value::None);
    Ok(match path.query(&json).all()[..] {
        [] => Value::None,
        [one] => read(one),
        ref several => Value::List(several.iter().map(|v| read(v)).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl Environment for Nothing {
        fn look_up(&self, _: &Ref) -> Found {
            Found::Value(Value::None)
        }
    }

    fn metric() -> Expr {
        Expr::Ref(Ref { kind: RefKind::Metric, name: "m".into() })
    }

    fn less_than_five() -> Expr {
        Expr::Compare(Comparison::Less, Box::new(metric()), Box::new(Expr::Value(Value::Percent(5.0))))
    }

    #[test]
    fn no_data_is_neither_true_nor_false() {
        assert_eq!(evaluate(&less_than_five(), &Nothing), Ok(Value::None));
        assert_eq!(evaluate(&Expr::Not(Box::new(less_than_five())), &Nothing), Ok(Value::None));
    }

    #[test]
    fn what_is_known_decides_where_it_can() {
        let yes = Expr::Value(Value::Bool(true));
        let no = Expr::Value(Value::Bool(false));
        let both = |op, a: &Expr, b: &Expr| evaluate(&Expr::Logic(op, vec![a.clone(), b.clone()]), &Nothing);
        assert_eq!(both(Logic::Or, &less_than_five(), &yes), Ok(Value::Bool(true)));
        assert_eq!(both(Logic::Or, &less_than_five(), &no), Ok(Value::None));
        assert_eq!(both(Logic::And, &less_than_five(), &no), Ok(Value::Bool(false)));
        assert_eq!(both(Logic::And, &less_than_five(), &yes), Ok(Value::None));
    }

    #[test]
    fn ten_percent_more_and_one_point_more_are_different_things() {
        let ms = |n| Value::Duration(SignedDuration::from_millis(n));
        assert_eq!(arithmetic(Arithmetic::Add, ms(200), Value::Percent(10.0)), Ok(ms(220)));
        assert_eq!(arithmetic(Arithmetic::Add, Value::Percent(2.0), Value::Points(1.0)), Ok(Value::Percent(3.0)));
        assert_eq!(arithmetic(Arithmetic::Multiply, Value::Number(3.0), ms(200)), Ok(ms(600)));
        assert!(arithmetic(Arithmetic::Add, ms(200), Value::Size(1.0)).is_err());
    }

    #[test]
    fn json_gives_the_value_at_a_path() {
        assert_eq!(json_path(r#"{"a":[1,2]}"#, "$.a[1]"), Ok(Value::Int(2)));
        assert_eq!(json_path(r#"{"a":"x"}"#, "$.b"), Ok(Value::None));
        assert!(json_path("<html>", "$.a").is_err());
    }
}
