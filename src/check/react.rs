//! Reactions: triggers, rollbacks, handlers.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, ClauseKind, Construct, Item, ItemKind, Keyword, Name};
use crate::value::{Expr, Type};

use super::Checker;
use super::model::{self, Id, PhaseKind};
use super::typing::Allow;

/// Why a node of a rollback has no moment.
const NO_MOMENT: &str = "a rollback begins when it must, and its nodes follow one another";

/// Why a way back has no choices.
const ONE_END: &str =
    "where a way back fails the run is stuck, for a person; a gate behind the undoing makes it unhealthy";

impl<'a> Checker<'a> {
    pub(super) fn trigger(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let body = self.construct_body("trigger", construct);
        let when = body.clause(|c| match c {
            ClauseKind::When(when) => Some(when),
            _ => None,
        });
        let allow = Allow { metrics: true, spans: true, ..Allow::default() };
        let when = when.map(|e| self.allowing(allow, |c| c.condition(e)));
        let manual = body.clause(|c| match c {
            ClauseKind::Manual(people) => Some(people.as_ref()),
            _ => None,
        });
        let manual = manual.map(|people| people.and_then(|p| self.people(p)));
        let by = self.by_of(&body);
        if let (Some(by), None) = (&by, &manual) {
            let finding =
                Diagnostic::new(Code::Misplaced, by.span, "`by` says nothing about a trigger that fires by itself");
            self.push(finding.label("does not belong here").help("write `manual by …` for one that people fire"));
        }
        let manual = manual.map(|people| people.or(by));
        match &when {
            None if body.unread || manual.is_some() => {}
            None => self.missing(body.span(), "a trigger says when it fires", "write `when error_rate > 5% for 2m`"),
            Some(condition) => {
                // What could not be read may well be what changes.
                let mut may_change = condition.ty == Type::Error;
                condition.expr.walk(&mut |e| may_change |= matches!(e, Expr::Runs { .. } | Expr::Error));
                if !condition.expr.watches() && !may_change {
                    let span = condition.span;
                    let finding =
                        Diagnostic::new(Code::NotKnownHere, span, "nothing in this condition changes during a run");
                    self.push(
                        finding
                            .label("no metric")
                            .help("a trigger watches metrics, gates and flags, or how long a step runs"),
                    );
                }
            }
        }
        let pick_moment = |until: bool| {
            body.clause(|c| match c {
                ClauseKind::From(moment) if !until => Some(moment),
                ClauseKind::Until(moment) if until => Some(moment),
                _ => None,
            })
        };
        let (from, until) = (pick_moment(false), pick_moment(true));
        let then = body.clause(|c| match c {
            ClauseKind::Then(outcome) => Some(outcome),
            _ => None,
        });
        let no_data = body.clause(|c| match c {
            ClauseKind::NoData(outcome) => Some(outcome),
            _ => None,
        });
        let mut notifies = Vec::new();
        for item in &body.rest {
            if let ItemKind::Notify(notify) = &item.kind {
                notifies.push(self.reaction_notify(notify));
            }
        }
        let trigger = model::Trigger {
            title: self.title_of(construct),
            describe: self.describe(&body),
            severity: body.setting("severity").and_then(|s| self.named(s, Keyword::Severity)),
            then: then.and_then(|o| self.outcome(o)),
            ask: self.ask_of(&body),
            manual,
            no_data: no_data.and_then(|o| self.outcome(o)),
            from: from.and_then(|e| self.moment(e)),
            until: until.and_then(|e| self.moment(e)),
            id,
            when,
            notifies,
        };
        self.model.triggers.push(trigger);
    }

    /// A message of a reaction: what happened may be named; when it is sent is clear.
    pub(super) fn reaction_notify(&mut self, notify: &'a ast::Notify) -> model::Notify {
        for clause in &notify.clauses {
            let finding = Diagnostic::new(Code::Misplaced, clause.span, "this message is sent when it happens");
            self.push(finding.label("does not belong here"));
        }
        self.notify(notify, true)
    }

    /// `response NAME "…" within D else OUTCOME { … }`
    pub(super) fn response(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let before = std::mem::replace(&mut self.kind, PhaseKind::Live);
        let body = self.construct_body("response", construct);
        let allow = Allow { event: true, step: true, ..Allow::default() };
        let within = self.within_of(&body);
        if within.as_ref().is_none_or(|w| w.otherwise.is_none()) && !body.unread {
            let help = format!("write `response {} within 5m else rollback {{`", id.text);
            self.missing(construct.head(), "a response says how long it may take, and what happens then", help);
        }
        for item in &body.rest {
            if let ItemKind::Construct(inner) = &item.kind {
                self.refuse_clauses(inner, &["at"], "a response begins when it must, and its nodes follow one another");
                let undone = inner.items().iter().find(|i| matches!(i.kind, ItemKind::Undo(_)));
                if let Some(undo) = undone.filter(|_| inner.keyword == Keyword::Step) {
                    let word = Span { end: undo.span.start + "undo".len() as u32, ..undo.span };
                    let finding = Diagnostic::new(Code::UndoOutsideLive, word, "a response is not undone");
                    self.push(
                        finding
                            .label("would never run")
                            .help("leave it out: what a response has set stays, also after a rollback"),
                    );
                }
            }
        }
        let is_node = |item: &&&'a Item| match &item.kind {
            ItemKind::Construct(c) => !matches!(c.keyword, Keyword::Gate | Keyword::Hold),
            _ => false,
        };
        let (nodes, actions): (Vec<&'a Item>, Vec<&'a Item>) = body.rest.iter().copied().partition(|i| is_node(&i));
        let count = self.locals.len();
        let told: Vec<&'a Item> = body.rest.iter().copied().filter(|i| matches!(i.kind, ItemKind::Every(_))).collect();
        let (nodes, actions) = self.allowing(allow, |c| {
            c.announcements(&told);
            (c.nodes(&nodes), c.actions(&actions))
        });
        self.locals.truncate(count);
        if nodes.is_empty() && actions.is_empty() && !body.unread {
            self.missing(
                construct.head(),
                "this response does nothing",
                "write what it does, such as `set FLAG to off`",
            );
        }
        let response = model::Response {
            title: self.title_of(construct),
            describe: self.describe(&body),
            id,
            within,
            nodes,
            actions,
        };
        self.kind = before;
        self.model.responses.push(response);
    }

    pub(super) fn rollback(&mut self, construct: &'a Construct) {
        let before = std::mem::replace(&mut self.kind, PhaseKind::Live);
        let body = self.construct_body("rollback", construct);
        let allow = Allow { event: true, ..Allow::default() };
        let id = match &construct.name {
            Some(name) => Id { text: name.text.clone(), span: name.span },
            None => Id { text: String::new(), span: construct.keyword_span },
        };
        let same = self.model.rollbacks.iter().find(|r| r.id.text == id.text && id.text.is_empty());
        if let Some(first) = same.map(|r| r.id.span) {
            let finding =
                Diagnostic::new(Code::DuplicateName, construct.keyword_span, "there is one rollback without a name");
            self.push(finding.label("a second one").also(first, "the first").help("give it a name: `rollback NAME`"));
        }
        self.refuse_in_rollback(&body.rest);
        let within = self.within_of(&body);
        let nodes = self.allowing(allow, |c| c.nodes(&body.rest));
        let told: Vec<&'a Item> = body.rest.iter().copied().filter(|i| matches!(i.kind, ItemKind::Every(_))).collect();
        let announcements = self.allowing(allow, |c| c.announcements(&told));
        let after = self.after(&body.rest);
        let rollback = model::Rollback {
            id,
            title: self.title_of(construct),
            describe: self.describe(&body),
            rto: self.value_of(&body, "rto"),
            within,
            nodes,
            announcements,
            after,
        };
        self.kind = before;
        self.model.rollbacks.push(rollback);
    }

    /// `after { … }` of a rollback: what is left to do when it has ended.
    fn after(&mut self, items: &[&'a Item]) -> Vec<model::Node> {
        let mut nodes = Vec::new();
        let before = std::mem::replace(&mut self.kind, PhaseKind::After);
        for item in items {
            let ItemKind::Construct(construct) = &item.kind else { continue };
            if construct.keyword == Keyword::After {
                let body = self.construct_body("after", construct);
                let allow = Allow { event: true, ..Allow::default() };
                nodes.extend(self.allowing(allow, |c| c.nodes(&body.rest)));
            }
        }
        self.kind = before;
        nodes
    }

    /// What has no meaning in a procedure that begins whenever it must, and is never undone.
    fn refuse_in_rollback(&mut self, items: &[&'a Item]) {
        for item in items {
            match &item.kind {
                ItemKind::For(repeated) => {
                    let inner: Vec<&Item> = repeated.block.items.iter().collect();
                    self.refuse_in_rollback(&inner);
                }
                ItemKind::Notify(notify) => {
                    for clause in notify.clauses.iter().filter(|c| c.kind.word() == "at") {
                        self.misplaced_moment(clause.span);
                    }
                }
                ItemKind::Construct(construct) if construct.keyword == Keyword::After => {}
                ItemKind::Construct(construct) => {
                    self.refuse_clauses(construct, &["at"], NO_MOMENT);
                    self.refuse_outcomes(construct);
                    let undone = construct.items().iter().find(|i| matches!(i.kind, ItemKind::Undo(_)));
                    if let Some(undo) = undone.filter(|_| construct.keyword == Keyword::Step) {
                        let word = Span { end: undo.span.start + "undo".len() as u32, ..undo.span };
                        let title = "there is no way back from the way back";
                        let finding = Diagnostic::new(Code::UndoOutsideLive, word, title).label("never done");
                        self.push(
                            finding.help("leave it out: a rollback that fails leaves the run stuck, for a person"),
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// What a failure of the way back leads to is not for the file to say.
    pub(super) fn refuse_outcomes(&mut self, construct: &'a Construct) {
        self.refuse_clauses(
            construct,
            &["on failure", "on inconclusive", "on denied", "undo none", "irreversible"],
            ONE_END,
        );
        for clause in construct.every_clause() {
            if let ClauseKind::Within(within) = &clause.kind
                && within.otherwise.is_some()
            {
                let finding = Diagnostic::new(Code::Misplaced, clause.span, "`else` says nothing here");
                self.push(finding.label("does not belong here").help(ONE_END));
            }
        }
    }

    fn misplaced_moment(&mut self, span: Span) {
        let finding = Diagnostic::new(Code::Misplaced, span, "`at` says nothing here").label("does not belong here");
        self.push(finding.help(NO_MOMENT));
    }

    pub(super) fn handler(&mut self, handler: &'a ast::Handler) {
        let Name { text: event, span } = &handler.event;
        if let Some(first) = self.model.handlers.iter().position(|h| h.event == *event) {
            let _ = first;
            let finding = Diagnostic::new(Code::Repeated, *span, format!("`on {event}` is said twice"));
            return self.push(finding.label("again").help("put its messages into one block"));
        }
        let body = self.body("on", *span, &[], &handler.block.items);
        let mut notifies = Vec::new();
        for item in &body.rest {
            if let ItemKind::Notify(notify) = &item.kind {
                notifies.push(self.reaction_notify(notify));
            }
        }
        self.model.handlers.push(model::Handler { event: event.clone(), notifies });
    }
}
