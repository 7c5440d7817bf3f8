//! Messages: queued with their words, sent in the background.

use jiff::{SignedDuration, Timestamp};

use crate::engine::event::{Doing, Ending, EventKind, Failure, FailureSort, Slot};
use crate::engine::scene::{Happening, Scene};
use crate::engine::state::{Mode, Run};
use crate::plan::{ChannelKind, ENDS, Message};
use crate::value::{Expr, Part, Value, duration_text, evaluate, in_lines};

use super::{Context, Events};

/// So long what is still to be said may hold up the end of a run.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether a service knows a message that it has had before, so that it may be sent again: by its key, or because it can
/// be asked.
fn knows_again(kind: ChannelKind) -> bool {
    match kind {
        ChannelKind::Console | ChannelKind::Webhook | ChannelKind::Email => true,
        ChannelKind::Pagerduty | ChannelKind::Statuspage => true,
        ChannelKind::Slack | ChannelKind::Teams | ChannelKind::Discord => false,
    }
}

/// Until when a run that has come to its end waits for a message.
fn patience_with(run: &Run, key: u32) -> Option<Timestamp> {
    let since = run.ending_since.filter(|_| matches!(run.mode, Mode::Ending(..)))?;
    run.messages[key as usize].at.max(since).checked_add(PATIENCE).ok()
}

/// When it gives up the first of what is still to be said.
pub(crate) fn patience(run: &Run) -> Option<Timestamp> {
    run.next_messages().filter_map(|key| patience_with(run, key)).min()
}

impl<'a> Context<'a> {
    /// Each channel's next message is about to be sent; one of which nobody knows whether it was, only if that cannot be
    /// seen twice.
    pub(super) fn settle_messages(self) -> Events {
        for key in self.run.next_messages() {
            let message = &self.run.messages[key as usize];
            if patience_with(self.run, key).is_some_and(|end| self.now >= end) {
                let why = format!("not sent within {} of the end of the run", duration_text(PATIENCE));
                return vec![EventKind::MessageFailed { key, why, unreachable: false }];
            }
            if !message.sending {
                return vec![EventKind::MessageSending { key }];
            }
            let kind = self.plan.channels.iter().find(|c| c.id == message.channel).map(|c| c.kind);
            if message.in_doubt && message.slot.is_none() && !kind.is_none_or(knows_again) {
                let why =
                    "the process ended while it was on its way: it may have arrived, and is not sent twice".into();
                return vec![EventKind::MessageFailed { key, why, unreachable: false }];
            }
        }
        Vec::new()
    }

    /// A message as an action of a node: it delays nothing, unless it is required.
    pub(super) fn start_message(self, slot: Slot, message: &'a Message) -> Events {
        let mut key = self.run.messages.len() as u32;
        let mut events = vec![EventKind::ActionStarted { slot, doing: Doing::Message }];
        let owner = message.required.then_some(slot);
        events.extend(self.queue(message, owner, &Scene::new(self.plan, self.run, self.now), &mut key));
        if !message.required {
            events.push(self.end_action(slot, None, "being sent"));
        }
        events
    }

    /// A required message: its node goes on when it is sent, and fails if it is not.
    pub(super) fn settle_message(self, slot: Slot) -> Events {
        let own: Vec<_> = self.run.messages.iter().filter(|m| m.slot == Some(slot)).collect();
        if let Some((message, why)) = own.iter().find_map(|m| match &m.sent {
            Some(Err(why)) => Some((m, why)),
            _ => None,
        }) {
            let text = format!("the message to `{}` could not be sent: {why}", message.channel);
            return vec![self.end_action(slot, Some(Failure::new(FailureSort::Failed, text)), "")];
        }
        if own.iter().all(|m| m.sent.is_some()) { vec![self.end_action(slot, None, "sent")] } else { Vec::new() }
    }

    /// One message for each channel.
    pub(super) fn queue(self, message: &'a Message, slot: Option<Slot>, scene: &Scene<'_>, key: &mut u32) -> Events {
        let words = |expr: &Expr| composed(expr, scene);
        let mut events = Vec::new();
        for channel in &message.channels {
            let settings = message.settings.iter().map(|(name, expr)| {
                let value = evaluate(expr, scene).unwrap_or_else(|_| Value::Text(composed(expr, scene)));
                // A moment of the plan is an instant to whoever reads it.
                let instant = |at: SignedDuration| self.moment(at).map(Value::Instant);
                let value = match value {
                    Value::Offset(at) => instant(at).unwrap_or(Value::Offset(at)),
                    other => other,
                };
                (name.clone(), value)
            });
            events.push(EventKind::MessageQueued {
                key: *key,
                channel: channel.clone(),
                subject: message.subject.as_ref().map(words),
                text: words(&message.text),
                settings: settings.collect(),
                slot,
            });
            *key += 1;
        }
        events
    }

    /// The end of the alerts that a run has raised, if it has ended well: the last that is said.
    pub(super) fn end_alerts(self, ending: Ending) -> Events {
        let well = matches!(ending, Ending::Completed | Ending::CompletedWithReservations | Ending::RolledBack);
        let mut events = Vec::new();
        for channel in self.plan.channels.iter().filter(|c| well && c.kind == ChannelKind::Pagerduty) {
            let mut own = self.run.messages.iter().filter(|m| m.channel == channel.id);
            if own.next_back().is_some_and(|last| !last.settings.iter().any(|(name, _)| name == ENDS)) {
                events.push(EventKind::MessageQueued {
                    key: (self.run.messages.len() + events.len()) as u32,
                    channel: channel.id.clone(),
                    subject: None,
                    text: format!("resolved: {}", ending.words()),
                    settings: vec![(ENDS.to_owned(), Value::Bool(true))],
                    slot: None,
                });
            }
        }
        events
    }

    /// Events, and the messages of the `on` block that answers them.
    pub(super) fn with_handler(self, events: Events, handler: &str, happening: Happening) -> Events {
        self.with_handlers_of(events, handler, Some(&happening))
    }

    pub(super) fn with_handlers_of(self, mut events: Events, handler: &str, happening: Option<&Happening>) -> Events {
        let mut key = self.run.messages.len() as u32;
        let scene = Scene { happening, ..Scene::new(self.plan, self.run, self.now) };
        for found in self.plan.handlers.iter().filter(|h| h.event == handler) {
            for message in &found.messages {
                events.extend(self.queue(message, None, &scene, &mut key));
            }
        }
        events
    }
}

/// The words of a message. It says what it can: what has no value is said to have none. A list begins on a line of its own.
fn composed(expr: &Expr, scene: &Scene<'_>) -> String {
    let worth = |expr: &Expr| evaluate(expr, scene).unwrap_or_else(|_| Value::Text("unknown".into()));
    let Expr::Template(parts) = expr else { return worth(expr).to_string() };
    in_lines(parts.iter().map(|part| match part {
        Part::Text(text) => Value::Text(text.clone()),
        Part::Value(inner) => worth(inner),
    }))
}
