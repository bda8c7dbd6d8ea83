//! The one file that calls the judge: what the world needs of it, and the plain values that it is fed.

use std::time::Duration;

use keyward::judge::{Guard, Judge, LevelOrder, Memory, RegionMemory, Rules, Start};
use keyward::model::WebUrl;
use keyward::model::command::{Command, Reply};
use keyward::model::haproxy::{Change, Haproxy, HaproxyLook, HaproxySocket};
use keyward::model::hook::{HookKind, HookOutcome, HookSpec};
use keyward::model::identity::IdentityLook;
use keyward::model::observation::{
    ActingLock, BeatOrder, BeatOutcome, Durability, LinkFacts, Look, MasterFacts, ReplicaFacts, ServerIdentity,
    ThreadState,
};
use keyward::model::phase::{Failback, LocalIdentity, Mode, Trigger};
use keyward::model::upkeep::UpkeepStep;
use keyward::model::view::RegionView;
use keyward::model::{Address, Event, Moment, Now, RegionName};
use keyward::plan::upkeep;

use super::setup::{region, replica};

const FILTER: &str = "keystone.%,keyward.%";
const NET_TIMEOUT: u64 = 4;

/// The judge of one life of the daemon.
pub struct Core(Judge);

impl Core {
    /// A judge that goes on from what is on disk.
    pub fn new(rules: Rules, memory: Memory, seed: u64, now: Now) -> Self {
        Self(Judge::new(vec![rules], memory, seed, now))
    }

    /// The memory as it should be on disk.
    pub fn memory(&self) -> Memory {
        self.0.memory()
    }

    /// The region's part of it.
    pub fn region(&self) -> &RegionMemory {
        self.0.regions()[0].memory()
    }

    /// A look at the master.
    pub fn master(&mut self, now: Now, place: usize, look: &Look<MasterFacts>) {
        self.0.handle_master(now, place, look);
    }

    /// A look at RegionOne's Keystone.
    pub fn identity(&mut self, now: Now, look: &IdentityLook) {
        self.0.handle_identity(now, look);
    }

    /// A look at the region's own Keystone.
    pub fn local_identity(&mut self, now: Now, look: &IdentityLook) {
        self.0.handle_local_identity(now, &region(), look);
    }

    /// A look at a replica.
    pub fn replica(&mut self, now: Now, number: usize, look: &Look<ReplicaFacts>) {
        self.0.handle_replica(now, &region(), &replica(number), look);
    }

    /// What came of a beat.
    pub fn beat(&mut self, now: Now, place: usize, outcome: &BeatOutcome) {
        self.0.handle_beat(now, place, outcome);
    }

    /// The end of a hook's run.
    pub fn hook(&mut self, now: Now, outcome: &HookOutcome) {
        self.0.handle_hook(now, &region(), outcome);
    }

    /// A look at the HAProxy of the hook with this number.
    pub fn haproxy(&mut self, now: Now, hook: usize, look: &HaproxyLook) {
        self.0.handle_haproxy(now, &region(), &hook_name(hook), look);
    }

    /// What came of setting it again.
    pub fn level_ended(&mut self, now: Now, hook: usize, result: Option<Result<Vec<Change>, String>>) {
        self.0.handle_level_ended(now, &region(), &hook_name(hook), result);
    }

    /// The levels to set again.
    pub fn level_orders(&mut self, saved: bool) -> Vec<LevelOrder> {
        self.0.take_level_orders(saved)
    }

    /// Whether set-up has stamped a replica's server.
    pub fn stamp(&mut self, number: usize, stamped: bool) {
        self.0.handle_stamp(&region(), &replica(number), stamped.then(|| identity(number + 2)));
    }

    /// Settings that were read again.
    pub fn reload(&mut self, rules: Rules) {
        self.0.handle_rules(vec![rules]);
    }

    /// Whether the memory could be written.
    pub fn saved(&mut self, result: Result<(), String>) {
        self.0.handle_saved(result);
    }

    /// An operator's command.
    pub fn command(&mut self, now: Now, command: &Command) -> Reply {
        self.0.handle_command(now, command, "ann")
    }

    /// Lets time pass and decides.
    pub fn step(&mut self, now: Now) {
        self.0.step(now);
    }

    /// When it next wants a step.
    pub fn deadline(&self) -> Option<Moment> {
        self.0.poll_deadline()
    }

    /// What it tells.
    pub fn events(&mut self) -> Vec<Event> {
        self.0.take_events()
    }

    /// The hooks to start.
    pub fn starts(&mut self, saved: bool) -> Vec<Start> {
        self.0.take_starts(saved)
    }

    /// The orders for the writer of beats.
    pub fn orders(&mut self) -> Vec<(usize, BeatOrder)> {
        self.0.take_beat_orders()
    }

    /// Whether the lock on a replica is wanted.
    pub fn wants_lock(&self, number: usize) -> bool {
        self.0.regions()[0].wants_lock(&replica(number))
    }

    /// What every report is made from.
    pub fn view(&self, now: Now) -> RegionView {
        self.0.views(now).remove(0)
    }

    /// The upkeep that a replica needs, as `daemon::keep` asks for it; marked as begun.
    pub fn upkeep(&mut self, now: Now, number: usize) -> Option<Vec<UpkeepStep>> {
        let (ours, name) = (&self.0.regions()[0], replica(number));
        let (facts, guard) = ours.upkeep_scene(&name)?;
        if guard != Guard::Passed || facts.acting_lock != ActingLock::Ours {
            return None;
        }
        let remembered = ours.memory().replicas.get(&name);
        let wanted = upkeep::Wanted {
            filter: &ours.rules().filter,
            net_timeout_seconds: NET_TIMEOUT,
            link_is_held: ours.memory().lost.is_some(),
            link_is_silent: ours.link_is_silent(&name, now.mono),
            owes_start: remembered.is_some_and(|replica| replica.owes_start),
            running_at: remembered.and_then(|replica| replica.running_at),
            successor: ours.link_successor(&name, now),
        };
        let steps = upkeep::steps(facts, &wanted, now);
        if steps.is_empty() {
            return None;
        }
        let stops = upkeep::stops_threads(&steps);
        self.0.handle_upkeep_begun(&region(), &name, stops);
        Some(steps)
    }

    /// What came of an upkeep.
    pub fn upkeep_ended(&mut self, now: Now, number: usize, sentence: String) {
        self.0.handle_upkeep_ended(now, &region(), &replica(number), sentence, true);
    }
}

/// The number of the server at one of the master's addresses.
pub fn master(place: usize) -> usize {
    if place == 0 { 1 } else { 10 + place }
}

/// The address of the server with this number.
pub fn address(server: usize) -> Address {
    Address { host: format!("10.0.0.{server}"), port: 3306 }
}

/// The identity of the server with this number.
pub fn identity(server: usize) -> ServerIdentity {
    ServerIdentity { uid: format!("uid-{server}"), server_id: server as u32 }
}

/// A hook.
pub fn hook(name: &str, optional: bool, timeout: Duration) -> HookSpec {
    let kind = HookKind::Exec { command: vec!["/bin/true".into()] };
    HookSpec { name: name.to_owned(), kind, timeout, optional }
}

/// A hook's name by its number.
pub fn hook_name(number: usize) -> String {
    format!("hook{number}")
}

/// The servers of an HAProxy: in the master's region, and in the region itself.
pub const SERVERS: [&str; 2] = ["identity/far", "identity/near"];

/// What the hook of an HAProxy is about.
pub fn proxy() -> Haproxy {
    let socket = HaproxySocket::Unix("/run/haproxy.sock".into());
    Haproxy { socket, remote: vec![SERVERS[0].into()], local: vec![SERVERS[1].into()] }
}

/// A hook that posts to a web server.
pub fn http() -> HookKind {
    let path = secrecy::SecretString::from("/hook").into();
    let url = WebUrl { https: true, server: address(200), authority: "10.0.0.200:3306".into(), path };
    HookKind::Http { url, secret: None, ca_file: None }
}

/// Rules as the defaults are.
pub fn rules() -> Rules {
    Rules {
        region: region(),
        master_region: RegionName("RegionOne".into()),
        master_addresses: vec![address(1)],
        schemas: vec!["keystone".into(), "keyward".into()],
        filter: FILTER.into(),
        replicas: vec![(replica(0), address(2))],
        hooks: vec![hook("switch", false, Duration::from_secs(60))],
        mode: Mode::Auto,
        trigger: Trigger::Master,
        identity: None,
        local_identity: None,
        require_local_identity: LocalIdentity::Off,
        failback: Failback::Auto,
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        beat_interval: Duration::from_secs(1),
        unreachable_after: Duration::from_secs(10),
        failback_after: Duration::from_secs(60),
        failback_max_lag: Duration::from_secs(5),
        max_data_age: Duration::from_secs(86_400),
    }
}

/// What a healthy replica's server says of itself.
pub fn replica_facts(number: usize) -> ReplicaFacts {
    let master = address(1);
    let link = LinkFacts {
        host: master.host,
        port: master.port,
        user: "keyward_repl".into(),
        io: ThreadState::Running,
        sql: ThreadState::Running,
        by_gtid: true,
        ..LinkFacts::default()
    };
    ReplicaFacts {
        identity: identity(number + 2),
        version: "10.11.19-MariaDB".into(),
        read_only: true,
        read_only_durability: Durability::Kept,
        filter: FILTER.into(),
        filter_durability: Durability::Kept,
        net_timeout_seconds: NET_TIMEOUT,
        link: Some(link),
        schemas: vec!["keystone".into(), "keyward".into()],
        proven_not_master: true,
        ..ReplicaFacts::default()
    }
}
