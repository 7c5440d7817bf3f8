//! Where metrics are asked: sources, and queries with values in them.
//!
//! A query is written in the language of its source, and a value in it is never code: between quotes it is escaped, and
//! outside of them it is one plain word or the query is refused.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::source::Place;
use crate::value::{Expr, Part};

use super::serial;

/// A source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub id: String,
    /// Its title, or its name.
    pub title: String,
    /// Which language it speaks.
    pub kind: SourceKind,
    /// Where it is.
    pub url: String,
    /// Headers of every request; may be secret.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header: Vec<(String, Expr)>,
    /// A user and a password, which may be secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basic: Option<(String, Option<Expr>)>,
    /// A file with the certificates of the authorities that are trusted, instead of the machine's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ca: Option<String>,
    /// How long an answer may take.
    #[serde(with = "serial::duration")]
    pub timeout: SignedDuration,
    /// So many questions are open at once.
    pub concurrency: u32,
    /// How old the newest point may be, where a source answers with a series.
    #[serde(with = "serial::duration")]
    pub window: SignedDuration,
    /// Where it is declared.
    pub place: Place,
}

/// The kinds of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Prometheus, and what speaks its API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
    Prometheus,
    /// Datadog: <https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-data-across-multiple-products>, version 1.
    Datadog,
    /// Graphite: <https://graphite.readthedocs.io/en/latest/render_api.html>.
    Graphite,
    /// InfluxQL: <https://docs.influxdata.com/influxdb/v1/tools/api/#query-http-endpoint>, also of later versions.
    Influxql {
        /// The database.
        database: String,
    },
    /// Flux: <https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostQuery>.
    Flux {
        /// The organisation.
        org: String,
    },
}

impl SourceKind {
    /// As people call it.
    pub fn word(&self) -> &'static str {
        match self {
            SourceKind::Prometheus => "prometheus",
            SourceKind::Datadog => "datadog",
            SourceKind::Graphite => "graphite",
            SourceKind::Influxql { .. } | SourceKind::Flux { .. } => "influxdb",
        }
    }

    /// The quotes between which its language has strings and names.
    fn quotes(&self) -> &'static [char] {
        match self {
            SourceKind::Prometheus => &['"', '\'', '`'],
            SourceKind::Datadog => &[],
            SourceKind::Graphite | SourceKind::Influxql { .. } => &['"', '\''],
            SourceKind::Flux { .. } => &['"'],
        }
    }

    /// Whether a backslash in such a string takes the next character's meaning away.
    fn escapes(&self, quote: char) -> bool {
        quote != '`' && *self != SourceKind::Graphite
    }

    /// Whether a query says itself of which time it is about, by what stands in it for that.
    pub fn time_in_query(&self) -> Option<&'static str> {
        match self {
            SourceKind::Influxql { .. } => Some("$timeFilter"),
            SourceKind::Flux { .. } => Some("v.timeRangeStart"),
            SourceKind::Prometheus | SourceKind::Datadog | SourceKind::Graphite => None,
        }
    }
}

/// What a source is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// The source, by its name.
    pub source: String,
    /// Its pieces, joined.
    pub pieces: Vec<QueryPiece>,
    /// How often it is asked.
    #[serde(with = "serial::duration")]
    pub every: SignedDuration,
}

/// A piece of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryPiece {
    /// Text as it stands.
    Text(String),
    /// A value, and where it stands.
    Value(Expr, Spot),
}

/// Where a value stands in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// Outside of quotes.
    Bare,
    /// Outside of quotes, in the braces of a filter.
    Filter,
    /// Between these quotes.
    Quoted(char),
    /// Between these quotes, in a regular expression.
    Pattern(char),
}

/// What stands at a place of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Code,
    Quoted(char),
    Pattern(char),
    /// To the end of the line.
    Comment,
    /// To `*/`.
    LongComment,
}

/// A query taken apart.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Its pieces, each value with the place where it stands.
    pub(super) pieces: Vec<QueryPiece>,
    /// What is code in it, without strings and comments.
    pub(super) code: String,
}

/// Takes a query apart.
///
/// # Errors
/// Says what is wrong with its quotes.
pub(super) fn scan(kind: &SourceKind, parts: Vec<Part>) -> Result<Scanned, &'static str> {
    let (mut state, mut braces) = (State::Code, 0u32);
    let mut code = String::new();
    let mut pieces = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => {
                let mut chars = text.chars().peekable();
                while let Some(c) = chars.next() {
                    let next = chars.peek().copied();
                    match state {
                        State::Quoted(quote) | State::Pattern(quote) if c == '\\' && kind.escapes(quote) => {
                            chars.next().ok_or("a backslash stands before a value")?;
                        }
                        State::Quoted(quote) | State::Pattern(quote) if c == quote => state = State::Code,
                        State::Quoted(_) | State::Pattern(_) => {}
                        State::Comment if c == '\n' => state = State::Code,
                        State::LongComment if c == '*' && next == Some('/') => {
                            chars.next();
                            state = State::Code;
                        }
                        State::Comment | State::LongComment => {}
                        State::Code => {
                            state = kind.opens(&code, c, next);
                            if state == State::LongComment {
                                chars.next();
                            }
                            match c {
                                '{' => braces += 1,
                                '}' => braces = braces.saturating_sub(1),
                                _ => {}
                            }
                            code.push(if state == State::Code { c } else { ' ' });
                        }
                    }
                }
                pieces.push(QueryPiece::Text(text));
            }
            Part::Value(expr) => {
                let spot = match state {
                    State::Pattern(quote) => Spot::Pattern(quote),
                    State::Quoted(quote) => Spot::Quoted(quote),
                    State::Code if braces > 0 => Spot::Filter,
                    State::Code | State::Comment | State::LongComment => Spot::Bare,
                };
                code.push('x');
                pieces.push(QueryPiece::Value(expr, spot));
            }
        }
    }
    match state {
        State::Quoted(_) | State::Pattern(_) => Err("a quote of this query is never closed"),
        State::Code | State::Comment | State::LongComment => Ok(Scanned { pieces, code }),
    }
}

impl SourceKind {
    /// What begins with a character of the code.
    fn opens(&self, before: &str, c: char, next: Option<char>) -> State {
        let before = before.trim_end();
        let matches = before.ends_with('~');
        let influx = matches!(self, SourceKind::Influxql { .. });
        let flux = matches!(self, SourceKind::Flux { .. });
        match c {
            '#' if *self == SourceKind::Prometheus => State::Comment,
            '-' if influx && next == Some('-') => State::Comment,
            '/' if influx && next == Some('*') => State::LongComment,
            '/' if flux && next == Some('/') => State::Comment,
            // Behind what cannot be divided a slash begins a regular expression.
            '/' if influx && (matches || before.to_lowercase().ends_with("from")) => State::Pattern('/'),
            '/' if flux && (before.is_empty() || before.ends_with(['~', '(', ',', ':', '=', '['])) => {
                State::Pattern('/')
            }
            quote if self.quotes().contains(&quote) && matches => State::Pattern(quote),
            quote if self.quotes().contains(&quote) => State::Quoted(quote),
            _ => State::Code,
        }
    }

    /// What a query of this kind does beside looking, by a word of its code.
    pub(super) fn changes(&self, code: &str) -> Option<&'static str> {
        let code = code.to_lowercase();
        let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_');
        match self {
            SourceKind::Influxql { .. } if words().find(|w| !w.is_empty()) != Some("select") => Some("no `select`"),
            SourceKind::Influxql { .. } if words().any(|w| w == "into") => Some("`into`"),
            SourceKind::Influxql { .. } if code.trim_end().trim_end_matches(';').contains(';') => {
                Some("two statements")
            }
            SourceKind::Flux { .. } if words().any(|w| matches!(w, "to" | "wideto")) => Some("`to`"),
            _ => None,
        }
    }
}

/// A value as it stands in a query of this kind: it means itself and nothing else.
///
/// # Errors
/// Says why it cannot stand there.
pub fn in_query(kind: &SourceKind, spot: Spot, value: &str) -> Result<String, String> {
    let shown = || crate::source::one_line(value);
    let quoted = |text: &str, quote: char| -> Result<String, String> {
        if !kind.escapes(quote) {
            // A raw string ends with its quote and nothing else; in Graphite's a sign may be an operator of a tag or a pattern.
            let plain = |c: char| c.is_alphanumeric() || "_-./: @".contains(c);
            let stands = match kind {
                SourceKind::Graphite => text.chars().all(plain),
                _ => !text.contains(quote),
            };
            return match stands {
                true => Ok(text.to_owned()),
                false => Err(format!("the value `{}` cannot stand between {quote} and {quote}", shown())),
            };
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if c == quote => {
                    out.push('\\');
                    out.push(c);
                }
                '$' if matches!(kind, SourceKind::Flux { .. }) => out.push_str("\\$"),
                '\n' => out.push_str("\\n"),
                c if c.is_control() => return Err(format!("the value `{}` has a control character in it", shown())),
                c => out.push(c),
            }
        }
        Ok(out)
    };
    let bare = |allowed: &str| {
        let fits = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c));
        match fits {
            true => Ok(value.to_owned()),
            false => Err(format!("the value `{}` would be more than one word of the query", shown())),
        }
    };
    match spot {
        Spot::Quoted(quote) => quoted(value, quote),
        // A regular expression that stands by itself, and not in a string.
        Spot::Pattern('/') if value.chars().any(char::is_control) => {
            Err(format!("the value `{}` has a control character in it", shown()))
        }
        Spot::Pattern('/') => Ok(regex::escape(value).replace('/', "\\/")),
        Spot::Pattern(quote) => quoted(&regex::escape(value), quote),
        Spot::Filter if *kind == SourceKind::Datadog => bare("_.-/"),
        Spot::Bare | Spot::Filter => bare(match kind {
            SourceKind::Prometheus => "_:.",
            SourceKind::Graphite => "_-",
            SourceKind::Datadog | SourceKind::Influxql { .. } | SourceKind::Flux { .. } => "_.",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    /// The query with every `@` replaced by the value.
    fn asked(kind: SourceKind, query: &str, value: &str) -> Result<String, String> {
        let scan = |kind: &SourceKind, parts| scan(kind, parts).map_err(str::to_owned);
        let mut parts = Vec::new();
        for (i, text) in query.split('@').enumerate() {
            if i > 0 {
                parts.push(Part::Value(Expr::Value(Value::Text(value.into()))));
            }
            parts.push(Part::Text(text.into()));
        }
        let mut built = String::new();
        for piece in scan(&kind, parts)?.pieces {
            match piece {
                QueryPiece::Text(text) => built.push_str(&text),
                QueryPiece::Value(_, spot) => built.push_str(&in_query(&kind, spot, value)?),
            }
        }
        Ok(built)
    }

    #[test]
    fn a_value_in_a_query_means_itself() {
        let prometheus = |query, value| asked(SourceKind::Prometheus, query, value);
        assert_eq!(prometheus(r#"up{v="@"}"#, r#"1"} or vector(0) #"#), Ok(r#"up{v="1\"} or vector(0) #"}"#.into()));
        assert_eq!(prometheus(r#"up{v=~"a|@"}"#, "1.2.0"), Ok(r#"up{v=~"a|1\\.2\\.0"}"#.into()));
        assert_eq!(prometheus(r#"up{v!~'@'}"#, "it's"), Ok(r#"up{v!~'it\'s'}"#.into()));
        assert_eq!(prometheus(r#"up{a="\"",v="@"}"#, "\n"), Ok(r#"up{a="\"",v="\n"}"#.into()));
        assert_eq!(prometheus("rate(@[@])", "http:x_total"), Ok("rate(http:x_total[http:x_total])".into()));
        assert!(prometheus("rate(x[@])", "5m]) or vector(0").is_err());
        assert!(prometheus("x{v=`@`}", "a`b").is_err());
        assert_eq!(prometheus("x{v=~`@`}", "1.2"), Ok("x{v=~`1\\.2`}".into()));
        // A quote in a comment opens nothing, a backslash before a value would take its escape away, and a quote is closed.
        let evil = "1\"} or vector(0) #";
        assert_eq!(prometheus("# don't\nx{v=\"@\"}", evil), Ok("# don't\nx{v=\"1\\\"} or vector(0) #\"}".into()));
        assert!(prometheus("# don't count\n@", evil).is_err());
        assert!(prometheus("x{v=\"a\\@\"}", evil).is_err());
        assert!(prometheus("x{v=\"@}", "1").is_err());
        let influx = |query, value| asked(SourceKind::Influxql { database: String::new() }, query, value);
        assert_eq!(
            influx("select x from \"@\" where v = '@'", "a'\"b"),
            Ok("select x from \"a'\\\"b\" where v = 'a\\'\"b'".into())
        );
        assert!(influx("select x from @", "a; drop database b").is_err());
        assert!(influx("select /*/ ' */ x from y where v = '@'", "it's").is_ok());
        let pattern = "select x from y where v =~ /^@$/ -- it's\n and w = '@'";
        assert_eq!(
            influx(pattern, "1.2/'"),
            Ok("select x from y where v =~ /^1\\.2\\/'$/ -- it's\n and w = '1.2/\\''".replace("\\\\", "\\"))
        );
        let flux = |value| asked(SourceKind::Flux { org: String::new() }, "r.v == \"@\"", value);
        assert_eq!(flux("${secrets}"), Ok("r.v == \"\\${secrets}\"".into()));
        let graphite = |query, value| asked(SourceKind::Graphite, query, value);
        assert_eq!(graphite("servers.@.cpu", "web-1"), Ok("servers.web-1.cpu".into()));
        assert!(graphite("servers.@.cpu", "*").is_err());
        assert!(graphite("alias(x, '@')", "a'b").is_err());
        assert!(graphite("seriesByTag('name=e', 'version=@')", "~.*").is_err());
        let datadog = |value| asked(SourceKind::Datadog, "sum:errors{version:@}", value);
        assert_eq!(datadog("1.2.0-rc.1"), Ok("sum:errors{version:1.2.0-rc.1}".into()));
        assert!(datadog("a,env:b").is_err());
    }
}
