//! What a runbook says about itself, its release and its people; and the names of declared things.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{Construct, ExprKind, FollowUp, ItemKind, Keyword, Link, Setting};
use crate::value::Type;

use super::Checker;
use super::model::{self, Id, Typed};
use super::names::Kind;

impl<'a> Checker<'a> {
    pub(super) fn runbook(&mut self, construct: &'a Construct) {
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

    pub(super) fn release(&mut self, construct: &'a Construct) {
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
    pub(super) fn flag(&mut self, construct: &'a Construct) {
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
                let title = format!("the name of {} stands here", Kind::Block(keyword).phrase());
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
                self.push(
                    finding.help_if(
                        self.existing(keyword)
                            .map(|names| format!("the {} are {names}", word.trim_end_matches('s').to_owned() + "s")),
                    ),
                );
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
    pub(super) fn named_list(&mut self, setting: &'a Setting, keyword: Keyword) -> Vec<String> {
        match &setting.value.bare().kind {
            ExprKind::List(elements) => elements.iter().filter_map(|e| self.named_expr(&e.value, keyword)).collect(),
            _ => self.named(setting, keyword).into_iter().collect(),
        }
    }

    pub(super) fn scope(&mut self, construct: &'a Construct) {
        let body = self.construct_body("scope", construct);
        for item in &body.rest {
            let ItemKind::Construct(entry) = &item.kind else { continue };
            let inner = self.construct_body("scope item", entry);
            let Some(title) = self.title_of(entry) else {
                let word = entry.keyword.word();
                self.missing(
                    entry.head(),
                    format!("{} says what it is", super::articled(word)),
                    format!("write `{word} \"…\"`"),
                );
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

    pub(super) fn risk(&mut self, construct: &'a Construct) {
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

    pub(super) fn role(&mut self, construct: &'a Construct) {
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

    /// What a severity says by itself names people and what they have found.
    fn not_for_customers(&mut self, channels: &[String], span: Option<Span>) {
        let kind = |name: &String| Some(self.names.construct(name)?.kind.as_ref()?.name.text.as_str());
        let page = channels.iter().find(|name| kind(name) == Some("statuspage")).cloned();
        if let (Some(page), Some(span)) = (page, span) {
            let title = format!("`{page}` is a page for customers, and what a severity says by itself is not for them");
            let finding = Diagnostic::new(Code::Misplaced, span, title).label("people and reasons would be published");
            self.push(finding.help(format!(
                "say it in the trigger, in words of your own: `notify {page} \"We are looking into it\" {{ state = investigating }}`"
            )));
        }
    }

    pub(super) fn severity(&mut self, construct: &'a Construct) {
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
        self.not_for_customers(&severity.notify, body.setting("notify").map(|s| s.value.span));
        self.model.severities.push(severity);
    }
}
