//! One life of the daemon: its tasks, its queue, and the turn of its loop in the order of `daemon::run`, which can be
//! struck between any two effects.

use std::collections::VecDeque;

use keyward::judge::Memory;
use keyward::model::haproxy::{Change, HaproxyLook};
use keyward::model::hook::HookOutcome;
use keyward::model::identity::IdentityLook;
use keyward::model::observation::{BeatOutcome, Look, MasterFacts, ReplicaFacts};
use keyward::model::retry;
use keyward::model::upkeep::UpkeepStep;
use keyward::model::{Event, EventKind};

use super::beater::Beater;
use super::core::Core;
use super::fault::{Fault, Kind, Point};
use super::keystone::Prober;
use super::looker::Looker;
use super::proxy::Watch;
use super::runs::Behaviour;
use super::setup::region;
use super::time::{Ms, moment, ms, span};
use super::world::World;

const LAZY_SAVE: Ms = 10_000;
const RETRY_SAVE: Ms = 1_000;

/// What reaches the loop.
#[derive(Debug)]
pub enum Input {
    /// A look at one of the master's addresses, and when it began.
    Master(usize, Look<MasterFacts>, Ms),
    /// A look at a replica.
    Replica(usize, Box<Look<ReplicaFacts>>),
    /// A look at RegionOne's Keystone, and when it began.
    Identity(Box<IdentityLook>, Ms),
    /// A look at the region's own Keystone.
    LocalIdentity(Box<IdentityLook>),
    /// What came of a beat at one of them.
    Beat(usize, BeatOutcome),
    /// The end of a hook's run.
    Hook(HookOutcome),
    /// A look at the HAProxy.
    Haproxy(HaproxyLook),
    /// What came of setting it again.
    Level(Option<Result<Vec<Change>, String>>),
    /// The end of an upkeep.
    Upkeep(usize, String),
}

#[derive(Debug, Default)]
struct Keeper {
    /// The steps under way and when they end.
    doing: Option<(Vec<UpkeepStep>, Ms)>,
    failures: u32,
    not_before: Ms,
}

/// One life.
pub struct Daemon {
    /// The judge.
    pub core: Core,
    /// What waits for the loop.
    pub queue: VecDeque<Input>,
    /// Operators' commands and signals that wait for the loop.
    pub requests: VecDeque<Fault>,
    /// The tasks that look: at each of the master's addresses, then at each replica.
    pub lookers: Vec<Looker>,
    /// The tasks that look at Keystones, RegionOne's first.
    pub probers: [Option<Prober>; 2],
    /// The tasks that beat.
    pub beaters: Vec<Beater>,
    /// Whether the lock on each replica is wanted.
    pub wishes: Vec<bool>,
    /// What is on disk as far as it knows.
    pub saved: Memory,
    saved_at: Option<Ms>,
    save_failed: bool,
    keepers: Vec<Keeper>,
    /// The task that looks at the HAProxy.
    pub watch: Watch,
    wake: Ms,
    /// Until when its last turn lasts.
    busy: Ms,
}

impl Daemon {
    /// When the loop wakes.
    pub fn wake(&self) -> Ms {
        if self.queue.is_empty() && self.requests.is_empty() { self.wake } else { self.busy }
    }

    /// When one of its tasks next does something.
    pub fn next_task(&self) -> Ms {
        let looks = self.lookers.iter().map(Looker::next);
        let upkeeps = self.keepers.iter().filter_map(|keeper| keeper.doing.as_ref().map(|(_, ends)| *ends));
        looks
            .chain(upkeeps)
            .chain(self.beaters.iter().filter_map(Beater::next))
            .chain(self.watch.next())
            .chain(self.probers.iter().flatten().map(Prober::next))
            .min()
            .unwrap_or(Ms::MAX)
    }
}

impl World {
    /// Starts the daemon from what is on disk.
    pub fn start(&mut self) {
        self.life += 1;
        let mut memory = match self.readable() {
            Some(memory) => {
                let text = serde_json::to_string(memory).unwrap();
                serde_json::from_str(&text).unwrap()
            }
            None => Memory { version: 1, instance: format!("life-{}", self.life), ..Memory::default() },
        };
        let saved = memory.clone();
        if self.damaged {
            memory.regions.entry(region()).or_default().hold("keyward", "the state file is damaged");
        }
        let (poll, limit, t) = (self.setup.poll(), self.setup.probe_timeout(), self.t);
        let (addresses, count) = (self.setup.addresses(), self.replicas.len());
        let mut core = Core::new(self.rules.clone(), memory, self.setup.seed, self.now());
        for number in 0..count {
            core.stamp(number, !self.is_on_at(Kind::Unstamped, number));
        }
        self.reference.born(t, &self.rules, &saved.instance, core.region());
        self.story.tell(t, || format!("* the daemon starts, in {}", core.region().phase));
        self.daemon = Some(Daemon {
            queue: VecDeque::new(),
            requests: VecDeque::new(),
            lookers: (0..addresses + count).map(|_| Looker::new(t, poll, limit, self.setup.connecting)).collect(),
            probers: Prober::of(&self.rules, t),
            beaters: (0..addresses)
                .map(|place| Beater::new(t, place, saved.instance.clone(), self.setup.beat(), limit.max(1_000)))
                .collect(),
            wishes: vec![false; count],
            saved,
            saved_at: None,
            save_failed: false,
            keepers: (0..count).map(|_| Keeper::default()).collect(),
            watch: Watch::default(),
            wake: t,
            busy: t,
            core,
        });
    }

    /// Ends the daemon, and has it started again after a while.
    pub fn die(&mut self, down: Ms) {
        if self.daemon.take().is_some() {
            self.runs.orphan(&mut self.proxy);
            self.reference.died(self.disk.as_ref().filter(|_| !self.damaged));
            self.restart_at = self.t + down.max(1);
            (self.frozen, self.starved) = (0, 0);
        }
    }

    /// One turn of the loop.
    pub fn turn(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        // the loop wakes for a request or an input, whichever it meets first, and then takes in all that waits
        let request = if daemon.queue.is_empty() || self.random.bool() { daemon.requests.pop_front() } else { None };
        if let Some(fault) = request {
            self.serve(fault);
        }
        self.take_in();
        if !self.pass(Point::Inputs) {
            return;
        }
        let now = self.now();
        self.reference.wakes(self.t, self.starved.max(self.frozen).max(self.asleep), self.setup.turn_takes);
        let Some(daemon) = &mut self.daemon else { return };
        daemon.core.step(now);
        let events = daemon.core.events();
        self.decides |= !events.is_empty();
        self.reference.stepped(self.t, now, &self.master, &events, daemon.core.region(), daemon.save_failed);
        if !self.pass(Point::Decided) {
            return;
        }
        let upkeeps = self.mark_upkeeps();
        if !self.pass(Point::Marked) {
            return;
        }
        let saved = self.save(false);
        if !self.pass(Point::Saved) {
            return;
        }
        self.tell(&events);
        if !self.pass(Point::Told) || !self.begin_hooks(saved) {
            return;
        }
        self.begin_levels(saved);
        self.begin_upkeeps(upkeeps);
        if self.pass(Point::Kept) {
            self.direct();
        }
    }

    fn take_in(&mut self) {
        let now = self.now();
        let Some(daemon) = &mut self.daemon else { return };
        while let Some(input) = daemon.queue.pop_front() {
            match input {
                Input::Master(place, look, began) => {
                    self.reference.handles(self.t);
                    self.decides |= look.result.is_err();
                    self.reference.handles_master(self.t, place, began, &look);
                    daemon.core.master(now, place, &look);
                }
                Input::Replica(number, look) => {
                    self.reference.handles(self.t);
                    self.reference.handles_replica(number, &look);
                    daemon.core.replica(now, number, &look);
                }
                Input::Identity(look, began) => {
                    self.reference.handles(self.t);
                    self.decides |= look.proof().is_err();
                    self.reference.handles_identity(self.t, began, &look);
                    daemon.core.identity(now, &look);
                }
                Input::LocalIdentity(look) => {
                    self.reference.handles(self.t);
                    self.reference.handles_local_identity(&look);
                    daemon.core.local_identity(now, &look);
                }
                Input::Beat(place, outcome) => {
                    self.reference.handles_beat(self.t, place, &outcome);
                    daemon.core.beat(now, place, &outcome);
                }
                Input::Hook(outcome) => {
                    self.decides = true;
                    self.reference.handles_hook(self.t, &outcome);
                    daemon.core.hook(now, &outcome);
                }
                Input::Haproxy(look) => {
                    self.reference.handles(self.t);
                    if let Some(proxy) = self.setup.proxy {
                        daemon.core.haproxy(now, proxy, &look);
                    }
                }
                Input::Level(result) => {
                    self.reference.handles_level(self.t, matches!(result, Some(Err(_))));
                    if let Some(proxy) = self.setup.proxy {
                        daemon.core.level_ended(now, proxy, result);
                    }
                }
                Input::Upkeep(number, sentence) => daemon.core.upkeep_ended(now, number, sentence),
            }
        }
    }

    fn mark_upkeeps(&mut self) -> Vec<(usize, Vec<UpkeepStep>)> {
        let now = self.now();
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let mut due = Vec::new();
        for (number, keeper) in daemon.keepers.iter().enumerate() {
            if keeper.doing.is_none()
                && keeper.not_before <= self.t
                && let Some(steps) = daemon.core.upkeep(now, number)
            {
                self.reference.keeps(self.t, number, &steps, daemon.core.region());
                due.push((number, steps));
            }
        }
        due
    }

    /// Writes the memory down if it is worth it; whether what is on disk is what the judge decided.
    pub fn save(&mut self, last: bool) -> bool {
        let broken = self.damaged || self.is_on(Kind::StateUnwritable);
        let Some(daemon) = &mut self.daemon else { return false };
        let memory = daemon.core.memory();
        if memory == daemon.saved && !daemon.save_failed && daemon.saved_at.is_some() && !last {
            return true;
        }
        let only_beat = memory.regions == daemon.saved.regions;
        let since = daemon.saved_at.map(|at| self.t - at).filter(|_| !last);
        let lazy = if daemon.save_failed { RETRY_SAVE } else { LAZY_SAVE };
        if (only_beat || daemon.save_failed) && since.is_some_and(|since| since < lazy) {
            return !daemon.save_failed;
        }
        daemon.saved_at = Some(self.t);
        daemon.save_failed = broken;
        if broken {
            daemon.core.saved(Err("the state folder is full".into()));
            return false;
        }
        daemon.saved = memory.clone();
        self.disk = Some(memory);
        daemon.core.saved(Ok(()));
        true
    }

    fn tell(&mut self, events: &[Event]) {
        for event in events {
            self.story.tell(self.t, || match &event.what {
                EventKind::Transition { from, to, cause } => {
                    format!("  {from} -> {to} ({}): {}", cause.code(), event.sentence)
                }
                EventKind::Verdict { verdict, on } => format!("  {}{verdict}", if *on { '+' } else { '-' }),
                _ => format!("  {}", event.sentence),
            });
        }
    }

    fn begin_hooks(&mut self, saved: bool) -> bool {
        let Some(daemon) = &mut self.daemon else { return false };
        for start in daemon.core.starts(saved) {
            let run = start.run;
            let Some(daemon) = &self.daemon else { return false };
            let disk = self.disk.as_ref().filter(|_| !self.damaged);
            self.reference.begins(self.t, &run, (&self.runs, self.life), (disk, saved), daemon.core.region());
            let words = || {
                format!(
                    "  start {} for {}, turn {}, attempt {}",
                    run.spec.name,
                    run.event.code(),
                    run.turn,
                    run.attempt
                )
            };
            self.story.tell(self.t, words);
            let behaviour = self.behaviour(&run.spec.name);
            self.runs.begin(self.t, run, self.life, behaviour);
            self.decides = true;
            if !self.pass(Point::HookBegun) {
                return false;
            }
        }
        if let Some(daemon) = &self.daemon {
            self.reference.has_begun(&self.runs, self.life, saved, daemon.core.region());
        }
        true
    }

    fn behaviour(&self, hook: &str) -> Behaviour {
        let place = self.setup.rules.hooks.iter().position(|spec| spec.name == hook).unwrap_or(0);
        let slow = self.is_on_at(Kind::HookSlow, place);
        let half = self.is_on_at(Kind::HookHalf, place);
        Behaviour {
            takes: self.setup.hook_takes[place] * if slow { 5 } else { 1 },
            hangs: self.is_on_at(Kind::HookHangs, place),
            fails: half || self.is_on_at(Kind::HookFails, place),
            half,
        }
    }

    fn begin_upkeeps(&mut self, upkeeps: Vec<(usize, Vec<UpkeepStep>)>) {
        let ends = self.t + 2 * self.setup.latency + 10;
        let Some(daemon) = &mut self.daemon else { return };
        for (number, steps) in upkeeps {
            daemon.keepers[number].doing = Some((steps, ends));
        }
    }

    fn direct(&mut self) {
        let now = self.now();
        let Some(daemon) = &mut self.daemon else { return };
        for (place, order) in daemon.core.orders() {
            self.reference.orders(place, order);
            daemon.beaters[place].take(order);
        }
        self.reference.ordered();
        for number in 0..daemon.wishes.len() {
            daemon.wishes[number] = daemon.core.wants_lock(number);
        }
        if !self.pass(Point::Ordered) {
            return;
        }
        let proxied = self.proxy_hook().is_some();
        let Some(daemon) = &mut self.daemon else { return };
        // the view is long; the same one twice in a row teaches nothing
        if self.decides {
            let view = daemon.core.view(now);
            self.reference.publishes(&view, daemon.core.region(), &self.runs);
        }
        daemon.busy = self.t + self.random.u64(0..=self.setup.turn_takes);
        let pause = daemon.core.deadline().map_or(Ms::MAX, |at| ms(at.since(moment(daemon.busy))));
        daemon.wake = (daemon.busy + pause.min(self.setup.poll())).max(self.t + 1);
        if proxied {
            daemon.wake = daemon.wake.min(daemon.watch.due().max(self.t + 1));
        }
        self.pass(Point::Published);
        self.decides = false;
    }

    /// Ends the upkeeps that are due: each step is done, or none when the server does not answer.
    pub fn upkeeps(&mut self) {
        for number in 0..self.replicas.len() {
            let Some(daemon) = &mut self.daemon else { return };
            let keeper = &mut daemon.keepers[number];
            let Some((steps, _)) = keeper.doing.take_if(|(_, ends)| *ends <= self.t) else { continue };
            let gone = [Kind::ReplicaDown, Kind::ReplicaFrozen, Kind::ReplicaPathCut];
            let sentence = if gone.into_iter().any(|kind| self.on[kind as usize][number]) {
                keeper.failures += 1;
                let pause = retry::pause(keeper.failures, span(1_000), span(60_000), &mut self.random);
                keeper.not_before = self.t + ms(pause);
                "could not connect".to_owned()
            } else {
                keeper.failures = 0;
                keeper.not_before = self.t + 1_000;
                let addresses = &self.setup.rules.master_addresses;
                steps.iter().for_each(|step| self.replicas[number].perform(self.t, step, addresses));
                format!("did {}", steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            };
            daemon.queue.push_back(Input::Upkeep(number, sentence));
        }
    }
}
