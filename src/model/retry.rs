//! Growing pauses between tries: interval arithmetic only.
//!
//! The one file that names the `backoff` crate; `deny.toml` says why it is here in spite of its advisories.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoffBuilder;

/// The pause before the next try after `failures` failures in a row (from 1): doubling from `first` to `limit`, and
/// shortened by up to a quarter so that many waiters spread out.
pub fn pause(failures: u32, first: Duration, limit: Duration, random: &mut fastrand::Rng) -> Duration {
    let mut intervals = ExponentialBackoffBuilder::<backoff::SystemClock>::new()
        .with_initial_interval(first)
        .with_multiplier(2.0)
        .with_randomization_factor(0.0)
        .with_max_interval(limit)
        .with_max_elapsed_time(None)
        .build();
    let mut pause = first;
    for _ in 0..failures.clamp(1, 32) {
        pause = intervals.next_backoff().unwrap_or(limit);
    }
    pause.mul_f64(1.0 - random.f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_never_pass_it() {
        let mut random = fastrand::Rng::with_seed(7);
        let second = Duration::from_secs(1);
        for (failures, most) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60)] {
            let most = Duration::from_secs(most);
            for _ in 0..50 {
                let pause = pause(failures, second, Duration::from_secs(60), &mut random);
                assert!(pause <= most && pause >= most.mul_f64(0.75), "{failures} failures: {pause:?}");
            }
        }
    }
}
