//! Actions: `run`, `shell`, `http`, `notify`, and gates and holds among them.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, ClauseKind, ExprKind, Item, ItemKind, Keyword};
use crate::value::{Enumeration, Expr, Ref, RefKind, Type, Value};

use super::Checker;
use super::catalogue::{self, Shape};
use super::gate::PLACED;
use super::model::{Action, ActionKind, Capture, Command, Id, Notify, Request, Typed, Word, WordPiece};
use super::read::Body;
use super::typing::{Allow, Local, Output};

/// Why an action has no moment of its own.
const IN_ORDER: &str = "the actions of a step follow one another; write it as a node of its own, beside the step";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl<'a> Checker<'a> {
    /// Actions in their order: what one captures is known to the next.
    pub(super) fn actions(&mut self, items: &[&'a Item]) -> Vec<Action> {
        let mut actions = Vec::new();
        for item in items {
            if let Some(action) = self.action(item) {
                self.locals.extend(action.captures.iter().map(captured));
                actions.push(action);
            }
        }
        // Most steps have one or two; a vector keeps room for four.
        actions.shrink_to_fit();
        actions
    }

    /// One action; nothing for a statement that is none.
    pub(super) fn action(&mut self, item: &'a Item) -> Option<Action> {
        let (kind, body) = match &item.kind {
            ItemKind::Run(command) => {
                let words = self.words(&command.text);
                let body = self.action_body("command", item.span, command.block.as_ref());
                (ActionKind::Run(self.command(words, &body)), Some((body, Output::Command)))
            }
            ItemKind::Shell(command) => {
                let script = command.text.plain().unwrap_or_default();
                let words = vec![Word { pieces: vec![WordPiece::Text(script)], after_dashes: true }];
                let body = self.action_body("command", item.span, command.block.as_ref());
                (ActionKind::Shell(self.command(words, &body)), Some((body, Output::Command)))
            }
            ItemKind::Http(http) => {
                let url = self.url(&http.url);
                let method = self.method(&http.method);
                let body = self.action_body("http", item.span, http.block.as_ref());
                (ActionKind::Http(self.request(method, url, &body)), Some((body, Output::Answer)))
            }
            ItemKind::Notify(notify) => {
                for clause in notify.clauses.iter().filter(|c| PLACED.contains(&c.kind.word())) {
                    let title = format!("`{}` says nothing here", clause.kind.word());
                    let finding = Diagnostic::new(Code::Misplaced, clause.span, title).label("does not belong here");
                    self.push(finding.help(IN_ORDER));
                }
                (ActionKind::Notify(self.notify(notify, false)), None)
            }
            ItemKind::Construct(construct) if construct.keyword == Keyword::Gate => {
                self.refuse_clauses(construct, &PLACED, IN_ORDER);
                (ActionKind::Gate(Box::new(self.gate_use(construct))), None)
            }
            ItemKind::Construct(construct) if construct.keyword == Keyword::Hold => {
                self.refuse_clauses(construct, &PLACED, IN_ORDER);
                (ActionKind::Hold(self.hold(construct)), None)
            }
            ItemKind::Shift(shift) => (self.shift(shift), None),
            ItemKind::Set(set) => (self.set(set), None),
            _ => return None,
        };
        let mut action = Action { span: item.span, kind, within: None, expects: Vec::new(), captures: Vec::new() };
        if let Some((body, output)) = body {
            self.results(&mut action, &body, output);
        }
        Some(action)
    }

    /// `shift ROUTER to SHARE`
    fn shift(&mut self, shift: &'a ast::Shift) -> ActionKind {
        let router = self.named_expr(&shift.router, Keyword::Router);
        let share = self.typed(&shift.share, Some(&Type::Percent));
        if let Expr::Value(value @ Value::Percent(percent)) = &share.expr
            && !(0.0..=100.0).contains(percent)
        {
            let finding = Diagnostic::new(Code::BadLiteral, share.span, format!("{value} is no share"));
            self.push(finding.label("from 0 % to 100 %"));
        }
        let body = self.action_body("shift", shift.share.span, shift.block.as_ref());
        ActionKind::Shift { router, share, drain: self.value_of(&body, "drain") }
    }

    /// `set FLAG to on|off|SHARE [for segment("…")]`
    fn set(&mut self, set: &'a ast::Set) -> ActionKind {
        let flag = self.named_expr(&set.flag, Keyword::Flag);
        let value = self.typed(&set.value, None);
        let fits = match &value.ty {
            Type::Enum(e) => e.name == Enumeration::SWITCH.name,
            ty => matches!(ty, Type::Percent | Type::Any | Type::Error),
        };
        if !fits {
            let title = format!("a flag is on, off, or on for a share, and this is {}", super::article(&value.ty));
            let finding = Diagnostic::new(Code::Mismatch, value.span, title).label(super::article(&value.ty));
            self.push(finding.help("write `on`, `off` or `25%`"));
        }
        if let Some(segment) =
            set.segment.as_ref().filter(|s| !matches!(s.kind, ExprKind::Call(..)) && !super::is_bad(s))
        {
            let finding = Diagnostic::new(Code::WrongForm, segment.span, "for whom a flag is switched is a segment");
            self.push(
                finding
                    .label("not a segment")
                    .help("write `for segment(\"premium\")`; a flag stays as it is set until it is set again"),
            );
            return ActionKind::Set { flag, value, segment: None };
        }
        let segment = set.segment.as_ref().map(|segment| self.typed(segment, Some(&Type::Text)));
        self.action_body("set", set.value.span, set.block.as_ref());
        ActionKind::Set { flag, value, segment }
    }

    fn action_body(&mut self, name: &'static str, span: Span, block: Option<&'a ast::Block>) -> Body<'a> {
        self.body(name, span, &[], block.map(|b| b.items.as_slice()).unwrap_or_default())
    }

    fn command(&mut self, words: Vec<Word>, body: &Body<'a>) -> Command {
        let secret = Allow { secrets: true, ..self.allow };
        Command {
            words,
            dir: self.value_of(body, "dir").map(Box::new),
            env: self.allowing(secret, |c| c.value_of(body, "env")).map(Box::new),
            stdin: self.allowing(secret, |c| c.value_of(body, "stdin")).map(Box::new),
            stdout: self.value_of(body, "stdout").map(Box::new),
            inherit: self.value_of(body, "inherit").map(Box::new),
            reads: self.flag_of(body, "reads"),
        }
    }

    fn request(&mut self, method: String, url: Vec<super::model::UrlPiece>, body: &Body<'a>) -> Request {
        let secret = Allow { secrets: true, ..self.allow };
        let request = Request {
            url,
            header: self.allowing(secret, |c| c.value_of(body, "header")).map(Box::new),
            json: self.allowing(secret, |c| c.value_of(body, "json")).map(Box::new),
            body: self.allowing(secret, |c| c.value_of(body, "body")).map(Box::new),
            form: self.allowing(secret, |c| c.value_of(body, "form")).map(Box::new),
            reads: self.flag_of(body, "reads"),
            method,
        };
        let bodies: Vec<Span> =
            [&request.json, &request.body, &request.form].into_iter().flatten().map(|b| b.span).collect();
        if let [first, second, ..] = bodies[..] {
            let finding = Diagnostic::new(Code::Repeated, second, "a request has one body");
            self.push(finding.label("a second one").also(first, "the first").help("keep `json`, `form` or `body`"));
        }
        request
    }

    fn method(&mut self, method: &'a ast::Name) -> String {
        let upper = method.text.to_uppercase();
        if !METHODS.contains(&method.text.as_str()) {
            let finding =
                Diagnostic::new(Code::UnknownKind, method.span, format!("there is no method `{}`", method.text));
            let close = did_you_mean(&upper, METHODS);
            let finding = finding.label("unknown method");
            self.push(match close {
                Some(close) => finding.help(format!("write `{close}`")).fix(method.span, close),
                None => finding.help(format!("the methods are {}", METHODS.join(", "))),
            });
        }
        upper
    }

    /// `within`, `expect` and `capture` of an action.
    fn results(&mut self, action: &mut Action, body: &Body<'a>, output: Output) {
        action.within = body
            .clause(|c| match c {
                ClauseKind::Within(within) => Some(within),
                _ => None,
            })
            .and_then(|w| self.limit(w));
        if let Some(limit) = &action.within
            && let Some(outcome) = &limit.otherwise
        {
            let finding = Diagnostic::new(Code::Misplaced, outcome.span, "what happens then is said by the step");
            self.push(finding.label("does not belong here").help("write `on failure …` in the step"));
        }
        // What goes to a file is not kept beside it.
        let to_file = matches!(&action.kind, ActionKind::Run(c) | ActionKind::Shell(c) if c.stdout.is_some());
        let output = if to_file { Output::Redirected } else { output };
        let allow = Allow { output: Some(output), secrets: true, metrics: false, spans: false, ..self.allow };
        let count = self.locals.len();
        for item in &body.rest {
            match &item.kind {
                ItemKind::Expect(condition) => {
                    let condition = self.allowing(allow, |c| c.condition(condition));
                    action.expects.push(condition);
                }
                ItemKind::Capture(capture) => {
                    let capture = self.allowing(allow, |c| c.capture(capture));
                    self.locals.push(captured(&capture));
                    action.captures.push(capture);
                }
                _ => {}
            }
        }
        self.locals.truncate(count);
    }

    fn capture(&mut self, capture: &'a ast::Capture) -> Capture {
        let id = Id { text: capture.name.text.clone(), span: capture.name.span };
        let value = self.typed(&capture.value, None);
        let ty = match &capture.ty {
            // With a type the text is read as a literal of it.
            Some(ty) => self.type_of(ty),
            None => value.ty.clone(),
        };
        if ty != Type::Secret && value.ty == Type::Secret {
            self.secret_leak(value.span);
        }
        Capture { id, ty, value }
    }

    /// `notify`, as a node, an action, or in a reaction, where `event.*` is known.
    pub(super) fn notify(&mut self, notify: &'a ast::Notify, in_reaction: bool) -> Notify {
        let items = notify.block.as_ref().map(|b| b.items.as_slice()).unwrap_or_default();
        let body = self.body("notify", notify.keyword_span, &[], items);
        let allow = Allow { metrics: true, event: in_reaction || self.allow.event, ..self.allow };
        let texts: Vec<Typed> = self.allowing(allow, |c| notify.texts.iter().map(|text| c.text(text)).collect());
        let mut texts = texts.into_iter();
        let (subject, text) = match notify.texts.len() {
            0 => {
                self.missing(notify.keyword_span, "a message has a text", "write `notify CHANNEL \"text\"`");
                (None, None)
            }
            1 => (None, texts.next()),
            2 => (texts.next(), texts.next()),
            _ => {
                let third = notify.texts[2].span;
                let finding = Diagnostic::new(Code::Repeated, third, "a message has a subject and a text");
                self.push(finding.label("a third string"));
                (texts.next(), texts.next())
            }
        };
        let channels = self.channels(&notify.channels);
        let settings = self.channel_settings(&body, items, &channels);
        Notify {
            span: notify.keyword_span,
            required: self.flag_of(&body, "required"),
            channels,
            subject,
            text,
            settings,
            from: None,
        }
    }

    fn channels(&mut self, expr: &'a ast::Expr) -> Vec<(String, Span)> {
        let of = |c: &mut Self, e: &'a ast::Expr| c.named_expr(e, Keyword::Channel).map(|name| (name, e.span));
        match &expr.bare().kind {
            ExprKind::List(elements) => elements.iter().filter_map(|e| of(self, &e.value)).collect(),
            _ => of(self, expr).into_iter().collect(),
        }
    }

    /// The channel's own settings: a console has none, a status page a state, a webhook any.
    fn channel_settings(
        &mut self,
        body: &Body<'a>,
        items: &'a [Item],
        channels: &[(String, Span)],
    ) -> Vec<(String, Typed)> {
        let mut settings = Vec::new();
        let kinds: Vec<&str> = channels
            .iter()
            .filter_map(|(name, _)| self.names.construct(name)?.kind.as_ref())
            .map(|kind| kind.name.text.as_str())
            .collect();
        for item in items {
            let ItemKind::Setting(setting) = &item.kind else { continue };
            if setting.name.text == "required" || body.setting(&setting.name.text).is_none() {
                continue;
            }
            let name = setting.name.text.as_str();
            let block = |kind: &str| catalogue::BLOCKS.iter().find(|b| b.name.strip_prefix("notify ") == Some(kind));
            let owner = kinds.iter().find_map(|kind| block(kind).filter(|b| b.settings.iter().any(|s| s.name == name)));
            // A webhook puts whatever is said into its JSON.
            let any = kinds.is_empty() || kinds.contains(&"webhook");
            if owner.is_none() && !any {
                let kind = kinds[0];
                let title = format!("a {kind} knows no `{name}`");
                let known: Vec<_> =
                    block(kind).map(|b| b.settings.iter().map(|s| s.name).collect()).unwrap_or_default();
                let help = match (did_you_mean(name, known.iter().copied()), known.is_empty()) {
                    (Some(close), _) => format!("did you mean `{close}`?"),
                    (None, true) => format!("a {kind} shows the text and nothing else"),
                    (None, false) => format!("its own settings are {}", known.join(", ")),
                };
                let finding = Diagnostic::new(Code::UnknownSetting, setting.name.span, title);
                self.push(finding.label("unknown setting").help(help));
                continue;
            }
            let shape = owner.and_then(|block| block.settings.iter().find(|s| s.name == name)).map(|s| s.shape);
            let value = self.shaped(&setting.value, shape.unwrap_or(Shape::Any));
            if value.ty.holds_secret() {
                self.secret_leak(value.span);
                continue;
            }
            settings.push((setting.name.text.clone(), value));
        }
        settings
    }
}

/// A captured value under its own name, as its step knows it.
pub(super) fn captured(capture: &Capture) -> Local {
    let reference = Ref { kind: RefKind::Capture, name: format!(".{}", capture.id.text) };
    Local { name: capture.id.text.clone(), ty: capture.ty.clone(), reference }
}
