//! Holds: waiting, while something must stay true.

use crate::engine::event::{Failure, FailureSort, Slot, Truth};
use crate::engine::state::HoldState;
use crate::plan::Hold;
use crate::value::duration_text;

use super::{Context, Events};

impl<'a> Context<'a> {
    /// A hold fails as soon as a check was bad too often; at its end every check must have been seen to be true. No data
    /// is never a pass: a check whose newest sample had none leaves the hold undecided.
    pub(super) fn settle_hold(self, slot: Slot, hold: &'a Hold, state: &HoldState) -> Events {
        for (i, check) in hold.checks.iter().enumerate() {
            let Some(seen) = state.checks.get(&(i as u32)) else { continue };
            let bad = if hold.fail_after.in_a_row { seen.bad_in_row } else { seen.bad };
            if bad >= hold.fail_after.times {
                let row = if hold.fail_after.in_a_row { " in a row" } else { "" };
                let text = format!("`{}` was false {bad} times{row}: {}", check.text, self.values(&check.expr));
                return vec![self.end_action(slot, Some(Failure::new(FailureSort::Failed, text)), "")];
            }
        }
        // It lasts until each metric has been seen once, and does not end on a false sample: the next ones say whether
        // it was one. A sample always comes to an end.
        let decided = |i: u32| state.checks.get(&i).is_some_and(|c| c.truth != Truth::False);
        if self.now < state.until || !(0..hold.checks.len() as u32).all(decided) {
            return Vec::new();
        }
        let held = duration_text(state.until.duration_since(state.since));
        for (i, check) in hold.checks.iter().enumerate() {
            let newest = state.checks.get(&(i as u32)).map(|c| c.truth);
            let text = match newest {
                Some(Truth::True | Truth::False) => continue,
                Some(Truth::NoData | Truth::Error) | None => {
                    format!("`{}` had no data at the end: {}", check.text, self.values(&check.expr))
                }
            };
            return vec![self.end_action(slot, Some(Failure::new(FailureSort::Inconclusive, text)), "")];
        }
        vec![self.end_action(slot, None, format!("held for {held}"))]
    }
}
