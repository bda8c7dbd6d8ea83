//! The databases of the simulated world as they truly are: the master's beats and each replica's link.

use std::collections::{BTreeMap, VecDeque};

use keyward::model::observation::{ActingLock, BeatRow, Durability, MasterFacts, ReplicaFacts, ThreadState};

use super::core;
use super::time::Ms;

/// The master.
#[derive(Debug, Default)]
pub struct Master {
    /// The rows of `keyward.beat`.
    pub rows: Vec<BeatRow>,
    /// When each of the present instance's beats was committed.
    commits: VecDeque<(u64, Ms)>,
    /// As above, of those that it has lost since; a replica may show them.
    lost: BTreeMap<u64, Ms>,
    /// How many events its binary log holds.
    position: u64,
}

impl Master {
    /// An instance's number.
    pub fn number(&self, instance: &str) -> Option<u64> {
        self.rows.iter().find(|row| row.instance == instance).map(|row| row.number)
    }

    /// Commits a beat.
    pub fn commit(&mut self, row: BeatRow, t: Ms) {
        while self.commits.back().is_some_and(|(number, _)| *number >= row.number) {
            self.commits.pop_back();
        }
        self.commits.push_back((row.number, t));
        if self.commits.len() > 20_000 {
            self.commits.pop_front();
        }
        self.position += 1;
        self.rows.retain(|other| other.instance != row.instance);
        self.rows.insert(0, row);
    }

    /// When the oldest beat after `number` and up to `last` was committed.
    pub fn oldest_after(&self, number: u64, last: u64) -> Option<Ms> {
        let at = self.commits.partition_point(|(other, _)| *other <= number);
        self.commits.get(at).filter(|(other, _)| *other <= last).map(|(_, t)| *t)
    }

    /// When a beat was committed.
    pub fn committed(&self, number: u64) -> Option<Ms> {
        let at = self.commits.binary_search_by_key(&number, |(number, _)| *number);
        at.ok().map(|at| self.commits[at].1).or_else(|| self.lost.get(&number).copied())
    }

    /// Comes back without the last `count` beats of `instance`.
    pub fn lose(&mut self, instance: &str, count: u64) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.instance == instance) {
            row.number = row.number.saturating_sub(count);
            let left = self.commits.partition_point(|(number, _)| *number <= row.number);
            self.lost.extend(self.commits.drain(left..));
        }
    }

    /// What a look at it shows.
    pub fn facts(&self) -> MasterFacts {
        MasterFacts {
            identity: core::identity(1),
            version: "10.11.19-MariaDB".into(),
            position: String::new(),
            written: String::new(),
            read_only: false,
            beats: self.rows.clone(),
        }
    }
}

/// What of a link is true, whatever the server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Counts the starts of the replica's server.
    pub start: u64,
    /// How much has arrived since that start: heartbeats and events.
    pub arrived: u64,
}

/// What stands between the master and a replica now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Everything arrives.
    Whole,
    /// The replica's server knows that it is not connected.
    Broken,
    /// Nothing arrives, which the replica's server learns late.
    Cut,
    /// Nothing arrives, which the replica's server never learns.
    OneWay,
}

/// A replica.
#[derive(Debug)]
pub struct Replica {
    /// What its server says, but for the link's counters.
    facts: ReplicaFacts,
    received: Vec<BeatRow>,
    position: u64,
    heartbeats: u64,
    heard: Ms,
    cut_since: Option<Ms>,
    started: Ms,
    truth: Truth,
    claims: bool,
    /// Whether its I/O thread is meant to run.
    pub io_on: bool,
    /// Whether its SQL thread is meant to run.
    pub sql_on: bool,
}

impl Replica {
    /// A healthy one.
    pub fn new(number: usize) -> Self {
        Self {
            facts: core::replica_facts(number),
            received: Vec::new(),
            position: 0,
            heartbeats: 0,
            heard: 0,
            cut_since: None,
            started: 0,
            truth: Truth::default(),
            claims: false,
            io_on: true,
            sql_on: true,
        }
    }

    /// Lets the time up to `t` pass, in which `wire` and `lags` did not change.
    pub fn settle(&mut self, t: Ms, master: &Master, beat: Ms, wire: Wire, lags: bool) {
        if wire == Wire::Whole && self.io_on {
            if self.cut_since.take().is_some() {
                self.heard = t;
            }
            let missed = (t - self.heard) / beat;
            self.heartbeats += missed;
            self.heard += missed * beat;
            self.truth.arrived += missed;
            if self.position != master.position {
                self.truth.arrived += 1;
                self.position = master.position;
                self.received.clone_from(&master.rows);
            }
        } else {
            self.cut_since.get_or_insert(t);
        }
        if self.sql_on && !lags && self.facts.beats != self.received {
            self.facts.beats.clone_from(&self.received);
        }
    }

    /// Its server was started again; it may claim a link that it does not have.
    pub fn restart(&mut self, t: Ms, durable: bool, claims: bool) {
        self.started = t;
        self.truth = Truth { start: self.truth.start + 1, arrived: 0 };
        self.heartbeats = if claims { 1_000 } else { 0 };
        self.claims = claims;
        self.heard = t;
        (self.io_on, self.sql_on) = (false, false);
        self.received.clone_from(&self.facts.beats);
        if !durable {
            self.facts.read_only = false;
            self.facts.filter = String::new();
            self.facts.read_only_durability = Durability::Lost;
            self.facts.filter_durability = Durability::Lost;
        }
    }

    /// Somebody makes its server writable or read-only.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.facts.read_only = read_only;
    }

    /// Somebody sets its filter, for which both threads stop.
    pub fn set_filter(&mut self, filter: &str) {
        self.facts.filter = filter.to_owned();
        (self.io_on, self.sql_on) = (false, false);
    }

    /// What is true of the link.
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// What a look at it shows at `t`.
    pub fn look(&mut self, t: Ms, wire: Wire, sql_fails: bool, beat: Ms, lock: ActingLock) -> ReplicaFacts {
        let mut facts = self.facts.clone();
        facts.uptime_seconds = (t + 1_000_000 - self.started) / 1_000;
        facts.acting_lock = lock;
        let claims = std::mem::take(&mut self.claims);
        if let Some(link) = &mut facts.link {
            let unaware = self.cut_since.is_none_or(|since| t - since < 4 * beat);
            link.io = match wire {
                _ if claims => ThreadState::Running,
                _ if !self.io_on => ThreadState::Stopped,
                Wire::Whole | Wire::OneWay => ThreadState::Running,
                Wire::Cut if unaware => ThreadState::Running,
                Wire::Cut | Wire::Broken => ThreadState::Connecting,
            };
            link.sql = if self.sql_on && !sql_fails { ThreadState::Running } else { ThreadState::Stopped };
            link.sql_errno = if sql_fails { 1_062 } else { 0 };
            link.heartbeats = self.heartbeats;
            link.log_number = 1;
            link.log_position = self.position;
        }
        facts
    }
}
