//! What stands at file level, and the values that are declared there: variables, lets, secrets, facts.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{Capture, Construct, Declaration, ExprKind, Keyword, Sort, TypeName};
use crate::value::{Expr, Function, Type};

use super::Checker;
use super::model::{self, Id, SecretSource, Typed};
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
