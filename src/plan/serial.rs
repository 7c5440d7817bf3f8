//! Durations in plans and records as the language writes them: `5m`, not a number of seconds.

/// A duration as text.
pub mod duration {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it as the language does, with a sign if it is negative.
    pub fn serialize<S: Serializer>(duration: &SignedDuration, serializer: S) -> Result<S::Ok, S::Error> {
        // What is finer than a millisecond does not come from a file; it is kept in nanoseconds.
        if duration.subsec_nanos() % 1_000_000 != 0 {
            return serializer.serialize_str(&format!("{}ns", duration.as_nanos()));
        }
        serializer.serialize_str(&crate::value::duration_text(*duration))
    }

    /// Reads it back.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration")))
    }

    pub(super) fn parse(text: &str) -> Option<SignedDuration> {
        if let Some(nanos) = text.strip_suffix("ns") {
            return Some(SignedDuration::from_nanos(nanos.parse().ok()?));
        }
        let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        Some(crate::value::parse_quantity(rest).ok()?.as_duration()? * sign)
    }
}

/// A duration that may be missing.
pub(super) mod optional_duration {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<SignedDuration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::duration::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedDuration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let Some(text) = text else { return Ok(None) };
        super::duration::parse(&text).map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration")))
    }
}
