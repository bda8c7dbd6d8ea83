//! The gates, as the last looks show them, and the way out through them.

use keyward::judge::RegionMemory;
use keyward::model::observation::ActingLock;
use keyward::model::{Cause, Gate, Now, Phase};

use super::super::core;
use super::super::servers::Master;
use super::super::setup::replica;
use super::super::time::{Ms, moment, ms};
use super::{Move, Reference};

/// Which way doubt goes: an age can be known by two clocks that disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// In doubt a gate is open.
    Open,
    /// In doubt it is closed.
    Closed,
}

impl Reference {
    /// Every gate that is closed for a failover by keyward's own rule.
    pub fn closed(&self, master: &Master, now: Now) -> Vec<Gate> {
        self.closed_but(master, now, Doubt::Closed, &self.memory, |_| false)
    }

    /// Every closed gate that does not pass all the same; one and the same replica counts.
    pub(super) fn closed_but(
        &self,
        master: &Master,
        now: Now,
        doubt: Doubt,
        memory: &RegionMemory,
        passes: impl Fn(&Gate) -> bool,
    ) -> Vec<Gate> {
        let mut closed = Vec::new();
        if memory.pause.is_some() {
            closed.push(Gate::Paused);
        }
        match self.rules.mode.code() {
            "manual" => closed.push(Gate::ModeManual),
            "off" => closed.push(Gate::ModeOff),
            _ => {}
        }
        if !self.was_seen(master, now, doubt, memory) {
            closed.push(Gate::NeverSeen);
        }
        closed.extend(self.identity_gates(doubt, memory));
        closed.dedup();
        let of_replicas = (0..self.replicas.len()).map(|number| self.replica_gates(number, master, now, doubt, memory));
        let best = of_replicas.min_by_key(|gates| (gates.iter().filter(|gate| !passes(gate)).count(), gates.len()));
        closed.extend(best.unwrap_or_default());
        closed.retain(|gate| !passes(gate));
        closed
    }

    fn was_seen(&self, master: &Master, now: Now, doubt: Doubt, memory: &RegionMemory) -> bool {
        let most = ms(self.rules.max_data_age);
        let age = |number| self.data_age(number, master, now, doubt);
        let young = (0..self.replicas.len()).filter_map(age).any(|age| age <= most);
        let on_record = if doubt == Doubt::Open { self.ever_seen } else { memory.proof.is_some() };
        self.silence.proof().is_some() || young || on_record
    }

    /// The gates that one replica closes.
    fn replica_gates(
        &self,
        number: usize,
        master: &Master,
        now: Now,
        doubt: Doubt,
        memory: &RegionMemory,
    ) -> Vec<Gate> {
        let mut closed = self.guards(number, memory);
        let seen = &self.replicas[number];
        if !seen.answers {
            closed.push(Gate::ReplicaUnreachable);
        }
        let Some(facts) = &seen.facts else { return closed };
        if matches!(facts.acting_lock, ActingLock::Other(_)) {
            closed.push(Gate::AnotherDaemon);
        }
        if !facts.read_only {
            closed.push(Gate::ReplicaWritable);
        }
        let most = ms(self.rules.max_data_age);
        if self.data_age(number, master, now, doubt).is_none_or(|age| age > most) {
            closed.push(Gate::DataTooOld);
        }
        closed
    }

    /// Why nothing may be written to a replica's server.
    pub(super) fn guards(&self, number: usize, memory: &RegionMemory) -> Vec<Gate> {
        let seen = &self.replicas[number];
        let mut closed = Vec::new();
        if memory.released.contains_key(&replica(number)) {
            closed.push(Gate::Released);
        }
        let Some(facts) = &seen.facts else { return closed };
        if !seen.stamped || facts.identity != core::identity(number + 2) || facts.is_the_master {
            closed.push(Gate::WrongServer);
        } else if !facts.other_links.is_empty() {
            closed.push(Gate::NotDedicated);
        }
        closed
    }

    /// The age of the newest beat on a replica: since it was truly committed, or by the wall clock in its row.
    pub(super) fn data_age(&self, number: usize, master: &Master, now: Now, doubt: Doubt) -> Option<Ms> {
        let facts = self.replicas[number].facts.as_ref()?;
        let ages = facts.beats.iter().map(|row| {
            let by_wall = ms(now.age_of(row.written_at));
            let own = (row.instance == self.beats.instance).then(|| master.committed(row.number)).flatten();
            let truly = own.map_or(by_wall, |at| ms(now.mono.since(moment(at))));
            if doubt == Doubt::Open { by_wall.min(truly) } else { by_wall.max(truly) }
        });
        ages.min()
    }

    /// The way out, by keyward's own rule: silence, evidence, and one replica that passes every gate.
    pub(super) fn check_way_out(&mut self, step: &Move<'_>) {
        if step.cause == Cause::Manual {
            return;
        }
        let needed = ms(self.rules.unreachable_after);
        let silent = self.asked_for(|named| named.silence.silent(step.t) >= needed);
        let all: Vec<Ms> = self.named().iter().map(|named| named.silence.silent(step.t)).collect();
        self.promise("no failover without silence", silent, || format!("{all:?} ms of {needed}"));
        let failed = self
            .asked_for(|named| named.silence.silent(step.t) >= needed && named.silence.evidence(named.addresses) >= 2);
        let all: Vec<usize> = self.named().iter().map(|named| named.silence.evidence(named.addresses)).collect();
        self.promise("no failover without failed looks", failed, || format!("{all:?} look(s) failed"));
        let (held, mode) = (self.is_held(step), self.rules.mode.code());
        self.promise("no failover while frozen", !held, || format!("mode {mode}"));
        let rests = self.rests_since;
        self.promise("failover rests after a failback by hand", rests.is_none(), || format!("since {rests:?}"));
        let closed = self.closed_but(step.master, step.now, Doubt::Open, step.after, |_| false);
        self.promise("no failover through a gate", closed.is_empty(), || format!("{closed:?}"));
        (self.ordered, self.forced) = (false, false);
    }

    /// What speaks for a failover without a doubt must lead to one.
    pub(super) fn check_overdue(&mut self, t: Ms, now: Now, master: &Master, after: &RegionMemory) {
        let outside = matches!(after.phase, Phase::Remote | Phase::Suspect | Phase::Returning);
        let down = self.surely_down(t, after);
        let due = outside && down && !after.resting && self.memory.pause.is_none();
        if !due || !self.closed_but(master, now, Doubt::Closed, after, |_| false).is_empty() {
            self.overdue = None;
            return;
        }
        let since = *self.overdue.get_or_insert(t);
        let slack = 2 * ms(self.rules.poll_interval) + 50;
        self.promise("an outage leads to a failover", t - since <= slack, || format!("overdue for {} ms", t - since));
    }
}
