//! What must outlive a restart. `daemon::memory` writes it; the judge alone changes it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::hook::HookEvent;
use crate::model::time::stamp;
use crate::model::{Cause, Event, EventKind, Now, Phase, RegionName, ReplicaName};

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
    /// The same of the master's Keystone.
    #[serde(default)]
    pub identity_proof: Option<Proof>,
    /// When the region's own Keystone last found a token valid, written down now and then.
    #[serde(default)]
    pub validated_at: Option<Timestamp>,
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

    /// The transition that is written down here and missing among the events that were `told`, oldest first: the
    /// daemon was killed before it could tell it. Only what belongs to an episode is worth telling late.
    pub fn untold(&self, region: &RegionName, told: &[Event]) -> Option<Event> {
        let ours = |event: &&Event| event.region.as_ref() == Some(region);
        let transition = |event: &Event| match event.what {
            EventKind::Transition { to, cause, .. } => Some((event.at, to, cause, event.episode.clone())),
            _ => None,
        };
        let last = told.iter().rev().filter(ours).find_map(transition);
        let at = self.phase_since?;
        // of what is older than every event nobody knows whether it was told
        if last.as_ref().is_some_and(|last| last.0 >= at) || told.first().is_some_and(|first| first.at > at) {
            return None;
        }
        let from = last.as_ref().map_or(Phase::Remote, |last| last.1);
        let (cause, episode) = match &self.episode {
            Some(episode) => (if episode.ordered { Cause::Manual } else { Cause::Auto }, Some(episode.id.clone())),
            None => last.map(|(_, _, cause, episode)| (cause, episode))?,
        };
        (self.phase.in_episode() || from.in_episode()).then(|| Event {
            at,
            region: Some(region.clone()),
            episode,
            what: EventKind::Transition { from, to: self.phase, cause },
            sentence: self.sentence.clone(),
        })
    }
}

/// A proof of life on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// When.
    pub at: Timestamp,
    /// The master's address then, or its Keystone's.
    pub master: String,
}

impl Proof {
    /// Whether writing down a proof of the same server `at` this moment would add nothing worth it.
    pub(super) fn is_fresh(&self, master: &str, at: Timestamp, now: Now) -> bool {
        self.master == master && now.age_of(self.at).saturating_sub(now.age_of(at)) < Duration::from_secs(60)
    }
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
    /// The last copy that the daemon began by itself.
    #[serde(default)]
    pub reseed: Option<Reseed>,
    /// What the daemon's last comparison with the master found.
    #[serde(default)]
    pub verified: Option<Verified>,
}

/// A copy that the daemon began by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseed {
    /// When it began last.
    pub begun_at: Timestamp,
    /// It has not been seen to end well: the replica's rows may be half copied.
    pub open: bool,
    /// It was seen to end; otherwise it is at work, or the daemon ended meanwhile.
    pub ended: bool,
}

/// What the last comparison of a replica with its master found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When it ended.
    pub at: Timestamp,
    /// Tables that differ.
    pub differing_tables: usize,
    /// What it found, as a sentence without the replica's name.
    pub sentence: String,
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
    /// Its id.
    #[serde(default)]
    pub id: String,
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
    /// Which way its last run that ended has turned the region; nothing when that run failed.
    #[serde(default)]
    pub turned: Option<HookEvent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"phase": "switching", "phase_since": "2026-01-01T00:00:10Z", "sentence": "lost", "proof": null,
        "last_episode": null, "pause": null, "released": {}, "resting": false, "lost": null, "replicas": {}, "episode": {
        "id": "R-1", "started_at": "2026-01-01T00:00:10Z", "manual": false, "ordered": false, "forced": false,
        "reason": "lost", "turn": 1, "direction": "failover", "failback_after": {"secs": 1, "nanos": 0}, "hooks": {}}}"#;

    fn told(at: &str, to: Phase) -> Event {
        let what = EventKind::Transition { from: Phase::Remote, to, cause: Cause::Auto };
        let region = Some(RegionName("R".to_owned()));
        Event { at: at.parse().unwrap(), region, episode: None, what, sentence: String::new() }
    }

    #[test]
    fn a_transition_that_was_written_down_and_never_told_is_told_late_and_once() {
        let memory: RegionMemory = serde_json::from_str(RECORD).unwrap();
        let region = RegionName("R".to_owned());
        let suspect = told("2026-01-01T00:00:08Z", Phase::Suspect);
        let late = memory.untold(&region, std::slice::from_ref(&suspect)).unwrap();
        assert_eq!((late.at, late.sentence.as_str()), (memory.phase_since.unwrap(), "lost"));
        let (from, to, cause) = (Phase::Suspect, Phase::Switching, Cause::Auto);
        assert_eq!(late.what, EventKind::Transition { from, to, cause });
        assert_eq!(late.episode.as_deref(), Some("R-1"));
        assert_eq!(memory.untold(&region, &[suspect, late]), None, "it was told");
        let later = told("2026-01-01T00:00:11Z", Phase::Suspect);
        assert_eq!(memory.untold(&region, &[later]), None, "the list does not reach back so far");
        assert_eq!(RegionMemory { phase: Phase::Remote, episode: None, ..memory }.untold(&region, &[]), None);
    }
}
