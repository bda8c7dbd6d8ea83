//! What keeps a failover from starting, with a sentence for each gate that is closed.

use super::beats::Beats;
use super::memory::Pause;
use super::region::Region;
use super::replica::Replica;
use crate::model::phase::{Mode, Trigger};
use crate::model::{Gate, Now};

impl Region {
    /// Every gate that is closed for a failover by keyward's own rule.
    ///
    /// One and the same replica must pass every replica gate; when none does, the one that closes fewest speaks.
    pub(super) fn closed_gates(&self, beats: &Beats, now: Now) -> Vec<(Gate, String)> {
        self.closed_gates_that(beats, now, |_| true)
    }

    /// Every gate that is closed, of those replicas the one on which fewest `hold`.
    pub(super) fn closed_gates_that(
        &self,
        beats: &Beats,
        now: Now,
        holds: impl Fn(Gate) -> bool,
    ) -> Vec<(Gate, String)> {
        let mut closed = self.region_gates(beats, now);
        let scene = self.scene(beats, now);
        let hold = |gates: &Vec<(Gate, String)>| gates.iter().filter(|(gate, _)| holds(*gate)).count();
        let of_replicas = self.replicas.iter().map(|replica| replica.closed_gates(&scene));
        closed.extend(of_replicas.min_by_key(|gates| (hold(gates), gates.len())).unwrap_or_default());
        closed
    }

    fn region_gates(&self, beats: &Beats, now: Now) -> Vec<(Gate, String)> {
        let mut closed = Vec::new();
        if let (Some(_), Some(hold)) = (&self.memory.pause, self.hold()) {
            closed.push((Gate::Paused, hold));
        }
        match (self.rules.mode, self.mode_hold()) {
            (Mode::Manual, Some(why)) => closed.push((Gate::ModeManual, why)),
            (_, Some(why)) => closed.push((Gate::ModeOff, why)),
            (_, None) => {}
        }
        if !self.was_ever_seen(beats, now) {
            let sentence = format!("{} was never seen alive from here", self.master_name());
            closed.push((Gate::NeverSeen, sentence));
        } else if matches!(self.rules.trigger, Trigger::Identity | Trigger::Both) && !self.identity_was_seen() {
            closed.push((Gate::NeverSeen, format!("{} was never seen at work from here", self.keystone_name())));
        }
        closed.extend(self.local_identity_gate(now));
        closed
    }

    /// Why keyward does not act by itself: an operator's pause, or else the mode.
    pub(super) fn hold(&self) -> Option<String> {
        let paused =
            |pause: &Pause| format!("{} paused {} {}: {}", pause.user, self.name(), pause.until_words(), pause.reason);
        self.memory.pause.as_ref().map(paused).or_else(|| self.mode_hold())
    }

    fn mode_hold(&self) -> Option<String> {
        match self.rules.mode {
            Mode::Auto => None,
            Mode::Manual => Some(format!("mode = \"manual\": {} is turned by an operator only", self.name())),
            Mode::Off => Some(format!("mode = \"off\": {} is only looked at", self.name())),
        }
    }

    /// The replica that passes every gate, or else the one that closes fewest: its data serve the region.
    pub(super) fn serving<'a>(&'a self, beats: &'a Beats, now: Now) -> Option<&'a Replica> {
        let scene = self.scene(beats, now);
        self.replicas.iter().min_by_key(|replica| replica.closed_gates(&scene).len())
    }
}
