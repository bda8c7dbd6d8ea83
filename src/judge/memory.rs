//! What must outlive a restart. `daemon::memory` writes it; the judge alone changes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::hook::HookEvent;
use crate::model::time::stamp;
use crate::model::{Phase, RegionName, ReplicaName};

/// Everything that outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The form of this document.
    pub version: u32,
    /// This installation's id, made once.
    pub instance: String,
    /// The number of the last beat that the master acknowledged.
    pub beat: u64,
    /// The regions.
    pub regions: BTreeMap<RegionName, RegionMemory>,
}

impl Memory {
    /// The form that this release writes and reads.
    pub const VERSION: u32 = 1;

    /// What in it cannot be: a phase of an episode without an episode, or the reverse.
    pub fn contradiction(&self) -> Option<String> {
        let wrong = |(_, region): &(&RegionName, &RegionMemory)| region.phase.in_episode() != region.episode.is_some();
        let (name, region) = self.regions.iter().find(wrong)?;
        let what = if region.episode.is_some() { "with" } else { "without" };
        Some(format!("{name} is in phase {} {what} an episode", region.phase))
    }
}

/// One region's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionMemory {
    /// Where authentication points.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Option<Timestamp>,
    /// Why: the sentence of the last transition.
    pub sentence: String,
    /// The last proof of life, written down now and then, and the master it was of.
    pub proof: Option<Proof>,
    /// The episode under way.
    pub episode: Option<Episode>,
    /// How the last episode ended, for the damping of the next.
    pub last_episode: Option<LastEpisode>,
    /// An operator's pause.
    pub pause: Option<Pause>,
    /// Replicas left to a human, each with the reason.
    pub released: BTreeMap<ReplicaName, String>,
    /// After a failback by hand: no automatic failover until the next proof of life.
    pub resting: bool,
    /// The master came back without transactions it had confirmed; the sentence says which.
    pub lost: Option<String>,
    /// What is known of each replica's server.
    pub replicas: BTreeMap<ReplicaName, ReplicaMemory>,
}

impl RegionMemory {
    /// Pauses the region until somebody resumes it.
    pub fn hold(&mut self, user: &str, reason: &str) {
        self.pause = Some(Pause { until: None, reason: reason.to_owned(), user: user.to_owned() });
    }
}

/// A proof of life on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// When.
    pub at: Timestamp,
    /// The master's address then.
    pub master: String,
}

/// What is known of a replica's server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplicaMemory {
    /// Filter and read_only were seen to come from an option file.
    pub durable: bool,
    /// When both threads were last seen running, written down now and then.
    pub running_at: Option<Timestamp>,
    /// Keyward itself stopped the threads and owes their start.
    pub owes_start: bool,
}

/// An operator's pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who.
    pub user: String,
}

impl Pause {
    /// How long it lasts.
    pub fn until_words(&self) -> String {
        self.until.map_or("until `keyward resume`".to_owned(), |until| format!("until {}", stamp(until)))
    }
}

/// The end of the last episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastEpisode {
    /// When it ended.
    pub ended_at: Timestamp,
    /// How often it had doubled `failback_after`.
    #[serde(default)]
    pub doubled: u32,
}

/// One local-auth outage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// An operator turned it outwards: it ends by hand.
    pub manual: bool,
    /// An operator's command began the turn.
    pub ordered: bool,
    /// The turn's command was given with `--force`: it is carried out in a pause too.
    pub forced: bool,
    /// Why the turn began.
    pub reason: String,
    /// Counts the changes of direction, from 1.
    pub turn: u32,
    /// Which way it goes.
    pub direction: HookEvent,
    /// How often `failback_after` is doubled for its way back.
    #[serde(default)]
    pub doubled: u32,
    /// The hooks by name.
    pub hooks: BTreeMap<String, HookMemory>,
}

/// One hook within an episode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HookMemory {
    /// It was started in some turn: the way back runs it.
    pub started: bool,
    /// The turn of the run that has not ended yet.
    pub running: Option<u32>,
    /// Attempts in this turn.
    pub attempt: u32,
    /// It succeeded in this turn.
    pub done: bool,
    /// What went wrong last time in this turn.
    pub failure: Option<String>,
}
