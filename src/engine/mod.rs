//! The heart: a pure engine. It decides and never does.
//!
//! ```text
//! decide(&Plan, &Run, &Input, now) -> Vec<Event>    what an input means
//! apply(&mut Run, &Event)                           the state is the fold of its events, and of nothing else
//! wanted(&Plan, &Run, now) -> Wanted                which effects should be in flight now, and when to look again
//! ```
//!
//! A driver compares what is wanted with what is in flight, starts what is missing and cancels what is no longer
//! wanted. Nothing here reads a clock, a file or the environment, starts a process or waits.

mod amend;
mod apply;
mod asked;
mod decide;
mod doing;
mod effect;
mod event;
mod hear;
mod line;
mod say;
mod scene;
pub mod span;
pub mod state;
mod wanted;
mod watched;
mod work;

pub use amend::amendment;
pub use apply::apply;
pub use asked::{ask_of, whom};
pub use decide::decide;
pub use effect::{Done, Effect, EffectId, Input, Live, Outgoing, SPARSE, SampleProblem, Unsent, Wanted, Wish};
pub use event::{
    ActionResult, Captured, Checked, Doing, Doubt, Ended, Ending, Event, EventKind, FORMAT, Failure, FailureSort,
    Judged, Part, Receipt, Sample, Slot, Truth, Watcher, Who, seen,
};
pub use say::{Answer, Inquiry, Say};
pub use state::Run;
pub use wanted::{deadline, group_deadline, wanted};
pub use work::{effect, judge_now, look_at};

use jiff::Timestamp;

use crate::plan::Plan;

/// Tells the engine something and lets it go on until it waits: all events of that, in order, already applied. They belong
/// together: a driver writes them down at once, before it starts any effect.
pub fn advance(plan: &Plan, run: &mut Run, input: Input, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    let mut next = decide(plan, run, &input, now);
    // Each round says something new of a node; a fault of ours must not fill the memory.
    let most = 10_000 + 20 * plan.nodes.len();
    for _ in 0..most {
        if next.is_empty() {
            break;
        }
        for event in &next {
            apply(run, event);
        }
        events.append(&mut next);
        next = decide(plan, run, &Input::Tick, now);
    }
    events
}

/// The state after some events, from the beginning. `plan` is the one with which the run began.
pub fn replay<'e>(plan: &Plan, events: impl IntoIterator<Item = &'e Event>) -> Run {
    let mut run = Run::new(plan);
    for event in events {
        apply(&mut run, event);
    }
    run
}
