//! What must hold on every edge of the walk, said by what happened in the world and never by what the judge believes.

use std::collections::BTreeSet;

use keyward::judge::RegionMemory;
use keyward::model::hook::{HookEvent, HookRun};
use keyward::model::phase::Mode;
use keyward::model::{Cause, Event, EventKind, Phase, Reason};

use super::alphabet::{Order, Point};
use super::stage::{self, Stage};

/// Every way from phase to phase that there is.
pub const WAYS: [(Phase, Phase); 9] = [
    (Phase::Remote, Phase::Suspect),
    (Phase::Remote, Phase::Switching),
    (Phase::Suspect, Phase::Remote),
    (Phase::Suspect, Phase::Switching),
    (Phase::Switching, Phase::Local),
    (Phase::Switching, Phase::Returning),
    (Phase::Local, Phase::Returning),
    (Phase::Returning, Phase::Remote),
    (Phase::Returning, Phase::Switching),
];

/// What happened, kept beside the judge.
#[derive(Clone, Default)]
pub struct Ledger {
    phase: Phase,
    /// The turn of the episode that was last seen under way.
    turn: u32,
    /// Hooks that have succeeded, by episode and turn.
    succeeded: BTreeSet<(String, u32, String)>,
    /// Hooks that turned something outwards while the memory knew of it, by episode.
    turned: BTreeSet<(String, String)>,
    /// The episode whose hooks have touched the world.
    open: Option<String>,
    /// The episodes that an operator turned, and turned by force since the last pause and the last change of mode.
    ordered: Option<String>,
    forced: Option<String>,
    /// The same as far as the disk knows: an order is answered when it is saved.
    kept: (Option<String>, Option<String>),
    /// Watched seconds without a sign of life, and the looks that failed in them.
    quiet: Option<u64>,
    failed: u64,
    excused: bool,
    link_seen: bool,
    proven: bool,
    /// The last transition that was told.
    last: Option<Event>,
}

impl Ledger {
    /// What of it tells states apart.
    pub fn shape(&self) -> (Option<u64>, u64, bool, bool) {
        (self.quiet.map(|quiet| quiet.min(5)), self.failed.min(2), self.open.is_some(), self.proven)
    }

    /// Whether the master was ever proven alive.
    pub fn proven(&self) -> bool {
        self.proven
    }

    pub fn looked(&mut self, stage: &Stage) {
        let link = stage.link && stage.replica.is_ok();
        // a counter that is greater than at the last look proves life
        let by_link = link && self.link_seen;
        self.link_seen = (self.link_seen || link) && stage.replica.is_ok();
        self.proven |= by_link || stage.probe.is_ok();
        let excused = std::mem::take(&mut self.excused);
        if by_link || matches!(stage.probe, Ok(()) | Err(Reason::Login)) {
            (self.quiet, self.failed) = (Some(0), 0);
        } else {
            self.quiet = Some(self.quiet.map_or(0, |quiet| quiet + u64::from(!excused)));
            self.failed += 1;
        }
    }

    pub fn saved(&mut self) {
        self.kept = (self.ordered.clone(), self.forced.clone());
    }

    /// A second passed without a look.
    pub fn passed(&mut self) {
        self.quiet = self.quiet.map(|quiet| quiet + 1);
    }

    /// Nobody watched; after a long time of it the watching begins anew.
    pub fn slept(&mut self, long: bool) {
        self.excused = true;
        if long {
            (self.quiet, self.failed) = (None, 0);
        }
    }

    pub fn ended(&mut self, run: &HookRun, well: bool) {
        if well {
            self.succeeded.insert((run.episode.clone(), run.turn, run.spec.name.clone()));
        }
    }

    pub fn reloaded(&mut self, from: Mode, to: Mode) {
        if to != from && to != Mode::Auto {
            self.forced = None;
        }
    }

    pub fn ordered(&mut self, order: Order, done: bool, memory: &RegionMemory) {
        let episode = memory.episode.as_ref().map(|episode| episode.id.clone());
        self.see_turn(memory);
        match order {
            Order::Pause => self.forced = None,
            Order::Failover { force } | Order::Failback { force } if done => {
                self.ordered.clone_from(&episode);
                if force {
                    self.forced = episode;
                }
            }
            _ => {}
        }
    }

    /// Whether hooks of this episode may start, and its phase may move.
    fn may_act(&self, stage: &Stage, episode: &str) -> bool {
        let (mode, paused) = (stage.rules.mode, stage.memory().pause.is_some());
        let ordered = self.ordered.as_deref() == Some(episode);
        let forced = self.forced.as_deref() == Some(episode);
        forced || (!paused && (mode == Mode::Auto || (mode == Mode::Manual && ordered)))
    }

    /// Takes in what a turn told, and gives back the ways that it went.
    pub fn moved(&mut self, stage: &Stage, told: &[Event]) -> Result<Vec<(Phase, Phase)>, String> {
        let mut ways = Vec::new();
        for event in told {
            let EventKind::Transition { from, to, cause } = event.what else { continue };
            if from != self.phase || !WAYS.contains(&(from, to)) {
                return Err(format!("{} went from {from} to {to}", self.phase));
            }
            if event.sentence.split_whitespace().count() < 4 {
                return Err(format!("{from} to {to} says only {:?}", event.sentence));
            }
            self.may_go(stage, event, (from, to), cause)?;
            self.phase = to;
            self.last = Some(event.clone());
            ways.push((from, to));
        }
        let memory = stage.memory();
        if memory.phase != self.phase {
            return Err(format!("the region is {} and told that it is {}", memory.phase, self.phase));
        }
        if let (false, Some(last)) = (ways.is_empty(), &self.last)
            && memory.sentence != last.sentence
        {
            return Err(format!("the status says {:?}, the event {:?}", memory.sentence, last.sentence));
        }
        self.see_turn(memory);
        Ok(ways)
    }

    fn may_go(&mut self, stage: &Stage, event: &Event, way: (Phase, Phase), cause: Cause) -> Result<(), String> {
        let id = event.episode.as_deref().unwrap_or_default();
        let alone = stage.memory().pause.is_none() && stage.rules.mode == Mode::Auto;
        match way {
            (_, Phase::Switching) if cause == Cause::Auto => {
                self.is_an_outage(stage)?;
                if !alone {
                    return Err("a failover by its own rule while held".to_owned());
                }
            }
            (_, Phase::Suspect) | (_, Phase::Returning) if cause == Cause::Auto && !alone => {
                return Err(format!("{way:?} by its own rule while held"));
            }
            (_, Phase::Local) => self.is_complete(stage, id, &|_| true)?,
            (Phase::Returning, Phase::Remote) => {
                let turned = self.turned.clone();
                self.is_complete(stage, id, &|name| turned.contains(&(id.to_owned(), name.to_owned())))?;
            }
            _ => {}
        }
        match (way.0, &self.last) {
            (Phase::Switching | Phase::Local | Phase::Returning, Some(last)) if last.episode != event.episode => {
                return Err(format!("episode {:?} became {id}", last.episode));
            }
            _ => {}
        }
        if way == (Phase::Returning, Phase::Remote) {
            self.open = None;
        }
        Ok(())
    }

    fn is_an_outage(&self, stage: &Stage) -> Result<(), String> {
        let patience = stage.rules.unreachable_after.as_secs();
        let gates = stage.replica.is_ok() && stage.facts.read_only && !stage.facts.beats.is_empty() && self.proven;
        match (self.quiet >= Some(patience) && self.failed >= 2, gates) {
            (true, true) => Ok(()),
            (true, false) => Err("a failover through a closed gate".to_owned()),
            _ => Err(format!("a failover after {:?} s of silence and {} failed looks", self.quiet, self.failed)),
        }
    }

    fn is_complete(&self, stage: &Stage, id: &str, counts: &dyn Fn(&str) -> bool) -> Result<(), String> {
        if !self.may_act(stage, id) {
            return Err("a turn was ended while held".to_owned());
        }
        let turn = self.turn;
        let required = stage.rules.hooks.iter().filter(|spec| !spec.optional && counts(&spec.name));
        match required.into_iter().find(|spec| !self.succeeded.contains(&(id.to_owned(), turn, spec.name.clone()))) {
            Some(spec) => Err(format!("turn {turn} of {id} was ended without {}", spec.name)),
            None => Ok(()),
        }
    }

    fn see_turn(&mut self, memory: &RegionMemory) {
        self.turn = memory.episode.as_ref().map_or(self.turn, |episode| episode.turn);
    }

    /// Takes in a hook's start; `kept` is the memory on disk.
    pub fn started(&mut self, stage: &Stage, run: &HookRun, kept: Option<&RegionMemory>) -> Result<(), String> {
        let name = &run.spec.name;
        let on_disk = kept.and_then(|memory| memory.episode.as_ref()).filter(|episode| episode.id == run.episode);
        let covered = on_disk.is_some_and(|episode| {
            episode.turn == run.turn && episode.hooks.get(name).is_some_and(|hook| hook.running == Some(run.turn))
        });
        if !covered && (stage.saved.is_ok() || run.event != HookEvent::Failover) {
            return Err(format!("{name} was started for {} and the memory on disk does not know", run.event.code()));
        }
        if !self.may_act(stage, &run.episode) {
            return Err(format!("{name} was started for {} while held", run.event.code()));
        }
        if run.event == HookEvent::Failback && self.phase == Phase::Switching
            || run.event == HookEvent::Failover && self.phase == Phase::Returning
        {
            return Err(format!("{name} was started for {} in phase {}", run.event.code(), self.phase));
        }
        if covered {
            if self.open.as_ref().is_some_and(|open| *open != run.episode) {
                return Err(format!("{name} was started for {} while {:?} is open", run.episode, self.open));
            }
            self.open = Some(run.episode.clone());
            if run.event == HookEvent::Failover {
                self.turned.insert((run.episode.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// A new daemon has begun with `memory`, made of what was on disk.
    pub fn restarted(
        &mut self,
        point: Point,
        kept: Option<&RegionMemory>,
        memory: &RegionMemory,
    ) -> Result<(), String> {
        let now = memory.episode.as_ref().map(|episode| &episode.id);
        let ended = memory.last_episode.as_ref().map(|last| &last.id);
        if let Some(open) = &self.open
            && now != Some(open)
            && ended != Some(open)
        {
            return Err(format!("episode {open} is forgotten: now {now:?}, ended {ended:?}"));
        }
        if memory.phase.in_episode() != memory.episode.is_some() {
            return Err(format!("{} after the restart, with episode {now:?}", memory.phase));
        }
        let known = kept.map(|kept| if kept.phase.in_episode() { kept.phase } else { Phase::Remote });
        if memory.phase != known.unwrap_or_default() {
            return Err(format!("{known:?} on disk, {} after the restart", memory.phase));
        }
        let late = kept.zip(self.last.as_ref()).and_then(|(kept, last)| {
            (kept.phase_since > Some(last.at)).then(|| kept.untold(&stage::region(), std::slice::from_ref(last)))
        });
        if point == Point::BeforeTelling && memory.phase.in_episode() && late == Some(None) {
            return Err("a transition that is on disk is never told".to_owned());
        }
        // what is told when it starts again is the last transition from now on
        self.last = late.flatten().or(self.last.take());
        if memory.phase == Phase::Remote {
            self.open = None;
        }
        (self.ordered, self.forced) = self.kept.clone();
        self.phase = memory.phase;
        self.see_turn(memory);
        (self.quiet, self.failed, self.link_seen, self.excused) = (None, 0, false, false);
        Ok(())
    }
}
