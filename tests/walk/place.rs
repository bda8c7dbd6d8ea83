//! One state of the walk: the judge in its world, what is on disk, and the ledger of the promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use keyward::judge::{Judge, Memory, RegionMemory};
use keyward::model::command::Command;
use keyward::model::phase::Mode;
use keyward::model::{Event, Phase, Reason};

use super::alphabet::{Order, Point, Probe, Shown, Span, Step};
use super::promises::Ledger;
use super::stage::{self, REASON, Stage};

/// States that were met, by their shape.
#[derive(Default)]
pub struct Met(Mutex<BTreeSet<u64>>);

impl Met {
    /// Whether a shape is met for the first time.
    pub fn is_new(&self, shape: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        shape.hash(&mut hasher);
        self.0.lock().unwrap().insert(hasher.finish())
    }
}

/// How a state went over into others.
pub struct Trail<'a> {
    /// What was killed in the same state before need not be started again.
    pub met: &'a Met,
    /// How often it was killed at each point.
    pub killed: [u64; Point::ALL.len()],
    /// Every transition, in order.
    pub moves: Vec<(Phase, Phase)>,
    /// What is there where the daemon is killed on the way, each state once.
    pub crashes: Vec<(Point, Place)>,
}

#[derive(Clone)]
pub struct Place {
    pub stage: Stage,
    pub ledger: Ledger,
    /// The memory on disk.
    pub kept: Memory,
    /// How it was come to.
    pub path: Vec<String>,
}

impl Place {
    /// A daemon that has just been installed.
    pub fn new() -> Self {
        let mut rules = stage::rules(Mode::Auto);
        rules.unreachable_after = std::time::Duration::from_secs(5);
        rules.failback_after = std::time::Duration::from_secs(6);
        let stage = Stage::fresh(rules);
        Self { kept: stage.judge.memory(), stage, ledger: Ledger::default(), path: Vec::new() }
    }

    /// Lets something happen; nothing when it would change nothing or cannot be now.
    pub fn take<'a>(&mut self, step: Step, met: &'a Met) -> Option<Result<Trail<'a>, String>> {
        if !self.changes(step) {
            return None;
        }
        self.path.push(format!("{step:?}"));
        let mut trail = Trail { met, killed: [0; Point::ALL.len()], moves: Vec::new(), crashes: Vec::new() };
        let turns = match step {
            Step::Time(Span::Patience) => 6,
            Step::Time(Span::Health) => 7,
            _ => 1,
        };
        let run = (|| {
            let before = self.stage.phase();
            if !looks(step) {
                self.stage.seconds += 1;
                self.ledger.passed();
            }
            self.happen(step);
            let moved = self.stage.phase() != before;
            if moved && !matches!(step, Step::Order(Order::Failover { .. } | Order::Failback { .. })) {
                return Err(format!("{step:?} alone moved the phase from {before} to {}", self.stage.phase()));
            }
            for _ in 0..turns {
                if looks(step) {
                    self.look();
                }
                self.turn(&mut trail)?;
            }
            Ok(())
        })();
        Some(run.map(|()| trail))
    }

    fn changes(&self, step: Step) -> bool {
        let stage = &self.stage;
        match step {
            Step::Master(probe) => stage.probe != told(probe),
            Step::Link { alive } => stage.link != alive,
            Step::Replica(shown) => self.shown() != shown,
            Step::Hook { required, .. } => stage.running.iter().any(|run| run.spec.optional != required),
            Step::Save { works } => stage.saved.is_ok() != works,
            Step::Order(_) | Step::Reload(_) | Step::Time(_) => true,
        }
    }

    pub fn shown(&self) -> Shown {
        match (self.stage.replica, self.stage.facts.read_only, self.stage.applies) {
            (Err(_), ..) => Shown::Gone,
            (_, false, _) => Shown::Writable,
            (_, _, false) => Shown::Lagging,
            _ => Shown::Fine,
        }
    }

    fn happen(&mut self, step: Step) {
        let stage = &mut self.stage;
        match step {
            Step::Master(probe) => stage.probe = told(probe),
            Step::Link { alive } => stage.link = alive,
            Step::Replica(shown) => {
                stage.replica = if shown == Shown::Gone { Err(Reason::Refused) } else { Ok(()) };
                stage.facts.read_only = shown != Shown::Writable;
                stage.applies = shown != Shown::Lagging;
            }
            Step::Hook { required, well } => {
                let place = stage.running.iter().position(|run| run.spec.optional != required).unwrap();
                let run = stage.running.remove(place);
                self.ledger.ended(&run, well);
                stage.end_hook(run, well);
            }
            Step::Order(order) => self.order(order),
            Step::Reload(mode) => {
                self.ledger.reloaded(stage.rules.mode, mode);
                stage.reload(|rules| rules.mode = mode);
            }
            Step::Save { works } => stage.saved = if works { Ok(()) } else { Err("the disk is full".into()) },
            Step::Time(Span::Nap) => self.sleep(3),
            Step::Time(Span::Sleep) => self.sleep(9),
            Step::Time(_) => {}
        }
    }

    fn sleep(&mut self, seconds: u64) {
        self.stage.seconds += seconds;
        self.ledger.slept(seconds + 1 >= self.stage.rules.unreachable_after.as_secs());
    }

    fn order(&mut self, order: Order) {
        let (region, reason) = (stage::region(), REASON.to_owned());
        let command = match order {
            Order::Failover { force } => Command::Failover { region, force, reason },
            Order::Failback { force } => Command::Failback { region, force, reason },
            Order::Pause => Command::Pause { region: None, seconds: None, reason },
            Order::Resume => Command::Resume { region: None },
        };
        let reply = self.stage.order(&command);
        self.ledger.ordered(order, reply.ok, self.stage.memory());
    }

    pub fn look(&mut self) {
        self.stage.look();
        self.ledger.looked(&self.stage);
    }

    /// One turn of the daemon, with what would be there if it was killed in it.
    pub fn turn(&mut self, trail: &mut Trail<'_>) -> Result<(), String> {
        self.stage.decide();
        self.crash(Point::BeforeSaving, trail);
        let saved = self.stage.saved.is_ok();
        if saved {
            self.kept = self.stage.judge.memory();
            self.ledger.saved();
            if let Some(wrong) = self.kept.contradiction() {
                return Err(wrong);
            }
        }
        self.stage.told.extend(self.stage.judge.take_events());
        let told: Vec<Event> = std::mem::take(&mut self.stage.told);
        // before the events are taken in, as a daemon that is killed here has told none of them
        self.crash(Point::BeforeTelling, trail);
        let moves = self.ledger.moved(&self.stage, &told)?;
        trail.moves.extend(moves);
        self.crash(Point::BeforeStarting, trail);
        let known = self.stage.running.len();
        self.stage.start_hooks();
        self.stage.started.clear();
        let kept = self.kept.regions.get(&stage::region());
        for run in &self.stage.running[known..] {
            self.ledger.started(&self.stage, run, kept)?;
        }
        self.crash(Point::HooksBegun, trail);
        Ok(())
    }

    fn crash(&self, point: Point, trail: &mut Trail<'_>) {
        trail.killed[point as usize] += 1;
        // a start is the same from wherever it was killed, but for what was never told
        if trail.met.is_new(&format!("{}{}", self.shape_of_restart(), point == Point::BeforeTelling)) {
            trail.crashes.push((point, self.clone()));
        }
    }

    /// What a daemon makes of the memory on disk; the processes of its hooks are waited for, their ends are lost.
    pub fn restart(&mut self, point: Point) -> Result<(), String> {
        self.path.push(format!("killed {point:?}"));
        let text = serde_json::to_string(&self.kept).unwrap();
        let read: Memory = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if read != self.kept {
            return Err(format!("the memory reads back differently: {text}"));
        }
        let now = self.stage.now();
        let begin = |memory: Memory| {
            let mut judge = Judge::new(vec![self.stage.rules.clone()], memory, 1, now);
            judge.handle_stamp(&stage::region(), &stage::replica(), Some(stage::identity(2)));
            judge
        };
        let (judge, twin) = (begin(read), begin(self.kept.clone()));
        if format!("{:?}", judge.views(now)) != format!("{:?}", twin.views(now)) {
            return Err("a memory that was read back gives another view".to_owned());
        }
        let stage = &mut self.stage;
        stage.judge = judge;
        stage.running.clear();
        stage.told.clear();
        (stage.open, stage.next) = (false, None);
        self.ledger.restarted(point, self.kept.regions.get(&stage::region()), self.stage.memory())
    }

    /// What tells this state from others. Moments and numbers that only grow are left out.
    pub fn shape(&self) -> String {
        let view = self.stage.view();
        let mut text = self.world();
        text.push_str(&shape_of(self.stage.memory()));
        let running = self.stage.running.iter().map(|run| (run.spec.name.as_str(), run.event.code()));
        let running: BTreeMap<_, _> = running.collect();
        let gates = view.gates.iter().map(|gate| gate.code.as_str()).collect::<Vec<_>>();
        let verdicts = view.verdicts.iter().map(|verdict| verdict.code.as_str()).collect::<Vec<_>>();
        let _ = write!(text, "{running:?}{gates:?}{verdicts:?}{:?}", self.ledger.shape());
        text
    }

    /// The same of a daemon that would be started here.
    pub fn shape_of_restart(&self) -> String {
        let kept = self.kept.regions.get(&stage::region()).map(shape_of).unwrap_or_default();
        format!("{}{kept}{:?}", self.world(), self.ledger.shape())
    }

    fn world(&self) -> String {
        let stage = &self.stage;
        let known = !stage.facts.beats.is_empty();
        let (link, saved, mode) = (stage.link, stage.saved.is_ok(), stage.rules.mode.code());
        format!("{:?}{link}{:?}{saved}{mode}{known}", stage.probe, self.shown())
    }
}

fn looks(step: Step) -> bool {
    matches!(step, Step::Master(_) | Step::Link { .. } | Step::Replica(_) | Step::Time(_))
}

pub fn told(probe: Probe) -> Result<(), Reason> {
    match probe {
        Probe::Answers => Ok(()),
        Probe::Fails => Err(Reason::Refused),
        Probe::Refuses => Err(Reason::Login),
    }
}

fn shape_of(memory: &RegionMemory) -> String {
    let (paused, proven) = (memory.pause.is_some(), memory.proof.is_some());
    let mut text = format!("{}{paused}{proven}{}{}", memory.phase, memory.resting, memory.last_episode.is_some());
    if let Some(episode) = &memory.episode {
        let (manual, ordered, forced) = (episode.manual, episode.ordered, episode.forced);
        let _ = write!(text, "{manual}{ordered}{forced}{:?}{}", episode.direction, episode.doubled.min(1));
        for hook in episode.hooks.values() {
            let running = hook.running.map(|turn| turn == episode.turn);
            let _ = write!(text, "{}{running:?}{}{}", hook.started, hook.done, hook.failure.is_some());
        }
    }
    text
}
