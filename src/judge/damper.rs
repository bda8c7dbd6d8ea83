//! Damping: how much unbroken health the way back asks for, and when a master that comes and goes is called flapping.
//!
//! Nothing here keeps a failover from happening: a master that is down is down, however often it came back.

use std::collections::VecDeque;
use std::time::Duration;

use super::memory::LastEpisode;
use crate::model::{Moment, Now};

/// A failover within this time after an episode's end asks for more; also the most that is ever asked for.
const HOUR: Duration = Duration::from_secs(3_600);

/// So many flaps within [`WINDOW`] are flapping. A restart of the master is one, an upgrade that takes two attempts or
/// a network that is worked on makes two or three; four within minutes is a fault that comes again by itself.
const FLAPS: usize = 4;
/// The time in which they are counted, and that must pass without another one before it is over: what appears at four
/// and goes away at none does not flap itself. Long enough for a fault that comes again every three minutes.
const WINDOW: Duration = Duration::from_secs(600);

/// How often `configured` was doubled after `doubled` doublings, as a duration: an hour at most, unless more than that
/// was configured.
pub fn failback_after(configured: Duration, doubled: u32) -> Duration {
    configured.saturating_mul(1 << doubled.min(31)).min(HOUR.max(configured))
}

/// The doublings for an episode that begins now, so long after the last one ended. One that is begun by hand neither
/// adds to them nor takes them away.
pub fn doublings(
    configured: Duration,
    last: Option<&LastEpisode>,
    ended: Option<Moment>,
    manual: bool,
    now: Now,
) -> u32 {
    let Some(last) = last else { return 0 };
    // the steady clock knows better, but not across a restart
    let ago = ended.map_or_else(|| now.age_of(last.ended_at), |at| now.mono.since(at));
    match last.doubled {
        _ if ago >= HOUR => 0,
        doubled if manual || failback_after(configured, doubled) >= HOUR => doubled,
        doubled => doubled.saturating_add(1),
    }
}

/// Silences of the master that ended with a proof of life, whatever was done about them.
///
/// A silence counts from two looks on, as for the phase `suspect`; one that ends because nobody watched is none.
#[derive(Clone, Debug, Default)]
pub struct Flaps {
    total: u64,
    /// The last proof of life before the silence that lasts now.
    silent: Option<Option<Moment>>,
    recent: VecDeque<Moment>,
    streak: Option<Streak>,
}

/// Flapping, from its first flap on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// The first flap.
    pub since: Moment,
    /// The last flap.
    pub last: Moment,
    /// How many there were.
    pub count: u64,
}

impl Flaps {
    /// Takes in whether the master is silent now, and when it was last proven alive.
    pub fn note(&mut self, now: Moment, silent: bool, last_proof: Option<Moment>) {
        match (silent, self.silent) {
            (true, None) => self.silent = Some(last_proof),
            (false, Some(before)) => {
                self.silent = None;
                if last_proof > before {
                    self.count(now);
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, now: Moment) {
        self.total += 1;
        self.recent.push_back(now);
        if self.recent.len() > FLAPS {
            self.recent.pop_front();
        }
        self.streak = match self.streak(now) {
            Some(streak) => Some(Streak { last: now, count: streak.count + 1, ..streak }),
            None => {
                let full = self.recent.len() == FLAPS;
                let first = self.recent.front().filter(|first| full && now.since(**first) <= WINDOW);
                first.map(|since| Streak { since: *since, last: now, count: FLAPS as u64 })
            }
        };
    }

    /// How often the master came back since the daemon started.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The flapping that lasts.
    pub fn streak(&self, now: Moment) -> Option<Streak> {
        self.streak.filter(|streak| now.since(streak.last) <= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn each_failover_soon_after_an_episode_doubles_the_wait_up_to_an_hour() {
        let now = Now { mono: Moment::from_boot(9 * HOUR), wall: Timestamp::from_second(100_000).unwrap() };
        let after = |ago: i64, doubled: u32, manual| {
            let ended_at = Timestamp::from_second(100_000 - ago).unwrap();
            doublings(MINUTE, Some(&LastEpisode { id: String::new(), ended_at, doubled }), None, manual, now)
        };
        assert_eq!(doublings(MINUTE, None, None, false, now), 0);
        assert_eq!((after(30, 0, false), after(3_599, 1, false), after(3_600, 5, false)), (1, 2, 0));
        // 64 minutes are an hour already, and more is never asked for
        assert_eq!((after(30, 5, false), after(30, 6, false)), (6, 6));
        assert_eq!((after(30, 3, true), after(3_600, 3, true)), (3, 0));
        let waits = [0, 1, 5, 6, 40].map(|doubled| failback_after(MINUTE, doubled).as_secs() / 60);
        assert_eq!(waits, [1, 2, 32, 60, 60]);
        assert_eq!(failback_after(2 * HOUR, 3), 2 * HOUR);
    }

    #[test]
    fn a_step_of_the_wall_clock_takes_no_doubling_away() {
        let now = Now { mono: Moment::from_boot(9 * HOUR), wall: Timestamp::from_second(100_000).unwrap() };
        let last = LastEpisode { id: String::new(), ended_at: Timestamp::from_second(90_000).unwrap(), doubled: 1 };
        assert_eq!(doublings(MINUTE, Some(&last), None, false, now), 0);
        assert_eq!(doublings(MINUTE, Some(&last), Some(now.mono.back(MINUTE)), false, now), 2);
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(10_000 + seconds))
    }

    /// Silent from five seconds before each of these.
    fn flaps_at(seconds: &[u64]) -> Flaps {
        let mut flaps = Flaps::default();
        for second in seconds {
            flaps.note(at(second - 5), true, Some(at(second - 8)));
            flaps.note(at(second - 1), true, Some(at(second - 8)));
            flaps.note(at(*second), false, Some(at(*second)));
        }
        flaps
    }

    #[test]
    fn four_flaps_within_ten_minutes_are_flapping_until_ten_minutes_pass_without_one() {
        assert_eq!(flaps_at(&[10, 200, 400]).streak(at(400)), None);
        assert_eq!(flaps_at(&[10, 200, 400, 611]).streak(at(611)), None, "not within ten minutes");
        let flaps = flaps_at(&[10, 200, 400, 610]);
        let streak = Streak { since: at(10), last: at(610), count: 4 };
        assert_eq!((flaps.streak(at(610)), flaps.streak(at(1_210))), (Some(streak), Some(streak)));
        assert_eq!((flaps.streak(at(1_211)), flaps.total()), (None, 4));
        // one more every nine minutes keeps it up; after a calm it begins from the first again
        let flaps = flaps_at(&[10, 20, 30, 40, 580, 1_120]);
        assert_eq!(flaps.streak(at(1_700)), Some(Streak { since: at(10), last: at(1_120), count: 6 }));
        assert_eq!(flaps_at(&[10, 20, 30, 40, 1_000, 1_010, 1_020]).streak(at(1_020)), None);
    }

    #[test]
    fn a_silence_that_nobody_saw_end_is_no_flap() {
        let mut flaps = Flaps::default();
        flaps.note(at(0), true, None);
        flaps.note(at(60), false, None);
        assert_eq!(flaps.total(), 0);
        flaps.note(at(70), true, None);
        flaps.note(at(80), false, Some(at(80)));
        assert_eq!(flaps.total(), 1);
    }
}
