//! Reading a block by the catalogue: its settings, clauses and contents, each where it may stand and each once.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{Clause, ClauseKind, Construct, Item, ItemKind, Setting, Text};
use crate::value::{Enumeration, Type};

use super::Checker;
use super::catalogue::{self, Shape};
use super::model::Typed;

/// A block, sorted.
pub(super) struct Body<'a> {
    name: &'static str,
    span: Span,
    settings: Vec<&'a Setting>,
    clauses: Vec<&'a Clause>,
    pub(super) describe: Option<&'a Text>,
    /// Everything else, in order.
    pub(super) rest: Vec<&'a Item>,
    /// A line of it could not be read: what is missing may stand there.
    pub(super) unread: bool,
}

impl<'a> Body<'a> {
    /// The value of a setting.
    pub(super) fn setting(&self, name: &str) -> Option<&'a Setting> {
        self.settings.iter().copied().find(|s| s.name.text == name)
    }

    /// Every setting, in order.
    pub(super) fn settings(&self) -> Vec<&'a Setting> {
        self.settings.clone()
    }

    /// The first clause that `pick` takes.
    pub(super) fn clause<T>(&self, pick: impl Fn(&'a ClauseKind) -> Option<T>) -> Option<T> {
        self.clauses.iter().find_map(|c| pick(&c.kind))
    }

    /// The first clause that `pick` takes, with its place.
    pub(super) fn clause_at<T>(&self, pick: impl Fn(&'a ClauseKind) -> Option<T>) -> Option<(Span, T)> {
        self.clauses.iter().find_map(|c| pick(&c.kind).map(|found| (c.span, found)))
    }

    /// Where to point when something is missing.
    pub(super) fn span(&self) -> Span {
        self.span
    }
}

/// The word by which a statement is in the catalogue.
pub(super) fn word(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Import(_) => "import",
        ItemKind::Declaration(d) => match d.sort {
            crate::syntax::ast::Sort::Var => "var",
            crate::syntax::ast::Sort::Let => "let",
            crate::syntax::ast::Sort::Secret => "secret",
            crate::syntax::ast::Sort::Fact => "fact",
        },
        ItemKind::Link(_) => "link",
        ItemKind::For(_) => "for",
        ItemKind::Construct(c) => c.keyword.word(),
        ItemKind::On(_) => "on",
        ItemKind::Every(_) => "every",
        ItemKind::Run(_) => "run",
        ItemKind::Shell(_) => "shell",
        ItemKind::Http(_) => "http",
        ItemKind::Shift(_) => "shift",
        ItemKind::Set(_) => "set",
        ItemKind::Notify(_) => "notify",
        ItemKind::Expect(_) => "expect",
        ItemKind::Capture(_) => "capture",
        ItemKind::Undo(_) => "undo",
        ItemKind::DoneWhen(_) => "done when",
        ItemKind::Mark(mark) => match mark.word.text.as_str() {
            "target" => "target",
            "warn" => "warn",
            _ => "critical",
        },
        ItemKind::Level(..) => "level",
        ItemKind::Duty(duty) => match duty.away {
            true => "away",
            false => "duty",
        },
        ItemKind::Goal(_) => "goal",
        ItemKind::FollowUp(_) => "follow_up",
        ItemKind::Describe(_) => "describe",
        ItemKind::Given(_) => "given",
        ItemKind::At(_) => "at",
        ItemKind::Crash(_) => "crash",
        ItemKind::Expectation(_) => "expect",
        ItemKind::Clause(clause) => clause.kind.word(),
        ItemKind::Setting(_) | ItemKind::Bad(_) => "",
    }
}

/// Whether the block's settings belong to the thing it configures, which knows them itself.
fn is_open(name: &str) -> bool {
    let unknown = [
        "source datadog",
        "source graphite",
        "source influxdb",
        "flags launchdarkly",
        "router nginx",
        "router kubernetes",
    ];
    matches!(name, "notify" | "channel") || unknown.contains(&name)
}

impl<'a> Checker<'a> {
    /// Sorts a construct's header and body by the catalogue's entry `name`.
    pub(super) fn construct_body(&mut self, name: &'static str, construct: &'a Construct) -> Body<'a> {
        use crate::syntax::ast::Keyword::*;
        let word = construct.keyword.word();
        let has_kind = matches!(
            construct.keyword,
            Channel | Source | Flags | Router | Hosts | Metric | Phase | Ramp | Approve | Confirm | Question
        );
        if let Some(kind) = construct.kind.as_ref().filter(|_| !has_kind) {
            let finding =
                Diagnostic::new(Code::Misplaced, kind.name.span, format!("{} has no kind", super::articled(word)));
            self.push(finding.label("says nothing here").help("leave it out"));
        }
        if let Some(name) =
            construct.name.as_ref().filter(|_| matches!(construct.keyword, Release | Scope | Comms | After))
        {
            let finding = Diagnostic::new(Code::Misplaced, name.span, format!("{} has no name", super::articled(word)));
            self.push(finding.label("says nothing here").help("leave it out: there is only one"));
        }
        self.body(name, construct.head(), &construct.clauses, construct.items())
    }

    /// Sorts clauses of a header and statements of a body by the catalogue's entry `name`.
    pub(super) fn body(&mut self, name: &'static str, span: Span, header: &'a [Clause], items: &'a [Item]) -> Body<'a> {
        let mut body = Body {
            name,
            span,
            settings: Vec::new(),
            clauses: Vec::new(),
            describe: None,
            rest: Vec::new(),
            unread: false,
        };
        for clause in header {
            self.add_clause(&mut body, clause);
        }
        for item in items {
            match &item.kind {
                ItemKind::Setting(setting) => self.add_setting(&mut body, setting),
                ItemKind::Clause(clause) => self.add_clause(&mut body, clause),
                ItemKind::Describe(text) if self.may_stand(&body, "describe", item.span) => {
                    body.describe = Some(text);
                    // Also where nobody asks for it.
                    self.text(text);
                }
                ItemKind::Bad(_) => body.unread = true,
                ItemKind::Describe(_) => {}
                kind => {
                    if self.may_stand(&body, word(kind), item_head(item)) {
                        body.rest.push(item);
                    }
                }
            }
        }
        body
    }

    fn add_setting(&mut self, body: &mut Body<'a>, setting: &'a Setting) {
        let Some(block) = catalogue::block(body.name) else { return };
        let name = &setting.name;
        let known = block.settings.iter().find(|s| s.name == name.text);
        if known.is_none() && !is_open(body.name) {
            // A file that is to be run is not led to what is not run.
            let whole = self.sources.file(name.span.file).text.contains("# allow(RB017)");
            let close = did_you_mean(&name.text, block.settings.iter().map(|s| s.name));
            let names: Vec<_> = block.settings.iter().filter(|s| s.runs || whole).map(|s| s.name).collect();
            let help = match close {
                Some(close) => format!("did you mean `{close}`?"),
                None if names.is_empty() => format!("{} has no settings", super::articled(body.name)),
                None => format!("the settings of {} are {}", super::articled(body.name), names.join(", ")),
            };
            let mut finding = Diagnostic::new(
                Code::UnknownSetting,
                name.span,
                format!("{} has no setting `{}`", super::articled(body.name), name.text),
            )
            .label("unknown setting")
            .help(help);
            if let Some(close) = close {
                finding = finding.suggest(name.span, close);
            }
            return self.push(finding);
        }
        if known.is_some_and(|k| !k.runs) {
            self.not_yet(name.span, &format!("the setting `{}` of {}", name.text, super::articled(body.name)));
        }
        match body.setting(&name.text) {
            Some(first) => {
                let first = first.name.span;
                self.repeated(name.span, first, &format!("`{}`", name.text));
            }
            None => body.settings.push(setting),
        }
    }

    fn add_clause(&mut self, body: &mut Body<'a>, clause: &'a Clause) {
        let word = clause.kind.word();
        let Some(block) = catalogue::block(body.name) else { return };
        let Some(allowed) = block.clauses.iter().find(|c| c.word == word) else {
            let words: Vec<_> = block.clauses.iter().map(|c| format!("`{}`", c.word)).collect();
            let help = match words.is_empty() {
                true => format!("{} has no clauses", super::articled(body.name)),
                false => format!("the clauses of {} are {}", super::articled(body.name), words.join(", ")),
            };
            return self.push(
                Diagnostic::new(
                    Code::Misplaced,
                    clause.span,
                    format!("`{word}` says nothing about {}", super::articled(body.name)),
                )
                .label("does not belong here")
                .help(help),
            );
        };
        if !allowed.runs {
            self.not_yet(clause.span, &format!("`{word}` in {}", super::articled(body.name)));
        }
        // A gate may have several parameters.
        let first = body.clauses.iter().find(|c| c.kind.word() == word && word != "with").map(|c| c.span);
        match first {
            Some(first) => self.repeated(clause.span, first, &format!("`{word}`")),
            None => body.clauses.push(clause),
        }
    }

    fn repeated(&mut self, span: Span, first: Span, what: &str) {
        self.push(
            Diagnostic::new(Code::Repeated, span, format!("{what} is said twice"))
                .label("again")
                .also(first, "first here")
                .help("keep the one that counts; a clause stands in the header or in the body"),
        );
    }

    fn may_stand(&mut self, body: &Body<'a>, word: &str, span: Span) -> bool {
        let Some(block) = catalogue::block(body.name) else { return true };
        match block.contents.iter().find(|c| c.word == word) {
            Some(allowed) if allowed.runs => true,
            Some(_) => {
                let what = if body.name == "file" {
                    format!("`{word}`")
                } else {
                    format!("`{word}` in {}", super::articled(body.name))
                };
                self.not_yet(span, &what);
                true
            }
            None if block.settings.iter().any(|s| s.name == word) => {
                let value = self.slice(span).strip_prefix(word).unwrap_or_default().trim().to_owned();
                let title = format!("`{word}` is a setting of {}, and has a `=`", super::articled(body.name));
                let finding = Diagnostic::new(Code::WrongForm, span, title).label("without a `=`");
                self.push(finding.help(format!("write `{word} = {}`", if value.is_empty() { "…" } else { &value })));
                false
            }
            None => {
                self.push(misplaced(word, body.name, span));
                false
            }
        }
    }

    /// The value of a setting in the type that the catalogue gives it.
    pub(super) fn value_of(&mut self, body: &Body<'a>, name: &str) -> Option<Typed> {
        let setting = body.setting(name)?;
        let shape =
            catalogue::block(body.name).and_then(|b| b.settings.iter().find(|s| s.name == name)).map(|s| s.shape);
        Some(self.shaped(&setting.value, shape.unwrap_or(Shape::Any)))
    }

    /// A value as its setting wants it.
    pub(super) fn shaped(&mut self, value: &'a crate::syntax::ast::Expr, shape: Shape) -> Typed {
        match shape {
            Shape::Texts => self.texts(value),
            Shape::Owner => self.owner(value),
            Shape::Components if matches!(value.bare().kind, crate::syntax::ast::ExprKind::Map(_)) => {
                self.typed(value, Some(&Type::Map(Box::new(Type::Enum(&Enumeration::COMPONENT)))))
            }
            Shape::Components => self.texts(value),
            Shape::Moment | Shape::DateOrInstant => self.one_of_types(value, shape),
            Shape::Private | Shape::PrivateUrl => self.private(value, shape),
            Shape::Probability => {
                let words = Type::Enum(&Enumeration::PROBABILITY);
                let is_word = value.path().is_some() || matches!(value.kind, crate::syntax::ast::ExprKind::Text(_));
                self.typed(value, Some(if is_word { &words } else { &Type::Percent }))
            }
            _ => self.typed(value, shape.ty().as_ref()),
        }
    }

    /// A team in words, or the name of a role.
    fn owner(&mut self, value: &'a crate::syntax::ast::Expr) -> Typed {
        if let Some(role) = value.path().filter(|name| self.names.peek(name).is_some_and(|s| s.kind.is_role())) {
            self.names.get(&role);
            return Typed { expr: crate::value::Expr::text(role), ty: Type::Text, span: value.span };
        }
        self.typed(value, Some(&Type::Text))
    }

    /// A value that may be of one of several types.
    fn one_of_types(&mut self, value: &'a crate::syntax::ast::Expr, shape: Shape) -> Typed {
        let (wanted, help) = match shape {
            Shape::Moment => {
                ([Type::Offset, Type::Instant], "write `T+45m`, or an instant such as `2025-11-15T10:00:00-08:00`")
            }
            _ => ([Type::Date, Type::Instant], "write `2025-11-24`, or an instant such as `2025-11-24T18:00:00-08:00`"),
        };
        let typed = self.typed(value, None);
        if matches!(typed.ty, Type::Error | Type::Any) || wanted.contains(&typed.ty) {
            return typed;
        }
        let title = format!("a moment stands here, and this is {}", super::article(&typed.ty));
        self.push(Diagnostic::new(Code::Mismatch, value.span, title).label(super::article(&typed.ty)).help(help));
        Typed { expr: crate::value::Expr::Error, ty: Type::Error, span: value.span }
    }

    /// A string or a URL that may be secret.
    fn private(&mut self, value: &'a crate::syntax::ast::Expr, shape: Shape) -> Typed {
        let allow = super::typing::Allow { secrets: true, ..self.allow };
        self.allowing(allow, |c| {
            let quiet = c.diagnostics.len();
            let (_, ty) = c.infer(value, None);
            c.diagnostics.truncate(quiet);
            let literal = matches!(&value.kind, crate::syntax::ast::ExprKind::Text(text) if text.plain().is_some());
            if literal && shape == Shape::Private {
                let finding = Diagnostic::new(Code::SecretSource, value.span, "a secret never stands in a file");
                c.push(
                    finding
                        .label("written down")
                        .help("declare it: `secret NAME = getenv(\"NAME\")`, and write the name here"),
                );
            }
            let want = if ty == Type::Secret { None } else { shape.ty() };
            c.typed(value, want.as_ref())
        })
    }

    /// A string, or a list of strings.
    fn texts(&mut self, value: &'a crate::syntax::ast::Expr) -> Typed {
        let is_list = matches!(value.bare().kind, crate::syntax::ast::ExprKind::List(_));
        let want = if is_list { Type::List(Box::new(Type::Text)) } else { Type::Text };
        self.typed(value, Some(&want))
    }

    /// `true` only where it is written.
    pub(super) fn flag_of(&mut self, body: &Body<'a>, name: &str) -> bool {
        let value = self.value_of(body, name);
        let known = value.as_ref().and_then(|v| v.expr.known().cloned());
        if let (Some(value), None) = (&value, &known)
            && value.ty != Type::Error
        {
            let span = value.span;
            self.push(
                Diagnostic::new(Code::Mismatch, span, format!("`{name}` is `true` or `false`"))
                    .label("must be known when the file is checked")
                    .help(format!("write `{name} = true`")),
            );
        }
        known == Some(crate::value::Value::Bool(true))
    }

    /// The description of a block.
    pub(super) fn describe(&mut self, body: &Body<'a>) -> Option<Typed> {
        body.describe.map(|text| self.text(text))
    }

    /// Something without which a block means nothing.
    pub(super) fn missing(&mut self, span: Span, title: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::new(Code::Missing, span, title).label("something is missing").help(help));
    }
}

fn misplaced(word: &str, block: &str, span: Span) -> Diagnostic {
    let place = |name: &str| match name {
        "file" => "at file level".to_owned(),
        name if name.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("in an `{name}`"),
        name => format!("in a `{name}`"),
    };
    let holds = |b: &&catalogue::Block| b.contents.iter().chain(b.clauses).any(|c| c.word == word);
    let homes: Vec<&str> = catalogue::BLOCKS.iter().filter(holds).map(|b| b.name).collect();
    let finding = Diagnostic::new(Code::Misplaced, span, format!("`{word}` cannot stand {}", place(block)))
        .label("does not belong here");
    let mut places: Vec<String> = homes.iter().map(|name| place(name)).collect();
    if places.len() > 6 {
        let more = places.len() - 5;
        places.truncate(5);
        places.push(format!("and in {more} other blocks"));
    }
    // What stands at file level is found in a block when the block before it was not closed.
    let unclosed = if homes.contains(&"file") { "; is a `}` missing above?" } else { "" };
    finding.help_if((!homes.is_empty()).then(|| format!("`{word}` stands {}{unclosed}", places.join(", "))))
}

/// The place of a statement's first words.
fn item_head(item: &Item) -> Span {
    match &item.kind {
        ItemKind::Construct(construct) => construct.head(),
        ItemKind::On(handler) => Span { end: handler.event.span.end, ..item.span },
        ItemKind::For(l) => Span { end: l.name.span.end, ..item.span },
        ItemKind::Every(announcer) => announcer.keyword_span,
        ItemKind::Notify(notify) => notify.keyword_span,
        _ => Span { end: item.span.end.min(item.span.start + 60), ..item.span },
    }
}
