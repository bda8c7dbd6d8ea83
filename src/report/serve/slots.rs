//! The connections that are open at the same time, and which of them gives way when there is no room for the next.
//!
//! A newcomer is always let in, so nobody who connects and says nothing, or says it slowly, keeps others waiting. What
//! goes is the connection whose last complete request, or whose beginning, is longest ago: somebody who has just come
//! to ask is never that one unless as many others came after it, and not before it has had a moment to ask: in a crowd
//! that comes at once the next one waits that long at the door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, timeout};

/// The least time that a connection keeps its place after a sign of use: enough for a handshake and a request.
const MOMENT: Duration = Duration::from_millis(50);

/// Room for so many connections.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    open: Mutex<Open>,
    /// Somebody has left.
    left: Notify,
}

/// Who is in, by the order of their last sign of use.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_use: BTreeMap<u64, Used>,
}

/// A connection's last sign of use, and how it is told to leave.
#[derive(Debug)]
struct Used {
    at: Instant,
    leave: Arc<Notify>,
}

/// A connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    /// Where it stands in the order of use.
    used: Mutex<u64>,
    leave: Arc<Notify>,
}

impl Slots {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default(), left: Notify::new() })
    }

    /// Ends when there is a place, or somebody who has had time enough for one.
    pub(super) async fn ready(&self) {
        loop {
            let wait = self.wait();
            if wait.is_zero() {
                return;
            }
            let _ = timeout(wait, self.left.notified()).await;
        }
    }

    fn wait(&self) -> Duration {
        let open = self.open();
        let oldest = open.by_use.first_key_value().filter(|_| open.by_use.len() >= self.most);
        oldest.map_or(Duration::ZERO, |(_, used)| MOMENT.saturating_sub(used.at.elapsed()))
    }

    /// A place for a newcomer; the one that was used longest ago is told to leave when there is none.
    pub(super) fn enter(self: &Arc<Self>) -> Slot {
        let leave = Arc::new(Notify::new());
        let mut open = self.open();
        while open.by_use.len() >= self.most {
            open.free_one();
        }
        let used = open.insert(Arc::clone(&leave));
        drop(open);
        Slot { slots: Arc::clone(self), used: Mutex::new(used), leave }
    }

    /// Tells the one that was used longest ago to leave.
    pub(super) fn free_one(&self) {
        self.open().free_one();
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn free_one(&mut self) {
        if let Some((_, oldest)) = self.by_use.pop_first() {
            oldest.leave.notify_one();
        }
    }

    fn insert(&mut self, leave: Arc<Notify>) -> u64 {
        self.next += 1;
        self.by_use.insert(self.next, Used { at: Instant::now(), leave });
        self.next
    }
}

impl Slot {
    /// A complete request has come: the connection is the one that was used last.
    pub(super) fn touch(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.slots.open();
        // one that was told to leave stays told
        if let Some(last) = open.by_use.remove(&used) {
            *used = open.insert(last.leave);
        }
    }

    /// Ends when it must give way.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.slots.open().by_use.remove(&used);
        self.slots.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_told(slot: &Slot) -> bool {
        timeout(Duration::ZERO, slot.told_to_leave()).await.is_ok()
    }

    #[test]
    fn who_has_just_come_has_a_moment_to_ask() {
        let slots = Slots::new(2);
        // far from now on both sides, so that no pause of this machine counts
        let far = MOMENT * 10_000;
        let oldest_used = |at: Instant| {
            let mut open = slots.open();
            let mut oldest = open.by_use.first_entry().unwrap();
            oldest.get_mut().at = at;
        };
        let first = slots.enter();
        oldest_used(Instant::now() + far);
        assert_eq!(slots.wait(), Duration::ZERO, "there is room");
        let second = slots.enter();
        assert_eq!(slots.wait(), MOMENT);
        oldest_used(Instant::now() - MOMENT);
        assert_eq!(slots.wait(), Duration::ZERO, "it has had its moment");
        first.touch();
        oldest_used(Instant::now() + far);
        assert_eq!(slots.wait(), MOMENT, "the second is now the oldest");
        drop(second);
        assert_eq!(slots.wait(), Duration::ZERO, "there is room again");
    }

    #[tokio::test]
    async fn the_one_that_was_used_longest_ago_gives_way_and_a_place_left_is_free() {
        let slots = Slots::new(2);
        let (first, second) = (slots.enter(), slots.enter());
        first.touch();
        let third = slots.enter();
        assert!(is_told(&second).await, "the first has asked since");
        assert!(!is_told(&first).await && !is_told(&third).await);
        second.touch();
        drop(second);
        drop(third);
        let fourth = slots.enter();
        assert!(!is_told(&first).await, "there was room");
        let _fifth = slots.enter();
        assert!(is_told(&first).await && !is_told(&fourth).await);
        drop((first, fourth));
        assert_eq!(slots.open().by_use.len(), 1);
    }
}
