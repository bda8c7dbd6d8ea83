//! Which hook runs next in an episode: in order on the way out, in reverse on the way back, optional ones beside.
//!
//! Runs are only decided on here; `act` carries them out and every end comes back as a `HookOutcome`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Judge;
use super::memory::{Episode, HookMemory};
use super::region::Region;
use crate::model::hook::{HookEnd, HookEvent, HookOutcome, HookSpec};
use crate::model::retry;
use crate::model::{Moment, Now, RegionName};

/// The first pause between two attempts of a hook.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts of a hook.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is only known while the daemon runs: when failed hooks are due again.
#[derive(Clone, Debug, Default)]
pub struct Retries {
    due: BTreeMap<String, Moment>,
}

impl Retries {
    /// When the hook is due again, if it failed in this turn.
    pub fn due(&self, hook: &str) -> Option<Moment> {
        self.due.get(hook).copied()
    }

    /// The earliest moment at which a failed hook is due.
    pub fn earliest(&self) -> Option<Moment> {
        self.due.values().min().copied()
    }

    /// Forgets every failure: a new turn.
    pub fn clear(&mut self) {
        self.due.clear();
    }

    fn waits(&self, hook: &str, now: Moment) -> bool {
        self.due(hook).is_some_and(|due| now < due)
    }
}

impl Judge {
    /// Takes in a look at the program of a hook: why it could not be run now.
    pub fn handle_program(&mut self, name: &RegionName, hook: &str, obstacle: Option<String>) {
        let Some(region) = self.find(name) else { return };
        match obstacle {
            Some(why) => region.obstacles.insert(hook.to_owned(), why),
            None => region.obstacles.remove(hook),
        };
    }
}

impl Region {
    /// Why the program of a required hook could not be run.
    pub(super) fn program_hindrance(&self) -> Option<String> {
        let mut required = self.rules.hooks.iter().filter(|spec| !spec.optional);
        let why = |spec: &HookSpec| Some(format!("hook {} cannot run: {}", spec.name, self.obstacles.get(&spec.name)?));
        required.find_map(why)
    }
}

impl Episode {
    /// The hooks of this turn in their order: all of them out, the started ones back in reverse.
    pub fn line_up<'a>(&self, specs: &'a [HookSpec]) -> Vec<&'a HookSpec> {
        let started = |spec: &&HookSpec| self.hooks.get(&spec.name).is_some_and(|hook| hook.started);
        match self.direction {
            HookEvent::Failback => specs.iter().rev().filter(started).collect(),
            HookEvent::Failover | HookEvent::Test => specs.iter().collect(),
        }
    }

    /// Changes direction: a new turn in which no hook has run yet. Runs of the old turn are still waited for.
    pub fn turn_to(&mut self, direction: HookEvent, reason: String, ordered: bool, forced: bool) {
        self.turn += 1;
        self.ordered = ordered;
        self.manual |= ordered && direction == HookEvent::Failover;
        self.direction = direction;
        self.reason = reason;
        self.forced = forced;
        for hook in self.hooks.values_mut() {
            hook.attempt = 0;
            hook.done = false;
            hook.failure = None;
        }
    }

    /// The hooks that still run for an earlier turn.
    pub fn leftovers(&self) -> Vec<&str> {
        let old = |hook: &&(&String, &HookMemory)| hook.1.running.is_some_and(|turn| turn != self.turn);
        self.hooks.iter().filter(|entry| old(&entry)).map(|(name, _)| name.as_str()).collect()
    }

    /// The hooks that run.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        self.hooks.iter().filter(|(_, hook)| hook.running.is_some()).map(|(name, _)| name.as_str())
    }

    /// Whether every required hook of this turn has succeeded.
    pub fn is_complete(&self, specs: &[HookSpec]) -> bool {
        let done = |spec: &&HookSpec| self.hooks.get(&spec.name).is_some_and(|hook| hook.done);
        self.leftovers().is_empty()
            && self.line_up(specs).into_iter().filter(|spec| !spec.optional).all(|spec| done(&spec))
    }

    /// The hooks to start now; each is marked as running.
    pub fn poll_starts(&mut self, specs: &[HookSpec], retries: &mut Retries, now: Moment) -> Vec<HookSpec> {
        if !self.leftovers().is_empty() {
            return Vec::new();
        }
        let mut starts = Vec::new();
        let mut held_back = false;
        for spec in self.line_up(specs) {
            let hook = self.hooks.entry(spec.name.clone()).or_default();
            let idle = !hook.done && hook.running.is_none() && !retries.waits(&spec.name, now);
            if idle && (spec.optional || !held_back) {
                hook.started = true;
                hook.attempt += 1;
                hook.running = Some(self.turn);
                retries.due.remove(&spec.name);
                starts.push(spec.clone());
            }
            held_back |= !spec.optional && !hook.done;
        }
        starts
    }

    /// Takes in that a run which was marked was not begun after all.
    pub fn take_back_start(&mut self, name: &str) {
        if let Some(hook) = self.hooks.get_mut(name) {
            hook.running = None;
            hook.attempt = hook.attempt.saturating_sub(1);
        }
    }

    /// Takes in the end of a run; of one that belonged to an earlier turn only that it has ended.
    pub fn handle_outcome(
        &mut self,
        outcome: &HookOutcome,
        retries: &mut Retries,
        now: Now,
        random: &mut fastrand::Rng,
    ) {
        let turn = self.turn;
        let Some(hook) = self.hooks.get_mut(&outcome.hook) else { return };
        hook.running = None;
        hook.turned = (outcome.end == HookEnd::Ok).then_some(outcome.event);
        if outcome.turn != turn {
            return;
        }
        match &outcome.end {
            HookEnd::Ok => {
                hook.done = true;
                hook.failure = None;
            }
            HookEnd::Failed(why) => hook.failure = Some(why.clone()),
            HookEnd::TimedOut => hook.failure = Some("ended at its time limit".to_owned()),
        }
        if !hook.done {
            let pause = retry::pause(hook.attempt, FIRST_PAUSE, LONGEST_PAUSE, random);
            retries.due.insert(outcome.hook.clone(), now.mono + pause);
        }
    }

    /// After a restart of the daemon: runs whose end nobody saw count as failed, and are due at once.
    pub fn forget_runs(&mut self) {
        for hook in self.hooks.values_mut() {
            if hook.running.take().is_some() {
                hook.turned = None;
                hook.failure = Some("keyward was restarted while it ran".to_owned());
            }
        }
    }
}
