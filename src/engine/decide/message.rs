//! Messages: queued with their words, sent in the background.

use crate::engine::event::{Doing, EventKind, Failure, FailureSort, Slot};
use crate::engine::scene::{Happening, Scene};
use crate::plan::Message;
use crate::value::{Expr, Value, evaluate};

use super::{Context, Events};

impl<'a> Context<'a> {
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
        let words = |expr: &Expr| match evaluate(expr, scene) {
            Ok(value) => value.to_string(),
            // A message says what it can; what has no value is said to have none.
            Err(_) => loose(expr, scene),
        };
        let mut events = Vec::new();
        for channel in &message.channels {
            let settings = message.settings.iter().map(|(name, expr)| {
                (name.clone(), evaluate(expr, scene).unwrap_or_else(|_| Value::Text(loose(expr, scene))))
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

/// A string in which what has no value is written as that.
fn loose(expr: &Expr, scene: &Scene<'_>) -> String {
    use crate::value::Part;
    match expr {
        Expr::Template(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Value(inner) => evaluate(inner, scene).map_or_else(|_| "unknown".into(), |v| v.to_string()),
            })
            .collect(),
        _ => "unknown".into(),
    }
}
