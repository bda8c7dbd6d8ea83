//! What the service manager is told, and the watchdog that completed ticks feed.
//!
//! Without `NOTIFY_SOCKET` all of this is silent: keyward runs the same by hand, in a container or under systemd.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

/// The least time without a completed tick after which the daemon counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The longest rest between two ticks, whatever the settings say: the unit's `WatchdogSec` and the alert `KeywardStalled` take
/// three times as much for a daemon that is stuck.
pub const LONGEST_REST: Duration = Duration::from_secs(10);

/// The daemon answers and looks; services that wait for it may start.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The daemon ends.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The settings are read again; `ready` says when that is done.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager was not told of the reload"),
    }
}

/// The line that `systemctl status` shows.
pub fn status(line: &str) {
    // a line break would begin another message of the protocol
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    notify(&[NotifyState::Status(&line)]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager did not take a notice");
    }
}

/// Knows whether ticks complete, and tells the service manager while they do.
#[derive(Debug)]
pub struct Watchdog {
    limit: Duration,
    told: bool,
    last: Mutex<Instant>,
}

impl Watchdog {
    /// A watchdog for ticks that are due every `poll_interval`; the first one is due from now on.
    pub fn new(poll_interval: Duration) -> Self {
        let told = sd_notify::watchdog_enabled().is_some();
        Self { limit: STUCK_AFTER.max(poll_interval * 5), told, last: Mutex::new(Instant::now()) }
    }

    /// A tick was completed.
    pub fn tick_done(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if self.told {
            notify(&[NotifyState::Watchdog]);
        }
    }

    /// Whether a tick was completed within the greater of 10 s and 5 intervals.
    pub fn is_fed(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_without_ticks_counts_as_stuck_until_the_next_one() {
        let watchdog = Watchdog::new(Duration::from_secs(4));
        assert_eq!(watchdog.limit, Duration::from_secs(20), "5 intervals");
        assert_eq!(Watchdog::new(Duration::from_millis(100)).limit, STUCK_AFTER);
        assert!(watchdog.is_fed(), "the first tick is not due yet");
        *watchdog.last.lock().unwrap() -= Duration::from_secs(21);
        assert!(!watchdog.is_fed(), "no tick within the limit");
        watchdog.tick_done();
        assert!(watchdog.is_fed(), "a tick was completed");
    }
}
