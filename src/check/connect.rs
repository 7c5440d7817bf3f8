//! Channels and metrics: where words go, and where numbers come from.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{ClauseKind, Construct, ExprKind, Item, ItemKind, Keyword};
use crate::value::{Ref, RefKind, Type};

use super::catalogue::{self, Shape};
use super::model::{self, ChannelKind, Typed};
use super::read::Body;
use super::typing::{Allow, Local};
use super::{Checker, article};

/// Settings or commands by their names, in order.
type Named<T> = Vec<(String, T)>;

/// The kinds of metric.
const METRIC_KINDS: [&str; 6] = ["percent", "duration", "size", "rate", "count", "number"];

impl<'a> Checker<'a> {
    pub(super) fn channel(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let title = self.title_of(construct);
        let block = self.kind_of(construct);
        let settings = block.map(|block| self.connected(block, construct).0).unwrap_or_default();
        let kind = block.map(|block| block.trim_start_matches("channel "));
        let kind = ChannelKind::ALL.into_iter().find(|k| Some(k.word()) == kind);
        if let Some(kind) = kind {
            self.needed(kind, &settings, construct.head());
        }
        self.model.channels.push(model::Channel { id, title, kind, settings });
    }

    /// What a channel cannot speak without.
    fn needed(&mut self, kind: ChannelKind, settings: &[(String, Typed)], span: Span) {
        let of = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.span);
        let has = |name: &str| of(name).is_some();
        let kind = kind.word();
        let (missing, help) = match kind {
            "webhook" if !has("url") => ("a `url`", "write `url = \"https://…\"`"),
            "slack" if !(has("webhook") || has("token") && has("room")) => {
                ("a `webhook`, or a `token` and a `room`", "write `webhook = slack_hook`")
            }
            "teams" | "discord" if !has("webhook") => ("a `webhook`", "write `webhook = hook`, with a secret"),
            "email" if !has("smtp") => ("a server", "write `smtp = \"smtp://127.0.0.1:25\"`"),
            "email" if !has("from") => ("a sender", "write `from = \"release@acme.example\"`"),
            "email" if !has("to") => ("recipients", "write `to = [\"eng@acme.example\"]`"),
            "pagerduty" if !has("routing_key") => ("a `routing_key`", "write `routing_key = pd_key`, with a secret"),
            "statuspage" if !has("page") => ("a `page`", "write `page = \"…\"`, the id of the page"),
            "statuspage" if !has("token") => ("a `token`", "write `token = sp_token`, with a secret"),
            _ => ("", ""),
        };
        if !missing.is_empty() {
            self.missing(span, format!("a channel of the kind `{kind}` has {missing}"), help);
        }
        if let (Some(first), Some(second)) = (of("webhook"), of("token")) {
            let title = "a channel has a `webhook` or a `token`, not both";
            let finding =
                Diagnostic::new(Code::Repeated, second, title).label("the other one").also(first, "the first");
            self.push(finding.help("a token speaks in the `room` that it names, a webhook in its own"));
        }
        // A webhook speaks in the room that it was made for; only a token can make one.
        let without = [("room", "token"), ("create", "token"), ("archive", "token"), ("password", "user")];
        for (name, needs) in without {
            if let (Some(place), false) = (of(name), has(needs)) {
                let title = format!("a `{name}` needs a `{needs}`");
                let finding = Diagnostic::new(Code::Missing, place, title).label(format!("there is no `{needs}`"));
                self.push(finding.help(match needs {
                    "user" => "write `user = \"…\"` beside it",
                    _ => "a webhook speaks in the room that it was made for: write `token = slack_token` instead",
                }));
            }
        }
    }

    /// `source`, `flags`, `router` and `hosts`.
    pub(super) fn connection(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let title = self.title_of(construct);
        let Some(block) = self.kind_of(construct) else { return };
        let (settings, commands) = self.connected(block, construct);
        let within = construct.every_clause().find_map(|clause| match &clause.kind {
            ClauseKind::Within(within) => Some(within),
            _ => None,
        });
        if let Some(otherwise) = within.and_then(|w| w.otherwise.as_ref()) {
            let finding = Diagnostic::new(Code::Misplaced, otherwise.span(), "`else` says nothing here");
            self.push(
                finding
                    .label("does not belong here")
                    .help("a metric without an answer has no data; what follows is said where it is watched"),
            );
        }
        let within = within.map(|w| self.typed(&w.limit, Some(&Type::Duration)));
        let kind = block.split(' ').next_back().unwrap_or_default().to_owned();
        if kind != "command" && matches!(construct.keyword, Keyword::Flags | Keyword::Router) {
            let span = construct.kind.as_ref().map_or(construct.keyword_span, |k| k.name.span);
            self.not_yet(span, &format!("`{} …: {kind}`", construct.keyword.word()));
        }
        if kind == "command" {
            for (name, what) in [("get", "prints what holds now"), ("set", "changes it")] {
                let said = |item: &Item| matches!(&item.kind, ItemKind::Setting(s) if s.name.text == name);
                if !construct.items().iter().any(said) {
                    let title =
                        format!("a `{}` of the kind `command` has a `{name}`, which {what}", construct.keyword.word());
                    self.missing(construct.head(), title, format!("write `{name} = run \"…\"`"));
                }
            }
        }
        if kind == "ssh" && !settings.iter().any(|(name, _)| name == "addresses") {
            self.missing(construct.head(), "hosts have addresses", "write `addresses = [\"web-1\", \"web-2\"]`");
        }
        if construct.keyword == Keyword::Source {
            self.needed_of_source(&kind, &settings, construct.head());
        }
        self.model.connections.push(model::Connection {
            id,
            keyword: construct.keyword,
            kind,
            title,
            settings,
            within,
            commands,
        });
    }

    /// What a source cannot be asked without, and what cannot be said of it twice.
    fn needed_of_source(&mut self, kind: &str, settings: &[(String, Typed)], head: Span) {
        let of = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.span);
        let (missing, help) = match kind {
            "datadog" if of("api_key").is_none() || of("app_key").is_none() => (
                "an `api_key` and an `app_key`",
                "write `api_key = dd_api_key` and `app_key = dd_app_key`, with secrets",
            ),
            "prometheus" | "graphite" | "influxdb" if of("url").is_none() => {
                ("a `url`", "write `url = \"https://metrics.internal\"`")
            }
            "influxdb" if of("database").is_none() && of("org").is_none() => (
                "a `database` or an `org`",
                "write `database = \"metrics\"` to ask it in InfluxQL, or `org = \"acme\"` to ask it in Flux",
            ),
            _ => ("", ""),
        };
        if !missing.is_empty() {
            self.missing(head, format!("a source of the kind `{kind}` has {missing}"), help);
        }
        for (one, other, help) in [
            ("token", "user", "keep the token, or the user and the password"),
            ("database", "org", "keep `database` for InfluxQL or `org` for Flux"),
        ] {
            if let (Some(first), Some(second)) = (of(one), of(other)) {
                let title = format!("a source has a `{one}` or a `{other}`, not both");
                let finding = Diagnostic::new(Code::Repeated, second, title).label("the other one");
                self.push(finding.also(first, "the first").help(help));
            }
        }
        if let (None, Some(password)) = (of("user"), of("password")) {
            self.missing(password, "a password belongs to a `user`", "write `user = \"…\"` beside it");
        }
    }

    /// The catalogue's block for a kind, such as `router haproxy`.
    fn kind_of(&mut self, construct: &'a Construct) -> Option<&'static str> {
        let word = construct.keyword.word();
        let prefix = format!("{word} ");
        let kinds: Vec<&'static str> =
            catalogue::BLOCKS.iter().filter_map(|b| b.name.strip_prefix(prefix.as_str())).collect();
        let Some(kind) = &construct.kind else {
            let help = format!("write `{word} NAME: KIND`; the kinds are {}", kinds.join(", "));
            self.missing(construct.head(), format!("a `{word}` has a kind"), help);
            return None;
        };
        let found = catalogue::BLOCKS.iter().find(|b| b.name.strip_prefix(prefix.as_str()) == Some(&kind.name.text));
        if found.is_none() {
            let (name, span) = (kind.name.text.clone(), kind.name.span);
            self.unknown_kind(word, &name, span, &kinds);
        }
        found.map(|block| block.name)
    }

    /// The settings of a connection and its commands.
    fn connected(&mut self, block: &'static str, construct: &'a Construct) -> (Named<Typed>, Named<model::Action>) {
        let body = self.construct_body(block, construct);
        let (mut settings, mut commands) = (Vec::new(), Vec::new());
        for setting in body.settings() {
            let name = setting.name.text.clone();
            let shape =
                catalogue::block(block).and_then(|b| b.settings.iter().find(|s| s.name == name)).map(|s| s.shape);
            match (shape, &setting.value.kind) {
                (Some(Shape::Command), ExprKind::Command(item)) => {
                    let mut known = vec![Local { name: "share".into(), ty: Type::Percent, reference: share() }];
                    if construct.keyword == Keyword::Flags {
                        let reference = Ref { kind: RefKind::Param, name: "flag".into() };
                        known.push(Local { name: "flag".into(), ty: Type::Text, reference });
                    }
                    let action = self.with_locals(known, |c| c.action(item));
                    let uses = action.as_ref().is_some_and(super::rules::uses_share);
                    if name == "set" && !uses {
                        let finding =
                            Diagnostic::new(Code::Missing, setting.name.span, "this sets nothing in particular");
                        self.push(
                            finding
                                .label("does not say what is to be set")
                                .help("hand it over: `set = run \"./split.sh ${share}\"`"),
                        );
                    }
                    commands.extend(action.map(|action| (name, action)));
                }
                (Some(Shape::Command), _) => {
                    if !super::is_bad(&setting.value) {
                        let finding =
                            Diagnostic::new(Code::WrongForm, setting.value.span, format!("`{name}` is a command"));
                        self.push(finding.label("not a command").help(format!("write `{name} = run \"…\"`")));
                    }
                }
                (None, _) => {
                    // Of a kind whose settings are not written down yet.
                    let allow = Allow { secrets: true, ..Allow::default() };
                    let value = self.allowing(allow, |c| c.typed(&setting.value, None));
                    settings.push((name, value));
                }
                _ => {
                    let allow = Allow { secrets: name == "header", ..Allow::default() };
                    let value = self.allowing(allow, |c| c.value_of(&body, &name));
                    settings.extend(value.map(|value| (name, value)));
                }
            }
        }
        (settings, commands)
    }

    fn unknown_kind(&mut self, what: &str, name: &str, span: Span, kinds: &[&str]) {
        let help = match did_you_mean(name, kinds.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("the kinds are {}", kinds.join(", ")),
        };
        let finding = Diagnostic::new(Code::UnknownKind, span, format!("there is no kind of {what} `{name}`"));
        self.push(finding.label("unknown kind").help(help));
    }

    pub(super) fn metric(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let body = self.construct_body("metric", construct);
        let kind = self.metric_kind(construct);
        let mut looks = Vec::new();
        let mut marks = Vec::new();
        for item in &body.rest {
            match &item.kind {
                ItemKind::Mark(mark) => {
                    let value = self.typed(&mark.value, Some(&kind));
                    marks.push((mark.word.text.clone(), mark.comparison, value));
                }
                _ => looks.extend(self.metric_look(item)),
            }
        }
        if looks.len() > 1 {
            let second: &model::Action = &looks[1];
            let finding = Diagnostic::new(Code::Repeated, second.span, "a metric comes from one place");
            self.push(finding.label("a second one").also(looks[0].span, "the first"));
        }
        let source = body.setting("source").and_then(|s| self.named(s, Keyword::Source));
        let query = self.value_of(&body, "query");
        if let (Some(setting), Some(look)) = (body.setting("source"), looks.first()) {
            let finding = Diagnostic::new(Code::Repeated, look.span, "a metric comes from one place");
            self.push(finding.label("a second one").also(setting.name.span, "the first"));
        }
        self.asked_of_source(&body);
        let sourced = body.setting("source").or(body.setting("query")).is_some();
        if looks.is_empty() && !sourced && !body.unread {
            let help = "give it a `run \"…\"`, an `http GET \"…\"`, or a `source` and a `query`";
            self.missing(body.span(), "a metric comes from somewhere", help);
        }
        self.metric_unit(&kind, body.setting("unit").is_some(), body.span());
        let baseline = body.setting("baseline").map(|s| self.typed(&s.value, None));
        let baseline = baseline.and_then(|b| self.metric_baseline(b, &kind, source.is_some()));
        let floor = body.setting("floor").map(|s| self.typed(&s.value, Some(&kind)));
        let metric = model::Metric {
            title: self.title_of(construct),
            unit: self.value_of(&body, "unit"),
            every: self.value_of(&body, "every"),
            path: self.value_of(&body, "path"),
            look: looks.into_iter().next(),
            source,
            query,
            describe: self.describe(&body),
            id,
            kind,
            baseline,
            floor,
            marks,
        };
        self.model.metrics.push(metric);
    }

    /// A source is asked a question, and only a source.
    fn asked_of_source(&mut self, body: &Body<'a>) {
        match (body.setting("source"), body.setting("query"), body.setting("path")) {
            (Some(source), None, _) => {
                let help = "write `query = \"…\"`, in the language of the source";
                self.missing(source.name.span, "a source is asked something", help);
            }
            (None, Some(query), _) => {
                self.missing(query.name.span, "a query is asked of a source", "write `source = NAME`");
            }
            (Some(source), _, Some(path)) => {
                let finding = Diagnostic::new(Code::Misplaced, path.name.span, "`path` is for the answer to an `http`");
                self.push(finding.label("does not belong here").also(source.name.span, "asked of a source"));
            }
            _ => {}
        }
    }

    /// What a source returns is said where it could be one thing or another.
    fn metric_unit(&mut self, kind: &Type, said: bool, span: Span) {
        let (title, help) = match kind {
            _ if said => return,
            Type::Percent => {
                ("does its source give 0.05 or 5 for five percent?", "write `unit = ratio` or `unit = percent`")
            }
            Type::Duration => {
                ("does its source give seconds or milliseconds?", "write `unit = s`, `unit = ms` or `unit = us`")
            }
            _ => return,
        };
        self.missing(span, title, help);
    }

    /// `baseline = 24h`, the mean over the past, or a constant. Of a length of time, less than a minute is a constant.
    fn metric_baseline(&mut self, baseline: Typed, kind: &Type, sourced: bool) -> Option<Typed> {
        if baseline.ty == Type::Duration && *kind != Type::Duration {
            if !sourced {
                let title = "only a source remembers the past of a metric";
                let finding = Diagnostic::new(Code::Mismatch, baseline.span, title).label("a length of time");
                self.push(finding.help("give the metric a `source`, or a constant: `baseline = 0.4%`"));
                return None;
            }
            return Some(baseline);
        }
        if !kind.accepts(&baseline.ty) {
            let title = format!("the baseline of {} is {}", article(kind), article(&baseline.ty));
            self.push(Diagnostic::new(Code::Mismatch, baseline.span, title).label(article(&baseline.ty)));
            return None;
        }
        Some(baseline)
    }

    fn metric_look(&mut self, item: &'a Item) -> Option<model::Action> {
        let allow = Allow::default();
        let action = self.allowing(allow, |c| c.action(item))?;
        Some(action)
    }

    fn metric_kind(&mut self, construct: &'a Construct) -> Type {
        let Some(kind) = &construct.kind else {
            let help = format!("write `metric NAME: KIND`; the kinds are {}", METRIC_KINDS.join(", "));
            self.missing(construct.head(), "a metric has a kind", help);
            return Type::Error;
        };
        let name = kind.name.text.as_str();
        if METRIC_KINDS.contains(&name) {
            return Type::from_name(name).unwrap_or(Type::Error);
        }
        let (name, span) = (name.to_owned(), kind.name.span);
        self.unknown_kind("metric", &name, span, &METRIC_KINDS);
        Type::Error
    }

    /// The kind of a metric that may not have been read yet: its header says it.
    pub(super) fn metric_type(&self, name: &str) -> Type {
        let kind = self.metric_header(name).and_then(|c| c.kind.as_ref()).map(|k| k.name.text.as_str());
        kind.filter(|k| METRIC_KINDS.contains(k)).and_then(Type::from_name).unwrap_or(Type::Error)
    }

    pub(super) fn metric_has_baseline(&self, name: &str) -> bool {
        let items = self.metric_header(name).map(Construct::items).unwrap_or_default();
        items.iter().any(|i| matches!(&i.kind, ItemKind::Setting(s) if s.name.text == "baseline"))
    }

    fn metric_header(&self, name: &str) -> Option<&'a Construct> {
        self.names.construct(name)
    }
}

/// `${share}` in the commands of a router or of flags: what is to be set.
fn share() -> Ref {
    Ref { kind: RefKind::Param, name: "share".into() }
}
