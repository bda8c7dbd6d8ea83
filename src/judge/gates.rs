//! What keeps a failover from starting, with a sentence for each gate that is closed.

use super::beats::Beats;
use super::region::Region;
use super::replica::Replica;
use crate::model::phase::Mode;
use crate::model::time::stamp;
use crate::model::{Gate, Now};

impl Region {
    /// Every gate that is closed for a failover by keyward's own rule.
    ///
    /// One and the same replica must pass every replica gate; when none does, the one that closes fewest speaks.
    pub(super) fn closed_gates(&self, beats: &Beats, now: Now) -> Vec<(Gate, String)> {
        let mut closed = self.region_gates(beats, now);
        let scene = self.scene(beats, now);
        let fewest = self.replicas.iter().map(|replica| replica.closed_gates(&scene)).min_by_key(Vec::len);
        closed.extend(fewest.unwrap_or_default());
        closed
    }

    fn region_gates(&self, beats: &Beats, now: Now) -> Vec<(Gate, String)> {
        let mut closed = Vec::new();
        let region = self.name();
        if let Some(pause) = &self.memory.pause {
            let until =
                pause.until.map_or("until `keyward resume`".to_owned(), |until| format!("until {}", stamp(until)));
            closed.push((Gate::Paused, format!("{} paused {region} {until}: {}", pause.user, pause.reason)));
        }
        match self.rules.mode {
            Mode::Auto => {}
            Mode::Manual => {
                closed.push((Gate::ModeManual, format!("mode = \"manual\": only `keyward failover {region}` acts")))
            }
            Mode::Off => closed.push((Gate::ModeOff, format!("mode = \"off\": {region} is only looked at"))),
        }
        if !self.was_ever_seen(beats, now) {
            let sentence = format!("{} was never seen alive from here", self.master_name());
            closed.push((Gate::NeverSeen, sentence));
        }
        closed
    }

    /// The replica that passes every gate, or else the one that closes fewest: its data serve the region.
    pub(super) fn serving<'a>(&'a self, beats: &'a Beats, now: Now) -> Option<&'a Replica> {
        let scene = self.scene(beats, now);
        self.replicas.iter().min_by_key(|replica| replica.closed_gates(&scene).len())
    }
}
