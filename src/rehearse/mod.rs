//! Rehearsals: what would happen, or would have happened, worked out by the engine itself in virtual time.

mod backtest;
mod cast;
mod chart;
mod coverage;
mod play;
mod stage;
mod sweep;
mod tested;
mod text;
mod track;
mod tuning;
mod verdict;

pub use backtest::{Backtest, Episode, GateTest, Incident, Past, Replayed, Skipped, Tested, backtest, replay_gates};
pub use coverage::{Coverage, Reached, possible};
pub use play::{Dates, Played, dates, play, play_by};
pub use stage::Stage;
pub use sweep::{
    Fate, Finding, FindingSort, Place, Sweep, Sweeper, Trouble, fate_in_words, faults_in_words, sweep_as_json,
    sweep_as_text,
};
pub use tested::{TestedFile, TestedScenario, as_junit, tests_as_json};
pub use text::{as_json, as_text};
pub use tuning::{Tuned, Tuning};
pub use verdict::{Unmet, moment};
