//! What triggers have found and is not over: the channels of its severity hear how it stands.

use jiff::{SignedDuration, Timestamp};

use crate::engine::event::EventKind;
use crate::engine::scene::Scene;
use crate::engine::state::{Incident, Mode, Run};
use crate::plan::{Message, Outcome, Plan, Severity};
use crate::value::{Expr, duration_text};

use super::{Context, Events};

/// When the channels of an incident's severity hear of it next.
pub(crate) fn next_update(plan: &Plan, run: &Run, trigger: u32, incident: &Incident) -> Option<Timestamp> {
    if !matches!(run.mode, Mode::Forward | Mode::Paused(_) | Mode::Back) {
        return None;
    }
    // What was fired by hand and changes nothing is told once: nobody could say that it is over.
    let found = &plan.triggers[trigger as usize];
    if found.condition().is_none() && found.outcome == Outcome::Continue {
        return None;
    }
    let severity = plan.severity_of(trigger).filter(|s| !s.notify.is_empty())?;
    let turns = i32::try_from(incident.updates + 1).ok()?;
    incident.since.checked_add(severity.update_every?.checked_mul(turns)?).ok()
}

impl Context<'_> {
    /// Says of the first that is due how it stands.
    pub(super) fn settle_incidents(self) -> Events {
        for (trigger, incident) in &self.run.incidents {
            let due = next_update(self.plan, self.run, *trigger, incident);
            if let (Some(severity), true) = (self.plan.severity_of(*trigger), due.is_some_and(|due| due <= self.now)) {
                return self.update(*trigger, incident, severity);
            }
        }
        Vec::new()
    }

    fn update(self, trigger: u32, incident: &Incident, severity: &Severity) -> Events {
        let lasts = self.now.duration_since(incident.since);
        // Of what was missed only the newest is said.
        let every = severity.update_every.unwrap_or(SignedDuration::MAX).as_millis().max(1);
        let turn = (lasts.as_millis() / every).max(1) as u64;
        let scene = Scene::new(self.plan, self.run, self.now);
        let id = &self.plan.triggers[trigger as usize].id;
        let stands = match &self.run.mode {
            Mode::Back => {
                let undone = self.run.back.as_ref().map_or(0, |back| back.undone.len());
                format!("rolling back, {undone} undone so far")
            }
            Mode::Paused(pause) => format!("paused: {}", pause.reason),
            _ => {
                let (done, all) = self.run.progress(self.plan);
                format!("the release goes on, {done} of {all} done")
            }
        };
        let leads = Some(scene.commander()).filter(|who| !who.is_empty());
        let leads = leads.map(|who| format!("\nin command: {who}")).unwrap_or_default();
        let lasts = duration_text(SignedDuration::from_secs(lasts.as_secs()));
        let text = format!("[{}] {id}, for {lasts} now: {stands}\n{}{leads}", severity.id, incident.reason);
        let (channels, text) = (severity.notify.clone(), Expr::text(text));
        let message = Message { channels, subject: None, text, required: false, settings: Vec::new() };
        let mut key = self.run.messages.len() as u32;
        let mut events = vec![EventKind::IncidentUpdated { trigger, turn }];
        events.extend(self.queue(&message, None, &scene, &mut key));
        events
    }
}
