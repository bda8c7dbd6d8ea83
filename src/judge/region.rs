//! One region: what is known of it, and the plain taking in of what was seen. Deciding is in `phases`.

use std::collections::{BTreeMap, BTreeSet};

use super::beats::Beats;
use super::damper::Flaps;
use super::hooks::Retries;
use super::keystone::LocalKeystone;
use super::level::{Level, LevelOrder};
use super::memory::{Proof, RegionMemory};
use super::replica::{Guard, Replica, Scene};
use super::rules::Rules;
use super::witness::Side;
use crate::model::hook::{HookOutcome, HookRun};
use crate::model::identity::IdentityLook;
use crate::model::observation::{BinlogFacts, Look, MasterFacts, ReplicaFacts, ServerIdentity};
use crate::model::phase::Mode;
use crate::model::time::friendly;
use crate::model::view::ExpiryView;
use crate::model::{Event, EventKind, Moment, Now, Phase, RegionName, ReplicaName, Verdict};

/// A hook to start, with the region that waits for its outcome.
#[derive(Clone, Debug)]
pub struct Start {
    /// The region.
    pub region: RegionName,
    /// The run.
    pub run: HookRun,
}

/// One region.
#[derive(Clone, Debug)]
pub struct Region {
    pub(super) rules: Rules,
    pub(super) memory: RegionMemory,
    pub(super) db: Side,
    /// RegionOne's Keystone.
    pub(super) identity: Side,
    pub(super) identity_look: Option<IdentityLook>,
    pub(super) identity_password: Option<ExpiryView>,
    pub(super) local: LocalKeystone,
    pub(super) replicas: Vec<Replica>,
    pub(super) retries: Retries,
    pub(super) healthy_since: Option<Moment>,
    /// When an operator ordered the last failback of this run; what an earlier run was told is older than any proof.
    pub(super) rested_since: Option<Moment>,
    pub(super) flaps: Flaps,
    /// When the last episode of this run ended.
    pub(super) episode_ended: Option<Moment>,
    pub(super) state_broken: Option<String>,
    /// What each of the master's addresses showed last.
    pub(super) masters: Vec<Option<MasterFacts>>,
    /// How long each of them keeps its binary logs.
    pub(super) binlogs: Vec<Option<BinlogFacts>>,
    pub(super) shown: BTreeSet<Verdict>,
    pub(super) events: Vec<Event>,
    pub(super) starts: Vec<HookRun>,
    pub(super) levels: BTreeMap<String, Level>,
    pub(super) level_orders: Vec<LevelOrder>,
    /// Why the programs of hooks could not be run, by hook.
    pub(super) obstacles: BTreeMap<String, String>,
    /// Optional hooks of an episode that has ended which still run: no other turn begins beside them.
    pub(super) lingering: BTreeSet<String>,
    pub(super) random: fastrand::Rng,
}

impl Region {
    /// A region that goes on from `memory`.
    pub fn new(rules: Rules, mut memory: RegionMemory, seed: u64, now: Now) -> Self {
        if let Some(episode) = &mut memory.episode {
            episode.forget_runs();
        }
        // outside an episode, where it points is known and what is suspected starts afresh
        if !memory.phase.in_episode() {
            memory.phase = Phase::Remote;
        }
        memory.phase_since.get_or_insert(now.wall);
        let replicas =
            rules.replicas.iter().map(|(name, address)| Replica::new(name.clone(), address.clone())).collect();
        Self {
            db: Side::new(rules.master_addresses.len()),
            identity: Side::new(1),
            identity_look: None,
            identity_password: None,
            local: LocalKeystone::default(),
            masters: vec![None; rules.master_addresses.len()],
            binlogs: vec![None; rules.master_addresses.len()],
            rules,
            memory,
            replicas,
            retries: Retries::default(),
            healthy_since: None,
            rested_since: None,
            flaps: Flaps::default(),
            episode_ended: None,
            state_broken: None,
            shown: BTreeSet::new(),
            events: Vec::new(),
            starts: Vec::new(),
            levels: BTreeMap::new(),
            level_orders: Vec::new(),
            obstacles: BTreeMap::new(),
            lingering: BTreeSet::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Its name.
    pub fn name(&self) -> &RegionName {
        &self.rules.region
    }

    /// What it goes by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What must outlive a restart.
    pub fn memory(&self) -> &RegionMemory {
        &self.memory
    }

    /// Whether every replica was looked at once.
    pub fn looked(&self) -> bool {
        self.replicas.iter().all(|replica| replica.looked)
    }

    /// A replica's last facts, and whether keyward may write to its server; nothing until a look has shown what the
    /// last upkeep did.
    pub fn upkeep_scene(&self, name: &ReplicaName) -> Option<(&ReplicaFacts, Guard)> {
        let replica = self.replica(name).filter(|replica| replica.shows_upkeep())?;
        Some((replica.facts()?, self.guard(replica)))
    }

    /// Whether keyward may write to the server that was last seen as this replica.
    pub(super) fn guard(&self, replica: &Replica) -> Guard {
        replica.guard(&self.rules, &self.memory, &self.masters)
    }

    /// Whether a replica that answers has shown no progress of its link for twice the link's patience, while the master
    /// has answered keyward for as long as the patience: whatever the I/O thread believes, nobody speaks to it.
    pub fn link_is_silent(&self, name: &ReplicaName, now: Moment) -> bool {
        let patience = self.rules.link_patience();
        let answers = self.db.probe_answers_since().is_some_and(|since| now.since(since) > patience);
        let silent = |replica: &Replica| replica.failure.is_none() && replica.link_up(now, 2 * patience) == Some(false);
        answers && self.replica(name).is_some_and(silent)
    }

    /// Whether keyward should hold the lock that lets it act on the replica.
    pub fn wants_lock(&self, name: &ReplicaName) -> bool {
        self.replica(name).is_some_and(|replica| replica.stamp.is_some() && !replica.reseeding)
            && !self.memory.released.contains_key(name)
    }

    /// Whether a replica is empty, was never set up, and may be set up without being asked; outside an episode only.
    pub fn may_be_set_up(&self, name: &ReplicaName) -> bool {
        let Some(replica) = self.replica(name).filter(|replica| replica.stamp.is_none()) else { return false };
        let left_alone = self.memory.released.contains_key(name) || self.memory.pause.is_some();
        let empty =
            |facts: &ReplicaFacts| facts.link.is_none() && facts.other_links.is_empty() && facts.proven_not_master;
        let ours = replica.foreign_schemas(&self.rules).is_empty();
        let calm = self.memory.phase == Phase::Remote && self.db.probe_up() == Some(true) && self.memory.lost.is_none();
        calm && !left_alone && ours && replica.failure.is_none() && replica.facts().is_some_and(empty)
    }

    pub(super) fn replica(&self, name: &ReplicaName) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.name == *name)
    }

    pub(super) fn handle_master(&mut self, place: usize, look: &Look<MasterFacts>) {
        if let (Ok(facts), Some(known)) = (&look.result, self.masters.get_mut(place)) {
            *known = Some(facts.clone());
        }
        self.db.handle_probe(place, look);
    }

    pub(super) fn handle_replica(&mut self, now: Now, name: &ReplicaName, look: &Look<ReplicaFacts>) {
        let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *name) else { return };
        if let Some(at) = replica.handle_look(look, &self.rules) {
            self.db.handle_proof(at);
        }
        let remembered = self.memory.replicas.entry(name.clone()).or_default();
        replica.remember(remembered, now);
    }

    pub(super) fn handle_rules(&mut self, rules: Rules) {
        // the newest order wins, also over a --force from before
        if rules.mode != self.rules.mode
            && rules.mode != Mode::Auto
            && let Some(episode) = &mut self.memory.episode
        {
            episode.forced = false;
        }
        let old = std::mem::replace(&mut self.rules, rules);
        self.keep_levels(&old.hooks);
        // of another program, it may be; soon they are looked at again
        self.obstacles.clear();
    }

    pub(super) fn handle_stamp(&mut self, name: &ReplicaName, stamp: Option<ServerIdentity>) {
        if let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *name) {
            replica.stamp = stamp;
        }
    }

    pub(super) fn handle_upkeep_begun(&mut self, name: &ReplicaName, stops_threads: bool) {
        let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *name) else { return };
        replica.upkeep_runs = true;
        if stops_threads {
            self.memory.replicas.entry(name.clone()).or_default().owes_start = true;
        }
    }

    pub(super) fn handle_upkeep_ended(&mut self, now: Now, name: &ReplicaName, sentence: String, is_news: bool) {
        let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *name) else { return };
        replica.upkeep_runs = false;
        replica.upkeep_ended = now.mono;
        replica.upkeep = Some(sentence.clone());
        if is_news {
            self.tell(now, EventKind::Kept { replica: name.to_string() }, format!("{name}: {sentence}"));
        }
    }

    pub(super) fn handle_hook(&mut self, now: Now, outcome: &HookOutcome) {
        let lingered = self.lingering.remove(&outcome.hook);
        if let Some(episode) = self.memory.episode.as_mut().filter(|_| !lingered) {
            episode.handle_outcome(outcome, &mut self.retries, now, &mut self.random);
        }
        let seconds = outcome.took.as_secs_f64();
        let next = self.retries.due(&outcome.hook).map(|at| format!("; next try in {}", friendly(at.since(now.mono))));
        let sentence = format!(
            "hook {} (attempt {}) {} after {seconds:.1} s{}",
            outcome.hook,
            outcome.attempt,
            outcome.end.words(),
            next.unwrap_or_default()
        );
        let kind = EventKind::Hook {
            hook: outcome.hook.clone(),
            event: outcome.event.code().to_owned(),
            outcome: outcome.end.code().to_owned(),
            seconds,
        };
        self.tell(now, kind, sentence);
        self.handle_turned(now, &outcome.hook);
    }

    pub(super) fn handle_saved(&mut self, result: Result<(), String>) {
        self.state_broken = result.err();
    }

    pub(super) fn handle_gap(&mut self, from: Moment, now: Now) {
        self.db.handle_gap(from, now.mono, self.rules.unreachable_after);
        self.identity.handle_gap(from, now.mono, self.rules.unreachable_after);
        self.replicas.iter_mut().for_each(|replica| replica.handle_gap(now.mono));
        self.healthy_since = None;
    }

    pub(super) fn handle_loss(&mut self, loss: &str) {
        self.memory.lost = Some(format!(
            "{} came back without transactions it had confirmed: {loss}; replication is stopped, \
             compare the data (`keyward verify`, or by hand), re-seed the replica if they differ, \
             then `keyward adopt {}`",
            self.master_name(),
            self.rules.region
        ));
    }

    pub(super) fn tell(&mut self, now: Now, what: EventKind, sentence: String) {
        let episode = self.memory.episode.as_ref().map(|episode| episode.id.clone());
        self.events.push(Event { at: now.wall, region: Some(self.name().clone()), episode, what, sentence });
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn scene<'a>(&'a self, beats: &'a Beats, now: Now) -> Scene<'a> {
        Scene { rules: &self.rules, memory: &self.memory, beats, masters: &self.masters, now }
    }

    /// Whether there is a proof of life of this very master on record.
    pub(super) fn was_ever_seen(&self, beats: &Beats, now: Now) -> bool {
        let by_beat =
            |replica: &Replica| replica.data_age(beats, now).is_some_and(|age| age <= self.rules.max_data_age);
        self.proof_on_record().is_some() || self.db.last_proof().is_some() || self.replicas.iter().any(by_beat)
    }

    /// The last proof of life of this very master that was written down.
    fn proof_on_record(&self) -> Option<&Proof> {
        let ours =
            |proof: &&Proof| self.rules.master_addresses.iter().any(|address| address.to_string() == proof.master);
        self.memory.proof.as_ref().filter(ours)
    }

    /// How long ago the master was last proven alive, in seconds: in this run, or else as it was written down before.
    pub(super) fn silence_seconds(&self, now: Now) -> Option<f64> {
        let seen = self.db.last_proof().map(|at| now.mono.since(at));
        seen.or_else(|| self.proof_on_record().map(|proof| now.age_of(proof.at))).map(|silence| silence.as_secs_f64())
    }

    /// Writes the last proof of life down, now and then and whenever something else is to be written.
    pub(super) fn record_proof(&mut self, now: Now) {
        let Some(at) = self.db.last_proof().map(|at| now.wall_at(at)) else { return };
        let Some(master) = self.rules.master_addresses.first().map(ToString::to_string) else { return };
        if !self.memory.proof.as_ref().is_some_and(|proof| proof.is_fresh(&master, at, now)) {
            self.memory.proof = Some(Proof { at, master });
        }
    }
}
