//! What is promised, stated once more and on its own: invariants that are checked at every step and effect. It takes
//! from the judge only what an operator could see: events, the memory, the runs that it orders.

mod beats;
mod gates;
mod health;
mod hooks;
mod identity;
mod levels;
mod orders;
mod silence;

use std::collections::{BTreeMap, BTreeSet};

use keyward::judge::{Memory, RegionMemory, Rules};
use keyward::model::hook::HookEvent;
use keyward::model::observation::{MasterFacts, ReplicaFacts};
use keyward::model::{Cause, Event, EventKind, Now, Phase};

use super::servers::{Master, Truth};
use super::time::Ms;
use beats::Beats;
use identity::Keystones;
use levels::Level;
use silence::Silence;

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which.
    pub promise: &'static str,
    /// How.
    pub detail: String,
}

/// A replica as the daemon has seen it.
#[derive(Clone, Debug, Default)]
struct Seen {
    answers: bool,
    facts: Option<ReplicaFacts>,
    stamped: bool,
    /// What was true of the link at the last look, and on which connection that was.
    truth: Option<(u64, Truth)>,
    /// When its link last proved the master alive.
    linked: Option<Ms>,
}

/// One of the master's addresses as the daemon has seen it.
#[derive(Clone, Debug, Default)]
struct Seat {
    /// Whether it answered the last look.
    answers: bool,
    /// What it last showed.
    facts: Option<MasterFacts>,
    /// Since when every look there has ended as evidence of an outage.
    gone_since: Option<Ms>,
}

/// A hook of one turn of one episode.
type Task = (String, u32, String);

/// The promises and what must be known to check them.
#[derive(Debug)]
pub struct Reference {
    broken: Option<Broken>,
    rules: Rules,
    phase: Phase,
    silence: Silence,
    identity: Silence,
    keystones: Keystones,
    /// RegionOne's Keystone was seen at work, in whichever life of the daemon.
    identity_ever_seen: bool,
    beats: Beats,
    replicas: Vec<Seen>,
    memory: RegionMemory,
    /// A proof of life was seen, in whichever life of the daemon.
    ever_seen: bool,
    sick_at: Ms,
    answered: Option<Ms>,
    /// What is known of each of the master's addresses.
    seats: [Seat; 3],
    /// After this failback by hand nothing happens by itself until a proof of life.
    rests_since: Option<Ms>,
    /// Whether an operator ordered the way out of this episode, and this turn, and by force.
    by_hand: bool,
    ordered: bool,
    forced: bool,
    /// What has truly succeeded.
    succeeded: BTreeSet<Task>,
    /// As above, as far as this life of the daemon knows.
    life_done: BTreeSet<Task>,
    /// Hooks that were truly begun in the episode, and those that the memory calls started on the way out.
    begun: BTreeSet<String>,
    marked: BTreeSet<String>,
    /// The runs of this life: episode and turn by hook.
    running: BTreeMap<String, (String, u32)>,
    /// Failures of hooks in this life and turn: when the next attempt is due at the earliest.
    due: BTreeMap<String, Ms>,
    /// The hooks that made the region local.
    served: Vec<String>,
    /// Every episode's id, and those of this life.
    ids: BTreeSet<String>,
    young_ids: BTreeSet<String>,
    /// The episode that has begun and not ended, once a hook of it was begun and it was written down.
    episode: Option<String>,
    /// The state was lost: nothing is promised of what was in it.
    excused: bool,
    /// What was done was not all written down before a crash: what hooks have truly done is not what is remembered.
    reverted: bool,
    /// The state could not be written when the judge decided.
    unsaved: bool,
    /// Since when everything has spoken for a failover.
    overdue: Option<Ms>,
    /// The level of the HAProxy that a hook sets.
    level: Level,
    /// When the judge decided last, by the present settings.
    stepped: Option<Ms>,
    /// When the last episode of this life ended.
    ended: Option<Ms>,
    /// Episodes that began.
    pub episodes: u64,
}

impl Reference {
    /// Before the first life.
    pub fn new(rules: Rules) -> Self {
        Self {
            broken: None,
            phase: Phase::Remote,
            silence: Silence::default(),
            identity: Silence::default(),
            keystones: Keystones::default(),
            identity_ever_seen: false,
            beats: Beats::default(),
            replicas: vec![Seen { stamped: true, ..Seen::default() }; rules.replicas.len()],
            rules,
            memory: RegionMemory::default(),
            ever_seen: false,
            sick_at: 0,
            answered: None,
            seats: Default::default(),
            rests_since: None,
            by_hand: false,
            ordered: false,
            forced: false,
            succeeded: BTreeSet::new(),
            life_done: BTreeSet::new(),
            begun: BTreeSet::new(),
            marked: BTreeSet::new(),
            running: BTreeMap::new(),
            due: BTreeMap::new(),
            served: Vec::new(),
            ids: BTreeSet::new(),
            young_ids: BTreeSet::new(),
            episode: None,
            excused: false,
            reverted: false,
            unsaved: false,
            overdue: None,
            level: Level::default(),
            stepped: None,
            ended: None,
            episodes: 0,
        }
    }

    /// The first promise that was broken.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Where the region's authentication points, as was last told.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// A trial ran out of time.
    pub fn late(&mut self, promise: &'static str, detail: impl FnOnce() -> String) {
        self.promise(promise, false, detail);
    }

    fn promise(&mut self, promise: &'static str, kept: bool, detail: impl FnOnce() -> String) {
        if !kept && self.broken.is_none() {
            self.broken = Some(Broken { promise, detail: detail() });
        }
    }

    /// A life of the daemon begins with this memory.
    pub fn born(&mut self, t: Ms, rules: &Rules, instance: &str, memory: &RegionMemory) {
        self.rules = rules.clone();
        (self.silence, self.identity, self.keystones) = Default::default();
        self.beats.born(instance);
        self.life_done.clear();
        self.running.clear();
        self.due.clear();
        self.ended = None;
        self.level = Level::default();
        for seen in &mut self.replicas {
            *seen = Seen { stamped: seen.stamped, ..Seen::default() };
        }
        (self.sick_at, self.answered, self.seats, self.overdue, self.stepped) =
            (t, None, Default::default(), None, None);
        let found = memory.episode.as_ref().map(|episode| episode.id.clone());
        if let Some(expected) = self.episode.clone().filter(|_| !self.excused) {
            let same = found.as_ref() == Some(&expected);
            self.promise("an episode is never forgotten", same, || format!("{expected} became {found:?}"));
        }
        let (expected, phase) = (if self.phase.in_episode() { self.phase } else { Phase::Remote }, memory.phase);
        self.promise("a restart keeps the phase", phase == expected, || format!("{expected} became {phase}"));
        self.phase = phase;
        self.memory = memory.clone();
    }

    /// The daemon is gone; this is what it left on disk.
    pub fn died(&mut self, disk: Option<&Memory>) {
        let region = disk.and_then(|memory| memory.regions.values().next());
        self.beats.died(disk.map_or(0, |memory| memory.beat));
        if !region.is_some_and(|region| region.resting) {
            self.rests_since = None;
        }
        // what could not be written down is forgotten, the ids too
        if region != Some(&self.memory) {
            self.ids.retain(|id| !self.young_ids.contains(id));
            self.served.clear();
            self.reverted = true;
        }
        self.young_ids.clear();
        let episode = region.and_then(|region| region.episode.as_ref());
        // an end that was not written down is done once more
        if self.episode.is_none() {
            self.episode = episode.map(|episode| episode.id.clone());
        }
        let started = episode.into_iter().flat_map(|episode| &episode.hooks).filter(|(_, hook)| hook.started);
        let known: BTreeSet<&String> = started.clone().map(|(name, _)| name).collect();
        self.begun.retain(|name| known.contains(name));
        self.marked = started.map(|(name, _)| name.clone()).collect();
        self.phase = region.map_or(Phase::Remote, |region| region.phase);
        self.by_hand = episode.is_some_and(|episode| episode.manual);
        self.ordered = episode.is_some_and(|episode| episode.ordered);
        self.forced = episode.is_some_and(|episode| episode.forced);
    }

    /// The state file is gone: nothing is promised of what was in it.
    pub fn forgot(&mut self) {
        (self.episode, self.excused, self.ever_seen, self.rests_since) = (None, true, false, None);
        self.identity_ever_seen = false;
        self.beats = Beats::default();
        self.ids.clear();
        self.young_ids.clear();
        self.phase = Phase::Remote;
        self.memory = RegionMemory::default();
        self.begun.clear();
        self.marked.clear();
    }

    /// The settings were read again.
    pub fn reloaded(&mut self, t: Ms, rules: &Rules, before: &RegionMemory, after: &RegionMemory) {
        self.rules = rules.clone();
        (self.overdue, self.stepped) = (None, None);
        self.level.unwatched();
        let same = before.phase == after.phase && before.pause == after.pause && turn_of(before) == turn_of(after);
        self.promise("a reload moves no phase", same, || format!("at {t}: {:?}", after.phase));
        self.forced &= after.episode.as_ref().is_some_and(|episode| episode.forced);
    }

    /// The judge has decided: what it told, and what it remembers now.
    pub fn stepped(&mut self, t: Ms, now: Now, master: &Master, events: &[Event], after: &RegionMemory, unsaved: bool) {
        self.unsaved = unsaved;
        self.handles(t);
        self.note_health(t);
        for event in events {
            self.promise("everything told has a sentence", !event.sentence.is_empty(), || format!("{:?}", event.what));
            if let EventKind::Transition { from, to, cause } = event.what {
                self.moves(&Move { t, now, master, from, to, cause, event, after, unsaved });
            }
        }
        if let Some(episode) = after.episode.as_ref().filter(|episode| episode.direction == HookEvent::Failover) {
            let started = episode.hooks.iter().filter(|(_, hook)| hook.started).map(|(name, _)| name);
            let fresh: Vec<String> = started.filter(|name| !self.marked.contains(*name)).cloned().collect();
            self.marked.extend(fresh);
        }
        let told = self.phase;
        self.promise("every move is told", told == after.phase, || format!("told {told}, is {}", after.phase));
        let whole = after.phase.in_episode() == after.episode.is_some();
        self.promise("an episode has a phase of its own", whole, || format!("{:?}", after.phase));
        self.check_frozen(after);
        self.check_overdue(t, now, master, after);
        if self.memory != *after {
            self.memory.clone_from(after);
        }
    }

    fn moves(&mut self, step: &Move<'_>) {
        let (was, from, to) = (self.phase, step.from, step.to);
        self.promise("moves follow one another", from == was, || format!("{from} -> {to} after {was}"));
        self.phase = to;
        self.overdue = None;
        if matches!(to, Phase::Switching | Phase::Returning) {
            self.due.clear();
        }
        match (from, to) {
            (Phase::Remote, Phase::Suspect) => {
                let quiet = self.named().iter().any(|named| named.silence.unproven(step.t) >= named.looks);
                self.promise("suspicion needs two silent looks", quiet, || format!("at {}", step.t));
                self.promise("a frozen phase stays", !self.is_held(step), || step.event.sentence.clone());
            }
            (Phase::Suspect, Phase::Remote) => {
                let fresh = |at, looks| step.t - at <= looks;
                let mut proofs = self.named().into_iter().map(|named| (named.silence.proof(), named.looks));
                let proven = proofs.all(|(proof, looks)| proof.is_some_and(|at| fresh(at, looks)));
                self.promise("suspicion ends with a proof of life", proven, || format!("at {}", step.t));
            }
            (Phase::Remote | Phase::Suspect, Phase::Switching) => {
                self.check_way_out(step);
                self.check_new_episode(step);
            }
            (Phase::Returning, Phase::Switching) => {
                self.check_way_out(step);
                self.check_same_episode(step);
            }
            (Phase::Switching, Phase::Local) => {
                self.promise("a frozen phase stays", !self.is_frozen(step.after), || step.event.sentence.clone());
                self.check_complete(HookEvent::Failover, step.after);
            }
            (Phase::Switching | Phase::Local, Phase::Returning) => {
                self.check_way_back(step);
                self.check_same_episode(step);
            }
            (Phase::Returning, Phase::Remote) => self.check_end(step),
            _ => self.promise("moves are those of the contract", false, || format!("{from} -> {to}")),
        }
    }

    /// Whether nothing may move by itself.
    fn is_held(&self, step: &Move<'_>) -> bool {
        self.memory.pause.is_some() && step.after.pause.is_some() || self.rules.mode.code() != "auto"
    }

    /// Whether hooks and phases of the present turn stand still.
    fn is_frozen(&self, memory: &RegionMemory) -> bool {
        let by_hand = (self.by_hand || self.ordered) && self.rules.mode.code() != "off";
        !(self.forced || memory.pause.is_none() && (self.rules.mode.code() == "auto" || by_hand))
    }

    fn check_frozen(&mut self, after: &RegionMemory) {
        let (before, after_phase) = (self.memory.phase, after.phase);
        let held = self.memory.pause.is_some() && after.pause.is_some() && !self.forced;
        let kept = !held || before == after_phase || (before, after_phase) == (Phase::Suspect, Phase::Remote);
        self.promise("a frozen phase stays", kept, || format!("{before} -> {after_phase} in a pause"));
    }
}

/// The episode and the turn that a region is in.
fn turn_of(memory: &RegionMemory) -> Option<(&str, u32)> {
    memory.episode.as_ref().map(|episode| (episode.id.as_str(), episode.turn))
}

/// A move from one phase to another, with all that it is judged by.
struct Move<'a> {
    t: Ms,
    now: Now,
    master: &'a Master,
    from: Phase,
    to: Phase,
    cause: Cause,
    event: &'a Event,
    after: &'a RegionMemory,
    /// The last attempt to write the state down failed.
    unsaved: bool,
}
