//! Declarations: values, connections, metrics, and what the release is about.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{
    Capture, Construct, Declaration, ExprKind, FollowUp, ItemKind, Keyword, Link, Setting, Sort, TypeName,
};
use crate::value::{Expr, Function, Type};

use super::Checker;
use super::model::{self, Id, SecretSource, Typed};
use super::names::Kind;
use super::typing::{Allow, Output};

impl<'a> Checker<'a> {
    /// A construct that stands at file level.
    pub(super) fn top_level(&mut self, construct: &'a Construct) {
        match construct.keyword {
            Keyword::Runbook => self.runbook(construct),
            Keyword::Release => self.release(construct),
            Keyword::Scope => self.scope(construct),
            Keyword::Risk => self.risk(construct),
            Keyword::Role => self.role(construct),
            Keyword::Channel => self.channel(construct),
            Keyword::Metric => self.metric(construct),
            Keyword::Severity => self.severity(construct),
            Keyword::Gate => self.declared_gate(construct),
            Keyword::Phase => {
                let phase = self.phase(construct, None);
                self.model.phases.push(phase);
            }
            Keyword::Trigger => self.trigger(construct),
            Keyword::Rollback => self.rollback(construct),
            Keyword::Response => self.response(construct),
            Keyword::Source | Keyword::Flags | Keyword::Router | Keyword::Hosts => self.connection(construct),
            Keyword::Flag => self.flag(construct),
            Keyword::Escalation => self.escalation(construct),
            Keyword::Window | Keyword::Blackout => self.window(construct),
            Keyword::Comms => self.comms(construct),
            Keyword::Scenario => self.scenario(construct),
            _ => {}
        }
    }

    pub(super) fn id_of(&mut self, construct: &'a Construct) -> Id {
        match &construct.name {
            Some(name) => Id { text: name.text.clone(), span: name.span },
            None => {
                let word = construct.keyword.word();
                self.missing(
                    construct.keyword_span,
                    format!("a `{word}` has a name"),
                    format!("write it behind the keyword: `{word} NAME`"),
                );
                Id { text: String::new(), span: construct.keyword_span }
            }
        }
    }

    pub(super) fn title_of(&mut self, construct: &'a Construct) -> Option<Typed> {
        construct.title.as_ref().map(|t| self.text(t))
    }

    fn runbook(&mut self, construct: &'a Construct) {
        if !self.model.runbook.id.text.is_empty() {
            let first = self.model.runbook.id.span;
            let finding = Diagnostic::new(Code::Repeated, construct.head(), "a file has one `runbook`");
            return self.push(finding.label("a second one").also(first, "the first"));
        }
        let body = self.construct_body("runbook", construct);
        let runbook = model::Runbook {
            id: self.id_of(construct),
            title: self.title_of(construct),
            describe: self.describe(&body),
            owner: self.value_of(&body, "owner"),
            timezone: self.value_of(&body, "timezone"),
            lock: self.value_of(&body, "lock"),
            shell: self.value_of(&body, "shell"),
            inherit: self.value_of(&body, "inherit"),
            grace: self.value_of(&body, "grace"),
            report: self.value_of(&body, "report"),
        };
        self.model.runbook = runbook;
    }

    fn release(&mut self, construct: &'a Construct) {
        if let Some(first) = &self.model.release {
            let first = first.span;
            let finding = Diagnostic::new(Code::Repeated, construct.head(), "a file has one `release`");
            return self.push(finding.label("a second one").also(first, "the first"));
        }
        let body = self.construct_body("release", construct);
        let mut goals = Vec::new();
        for item in &body.rest {
            match &item.kind {
                ItemKind::Goal(text) => goals.push(self.text(text)),
                ItemKind::FollowUp(follow_up) => self.follow_up(follow_up),
                _ => {}
            }
        }
        let release = model::Release {
            span: construct.head(),
            version: self.value_of(&body, "version"),
            previous: self.value_of(&body, "previous"),
            kind: self.value_of(&body, "kind"),
            strategy: self.value_of(&body, "strategy"),
            manager: body.setting("manager").and_then(|s| self.named(s, Keyword::Role)),
            start: self.value_of(&body, "start"),
            downtime: self.value_of(&body, "downtime"),
            describe: self.describe(&body),
            goals,
            since: self.value_of(&body, "since"),
            needs: self.value_of(&body, "needs"),
        };
        self.model.release = Some(release);
    }

    fn follow_up(&mut self, follow_up: &'a FollowUp) {
        let title = self.text(&follow_up.title);
        let at = follow_up.at.as_ref().map(|at| self.typed(at, Some(&Type::Offset)));
        let items = follow_up.block.as_ref().map(|b| b.items.as_slice()).unwrap_or_default();
        let body = self.body("follow_up", follow_up.title.span, &[], items);
        self.value_of(&body, "owner");
        self.describe(&body);
        self.model.follow_ups.push((title, at));
    }

    /// `flag NAME "…" { in = launch; default = off }`
    fn flag(&mut self, construct: &'a Construct) {
        let body = self.construct_body("flag", construct);
        let flag = model::Flag {
            id: self.id_of(construct),
            title: self.title_of(construct),
            describe: self.describe(&body),
            place: body.setting("in").and_then(|s| self.named(s, Keyword::Flags)),
            default: self.value_of(&body, "default"),
            owner: self.value_of(&body, "owner"),
        };
        if flag.place.is_none() && body.setting("in").is_none() && !body.unread {
            self.missing(
                construct.head(),
                "a flag is switched somewhere",
                "write `in = NAME`, with the name of `flags`",
            );
        }
        self.model.flags.push(flag);
    }

    /// The name of a declared thing, as a setting's value.
    pub(super) fn named(&mut self, setting: &'a Setting, keyword: Keyword) -> Option<String> {
        self.named_expr(&setting.value, keyword)
    }

    pub(super) fn named_expr(&mut self, value: &'a crate::syntax::ast::Expr, keyword: Keyword) -> Option<String> {
        let ExprKind::Name(name) = &value.kind else {
            if !super::is_bad(value) {
                let title = format!("the name of a {} stands here", keyword.word());
                let finding = Diagnostic::new(Code::WrongKind, value.span, title).label("not a name");
                self.push(finding.help("write the name without quotes"));
            }
            return None;
        };
        self.known_name(name, value.span, keyword)
    }

    /// The names of what is declared with a keyword, for a suggestion.
    fn existing(&self, keyword: Keyword) -> Option<String> {
        let names: Vec<_> =
            self.names.iter().filter(|(_, s)| s.kind == Kind::Block(keyword)).map(|(n, _)| format!("`{n}`")).collect();
        (!names.is_empty() && names.len() <= 8).then(|| names.join(", "))
    }

    pub(super) fn known_name(&mut self, name: &str, span: Span, keyword: Keyword) -> Option<String> {
        let word = keyword.word();
        match self.names.get(name).map(|s| (s.kind, s.span)) {
            Some((Kind::Block(found), _)) if found == keyword => Some(name.to_owned()),
            Some((other, place)) => {
                let finding =
                    Diagnostic::new(Code::WrongKind, span, format!("`{name}` is {}, not a {word}", other.phrase()));
                let finding = finding.label(format!("not a {word}")).also(place, "declared here");
                self.push(finding.help_if(self.existing(keyword).map(|names| format!("the {word}s are {names}"))));
                None
            }
            None => {
                let all = self.names.iter().filter(|(_, s)| s.kind == Kind::Block(keyword)).map(|(n, _)| n);
                let close = did_you_mean(name, all).map(str::to_owned);
                let help = match (&close, self.existing(keyword)) {
                    (Some(close), _) => format!("did you mean `{close}`?"),
                    (None, Some(names)) => format!("declare it, or name one of {names}"),
                    (None, None) => format!("declare it: `{word} {name} …`"),
                };
                // What was probably meant is not unused as well.
                close.and_then(|close| self.names.get(&close));
                let finding = Diagnostic::new(Code::UnknownName, span, format!("there is no {word} `{name}`"));
                self.push_unless_lost(name, finding.label("unknown name").help(help));
                None
            }
        }
    }

    /// Several names of declared things.
    fn named_list(&mut self, setting: &'a Setting, keyword: Keyword) -> Vec<String> {
        match &setting.value.bare().kind {
            ExprKind::List(elements) => elements.iter().filter_map(|e| self.named_expr(&e.value, keyword)).collect(),
            _ => self.named(setting, keyword).into_iter().collect(),
        }
    }

    fn scope(&mut self, construct: &'a Construct) {
        let body = self.construct_body("scope", construct);
        for item in &body.rest {
            let ItemKind::Construct(entry) = &item.kind else { continue };
            let inner = self.construct_body("scope item", entry);
            let Some(title) = self.title_of(entry) else {
                let word = entry.keyword.word();
                self.missing(entry.head(), format!("a `{word}` says what it is"), format!("write `{word} \"…\"`"));
                continue;
            };
            let names = ["ticket", "owner", "audience", "migration", "removed_in", "alternative", "workaround"];
            let mut settings = Vec::new();
            for name in names {
                let value = match (name, inner.setting(name)) {
                    ("audience", Some(setting)) => Some(self.audience(setting)),
                    _ => self.value_of(&inner, name),
                };
                settings.extend(value.map(|v| (name.to_owned(), v)));
            }
            let describe = self.describe(&inner);
            let sort = entry.keyword.word().to_owned();
            self.model.scope.push(model::ScopeItem { sort, title, settings, describe });
        }
    }

    fn audience(&mut self, setting: &'a Setting) -> Typed {
        let words = Type::Enum(&crate::value::Enumeration::AUDIENCE);
        self.typed(&setting.value, Some(&Type::List(Box::new(words))))
    }

    fn risk(&mut self, construct: &'a Construct) {
        let body = self.construct_body("risk", construct);
        let covered = body.setting("covered_by").map(|s| self.covered_by(s)).unwrap_or_default();
        let risk = model::Risk {
            id: self.id_of(construct),
            title: self.title_of(construct),
            probability: self.value_of(&body, "probability"),
            impact: self.value_of(&body, "impact"),
            owner: body.setting("owner").and_then(|s| self.named(s, Keyword::Role)),
            mitigation: self.value_of(&body, "mitigation"),
            contingency: self.value_of(&body, "contingency"),
            covered_by: covered,
            criteria: body.setting("criteria").map(|s| self.criteria(s)).unwrap_or_default(),
            describe: self.describe(&body),
        };
        self.model.risks.push(risk);
    }

    /// By what it is seen that a risk is under control: nodes, items of checklists, or words.
    fn criteria(&mut self, setting: &'a Setting) -> Vec<String> {
        let ExprKind::List(elements) = &setting.value.bare().kind else {
            let finding = Diagnostic::new(Code::Mismatch, setting.value.span, "criteria are a list of names or words");
            self.push(finding.label("not a list").help("write `criteria = [NAME]`, or `criteria = [\"…\"]`"));
            return Vec::new();
        };
        let of = |c: &mut Self, value: &'a crate::syntax::ast::Expr| match &value.kind {
            ExprKind::Text(text) => Some(c.text(text).expr.known()?.to_string()),
            ExprKind::Member(inner, _) if c.is_checklist(inner) => c.item_name(value),
            _ => c.node_name(value, &super::comms::NODES).map(|(name, _)| name),
        };
        elements.iter().filter_map(|e| of(self, &e.value)).collect()
    }

    fn is_checklist(&self, value: &crate::syntax::ast::Expr) -> bool {
        let symbol = value.path().and_then(|name| self.names.peek(&name).map(|s| s.kind));
        symbol == Some(Kind::Block(Keyword::Checklist))
    }

    /// Steps, gates and triggers that answer a risk.
    fn covered_by(&mut self, setting: &'a Setting) -> Vec<String> {
        let ExprKind::List(elements) = &setting.value.bare().kind else {
            let finding = Diagnostic::new(Code::Mismatch, setting.value.span, "what covers a risk is a list of names");
            self.push(finding.label("not a list").help("write `covered_by = [NAME]`"));
            return Vec::new();
        };
        let kinds = [
            Keyword::Step,
            Keyword::Gate,
            Keyword::Trigger,
            Keyword::Hold,
            Keyword::Checklist,
            Keyword::Approve,
            Keyword::Confirm,
            Keyword::Ramp,
            Keyword::Question,
            Keyword::Response,
            Keyword::Rollback,
        ];
        elements.iter().filter_map(|e| self.node_name(&e.value, &kinds)).map(|(name, _)| name).collect()
    }

    fn role(&mut self, construct: &'a Construct) {
        let body = self.construct_body("role", construct);
        let duties = body.rest.iter().filter_map(|item| match &item.kind {
            ItemKind::Duty(line) => Some(self.duty(line)),
            _ => None,
        });
        let duties = duties.collect();
        let role = model::Role {
            id: self.id_of(construct),
            title: self.title_of(construct),
            members: self.value_of(&body, "members"),
            backup: self.value_of(&body, "backup"),
            contact: self.value_of(&body, "contact"),
            reach: body.setting("reach").map(|s| self.reach(s)).unwrap_or_default(),
            answers_own: self.flag_of(&body, "self"),
            duties,
            describe: self.describe(&body),
        };
        self.model.roles.push(role);
    }

    /// The channels of a role, as they are written: what is wrong with one is said here and nowhere else.
    fn reach(&mut self, setting: &'a Setting) -> Vec<String> {
        let known = self.named_list(setting, Keyword::Channel);
        match &setting.value.bare().kind {
            ExprKind::List(elements) => elements.iter().filter_map(|e| e.value.path()).collect(),
            _ => setting.value.path().into_iter().chain(known).collect(),
        }
    }

    pub(super) fn link(&mut self, link: &'a Link) {
        let id = Id { text: link.name.text.clone(), span: link.name.span };
        let title = self.text(&link.title);
        let url = match &link.url {
            Some(url) => Some(self.text(url)),
            None => {
                self.missing(
                    link.title.span,
                    "a link has a title and a URL",
                    "write `link NAME \"Title\" \"https://…\"`",
                );
                None
            }
        };
        self.model.links.push(model::Link { id, title, url });
    }

    fn severity(&mut self, construct: &'a Construct) {
        let body = self.construct_body("severity", construct);
        let then = body.clause(|c| match c {
            crate::syntax::ast::ClauseKind::Then(outcome) => Some(outcome),
            _ => None,
        });
        let severity = model::Severity {
            id: self.id_of(construct),
            title: self.title_of(construct),
            then: then.and_then(|o| self.outcome(o)),
            ask: self.ask_of(&body),
            update_every: self.value_of(&body, "update_every"),
            commander: body.setting("commander").and_then(|s| self.named(s, Keyword::Role)),
            notify: body.setting("notify").map(|s| self.named_list(s, Keyword::Channel)).unwrap_or_default(),
        };
        self.model.severities.push(severity);
    }

    pub(super) fn declaration(&mut self, declaration: &'a Declaration) {
        let id = Id { text: declaration.name.text.clone(), span: declaration.name.span };
        if let (Some(block), true) = (&declaration.block, declaration.sort != Sort::Var) {
            let brace = Span { end: block.span.start + 1, ..block.span };
            let finding = Diagnostic::new(Code::Misplaced, brace, "only a `var` has a block");
            self.push(finding.label("does not belong here"));
        }
        match declaration.sort {
            Sort::Var => self.var(declaration, id),
            Sort::Let => {
                let ty = self.let_type(&id.text, id.span);
                match &declaration.value {
                    Some(value) => {
                        let value = self.typed(value, declaration.ty.is_some().then_some(&ty));
                        self.model.lets.push(model::Let { id, ty, value });
                    }
                    None => self.missing(id.span, "a `let` has a value", format!("write `let {} = …`", id.text)),
                }
            }
            Sort::Secret => {
                let source = self.secret_source(declaration);
                self.model.secrets.push(model::Secret { id, source });
            }
            Sort::Fact => self.fact(declaration, id),
        }
    }

    fn var(&mut self, declaration: &'a Declaration, id: Id) {
        let ty = self.declared_type(declaration);
        self.refuse_secret(&ty, declaration, "a variable is part of the plan, which is shown and kept");
        let items = declaration.block.as_ref().map(|b| b.items.as_slice()).unwrap_or_default();
        let body = self.body("var", id.span, &[], items);
        let default = declaration.value.as_ref().map(|v| self.typed(v, Some(&ty)));
        let one_of = body.setting("one_of").map(|s| self.typed(&s.value, Some(&Type::List(Box::new(ty.clone())))));
        if let (Some(default), Some(one_of)) = (&default, &one_of)
            && let (Expr::Value(value), Expr::List(items)) = (&default.expr, &one_of.expr)
            && !items.iter().any(|i| i.known() == Some(value))
        {
            let finding = Diagnostic::new(Code::Mismatch, default.span, "the default is not one of the allowed values");
            self.push(finding.label("not in the list").also(one_of.span, "the allowed values"));
        }
        let describe = self.describe(&body);
        self.model.vars.push(model::Var { id, ty, default, one_of, describe });
    }

    /// What is recorded cannot be secret.
    fn refuse_secret(&mut self, ty: &Type, declaration: &'a Declaration, why: &str) {
        let element = match ty {
            Type::List(inner) | Type::Map(inner) => inner,
            other => other,
        };
        if *element == Type::Secret {
            let (name, span) = (&declaration.name.text, declaration.name.span);
            let finding = Diagnostic::new(Code::SecretLeak, span, why).label("would not stay secret");
            self.push(finding.help(format!("write `secret {name} = getenv(\"{}\")`", name.to_uppercase())));
        }
    }

    fn fact(&mut self, declaration: &'a Declaration, id: Id) {
        let ty = self.declared_type(declaration);
        self.refuse_secret(&ty, declaration, "the answer to a fact is part of the record");
        let command = match &declaration.value {
            Some(value) => match &value.kind {
                ExprKind::Command(item) => self.action(item).map(Box::new),
                ExprKind::Bad => None,
                _ => {
                    let finding =
                        Diagnostic::new(Code::WrongForm, value.span, "a fact is asked of the world by a command");
                    self.push(finding.label("not a command").help(format!("write `fact {} = run \"…\"`", id.text)));
                    None
                }
            },
            None => {
                self.missing(id.span, "a fact is asked of the world", format!("write `fact {} = run \"…\"`", id.text));
                None
            }
        };
        self.model.facts.push(model::Fact { id, ty, command });
    }

    fn secret_source(&mut self, declaration: &'a Declaration) -> SecretSource {
        let name = declaration.name.text.to_uppercase();
        let help = format!("write `getenv(\"{name}\")`, `file(\"…\")` or `exec(\"…\")`");
        let Some(value) = &declaration.value else {
            self.missing(declaration.name.span, "a secret is read from somewhere", help);
            return SecretSource::Error;
        };
        let refuse = |c: &mut Self| {
            if !super::is_bad(value) {
                let finding = Diagnostic::new(Code::SecretSource, value.span, "a secret never stands in a file");
                c.push(finding.label("not a place to read it from").help(help.clone()));
            }
            SecretSource::Error
        };
        let ExprKind::Call(callee, arguments) = &value.kind else { return refuse(self) };
        let function = callee.path().as_deref().and_then(Function::from_name);
        let [argument] = &arguments[..] else { return refuse(self) };
        match function {
            Some(Function::Getenv) => SecretSource::Env(self.typed(argument, Some(&Type::Text))),
            Some(Function::File) => SecretSource::File(self.typed(argument, Some(&Type::Text))),
            Some(Function::Exec) => match &argument.kind {
                ExprKind::Text(text) => SecretSource::Exec(self.words(text)),
                _ => refuse(self),
            },
            _ => refuse(self),
        }
    }

    /// The type of a var or a fact: as written, else that of its default, else a string.
    pub(super) fn declared_type(&mut self, declaration: &'a Declaration) -> Type {
        if let Some(ty) = &declaration.ty {
            return self.type_of(ty);
        }
        match (&declaration.value, declaration.sort) {
            (Some(value), Sort::Var) => {
                let quiet = self.diagnostics.len();
                let (_, ty) = self.infer(value, None);
                self.diagnostics.truncate(quiet);
                ty
            }
            _ => Type::Text,
        }
    }

    /// The type of a let, which may depend on other lets.
    pub(super) fn let_type(&mut self, name: &str, span: Span) -> Type {
        let Some(symbol) = self.names.symbol_mut(name) else { return Type::Error };
        let Some(declaration) = symbol.declaration else { return Type::Error };
        if symbol.visiting {
            let finding = Diagnostic::new(Code::Cycle, span, format!("`{name}` depends on itself"));
            self.push(finding.label("this leads back to it"));
            return Type::Error;
        }
        if let Some(ty) = &symbol.known_type {
            return ty.clone();
        }
        symbol.visiting = true;
        let ty = match (&declaration.ty, &declaration.value) {
            (Some(ty), value) => {
                let ty = self.type_of(ty);
                // A cycle shows only if the value is looked at too.
                if let Some(value) = value {
                    let quiet = self.diagnostics.len();
                    self.infer(value, Some(&ty));
                    let cycle = self.diagnostics.drain(quiet..).find(|d| d.code == Code::Cycle);
                    self.diagnostics.extend(cycle);
                }
                ty
            }
            (None, Some(value)) => {
                let quiet = self.diagnostics.len();
                let (_, ty) = self.infer(value, None);
                let cycle = self.diagnostics.drain(quiet..).find(|d| d.code == Code::Cycle);
                self.diagnostics.extend(cycle);
                ty
            }
            (None, None) => Type::Error,
        };
        if let Some(symbol) = self.names.symbol_mut(name) {
            symbol.visiting = false;
            symbol.known_type = Some(ty.clone());
        }
        ty
    }

    /// The type of a captured value: as written, else that of its expression.
    pub(super) fn capture_type(&mut self, capture: &'a Capture) -> Type {
        if let Some(ty) = &capture.ty {
            return self.type_of(ty);
        }
        let quiet = self.diagnostics.len();
        let allow = Allow { output: Some(Output::Command), secrets: true, ..Allow::default() };
        let answer = Allow { output: Some(Output::Answer), ..allow };
        let (_, mut ty) = self.allowing(allow, |c| c.infer(&capture.value, None));
        if ty == Type::Error {
            ty = self.allowing(answer, |c| c.infer(&capture.value, None)).1;
        }
        self.diagnostics.truncate(quiet);
        ty
    }

    /// A type as it is written.
    pub(super) fn type_of(&mut self, ty: &'a TypeName) -> Type {
        let name = ty.name.text.as_str();
        match (name, &ty.of) {
            ("list", Some(of)) => Type::List(Box::new(self.type_of(of))),
            ("map", Some(of)) => Type::Map(Box::new(self.type_of(of))),
            ("list" | "map", None) => {
                let finding = Diagnostic::new(Code::UnknownKind, ty.name.span, format!("a {name} of what?"));
                self.push(finding.label("its elements have a type").help(format!("write `{name}(string)`")));
                Type::Error
            }
            _ => match Type::from_name(name) {
                Some(found) if ty.of.is_none() => found,
                _ => {
                    let help = match did_you_mean(name, Type::NAMES.into_iter().chain(["list", "map"])) {
                        Some(close) => format!("did you mean `{close}`?"),
                        None => format!("the types are {}, list(T) and map(T)", Type::NAMES.join(", ")),
                    };
                    let finding =
                        Diagnostic::new(Code::UnknownKind, ty.name.span, format!("there is no type `{name}`"));
                    self.push(finding.label("unknown type").help(help));
                    Type::Error
                }
            },
        }
    }
}
