//! The drivers: they compare what the engine wants with what is in flight, start what is missing and cancel what is no
//! longer wanted.
#![allow(clippy::disallowed_methods, reason = "the driver reads the clock and waits")]

mod clock;
mod live;
pub mod virtual_time;

pub use clock::Clock;
pub use live::{DriveError, Driver, Signal, Watch};
