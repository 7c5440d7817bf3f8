//! Who is told what, when and through what.

use jiff::SignedDuration;

use crate::plan::{Action, ActionKind, Announcement, AskSort, Lane, Message, Moment, NodeIx, NodeKind, People};
use crate::value::{duration_text, plain_text};

use super::super::words::moment_text;
use super::{Page, md};

/// A row, and where it stands in the order of time.
struct Row {
    at: Option<SignedDuration>,
    cells: Vec<String>,
}

impl Page<'_> {
    pub(super) fn comms(&mut self) {
        self.head("who is told what");
        let plan = self.plan;
        let channels: Vec<Vec<String>> =
            plan.channels.iter().map(|c| vec![md(&c.id), md(&c.title), md(c.kind.word())]).collect();
        self.line("## Channels");
        self.line("");
        self.table(&["Channel", "For", "Kind"], &channels);
        let mut rows: Vec<Row> = Vec::new();
        for told in plan.comms.iter().filter(|told| told.rollback.is_none()) {
            rows.extend(self.announced(told));
        }
        for ix in plan.timeline() {
            rows.extend(self.of_node(ix));
        }
        // What has a moment comes in its order, what has none behind it.
        rows.sort_by_key(|row| (row.at.is_none(), row.at));
        let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.cells).collect();
        self.line("## By the clock and by the timeline");
        self.line("");
        self.table(&["When", "Through", "What"], &rows);
        let mut events = Vec::new();
        for handler in &plan.handlers {
            events.extend(handler.messages.iter().map(|m| self.row(&format!("on {}", handler.event), m)));
        }
        for (i, trigger) in plan.triggers.iter().enumerate() {
            let when = format!("when `{}` fires", trigger.id);
            events.extend(trigger.messages.iter().map(|m| self.row(&when, m)));
            let severity = plan.severity_of(i as u32).filter(|s| !s.notify.is_empty());
            if let Some((severity, every)) = severity.and_then(|s| Some((s, s.update_every?))) {
                let when = format!("every {} while `{}` lasts", duration_text(every), trigger.id);
                let through: Vec<String> = severity.notify.iter().map(|id| self.channel(id)).collect();
                events.push(vec![md(&when), md(&through.join(", ")), md("how it stands")]);
            }
        }
        for rollback in &plan.rollbacks {
            let when = if rollback.id.is_empty() { "in a rollback".into() } else { format!("in `{}`", rollback.id) };
            for ix in &rollback.nodes {
                events.extend(self.of_event(*ix, &when));
            }
            if let Some(after) = rollback.after {
                events.extend(self.of_event(after, "after a rollback"));
            }
        }
        for response in &plan.responses {
            events.extend(self.of_event(response.node, &format!("in the response `{}`", response.id)));
        }
        let backwards = plan.comms.iter().filter(|told| told.rollback.is_some());
        events.extend(backwards.flat_map(|told| self.announced(told)).map(|row| row.cells));
        if !events.is_empty() {
            self.line("## When something happens");
            self.line("");
            self.table(&["When", "Through", "What"], &events);
        }
    }

    fn row(&self, when: &str, message: &Message) -> Vec<String> {
        let through: Vec<String> = message.channels.iter().map(|id| self.channel(id)).collect();
        let text = plain_text(&message.text);
        let what = match &message.subject {
            Some(subject) => format!("**{}**<br>{}", md(&plain_text(subject)), md(&text)),
            None => md(&text),
        };
        vec![md(when), md(&through.join(", ")), what]
    }

    fn announced(&self, told: &Announcement) -> Vec<Row> {
        let at = match &told.from {
            Some(Moment::Offset(offset)) => Some(*offset),
            Some(Moment::Start(nodes)) => nodes.first().and_then(|ix| self.expected(*ix)),
            _ => None,
        };
        let moment = |m: &Moment| match m {
            Moment::Offset(offset) => self.when(*offset),
            other => moment_text(self.plan, other),
        };
        let from = told.from.as_ref().map(moment);
        let mut when = match (told.every, from) {
            (None, from) => from.unwrap_or_default(),
            (Some(every), from) => {
                let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
                format!("every {}{from}", duration_text(every))
            }
        };
        if let Some(until) = &told.until {
            when.push_str(&format!(" until {}", moment(until)));
        }
        if told.rollback.is_some() {
            when.push_str(" of a rollback");
        }
        if let Some(only) = &told.when {
            when.push_str(&format!(", if {}", only.text));
        }
        told.messages.iter().map(|message| Row { at, cells: self.row(&when, message) }).collect()
    }

    /// What is said and asked by a node that comes when something has happened, and by what is in it.
    fn of_event(&self, ix: NodeIx, when: &str) -> Vec<Vec<String>> {
        let inside = (0..self.plan.nodes.len() as u32).map(NodeIx).filter(|inner| self.plan.is_within(*inner, ix));
        let rows = inside.flat_map(|inner| self.of_node(inner));
        rows.map(|row| std::iter::once(md(when)).chain(row.cells.into_iter().skip(1)).collect()).collect()
    }

    /// The messages of a node, and whom it asks.
    fn of_node(&self, ix: NodeIx) -> Vec<Row> {
        let node = self.plan.node(ix);
        let at = self.expected(ix);
        let about = match (at, node.lane) {
            (Some(at), Lane::Live) => format!("{} (about)", self.when(at)),
            (Some(at), _) => self.when(at),
            (None, _) => format!("at `{}`", node.id),
        };
        let mut rows = Vec::new();
        let mut asked = |people: Vec<&People>, what: String| {
            let mut through: Vec<String> = Vec::new();
            let mut whom: Vec<String> = Vec::new();
            for people in people {
                let titles = self.plan.titles(people);
                if !whom.contains(&titles) {
                    whom.push(titles);
                }
                let roles = people.persons.iter().filter_map(|p| self.plan.roles.iter().find(|r| r.id == p.role));
                for channel in roles.flat_map(|r| &r.reach).map(|id| self.channel(id)) {
                    if !through.contains(&channel) {
                        through.push(channel);
                    }
                }
            }
            let through = if through.is_empty() { "the terminal".to_owned() } else { through.join(", ") };
            let what = format!("{} asked: {}", md(&whom.join(", ")), md(&what));
            rows.push(Row { at, cells: vec![md(&about), md(&through), what] });
        };
        match &node.kind {
            NodeKind::Work(work) => {
                for action in &work.actions {
                    match &action.kind {
                        ActionKind::Ask(ask) if ask.sort != AskSort::Tick => {
                            asked(vec![&ask.people], node.title.clone());
                        }
                        _ => {}
                    }
                }
                rows.extend(messages(&work.actions).map(|m| Row { at, cells: self.row(&about, m) }));
            }
            NodeKind::Parallel { lanes, checklist: true, .. } => {
                let asks: Vec<&People> = lanes.iter().filter_map(|lane| ask_of(self.plan, *lane)).collect();
                if !asks.is_empty() {
                    asked(asks, format!("the checklist {}", node.title));
                }
            }
            _ => {}
        }
        rows
    }
}

fn messages(actions: &[Action]) -> impl Iterator<Item = &Message> {
    actions.iter().filter_map(|action| match &action.kind {
        ActionKind::Notify(message) => Some(message),
        _ => None,
    })
}

/// Who ticks an item; nothing of one that ticks itself.
pub(super) fn ask_of(plan: &crate::plan::Plan, ix: NodeIx) -> Option<&People> {
    plan.node(ix).work()?.actions.iter().find_map(|action| match &action.kind {
        ActionKind::Ask(ask) => Some(&ask.people),
        _ => None,
    })
}
