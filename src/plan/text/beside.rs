//! What stands beside the timeline: responses, messages by the clock, blackouts, what is left to do after a way back.

use crate::paint::pad;
use crate::plan::{Announcement, Duty, NodeIx, When};
use crate::source::one_line;
use crate::value::{duration_text, offset_text};

use super::Printer;
use super::words::*;

impl Printer<'_> {
    /// What runs when a trigger, a question or a failure calls it: its commands are run like any other.
    pub(super) fn responses(&mut self) {
        for response in self.plan.responses.clone() {
            let node = self.plan.node(response.node);
            let title = if node.title == node.id { String::new() } else { format!(": {}", one_line(&node.title)) };
            self.heading(&format!("Response `{}`{title}, beside the timeline when it is called", response.id));
            if let Some(limit) = node.group_limit() {
                self.row("limit", &limit_text(limit));
            }
            self.beside(response.node);
        }
    }

    /// The nodes of a group that is no phase of the timeline.
    pub(super) fn beside(&mut self, group: NodeIx) {
        for child in self.plan.node(group).children().unwrap_or_default() {
            self.node(*child, 1);
        }
    }

    pub(super) fn blackouts(&mut self) {
        for blackout in &self.plan.blackouts.clone() {
            let moment = |at| crate::plan::moment::local_text(at, &self.zone);
            let text = format!(
                "no live node starts in `{}` {}: from {} to {}",
                blackout.id,
                one_line(&blackout.title),
                moment(blackout.from),
                moment(blackout.to)
            );
            self.line("  ", &text);
        }
    }

    /// Messages by the clock or by a node.
    pub(super) fn comms(&mut self) {
        let plan = self.plan;
        let rows: Vec<(String, String)> = plan
            .comms
            .iter()
            .flat_map(|told| told.messages.iter().map(|m| (self.told_when(told), whole_message(m))))
            .collect();
        if rows.is_empty() {
            return;
        }
        self.heading("Messages beside the timeline");
        for (when, text) in rows {
            self.line(&format!("  {}  ", pad(&when, 28)), &text);
        }
    }

    fn told_when(&self, told: &Announcement) -> String {
        let moment = |m: &crate::plan::Moment| moment_text(self.plan, m);
        let from = told.from.as_ref().map(moment);
        let when = match (told.every, from) {
            (None, from) => from.unwrap_or_default(),
            (Some(every), from) => {
                let from = from.map(|f| format!(" from {f}")).unwrap_or_default();
                let until = told.until.as_ref().map(|u| format!(" until {}", moment(u))).unwrap_or_default();
                format!("every {}{from}{until}", duration_text(every))
            }
        };
        let back = told.rollback.map(|i| {
            let id = &self.plan.rollbacks[i as usize].id;
            if id.is_empty() { " of the way back".to_owned() } else { format!(" of `{id}`") }
        });
        let only = told.when.as_ref().map(|w| format!(" when {}", one_line(&w.text))).unwrap_or_default();
        format!("{when}{}{only}", back.unwrap_or_default())
    }

    /// When somebody is on duty, or away.
    pub(super) fn duty_text(&self, duty: &Duty) -> String {
        let moment = |when: &When| match when {
            When::At(at) => crate::plan::moment::local_text(*at, &self.zone),
            When::Offset(offset) => offset_text(*offset),
        };
        let word = if duty.away { " is away" } else { "" };
        format!("{}{word} from {} to {}", duty.person, moment(&duty.from), moment(&duty.to))
    }
}
