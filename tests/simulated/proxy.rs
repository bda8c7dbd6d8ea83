//! An HAProxy that a hook sets: its servers as they truly are, and the daemon's task that looks at it and sets it again.

use std::collections::BTreeMap;

use keyward::judge::LevelOrder;
use keyward::model::haproxy::{AdminState, Change, HaproxyFacts, HaproxyLook, Side, SocketLevel};

use super::core;
use super::daemon::{Daemon, Input};
use super::fault::Kind;
use super::time::{Ms, moment};
use super::world::World;

/// The server in the master's region and the one in the region itself, as in the configuration file.
const CONFIGURED: [AdminState; 2] = [AdminState(0), AdminState(0x05)];
/// As somebody leaves them who makes every server ready.
const BOTH_READY: [AdminState; 2] = [AdminState(0), AdminState(0x04)];

/// The HAProxy.
#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    states: [AdminState; 2],
    /// It does not answer.
    pub down: bool,
    /// While it does not answer, that is learned late.
    pub hangs: bool,
    /// Its socket takes no `set server`.
    pub weak: bool,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { states: CONFIGURED, down: false, hangs: false, weak: false }
    }
}

impl Proxy {
    /// It is started anew and knows nothing of what was set, or somebody turns it by hand.
    pub fn forget(&mut self, by_hand: bool) {
        self.states = if by_hand { BOTH_READY } else { CONFIGURED };
    }

    /// Whether it can be looked at and set.
    pub fn is_healthy(&self) -> bool {
        !self.down && !self.weak
    }

    /// Whether it truly is as a side needs it.
    pub fn serves(&self, side: Side) -> bool {
        let [far, near] = self.states;
        let (serving, resting) = if side == Side::Remote { (far, near) } else { (near, far) };
        serving.is_ready() && resting.is_in_maint()
    }

    fn all(&self, level: SocketLevel) -> HaproxyFacts {
        let servers: BTreeMap<String, AdminState> =
            core::SERVERS.map(str::to_owned).into_iter().zip(self.states).collect();
        HaproxyFacts { level, backends: vec!["identity".into()], servers }
    }

    /// What a look shows.
    fn facts(&self) -> Result<HaproxyFacts, String> {
        match (self.down, self.weak) {
            (true, _) => Err("HAProxy does not answer".into()),
            (false, weak) => Ok(self.all(if weak { SocketLevel::Operator } else { SocketLevel::Admin })),
        }
    }

    /// Sets what is missing for a side, at most `most` servers.
    pub fn set(&mut self, side: Side, most: usize) -> Result<Vec<Change>, String> {
        let facts = self.facts()?;
        if let Some(why) = facts.hindrance(&core::proxy()) {
            return Err(why);
        }
        let mut changes = facts.missing(&core::proxy(), side);
        changes.truncate(most);
        for change in &changes {
            let at = core::SERVERS.iter().position(|name| *name == change.server).unwrap_or(0);
            let kept = self.states[at].0 & 0x04;
            self.states[at] = AdminState(if change.to.code() == "maint" { kept | 0x01 } else { kept });
        }
        Ok(changes)
    }
}

/// The task that looks at it, one look at a time, and the setting that is under way.
#[derive(Debug, Default)]
pub struct Watch {
    look: Option<(HaproxyLook, Ms)>,
    due: Ms,
    set: Option<(Option<Side>, Ms)>,
}

impl Watch {
    /// When something of it ends.
    pub fn next(&self) -> Option<Ms> {
        self.look.iter().map(|(_, ends)| *ends).chain(self.set.map(|(_, ends)| ends)).min()
    }

    /// When the loop begins the next look.
    pub fn due(&self) -> Ms {
        if self.look.is_none() { self.due } else { Ms::MAX }
    }
}

impl World {
    /// The name of the hook that sets the HAProxy, while the settings have it.
    pub fn proxy_hook(&self) -> Option<String> {
        let name = &self.setup.rules.hooks[self.setup.proxy?].name;
        self.rules.hooks.iter().any(|spec| spec.name == *name).then(|| name.clone())
    }

    /// Begins to set again what the judge ordered, unless a run is in the way, and the look that is due.
    pub fn begin_levels(&mut self, saved: bool) {
        let takes =
            if self.proxy.down && self.proxy.hangs { self.setup.probe_timeout() } else { self.setup.proxy_latency };
        let hook = self.proxy_hook();
        let (t, poll) = (self.t, self.setup.poll());
        let Some(daemon) = &mut self.daemon else { return };
        for order in daemon.core.level_orders(saved) {
            let LevelOrder { spec, side, .. } = &order;
            self.reference.levels(&order, (&self.runs, self.life), saved, daemon.core.region());
            self.story.tell(t, || format!("  {} is set to {} again", spec.name, side.code()));
            let ends = t + 2 * takes + 1;
            let enters = self.runs.enter(spec, t, ends);
            daemon.watch.set = Some((enters.then_some(*side), if enters { ends } else { t }));
            self.decides = true;
        }
        if hook.is_some() && daemon.watch.look.is_none() && daemon.watch.due <= t {
            daemon.watch.due = t + poll;
            daemon.watch.look = Some((HaproxyLook { began: moment(t), result: self.proxy.facts() }, t + takes));
        }
        self.check_level(saved);
    }

    fn check_level(&mut self, saved: bool) {
        let (Some(daemon), Some(hook)) = (&self.daemon, self.proxy_hook()) else { return };
        let calm = saved && self.proxy.is_healthy() && self.runs.next().is_none();
        self.reference.level_stands(self.t, &hook, &self.proxy, calm, daemon.core.region());
    }

    /// Ends the look and the setting that are due.
    pub fn levels_due(&mut self) {
        let Some(Daemon { watch, queue, .. }) = &mut self.daemon else { return };
        if let Some((mut look, _)) = watch.look.take_if(|(_, ends)| *ends <= self.t) {
            if self.proxy.down {
                look.result = Err("HAProxy does not answer".into());
            }
            queue.push_back(Input::Haproxy(look));
        }
        if let Some((side, _)) = watch.set.take_if(|(_, ends)| *ends <= self.t) {
            queue.push_back(Input::Level(side.map(|side| self.proxy.set(side, usize::MAX))));
        }
    }

    /// A fault of the HAProxy begins or ends.
    pub fn proxy_changed(&mut self, kind: Kind, on: bool) {
        match kind {
            Kind::ProxyDown => {
                (self.proxy.down, self.proxy.hangs) = (on, self.args[kind as usize] & 1 != 0);
                if !self.proxy.hangs {
                    self.proxy.forget(false);
                }
            }
            _ => self.proxy.weak = on,
        }
    }
}
