//! When a replica whose master has purged what it needs is copied anew without being asked, and what is remembered.

use std::time::Duration;

use super::Judge;
use super::beats::Beats;
use super::memory::Reseed;
use super::region::Region;
use super::replica::{Guard, Replica};
use crate::model::observation::{ActingLock, ThreadState};
use crate::model::{EventKind, Now, Phase, RegionName, ReplicaName};

/// A replica is not copied anew more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(60 * 60);

impl Region {
    /// Why a replica is to be copied anew now, as a sentence; `None` when it is not.
    fn reseed_due(&self, name: &ReplicaName, beats: &Beats, now: Now) -> Option<String> {
        let replica = self.replica(name).filter(|replica| replica.stamp.is_some() && replica.failure.is_none())?;
        if replica.reseeding {
            return None;
        }
        let facts = replica.facts()?;
        let before = self.memory.replicas.get(name).and_then(|memory| memory.reseed.as_ref());
        let interrupted = before.is_some_and(|before| before.open);
        let purged = facts.link.as_ref().is_some_and(|link| link.purged && link.io == ThreadState::Stopped);
        let calm = self.hold().is_none() && self.db.probe_up() == Some(true) && self.memory.lost.is_none();
        let guarded = self.guard(replica) == Guard::Passed && facts.proven_not_master;
        // one that the daemon's own end interrupted goes on
        let rested = before.is_none_or(|before| !before.ended || now.age_of(before.begun_at) >= AT_MOST_EVERY);
        if !(purged || interrupted) || !calm || !guarded || !rested {
            return None;
        }
        if self.memory.phase != Phase::Remote && !self.another_serves(name, beats, now) {
            return None;
        }
        let why = match interrupted {
            true => "the copy that the daemon began was interrupted".to_owned(),
            false => format!("{} has purged the binlogs that it still needs", self.master_name()),
        };
        Some(format!("{why}; keyward moves its rows aside and copies it anew (auto_reseed)"))
    }

    /// Whether another replica passes every gate, so that logins do not need this one.
    fn another_serves(&self, name: &ReplicaName, beats: &Beats, now: Now) -> bool {
        let scene = self.scene(beats, now);
        self.replicas.iter().any(|other| other.name != *name && other.closed_gates(&scene).is_empty())
    }

    /// A replica that follows the master again was mended, by whomever.
    fn forget_mended(&mut self) {
        for replica in self.replicas.iter().filter(|replica| !replica.reseeding && replica.failure.is_none()) {
            let memory = self.memory.replicas.get_mut(&replica.name).and_then(|memory| memory.reseed.as_mut());
            if let Some(reseed) = memory.filter(|reseed| replica.runs() && reseed.open) {
                (reseed.open, reseed.ended) = (false, true);
            }
        }
    }
}

impl Judge {
    /// Decides which replicas are copied anew and remembers it; they may begin when that is written down.
    pub fn mark_reseeds(&mut self, now: Now) {
        for region in &mut self.regions {
            region.forget_mended();
            let names: Vec<ReplicaName> = region.replicas.iter().map(|replica| replica.name.clone()).collect();
            for name in names {
                let Some(sentence) = region.reseed_due(&name, &self.beats, now) else { continue };
                let reseed = Reseed { begun_at: now.wall, open: true, ended: false };
                region.memory.replicas.entry(name.clone()).or_default().reseed = Some(reseed);
                region.replicas.iter_mut().filter(|one| one.name == name).for_each(|one| one.reseeding = true);
                region.tell(now, EventKind::Kept { replica: name.to_string() }, format!("{name}: {sentence}"));
            }
        }
    }

    /// The replicas that are marked, and that the daemon has let go of.
    pub fn ready_reseeds(&self) -> Vec<(RegionName, ReplicaName)> {
        let let_go = |replica: &&Replica| {
            replica.reseeding
                && !replica.upkeep_runs
                && replica.facts().is_some_and(|facts| facts.acting_lock != ActingLock::Ours)
        };
        let ready = |region: &Region| -> Vec<(RegionName, ReplicaName)> {
            region.replicas.iter().filter(let_go).map(|one| (region.name().clone(), one.name.clone())).collect()
        };
        self.regions.iter().flat_map(ready).collect()
    }

    /// Takes in how a copy ended that the daemon began by itself.
    pub fn handle_reseed_ended(&mut self, region: &RegionName, name: &ReplicaName, done: bool) {
        let Some(region) = self.regions.iter_mut().find(|other| other.name() == region) else { return };
        for replica in region.replicas.iter_mut().filter(|one| one.name == *name) {
            replica.reseeding = false;
            // the lock that the last look saw was the copy's own
            replica.facts.iter_mut().for_each(|(_, facts)| facts.acting_lock = ActingLock::Free);
        }
        if let Some(reseed) = region.memory.replicas.get_mut(name).and_then(|memory| memory.reseed.as_mut()) {
            (reseed.ended, reseed.open) = (true, reseed.open && !done);
        }
    }
}
