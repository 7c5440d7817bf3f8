//! The drivers: they compare what the engine wants with what is in flight, start what is missing and cancel what is no
//! longer wanted.

mod live;

pub use live::{Clock, Driver, DriveError, Signal, Watch};
