//! One replica as the judge knows it: its last look, its link as a witness, its guards and the gates it closes.

use std::time::Duration;

use super::beats::{Beats, Pace};
use super::errant::Errant;
use super::memory::{RegionMemory, ReplicaMemory};
use super::rules::Rules;
use crate::model::aside::is_dated;
use crate::model::observation::{
    ActingLock, Durability, LinkFacts, Look, MasterFacts, ReplicaFacts, ServerIdentity, ThreadState,
};
use crate::model::{Address, Failure, Gate, Moment, Now, ReplicaName};

/// Whether keyward may write to a replica's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It may.
    Passed,
    /// It may not; the gate and the sentence say why.
    Closed(Gate, String),
}

/// One replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its name.
    pub name: ReplicaName,
    /// Where its server listens.
    pub address: Address,
    pub(super) facts: Option<(Moment, ReplicaFacts)>,
    pub(super) failure: Option<Failure>,
    pub(super) looked: bool,
    pub(super) stamp: Option<ServerIdentity>,
    pub(super) link_proof: Option<Moment>,
    pub(super) link_watched_since: Option<Moment>,
    pub(super) writable_seen: u64,
    pub(super) upkeep: Option<String>,
    pub(super) upkeep_runs: bool,
    pub(super) upkeep_ended: Moment,
    pub(super) errant: Errant,
    /// The daemon is copying it anew, or is about to.
    pub(super) reseeding: bool,
    /// Its link as an error stopped a thread, until two looks in a row have shown it at work: a thread that is started
    /// again runs for a moment, also into the same error.
    pub(super) broken: Option<LinkFacts>,
    baseline: Option<Baseline>,
    /// The server restarted under our eyes while it was following.
    restarted: bool,
}

/// The counters of one link on one connection; only a greater value on the same one is progress.
#[derive(Clone, Debug, PartialEq)]
struct Baseline {
    connection: u64,
    host: String,
    port: u16,
    heartbeats: u64,
    position: (u64, u64),
}

impl Replica {
    /// A replica that has not been looked at.
    pub fn new(name: ReplicaName, address: Address) -> Self {
        Self {
            name,
            address,
            facts: None,
            failure: None,
            looked: false,
            stamp: None,
            link_proof: None,
            link_watched_since: None,
            writable_seen: 0,
            upkeep: None,
            upkeep_runs: false,
            upkeep_ended: Moment::default(),
            errant: Errant::default(),
            reseeding: false,
            broken: None,
            baseline: None,
            restarted: false,
        }
    }

    /// Takes in one look; the moment of a proof of life by its link, if it is one.
    pub fn handle_look(&mut self, look: &Look<ReplicaFacts>, rules: &Rules) -> Option<Moment> {
        self.looked = true;
        let facts = match &look.result {
            Ok(facts) => facts,
            Err(failure) => {
                self.failure = Some(failure.clone());
                return None;
            }
        };
        if !facts.read_only && self.facts.as_ref().is_none_or(|(_, before)| before.read_only) {
            self.writable_seen += 1;
        }
        self.restarted |= self.facts.as_ref().is_some_and(|(_, before)| {
            facts.uptime_seconds < before.uptime_seconds && before.link.as_ref().is_some_and(follows)
        });
        if self.failure.take().is_some() {
            // what its link did meanwhile nobody saw
            self.link_watched_since = None;
        }
        self.link_watched_since.get_or_insert(look.began);
        let proof = self.link_progress(look, facts, rules);
        if proof.is_some() {
            self.link_proof = proof;
        }
        self.errant.handle_replica(look);
        self.note_error(facts.link.as_ref());
        self.facts = Some((look.began, facts.clone()));
        proof
    }

    fn note_error(&mut self, link: Option<&LinkFacts>) {
        let by_error = |link: &&LinkFacts| {
            let threads = [(link.io, link.io_errno), (link.sql, link.sql_errno)];
            threads.iter().any(|(state, errno)| *state == ThreadState::Stopped && *errno != 0)
        };
        let followed = self.facts().and_then(|facts| facts.link.as_ref()).is_some_and(follows);
        match link.filter(by_error) {
            Some(link) => self.broken = Some(link.clone()),
            None if followed || !link.is_some_and(follows) => self.broken = None,
            None => {}
        }
    }

    fn link_progress(&mut self, look: &Look<ReplicaFacts>, facts: &ReplicaFacts, rules: &Rules) -> Option<Moment> {
        let Some(link) = &facts.link else {
            self.baseline = None;
            return None;
        };
        let seen = Baseline {
            connection: look.connection,
            host: link.host.clone(),
            port: link.port,
            heartbeats: link.heartbeats,
            position: (link.log_number, link.log_position),
        };
        let before = self.baseline.replace(seen)?;
        let seen = self.baseline.as_ref()?;
        let moved = before.host != seen.host || before.port != seen.port;
        if moved {
            // a link that leads elsewhere has its time to begin
            (self.link_watched_since, self.link_proof) = (Some(look.began), None);
        }
        let seen = self.baseline.as_ref()?;
        let same = before.connection == seen.connection && !moved;
        let ours = points_at(link, &rules.master_addresses).is_some() && !facts.is_the_master;
        let greater = seen.heartbeats > before.heartbeats || seen.position > before.position;
        (same && ours && greater && link.io == ThreadState::Running).then_some(look.ended)
    }

    /// Takes in that nobody watched until `to`: only from then on can a link without progress be told from one that was
    /// not looked at.
    pub fn handle_gap(&mut self, to: Moment) {
        if self.link_watched_since.is_some() {
            self.link_watched_since = Some(to);
        }
    }

    /// Whether both threads of its link run, the I/O thread being connected, as the last successful look showed.
    pub fn runs(&self) -> bool {
        let link = self.facts().and_then(|facts| facts.link.as_ref());
        link.is_some_and(|link| link.io == ThreadState::Running && link.sql == ThreadState::Running)
    }

    /// Whether the facts are of a look that began after the last upkeep had ended.
    pub fn shows_upkeep(&self) -> bool {
        !self.upkeep_runs && self.facts.as_ref().is_some_and(|(began, _)| *began >= self.upkeep_ended)
    }

    /// The facts of the last successful look.
    pub fn facts(&self) -> Option<&ReplicaFacts> {
        self.facts.as_ref().map(|(_, facts)| facts)
    }

    /// Whether keyward may write to the server that was last seen there.
    pub fn guard(&self, rules: &Rules, memory: &RegionMemory, masters: &[Option<MasterFacts>]) -> Guard {
        if let Some(reason) = memory.released.get(&self.name) {
            let sentence = format!("{} was released to a human ({reason}); `keyward adopt` takes it back", self.name);
            return Guard::Closed(Gate::Released, sentence);
        }
        self.server_guard(rules, masters)
    }

    /// As `guard`, as if the replica was not released.
    fn server_guard(&self, rules: &Rules, masters: &[Option<MasterFacts>]) -> Guard {
        let Some(facts) = self.facts() else { return Guard::Passed };
        match self.wrong_server(facts, rules, masters) {
            Some(sentence) => Guard::Closed(Gate::WrongServer, sentence),
            None => match self.not_dedicated(facts, rules) {
                Some(sentence) => Guard::Closed(Gate::NotDedicated, sentence),
                None => self.unstamped(rules),
            },
        }
    }

    fn unstamped(&self, rules: &Rules) -> Guard {
        if self.stamp.is_some() {
            return Guard::Passed;
        }
        let sentence = format!(
            "{} at {} was never set up by keyward from here; run `keyward setup --region {}`",
            self.name, self.address, rules.region
        );
        Guard::Closed(Gate::WrongServer, sentence)
    }

    fn wrong_server(&self, facts: &ReplicaFacts, rules: &Rules, masters: &[Option<MasterFacts>]) -> Option<String> {
        let (name, address) = (&self.name, &self.address);
        if facts.is_the_master || masters.iter().flatten().any(|master| master.identity == facts.identity) {
            return Some(format!(
                "{name} at {address} is the master itself; correct the replica's address in the settings"
            ));
        }
        if let Some(other) = &facts.is_also {
            return Some(format!(
                "{name} at {address} is the same server as {other}; correct one of the two addresses"
            ));
        }
        if let Some(stamp) = &self.stamp
            && *stamp != facts.identity
        {
            return Some(format!(
                "{name} at {address} is not the server that was set up (server_id {} there, {} expected); \
                 correct the address, or run `keyward setup` for the new server",
                facts.identity.server_id, stamp.server_id
            ));
        }
        let link = facts.link.as_ref()?;
        points_at(link, &rules.master_addresses).is_none().then(|| {
            format!(
                "{name} at {address} replicates from {}:{} and not from the master {}",
                link.host,
                link.port,
                rules.master_at()
            )
        })
    }

    fn not_dedicated(&self, facts: &ReplicaFacts, rules: &Rules) -> Option<String> {
        let found = if facts.galera {
            "it is a Galera node".to_owned()
        } else if facts.own_replicas > 0 {
            format!("{} replica(s) read from it", facts.own_replicas)
        } else if !facts.other_links.is_empty() {
            format!("it also replicates from {}", facts.other_links.join(", "))
        } else if self.stamp.is_none() && !self.foreign_schemas(rules).is_empty() {
            format!("it also holds {}", self.foreign_schemas(rules).join(", "))
        } else {
            return None;
        };
        Some(format!(
            "{} at {} does not serve this replica alone: {found}; give the replica a server of its own",
            self.name, self.address
        ))
    }

    /// Schemas that do not belong on the replica.
    pub fn foreign_schemas(&self, rules: &Rules) -> Vec<String> {
        let Some(facts) = self.facts() else { return Vec::new() };
        let foreign = |schema: &&String| !rules.schemas.contains(schema) && !is_dated(schema);
        facts.schemas.iter().filter(foreign).cloned().collect()
    }

    /// The gates that this replica closes, each with its sentence.
    pub fn closed_gates(&self, scene: &Scene<'_>) -> Vec<(Gate, String)> {
        let mut closed = Vec::new();
        let (name, address) = (&self.name, &self.address);
        if let Guard::Closed(gate, sentence) = self.guard(scene.rules, scene.memory, scene.masters) {
            closed.push((gate, sentence));
            // a human's server may be the wrong one all the same
            if gate == Gate::Released
                && let Guard::Closed(gate, sentence) = self.server_guard(scene.rules, scene.masters)
            {
                closed.push((gate, sentence));
            }
        }
        if let Some(failure) = &self.failure {
            closed.push((Gate::ReplicaUnreachable, format!("{name} at {address} cannot be looked at: {failure}")));
        }
        let Some(facts) = self.facts() else {
            if self.failure.is_none() {
                closed.push((Gate::ReplicaUnreachable, format!("{name} at {address} was not looked at yet")));
            }
            return closed;
        };
        if let ActingLock::Other(id) = facts.acting_lock
            && !self.reseeding
        {
            let sentence = format!(
                "another keyward, or a set-up, acts on {name} (connection {id} on {address}); let the set-up end, or stop one of the two"
            );
            closed.push((Gate::AnotherDaemon, sentence));
        }
        if !facts.read_only {
            closed.push((Gate::ReplicaWritable, format!("{name} at {address} takes writes: read_only is off")));
        }
        if let Some(sentence) = self.data_too_old(scene) {
            closed.push((Gate::DataTooOld, sentence));
        }
        closed
    }

    fn data_too_old(&self, scene: &Scene<'_>) -> Option<String> {
        let (name, address) = (&self.name, &self.address);
        let reseed = scene.memory.replicas.get(name).and_then(|memory| memory.reseed.as_ref());
        if reseed.is_some_and(|reseed| reseed.open) {
            return Some(format!("{name} at {address} is being copied anew, so that its data are not whole"));
        }
        let most = scene.rules.max_data_age;
        match self.data_age(scene.beats, scene.now) {
            None => Some(format!("no beat has ever arrived on {}, so the age of its data is unknown", self.name)),
            Some(age) if age > most => Some(format!(
                "the newest data on {} is {} old, more than max_data_age = {}",
                self.name,
                crate::model::time::friendly(age),
                crate::model::time::friendly(most)
            )),
            Some(_) => None,
        }
    }

    /// The age of the newest beat that arrived.
    pub fn data_age(&self, beats: &Beats, now: Now) -> Option<Duration> {
        beats.data_age(&self.facts()?.beats, now)
    }

    /// How far the replica is behind.
    pub fn lag(&self, beats: &Beats, now: Now, pace: Pace) -> Option<Duration> {
        beats.lag(&self.facts()?.beats, now, pace)
    }

    /// Whether the link made progress within `patience`; absent while that cannot be known yet.
    pub fn link_up(&self, now: Moment, patience: Duration) -> Option<bool> {
        let watched = now.since(self.link_watched_since?);
        match self.link_proof {
            Some(at) if now.since(at) <= patience => Some(true),
            _ if watched > patience => Some(false),
            _ => None,
        }
    }

    /// Brings what is remembered of the server up to date.
    pub fn remember(&mut self, memory: &mut ReplicaMemory, now: Now) {
        // threads that a restart stopped were stopped by nobody's hand
        memory.owes_start |= std::mem::take(&mut self.restarted);
        let Some((_, facts)) = &self.facts else { return };
        match (facts.filter_durability, facts.read_only_durability) {
            (Durability::Kept, Durability::Kept) => memory.durable = true,
            (Durability::Lost, _) | (_, Durability::Lost) => memory.durable = false,
            // what was seen before somebody set it by hand still counts
            _ => {}
        }
        if facts.link.as_ref().is_some_and(follows) {
            // a look from before the upkeep's end may show threads that it was about to stop
            memory.owes_start &= !self.shows_upkeep();
            // written down anew when the server has been restarted, so that a later stop is not taken for a part of it
            let uptime = Duration::from_secs(facts.uptime_seconds);
            if memory.running_at.is_none_or(|at| now.age_of(at) > uptime.min(Duration::from_secs(60))) {
                memory.running_at = Some(now.wall);
            }
        }
    }
}

/// What a replica's gates are judged against.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The region's rules.
    pub rules: &'a Rules,
    /// The region's memory.
    pub memory: &'a RegionMemory,
    /// The ledger of beats.
    pub beats: &'a Beats,
    /// What each of the master's addresses showed last.
    pub masters: &'a [Option<MasterFacts>],
    /// Now.
    pub now: Now,
}

/// Whether both threads of a link are at work; without a master the I/O thread goes on trying.
fn follows(link: &LinkFacts) -> bool {
    link.io != ThreadState::Stopped && link.sql == ThreadState::Running
}

/// Which of the master's addresses a link leads to.
pub fn points_at(link: &LinkFacts, masters: &[Address]) -> Option<usize> {
    masters.iter().position(|master| link.host.eq_ignore_ascii_case(&master.host) && link.port == master.port)
}
