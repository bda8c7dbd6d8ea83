//! Points in time as plain values. Nothing here reads a clock: `daemon::clock` does.

use std::ops::Add;
use std::time::Duration;

use jiff::Timestamp;

/// A point on the clock that never jumps and keeps counting while the machine sleeps: time since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `since_boot` after the machine started.
    pub const fn from_boot(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// Time that passed between `earlier` and this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment, moved back by `span`; never before boot.
    pub fn back(self, span: Duration) -> Moment {
        Moment(self.0.saturating_sub(span))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(span))
    }
}

/// One reading of both clocks: `mono` decides, `wall` is for people and for what outlives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since boot, including sleep.
    pub mono: Moment,
    /// Coordinated universal time as the machine believes it to be.
    pub wall: Timestamp,
}

impl Now {
    /// How long ago `stamp` was by the wall clock; zero when it lies in the future.
    pub fn age_of(self, stamp: Timestamp) -> Duration {
        Duration::try_from(self.wall.duration_since(stamp)).unwrap_or_default()
    }

    /// The wall-clock time at which `moment` was or will be.
    pub fn wall_at(self, moment: Moment) -> Timestamp {
        let shifted = if moment >= self.mono {
            self.wall.checked_add(moment.since(self.mono))
        } else {
            self.wall.checked_sub(self.mono.since(moment))
        };
        shifted.unwrap_or(self.wall)
    }

    /// The moment at which the wall clock showed or will show `stamp`.
    pub fn moment_of(self, stamp: Timestamp) -> Moment {
        match Duration::try_from(stamp.duration_since(self.wall)) {
            Ok(ahead) => self.mono + ahead,
            Err(_) => self.mono.back(self.age_of(stamp)),
        }
    }
}

/// A point in time as people read it, to the second: `2026-11-22 05:03:35 UTC`.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A duration as people write it: `350ms`, `4.2s`, `3m 20s`, `2h 5m`, `3d 4h`.
pub fn friendly(span: Duration) -> String {
    let millis = span.as_millis();
    let seconds = span.as_secs();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    if seconds < 60 {
        let text = format!("{:.1}", millis as f64 / 1_000.0);
        return format!("{}s", text.trim_end_matches(".0"));
    }
    let (big, big_unit, small, small_unit) = match seconds {
        0..3_600 => (seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => (seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    };
    if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit} {small}{small_unit}") }
}

/// Seconds of a document as people write them; `0s` for none and for what is no duration.
pub fn friendly_seconds(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if span.as_millis() > 0 => friendly(span),
        _ => "0s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_people_write_them() {
        let said: Vec<String> = [350, 4_200, 5_000, 60_000, 200_000, 7_500_000, 273_600_000]
            .map(|ms| friendly(Duration::from_millis(ms)))
            .into();
        assert_eq!(said, ["350ms", "4.2s", "5s", "1m", "3m 20s", "2h 5m", "3d 4h"]);
    }

    #[test]
    fn seconds_of_a_document_may_be_anything() {
        let said = [0.0, 0.8, 161.9, -3.0, f64::NAN, f64::INFINITY].map(friendly_seconds);
        assert_eq!(said, ["0s", "800ms", "2m 41s", "0s", "0s", "0s"]);
    }

    #[test]
    fn the_wall_clock_and_the_steady_clock_translate_both_ways() {
        let now =
            Now { mono: Moment::from_boot(Duration::from_secs(100)), wall: Timestamp::from_second(1_000).unwrap() };
        let later = now.mono + Duration::from_secs(7);
        assert_eq!(now.wall_at(later), Timestamp::from_second(1_007).unwrap());
        assert_eq!(now.moment_of(now.wall_at(later)), later);
        assert_eq!(now.moment_of(Timestamp::from_second(990).unwrap()), now.mono.back(Duration::from_secs(10)));
    }
}
