//! Rehearsals: what would happen, or would have happened, worked out by the engine itself in virtual time.

mod backtest;
mod chart;
mod text;
mod tuning;

pub use backtest::{Backtest, Episode, GateTest, Incident, Past, Replayed, Skipped, Tested, backtest, replay_gates};
pub use text::{as_json, as_text};
pub use tuning::{Tuned, Tuning};
