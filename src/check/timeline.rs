//! Phases and their nodes.

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::syntax::ast::{self, ClauseKind, Construct, ForLoop, Item, ItemKind, Keyword};
use crate::value::{Ref, RefKind, Type, Value};

use super::Checker;
use super::model::{
    For, Head, Hold, HoldLength, Id, Limit, Look, Node, Phase, PhaseKind, Ramp, Retry, Step, Typed, Undo,
};
use super::read::Body;
use super::typing::{Allow, Local};

impl<'a> Checker<'a> {
    /// A phase; a nested one has the kind of its phase.
    pub(super) fn phase(&mut self, construct: &'a Construct, outer: Option<PhaseKind>) -> Phase {
        let kind = self.phase_kind(construct, outer);
        if construct.name.is_none() {
            self.missing(
                construct.keyword_span,
                "a phase has a name",
                "write `phase deployment: live \"Deployment\" {`",
            );
        }
        let before = std::mem::replace(&mut self.kind, kind);
        let body = self.construct_body("phase", construct);
        let windows = self.windows_of(&body);
        let phase = Phase {
            head: self.head(construct, &body),
            owner: self.value_of(&body, "owner"),
            windows,
            within: self.within_of(&body),
            nodes: self.nodes(&body.rest),
            kind,
        };
        self.kind = before;
        phase
    }

    /// `in mornings`
    fn windows_of(&mut self, body: &Body<'a>) -> Vec<(String, crate::source::Span)> {
        let named = body.clause(|c| match c {
            ClauseKind::In(windows) => Some(windows),
            _ => None,
        });
        named.into_iter().filter_map(|e| Some((self.named_expr(e, Keyword::Window)?, e.span))).collect()
    }

    fn phase_kind(&mut self, construct: &'a Construct, outer: Option<PhaseKind>) -> PhaseKind {
        let Some(kind) = &construct.kind else { return outer.unwrap_or(PhaseKind::Live) };
        let found = match kind.name.text.as_str() {
            "prepare" => PhaseKind::Prepare,
            "live" => PhaseKind::Live,
            "after" => PhaseKind::After,
            other => {
                let close = did_you_mean(other, ["prepare", "live", "after"]);
                let help =
                    close.map_or("the kinds are prepare, live, after".into(), |c| format!("did you mean `{c}`?"));
                let finding =
                    Diagnostic::new(Code::UnknownKind, kind.name.span, format!("there is no kind of phase `{other}`"));
                self.push(finding.label("unknown kind").help(help));
                return outer.unwrap_or(PhaseKind::Live);
            }
        };
        if let Some(outer) = outer
            && outer != found
        {
            let title = format!("a phase in a {} phase is one too", outer.word());
            let finding = Diagnostic::new(Code::WrongForm, kind.name.span, title);
            self.push(finding.label("another kind").help("leave the kind out"));
            return outer;
        }
        found
    }

    pub(super) fn head(&mut self, construct: &'a Construct, body: &Body<'a>) -> Head {
        let at = body.clause(|c| match c {
            ClauseKind::At(at) => Some(at),
            _ => None,
        });
        let when = body.clause(|c| match c {
            ClauseKind::When(when) => Some(when),
            _ => None,
        });
        Head {
            id: construct.name.as_ref().map(|n| Id { text: n.text.clone(), span: n.span }),
            span: construct.head(),
            title: self.title_of(construct).map(Box::new),
            describe: self.describe(body).map(Box::new),
            at: at.map(|e| Box::new(self.typed(e, Some(&Type::Offset)))),
            when: when.map(|e| Box::new(self.allowing(Allow::default(), |c| c.condition(e)))),
        }
    }

    /// The nodes of a phase or a rollback.
    pub(super) fn nodes(&mut self, items: &[&'a Item]) -> Vec<Node> {
        items.iter().filter_map(|item| self.node(item)).collect()
    }

    fn node(&mut self, item: &'a Item) -> Option<Node> {
        Some(match &item.kind {
            ItemKind::Construct(construct) => match construct.keyword {
                Keyword::Phase => Node::Phase(self.phase(construct, Some(self.kind))),
                Keyword::Step => Node::Step(Box::new(self.step(construct))),
                Keyword::Gate => {
                    let used = self.gate_use(construct);
                    Node::Gate(self.bare_head(construct), Box::new(used))
                }
                Keyword::Hold => {
                    let hold = self.hold(construct);
                    Node::Hold(self.bare_head(construct), hold)
                }
                Keyword::Parallel => self.parallel(construct),
                Keyword::Ramp => self.ramp(construct),
                Keyword::Approve | Keyword::Confirm | Keyword::Question => self.ask_node(construct),
                Keyword::Checklist => self.checklist(construct),
                _ => return None,
            },
            ItemKind::Notify(notify) => {
                let span = notify.keyword_span;
                let mut head = Head { id: None, span, title: None, describe: None, at: None, when: None };
                let mut sent = None;
                for clause in &notify.clauses {
                    match &clause.kind {
                        ClauseKind::At(at) => head.at = Some(Box::new(self.typed(at, Some(&Type::Offset)))),
                        ClauseKind::When(when) => {
                            head.when = Some(Box::new(self.allowing(Allow::default(), |c| c.condition(when))));
                        }
                        ClauseKind::From(from) if sent.is_none() => {
                            sent = self.moment(from);
                        }
                        other => self.misplaced_in_notify(clause, other.word()),
                    }
                }
                let mut notify = self.notify(notify, self.allow.event);
                notify.from = sent;
                Node::Notify(head, notify)
            }
            ItemKind::For(for_loop) => Node::For(self.for_loop(for_loop)),
            ItemKind::Undo(undo) => self.rollback_undo(item, undo),
            _ => return None,
        })
    }

    fn misplaced_in_notify(&mut self, clause: &ast::Clause, word: &str) {
        let finding = Diagnostic::new(Code::Misplaced, clause.span, format!("`{word}` says nothing about a `notify`"));
        self.push(finding.label("does not belong here").help("its clauses are `at` and `when`"));
    }

    /// The head of a gate or a hold, whose body was read already.
    fn bare_head(&mut self, construct: &'a Construct) -> Head {
        let quiet = self.diagnostics.len();
        let name = if construct.keyword == Keyword::Gate { "gate" } else { "hold" };
        let body = self.construct_body(name, construct);
        self.diagnostics.truncate(quiet);
        self.head(construct, &body)
    }

    /// `undo` in a rollback: of everything, or of these.
    fn rollback_undo(&mut self, item: &'a Item, undo: &'a ast::Undo) -> Node {
        match undo {
            ast::Undo::These(list) => {
                let ast::ExprKind::List(elements) = &list.kind else { return Node::Undo(item.span, None) };
                let kinds = [Keyword::Step, Keyword::Ramp];
                let names = elements.iter().filter_map(|e| {
                    let (name, _) = self.node_name(&e.value, &kinds)?;
                    Some((name, e.value.span))
                });
                Node::Undo(item.span, Some(names.collect()))
            }
            ast::Undo::Block(block) => {
                let brace = crate::source::Span { end: block.span.start + 1, ..block.span };
                let finding =
                    Diagnostic::new(Code::WrongForm, brace, "in a rollback `undo` is the place where steps are undone");
                self.push(
                    finding
                        .label("what is undone stands in the steps")
                        .help("write `undo`, and the commands as a `step`"),
                );
                Node::Undo(item.span, None)
            }
            ast::Undo::All => Node::Undo(item.span, None),
        }
    }

    fn for_loop(&mut self, for_loop: &'a ForLoop) -> For {
        let list = self.typed(&for_loop.list, None);
        let element = match &list.ty {
            Type::List(inner) => (**inner).clone(),
            Type::Any | Type::Error => Type::Any,
            other => {
                let title = format!("a `for` goes through a list, and this is {}", super::article(other));
                let finding = Diagnostic::new(Code::Mismatch, list.span, title).label(super::article(other));
                self.push(finding.help("write each value: `for n in [1, 2, 3]`"));
                Type::Error
            }
        };
        let name = for_loop.name.text.clone();
        let local =
            Local { name: name.clone(), ty: element, reference: Ref { kind: RefKind::Loop, name: name.clone() } };
        if let Some(symbol) = self.names.peek(&name) {
            let (span, first) = (for_loop.name.span, symbol.span);
            let finding = Diagnostic::new(Code::DuplicateName, span, format!("the name `{name}` is given twice"));
            self.push(finding.label("hides the other one").also(first, "first here"));
        }
        let body = self.body("for", for_loop.name.span, &[], &for_loop.block.items);
        let nodes = self.with_locals(vec![local], |c| c.nodes(&body.rest));
        if nodes.is_empty() && !for_loop.block.items.is_empty() && body.rest.is_empty() {
            self.missing(for_loop.name.span, "nothing is repeated here", "write a `step` between the braces");
        }
        For { name: Id { text: name, span: for_loop.name.span }, list, nodes }
    }

    /// `parallel NAME { … }`: each node is a lane.
    fn parallel(&mut self, construct: &'a Construct) -> Node {
        let body = self.construct_body("parallel", construct);
        let head = self.head(construct, &body);
        let lanes = self.nodes(&body.rest);
        let repeated = lanes.iter().any(|lane| matches!(lane, Node::For(_)));
        if lanes.len() < 2 && !repeated && !body.unread {
            let help = "write two nodes or more, or leave `parallel` out";
            self.missing(construct.head(), "nothing is parallel to a single lane", help);
        }
        Node::Parallel(head, lanes)
    }

    /// `ramp NAME: SUBJECT through [10%, 50%, 100%] { hold …; gate … }`
    fn ramp(&mut self, construct: &'a Construct) -> Node {
        let body = self.construct_body("ramp", construct);
        let head = self.head(construct, &body);
        let subject = match &construct.kind {
            Some(kind) if kind.of.is_none() => self.ramped(&kind.name),
            _ => {
                self.missing(construct.head(), "what is ramped?", "write `ramp canary: ROUTER`, or the name of a flag");
                None
            }
        };
        let through = body.clause(|c| match c {
            ClauseKind::Through(shares) => Some(shares),
            _ => None,
        });
        let through = through.map(|shares| self.typed(shares, Some(&Type::List(Box::new(Type::Percent)))));
        match &through {
            None if body.unread => {}
            None => self.missing(construct.head(), "a ramp has shares", "write `through [10%, 50%, 100%]`"),
            Some(shares) => self.rising(shares),
        }
        let takes = self.value_of(&body, "takes");
        let on_failure = self.on_failure(&body);
        for item in &body.rest {
            if let ItemKind::Construct(inner) = &item.kind {
                self.refuse_clauses(inner, &super::gate::PLACED, "a ramp holds and looks after each of its shares");
            }
        }
        let looks = self.nodes(&body.rest);
        if looks.is_empty() && !body.unread {
            let help = "write `hold for 15m` and `gate NAME` in it";
            self.missing(construct.head(), "a ramp that neither holds nor looks goes to its end at once", help);
        }
        Node::Ramp(Box::new(Ramp { head, subject, through, takes, on_failure, looks }))
    }

    /// The router or the flag that a ramp moves.
    fn ramped(&mut self, name: &'a ast::Name) -> Option<String> {
        match self.names.get(&name.text).map(|s| s.kind) {
            Some(super::names::Kind::Block(Keyword::Router | Keyword::Flag)) => Some(name.text.clone()),
            Some(other) => {
                let title = format!("`{}` is {}, and only a router or a flag is ramped", name.text, other.phrase());
                self.push(Diagnostic::new(Code::WrongKind, name.span, title).label("neither a router nor a flag"));
                None
            }
            None => {
                let fits = |s: &super::names::Symbol<'_>| {
                    matches!(s.kind, super::names::Kind::Block(Keyword::Router | Keyword::Flag))
                };
                let all = self.names.iter().filter(|(_, s)| fits(s)).map(|(n, _)| n);
                let help = did_you_mean(&name.text, all).map(|c| format!("did you mean `{c}`?"));
                let title = format!("there is no router or flag `{}`", name.text);
                let finding = Diagnostic::new(Code::UnknownName, name.span, title).label("unknown name");
                self.push_unless_lost(
                    &name.text,
                    finding.help(help.unwrap_or_else(|| "declare it: `router edge: haproxy { … }`".into())),
                );
                None
            }
        }
    }

    /// Shares rise, and none is more than everything.
    fn rising(&mut self, shares: &Typed) {
        let Some(values) = shares.expr.known_list() else { return };
        let mut before = 0.0;
        for value in &values {
            let Value::Percent(share) = value else { continue };
            if *share > 100.0 || *share < 0.0 {
                let finding = Diagnostic::new(Code::BadLiteral, shares.span, format!("{value} is no share"));
                return self.push(finding.label("from 0 % to 100 %"));
            }
            if *share <= before {
                let finding = Diagnostic::new(Code::OffsetsBackwards, shares.span, "the shares of a ramp rise");
                return self.push(
                    finding
                        .label(format!("{value} is not more than what stands before it"))
                        .help("the way back is the rollback's: a ramp goes one way"),
                );
            }
            before = *share;
        }
        if values.is_empty() {
            self.missing(shares.span, "a ramp has shares", "write `through [10%, 50%, 100%]`");
        }
    }

    /// `on web`: the hosts on each of which a step runs.
    fn hosts_of(&mut self, body: &Body<'a>) -> Option<String> {
        let hosts = body.clause(|c| match c {
            ClauseKind::OnHosts(hosts) => Some(hosts),
            _ => None,
        });
        let named = hosts.and_then(|hosts| self.named_expr(hosts, Keyword::Hosts));
        if hosts.is_none() {
            for name in ["batch", "max_failures"] {
                if let Some(setting) = body.setting(name) {
                    let title = format!("`{name}` is about hosts, and this step names none");
                    let finding = Diagnostic::new(Code::Misplaced, setting.name.span, title);
                    self.push(finding.label("does not belong here").help("write `on HOSTS` in the header of the step"));
                }
            }
        }
        named
    }

    fn step(&mut self, construct: &'a Construct) -> Step {
        let body = self.construct_body("step", construct);
        let head = self.head(construct, &body);
        let hosts = self.hosts_of(&body);
        let within = self.within_of(&body);
        let retry = self.retry(&body);
        let count = self.locals.len();
        let on_hosts = body.clause(|c| matches!(c, ClauseKind::OnHosts(_)).then_some(())).is_some();
        let allow = Allow { step: true, host: on_hosts, ..self.allow };
        let (actions, undo, done_when) = self.allowing(allow, |c| {
            let own: Vec<&Item> = body
                .rest
                .iter()
                .copied()
                .filter(|i| !matches!(i.kind, ItemKind::Undo(_) | ItemKind::DoneWhen(_)))
                .collect();
            let actions = c.actions(&own);
            let undo = c.undo(&body);
            let done_when = c.done_when(&body);
            (actions, undo, done_when)
        });
        self.locals.truncate(count);
        if actions.is_empty() && construct.block.is_some() && body.rest.is_empty() && !body.unread {
            self.missing(construct.head(), "this step does nothing", "write what it does, such as `run \"…\"`");
        } else if construct.block.is_none() {
            self.missing(construct.head(), "a step has a block", "write what it does between `{` and `}`");
        }
        Step {
            takes: self.value_of(&body, "takes"),
            idempotent: self.flag_of(&body, "idempotent"),
            batch: self.batch(&body),
            max_failures: self.value_of(&body, "max_failures"),
            owner: self.value_of(&body, "owner"),
            hosts,
            done_when,
            on_failure: self.on_failure(&body),
            head,
            within,
            retry,
            actions,
            undo,
        }
    }

    /// `batch = 33%`: a part of the hosts, and not none of them.
    fn batch(&mut self, body: &Body<'a>) -> Option<Typed> {
        let batch = self.value_of(body, "batch")?;
        if let crate::value::Expr::Value(value @ Value::Percent(share)) = &batch.expr
            && !(*share > 0.0 && *share <= 100.0)
        {
            let finding = Diagnostic::new(Code::BadLiteral, batch.span, format!("{value} is no part of the hosts"));
            self.push(
                finding.label("more than 0 %, at most 100 %").help("write `33%`; at least one host is taken each time"),
            );
        }
        Some(batch)
    }

    /// `done when { … }`: what shows that a step was done, after a crash.
    fn done_when(&mut self, body: &Body<'a>) -> Vec<Look> {
        let mut looks = Vec::new();
        for item in &body.rest {
            let ItemKind::DoneWhen(block) = &item.kind else { continue };
            let inner = self.body("done when", item.span, &[], &block.items);
            let found = self.looks(&inner.rest);
            if found.is_empty() && !inner.unread {
                let span = crate::source::Span { end: item.span.start + 9, ..item.span };
                self.missing(
                    span,
                    "what shows that this step was done?",
                    "write what only looks, such as `run \"…\" { reads = true }`",
                );
            }
            for look in &found {
                if let Look::Expect(condition) = look
                    && condition.expr.watches()
                {
                    self.not_yet(condition.span, "a metric, a gate or a flag in `done when`");
                }
            }
            looks.extend(found);
        }
        looks
    }

    fn retry(&mut self, body: &Body<'a>) -> Option<Retry> {
        let (times, every, backoff) = body.clause(|c| match c {
            ClauseKind::Retry { times, every, backoff } => Some((times, every, backoff)),
            _ => None,
        })?;
        Some(Retry {
            times: self.typed(times, Some(&Type::Int)),
            every: every.as_ref().map(|e| self.typed(e, Some(&Type::Duration))),
            backoff: backoff.as_ref().map(|b| self.typed(b, Some(&Type::Factor))),
        })
    }

    fn undo(&mut self, body: &Body<'a>) -> Undo {
        let why = |c: &mut Self, text: &'a Option<ast::Text>| {
            let why = text.as_ref().map(|t| c.text(t))?;
            if matches!(&why.expr, crate::value::Expr::Value(Value::Text(text)) if text.trim().is_empty()) {
                c.missing(why.span, "an empty reason is none", "write why, for whoever reads the report");
            }
            Some(why)
        };
        let none = body.clause_at(|c| match c {
            ClauseKind::UndoNone(text) => Some(text),
            _ => None,
        });
        let irreversible = body.clause_at(|c| match c {
            ClauseKind::Irreversible(text) => Some(text),
            _ => None,
        });
        let blocks: Vec<(&'a Item, &'a ast::Undo)> = body
            .rest
            .iter()
            .filter_map(|i| match &i.kind {
                ItemKind::Undo(undo) => Some((*i, undo)),
                _ => None,
            })
            .collect();
        let said: Vec<crate::source::Span> = none
            .iter()
            .map(|(s, _)| *s)
            .chain(irreversible.iter().map(|(s, _)| *s))
            .chain(blocks.iter().map(|(i, _)| crate::source::Span { end: i.span.start + 4, ..i.span }))
            .collect();
        if let [first, second, ..] = said[..] {
            let finding = Diagnostic::new(Code::Repeated, second, "how this step is undone is said twice");
            self.push(finding.label("again").also(first, "first here"));
        }
        if let Some((span, text)) = none {
            if text.is_none() {
                self.missing(span, "why is nothing to be undone?", "write `undo none \"why\"`");
            }
            return Undo::None(span, why(self, text));
        }
        if let Some((span, text)) = irreversible {
            if text.is_none() {
                self.missing(span, "why can it not be undone?", "write `irreversible \"why\"`");
            }
            return Undo::Irreversible(span, why(self, text));
        }
        let Some((item, undo)) = blocks.into_iter().next() else { return Undo::Unsaid };
        let span = crate::source::Span { end: item.span.start + 4, ..item.span };
        let ast::Undo::Block(block) = undo else {
            let finding = Diagnostic::new(Code::WrongForm, span, "a step says by which actions it is undone");
            self.push(finding.label("undone how?").help("write `undo { run \"…\" }` or `undo none \"why\"`"));
            return Undo::Unsaid;
        };
        let inner = self.body("undo", span, &[], &block.items);
        for item in &inner.rest {
            if let ItemKind::Construct(construct) = &item.kind {
                self.refuse_outcomes(construct);
            }
        }
        let takes = self.value_of(&inner, "takes");
        let actions = self.actions(&inner.rest);
        Undo::Actions { span, takes, actions }
    }
}

impl Phase {
    /// The limit, if one is written.
    pub fn limit(&self) -> Option<&Limit> {
        self.within.as_ref()
    }
}

impl Hold {
    /// How long it lasts, if that is a length and not a moment.
    pub fn duration(&self) -> Option<&Typed> {
        match &self.length {
            Some(HoldLength::For(duration)) => Some(duration),
            _ => None,
        }
    }
}
