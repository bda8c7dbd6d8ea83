//! One region with two required hooks and an optional one, told to the judge second by second.

use std::time::Duration;

use jiff::Timestamp;
use keyward::judge::{Judge, Memory, RegionMemory, Rules};
use keyward::model::command::{Command, Reply};
use keyward::model::hook::{HookEnd, HookKind, HookOutcome, HookRun, HookSpec};
use keyward::model::observation::{
    ActingLock, BeatOrder, BeatOutcome, BeatRow, Durability, LinkFacts, Look, MasterFacts, ReplicaFacts,
    ServerIdentity, ThreadState,
};
use keyward::model::phase::{Failback, LocalIdentity, Mode, Trigger};
use keyward::model::view::RegionView;
use keyward::model::{Event, EventKind, Failure, Moment, Now, Phase, Reason, RegionName, ReplicaName};

use crate::keystones::Keystones;

pub const USER: &str = "ann";
pub const REASON: &str = "works in the racks";

#[derive(Clone)]
pub struct Stage {
    pub judge: Judge,
    pub rules: Rules,
    pub facts: ReplicaFacts,
    pub replica: Result<(), Reason>,
    pub probe: Result<(), Reason>,
    /// What the master's second address answers, where it has one.
    pub standby: Result<(), Reason>,
    pub keystones: Keystones,
    pub link: bool,
    pub applies: bool,
    pub beats_taken: bool,
    pub saved: Result<(), String>,
    /// Our row on the master.
    pub beat: u64,
    /// Whether the writer has read that row on this connection.
    pub open: bool,
    pub running: Vec<HookRun>,
    /// Every hook that was started, as `event name`.
    pub started: Vec<String>,
    pub told: Vec<Event>,
    pub seconds: u64,
    pub next: Option<u64>,
}

pub fn region() -> RegionName {
    RegionName("RegionTwo".into())
}

pub fn replica() -> ReplicaName {
    ReplicaName("r2-db1".into())
}

fn hook(name: &str) -> HookSpec {
    let kind = HookKind::Exec { command: vec!["/bin/true".into()] };
    HookSpec { name: name.into(), kind, timeout: Duration::from_secs(60), optional: name == "beside" }
}

pub fn rules(mode: Mode) -> Rules {
    Rules {
        region: region(),
        master_region: RegionName("RegionOne".into()),
        master_addresses: vec!["10.0.0.1:3306".parse().unwrap()],
        schemas: vec!["keystone".into(), "keyward".into()],
        filter: "keystone.%,keyward.%".into(),
        replicas: vec![(replica(), "10.0.0.2:3306".parse().unwrap())],
        hooks: ["first", "second", "beside"].map(hook).into(),
        mode,
        trigger: Trigger::Master,
        identity: None,
        local_identity: None,
        require_local_identity: LocalIdentity::Off,
        failback: Failback::Auto,
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        beat_interval: Duration::from_secs(1),
        unreachable_after: Duration::from_secs(10),
        failback_after: Duration::from_secs(20),
        failback_max_lag: Duration::from_secs(5),
        max_data_age: Duration::from_secs(3_600),
    }
}

pub fn identity(server_id: u32) -> ServerIdentity {
    ServerIdentity { uid: format!("uid-{server_id}"), server_id }
}

pub fn failure(reason: Reason) -> Failure {
    Failure { reason, detail: String::new() }
}

impl Stage {
    /// A region that has been healthy for a while.
    pub fn healthy(rules: Rules) -> Self {
        let mut stage = Self::fresh(rules);
        stage.pass(20);
        assert_eq!((stage.phase(), stage.verdicts()), (Phase::Remote, vec!["healthy".to_owned()]));
        stage
    }

    /// A region that nobody has looked at.
    pub fn fresh(rules: Rules) -> Self {
        let facts = ReplicaFacts {
            identity: identity(2),
            uptime_seconds: 1_000,
            read_only: true,
            read_only_durability: Durability::Kept,
            filter: rules.filter.clone(),
            filter_durability: Durability::Kept,
            net_timeout_seconds: 4,
            link: Some(LinkFacts {
                host: "10.0.0.1".into(),
                port: 3306,
                by_gtid: true,
                sql: ThreadState::Running,
                io: ThreadState::Running,
                ..LinkFacts::default()
            }),
            schemas: vec!["keystone".into(), "keyward".into()],
            acting_lock: ActingLock::Ours,
            ..ReplicaFacts::default()
        };
        let memory = Memory { version: 1, instance: "here".into(), ..Memory::default() };
        let mut judge = Judge::new(vec![rules.clone()], memory, 1, now(0));
        judge.handle_stamp(&region(), &replica(), Some(identity(2)));
        Self {
            judge,
            rules,
            facts,
            replica: Ok(()),
            probe: Ok(()),
            standby: Ok(()),
            keystones: Keystones::default(),
            link: true,
            applies: true,
            beats_taken: true,
            saved: Ok(()),
            beat: 0,
            open: false,
            running: Vec::new(),
            started: Vec::new(),
            told: Vec::new(),
            seconds: 0,
            next: None,
        }
    }

    /// The master dies, or is back.
    pub fn master(&mut self, lives: bool) {
        (self.probe, self.link) = (if lives { Ok(()) } else { Err(Reason::Refused) }, lives);
    }

    pub fn now(&self) -> Now {
        now(self.seconds)
    }

    pub fn memory(&self) -> &RegionMemory {
        self.judge.regions()[0].memory()
    }

    pub fn phase(&self) -> Phase {
        self.memory().phase
    }

    pub fn view(&self) -> RegionView {
        self.judge.views(now(self.seconds)).remove(0)
    }

    pub fn verdicts(&self) -> Vec<String> {
        self.view().verdicts.into_iter().map(|verdict| verdict.code).collect()
    }

    /// The sentences so far.
    pub fn sentences(&self) -> Vec<&str> {
        self.told.iter().map(|event| event.sentence.as_str()).collect()
    }

    /// Lets seconds pass; hooks that run go on running.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second();
        }
    }

    /// Lets seconds pass in which every hook that was started succeeds.
    pub fn pass_with_hooks(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second();
            self.end_hooks(true);
        }
    }

    /// The same until the region is in the phase.
    pub fn until(&mut self, phase: Phase) {
        for _ in 0..150 {
            if self.phase() == phase {
                return;
            }
            self.second();
            self.end_hooks(true);
        }
        panic!("never {phase}, but {}: {:#?}", self.phase(), self.sentences());
    }

    /// Every hook that runs ends.
    pub fn end_hooks(&mut self, well: bool) {
        for run in std::mem::take(&mut self.running) {
            self.end_hook(run, well);
        }
    }

    pub fn end_hook(&mut self, run: HookRun, well: bool) {
        let outcome = HookOutcome {
            hook: run.spec.name,
            event: run.event,
            turn: run.turn,
            attempt: run.attempt,
            end: if well { HookEnd::Ok } else { HookEnd::Failed("exit status 1".into()) },
            took: Duration::from_secs(1),
        };
        self.judge.handle_hook(now(self.seconds), &region(), &outcome);
    }

    /// The operator gives a command; that it is told with who, why and the answer is seen to here.
    pub fn order(&mut self, command: &Command) -> Reply {
        let reply = self.judge.handle_command(now(self.seconds), command, USER);
        let events = self.judge.take_events();
        let told = events.iter().find(|event| matches!(event.what, EventKind::Command { .. })).expect("it is told");
        let EventKind::Command { command: code, user } = &told.what else { unreachable!() };
        assert_eq!((code.as_str(), user.as_str()), (command.code(), USER));
        assert!(told.sentence.contains(&reply.message), "{} is not in {}", reply.message, told.sentence);
        let has_none = matches!(command, Command::Resume { .. } | Command::Adopt { .. } | Command::HookTest { .. });
        let because = format!("because: {REASON}; ");
        assert!(has_none || told.sentence.contains(&because), "{}", told.sentence);
        assert_eq!(told.sentence.contains("(refused)"), !reply.ok, "{}", told.sentence);
        assert!(reply.message.contains(' '), "{:?} says nothing", reply.message);
        self.told.extend(events);
        reply
    }

    /// The settings are read again.
    pub fn reload(&mut self, change: impl FnOnce(&mut Rules)) {
        let before = self.phase();
        change(&mut self.rules);
        self.judge.handle_rules(vec![self.rules.clone()]);
        assert_eq!(self.phase(), before, "a reload moved the phase");
    }

    fn second(&mut self) {
        self.look();
        self.decide();
        self.told.extend(self.judge.take_events());
        self.start_hooks();
    }

    /// A second passes, and everything is looked at.
    pub fn look(&mut self) {
        self.seconds += 1;
        let now = now(self.seconds);
        self.look_at_master(now);
        self.write_beat(now);
        self.look_at_replica(now);
        self.look_at_keystones(now);
    }

    /// The first half of the daemon's turn: the judge decides, and its memory is saved.
    pub fn decide(&mut self) {
        self.judge.step(now(self.seconds));
        self.judge.handle_saved(self.saved.clone());
    }

    /// The end of the daemon's turn.
    pub fn start_hooks(&mut self) {
        for start in self.judge.take_starts(self.saved.is_ok()) {
            let run = start.run;
            assert!(self.running.iter().all(|other| other.spec.name != run.spec.name), "{} runs twice", run.spec.name);
            self.started.push(format!("{} {}", run.event.code(), run.spec.name));
            self.running.push(run);
        }
    }

    fn rows(&self, now: Now) -> Vec<BeatRow> {
        let row = BeatRow { instance: "here".into(), number: self.beat, written_at: now.wall };
        if self.beat == 0 { Vec::new() } else { vec![row] }
    }

    fn look_at_master(&mut self, now: Now) {
        let facts = MasterFacts {
            identity: identity(1),
            version: "10.11.19-MariaDB".into(),
            position: "0-1-1".into(),
            written: "0-1-1".into(),
            read_only: false,
            certificate_until: None,
            beats: self.rows(now),
            beats_are_old: false,
        };
        let addresses = self.judge.regions()[0].rules().master_addresses.len();
        for (place, answer) in [self.probe, self.standby].into_iter().enumerate().take(addresses) {
            let result = answer.map(|()| facts.clone()).map_err(failure);
            self.judge.handle_master(now, place, &Look { began: now.mono, ended: now.mono, connection: 1, result });
        }
    }

    fn write_beat(&mut self, now: Now) {
        if self.probe.is_err() {
            self.open = false;
            return;
        }
        if !self.open {
            let number = (self.beat > 0).then_some(self.beat);
            self.judge.handle_beat(now, 0, &BeatOutcome::Read { number });
            (self.open, self.next) = (true, None);
            return;
        }
        for (_, order) in self.judge.take_beat_orders() {
            self.next = match order {
                BeatOrder::Write { next } => Some(next),
                BeatOrder::Hold => None,
            };
        }
        let Some(number) = self.next else { return };
        if !self.beats_taken {
            return self.judge.handle_beat(now, 0, &BeatOutcome::Refused(failure(Reason::Unexpected)));
        }
        (self.beat, self.next) = (number, Some(number + 1));
        self.judge.handle_beat(now, 0, &BeatOutcome::Acknowledged { number, sent: now.mono, written_at: now.wall });
    }

    fn look_at_replica(&mut self, now: Now) {
        if self.link {
            if let Some(link) = &mut self.facts.link {
                link.heartbeats += u64::from(link.io == ThreadState::Running);
            }
            if self.applies {
                self.facts.beats = self.rows(now);
            }
        }
        let result = self.replica.map(|()| self.facts.clone()).map_err(failure);
        let look = Look { began: now.mono, ended: now.mono, connection: 1, result };
        self.judge.handle_replica(now, &region(), &replica(), &look);
    }
}

fn now(seconds: u64) -> Now {
    let elapsed = Duration::from_secs(seconds);
    let wall = Timestamp::from_second(1_795_500_000).unwrap() + elapsed;
    Now { mono: Moment::from_boot(Duration::from_secs(1_000) + elapsed), wall }
}
