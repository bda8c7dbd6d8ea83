//! `haproxy` hooks as levels: what HAProxy must show now, and when it is set again after it lost that.
//!
//! The way out and the way back are runs like those of any other hook. This is what holds between them: a reload or a
//! restart of HAProxy forgets what was set.

use std::time::Duration;

use super::hooks::FIRST_PAUSE;
use super::level::LevelOrder;
use super::memory::Episode;
use super::region::Region;
use super::replica::Replica;
use crate::model::haproxy::{Change, Haproxy, HaproxyFacts, HaproxyLook, Side, SocketLevel};
use crate::model::hook::{HookEvent, HookKind, HookSpec};
use crate::model::observation::ActingLock;
use crate::model::retry;
use crate::model::view::LevelView;
use crate::model::{EventKind, Now};

/// The longest pause before a level that could not be set is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

fn proxy(spec: &HookSpec) -> Option<&Haproxy> {
    match &spec.kind {
        HookKind::Haproxy(proxy) => Some(proxy),
        _ => None,
    }
}

impl Region {
    pub(super) fn handle_haproxy(&mut self, hook: &str, look: &HaproxyLook) {
        let level = self.levels.entry(hook.to_owned()).or_default();
        level.began = look.began;
        level.seen = Some(look.result.clone());
    }

    /// Takes in what came of setting a level: what was changed, or why not; nothing when a hook's run was in the way.
    pub(super) fn handle_level_ended(&mut self, now: Now, hook: &str, result: Option<Result<Vec<Change>, String>>) {
        let Some(level) = self.levels.get_mut(hook) else { return };
        level.setting = false;
        level.shows_from = now.mono;
        match result {
            None => {}
            Some(Ok(changes)) => {
                level.calm();
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                // somebody else may have been faster
                if !changes.is_empty() {
                    let sentence = format!("HAProxy had lost what hook {hook} keeps there: {}", changes.join("; "));
                    self.tell(now, EventKind::Level { hook: hook.to_owned() }, sentence);
                }
            }
            Some(Err(why)) => {
                level.failures += 1;
                let pause = retry::pause(level.failures, FIRST_PAUSE, LONGEST_PAUSE, &mut self.random);
                level.not_before = Some(now.mono + pause);
                level.failure = Some(why);
            }
        }
    }

    /// A run of the hook has ended: only later looks show what it did.
    pub(super) fn handle_turned(&mut self, now: Now, hook: &str) {
        if let Some(level) = self.levels.get_mut(hook) {
            level.shows_from = now.mono;
            level.calm();
        }
    }

    /// Forgets what was seen for hooks that are gone or changed.
    pub(super) fn keep_levels(&mut self, old: &[HookSpec]) {
        let hooks = &self.rules.hooks;
        self.levels.retain(|name, _| {
            let find = |specs: &[HookSpec]| specs.iter().find(|spec| spec.name == *name).cloned();
            find(hooks).is_some_and(|spec| find(old) == Some(spec))
        });
    }

    /// Why HAProxy is only observed now, in a few words; `None` when levels are set.
    fn only_observed(&self) -> Option<&'static str> {
        let acts = match &self.memory.episode {
            Some(_) => self.may_run_hooks(),
            None => self.acts_alone(),
        };
        match (acts, &self.memory.pause) {
            // somebody may have turned the region by hand before keyward came
            (true, _) if self.memory.episode.is_none() && self.memory.proof.is_none() => {
                Some("the master was never proven alive from here")
            }
            (true, _) => None,
            (false, Some(_)) => Some("the region is paused"),
            (false, None) => Some("mode is not \"auto\""),
        }
    }

    /// Whether another keyward acts for the region and this one has turned nothing: what HAProxy must show is the
    /// other's affair, and two that set it would turn it to and fro.
    fn another_acts(&self) -> bool {
        let held = |replica: &Replica| {
            let lock = replica.facts().map(|facts| &facts.acting_lock);
            matches!(lock, Some(ActingLock::Other(_))) && !replica.reseeding
        };
        self.memory.episode.is_none() && !self.replicas.is_empty() && self.replicas.iter().all(held)
    }

    /// Where a hook has turned HAProxy; `None` while that is the hook's own affair: it runs, or it failed.
    fn wanted(&self, hook: &str) -> Option<Side> {
        if self.lingering.contains(hook) || self.another_acts() {
            return None;
        }
        match self.memory.episode.as_ref().and_then(|episode| episode.hooks.get(hook)) {
            Some(hook) if hook.running.is_some() => None,
            Some(hook) if hook.started => hook.turned.and_then(HookEvent::side),
            _ => Some(Side::Remote),
        }
    }

    /// Orders what was lost to be set again; never beside a run that shares the hook's slot.
    pub(super) fn step_levels(&mut self, now: Now) {
        // who else acts for the region is known when its replicas have been looked at
        let acts = self.only_observed().is_none() && self.looked();
        // one that left the settings while it runs still holds its slot
        let optional = |name: &str| self.rules.hooks.iter().any(|spec| spec.name == name && spec.optional);
        let mut running = self.memory.episode.iter().flat_map(Episode::running);
        let required_runs = running.any(|name| !optional(name));
        for spec in &self.rules.hooks {
            let side = self.wanted(&spec.name);
            let (Some(proxy), Some(level), Some(side)) = (proxy(spec), self.levels.get_mut(&spec.name), side) else {
                continue;
            };
            let Some(facts) = level.facts().filter(|facts| facts.hindrance(proxy).is_none()) else { continue };
            let (is_right, is_due) = (facts.deviation(proxy, side).is_none(), !facts.missing(proxy, side).is_empty());
            let waits = level.setting || level.not_before.is_some_and(|at| now.mono < at);
            if is_right {
                level.calm();
            } else if acts && is_due && !waits && (spec.optional || !required_runs) {
                level.setting = true;
                self.level_orders.push(LevelOrder { region: self.rules.region.clone(), spec: spec.clone(), side });
            }
        }
    }

    /// The levels to set again now. While the memory is not `saved`, only towards the region itself.
    pub(super) fn take_level_orders(&mut self, saved: bool) -> Vec<LevelOrder> {
        let (orders, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.level_orders).into_iter().partition(|order| saved || order.side == Side::Local);
        for order in held {
            if let Some(level) = self.levels.get_mut(&order.spec.name) {
                level.setting = false;
            }
        }
        orders
    }

    /// What is wrong with the HAProxy of a hook, in a sentence. What is being set again is not told.
    fn level_trouble(&self, spec: &HookSpec) -> Option<String> {
        let (proxy, level) = (proxy(spec)?, self.levels.get(&spec.name)?);
        if let Some(why) = level.hindrance(proxy) {
            return Some(why);
        }
        let side = self.wanted(&spec.name)?;
        // until the next look has shown better
        let Some(facts) = level.facts() else { return level.failure.clone() };
        let wrong = facts.deviation(proxy, side)?;
        let at = format!("HAProxy at {} is not as `{}` needs it: {wrong}", proxy.socket, side.code());
        match (self.only_observed(), &level.failure) {
            (Some(why), _) => Some(format!("{at}; it is only observed: {why}")),
            (None, Some(failure)) => Some(failure.clone()),
            (None, None) if facts.missing(proxy, side).is_empty() => Some(at),
            (None, None) => None,
        }
    }

    /// Why a required hook could not set its HAProxy now.
    pub(super) fn level_hindrance(&self) -> Option<String> {
        let required = self.rules.hooks.iter().filter(|spec| !spec.optional);
        required.filter_map(|spec| self.levels.get(&spec.name)?.hindrance(proxy(spec)?)).next()
    }

    /// What is wrong with any HAProxy that a hook sets.
    pub(super) fn level_troubles(&self) -> Option<String> {
        let told = |spec: &HookSpec| Some(format!("hook {}: {}", spec.name, self.level_trouble(spec)?));
        let troubles: Vec<String> = self.rules.hooks.iter().filter_map(told).collect();
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }

    /// The level of a hook as it stands now; `None` for other hooks, and before the first look.
    pub(super) fn level_view(&self, spec: &HookSpec) -> Option<LevelView> {
        let (proxy, level) = (proxy(spec)?, self.levels.get(&spec.name)?);
        let seen = level.seen.as_ref()?;
        let up = seen.as_ref().is_ok_and(|facts| facts.level == SocketLevel::Admin);
        let side = self.wanted(&spec.name);
        let as_needed =
            |facts: &HaproxyFacts| Some(facts.hindrance(proxy).is_none() && facts.deviation(proxy, side?).is_none());
        let ok = level.facts().filter(|_| up).and_then(as_needed);
        let sentence = match (self.level_trouble(spec), side, ok) {
            (Some(trouble), ..) => trouble,
            (None, None, _) if self.another_acts() => {
                format!("HAProxy at {} is left to the other keyward that acts for the region", proxy.socket)
            }
            (None, None, _) => format!("HAProxy at {} is turned by the hook", proxy.socket),
            (None, Some(side), Some(false)) => {
                format!("HAProxy at {} has lost `{}`, which is set again", proxy.socket, side.code())
            }
            (None, Some(side), Some(true)) => {
                format!("HAProxy at {} serves {}", proxy.socket, proxy.servers(side).0.join(", "))
            }
            (None, Some(side), None) => format!("HAProxy at {} was just set to `{}`", proxy.socket, side.code()),
        };
        Some(LevelView { up, ok, sentence })
    }
}

#[cfg(test)]
mod tests;
