//! A simulated world for the judge: a master, one replica, a link, hooks and an operator, on a clock of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use keyward::judge::{Judge, Keystone, Memory, Rules};
use keyward::model::command::Command;
use keyward::model::hook::{HookEnd, HookOutcome};
use keyward::model::observation::{
    ActingLock, BeatOrder, BeatOutcome, BeatRow, Durability, LinkFacts, Look, MasterFacts, ReplicaFacts,
    ServerIdentity, ThreadState,
};
use keyward::model::{EventKind, Moment, Now, Reason};

use super::keystone::Answers;
use super::looker::failure;
use super::script::{parse, rules, set};
use super::setup::{region, replica};

/// The longest tick; looks that follow faster have a tick each.
const STEP: Duration = Duration::from_millis(100);
const INSTANCE: &str = "here";

pub struct World {
    judge: Judge,
    rules: Rules,
    elapsed: Duration,
    wall_shift: i64,
    master: Result<(), Reason>,
    link: bool,
    keystone: Answers,
    own: Answers,
    facts: ReplicaFacts,
    replica: Result<(), Reason>,
    applies: bool,
    claims: bool,
    master_beats: BTreeMap<String, BeatRow>,
    beats_taken: bool,
    beat_open: bool,
    next_beat: u64,
    allowed: bool,
    hooks: BTreeMap<String, HookBehaviour>,
    running: Vec<(Duration, HookOutcome)>,
    saved: Result<(), String>,
    connection: u64,
    told: String,
}

#[derive(Clone, Copy)]
struct HookBehaviour {
    takes: Duration,
    fails: bool,
    hangs: bool,
}

impl World {
    /// Plays a script and returns what was told, a line each.
    pub fn play(script: &str) -> String {
        let mut lines: Vec<(Duration, &str)> = Vec::new();
        let mut settings = "";
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(rest) = line.strip_prefix("settings:") {
                settings = rest;
            } else {
                let (at, what) = line.split_once(char::is_whitespace).expect("TIME COMMAND");
                lines.push((parse(at), what.trim()));
            }
        }
        let end = lines.last().expect("a timeline has commands").0;
        let mut world = World::new(settings);
        let mut lines = lines.into_iter().peekable();
        while world.elapsed <= end {
            while let Some((_, what)) = lines.next_if(|(at, _)| *at <= world.elapsed) {
                world.command(what);
            }
            world.tick();
            world.elapsed += world.rules.poll_interval.min(STEP);
        }
        world.told
    }

    fn new(settings: &str) -> Self {
        let rules = rules(settings);
        let identity = |server_id| ServerIdentity { uid: format!("uid-{server_id}"), server_id };
        let facts = ReplicaFacts {
            identity: identity(2),
            version: "10.11.19-MariaDB".into(),
            uptime_seconds: 1_000,
            read_only: true,
            read_only_durability: Durability::Kept,
            filter: rules.filter.clone(),
            filter_durability: Durability::Kept,
            net_timeout_seconds: 4,
            link: Some(LinkFacts { host: "10.0.0.1".into(), port: 3306, by_gtid: true, ..LinkFacts::default() }),
            schemas: vec!["keystone".into(), "keyward".into()],
            acting_lock: ActingLock::Ours,
            ..ReplicaFacts::default()
        };
        let memory = Memory { version: 1, instance: INSTANCE.into(), ..Memory::default() };
        let hooks = rules.hooks.iter().map(|spec| {
            (spec.name.clone(), HookBehaviour { takes: Duration::from_millis(500), fails: false, hangs: false })
        });
        let mut world = World {
            hooks: hooks.collect(),
            judge: Judge::new(vec![rules.clone()], memory, 1, at(Duration::ZERO, 0)),
            rules,
            elapsed: Duration::ZERO,
            wall_shift: 0,
            master: Ok(()),
            link: true,
            keystone: Answers::all(Ok(()), false),
            own: Answers::all(Ok(()), true),
            facts,
            replica: Ok(()),
            applies: true,
            claims: false,
            master_beats: BTreeMap::new(),
            beats_taken: true,
            beat_open: false,
            next_beat: 0,
            allowed: false,
            running: Vec::new(),
            saved: Ok(()),
            connection: 1,
            told: String::new(),
        };
        world.stamp();
        world
    }

    fn stamp(&mut self) {
        let stamp = Some(ServerIdentity { uid: "uid-2".into(), server_id: 2 });
        self.judge.handle_stamp(&region(), &replica(0), stamp);
    }

    fn now(&self) -> Now {
        at(self.elapsed, self.wall_shift)
    }

    fn command(&mut self, what: &str) {
        let words: Vec<&str> = what.split_whitespace().collect();
        match words.as_slice() {
            ["end"] => {}
            ["gates?"] => {
                let view = self.judge.views(self.now()).remove(0);
                let codes: Vec<&str> = view.gates.iter().map(|gate| gate.code.as_str()).collect();
                self.say(&format!("closed gates: {}", codes.join(", ")));
            }
            ["master", "lives"] => self.master = Ok(()),
            ["master", "is", "killed"] => self.master = Err(Reason::Refused),
            ["master", "freezes"] => self.master = Err(Reason::TimedOut),
            ["master", "refuses", "login"] => self.master = Err(Reason::Login),
            ["master", "takes", "no", "beats"] => self.beats_taken = false,
            ["master", "takes", "beats"] => self.beats_taken = true,
            ["master", "loses", count, "beats"] => self.lose_beats(count.parse().unwrap()),
            ["probe", "path", "breaks"] => self.master = Err(Reason::Unreachable),
            ["link", "breaks"] => self.link = false,
            ["link", "heals"] => self.link = true,
            ["keystone", what @ ..] => self.keystone = Answers::all(answer(what), false),
            ["own", "keystone", "has", "other", "keys"] => self.own.foreign = Some(Err(Reason::Token)),
            ["own", "keystone", "is", "read-only"] => self.own.login = Err(Reason::ServerError),
            ["own", "keystone", what @ ..] => self.own = Answers::all(answer(what), true),
            ["replica", "is", "gone"] => self.replica = Err(Reason::Refused),
            ["replica", "is", "back"] => {
                self.replica = Ok(());
                self.connection += 1;
            }
            ["replica", "restarts"] => {
                self.connection += 1;
                self.facts.uptime_seconds = 0;
            }
            ["replica", "restarts", "and", "claims", "a", "link"] => {
                self.connection += 1;
                self.claims = true;
            }
            ["replica", "lags"] => self.applies = false,
            ["replica", "catches", "up"] => self.applies = true,
            ["replica", "takes", "writes"] => self.facts.read_only = false,
            ["replica", "is", "read-only"] => self.facts.read_only = true,
            ["replica", "holds", schema] => self.facts.schemas.push((*schema).into()),
            ["replica", "is", "the", "master"] => self.facts.is_the_master = true,
            ["replica", "was", "never", "stamped"] => self.judge.handle_stamp(&region(), &replica(0), None),
            ["replica", "becomes", "server", id] => self.facts.identity.server_id = id.parse().unwrap(),
            ["no", "other", "keyward", "acts"] => self.facts.acting_lock = ActingLock::Ours,
            ["another", "keyward", "acts"] => self.facts.acting_lock = ActingLock::Other(77),
            ["state", "cannot", "be", "written"] => self.saved = Err("the state folder is full".into()),
            ["state", "can", "be", "written"] => self.saved = Ok(()),
            ["hook", name, "takes", span] => self.hooks.get_mut(*name).unwrap().takes = parse(span),
            ["hook", name, "fails"] => self.hooks.get_mut(*name).unwrap().fails = true,
            ["hook", name, "hangs"] => self.hooks.get_mut(*name).unwrap().hangs = true,
            ["hook", name, "works"] => {
                let hook = self.hooks.get_mut(*name).unwrap();
                (hook.fails, hook.hangs) = (false, false);
            }
            ["reload", ..] => {
                set(&mut self.rules, what.trim_start_matches("reload"));
                self.judge.handle_rules(vec![self.rules.clone()]);
                self.say(what);
            }
            ["keyward", "freezes", "for", span] => {
                self.elapsed += parse(span);
            }
            ["keyward", "is", "killed", "and", "started"] => self.restart(),
            ["clock", "steps", "by", span] => self.wall_shift += parse(span).as_secs() as i64,
            ["operator:", rest @ ..] => self.order(rest),
            _ => panic!("the timeline says {what:?}"),
        }
    }

    fn restart(&mut self) {
        let memory = self.judge.memory();
        let text = serde_json::to_string(&memory).unwrap();
        let memory: Memory = serde_json::from_str(&text).unwrap();
        self.judge = Judge::new(vec![self.rules.clone()], memory, 1, self.now());
        self.running.clear();
        self.beat_open = false;
        self.next_beat = 0;
        self.stamp();
        self.say("keyward starts again");
    }

    fn order(&mut self, words: &[&str]) {
        let (force, reason) = (words.contains(&"--force"), String::from("drill"));
        let command = match words[0] {
            "failover" => Command::Failover { region: region(), force, reason },
            "failback" => Command::Failback { region: region(), force, reason },
            "pause" => {
                let seconds = words.get(1).map(|span| parse(span).as_secs());
                Command::Pause { region: None, seconds, reason }
            }
            "resume" => Command::Resume { region: None },
            "release" => Command::Release { region: region(), replica: None, reason },
            "adopt" => Command::Adopt { region: region(), replica: None },
            other => panic!("no command {other}"),
        };
        let now = self.now();
        let reply = self.judge.handle_command(now, &command, "ann");
        let sign = if reply.ok { "done" } else { "refused" };
        self.say(&format!("{} {sign}: {}", words.join(" "), reply.message));
    }

    fn lose_beats(&mut self, count: u64) {
        if let Some(row) = self.master_beats.get_mut(INSTANCE) {
            row.number = row.number.saturating_sub(count);
        }
        self.beat_open = false;
    }

    fn tick(&mut self) {
        let due = self.elapsed.as_millis().is_multiple_of(self.rules.poll_interval.as_millis());
        if due {
            self.look_at_master();
            self.beat();
            self.look_at_replica();
        }
        self.look_at_keystones();
        let now = self.now();
        let (ended, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|run| run.0 <= self.elapsed);
        self.running = running;
        for (_, outcome) in ended {
            self.judge.handle_hook(now, &region(), &outcome);
        }
        self.judge.step(now);
        self.judge.handle_saved(self.saved.clone());
        for event in self.judge.take_events() {
            match &event.what {
                EventKind::Transition { from, to, cause } => {
                    self.say(&format!("{from} -> {to} ({}): {}", cause.code(), event.sentence));
                }
                EventKind::Command { .. } => {}
                EventKind::Verdict { verdict, on } => {
                    let sign = if *on { '+' } else { '-' };
                    self.say(&format!("{sign}{verdict}: {}", event.sentence));
                }
                _ => self.say(&event.sentence.clone()),
            }
        }
        self.start_hooks();
    }

    fn start_hooks(&mut self) {
        for start in self.judge.take_starts(self.saved.is_ok()) {
            let run = start.run;
            let (hook, turn, attempt) = (run.spec.name.clone(), run.turn, run.attempt);
            self.say(&format!("start hook {hook} for {}, turn {turn}, attempt {attempt}", run.event.code()));
            assert!(!self.running.iter().any(|other| other.1.hook == hook), "hook {hook} runs twice");
            let behaviour = self.hooks[&hook];
            let (end, took) = match behaviour {
                HookBehaviour { hangs: true, .. } => (HookEnd::TimedOut, run.spec.timeout),
                HookBehaviour { fails: true, takes, .. } => (HookEnd::Failed("exit status 1".into()), takes),
                HookBehaviour { takes, .. } => (HookEnd::Ok, takes),
            };
            self.running.push((self.elapsed + took, HookOutcome { hook, event: run.event, turn, attempt, end, took }));
        }
    }

    fn look_at_master(&mut self) {
        let now = self.now();
        let (took, result) = match self.master {
            Ok(()) => (Duration::from_millis(2), Ok(())),
            Err(Reason::TimedOut) => (self.rules.probe_timeout, Err(Reason::TimedOut)),
            Err(reason) => (Duration::ZERO, Err(reason)),
        };
        let result = result.map_err(failure).map(|()| MasterFacts {
            identity: ServerIdentity { uid: "uid-1".into(), server_id: 1 },
            version: "10.11.19-MariaDB".into(),
            position: "0-1-1".into(),
            written: "0-1-1".into(),
            read_only: false,
            certificate_until: None,
            beats: self.master_beats.values().cloned().collect(),
            beats_are_old: false,
        });
        // the judge hears of a look when it has ended; here that is the same tick, told with an earlier beginning
        let look = Look { began: now.mono.back(took), ended: now.mono, connection: 1, result };
        self.judge.handle_master(now, 0, &look);
    }

    fn look_at_keystones(&mut self) {
        let now = self.now();
        let due = |keystone: &Option<Keystone>| {
            keystone.as_ref().is_some_and(|one| self.elapsed.as_millis().is_multiple_of(one.interval.as_millis()))
        };
        let (master, own) = (due(&self.rules.identity), due(&self.rules.local_identity));
        if master {
            self.judge.handle_identity(now, &self.keystone.look(now, Duration::ZERO));
        }
        if own {
            self.judge.handle_local_identity(now, &region(), &self.own.look(now, Duration::ZERO));
        }
    }

    fn beat(&mut self) {
        let now = self.now();
        if self.master.is_err() {
            self.beat_open = false;
            return;
        }
        if !self.beat_open {
            let number = self.master_beats.get(INSTANCE).map(|row| row.number);
            self.judge.handle_beat(now, 0, &BeatOutcome::Read { number });
            self.beat_open = true;
            self.allowed = false;
            return;
        }
        for (_, order) in self.judge.take_beat_orders() {
            match order {
                BeatOrder::Write { next } => (self.allowed, self.next_beat) = (true, self.next_beat.max(next - 1)),
                BeatOrder::Hold => self.allowed = false,
            }
        }
        if !self.allowed {
            return;
        }
        if !self.beats_taken {
            self.judge.handle_beat(now, 0, &BeatOutcome::Refused(failure(Reason::Unexpected)));
            return;
        }
        self.next_beat += 1;
        let row = BeatRow { instance: INSTANCE.into(), number: self.next_beat, written_at: now.wall };
        self.master_beats.insert(INSTANCE.into(), row);
        let outcome = BeatOutcome::Acknowledged { number: self.next_beat, sent: now.mono, written_at: now.wall };
        self.judge.handle_beat(now, 0, &outcome);
    }

    fn look_at_replica(&mut self) {
        let now = self.now();
        let connected = self.link && !matches!(self.master, Err(Reason::Refused | Reason::TimedOut));
        if let Some(link) = &mut self.facts.link {
            link.sql = ThreadState::Running;
            link.io = if connected { ThreadState::Running } else { ThreadState::Connecting };
            link.heartbeats += u64::from(connected);
            if std::mem::take(&mut self.claims) {
                link.io = ThreadState::Running;
                link.heartbeats += 1_000;
            }
        }
        if connected && self.replica.is_ok() && self.applies {
            self.facts.beats = self.master_beats.values().cloned().collect();
        }
        let result = self.replica.map_err(failure).map(|()| self.facts.clone());
        let look = Look { began: now.mono, ended: now.mono, connection: self.connection, result };
        self.judge.handle_replica(now, &region(), &replica(0), &look);
    }

    fn say(&mut self, what: &str) {
        let digits = if self.rules.poll_interval < STEP { 2 } else { 1 };
        let seconds = format!("{:.digits$}s", self.elapsed.as_secs_f64());
        writeln!(self.told, "{seconds:<8}{what}").unwrap();
    }
}

/// What a Keystone answers, in the words of a timeline.
fn answer(words: &[&str]) -> Result<(), Reason> {
    match words {
        ["lives"] => Ok(()),
        ["hangs"] => Err(Reason::TimedOut),
        ["answers", "500"] => Err(Reason::ServerError),
        ["is", "gone"] => Err(Reason::Refused),
        ["refuses", "login"] => Err(Reason::Login),
        _ => panic!("a Keystone that {words:?}"),
    }
}

fn at(elapsed: Duration, wall_shift: i64) -> Now {
    let start = Timestamp::from_second(1_795_500_000 + wall_shift).unwrap();
    Now { mono: Moment::from_boot(Duration::from_secs(1_000) + elapsed), wall: start + elapsed }
}
