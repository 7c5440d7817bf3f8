//! The drivers: they compare what the engine wants with what is in flight, start what is missing and cancel what is no
//! longer wanted.
#![allow(clippy::disallowed_methods, reason = "the driver reads the clock and waits")]

mod live;
pub mod virtual_time;

pub use live::{Clock, DriveError, Driver, Signal, Watch};
