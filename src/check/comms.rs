//! What is told beside the timeline: `comms` and `every`.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{self, Announcer, ClauseKind, Construct, ExprKind, Item, ItemKind, Keyword};
use crate::value::{Type, Value};

use super::Checker;
use super::model::{Announcement, Moment};
use super::typing::Allow;

/// Nodes of the timeline, as a moment may name them.
pub(super) const NODES: [Keyword; 10] = [
    Keyword::Phase,
    Keyword::Step,
    Keyword::Gate,
    Keyword::Hold,
    Keyword::Ramp,
    Keyword::Approve,
    Keyword::Confirm,
    Keyword::Checklist,
    Keyword::Question,
    Keyword::Parallel,
];

impl<'a> Checker<'a> {
    pub(super) fn comms(&mut self, construct: &'a Construct) {
        let body = self.construct_body("comms", construct);
        let told = self.announcements(&body.rest);
        self.model.comms.extend(told);
    }

    /// Messages by the clock or by a node, and those that are repeated.
    pub(super) fn announcements(&mut self, items: &[&'a Item]) -> Vec<Announcement> {
        let mut told = Vec::new();
        for item in items {
            match &item.kind {
                ItemKind::Notify(notify) => told.push(self.once(notify)),
                ItemKind::Every(every) => told.push(self.every(every)),
                _ => {}
            }
        }
        told
    }

    fn once(&mut self, notify: &'a ast::Notify) -> Announcement {
        let (mut moment, mut when) = (None, None);
        for clause in &notify.clauses {
            match &clause.kind {
                // Where it cannot be read, that was said.
                ClauseKind::At(at) | ClauseKind::From(at) if moment.is_none() => {
                    moment = self.moment(at).or(Some(Moment::End));
                }
                ClauseKind::When(condition) => {
                    when = Some(self.allowing(Allow::default(), |c| c.condition(condition)));
                }
                other => {
                    let title = format!("`{}` says nothing here", other.word());
                    let finding = Diagnostic::new(Code::Misplaced, clause.span, title).label("does not belong here");
                    self.push(finding.help("a message is sent `at` a moment or `from` a node, once"));
                }
            }
        }
        if moment.is_none() {
            let help = "write `at T-48h`, or `from deployment.done`";
            self.missing(notify.keyword_span, "a message of `comms` says when it is sent", help);
        }
        Announcement::Once { moment, when, notify: self.notify(notify, false) }
    }

    /// `every D from X until Y { notify … }`
    pub(super) fn every(&mut self, every: &'a Announcer) -> Announcement {
        let body = self.body("every", every.keyword_span, &every.clauses, &every.block.items);
        let from = body.clause(|c| match c {
            ClauseKind::From(moment) => Some(moment),
            _ => None,
        });
        let until = body.clause(|c| match c {
            ClauseKind::Until(moment) => Some(moment),
            _ => None,
        });
        let when = body.clause(|c| match c {
            ClauseKind::When(when) => Some(when),
            _ => None,
        });
        let length = self.typed(&every.every, Some(&Type::Duration));
        let negative = matches!(length.expr, crate::value::Expr::Negate(_));
        let short = matches!(&length.expr, crate::value::Expr::Value(Value::Duration(d)) if d.as_secs() < 1);
        if negative || short {
            let span = every.every.span;
            let finding =
                Diagnostic::new(Code::BadLiteral, span, "nobody reads a message more often than every second");
            self.push(finding.label("too often").help("write `every 10m`"));
        }
        let from = from.and_then(|m| self.moment(m));
        let until = until.and_then(|m| self.moment(m));
        let when = when.map(|e| self.allowing(Allow::default(), |c| c.condition(e)));
        let mut notifies = Vec::new();
        for item in &body.rest {
            if let ItemKind::Notify(notify) = &item.kind {
                for clause in &notify.clauses {
                    let finding = Diagnostic::new(Code::Misplaced, clause.span, "this message is sent each time");
                    self.push(finding.label("does not belong here"));
                }
                notifies.push(self.notify(notify, false));
            }
        }
        if notifies.is_empty() && !body.unread {
            self.missing(
                every.keyword_span,
                "this `every` says nothing",
                "write `notify CHANNEL \"…\"` between its braces",
            );
        }
        Announcement::Every { every: length, from, until, when, notifies }
    }

    /// A moment of the run: `T+5m`, `pod.1`, `deployment.done`, `migrate + 5m`, `done`.
    pub(super) fn moment(&mut self, expr: &'a ast::Expr) -> Option<Moment> {
        match &expr.kind {
            ExprKind::Name(name) if name == "done" => Some(Moment::End),
            ExprKind::Literal(Value::Offset(_)) => Some(Moment::Offset(self.typed(expr, Some(&Type::Offset)))),
            ExprKind::Arithmetic(_, node, length) if self.mentions_node(node) => {
                let length = self.typed(length, Some(&Type::Duration));
                match self.moment(node)? {
                    Moment::Node { id, done, .. } => {
                        Some(Moment::Node { id, span: expr.span, done, shift: Some(Box::new(length)) })
                    }
                    other => Some(other),
                }
            }
            ExprKind::Arithmetic(..) | ExprKind::Literal(_) => {
                Some(Moment::Offset(self.typed(expr, Some(&Type::Offset))))
            }
            _ => {
                if expr.path().is_some_and(|path| self.is_local(&path)) {
                    return Some(Moment::Offset(self.typed(expr, Some(&Type::Offset))));
                }
                let (id, done) = self.node_name(expr, &NODES)?;
                Some(Moment::Node { id, span: expr.span, done, shift: None })
            }
        }
    }

    /// Whether a path begins with a name that is known only here, such as that of a loop.
    fn is_local(&self, path: &str) -> bool {
        let first = path.split('.').next().unwrap_or(path);
        self.locals.iter().any(|local| local.name == first)
    }

    fn mentions_node(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ExprKind::Arithmetic(_, a, b) => self.mentions_node(a) || self.mentions_node(b),
            ExprKind::Name(_) | ExprKind::Member(..) => expr.path().is_none_or(|path| !self.is_local(&path)),
            ExprKind::Index(..) => true,
            ExprKind::Paren(inner) => self.mentions_node(inner),
            _ => false,
        }
    }
}
