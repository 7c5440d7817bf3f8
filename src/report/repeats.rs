//! Attempts that say the same again and again, told less and less often.

use std::collections::HashMap;

use crate::engine::{Checked, Event, EventKind, Slot};

/// What the last attempt of each gate said.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: HashMap<Slot, Vec<Checked>>,
}

impl Repeats {
    /// Whether the event says something new. Of attempts with the same result the 1st, 2nd, 4th, 8th … are told; what
    /// is left out is in the record and in the JSON lines.
    pub(super) fn is_news(&mut self, event: &Event) -> bool {
        let EventKind::AttemptJudged { slot, attempt, checks, .. } = &event.kind else { return true };
        let before = self.last.insert(*slot, checks.clone());
        before.as_ref() != Some(checks) || attempt.is_power_of_two()
    }
}
