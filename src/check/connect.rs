//! Channels and metrics: where words go, and where numbers come from.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{Construct, ExprKind, Item, ItemKind};
use crate::value::Type;

use super::model::{self, ChannelKind, Typed};
use super::typing::Allow;
use super::{Checker, article};

/// The kinds of channel that the language has; the first ones are spoken by this version.
const CHANNEL_KINDS: [&str; 8] =
    ["console", "webhook", "slack", "teams", "discord", "email", "pagerduty", "statuspage"];
const SPOKEN_CHANNELS: usize = 2;

/// The kinds of metric.
const METRIC_KINDS: [&str; 6] = ["percent", "duration", "size", "rate", "count", "number"];

impl<'a> Checker<'a> {
    pub(super) fn channel(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let title = self.title_of(construct);
        let kind = construct.kind.as_ref().map(|k| k.name.text.as_str()).unwrap_or_default();
        let kind = match kind {
            "console" => {
                self.construct_body("channel console", construct);
                ChannelKind::Console
            }
            "webhook" => self.webhook(construct),
            _ => {
                self.unknown_channel(construct);
                ChannelKind::Other
            }
        };
        self.model.channels.push(model::Channel { id, title, kind });
    }

    fn webhook(&mut self, construct: &'a Construct) -> ChannelKind {
        let body = self.construct_body("channel webhook", construct);
        let allow = Allow { secrets: true, ..Allow::default() };
        let url = body.setting("url").map(|setting| {
            self.allowing(allow, |c| {
                let literal = matches!(setting.value.kind, ExprKind::Text(_));
                let typed = c.typed(&setting.value, literal.then_some(&Type::Url));
                match typed.ty {
                    Type::Url | Type::Secret | Type::Error => typed,
                    _ => c.typed(&setting.value, Some(&Type::Url)),
                }
            })
        });
        if url.is_none() {
            self.missing(body.span(), "a webhook has a `url`", "write `url = \"https://…\"`");
        }
        let header = self.allowing(allow, |c| c.value_of(&body, "header"));
        ChannelKind::Webhook { url, header }
    }

    fn unknown_channel(&mut self, construct: &'a Construct) {
        let Some(kind) = &construct.kind else {
            let help = format!("write `channel NAME: KIND`; the kinds are {}", CHANNEL_KINDS.join(", "));
            return self.missing(construct.head(), "a channel has a kind", help);
        };
        let (name, span) = (kind.name.text.clone(), kind.name.span);
        if CHANNEL_KINDS[SPOKEN_CHANNELS..].contains(&name.as_str()) {
            return self.not_yet(span, &format!("channels of the kind `{name}`"));
        }
        self.unknown_kind("channel", &name, span, &CHANNEL_KINDS);
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
        if looks.is_empty() && body.setting("source").is_none() {
            let help = "give it a `run \"…\"` or an `http GET \"…\"`";
            self.missing(body.span(), "a metric comes from somewhere", help);
        }
        self.metric_unit(&kind, body.setting("unit").is_some(), body.span());
        let baseline = body.setting("baseline").map(|s| self.typed(&s.value, None));
        let baseline = baseline.and_then(|b| self.constant_baseline(b, &kind));
        let floor = body.setting("floor").map(|s| self.typed(&s.value, Some(&kind)));
        let metric = model::Metric {
            title: self.title_of(construct),
            unit: self.value_of(&body, "unit"),
            every: self.value_of(&body, "every"),
            path: self.value_of(&body, "path"),
            look: looks.into_iter().next(),
            describe: self.describe(&body),
            id,
            kind,
            baseline,
            floor,
            marks,
        };
        self.model.metrics.push(metric);
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

    fn constant_baseline(&mut self, baseline: Typed, kind: &Type) -> Option<Typed> {
        if baseline.ty == Type::Duration && *kind != Type::Duration {
            self.not_yet(baseline.span, "a baseline from the past of a metric");
            return None;
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
