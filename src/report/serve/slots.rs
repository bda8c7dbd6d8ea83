//! The connections that are open at the same time, and which of them gives way when there is no room for the next.
//!
//! A newcomer is always let in, so nobody who connects and says nothing, or says it slowly, keeps others waiting. What
//! goes is the connection whose last complete request, or whose beginning, is longest ago: somebody who has just come
//! to ask is never that one unless as many others came after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Room for so many connections.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    open: Mutex<Open>,
}

/// Who is in, by the order of their last sign of use.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_use: BTreeMap<u64, Arc<Notify>>,
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
        Arc::new(Self { most, open: Mutex::default() })
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
            oldest.notify_one();
        }
    }

    fn insert(&mut self, leave: Arc<Notify>) -> u64 {
        self.next += 1;
        self.by_use.insert(self.next, leave);
        self.next
    }
}

impl Slot {
    /// A complete request has come: the connection is the one that was used last.
    pub(super) fn touch(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.slots.open();
        // one that was told to leave stays told
        if let Some(leave) = open.by_use.remove(&used) {
            *used = open.insert(leave);
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
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    async fn is_told(slot: &Slot) -> bool {
        timeout(Duration::ZERO, slot.told_to_leave()).await.is_ok()
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
