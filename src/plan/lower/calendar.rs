//! Windows and blackouts.

use jiff::civil::Time;

use crate::check::model::{self, Typed};
use crate::plan::{Blackout, When, Window};
use crate::source::Span;
use crate::value::Value;

use super::Lowering;

impl<'m> Lowering<'m> {
    /// The windows of a phase.
    pub(super) fn windows(&mut self, named: &'m [(String, Span)]) -> Vec<Window> {
        let model = self.model;
        let found = named.iter().filter_map(|(name, _)| model.windows.iter().find(|w| w.id.text == *name));
        found.map(|window| self.window(window)).collect()
    }

    fn window(&mut self, window: &'m model::Window) -> Window {
        Window {
            id: window.id.text.clone(),
            days: self.texts(window.days.as_ref()),
            from: self.time(window.from.as_ref()),
            to: self.time(window.to.as_ref()),
            timezone: match &window.timezone {
                Some(zone) => self.zone_name(zone),
                None => self.zone.clone(),
            },
        }
    }

    fn time(&mut self, typed: Option<&'m Typed>) -> Option<Time> {
        match self.value(typed?)? {
            Value::Time(time) => Some(time),
            _ => None,
        }
    }

    pub(super) fn blackouts(&mut self) -> Vec<Blackout> {
        let model = self.model;
        let mut made = Vec::new();
        for blackout in model.windows.iter().filter(|w| w.blackout) {
            let before = self.zone.clone();
            if let Some(zone) = &blackout.timezone {
                self.zone = self.zone_name(zone);
            }
            let from = blackout.from.as_ref().and_then(|from| self.day(from, false));
            let to = blackout.to.as_ref().and_then(|to| self.day(to, true));
            self.zone = before;
            if let (Some(When::At(from)), Some(When::At(to))) = (from, to) {
                let id = blackout.id.text.clone();
                made.push(Blackout { title: self.title(blackout.title.as_ref(), &id), id, from, to });
            }
        }
        made
    }
}
