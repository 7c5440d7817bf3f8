//! Actions: words, URLs, bodies and messages with what is known put in.

use jiff::SignedDuration;

use crate::check::model::ActionKind as ModelKind;
use crate::check::model::{self, Typed, UrlPiece, WordPiece};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Action, ActionKind, Body, Capture, Command, Message, Request, UrlPart, Word};
use crate::value::{Expr, Part, Type, Value, in_lines};

use super::Lowering;

/// How long a request may take that does not say.
const REQUEST_LIMIT: SignedDuration = SignedDuration::from_secs(30);

impl<'m> Lowering<'m> {
    pub(super) fn action(&mut self, action: &'m model::Action) -> Action {
        let mut within = action.within.as_ref().and_then(|w| self.duration(&w.duration));
        let kind = match &action.kind {
            ModelKind::Run(command) => ActionKind::Command(self.command(command, false)),
            ModelKind::Shell(command) => ActionKind::Command(self.command(command, true)),
            ModelKind::Http(request) => {
                within = within.or(Some(REQUEST_LIMIT));
                ActionKind::Request(self.request(request))
            }
            ModelKind::Notify(notify) => ActionKind::Notify(self.message(notify)),
            ModelKind::Gate(used) => ActionKind::Gate(self.gate(used)),
            ModelKind::Hold(hold) => ActionKind::Hold(self.hold(hold)),
            // Taken apart by whoever has a place for its parts.
            ModelKind::Shift { .. } | ModelKind::Set { .. } => ActionKind::Notify(Message {
                channels: Vec::new(),
                subject: None,
                text: Expr::text(""),
                required: false,
                settings: Vec::new(),
            }),
        };
        Action {
            expects: action.expects.iter().map(|e| self.check(e)).collect(),
            captures: action.captures.iter().map(|c| self.capture(c)).collect(),
            changes: crate::check::changes(action),
            builtin: None,
            needs: None,
            place: self.place(action.span),
            within,
            kind,
        }
    }

    fn capture(&mut self, capture: &'m model::Capture) -> Capture {
        let owner = self.owner.as_deref().filter(|_| self.looking.is_none()).unwrap_or_default();
        Capture {
            name: format!("{owner}.{}", capture.id.text),
            ty: self.known_type(&capture.ty).filter(|t| t != "secret"),
            secret: capture.ty == Type::Secret,
            expr: self.expr(&capture.value),
        }
    }

    fn command(&mut self, command: &'m model::Command, shell: bool) -> Command {
        let mut words: Vec<Word> = command.words.iter().map(|w| self.word(w)).collect();
        if shell {
            let literal = |text: &String| Word { pieces: vec![Part::Text(text.clone())], may_be_option: true };
            words = self.shell.iter().map(literal).chain(words).collect();
        }
        Command {
            dir: command.dir.as_ref().map(|d| self.path(d)),
            env: self.environment(command.env.as_deref()),
            stdin: command.stdin.as_ref().map(|s| self.expr(s)),
            stdout: command.stdout.as_ref().map(|s| self.path(s)),
            inherit: self.texts(command.inherit.as_deref()),
            words,
            shell,
        }
    }

    /// A path on this machine. No value in it leads out of the folder that is written there.
    fn path(&mut self, typed: &'m Typed) -> Expr {
        if let Expr::Template(parts) = &typed.expr {
            for part in parts {
                let Part::Value(value) = part else { continue };
                let inner = Typed { expr: value.clone(), ty: typed.ty.clone(), span: typed.span };
                if let Expr::Value(value) = self.expr(&inner)
                    && value.to_string().split('/').any(|step| step == "..")
                {
                    let title = format!("the value `{value}` would lead out of its folder");
                    let finding = Diagnostic::new(Code::BadLiteral, typed.span, title);
                    self.push(finding.label("a path with this value in it").help("give a value without `..`"));
                }
            }
        }
        self.expr(typed)
    }

    fn environment(&mut self, env: Option<&'m Typed>) -> Vec<(String, Expr)> {
        let entries = self.entries(env);
        for (name, _) in &entries {
            if name.is_empty() || name.contains(['=', '\0']) {
                let span = env.map(|e| e.span).unwrap_or_default();
                let finding = Diagnostic::new(Code::BadLiteral, span, format!("`{name}` is no name of a variable"));
                self.push(finding.label("in this map"));
            }
        }
        entries
    }

    pub(super) fn word(&mut self, word: &'m model::Word) -> Word {
        let literal_beginning = matches!(word.pieces.first(), Some(WordPiece::Text(text)) if !text.is_empty());
        let pieces: Vec<Part> = word
            .pieces
            .iter()
            .map(|piece| match piece {
                WordPiece::Text(text) => Part::Text(text.clone()),
                WordPiece::Value(value) => Part::Value(self.expr(value)),
            })
            .collect();
        let may_be_option = literal_beginning || word.after_dashes;
        if let (false, Some(WordPiece::Value(typed)), Some(Part::Value(Expr::Value(value)))) =
            (may_be_option, word.pieces.first(), pieces.first())
        {
            self.refuse_option(typed, value);
        }
        Word { pieces, may_be_option }
    }

    fn refuse_option(&mut self, typed: &Typed, value: &Value) {
        let texts = match value {
            Value::List(items) => items.iter().map(Value::to_string).collect(),
            other => vec![other.to_string()],
        };
        if let Some(text) = texts.iter().find(|t| t.starts_with('-')) {
            let title = format!("`{}` would be read as an option", crate::source::one_line(text));
            let finding = Diagnostic::new(Code::OptionInjection, typed.span, title);
            self.push(
                finding.label("begins with `-`").help("write `--` before it, or a literal beginning such as `--name=`"),
            );
        }
    }

    fn request(&mut self, request: &'m model::Request) -> Request {
        let body = match (&request.json, &request.form, &request.body) {
            (Some(json), ..) => Some(Body::Json(self.expr(json))),
            (_, Some(form), _) => Some(Body::Form(self.entries(Some(form)))),
            (.., Some(body)) => Some(Body::Text(self.expr(body))),
            _ => None,
        };
        let url = request.url.iter().map(|piece| match piece {
            UrlPiece::Text(text) => UrlPart::Text(text.clone()),
            UrlPiece::Base(value) => UrlPart::Base(self.expr(value)),
            UrlPiece::Value(value) => UrlPart::Value(self.expr(value)),
        });
        Request {
            url: url.collect(),
            method: request.method.clone(),
            header: self.entries(request.header.as_deref()),
            body,
        }
    }

    /// The text of a message: what is known is put in, lists on lines of their own.
    fn message_text(&mut self, typed: &'m Typed) -> Expr {
        let Expr::Template(parts) = &typed.expr else { return self.expr(typed) };
        let mut made: Vec<Part> = Vec::new();
        let mut known: Vec<Value> = Vec::new();
        for part in parts {
            let value = match part {
                Part::Text(text) => Expr::text(text.clone()),
                Part::Value(value) => {
                    let inner = Typed { expr: value.clone(), ty: typed.ty.clone(), span: typed.span };
                    self.expr(&inner)
                }
            };
            match value {
                Expr::Value(value) => known.push(value),
                later => {
                    made.extend(known_part(&mut known, true));
                    made.push(Part::Value(later));
                }
            }
        }
        made.extend(known_part(&mut known, false));
        match &made[..] {
            [] => Expr::text(""),
            [Part::Text(text)] => Expr::text(text.clone()),
            _ => Expr::Template(made),
        }
    }

    pub(super) fn message(&mut self, notify: &'m model::Notify) -> Message {
        let settings = notify.settings.iter().map(|(name, value)| (name.clone(), self.expr(value)));
        Message {
            settings: settings.collect(),
            channels: notify.channels.iter().map(|(name, _)| name.clone()).collect(),
            subject: notify.subject.as_ref().map(|s| self.expr(s)),
            text: notify.text.as_ref().map_or(Expr::text(""), |t| self.message_text(t)),
            required: notify.required,
        }
    }
}

/// What is known of a message up to what is not, with which it goes on.
fn known_part(known: &mut Vec<Value>, goes_on: bool) -> Option<Part> {
    let list = matches!(known.last(), Some(Value::List(items)) if !items.is_empty());
    let mut text = in_lines(known.drain(..));
    if goes_on && list {
        text.push('\n');
    }
    (!text.is_empty()).then_some(Part::Text(text))
}
