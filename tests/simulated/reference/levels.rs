//! HAProxies that hooks set: between its hook's runs each shows what the last of them set, and nothing else ever.

use keyward::judge::{LevelOrder, RegionMemory};
use keyward::model::haproxy::Side;
use keyward::model::hook::HookEvent;
use keyward::model::observation::ActingLock;

use super::super::proxy::Proxy;
use super::super::runs::Runs;
use super::super::time::{Ms, ms};
use super::{Reference, Seen};

/// The longest pause after a failed attempt to set a level, and what chance adds to it.
const LONGEST_PAUSE: Ms = 45_000;

/// What is known of the level.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// Since when it has been other than it should be, while nothing stood in the way.
    wrong_since: Option<Ms>,
    failed_at: Option<Ms>,
}

impl Level {
    /// Nobody watched.
    pub fn unwatched(&mut self) {
        self.wrong_since = None;
    }
}

impl Reference {
    /// A level is to be set again.
    pub fn levels(&mut self, order: &LevelOrder, (runs, life): (&Runs, u64), saved: bool, memory: &RegionMemory) {
        let (hook, side) = (&order.spec.name, order.side);
        let words = || format!("{hook} to {}", side.code());
        self.promise("frozen, HAProxy is only observed", !self.is_observed(memory), words);
        let inside = memory.episode.is_some();
        self.promise("outside an episode HAProxy serves remote", inside || side == Side::Remote, words);
        let proven = inside || memory.proof.is_some();
        self.promise("HAProxy is left alone until the master was seen", proven, words);
        let beside = runs.ordered(life).any(|run| run.spec.name == *hook || !order.spec.optional && !run.spec.optional);
        self.promise("HAProxy is not set beside a run", !beside, words);
        self.promise("unsaved, HAProxy is only set to local", saved || side == Side::Local, words);
        let outward = runs.done.get(hook).is_some_and(|done| done.event == HookEvent::Failover && done.whole);
        let fits = if side == Side::Local { outward } else { !outward || !self.begun.contains(hook) };
        let known = !inside || self.reverted || self.excused;
        self.promise("HAProxy is set as its hook has turned it", known || fits, words);
    }

    fn is_observed(&self, memory: &RegionMemory) -> bool {
        match &memory.episode {
            Some(_) => self.is_frozen(memory),
            None => memory.pause.is_some() || self.rules.mode.code() != "auto",
        }
    }

    /// Whether another keyward holds every replica: HAProxy is its affair.
    fn another_acts(&self) -> bool {
        let lock = |seen: &Seen| seen.facts.as_ref().map(|facts| facts.acting_lock.clone());
        self.replicas.iter().all(|seen| matches!(lock(seen), Some(ActingLock::Other(_))))
    }

    /// What came of setting a level.
    pub fn handles_level(&mut self, t: Ms, failed: bool) {
        if failed {
            self.level.failed_at = Some(t);
        }
    }

    /// A turn is over: whether the HAProxy truly serves what the hook has turned it to. It is `calm` while it is
    /// healthy, no hook runs and the memory is written down.
    pub fn level_stands(&mut self, t: Ms, hook: &str, proxy: &Proxy, calm: bool, memory: &RegionMemory) {
        let wanted = match &memory.episode {
            None => memory.proof.is_some().then_some(Side::Remote),
            Some(episode) => {
                let done = self.succeeded.contains(&(episode.id.clone(), episode.turn, hook.to_owned()));
                episode.direction.side().filter(|_| done && !self.reverted && !self.excused)
            }
        };
        let held =
            !calm || self.unsaved || self.is_observed(memory) || (memory.episode.is_none() && self.another_acts());
        if held || wanted.is_none_or(|side| proxy.serves(side)) {
            self.level.wrong_since = None;
            return;
        }
        let since = *self.level.wrong_since.get_or_insert(t);
        let since = since.max(self.level.failed_at.map_or(0, |at| at + LONGEST_PAUSE));
        let look = 2 * ms(self.rules.poll_interval) + ms(self.rules.probe_timeout);
        let late = t.saturating_sub(since);
        self.promise("HAProxy is set again within a few looks", late <= 5 * look, || format!("wrong for {late} ms"));
    }
}
