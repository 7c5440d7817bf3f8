//! Names: what a word of an expression stands for.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, Keyword};
use crate::value::{Enumeration, Expr, Ref, RefKind, Type, Value};

use super::model::PhaseKind;
use super::names::Kind;
use super::typing::{ERROR, Inferred, Output};
use super::vocabulary::{self, Where};
use super::{Checker, is_bad};

impl<'a> Checker<'a> {
    pub(super) fn name(&mut self, name: &str, span: Span, want: Option<&Type>) -> Inferred {
        if let Some(Type::Enum(e)) = want
            && e.words.contains(&name)
        {
            return (Expr::Value(Value::Word(name.to_owned())), Type::Enum(e));
        }
        if let Some(local) = self.locals.iter().rev().find(|l| l.name == name) {
            return (Expr::Ref(local.reference.clone()), local.ty.clone());
        }
        if let Some((_, ty)) = self.allow.output.and_then(|o| o.words().iter().find(|(word, _)| *word == name)) {
            return reference(RefKind::Output, name, ty.clone());
        }
        match name {
            "baseline" => return self.baseline(span),
            "on" | "off" => return (Expr::Value(Value::Word(name.into())), Type::Enum(&Enumeration::SWITCH)),
            "none" => return (Expr::Value(Value::None), Type::Any),
            _ => {}
        }
        if self.names.peek(name).is_some() {
            return self.global(name, span);
        }
        let finding = self.unknown(name, span, want);
        self.push_unless_lost(name, finding);
        ERROR
    }

    /// Something that was declared.
    fn global(&mut self, name: &str, span: Span) -> Inferred {
        let Some(symbol) = self.names.get(name) else { return ERROR };
        let (kind, declaration) = (symbol.kind, symbol.declaration);
        match kind {
            Kind::Var => {
                let ty = declaration.map_or(Type::Error, |d| self.declared_type(d));
                reference(RefKind::Var, name, ty)
            }
            Kind::Let => {
                let ty = self.let_type(name, span);
                reference(RefKind::Let, name, ty)
            }
            Kind::Secret => reference(RefKind::Secret, name, Type::Secret),
            Kind::Fact => {
                let ty = declaration.map_or(Type::Error, |d| self.declared_type(d));
                if self.kind == PhaseKind::Prepare {
                    self.push(
                        Diagnostic::new(Code::NotKnownHere, span, format!("the fact `{name}` is not known yet here"))
                            .label("facts are asked at the start of the live part")
                            .help("capture it in a step of this phase instead"),
                    );
                }
                reference(RefKind::Fact, name, ty)
            }
            Kind::Block(Keyword::Metric) => {
                if !self.allow.metrics {
                    self.push(
                        Diagnostic::new(Code::NotKnownHere, span, format!("the metric `{name}` is not looked at here"))
                            .label("a metric")
                            .help("metrics are watched by triggers, gates and holds; a message may name one"),
                    );
                    return ERROR;
                }
                let ty = self.metric_type(name);
                reference(RefKind::Metric, name, ty)
            }
            Kind::Block(Keyword::Gate) => {
                if !self.allow.metrics {
                    let title = format!("the gate `{name}` is not looked at here");
                    let finding = Diagnostic::new(Code::NotKnownHere, span, title).label("a gate");
                    self.push(finding.help("a gate may stand in the condition of a trigger, a gate or a hold"));
                    return ERROR;
                }
                reference(RefKind::Gate, name, Type::Verdict)
            }
            Kind::Block(Keyword::Flag) => {
                if !self.allow.metrics {
                    let title = format!("the flag `{name}` is not looked at here");
                    let finding = Diagnostic::new(Code::NotKnownHere, span, title).label("a flag");
                    self.push(finding.help("a flag may stand in the condition of a trigger, a gate or a hold"));
                    return ERROR;
                }
                reference(RefKind::Flag, name, Type::Enum(&Enumeration::SWITCH))
            }
            Kind::Block(Keyword::Approve | Keyword::Confirm | Keyword::Question) => {
                let ty = self.answer(name).unwrap_or(Type::Error);
                reference(RefKind::Answer, name, ty)
            }
            other => {
                let title = format!("{} has no value", other.phrase());
                let finding =
                    Diagnostic::new(Code::WrongKind, span, title).label(format!("`{name}` is {}", other.phrase()));
                let help = match other {
                    Kind::Link => Some(format!("write `link.{name}`")),
                    Kind::Block(Keyword::Step) => Some(format!("name what it captured, such as `{name}.NAME`")),
                    _ => None,
                };
                self.push(finding.help_if(help));
                ERROR
            }
        }
    }

    fn baseline(&mut self, span: Span) -> Inferred {
        let Some(metric) = self.baseline_of.clone() else {
            self.push(
                Diagnostic::new(Code::NotKnownHere, span, "`baseline` of what?")
                    .label("no metric stands on the left")
                    .help("a baseline is that of the metric on the left of a comparison, as in `p99 < 2x baseline`"),
            );
            return ERROR;
        };
        let has = self.metric_has_baseline(&metric);
        if !has {
            self.push(
                Diagnostic::new(Code::NotKnownHere, span, format!("the metric `{metric}` has no baseline"))
                    .label("nothing to compare with")
                    .help(format!("give `{metric}` one, such as `baseline = 0.4%`")),
            );
            return ERROR;
        }
        let ty = self.metric_type(&metric);
        reference(RefKind::Baseline, &metric, ty)
    }

    fn unknown(&mut self, name: &str, span: Span, want: Option<&Type>) -> Diagnostic {
        let finding =
            Diagnostic::new(Code::UnknownName, span, format!("nothing is named `{name}`")).label("unknown name");
        if let Some(Type::Enum(e)) = want {
            let help = match did_you_mean(name, e.words.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("write one of {}", e.words.join(", ")),
            };
            return finding.help(help);
        }
        let truth = match name.to_lowercase().as_str() {
            "yes" | "true" => Some("true"),
            "no" | "false" => Some("false"),
            _ => None,
        };
        if let (Some(truth), Some(Type::Bool)) = (truth, want) {
            return finding.help(format!("write `{truth}`")).fix(span, truth);
        }
        let locals = self.locals.iter().map(|l| l.name.as_str());
        let output = self.allow.output.map(Output::words).unwrap_or_default().iter().map(|(w, _)| *w);
        let all = self.names.iter().map(|(name, _)| name).chain(locals).chain(output).chain(["baseline"]);
        match did_you_mean(name, all).map(str::to_owned) {
            Some(close) => {
                // What was probably meant is not unused as well.
                self.names.get(&close);
                finding.help(format!("did you mean `{close}`?")).suggest(span, close)
            }
            None if self.allow.metrics => {
                finding.help(format!("declare it, such as `metric {name}: percent {{ … }}` or `var {name}: string`"))
            }
            None => finding.help(format!("declare it, such as `let {name} = …` or `var {name}: string`")),
        }
    }

    /// A finding about a name, unless the name stands in a line that could not be read.
    pub(super) fn push_unless_lost(&mut self, name: &str, finding: Diagnostic) {
        if !self.names.is_lost(name) {
            self.push(finding);
        }
    }

    /// `release.version`, `link.NAME`, `ROLE.members`.
    pub(super) fn word(&mut self, path: &str, span: Span) -> Option<Inferred> {
        let (first, rest) = path.split_once('.')?;
        if self.locals.iter().any(|l| l.name == first) {
            return None;
        }
        if first == "link" {
            let known = self.names.get(rest).is_some_and(|s| s.kind == Kind::Link);
            if !known {
                let links = self.names.iter().filter(|(_, s)| s.kind == Kind::Link).map(|(n, _)| n);
                let close = did_you_mean(rest, links).map(|c| format!("did you mean `link.{c}`?"));
                let finding = Diagnostic::new(Code::UnknownName, span, format!("there is no link `{rest}`"));
                self.push_unless_lost(rest, finding.label("unknown link").help_if(close));
                return Some(ERROR);
            }
            return Some(reference(RefKind::Word, path, Type::Text));
        }
        if self.names.peek(first).is_some_and(|s| s.kind == Kind::Block(Keyword::Role)) {
            self.names.get(first);
            let ty = match rest {
                "members" | "backup" => Type::List(Box::new(Type::Text)),
                "contact" => Type::Map(Box::new(Type::Text)),
                _ => return None,
            };
            return Some(reference(RefKind::Word, path, ty));
        }
        // What is named like a namespace hides it, if it has parts itself.
        let hidden = self.names.peek(first).is_some_and(|symbol| match symbol.kind {
            Kind::Block(keyword) => keyword == Keyword::Step || vocabulary::word(path).is_none(),
            _ => true,
        });
        if !vocabulary::NAMESPACES.contains(&first) || hidden {
            return None;
        }
        let Some(word) = vocabulary::word(path) else {
            let words = vocabulary::WORDS.iter().map(|w| w.path);
            let close = did_you_mean(path, words).map(|c| format!("did you mean `{c}`?"));
            let family: Vec<_> = vocabulary::WORDS
                .iter()
                .filter(|w| w.path.split('.').next() == Some(first) && w.known != Where::Later)
                .map(|w| format!("`{}`", w.path))
                .collect();
            let help = close.unwrap_or_else(|| format!("there are {}", family.join(", ")));
            let finding = Diagnostic::new(Code::UnknownName, span, format!("there is no word `{path}`"));
            self.push(finding.label("unknown word").help(help));
            return Some(ERROR);
        };
        let known = match word.known {
            Where::Always | Where::Run => true,
            Where::Event => self.allow.event,
            Where::Step => self.allow.step,
            Where::Host => self.allow.host,
            Where::Later => {
                self.not_yet(span, &format!("`{path}`"));
                !path.starts_with("event.") || self.allow.event
            }
        };
        if !known {
            let place = match word.known {
                Where::Step => "a step",
                Where::Host => "a step that runs `on` hosts",
                _ => "a rollback, a trigger or an `on` block",
            };
            let finding = Diagnostic::new(Code::NotKnownHere, span, format!("`{path}` is not known here"));
            let label = match word.known {
                Where::Step | Where::Host => "stands in no such step",
                _ => "nothing has happened yet",
            };
            self.push(finding.label(label).help(format!("it may be used in {place}")));
            return Some(ERROR);
        }
        Some(reference(RefKind::Word, path, word.ty()))
    }

    /// `backup.file`, `pod["1"].image`, `pod.1.image`: what a step captured.
    pub(super) fn captured(&mut self, expr: &'a ast::Expr) -> Option<Inferred> {
        let ExprKind::Member(inner, name) = &expr.kind else { return None };
        let (step, instance) = instance_of(inner)?;
        if self.locals.iter().any(|l| l.name == step) {
            return None;
        }
        let symbol = self.names.peek(&step)?;
        if symbol.kind != Kind::Block(Keyword::Step) {
            return None;
        }
        let found = symbol.captures.iter().find(|c| c.name.text == name.text).copied();
        let (looped, names) =
            (!symbol.loops.is_empty(), symbol.captures.iter().map(|c| c.name.text.as_str()).collect::<Vec<_>>());
        let Some(capture) = found else {
            // `pod.1` alone: an instance, not a capture.
            if looped && instance.is_none() {
                return None;
            }
            let close = did_you_mean(&name.text, names.iter().copied());
            let help = match (close, names.is_empty()) {
                (Some(close), _) => format!("did you mean `{close}`?"),
                (None, true) => format!("write `capture {} = trim(stdout)` in one of its actions", name.text),
                (None, false) => format!("it captures {}", names.join(", ")),
            };
            let title = format!("the step `{step}` captures no `{}`", name.text);
            let finding = Diagnostic::new(Code::UnknownName, name.span, title).label("unknown capture").help(help);
            self.push_unless_lost(&name.text, finding);
            return Some(ERROR);
        };
        self.names.get(&step);
        if looped && instance.is_none() {
            let title = format!("`{step}` stands in a loop, so there are several of it");
            let help = format!("say which, such as `{step}[\"1\"].{}`", name.text);
            self.push(Diagnostic::new(Code::NotKnownHere, expr.span, title).label("which one?").help(help));
            return Some(ERROR);
        }
        let owner = instance.map_or(step.clone(), |i| format!("{step}.{i}"));
        let ty = self.capture_type(capture);
        Some(reference(RefKind::Capture, &format!("{owner}.{}", name.text), ty))
    }

    /// `pod.3` is one of the instances of `pod`, if they are written down.
    fn known_instance(&mut self, name: &str, instance: &str, span: Span) -> Option<()> {
        let symbol = self.names.peek(name)?;
        if symbol.loops.is_empty() {
            let title = format!("there is one `{name}`, for it stands in no loop");
            let finding = Diagnostic::new(Code::UnknownName, span, title).label("no such instance");
            self.push(finding.help(format!("write `{name}`")));
            return None;
        }
        let Some(instances) = symbol.instances() else { return Some(()) };
        if instances.contains(instance) {
            return Some(());
        }
        let mut all: Vec<String> = instances.iter().take(8).map(|i| format!("`{name}.{i}`")).collect();
        if instances.len() > all.len() {
            all.push(format!("and {} more", instances.len() - all.len()));
        }
        let finding = Diagnostic::new(Code::UnknownName, span, format!("there is no `{name}.{instance}`"));
        self.push(finding.label("no such instance").help(format!("its instances are {}", all.join(", "))));
        None
    }

    /// The name of a node: `migrate`, `pod.1`, `pod["1"]`. Says which, and whether its end is meant (`migrate.done`).
    pub(super) fn node_name(&mut self, expr: &'a ast::Expr, kinds: &[Keyword]) -> Option<(String, bool)> {
        if is_bad(expr) {
            return None;
        }
        let (inner, done) = match &expr.kind {
            ExprKind::Member(inner, name) if name.text == "done" => (inner.as_ref(), true),
            _ => (expr, false),
        };
        let (name, instance) = instance_of(inner).unwrap_or_default();
        let symbol = self.names.get(&name);
        let found = symbol.as_ref().map(|s| s.kind);
        match found {
            Some(Kind::Block(keyword)) if kinds.contains(&keyword) => {
                match (&instance, keyword) {
                    // `deployment.3`: a name that a node without one gets; the plan knows it.
                    (Some(_), Keyword::Phase | Keyword::Parallel) => {}
                    (Some(_), Keyword::Checklist) => return self.item_name(inner).map(|item| (item, done)),
                    (Some(instance), _) => self.known_instance(&name, instance, inner.span)?,
                    (None, _) => {}
                }
                Some((instance.map_or(name.clone(), |i| format!("{name}.{i}")), done))
            }
            Some(other) => {
                let title = format!("`{name}` is {}", other.phrase());
                let wanted: Vec<_> = kinds.iter().map(|k| Kind::Block(*k).phrase()).collect();
                let nodes = kinds.len() > 5;
                let help = if nodes {
                    "name a node of the timeline".to_owned()
                } else {
                    format!("name {}", wanted.join(" or "))
                };
                let label = if nodes {
                    "not a part of the timeline".to_owned()
                } else {
                    format!("not {}", wanted.join(" or "))
                };
                self.push(Diagnostic::new(Code::WrongKind, expr.span, title).label(label).help(help));
                None
            }
            None => {
                let nodes = self.names.iter().filter(|(_, s)| matches!(s.kind, Kind::Block(k) if kinds.contains(&k)));
                let close = did_you_mean(&name, nodes.map(|(n, _)| n)).map(|c| format!("did you mean `{c}`?"));
                let shown = if name.is_empty() { self.slice(expr.span).to_owned() } else { name.clone() };
                let what = match kinds {
                    [only] => only.word(),
                    _ => "node",
                };
                let finding = Diagnostic::new(Code::UnknownName, expr.span, format!("there is no {what} `{shown}`"));
                self.push_unless_lost(&name, finding.label("unknown name").help_if(close));
                None
            }
        }
    }
}

/// `pod` of `pod`; `pod` and `1` of `pod.1` and `pod["1"]`.
fn instance_of(expr: &ast::Expr) -> Option<(String, Option<String>)> {
    match &expr.kind {
        ExprKind::Name(name) => Some((name.clone(), None)),
        ExprKind::Member(inner, name) => match &inner.kind {
            ExprKind::Name(step) => Some((step.clone(), Some(name.text.clone()))),
            _ => None,
        },
        ExprKind::Index(inner, index) => match (&inner.kind, &index.kind) {
            (ExprKind::Name(step), ExprKind::Text(text)) => Some((step.clone(), text.plain())),
            (ExprKind::Name(step), ExprKind::Literal(Value::Int(n))) => Some((step.clone(), Some(n.to_string()))),
            _ => None,
        },
        _ => None,
    }
}

fn reference(kind: RefKind, name: &str, ty: Type) -> Inferred {
    (Expr::Ref(Ref { kind, name: name.to_owned() }), ty)
}
