//! The calendar: windows, blackouts, rotas, and along whom a question is escalated.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Construct, Duty as DutyLine, ItemKind, Keyword};
use crate::value::{Expr, Type, Value};

use super::model::{Duty, Escalation, Typed, Window};
use super::{Checker, article};

impl<'a> Checker<'a> {
    /// `window` and `blackout`
    pub(super) fn window(&mut self, construct: &'a Construct) {
        let blackout = construct.keyword == Keyword::Blackout;
        let body = self.construct_body(construct.keyword.word(), construct);
        let window = Window {
            id: self.id_of(construct),
            title: self.title_of(construct),
            days: self.value_of(&body, "days"),
            from: self.value_of(&body, "from"),
            to: self.value_of(&body, "to"),
            timezone: self.value_of(&body, "timezone"),
            reason: self.value_of(&body, "reason"),
            blackout,
        };
        if (window.from.is_none() || window.to.is_none()) && !body.unread {
            let (title, help) = match blackout {
                true => ("a blackout has a beginning and an end", "write `from = 2025-11-24; to = 2025-12-01`"),
                false => ("a window has a beginning and an end", "write `from = 06:00; to = 12:00`"),
            };
            self.missing(construct.head(), title, help);
        }
        if let (true, Some(from), Some(to)) = (blackout, &window.from, &window.to) {
            self.backwards(from, to);
        }
        if let Some(days) = window.days.as_ref().filter(|d| d.expr.known_list().is_some_and(|list| list.is_empty())) {
            let finding = Diagnostic::new(Code::BadLiteral, days.span, "a window without a day never opens");
            self.push(
                finding.label("no days").help("write `days = [mon, tue, wed, thu]`, or leave it out for every day"),
            );
        }
        self.model.windows.push(window);
    }

    fn backwards(&mut self, from: &Typed, to: &Typed) {
        let backwards = match (&from.expr, &to.expr) {
            (Expr::Value(Value::Date(a)), Expr::Value(Value::Date(b))) => b < a,
            (Expr::Value(Value::Instant(a)), Expr::Value(Value::Instant(b))) => b <= a,
            (Expr::Value(Value::Local(a)), Expr::Value(Value::Local(b))) => b <= a,
            (Expr::Value(Value::Offset(a)), Expr::Value(Value::Offset(b))) => b <= a,
            _ => false,
        };
        if backwards {
            let finding = Diagnostic::new(Code::OffsetsBackwards, to.span, "this ends before it begins");
            self.push(
                finding.label("the end").also(from.span, "the beginning").help("exchange them, or mend the year"),
            );
        }
    }

    /// `escalation NAME { level … within D }`
    pub(super) fn escalation(&mut self, construct: &'a Construct) {
        let id = self.id_of(construct);
        let body = self.construct_body("escalation", construct);
        let mut levels = Vec::new();
        let count = body.rest.len();
        for (i, item) in body.rest.iter().enumerate() {
            let ItemKind::Level(people, within) = &item.kind else { continue };
            if within.is_none() && i + 1 < count {
                let finding = Diagnostic::new(
                    Code::Missing,
                    people.span,
                    "how long has this level before the next one is asked?",
                );
                self.push(
                    finding
                        .label("without a limit")
                        .help("write `level tech_lead within 15m`; only the last level has none"),
                );
            }
            if let Some(outcome) = within.as_ref().and_then(|w| w.otherwise.as_ref()) {
                let finding = Diagnostic::new(Code::Misplaced, outcome.span(), "`else` says nothing here");
                self.push(
                    finding
                        .label("does not belong here")
                        .help("what happens in the end stands where the question is asked"),
                );
            }
            let within = within.as_ref().and_then(|w| self.limit(w));
            if let Some(people) = self.people(people) {
                levels.push((people, within));
            }
        }
        if count == 0 && !body.unread {
            self.missing(construct.head(), "an escalation has levels", "write `level primary_oncall within 15m`");
        }
        self.model.escalations.push(Escalation { id, levels });
    }

    /// `duty "…" from … to …` and `away "…" from … to …`
    pub(super) fn duty(&mut self, line: &'a DutyLine) -> Duty {
        let person = self.text(&line.person);
        if let Expr::Value(Value::Text(name)) = &person.expr
            && Type::Email.read(name).is_err()
        {
            let finding = Diagnostic::new(Code::Mismatch, person.span, format!("`{name}` is no address"));
            self.push(
                finding.label("not an address").help("people are known by their address: `\"ana@acme.example\"`"),
            );
        }
        let from = self.day(&line.from);
        let to = self.day(&line.to);
        self.backwards(&from, &to);
        Duty { away: line.away, person, from, to }
    }

    /// A moment of a rota: relative to T+0, a date or an instant.
    fn day(&mut self, value: &'a crate::syntax::ast::Expr) -> Typed {
        let typed = self.typed(value, None);
        if matches!(typed.ty, Type::Offset | Type::Date | Type::Instant | Type::Any | Type::Error) {
            return typed;
        }
        let title = format!("a moment stands here, and this is {}", article(&typed.ty));
        let finding = Diagnostic::new(Code::Mismatch, value.span, title).label(article(&typed.ty));
        self.push(finding.help("write `T-1d`, `2025-11-24`, or an instant"));
        Typed { expr: Expr::Error, ty: Type::Error, span: value.span }
    }
}
