//! Trials of liveness: everything is healed and the region must come home; the master dies for good and it must
//! become local. Each within a time that follows from the settings.

use keyward::judge::Rules;
use keyward::model::Phase;
use keyward::model::haproxy::Side;
use keyward::model::phase::{Failback, Mode};

use super::fault::{Fault, Kind};
use super::time::{Ms, ms};
use super::world::World;

const HOUR: Ms = 3_600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Home,
    Dark,
    Back,
}

/// A trial under way.
#[derive(Clone, Debug)]
pub struct Trial {
    /// When it looks again how far things are.
    pub next: Ms,
    stage: Stage,
    deadline: Ms,
    /// How the master dies, if it shall.
    outage: Option<u32>,
}

impl World {
    /// Heals everything and begins a trial.
    pub fn begin_trial(&mut self, fault: Fault) {
        let outage = (fault.kind == Kind::Outage).then_some(fault.arg);
        self.story.tell(self.t, || format!("* everything is healed {}", fault.kind.words()));
        self.heal();
        self.trial = Some(Trial { next: self.t, stage: Stage::Home, deadline: self.t + self.way_home(), outage });
    }

    /// Puts everything right, as operators would.
    fn heal(&mut self) {
        self.settle();
        for kind in &Kind::ALL[..Kind::LASTING] {
            for place in 0..3 {
                if self.on[*kind as usize][place] {
                    self.over(*kind, place);
                }
            }
        }
        self.armed.clear();
        if let Some(daemon) = &mut self.daemon {
            daemon.requests.clear();
        }
        (self.asleep, self.frozen, self.starved) = (self.t, self.t, self.t);
        self.restart_at = self.restart_at.min(self.t + 100);
        if self.damaged {
            self.die(100);
            (self.damaged, self.disk) = (false, None);
        }
        for replica in &mut self.replicas {
            replica.set_read_only(true);
            (replica.io_on, replica.sql_on) = (true, true);
        }
        self.reload_to(Rules { mode: Mode::Auto, failback: Failback::Auto, ..self.setup.rules.clone() });
    }

    /// How long it may take to come home.
    fn way_home(&self) -> Ms {
        let alive = self.daemon.as_ref().map(|daemon| daemon.core.region());
        let memory = alive.or_else(|| self.disk.as_ref()?.regions.values().next());
        let episode = memory.and_then(|memory| memory.episode.as_ref()).map(|episode| episode.doubled);
        let last = memory.and_then(|memory| memory.last_episode.as_ref()).map(|last| last.doubled);
        let doubled = episode.max(last).unwrap_or(0).min(20) + 1;
        // failed hooks and failed upkeeps are tried again within a minute each
        (ms(self.setup.rules.failback_after) << doubled).min(HOUR) + 180_000 + 20 * self.setup.unreachable()
    }

    /// How long it may take to become local, hooks included.
    fn way_out(&self) -> Ms {
        let look = self.setup.poll() + self.setup.probe_timeout() + self.setup.connecting;
        let keystone = self.setup.rules.identity.as_ref();
        let login = keystone.map_or(0, |keystone| ms(keystone.interval) + ms(keystone.timeout));
        self.setup.unreachable() + 6 * look + 3 * login + self.setup.hook_takes.iter().sum::<Ms>() + 1_000
    }

    /// Looks how far the trial is.
    pub fn trial(&mut self) {
        let Some(mut trial) = self.trial.take_if(|trial| trial.next <= self.t) else { return };
        let arrived = match trial.stage {
            Stage::Home | Stage::Back => self.is_home(),
            Stage::Dark => self.daemon.is_some() && self.reference.phase() == Phase::Local,
        };
        if !arrived {
            self.still_waiting(&trial);
            trial.next = self.t + 4 * self.setup.poll();
            self.trial = Some(trial);
            return;
        }
        match (trial.stage, trial.outage) {
            (Stage::Home, Some(how)) => {
                let kinds = [Kind::MasterCrash, Kind::MasterFreeze, Kind::PartitionBoth];
                let kind = kinds[how as usize % kinds.len()];
                self.story.tell(self.t, || format!("* for good: {}", kind.words()));
                self.settle();
                self.everywhere(kind, HOUR * 24);
                self.trial = Some(Trial { stage: Stage::Dark, deadline: self.t + self.way_out(), ..trial });
            }
            (Stage::Dark, _) => {
                self.heal();
                self.trial = Some(Trial { stage: Stage::Back, deadline: self.t + self.way_home(), ..trial });
            }
            (Stage::Home | Stage::Back, _) => {
                self.table.trials += 1;
                // mostly the damper forgets, as it would in an hour: by the wall clock, after a restart
                if self.random.u32(..4) > 0 {
                    self.shift += HOUR as i64 + 60_000;
                    self.die(50);
                }
                self.step_at = self.t + self.steps.front().map_or(0, |step| step.wait);
            }
        }
    }

    fn still_waiting(&mut self, trial: &Trial) {
        let (promise, what) = match trial.stage {
            Stage::Dark => ("an outage ends in local", "the region did not become local"),
            _ => ("health ends in remote", "the region did not come home"),
        };
        if self.t > trial.deadline {
            self.reference.late(promise, || format!("{what} in time"));
        }
        if trial.stage != Stage::Dark {
            self.help();
        }
    }

    fn is_home(&self) -> bool {
        let Some(daemon) = &self.daemon else { return false };
        let memory = daemon.core.region();
        let patience = ms(self.rules.link_patience());
        memory.phase == Phase::Remote
            && memory.lost.is_none()
            && !memory.resting
            && self.runs.next().is_none()
            && (self.setup.proxy.is_none() || self.proxy.serves(Side::Remote))
            && self.reference.is_well(self.t, 2 * self.setup.poll() + self.setup.probe_timeout())
            && self.reference.beats_arrive(&self.master, self.now(), patience)
            && self.reference.closed(&self.master, self.now()).is_empty()
    }

    /// What an operator does when the region waits for one.
    fn help(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        let memory = daemon.core.region();
        let by_hand = memory.episode.as_ref().is_some_and(|episode| episode.manual);
        let wanted = if memory.pause.is_some() {
            Some(Kind::Resume)
        } else if !memory.released.is_empty() || memory.lost.is_some() {
            Some(Kind::Adopt)
        } else {
            (by_hand && matches!(memory.phase, Phase::Local | Phase::Switching)).then_some(Kind::Failback)
        };
        daemon.requests.extend(wanted.map(|kind| Fault { kind, lasts: 0, arg: 1 }));
    }
}
