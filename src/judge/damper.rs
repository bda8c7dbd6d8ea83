//! How much unbroken health the way back asks for: more after each failover that follows closely on an episode.

use std::time::Duration;

use super::memory::LastEpisode;
use crate::model::Now;

/// Failovers within this time after an episode's end count as flapping; also the most that is ever asked for.
const HOUR: Duration = Duration::from_secs(3_600);

/// The unbroken health to ask for in an episode that begins now by itself.
pub fn failback_after(configured: Duration, last: Option<&LastEpisode>, now: Now) -> Duration {
    match last {
        Some(last) if now.age_of(last.ended_at) < HOUR => {
            (2 * last.failback_after.max(configured)).min(HOUR.max(configured))
        }
        _ => configured,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Moment;

    #[test]
    fn each_failover_soon_after_an_episode_doubles_the_wait_up_to_an_hour() {
        let now = Now { mono: Moment::default(), wall: Timestamp::from_second(100_000).unwrap() };
        let minute = Duration::from_secs(60);
        let after = |ago: i64, was: Duration| {
            let ended_at = Timestamp::from_second(100_000 - ago).unwrap();
            failback_after(minute, Some(&LastEpisode { ended_at, failback_after: was }), now)
        };
        assert_eq!(failback_after(minute, None, now), minute);
        assert_eq!(after(30, minute), 2 * minute);
        assert_eq!(after(3_599, 2 * minute), 4 * minute);
        assert_eq!(after(30, 45 * minute), HOUR);
        assert_eq!(after(3_600, 45 * minute), minute);
    }
}
