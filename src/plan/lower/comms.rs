//! Messages by the clock or by a node.

use jiff::SignedDuration;

use crate::check::model::{self, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Announcement, ENDS, Message, Moment, Plan};
use crate::value::{Expr, Value, offset_text};

use super::Lowering;

impl<'m> Lowering<'m> {
    /// Those of the file and of its rollbacks, and the messages of the timeline that are sent `from` somewhere.
    pub(super) fn comms(&mut self, plan: &Plan) -> Vec<Announcement> {
        let model = self.model;
        let mut made: Vec<Announcement> = model.comms.iter().map(|told| self.announcement(told, None, plan)).collect();
        for rollback in &model.rollbacks {
            let index = plan.rollback(Some(&rollback.id.text)).map(|i| i as u32);
            made.extend(rollback.announcements.iter().map(|told| self.announcement(told, index, plan)));
        }
        for (head, notify) in std::mem::take(&mut self.beside) {
            let from = notify.from.as_ref().and_then(|from| self.moment(from, plan));
            let when = head.when.as_deref().map(|when| self.check(when));
            let messages = vec![self.message(notify)];
            made.push(Announcement { keeps: false, rollback: None, from, until: None, every: None, when, messages });
        }
        made.extend(model.channels.iter().filter_map(|channel| self.archive(channel, plan)));
        made
    }

    /// `archive = T+24h`: the room is put away then, if the run lasts so long.
    fn archive(&mut self, channel: &'m model::Channel, plan: &Plan) -> Option<Announcement> {
        let (_, written) = channel.settings.iter().find(|(name, _)| name == "archive")?;
        let Some(Value::Offset(at)) = self.value(written) else { return None };
        let schedule = crate::plan::schedule(plan);
        let nodes = plan.timeline().into_iter().map(|ix| schedule.of(ix));
        let end = nodes.filter_map(|node| Some(node.start? + node.takes.unwrap_or_default())).max();
        if end.is_some_and(|end| end < at) {
            let title =
                format!("the run is over before {}, and nobody is there who could archive the room", offset_text(at));
            let finding = Diagnostic::new(Code::BadLiteral, written.span, title).label("after the last node");
            self.push(finding.help(
                "let something of an `after` phase last until then, such as `hold for 1m` there `at` that moment",
            ));
        }
        let message = Message {
            channels: vec![channel.id.text.clone()],
            subject: None,
            text: Expr::text("the room is archived"),
            required: false,
            settings: vec![(ENDS.to_owned(), Expr::Value(Value::Bool(true)))],
        };
        let from = Some(Moment::Offset(at));
        Some(Announcement {
            keeps: true,
            rollback: None,
            from,
            until: None,
            every: None,
            when: None,
            messages: vec![message],
        })
    }

    /// How often something is said. What is known only now may be too often as well.
    pub(super) fn how_often(&mut self, every: &'m Typed) -> Option<SignedDuration> {
        let length = self.duration(every)?;
        if length < SignedDuration::from_secs(1) {
            let finding =
                Diagnostic::new(Code::BadLiteral, every.span, "nobody reads a message more often than every second");
            self.push(finding.label("too often").help("write `every 10m`"));
        }
        Some(length.max(SignedDuration::from_secs(1)))
    }

    fn announcement(&mut self, told: &'m model::Announcement, rollback: Option<u32>, plan: &Plan) -> Announcement {
        match told {
            model::Announcement::Once { moment, when, notify } => Announcement {
                keeps: false,
                rollback,
                from: moment.as_ref().and_then(|m| self.moment(m, plan)),
                until: None,
                every: None,
                when: when.as_ref().map(|w| self.check(w)),
                messages: vec![self.message(notify)],
            },
            model::Announcement::Every { every, from, until, when, notifies } => Announcement {
                keeps: false,
                rollback,
                from: from.as_ref().and_then(|m| self.moment(m, plan)),
                until: until.as_ref().and_then(|m| self.moment(m, plan)),
                every: self.how_often(every),
                when: when.as_ref().map(|w| self.check(w)),
                messages: notifies.iter().map(|n| self.message(n)).collect(),
            },
        }
    }
}
