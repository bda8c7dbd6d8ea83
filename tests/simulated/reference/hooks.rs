//! Hooks: in order out, in reverse back, never two runs of one at once, never beside the other direction's.

use keyward::judge::{Memory, RegionMemory};
use keyward::model::Phase;
use keyward::model::hook::{HookEnd, HookEvent, HookOutcome, HookRun};
use keyward::model::view::RegionView;

use super::super::runs::Runs;
use super::super::time::Ms;
use super::{Move, Reference};

impl Reference {
    /// A run begins: everything that must hold at that instant. `runs` are those of this `life`, `saved` says whether
    /// what the judge decided is on `disk`.
    pub fn begins(
        &mut self,
        t: Ms,
        run: &HookRun,
        (runs, life): (&Runs, u64),
        (disk, saved): (Option<&Memory>, bool),
        memory: &RegionMemory,
    ) {
        let name = &run.spec.name;
        let Some(episode) = &memory.episode else {
            return self.promise("no hook outside an episode", false, || name.clone());
        };
        let same = episode.id == run.episode && episode.turn == run.turn && episode.direction == run.event;
        self.promise("a run belongs to its turn", same, || format!("{name}, turn {} of {}", run.turn, run.episode));
        let phase = self.phase;
        let outward = matches!(phase, Phase::Switching | Phase::Local);
        let fits = if run.event == HookEvent::Failover { outward } else { phase == Phase::Returning };
        self.promise("a run turns the way that the phase says", fits, || format!("{name} in {phase}"));
        let twice = runs.is_ordered(name, life);
        self.promise("no hook runs twice at once", !twice, || name.clone());
        let beside = runs.ordered(life).any(|other| other.turn != run.turn || other.episode != run.episode);
        self.promise("a turn begins when the other has ended", !beside, || name.clone());
        self.promise("frozen, no hook begins", !self.is_frozen(memory), || name.clone());
        let early = self.due.get(name).is_some_and(|due| t < *due);
        self.promise("a failed hook is tried again after a pause", !early, || name.clone());
        let again = self.life_done.contains(&(run.episode.clone(), run.turn, name.clone()));
        self.promise("what has succeeded is not done again", !again, || name.clone());
        let known = self.begun.contains(name) || self.marked.contains(name);
        let back = run.event == HookEvent::Failback;
        self.promise("only what was started is turned back", known || !back, || name.clone());
        self.check_order(run);
        self.check_on_disk(run, disk, saved);
        if !back {
            self.begun.insert(name.clone());
        }
        self.running.insert(name.clone(), (run.episode.clone(), run.turn));
        self.due.remove(name);
    }

    fn check_order(&mut self, run: &HookRun) {
        if run.spec.optional {
            return;
        }
        let mut line: Vec<_> = self.rules.hooks.iter().filter(|spec| !spec.optional).map(|spec| &spec.name).collect();
        if run.event == HookEvent::Failback {
            line.reverse();
            line.retain(|name| self.begun.contains(*name) || self.marked.contains(*name));
        }
        let done = |name: &&String| self.succeeded.contains(&(run.episode.clone(), run.turn, (*name).clone()));
        let before = line.into_iter().take_while(|name| **name != run.spec.name);
        let missing = before.into_iter().find(|name| !done(name)).cloned();
        let name = &run.spec.name;
        self.promise("required hooks go in order", missing.is_none(), || format!("{name} before {missing:?}"));
    }

    fn check_on_disk(&mut self, run: &HookRun, disk: Option<&Memory>, saved: bool) {
        let region = disk.and_then(|memory| memory.regions.values().next());
        let episode = region.and_then(|region| region.episode.as_ref()).filter(|episode| episode.id == run.episode);
        let written = episode.is_some_and(|episode| {
            let started = episode.hooks.get(&run.spec.name).is_some_and(|hook| hook.started);
            episode.turn == run.turn && episode.direction == run.event && started
        });
        let back = run.event == HookEvent::Failback;
        self.promise("what begins is written down first", written || (!saved && !back), || run.spec.name.clone());
        if episode.is_some() {
            self.episode = Some(run.episode.clone());
        }
    }

    /// Everything that was ordered in this turn of the loop has begun: the required hook whose turn it is must be
    /// among it.
    pub fn has_begun(&mut self, runs: &Runs, life: u64, saved: bool, memory: &RegionMemory) {
        let Some(episode) = memory.episode.as_ref().filter(|_| memory.phase != Phase::Local) else { return };
        let back = episode.direction == HookEvent::Failback;
        let waits = self.is_frozen(memory) || back && (!saved || self.unsaved);
        let of_others = runs.ordered(life).any(|run| run.turn != episode.turn || run.episode != episode.id);
        if waits || of_others {
            return;
        }
        let known = |name: &String| episode.hooks.get(name);
        let started = |name: &String| known(name).is_some_and(|hook| hook.started);
        let mut line: Vec<_> = self.rules.hooks.iter().filter(|spec| !spec.optional).map(|spec| &spec.name).collect();
        if back {
            line.reverse();
            line.retain(|name| started(name));
        }
        let next = line.into_iter().find(|name| !known(name).is_some_and(|hook| hook.done));
        let idle = next.filter(|name| !runs.is_ordered(name, life) && known(name).is_none_or(|hook| hook.attempt == 0));
        let idle = idle.cloned();
        self.promise("the next required hook begins at once", idle.is_none(), || format!("{idle:?} is idle"));
    }

    /// The end of a run reaches the judge.
    pub fn handles_hook(&mut self, t: Ms, outcome: &HookOutcome) {
        let Some((episode, turn)) = self.running.remove(&outcome.hook) else { return };
        if outcome.end == HookEnd::Ok {
            let task = (episode, turn, outcome.hook.clone());
            self.life_done.insert(task.clone());
            self.succeeded.insert(task);
        } else if self.memory.episode.as_ref().is_some_and(|now| now.id == episode && now.turn == turn) {
            let pause = (1_000_u64 << (outcome.attempt.clamp(1, 7) - 1)).min(60_000) * 3 / 4;
            self.due.insert(outcome.hook.clone(), t + pause);
        }
    }

    /// Every required hook of the turn has truly succeeded.
    pub(super) fn check_complete(&mut self, direction: HookEvent, after: &RegionMemory) {
        // an episode or a turn that began in this very step is told by the memory after it
        let newer = after.episode.as_ref();
        let Some(episode) = newer.or(self.memory.episode.as_ref()) else { return };
        let required = self.rules.hooks.iter().filter(|spec| !spec.optional).map(|spec| &spec.name);
        let relevant = |name: &&String| direction == HookEvent::Failover || self.begun.contains(*name);
        let done = |name: &&String| self.succeeded.contains(&(episode.id.clone(), episode.turn, (*name).clone()));
        let missing: Vec<String> = required.filter(relevant).filter(|name| !done(name)).cloned().collect();
        let promise = match direction {
            HookEvent::Failover => "local needs every required hook",
            _ => "remote needs every started hook turned back",
        };
        self.promise(promise, missing.is_empty(), || format!("{missing:?}"));
        if direction == HookEvent::Failover {
            let required = self.rules.hooks.iter().filter(|spec| !spec.optional);
            self.served = required.map(|spec| spec.name.clone()).collect();
        }
    }

    /// The end of an episode.
    pub(super) fn check_end(&mut self, step: &Move<'_>) {
        self.promise("a frozen phase stays", !self.is_frozen(step.after), || step.event.sentence.clone());
        self.check_complete(HookEvent::Failback, step.after);
        (self.episode, self.excused, self.by_hand, self.ended) = (None, false, false, Some(step.t));
        self.reverted = false;
        self.begun.clear();
        self.marked.clear();
    }

    /// The snapshot is published: it says what is, and `/local-auth` answers by it.
    pub fn publishes(&mut self, view: &RegionView, memory: &RegionMemory, runs: &Runs) {
        self.promise("the view says what is", view.phase == memory.phase, || view.phase.to_string());
        self.promise("the view has a sentence", !view.sentence.is_empty(), String::new);
        if view.phase == Phase::Local && !self.excused && !self.reverted {
            let outward = |name: &&String| {
                runs.done.get(*name).is_some_and(|done| done.event == HookEvent::Failover && done.whole)
            };
            let wrong: Vec<String> = self.served.iter().filter(|name| !outward(name)).cloned().collect();
            self.promise("local-auth answers only when every hook has switched", wrong.is_empty(), || {
                format!("{wrong:?}")
            });
        }
    }
}
