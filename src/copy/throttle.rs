//! A limit for how many bytes a second are read from the master, shared by all streams.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What was not used for this long may be used at once.
const BURST: Duration = Duration::from_millis(100);

/// The limit.
#[derive(Debug)]
pub struct Throttle {
    rate: Option<u64>,
    /// When everything that was read so far is paid for.
    paid_at: Mutex<Instant>,
}

impl Throttle {
    /// At most `rate` bytes a second; without one there is no limit.
    pub fn new(rate: Option<u64>) -> Self {
        Self { rate: rate.map(|rate| rate.max(1)), paid_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may have been read.
    pub async fn pay(&self, bytes: usize) {
        let Some(rate) = self.rate else { return };
        let now = Instant::now();
        let until = {
            let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
            let from = now.checked_sub(BURST).map_or(now, |earliest| earliest.max(*paid_at));
            *paid_at = from + Duration::from_secs_f64(bytes as f64 / rate as f64);
            *paid_at
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_is_read_in_a_second_than_allowed() {
        let began = Instant::now();
        let throttle = Throttle::new(Some(1_000_000));
        let pay = async || {
            for _ in 0..10 {
                throttle.pay(20_000).await;
            }
        };
        tokio::join!(pay(), pay());
        // 400 kB, of which 100 kB come at once at most
        assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
        Throttle::new(None).pay(usize::MAX).await;
    }
}
