//! The databases of the simulated world as they truly are: the master's beats and each replica's link.

use std::collections::{BTreeMap, VecDeque};

use keyward::model::Address;
use keyward::model::observation::{ActingLock, BeatRow, Durability, MasterFacts, ReplicaFacts, ThreadState};
use keyward::model::upkeep::UpkeepStep;

use super::core;
use super::time::Ms;

/// One server of the master side.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The rows of `keyward.beat`.
    rows: Vec<BeatRow>,
    /// How many events its binary log holds.
    position: u64,
    /// It has left the stream of the others: nothing new arrives.
    pub apart: bool,
    /// Another server altogether answers at its address.
    pub stranger: bool,
    /// It takes no writes.
    pub read_only: bool,
}

/// The master: one server, or several that share a stream, each at an address of its own.
#[derive(Debug, Default)]
pub struct Master {
    /// The servers.
    pub servers: Vec<Server>,
    /// When each of the present instance's beats was committed.
    commits: VecDeque<(u64, Ms)>,
    /// As above, of those that it has lost since; a replica may show them.
    lost: BTreeMap<u64, Ms>,
}

impl Master {
    /// So many servers.
    pub fn new(count: usize, standby: bool) -> Self {
        let server = |place| Server { read_only: standby && place > 0, ..Server::default() };
        Self { servers: (0..count).map(server).collect(), ..Self::default() }
    }

    /// An instance's number, as it stands at an address.
    pub fn number(&self, place: usize, instance: &str) -> Option<u64> {
        self.servers.get(place).filter(|server| !server.stranger)?.number(instance)
    }

    /// Each of the servers in `joined` gets what the others of them have.
    pub fn share(&mut self, joined: &[bool; 3]) {
        let in_it = |(place, server): (usize, &Server)| (joined[place] && !server.apart).then_some(place);
        let places: Vec<usize> = self.servers.iter().enumerate().filter_map(in_it).collect();
        let Some(position) = places.iter().map(|place| self.servers[*place].position).max() else { return };
        if places.iter().all(|place| self.servers[*place].position == position) {
            return;
        }
        let mut rows: Vec<BeatRow> = Vec::new();
        for row in places.iter().flat_map(|place| &self.servers[*place].rows) {
            match rows.iter_mut().find(|other| other.instance == row.instance) {
                Some(other) if other.number < row.number => *other = row.clone(),
                Some(_) => {}
                None => rows.push(row.clone()),
            }
        }
        for place in places {
            (self.servers[place].position, self.servers[place].rows) = (position, rows.clone());
        }
    }

    /// Somebody commits something that is no beat.
    pub fn write(&mut self, place: usize) {
        self.servers[place].position += 1;
    }

    /// Commits a beat.
    pub fn commit(&mut self, place: usize, row: BeatRow, t: Ms) {
        while self.commits.back().is_some_and(|(number, _)| *number >= row.number) {
            self.commits.pop_back();
        }
        self.commits.push_back((row.number, t));
        if self.commits.len() > 20_000 {
            self.commits.pop_front();
        }
        let server = &mut self.servers[place];
        server.position += 1;
        server.rows.retain(|other| other.instance != row.instance);
        server.rows.insert(0, row);
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

    /// A server comes back without the last `count` beats of `instance`.
    pub fn lose(&mut self, place: usize, instance: &str, count: u64) {
        let server = &mut self.servers[place];
        if let Some(row) = server.rows.iter_mut().find(|row| row.instance == instance) {
            row.number = row.number.saturating_sub(count);
        }
        let most = self.servers.iter().filter_map(|server| server.number(instance)).max();
        let left = self.commits.partition_point(|(number, _)| Some(*number) <= most);
        if most.is_some() {
            self.lost.extend(self.commits.drain(left..));
        }
    }

    /// What a look at an address shows.
    pub fn facts(&self, place: usize) -> MasterFacts {
        let (server, alone) = (&self.servers[place], self.servers.len() == 1);
        let number = if server.stranger { 77 } else { core::master(place) };
        let ahead = if server.stranger { 1_000_000 } else { 0 };
        MasterFacts {
            identity: core::identity(number),
            version: "10.11.19-MariaDB".into(),
            position: if alone { String::new() } else { format!("0-{number}-{}", server.position + ahead) },
            written: format!("0-1-{}", server.position + ahead),
            read_only: server.read_only,
            certificate_until: None,
            beats: if server.stranger { Vec::new() } else { server.rows.clone() },
            beats_are_old: false,
        }
    }
}

impl Server {
    fn number(&self, instance: &str) -> Option<u64> {
        self.rows.iter().find(|row| row.instance == instance).map(|row| row.number)
    }
}

/// What of a link is true, whatever the server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Counts the starts of the replica's server.
    pub start: u64,
    /// How much has arrived since that start: heartbeats and events.
    pub arrived: u64,
    /// Which of the master's addresses it leads to.
    pub leads_to: usize,
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
    applied: u64,
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
            applied: 0,
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
            // a server that is behind has nothing to give
            let server = &master.servers[self.truth.leads_to];
            if self.position < server.position {
                self.truth.arrived += 1;
                self.position = server.position;
                self.received.clone_from(&server.rows);
            }
        } else {
            self.cut_since.get_or_insert(t);
        }
        if self.sql_on && !lags && self.applied != self.position {
            self.applied = self.position;
            self.facts.beats.clone_from(&self.received);
        }
    }

    /// Its server was started again; it may claim a link that it does not have.
    pub fn restart(&mut self, t: Ms, durable: bool, claims: bool) {
        self.started = t;
        self.truth = Truth { start: self.truth.start + 1, arrived: 0, ..self.truth };
        self.heartbeats = if claims { 1_000 } else { 0 };
        self.claims = claims;
        self.heard = t;
        (self.io_on, self.sql_on) = (false, false);
        self.received.clone_from(&self.facts.beats);
        self.position = self.applied;
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
    fn set_filter(&mut self, filter: &str) {
        self.facts.filter = filter.to_owned();
        (self.io_on, self.sql_on) = (false, false);
    }

    /// Its link is moved to another address.
    fn move_link(&mut self, t: Ms, place: usize) {
        (self.truth.leads_to, self.heard, self.cut_since) = (place, t, None);
        (self.io_on, self.sql_on) = (true, true);
    }

    /// Does a step of an upkeep.
    pub fn perform(&mut self, t: Ms, step: &UpkeepStep, addresses: &[Address]) {
        match step {
            UpkeepStep::SetReadOnly => self.set_read_only(true),
            UpkeepStep::HoldSqlThread => self.sql_on = false,
            UpkeepStep::SetFilter(filter) => self.set_filter(filter),
            UpkeepStep::StartThreads | UpkeepStep::RestartIoThread => (self.io_on, self.sql_on) = (true, true),
            UpkeepStep::StopThreads => (self.io_on, self.sql_on) = (false, false),
            UpkeepStep::MoveLink(to) => {
                let place = addresses.iter().position(|address| address == to);
                self.move_link(t, place.unwrap_or(0));
            }
            UpkeepStep::SetNetTimeout(_) => {}
        }
    }

    /// What is true of the link.
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// What a look at it shows at `t`.
    pub fn look(
        &mut self,
        t: Ms,
        (wire, alone): (Wire, bool),
        sql_fails: bool,
        beat: Ms,
        lock: ActingLock,
    ) -> ReplicaFacts {
        let mut facts = self.facts.clone();
        if !alone {
            facts.applied = format!("0-1-{}", self.applied);
        }
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
            link.host = core::address(core::master(self.truth.leads_to)).host;
            if !alone {
                link.io_gtid = format!("0-1-{}", self.position);
            }
            link.heartbeats = self.heartbeats;
            link.log_number = 1;
            link.log_position = self.position;
        }
        facts
    }
}
