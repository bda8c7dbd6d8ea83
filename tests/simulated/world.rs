//! The simulated world: servers, paths, the daemon's machine and its disk, stepped from one event to the next.

use std::collections::VecDeque;

use keyward::judge::{Memory, Rules};
use keyward::model::observation::{ActingLock, Look, ReplicaFacts};
use keyward::model::{Now, Reason};

use super::beater::Reception;
use super::core;
use super::daemon::{Daemon, Input};
use super::fault::{Kind, Step};
use super::looker::{Answer, Ending, failure};
use super::proxy::Proxy;
use super::reference::Reference;
use super::runs::Runs;
use super::servers::{Master, Replica, Wire};
use super::setup::Setup;
use super::story::Story;
use super::table::Table;
use super::time::{Ms, moment, now, wall};
use super::trial::Trial;

/// Inputs that may wait for the loop, as in the daemon.
const WAITING: usize = 1_024;

/// Everything there is.
pub struct World {
    /// What was drawn.
    pub setup: Setup,
    /// For what is drawn on the way.
    pub random: fastrand::Rng,
    /// Now.
    pub t: Ms,
    /// How far the wall clock is off.
    pub shift: i64,
    /// The master.
    pub master: Master,
    /// The replicas.
    pub replicas: Vec<Replica>,
    /// Until when each lasting fault lasts, by its place.
    pub until: [[Ms; 3]; Kind::LASTING],
    /// Whether it is on.
    pub on: [[bool; 3]; Kind::LASTING],
    /// Its argument.
    pub args: [u32; Kind::LASTING],
    /// The HAProxy, if a hook sets one.
    pub proxy: Proxy,
    /// The processes of hooks.
    pub runs: Runs,
    /// Until when the machine sleeps.
    pub asleep: Ms,
    /// Until when the daemon's process is stopped.
    pub frozen: Ms,
    /// Until when its loop gets no time.
    pub starved: Ms,
    /// The daemon, while it runs.
    pub daemon: Option<Daemon>,
    /// Counts its lives.
    pub life: u64,
    /// When it is started again.
    pub restart_at: Ms,
    /// The state file.
    pub disk: Option<Memory>,
    /// Whether it cannot be read.
    pub damaged: bool,
    /// The settings file.
    pub rules: Rules,
    /// What is still to strike.
    pub steps: VecDeque<Step>,
    /// When the next of it is due.
    pub step_at: Ms,
    /// What waits for its point in the daemon's turn, and until when.
    pub armed: Vec<(Step, Ms)>,
    /// Something is decided in this turn.
    pub decides: bool,
    /// The trial under way.
    pub trial: Option<Trial>,
    /// What was promised.
    pub reference: Reference,
    /// What has been covered.
    pub table: Table,
    /// What is told when something is wrong.
    pub story: Story,
}

impl World {
    /// A world at its beginning.
    pub fn new(setup: Setup, steps: &[Step], telling: bool) -> Self {
        let mut world = Self {
            random: fastrand::Rng::with_seed(setup.seed),
            t: 0,
            shift: 0,
            master: Master::new(setup.addresses(), setup.standby),
            replicas: (0..setup.rules.replicas.len()).map(Replica::new).collect(),
            until: [[0; 3]; Kind::LASTING],
            on: [[false; 3]; Kind::LASTING],
            args: [0; Kind::LASTING],
            proxy: Proxy::default(),
            runs: Runs::default(),
            asleep: 0,
            frozen: 0,
            starved: 0,
            daemon: None,
            life: 0,
            restart_at: 0,
            disk: None,
            damaged: false,
            rules: setup.rules.clone(),
            steps: steps.iter().copied().collect(),
            step_at: steps.first().map_or(0, |step| step.wait),
            armed: Vec::new(),
            decides: false,
            trial: None,
            reference: Reference::new(setup.rules.clone()),
            table: Table::default(),
            story: Story::new(telling),
            setup,
        };
        if world.setup.dark_start > 0 {
            world.everywhere(Kind::MasterCrash, world.setup.dark_start);
        }
        world
    }

    /// Plays until nothing is left to strike or a promise is broken.
    pub fn play(&mut self) {
        while self.reference.broken().is_none() && !(self.steps.is_empty() && self.trial.is_none()) {
            let next = self.next().max(self.t);
            self.advance(next);
            self.strike_due();
            self.machine();
            self.trial();
        }
    }

    /// Both clocks of the daemon's machine.
    pub fn now(&self) -> Now {
        now(self.t, self.shift)
    }

    /// What a daemon that starts now would read.
    pub fn readable(&self) -> Option<&Memory> {
        self.disk.as_ref().filter(|_| !self.damaged)
    }

    /// Whether a lasting fault is on, somewhere.
    pub fn is_on(&self, kind: Kind) -> bool {
        self.on[kind as usize].iter().any(|on| *on)
    }

    /// Whether it is on at this place.
    pub fn is_on_at(&self, kind: Kind, place: usize) -> bool {
        self.on[kind as usize][place]
    }

    fn next(&self) -> Ms {
        let step = if self.trial.is_some() || self.steps.is_empty() { Ms::MAX } else { self.step_at };
        let levels = self.until.iter().flatten().zip(self.on.iter().flatten());
        let ends = levels.filter(|(_, on)| **on).map(|(until, _)| *until).min().unwrap_or(Ms::MAX);
        let armed = self.armed.iter().map(|(_, until)| *until).min().unwrap_or(Ms::MAX);
        let runs = self.runs.next().unwrap_or(Ms::MAX).max(self.asleep);
        let trial = self.trial.as_ref().map_or(Ms::MAX, |trial| trial.next);
        let daemon = match &self.daemon {
            None => self.restart_at.max(self.asleep),
            Some(daemon) => {
                let awake = self.frozen.max(self.asleep);
                let full = daemon.queue.len() >= WAITING;
                let tasks = if full { Ms::MAX } else { daemon.next_task().max(awake) };
                tasks.min(daemon.wake().max(awake).max(self.starved))
            }
        };
        step.min(ends).min(armed).min(runs).min(trial).min(daemon)
    }

    fn advance(&mut self, t: Ms) {
        self.t = t;
        self.settle();
        for kind in &Kind::ALL[..Kind::LASTING] {
            for place in 0..3 {
                if self.on[*kind as usize][place] && self.until[*kind as usize][place] <= t {
                    self.over(*kind, place);
                }
            }
        }
    }

    /// Lets the links catch up with the time that has passed.
    pub fn settle(&mut self) {
        let beat = self.setup.beat();
        if self.setup.addresses() > 1 {
            let up = |place| !self.is_on_at(Kind::MasterCrash, place) && !self.is_on_at(Kind::MasterFreeze, place);
            self.master.share(&[up(0), up(1), up(2)]);
        }
        for number in 0..self.replicas.len() {
            let lags = self.is_on_at(Kind::ReplicaLags, number) || self.is_on_at(Kind::SqlError, number);
            let wire = self.wire(number);
            if !self.is_on_at(Kind::ReplicaFrozen, number) && !self.is_on_at(Kind::ReplicaDown, number) {
                self.replicas[number].settle(self.t, &self.master, beat, wire, lags);
            }
        }
    }

    fn wire(&self, number: usize) -> Wire {
        let to = self.replicas[number].truth().leads_to;
        if self.is_on(Kind::PartitionBoth) || self.is_on_at(Kind::LinkCut, number) {
            Wire::Cut
        } else if self.is_on_at(Kind::LinkOneWay, number) {
            Wire::OneWay
        } else if self.is_on_at(Kind::MasterCrash, to) || self.master.servers[to].stranger {
            Wire::Broken
        } else if self.is_on_at(Kind::MasterFreeze, to) {
            Wire::Cut
        } else {
            Wire::Whole
        }
    }

    fn master_answer(&mut self, place: usize, ending: bool) -> Answer {
        let silent = [Kind::ProbeCut, Kind::AnswersLost];
        if self.is_on(Kind::PartitionBoth) || silent.into_iter().any(|kind| self.is_on_at(kind, place)) {
            return Answer::Silent;
        }
        if self.is_on_at(Kind::ProbeRejected, place) {
            return Answer::Unreachable;
        }
        if self.is_on_at(Kind::MasterCrash, place) {
            return Answer::Refused;
        }
        if self.is_on_at(Kind::MasterFreeze, place) {
            return Answer::Silent;
        }
        let mut takes = self.setup.latency;
        if self.is_on_at(Kind::MasterSlow, place) {
            takes = takes.max(Ms::from(self.args[Kind::MasterSlow as usize]) % (3 * self.setup.probe_timeout()));
        }
        if !ending && self.is_on_at(Kind::Loss, place) && self.random.u32(..100) < self.args[Kind::Loss as usize] % 100
        {
            takes += self.random.u64(1..=2) * 200;
        }
        if self.is_on_at(Kind::LoginRefused, place) {
            Answer::Rejects(Reason::Login, takes)
        } else if self.is_on_at(Kind::TooMany, place) {
            Answer::Rejects(Reason::TooManyConnections, takes)
        } else {
            Answer::Answers(takes)
        }
    }

    fn replica_answer(&self, number: usize) -> Answer {
        if self.is_on_at(Kind::ReplicaPathCut, number) || self.is_on_at(Kind::ReplicaFrozen, number) {
            Answer::Silent
        } else if self.is_on_at(Kind::ReplicaDown, number) {
            Answer::Refused
        } else {
            Answer::Answers(self.setup.latency)
        }
    }

    /// What the daemon's machine does now: hooks, looks, beats, the loop.
    fn machine(&mut self) {
        if self.asleep > self.t {
            return;
        }
        let ended = self.runs.ended(self.t, self.life, &mut self.proxy);
        if let Some(daemon) = &mut self.daemon {
            daemon.queue.extend(ended.into_iter().map(Input::Hook));
        } else if self.restart_at <= self.t {
            self.start();
        }
        if self.frozen > self.t || self.daemon.is_none() {
            return;
        }
        self.looks();
        self.identity_looks();
        self.beats();
        self.upkeeps();
        self.levels_due();
        let due = self.daemon.as_ref().is_some_and(|daemon| daemon.wake() <= self.t);
        if self.starved <= self.t && due {
            self.turn();
        }
    }

    fn looks(&mut self) {
        let addresses = self.setup.addresses();
        for place in 0..addresses + self.replicas.len() {
            loop {
                let Some(daemon) = &self.daemon else { return };
                let looker = &daemon.lookers[place];
                if daemon.queue.len() >= WAITING || looker.next() > self.t {
                    break;
                }
                let ending = looker.pending.is_some();
                let answer = match place.checked_sub(addresses) {
                    Some(number) => self.replica_answer(number),
                    None => self.master_answer(place, ending),
                };
                if ending {
                    self.end_look(place, answer);
                } else if let Some(daemon) = &mut self.daemon {
                    daemon.lookers[place].begin(self.t, answer);
                }
            }
        }
    }

    fn end_look(&mut self, place: usize, answer: Answer) {
        let Some(daemon) = &mut self.daemon else { return };
        let Some(pending) = daemon.lookers[place].end(self.t, answer) else { return };
        let connection = daemon.lookers[place].connections;
        let (began, ended) = (moment(pending.began), moment(self.t));
        let Some(number) = place.checked_sub(self.setup.addresses()) else {
            let result = match pending.ending {
                Ending::Facts => Ok(self.master.facts(place)),
                Ending::Failed(reason) => Err(failure(reason)),
            };
            self.reference.master_looked(self.t, result.is_ok());
            daemon.queue.push_back(Input::Master(place, Look { began, ended, connection, result }, pending.began));
            return;
        };
        let result = match pending.ending {
            Ending::Facts => Ok(self.replica_facts(number)),
            Ending::Failed(reason) => Err(failure(reason)),
        };
        if let Ok(facts) = &result {
            let truth = self.replicas[number].truth();
            self.reference.replica_looked(self.t, number, connection, truth, facts);
        }
        if let Some(daemon) = &mut self.daemon {
            let look = Look { began, ended, connection, result };
            daemon.queue.push_back(Input::Replica(number, Box::new(look)));
        }
    }

    fn replica_facts(&mut self, number: usize) -> ReplicaFacts {
        let wished = self.daemon.as_ref().is_some_and(|daemon| daemon.wishes[number]);
        let lock = match (self.is_on_at(Kind::OtherDaemon, number), wished) {
            (true, _) => ActingLock::Other(77),
            (false, true) => ActingLock::Ours,
            (false, false) => ActingLock::Free,
        };
        let (wire, fails) = (self.wire(number), self.is_on_at(Kind::SqlError, number));
        let alone = self.setup.addresses() == 1;
        let mut facts = self.replicas[number].look(self.t, (wire, alone), fails, self.setup.beat(), lock);
        if self.is_on_at(Kind::WrongServer, number) {
            facts.identity = core::identity(9);
        }
        facts.is_the_master = self.is_on_at(Kind::IsMaster, number);
        if self.is_on_at(Kind::ForeignLink, number) {
            facts.other_links.push("10.9.9.9:3306".into());
        }
        facts
    }

    fn beats(&mut self) {
        for place in 0..self.setup.addresses() {
            self.beats_at(place);
        }
    }

    fn beats_at(&mut self, place: usize) {
        let Some(daemon) = &self.daemon else { return };
        if daemon.beaters[place].next().is_none_or(|next| next > self.t) {
            return;
        }
        let answer = self.master_answer(place, true);
        let on = |kind| self.is_on_at(kind, place);
        let deaf = on(Kind::AnswersLost) && !on(Kind::MasterCrash) && !on(Kind::MasterFreeze);
        let server = &self.master.servers[place];
        let is = Reception { answer, deaf, refuses: on(Kind::BeatsRefused) || server.read_only || server.stranger };
        let wall = wall(self.t, self.shift);
        let Some(daemon) = &mut self.daemon else { return };
        let before = self.master.number(place, &daemon.saved.instance);
        let (outcomes, committed) = daemon.beaters[place].work(self.t, wall, &mut self.master, is);
        daemon.queue.extend(outcomes.into_iter().map(|outcome| Input::Beat(place, outcome)));
        if let Some(number) = committed {
            self.reference.beat_written(number, before);
        }
    }
}
