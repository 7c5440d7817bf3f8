//! Sources, metrics and the queries that are asked.

use jiff::SignedDuration;

use crate::check::model::{self, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::source::scan;
use crate::plan::{Action, ActionKind, Mark, Metric, MetricKind, Query, QueryPiece, Source, SourceKind, in_query};
use crate::value::{Expr, Part, RefKind, Value, duration_text};

use super::Lowering;

/// How often a metric is sampled that does not say.
const EVERY: SignedDuration = SignedDuration::from_secs(10);

/// How long a sample may take that does not say.
pub(super) const SAMPLE_LIMIT: SignedDuration = SignedDuration::from_secs(10);

/// So many questions are open at one source at once, where it does not say.
const CONCURRENCY: u32 = 16;

/// How old the newest point of a series may be, where the source does not say: as Prometheus looks back.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// A baseline of a length of time below this is a constant; the past of a metric is longer.
const SHORTEST_PAST: SignedDuration = SignedDuration::from_mins(1);

/// A longer past says nothing of the present.
const LONGEST_PAST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Where Datadog is that does not say.
const DATADOG: &str = "https://api.datadoghq.com";

impl<'m> Lowering<'m> {
    pub(super) fn sources(&mut self) -> Vec<Source> {
        let model = self.model;
        let sources = model.connections.iter().filter(|c| c.keyword.word() == "source");
        sources.map(|connection| self.source(connection)).collect()
    }

    fn source(&mut self, connection: &'m model::Connection) -> Source {
        let of = |name: &str| connection.settings.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        let template =
            |before: &str, secret: Expr| Expr::Template(vec![Part::Text(before.into()), Part::Value(secret)]);
        let kind = match connection.kind.as_str() {
            "datadog" => SourceKind::Datadog,
            "graphite" => SourceKind::Graphite,
            "influxdb" => match (of("database"), of("org")) {
                (Some(database), _) => SourceKind::Influxql { database: self.text(database).unwrap_or_default() },
                (None, org) => SourceKind::Flux { org: self.optional_text(org).unwrap_or_default() },
            },
            _ => SourceKind::Prometheus,
        };
        let mut header = self.entries(of("header"));
        self.refuse_headers(&header, of("header"), of("token").or(of("user")).is_some());
        if let Some(token) = of("token") {
            let scheme = if connection.kind == "influxdb" { "Token " } else { "Bearer " };
            header.push(("Authorization".into(), template(scheme, self.expr(token))));
        }
        for (setting, name) in [("api_key", "DD-API-KEY"), ("app_key", "DD-APPLICATION-KEY")] {
            header.extend(of(setting).map(|key| (name.to_owned(), self.expr(key))));
        }
        let basic = of("user").map(|user| {
            let password = of("password").map(|password| self.expr(password));
            (self.text(user).unwrap_or_default(), password)
        });
        let url = self.optional_text(of("url")).unwrap_or_else(|| DATADOG.into());
        self.refuse_url(&url, of("url"));
        if let (true, Some(setting)) = (url.contains(['?', '#']), of("url")) {
            let finding = Diagnostic::new(Code::BadLiteral, setting.span, "the url of a source ends with its path");
            self.push(
                finding.label("has a `?` or a `#`").help("leave out what stands behind it; a key goes into `header`"),
            );
        }
        let window = self.optional_duration(of("window")).unwrap_or(WINDOW);
        let timeout = self.optional_duration(connection.within.as_ref()).unwrap_or(SAMPLE_LIMIT);
        for (value, written) in [(timeout, connection.within.as_ref()), (window, of("window"))] {
            if let (true, Some(setting)) = (value.is_zero(), written) {
                let title = "in no time there is no answer";
                self.push(Diagnostic::new(Code::BadLiteral, setting.span, title).label("must be more than nothing"));
            }
        }
        Source {
            url,
            ca: self.optional_text(of("ca")),
            concurrency: of("concurrency").and_then(|n| self.count(n, 1)).unwrap_or(CONCURRENCY),
            place: self.place(connection.id.span),
            id: connection.id.text.clone(),
            title: self.title(connection.title.as_ref(), &connection.id.text),
            kind,
            header,
            basic,
            timeout,
            window,
        }
    }

    /// A source is a web server, and what opens it stands in settings of its own.
    fn refuse_url(&mut self, text: &str, setting: Option<&'m Typed>) {
        let Some(setting) = setting else { return };
        let finding = match url::Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                let finding =
                    Diagnostic::new(Code::BadLiteral, setting.span, "a source is asked over `http` or `https`");
                finding.label("not the address of a web server")
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                let title = "a url is shown and kept, and this one has a user or a password in it";
                let finding = Diagnostic::new(Code::SecretLeak, setting.span, title).label("would not stay secret");
                finding.help("write `user = \"…\"` and `password = NAME`, with a secret")
            }
            _ => return,
        };
        self.push(finding);
    }

    /// Headers that can be sent, each once.
    fn refuse_headers(&mut self, header: &[(String, Expr)], setting: Option<&'m Typed>, authorized: bool) {
        let Some(setting) = setting else { return };
        for (name, value) in header {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            let shown = crate::source::one_line(name);
            let controls = matches!(value, Expr::Value(Value::Text(text)) if text.chars().any(char::is_control));
            let why = match () {
                () if name.is_empty() || !name.chars().all(token) => format!("`{shown}` is not a name of a header"),
                () if controls => format!("the header `{shown}` has a character that no header may have"),
                () if authorized && name.eq_ignore_ascii_case("authorization") => {
                    "`Authorization` is said twice, here and by the token or the user".into()
                }
                () => continue,
            };
            self.push(Diagnostic::new(Code::BadLiteral, setting.span, why).label("in this map"));
        }
    }

    pub(super) fn metrics(&mut self, sources: &[Source]) -> Vec<Metric> {
        let model = self.model;
        model.metrics.iter().filter_map(|metric| self.metric(metric, sources)).collect()
    }

    fn metric(&mut self, metric: &'m model::Metric, sources: &[Source]) -> Option<Metric> {
        let kind = MetricKind::of(&metric.kind)?;
        let every = self.optional_duration(metric.every.as_ref()).unwrap_or(EVERY);
        if every < SignedDuration::from_millis(100) {
            let span = metric.every.as_ref().map_or(metric.id.span, |e| e.span);
            let finding = Diagnostic::new(Code::BadLiteral, span, "a metric is sampled at most ten times a second");
            self.push(finding.label("too often").help("write `every = 1s`"));
        }
        let floor = metric.floor.as_ref().and_then(|f| self.value(f));
        let written = metric.baseline.as_ref().and_then(|b| self.value(b));
        let past = match (&written, kind) {
            (Some(Value::Duration(length)), MetricKind::Duration) if *length < SHORTEST_PAST => None,
            (Some(Value::Duration(length)), _) if metric.source.is_some() => Some(*length),
            _ => None,
        };
        if let (Some(past), Some(baseline)) = (past, &metric.baseline)
            && !(SHORTEST_PAST..=LONGEST_PAST).contains(&past)
        {
            let finding = Diagnostic::new(Code::BadLiteral, baseline.span, "a past is a minute to a year long");
            self.push(
                finding.label(duration_text(past)).help("write `baseline = 24h`, or a constant of the metric's kind"),
            );
        }
        if let (Some(value), Some(written)) = (&floor, &metric.floor)
            && value.magnitude().is_some_and(|n| n < 0.0)
        {
            let finding = Diagnostic::new(Code::BadLiteral, written.span, "a floor is not below nothing");
            self.push(finding.label("negative").help("a smaller baseline counts as the floor: write what is noise"));
        }
        let action = match (&metric.look, &metric.source, &metric.query) {
            (Some(look), ..) => {
                let mut action = self.action(look);
                action.within = action.within.or(Some(SAMPLE_LIMIT));
                action.changes = false;
                action
            }
            (None, Some(name), Some(query)) => {
                let source = sources.iter().find(|s| s.id == *name)?;
                let asked = self.query(source, query, every, past.is_some());
                let mut action = Action::plain(ActionKind::Query(asked), self.place(query.span));
                action.within = Some(source.timeout);
                action
            }
            _ => return None,
        };
        let marks = metric.marks.iter().filter_map(|(word, comparison, value)| {
            Some(Mark { word: word.clone(), comparison: *comparison, value: self.value(value)? })
        });
        Some(Metric {
            marks: marks.collect(),
            title: self.title(metric.title.as_ref(), &metric.id.text),
            unit: self.optional_text(metric.unit.as_ref()),
            path: self.optional_text(metric.path.as_ref()),
            place: self.place(metric.id.span),
            id: metric.id.text.clone(),
            baseline: written.filter(|_| past.is_none()).map(|baseline| at_least(baseline, floor.as_ref())),
            every,
            kind,
            action,
            past,
            floor,
        })
    }

    /// A query: what stands in the file is its code, and every value in it is a value.
    fn query(&mut self, source: &Source, query: &'m Typed, every: SignedDuration, past: bool) -> Query {
        // What a `let` says stands in the file as well.
        let mut expr = &query.expr;
        while let Expr::Ref(r) = expr
            && r.kind == RefKind::Let
            && let Some(found) = self.model.lets.iter().find(|l| l.id.text == r.name)
        {
            expr = &found.value.expr;
        }
        let parts = match expr.clone() {
            Expr::Template(parts) => parts,
            Expr::Value(Value::Text(text)) => vec![Part::Text(text)],
            other => vec![Part::Value(other)],
        };
        let known = |l: &mut Self, part: Part| match part {
            Part::Value(expr) => Part::Value(l.expr(&Typed { expr, ty: crate::value::Type::Any, span: query.span })),
            text @ Part::Text(_) => text,
        };
        let parts: Vec<Part> = parts.into_iter().map(|part| known(self, part)).collect();
        if parts.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty())) {
            let finding = Diagnostic::new(Code::BadLiteral, query.span, "an empty query asks nothing");
            self.push(finding.label("empty").help("write it in the language of the source"));
        }
        let scanned = match scan(&source.kind, parts) {
            Ok(scanned) => scanned,
            Err(why) => {
                let finding = Diagnostic::new(Code::BadLiteral, query.span, why).label("in this query");
                self.push(finding.help("close it, and write a backslash that is meant as one twice"));
                return Query { source: source.id.clone(), pieces: Vec::new(), every };
            }
        };
        if let Some(what) = source.kind.changes(&scanned.code) {
            let title = "a metric only looks, and this query may change something";
            let finding = Diagnostic::new(Code::BadLiteral, query.span, title).label(format!("{what} in it"));
            self.push(finding.help("write a query that reads: in InfluxQL one `select` without `into`, in Flux nothing that is written `to` a bucket"));
        }
        let pieces = scanned.pieces;
        for piece in &pieces {
            if let QueryPiece::Value(Expr::Value(value), spot) = piece
                && let Err(why) = in_query(&source.kind, *spot, &value.to_string())
            {
                let finding = Diagnostic::new(Code::BadLiteral, query.span, why);
                self.push(finding.label("not in this query").help(
                    "between quotes any value can stand; outside of them only a word or a number, and the query itself is written in the file",
                ));
            }
        }
        if let (Some(word), true) = (source.kind.time_in_query(), past) {
            let says = pieces.iter().any(|piece| matches!(piece, QueryPiece::Text(text) if text.contains(word)));
            if !says {
                let title = "this query does not say where the time stands that it is about";
                let finding = Diagnostic::new(Code::BadLiteral, query.span, title).label("has no past");
                self.push(finding.help(format!("write `{word}` where the time is chosen, as dashboards do")));
            }
        }
        Query { source: source.id.clone(), pieces, every }
    }
}

/// A baseline that is not below its floor.
fn at_least(baseline: Value, floor: Option<&Value>) -> Value {
    match floor {
        Some(floor) if baseline.magnitude() < floor.magnitude() => floor.clone(),
        _ => baseline,
    }
}
