//! The processes of hooks: each slot holds one run at a time, also across a crash of the daemon, as `act::lock` and
//! `act::leftover` see to it.

use std::collections::BTreeMap;

use keyward::model::hook::{HookEnd, HookEvent, HookKind, HookOutcome, HookRun, HookSpec};

use super::proxy::Proxy;
use super::time::{Ms, ms, span};

/// How a hook behaves now.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// How long it runs.
    pub takes: Ms,
    /// It never ends by itself.
    pub hangs: bool,
    /// It ends with an error.
    pub fails: bool,
    /// It has done a part before that.
    pub half: bool,
}

/// What a hook last did to the region, as far as it truly got.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Which way.
    pub event: HookEvent,
    /// Whether it was done in full.
    pub whole: bool,
}

/// A run that was ordered.
#[derive(Clone, Debug)]
pub struct Run {
    order: HookRun,
    life: u64,
    began: Ms,
    ends: Ms,
    end: HookEnd,
    half: bool,
}

/// Every run there is.
#[derive(Debug, Default)]
pub struct Runs {
    /// By slot: the run in it, then those that wait for it.
    slots: BTreeMap<String, Vec<Run>>,
    /// Until when a slot is taken by somebody who sets the level of its hook.
    taken: BTreeMap<String, Ms>,
    /// What each hook last did.
    pub done: BTreeMap<String, Done>,
}

impl Runs {
    /// When the next run ends.
    pub fn next(&self) -> Option<Ms> {
        self.slots.values().filter_map(|slot| slot.first()).map(|run| run.ends).min()
    }

    /// Begins a run for the daemon of `life`, or lets it wait for the one before it.
    pub fn begin(&mut self, t: Ms, order: HookRun, life: u64, behaviour: Behaviour) {
        let slot = slot(&order.spec);
        let t = t.max(self.taken.get(&slot).copied().unwrap_or(0));
        let limit = ms(order.spec.timeout);
        let (took, end) = match behaviour {
            Behaviour { hangs: true, .. } => (limit, HookEnd::TimedOut),
            Behaviour { takes, .. } if takes >= limit => (limit, HookEnd::TimedOut),
            Behaviour { fails: true, takes, .. } => (takes, HookEnd::Failed("exit status 1".into())),
            Behaviour { takes, .. } => (takes, HookEnd::Ok),
        };
        let half = behaviour.half || end == HookEnd::TimedOut;
        let runs = self.slots.entry(slot).or_default();
        runs.push(Run { order, life, began: t, ends: t + took, end, half });
    }

    /// Takes the slot of a hook until `ends`, unless a run is in it.
    pub fn enter(&mut self, spec: &HookSpec, t: Ms, ends: Ms) -> bool {
        let slot = slot(spec);
        let free = !self.slots.contains_key(&slot) && self.taken.get(&slot).is_none_or(|until| *until <= t);
        if free {
            self.taken.insert(slot, ends);
        }
        free
    }

    /// The daemon is gone: what waited in it is gone, what ran goes on, if it is a process.
    pub fn orphan(&mut self, proxy: &mut Proxy) {
        self.taken.clear();
        for runs in self.slots.values_mut() {
            runs.truncate(1);
            runs.retain(|run| {
                // what it has set stays
                if let (HookKind::Haproxy(_), true, Some(side)) =
                    (&run.order.spec.kind, run.half, run.order.event.side())
                {
                    let _ = proxy.set(side, 1);
                }
                matches!(run.order.spec.kind, HookKind::Exec { .. })
            });
        }
        self.slots.retain(|_, runs| !runs.is_empty());
    }

    /// The runs that have ended by `t`; the daemon of `life` hears of its own.
    pub fn ended(&mut self, t: Ms, life: u64, proxy: &mut Proxy) -> Vec<HookOutcome> {
        let mut outcomes = Vec::new();
        for runs in self.slots.values_mut() {
            while runs.first().is_some_and(|run| run.ends <= t) {
                let mut run = runs.remove(0);
                run.sets(proxy);
                if let Some(next) = runs.first_mut() {
                    let takes = next.ends - next.began;
                    next.began = run.ends.max(next.began);
                    next.ends = next.began + takes;
                }
                note(&mut self.done, &run);
                if run.life == life {
                    outcomes.push(run.outcome());
                }
            }
        }
        self.slots.retain(|_, runs| !runs.is_empty());
        outcomes
    }

    /// Whether a hook's process runs or is ordered by this life.
    pub fn is_ordered(&self, hook: &str, life: u64) -> bool {
        self.ordered(life).any(|order| order.spec.name == hook)
    }

    /// The runs that this life has ordered.
    pub fn ordered(&self, life: u64) -> impl Iterator<Item = &HookRun> {
        self.slots.values().flatten().filter(move |run| run.life == life).map(|run| &run.order)
    }
}

/// Required hooks share a slot, each optional one has its own.
fn slot(spec: &HookSpec) -> String {
    if spec.optional { format!("?{}", spec.name) } else { String::new() }
}

fn note(done: &mut BTreeMap<String, Done>, run: &Run) {
    let whole = run.end == HookEnd::Ok;
    if whole || run.half {
        done.insert(run.order.spec.name.clone(), Done { event: run.order.event, whole });
    }
}

impl Run {
    /// The end of a run that sets an HAProxy, which may not let it.
    fn sets(&mut self, proxy: &mut Proxy) {
        let (HookKind::Haproxy(_), Some(side)) = (&self.order.spec.kind, self.order.event.side()) else { return };
        let whole = self.end == HookEnd::Ok;
        if !whole && !self.half {
            return;
        }
        if let Err(why) = proxy.set(side, if whole { usize::MAX } else { 1 }) {
            self.half = false;
            if whole {
                self.end = HookEnd::Failed(why);
            }
        }
    }

    fn outcome(self) -> HookOutcome {
        HookOutcome {
            hook: self.order.spec.name,
            event: self.order.event,
            turn: self.order.turn,
            attempt: self.order.attempt,
            end: self.end,
            took: span(self.ends - self.began),
        }
    }
}
