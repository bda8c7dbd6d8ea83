//! The only place where keyward reads a clock to decide by it.

use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::model::{Moment, Now};

/// Time since boot, counting on while the machine sleeps.
pub fn moment() -> Moment {
    let reading = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(reading.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(reading.tv_nsec).unwrap_or_default();
    Moment::from_boot(Duration::new(seconds, nanos))
}

/// The wall clock.
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// Both clocks.
pub fn now() -> Now {
    Now { mono: moment(), wall: wall() }
}
