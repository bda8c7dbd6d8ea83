//! Looks at the HAProxy of every `haproxy` hook, and sets again what it lost when the judge orders that. Looks at the
//! program of every `exec` hook too.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock;
use super::hooks::Runner;
use super::inputs::Input;
use crate::act::haproxy::set;
use crate::act::lock::Slot;
use crate::config::Settings;
use crate::judge::LevelOrder;
use crate::model::hook::HookKind;
use crate::model::{Moment, RegionName};
use crate::observe::haproxy::look;
use crate::observe::program;

/// How often the program of an `exec` hook is looked at.
const PROGRAM_EVERY: Duration = Duration::from_secs(10);

/// The looks at one hook's HAProxy or program.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    /// One is under way.
    busy: bool,
    /// When the next is due.
    due: Moment,
}

/// The looks at every HAProxy and program.
pub struct Levels {
    limit: Duration,
    looks: BTreeMap<(RegionName, String), Looks>,
    sink: mpsc::Sender<Input>,
}

impl Levels {
    /// None is looked at yet.
    pub fn new(settings: &Settings, sink: mpsc::Sender<Input>) -> Self {
        Self { limit: settings.probe_timeout, looks: BTreeMap::new(), sink }
    }

    /// Begins every look that is due; one that outlasts the interval is followed by the next at once.
    pub fn look(&mut self, settings: &Settings, now: Moment) {
        let mut looks = std::mem::take(&mut self.looks);
        for region in &settings.regions {
            for spec in &region.failover.hooks {
                let interval = match &spec.kind {
                    HookKind::Haproxy(_) => settings.poll_interval,
                    HookKind::Exec { .. } => PROGRAM_EVERY,
                    HookKind::Http { .. } => continue,
                };
                let key = (region.name.clone(), spec.name.clone());
                let mut mine = looks.remove(&key).unwrap_or_default();
                if !mine.busy && now >= mine.due {
                    mine = Looks { busy: true, due: now + interval };
                    self.begin_look(key.clone(), spec.kind.clone());
                }
                self.looks.insert(key, mine);
            }
        }
    }

    fn begin_look(&self, (region, hook): (RegionName, String), kind: HookKind) {
        let (limit, sink) = (self.limit, self.sink.clone());
        tokio::spawn(async move {
            let seen = match kind {
                HookKind::Haproxy(proxy) => Input::Haproxy(region, hook, look(&proxy, limit, clock::moment).await),
                other => Input::Program(region, hook, program::obstacle(&other.target()).await),
            };
            // a closed channel means that the daemon ends
            let _ = sink.send(seen).await;
        });
    }

    /// When the next look is due.
    pub fn poll_deadline(&self) -> Option<Moment> {
        self.looks.values().filter(|looks| !looks.busy).map(|looks| looks.due).min()
    }

    /// Takes in that a look has ended.
    pub fn handle_look_ended(&mut self, region: &RegionName, hook: &str) {
        if let Some(looks) = self.looks.get_mut(&(region.clone(), hook.to_owned())) {
            looks.busy = false;
        }
    }

    /// Begins to set levels again, each unless a hook of its slot is running; each end comes back as an input.
    pub fn begin(&self, orders: Vec<LevelOrder>, runner: &Runner) {
        for LevelOrder { region, spec, side } in orders {
            let HookKind::Haproxy(proxy) = spec.kind.clone() else { continue };
            // at once, so that a run that begins later waits
            let entered = Slot::of(&runner.place(&region), &spec).try_enter();
            let (limit, sink) = (self.limit, self.sink.clone());
            tokio::spawn(async move {
                let result = match &entered {
                    Some(_) => Some(set(&proxy, side, limit).await),
                    None => None,
                };
                drop(entered);
                // a closed channel means that the daemon ends
                let _ = sink.send(Input::Level(region, spec.name, result)).await;
            });
        }
    }
}
