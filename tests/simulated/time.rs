//! Time in the simulated world: whole milliseconds since it began, and the two clocks of the daemon's machine.

use std::time::Duration;

use jiff::Timestamp;
use keyward::model::{Moment, Now};

/// Milliseconds, since the world began or as a span.
pub type Ms = u64;

/// The steady clock had been running for this long when the world began.
const BOOTED: Ms = 1_000_000;
/// The wall clock when the world began.
const START: i64 = 1_795_500_000_000;

/// What the steady clock shows at `t`.
pub fn moment(t: Ms) -> Moment {
    Moment::from_boot(Duration::from_millis(BOOTED + t))
}

/// Both clocks at `t`, with the wall clock `shift` milliseconds off.
pub fn now(t: Ms, shift: i64) -> Now {
    Now { mono: moment(t), wall: wall(t, shift) }
}

/// What a wall clock that is `shift` milliseconds off shows at `t`.
pub fn wall(t: Ms, shift: i64) -> Timestamp {
    Timestamp::from_millisecond(START + t as i64 + shift).unwrap_or_default()
}

/// A span as the judge takes it.
pub fn span(ms: Ms) -> Duration {
    Duration::from_millis(ms)
}

/// A span as the world takes it.
pub fn ms(span: Duration) -> Ms {
    span.as_millis() as Ms
}
