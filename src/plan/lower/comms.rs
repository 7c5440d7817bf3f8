//! Messages by the clock or by a node.

use jiff::SignedDuration;

use crate::check::model::{self, Typed};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Announcement, Plan};

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
            made.push(Announcement { rollback: None, from, until: None, every: None, when, messages });
        }
        made
    }

    /// How often something is said. What is known only now may be too often as well.
    fn how_often(&mut self, every: &'m Typed) -> Option<SignedDuration> {
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
                rollback,
                from: moment.as_ref().and_then(|m| self.moment(m, plan)),
                until: None,
                every: None,
                when: when.as_ref().map(|w| self.check(w)),
                messages: vec![self.message(notify)],
            },
            model::Announcement::Every { every, from, until, when, notifies } => Announcement {
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
