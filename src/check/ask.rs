//! What people are asked: `approve`, `confirm`, `question`, and checklists.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{ClauseKind, Construct, Item, ItemKind, Keyword, Text};
use crate::value::Type;

use super::Checker;
use super::model::{AskNode, Checklist, Node, Tick};
use super::typing::Allow;

/// What a question can be answered with.
const ANSWERS: [&str; 8] = ["string", "int", "number", "bool", "duration", "percent", "count", "size"];

impl<'a> Checker<'a> {
    /// `approve`, `confirm`, `question`
    pub(super) fn ask_node(&mut self, construct: &'a Construct) -> Node {
        let word = construct.keyword.word();
        if construct.name.is_none() {
            self.missing(
                construct.keyword_span,
                format!("{} has a name", super::articled(word)),
                format!("write `{word} NAME \"…\"`"),
            );
        }
        if construct.title.is_none() {
            let title = format!("{} says what is asked", super::articled(word));
            self.missing(construct.head(), title, format!("write `{word} NAME \"…\"`"));
        }
        let body = self.construct_body(word, construct);
        let ty = self.answer_type(construct);
        let on_denied = body.clause(|c| match c {
            ClauseKind::OnDenied(outcome) => Some(outcome),
            _ => None,
        });
        if let (Keyword::Question, Some((span, ()))) =
            (construct.keyword, body.clause_at(|c| matches!(c, ClauseKind::OnDenied(_)).then_some(())))
        {
            let finding = Diagnostic::new(Code::Misplaced, span, "a question is answered, not denied");
            self.push(finding.label("does not belong here").help("ask with `approve` or `confirm`"));
        }
        Node::Ask(Box::new(AskNode {
            keyword: construct.keyword,
            head: self.head(construct, &body),
            ty,
            by: self.by_of(&body),
            said: body.unread || body.clause(|c| matches!(c, ClauseKind::By(_)).then_some(())).is_some(),
            within: self.within_of(&body),
            on_denied: on_denied.and_then(|o| self.outcome(o)),
        }))
    }

    /// `question hit: int`; an approval is a bool.
    pub(super) fn answer_type(&mut self, construct: &'a Construct) -> Type {
        match (&construct.kind, construct.keyword) {
            (None, Keyword::Question) => Type::Text,
            (None, _) => Type::Bool,
            (Some(kind), Keyword::Question) => {
                let ty = self.type_of(kind);
                if !ANSWERS.contains(&kind.name.text.as_str()) && ty != Type::Error {
                    let title = format!("nobody answers with {}", super::article(&ty));
                    let finding = Diagnostic::new(Code::UnknownKind, kind.name.span, title).label("not an answer");
                    self.push(finding.help(format!("an answer is one of {}", ANSWERS.join(", "))));
                }
                ty
            }
            (Some(kind), keyword) => {
                let title = format!("{} is answered with yes or no", super::articled(keyword.word()));
                let finding = Diagnostic::new(Code::WrongForm, kind.name.span, title).label("has no kind");
                self.push(finding.help("leave it out, or ask with `question`"));
                Type::Bool
            }
        }
    }

    /// `checklist NAME "…" { group … { item … } }`
    pub(super) fn checklist(&mut self, construct: &'a Construct) -> Node {
        if construct.name.is_none() {
            let help = "write `checklist ready \"Ready\" {`";
            self.missing(construct.keyword_span, "a checklist has a name", help);
        }
        let body = self.construct_body("checklist", construct);
        let head = self.head(construct, &body);
        let (owner, within) = (self.value_of(&body, "owner"), self.within_of(&body));
        let mut items = Vec::new();
        for item in &body.rest {
            self.ticks(item, None, &mut items);
        }
        if items.is_empty() && construct.block.is_some() && !body.unread {
            let help = "write what is ticked off: `item tests \"All tests pass\" { run \"cargo test\" }`";
            self.missing(construct.head(), "this checklist has no items", help);
        } else if construct.block.is_none() {
            self.missing(construct.head(), "a checklist has a block", "write its items between `{` and `}`");
        }
        self.repeated_items(&items);
        Node::Checklist(Box::new(Checklist { head, owner, within, items }))
    }

    fn ticks(&mut self, item: &'a Item, group: Option<&'a Text>, items: &mut Vec<Tick>) {
        let ItemKind::Construct(construct) = &item.kind else { return };
        match construct.keyword {
            Keyword::Group => {
                if construct.title.is_none() {
                    self.missing(construct.head(), "a group has a title", "write `group \"Quality gates\" {`");
                }
                let body = self.construct_body("group", construct);
                for inner in &body.rest {
                    self.ticks(inner, construct.title.as_ref(), items);
                }
            }
            Keyword::Item => {
                let tick = self.tick(construct, group);
                items.push(tick);
            }
            _ => {}
        }
    }

    fn tick(&mut self, construct: &'a Construct, group: Option<&'a Text>) -> Tick {
        let id = self.id_of(construct);
        let body = self.construct_body("item", construct);
        let when = body.clause(|c| match c {
            ClauseKind::When(when) => Some(when),
            _ => None,
        });
        let count = self.locals.len();
        let looks = self.looks(&body.rest);
        self.locals.truncate(count);
        let by = self.by_of(&body);
        if let (Some(by), false) = (&by, looks.is_empty()) {
            let finding = Diagnostic::new(Code::Misplaced, by.span, "this item ticks itself");
            self.push(
                finding
                    .label("nobody is asked")
                    .help("keep what it looks at, or `by`; ask a person in an item of their own"),
            );
        }
        Tick {
            title: self.title_of(construct),
            group: group.map(|title| Box::new(self.text(title))),
            owner: self.value_of(&body, "owner"),
            when: when.map(|when| self.allowing(Allow::default(), |c| c.condition(when))),
            said: body.unread
                || !body.rest.is_empty()
                || body.clause(|c| matches!(c, ClauseKind::By(_)).then_some(())).is_some(),
            id,
            by,
            looks,
        }
    }

    /// An item is named by its checklist and its own name.
    fn repeated_items(&mut self, items: &[Tick]) {
        for (i, tick) in items.iter().enumerate() {
            let first = items[..i].iter().find(|other| other.id.text == tick.id.text && !tick.id.text.is_empty());
            if let Some(first) = first {
                let title = format!("the item `{}` is in this checklist twice", tick.id.text);
                let finding = Diagnostic::new(Code::DuplicateName, tick.id.span, title).label("again");
                self.push(finding.also(first.id.span, "first here").help("give one of them another name"));
            }
        }
    }

    /// A message or a title may name an answer.
    pub(super) fn answer(&mut self, name: &str) -> Option<Type> {
        let construct = self.names.construct(name)?;
        let quiet = self.diagnostics.len();
        let ty = self.answer_type(construct);
        self.diagnostics.truncate(quiet);
        Some(ty)
    }
}
