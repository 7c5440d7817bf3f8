//! The clock of a process.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};

/// A clock that is behind the record by no more than this is as good as right.
const BEHIND: SignedDuration = SignedDuration::from_secs(2);

/// The clock of a process: the time of day when it began, and what has passed since. It runs evenly, also while the
/// machine sleeps, and whoever sets the machine's clock meanwhile makes no limit and no wait shorter or longer.
#[derive(Debug)]
pub struct Clock {
    began: Timestamp,
    running: SignedDuration,
    speed: i32,
}

impl Default for Clock {
    fn default() -> Self {
        match INJECTED.get() {
            Some((began, running, speed)) => Clock { began: *began, running: *running, speed: *speed },
            None => Clock { began: Timestamp::now(), running: uptime(), speed: 1 },
        }
    }
}

/// The clock that a test has injected: its moment, the uptime of that, its speed.
static INJECTED: OnceLock<(Timestamp, SignedDuration, i32)> = OnceLock::new();

/// How long the machine has been up, its sleep included, by clock_gettime(2).
fn uptime() -> SignedDuration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(id);
    SignedDuration::new(time.tv_sec, time.tv_nsec as i32)
}

impl Clock {
    /// A clock that goes on from a moment, if the machine's is behind it: it was set back, or begins anew after a flat
    /// battery. Says by how much.
    pub fn not_before(moment: Timestamp) -> (Self, Option<SignedDuration>) {
        let clock = Clock::default();
        let behind = moment.duration_since(clock.now());
        match behind > BEHIND {
            true => (Clock { began: moment, running: uptime(), ..clock }, Some(behind)),
            false => (clock, None),
        }
    }

    /// The present moment, to the millisecond.
    pub fn now(&self) -> Timestamp {
        let passed = (uptime() - self.running).saturating_mul(self.speed);
        let now = self.began.saturating_add(passed).unwrap_or(self.began);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// How long one has to wait until so much of its time has passed.
    pub(super) fn real(&self, length: SignedDuration) -> SignedDuration {
        length / self.speed
    }

    /// For tests: all clocks of this process begin now at a moment and run so many times as fast. Says whether no other
    /// was injected before.
    pub fn inject(moment: Timestamp, speed: i32) -> bool {
        INJECTED.set((moment, uptime(), speed.max(1))).is_ok()
    }
}
