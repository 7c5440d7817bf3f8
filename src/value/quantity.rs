//! Numbers with units: how they are written and read back.

use jiff::SignedDuration;

use super::Value;

/// Why a number with letters behind it is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// The unit does not exist; with what to write instead, if that is certain.
    UnknownUnit {
        /// What stands there.
        unit: String,
        /// The whole quantity in the right spelling.
        write: Option<String>,
    },
    /// Too large to be kept.
    Overflow,
    /// Units of a duration out of order or repeated.
    Order {
        /// The same duration, in order.
        write: String,
    },
    /// A fraction of a duration: `1.5h`.
    Fraction {
        /// The same duration in whole units, where there are some.
        write: Option<String>,
    },
    /// Something else, such as a bare version.
    NotANumber,
}

/// One spelling a unit, longest first, in seconds.
const DURATIONS: [(&str, i64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Bytes; powers of ten and of two, the larger first so that the text of a size is short.
const SIZES: [(&str, f64); 9] = [
    ("TiB", 1_099_511_627_776.0),
    ("TB", 1e12),
    ("GiB", 1_073_741_824.0),
    ("GB", 1e9),
    ("MiB", 1_048_576.0),
    ("MB", 1e6),
    ("KiB", 1024.0),
    ("KB", 1e3),
    ("B", 1.0),
];

/// Other spellings that people write, and the one of this language.
const MISSPELT: [(&[&str], &str); 9] = [
    (&["sec", "secs", "second", "seconds", "S"], "s"),
    (&["min", "mins", "mn", "minute", "minutes", "M"], "m"),
    (&["hr", "hrs", "hour", "hours", "H"], "h"),
    (&["day", "days", "D"], "d"),
    (&["week", "weeks", "wk", "wks", "W"], "w"),
    (&["msec", "millis", "MS", "milliseconds"], "ms"),
    (&["percent", "pct", "perc"], "%"),
    (&["points", "ppt", "PP"], "pp"),
    (&["X", "times"], "x"),
];

/// Reads a literal that begins with a digit: `3`, `0.5`, `1h30m`, `5%`, `1pp`, `3x`, `512MiB`, `20/s`.
pub fn parse_quantity(text: &str) -> Result<Value, QuantityError> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    // An underscore before a letter belongs to neither.
    let (digits, unit) = text.split_at(split);
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if plain.matches('.').count() > 1 || plain.ends_with('.') {
        return Err(QuantityError::NotANumber);
    }
    if unit.is_empty() && !plain.contains('.') {
        return plain.parse().map(Value::Int).map_err(|_| QuantityError::Overflow);
    }
    let number: f64 = plain.parse().map_err(|_| QuantityError::NotANumber)?;
    if !number.is_finite() || number > 1e18 {
        return Err(QuantityError::Overflow);
    }
    match unit {
        "" => return Ok(Value::Number(number)),
        "%" => return Ok(Value::Percent(number)),
        "pp" => return Ok(Value::Points(number)),
        "x" => return Ok(Value::Factor(number)),
        "/s" => return Ok(Value::Rate(number)),
        "/min" => return Ok(Value::Rate(number / 60.0)),
        "/h" => return Ok(Value::Rate(number / 3_600.0)),
        "/d" => return Ok(Value::Rate(number / 86_400.0)),
        _ => {}
    }
    if let Some((_, bytes)) = SIZES.iter().find(|(name, _)| *name == unit) {
        return Ok(Value::Size(number * bytes));
    }
    parse_duration(text, &plain, unit)
}

fn parse_duration(text: &str, number: &str, unit: &str) -> Result<Value, QuantityError> {
    let mut milliseconds: i64 = 0;
    let mut previous = i64::MAX;
    let mut disorder = false;
    let mut rest = text;
    while !rest.is_empty() {
        let split = rest.find(|c: char| !(c.is_ascii_digit() || c == '_' || c == '.')).unwrap_or(rest.len());
        let (digits, tail) = rest.split_at(split);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (name, tail) = tail.split_at(end);
        let scale = match name {
            "ms" => 1,
            _ => match DURATIONS.iter().find(|(n, _)| *n == name) {
                Some((_, seconds)) => seconds * 1000,
                None => return Err(unknown_unit(number, unit, name, text)),
            },
        };
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        if digits.contains('.') {
            return Err(fraction(&digits, scale, text == rest && tail.is_empty()));
        }
        let count: i64 = digits.parse().map_err(|_| QuantityError::Overflow)?;
        let part = count.checked_mul(scale).ok_or(QuantityError::Overflow)?;
        milliseconds = milliseconds.checked_add(part).ok_or(QuantityError::Overflow)?;
        disorder |= scale >= previous;
        previous = scale;
        rest = tail;
    }
    // A thousand years: beyond it arithmetic with instants has no meaning.
    if milliseconds > 1000 * 365 * 86_400 * 1000 {
        return Err(QuantityError::Overflow);
    }
    let duration = SignedDuration::from_millis(milliseconds);
    if disorder {
        return Err(QuantityError::Order { write: duration_text(duration) });
    }
    Ok(Value::Duration(duration))
}

fn unknown_unit(number: &str, unit: &str, part: &str, text: &str) -> QuantityError {
    let right = MISSPELT.iter().find(|(wrong, _)| wrong.contains(&part)).map(|(_, right)| *right).or_else(|| {
        let size = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(part)).map(|(name, _)| *name);
        size.or(match part {
            "kb" | "k" | "K" => Some("KB"),
            "mb" => Some("MB"),
            "gb" | "g" | "G" => Some("GB"),
            _ => None,
        })
    });
    let write =
        right.map(|right| if part == unit { format!("{number}{right}") } else { text.replacen(part, right, 1) });
    QuantityError::UnknownUnit { unit: part.to_owned(), write }
}

fn fraction(digits: &str, scale: i64, alone: bool) -> QuantityError {
    let whole = digits.parse::<f64>().ok().map(|n| n * scale as f64).filter(|ms| ms.fract() == 0.0 && *ms < 1e15);
    let write = whole.filter(|_| alone).map(|ms| duration_text(SignedDuration::from_millis(ms as i64)));
    QuantityError::Fraction { write }
}

/// A duration as the language writes it, in whole units, to the millisecond: `1h30m`, `500ms`, `0s`. What is shorter
/// than a millisecond is written as a fraction of one.
pub fn duration_text(duration: SignedDuration) -> String {
    let negative = if duration.is_negative() { "-" } else { "" };
    let duration = duration.unsigned_abs();
    if duration.is_zero() {
        return "0s".into();
    }
    if duration.as_millis() == 0 {
        return format!("{negative}{}ms", number_text(duration.as_secs_f64() * 1000.0));
    }
    let mut text = String::from(negative);
    let mut seconds = duration.as_secs() as i64;
    for (name, scale) in DURATIONS.iter().filter(|(name, _)| *name != "w") {
        if seconds >= *scale {
            text.push_str(&format!("{}{name}", seconds / scale));
            seconds %= scale;
        }
    }
    if duration.subsec_millis() > 0 {
        text.push_str(&format!("{}ms", duration.subsec_millis()));
    }
    text
}

/// An offset as the language writes it: `T+5m`, `T-24h`, `T+0`.
pub fn offset_text(offset: SignedDuration) -> String {
    match offset {
        d if d.is_zero() => "T+0".into(),
        d if d.is_negative() => format!("T-{}", duration_text(-d)),
        d => format!("T+{}", duration_text(d)),
    }
}

/// A number without noise: at most six digits that matter, no trailing zeros, no exponent below 10^15.
pub fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    if number.abs() >= 1e15 || number.abs() < 1e-9 {
        return format!("{number:e}");
    }
    let whole = number.abs().log10().floor() as i32 + 1;
    let decimals = (6 - whole).clamp(0, 12) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A size in the unit that leaves the shortest exact number; in the largest unit of ten where none is exact.
pub(super) fn size_text(bytes: f64) -> String {
    let exact = SIZES.iter().filter(|(_, scale)| bytes >= *scale && (bytes / scale).fract() == 0.0);
    let shortest = exact.map(|(name, scale)| format!("{}{name}", number_text(bytes / scale))).min_by_key(String::len);
    let decimal = || SIZES.iter().filter(|(name, _)| !name.ends_with("iB")).find(|(_, scale)| bytes >= *scale);
    let rounded = |(name, scale): &(&str, f64)| format!("{}{name}", number_text(bytes / scale));
    shortest.or_else(|| decimal().map(rounded)).unwrap_or_else(|| format!("{}B", number_text(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        match parse_quantity(source) {
            Ok(value) => format!("{} {value}", value.type_name()),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn literals_are_read_and_written_back() {
        for (source, expected) in [
            ("3", "int 3"),
            ("1_000", "int 1000"),
            ("0.5", "number 0.5"),
            ("1h30m", "duration 1h30m"),
            ("90m", "duration 1h30m"),
            ("500ms", "duration 500ms"),
            ("2w", "duration 14d"),
            ("0s", "duration 0s"),
            ("5%", "percent 5%"),
            ("0.1%", "percent 0.1%"),
            ("1pp", "points 1pp"),
            ("3x", "factor 3x"),
            ("512MiB", "size 512MiB"),
            ("2GB", "size 2GB"),
            ("20/s", "rate 20/s"),
            ("60/min", "rate 1/s"),
        ] {
            assert_eq!(text(source), expected, "{source}");
        }
    }

    #[test]
    fn wrong_units_say_what_to_write() {
        for (source, expected) in [
            ("2mn", r#"UnknownUnit { unit: "mn", write: Some("2m") }"#),
            ("5sec", r#"UnknownUnit { unit: "sec", write: Some("5s") }"#),
            ("1h5min", r#"UnknownUnit { unit: "min", write: Some("1h5m") }"#),
            ("3zz", r#"UnknownUnit { unit: "zz", write: None }"#),
            ("5m1h", r#"Order { write: "1h5m" }"#),
            ("1.5h", r#"Fraction { write: Some("1h30m") }"#),
            ("1.2.0", "NotANumber"),
            ("99999999999999999999", "Overflow"),
            ("99999999999w", "Overflow"),
        ] {
            assert_eq!(text(source), expected, "{source}");
        }
    }
}
