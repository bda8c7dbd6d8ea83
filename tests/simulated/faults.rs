//! Faults and orders as they strike: what each changes in the world.

use keyward::judge::Rules;
use keyward::model::command::Command;
use keyward::model::phase::{Failback, Mode};

use super::fault::{Fault, Kind, Point};
use super::setup::{region, replica, spec};
use super::time::{Ms, ms, span};
use super::world::World;

impl World {
    /// What is due in the schedule strikes, or waits for its point in the daemon's turn.
    pub fn strike_due(&mut self) {
        while self.trial.is_none() && self.step_at <= self.t {
            let Some(step) = self.steps.pop_front() else { break };
            self.step_at = self.t + self.steps.front().map_or(0, |step| step.wait);
            if step.fault.kind.is_trial() {
                self.begin_trial(step.fault);
            } else if step.point == Point::Idle || (step.point == Point::Down && self.daemon.is_none()) {
                self.strike(step.fault, step.point);
            } else {
                let patience = 3_000 + 5 * self.setup.poll();
                self.armed.push((step, self.t + patience));
            }
        }
        while let Some(index) = self.armed.iter().position(|(_, until)| *until <= self.t) {
            let (step, _) = self.armed.remove(index);
            self.strike(step.fault, Point::Idle);
        }
    }

    /// Passes a point in the daemon's turn; whether the daemon still lives.
    pub fn pass(&mut self, point: Point) -> bool {
        let decides = self.decides;
        let ready = |(step, _): &(super::fault::Step, Ms)| step.point == point && (!step.keen || decides);
        while let Some(index) = self.armed.iter().position(ready) {
            let (step, _) = self.armed.remove(index);
            self.strike(step.fault, point);
        }
        self.daemon.is_some()
    }

    fn strike(&mut self, fault: Fault, point: Point) {
        let Fault { kind, lasts, arg } = fault;
        let down = self.daemon.is_none();
        if kind == Kind::Unshared && self.setup.addresses() == 1
            || down && kind.needs_daemon()
            || kind.is_of_proxy() && self.setup.proxy.is_none()
            || kind.is_of_keystone() && self.rules.identity.is_none()
            || kind == Kind::LocalIdentityDown && self.rules.local_identity.is_none()
        {
            return;
        }
        let point = if down { Point::Down } else { point };
        let closed = self.reference.closed(&self.master, self.now());
        self.table.count(self.reference.phase(), &closed, kind, point);
        self.story.tell(self.t, || format!("* {} (lasts {lasts} ms, {arg}) at \"{}\"", kind.words(), point.words()));
        let place = match kind {
            kind if kind.is_of_address() => arg as usize / 8 % self.setup.addresses(),
            kind if kind.is_of_replica() => arg as usize % self.replicas.len(),
            kind if kind.is_of_hook() => arg as usize % 3,
            _ => 0,
        };
        if let Some(first) = (0..self.setup.addresses()).find(|place| !self.is_on_at(Kind::MasterCrash, *place)) {
            self.master.write(first);
        }
        if kind.lasts() {
            self.args[kind as usize] = arg;
            if kind.is_of_address() && kind != Kind::Unshared && arg & 32 != 0 {
                self.everywhere(kind, lasts.max(1));
            } else {
                self.lasting(kind, place, lasts.max(1));
            }
        } else if kind.is_request() {
            if let Some(daemon) = &mut self.daemon {
                daemon.requests.push_back(fault);
            }
        } else {
            self.at_once(fault, place);
        }
    }

    /// Begins a lasting fault at every address of the master.
    pub fn everywhere(&mut self, kind: Kind, lasts: Ms) {
        for place in 0..self.setup.addresses() {
            self.lasting(kind, place, lasts);
        }
    }

    /// Begins a lasting fault, or lets it last longer.
    pub fn lasting(&mut self, kind: Kind, place: usize, lasts: Ms) {
        let until = &mut self.until[kind as usize][place];
        *until = (*until).max(self.t + lasts);
        if !std::mem::replace(&mut self.on[kind as usize][place], true) {
            match kind {
                Kind::LoginRefused => self.disconnect_master(place),
                Kind::MasterCrash if self.args[kind as usize] & 16 != 0 => self.promote(place),
                Kind::Unshared => self.leave_stream(place),
                Kind::Unstamped => self.stamp(place, false),
                Kind::ProxyDown | Kind::ProxyWeak => self.proxy_changed(kind, true),
                _ => {}
            }
        }
    }

    /// A lasting fault is over.
    pub fn over(&mut self, kind: Kind, place: usize) {
        self.on[kind as usize][place] = false;
        match kind {
            Kind::MasterCrash => {
                if let Some(memory) = &self.disk {
                    let lost = self.args[kind as usize] % 8;
                    self.master.lose(place, &memory.instance, u64::from(lost.saturating_sub(4)));
                }
                self.args[kind as usize] = 0;
                self.disconnect_master(place);
            }
            Kind::Unshared => {
                let server = &mut self.master.servers[place];
                server.apart = false;
                if std::mem::take(&mut server.stranger) {
                    self.disconnect_master(place);
                }
            }
            Kind::ReplicaDown => self.restart_replica(place, self.args[kind as usize] & 4 != 0),
            Kind::Unstamped => self.stamp(place, true),
            Kind::ProxyDown | Kind::ProxyWeak => self.proxy_changed(kind, false),
            _ => {}
        }
    }

    fn disconnect_master(&mut self, place: usize) {
        if let Some(daemon) = &mut self.daemon {
            daemon.lookers[place].disconnect();
            daemon.beaters[place].disconnect();
        }
    }

    /// Somebody lets another server take the writes of one that is gone.
    fn promote(&mut self, gone: usize) {
        let heir = (0..self.setup.addresses()).find(|place| !self.is_on_at(Kind::MasterCrash, *place));
        if let Some(heir) = heir.filter(|_| !self.master.servers[gone].read_only && self.setup.standby) {
            (self.master.servers[gone].read_only, self.master.servers[heir].read_only) = (true, false);
        }
    }

    /// A server of the master side gets nothing from the others any more, or another one answers in its place.
    fn leave_stream(&mut self, place: usize) {
        let stranger = self.args[Kind::Unshared as usize] & 1 != 0;
        let server = &mut self.master.servers[place];
        (server.apart, server.stranger) = (true, stranger);
        if stranger {
            self.disconnect_master(place);
        }
    }

    fn restart_replica(&mut self, place: usize, claims: bool) {
        self.replicas[place].restart(self.t, self.setup.durable, claims);
        if let Some(daemon) = &mut self.daemon {
            daemon.lookers[self.setup.addresses() + place].disconnect();
        }
    }

    fn stamp(&mut self, place: usize, stamped: bool) {
        self.reference.stamped(place, stamped);
        if let Some(daemon) = &mut self.daemon {
            daemon.core.stamp(place, stamped);
        }
    }

    fn at_once(&mut self, fault: Fault, place: usize) {
        match fault.kind {
            Kind::ReplicaRestart if !self.is_on_at(Kind::ReplicaDown, place) => {
                self.restart_replica(place, fault.arg & 4 != 0);
            }
            Kind::ReplicaWritable => self.replicas[place].set_read_only(false),
            Kind::SqlByHand => self.replicas[place].sql_on = false,
            Kind::ProxyReload => self.proxy.forget(fault.arg.is_multiple_of(4)),
            Kind::ClockStep => {
                let steps = [-7_200_000, -600_000, -30_000, -1_000, 1_000, 30_000, 600_000, 3_700_000];
                self.shift += steps[fault.arg as usize % steps.len()];
            }
            Kind::Suspend => self.asleep = self.t + fault.lasts,
            Kind::Starved => self.starved = self.t + fault.lasts,
            Kind::Frozen => self.frozen = self.t + fault.lasts,
            Kind::Killed => self.die(fault.lasts),
            Kind::Stopped => {
                if self.daemon.is_some() {
                    self.save(true);
                }
                self.die(fault.lasts);
            }
            Kind::StateLost => {
                self.die(fault.lasts);
                (self.disk, self.damaged) = (None, false);
                self.reference.forgot();
            }
            Kind::StateDamaged => {
                self.die(fault.lasts);
                self.damaged = true;
                self.reference.forgot();
            }
            _ => {}
        }
    }

    /// The loop serves an operator's command or a signal.
    pub fn serve(&mut self, fault: Fault) {
        let (region, reason) = (region(), "drill".to_owned());
        let one = fault.arg.is_multiple_of(3).then(|| replica(fault.arg as usize / 3 % self.replicas.len()));
        let command = match fault.kind {
            Kind::Failover => Command::Failover { region, force: false, reason },
            Kind::FailoverForce => Command::Failover { region, force: true, reason },
            Kind::Failback => Command::Failback { region, force: false, reason },
            Kind::FailbackForce => Command::Failback { region, force: true, reason },
            Kind::Pause => Command::Pause { region: None, seconds: None, reason },
            Kind::PauseFor => Command::Pause { region: None, seconds: Some(fault.lasts.div_ceil(1_000)), reason },
            Kind::Resume => Command::Resume { region: Some(region) },
            Kind::Release => Command::Release { region, replica: one, reason },
            Kind::Adopt => Command::Adopt { region, replica: one },
            _ => return self.reload(fault),
        };
        let now = self.now();
        let Some(daemon) = &mut self.daemon else { return };
        let before = daemon.core.region().clone();
        let reply = daemon.core.command(now, &command);
        self.decides = true;
        self.story.tell(self.t, || format!("  {}: {}", if reply.ok { "done" } else { "refused" }, reply.message));
        let after = daemon.core.region();
        self.reference.commanded(self.t, now, &self.master, (&command, &reply), (&before, after));
    }

    /// SIGHUP after a change of the settings.
    fn reload(&mut self, fault: Fault) {
        let mut rules = self.rules.clone();
        match fault.kind {
            Kind::ReloadMode => {
                let modes = [Mode::Auto, Mode::Manual, Mode::Auto, Mode::Off];
                rules.mode = modes[fault.arg as usize % modes.len()];
            }
            Kind::ReloadHooks => {
                let all = &self.setup.rules.hooks;
                rules.hooks = match fault.arg % 4 {
                    0 => all[..all.len() - 1].to_vec(),
                    1 => all.iter().cloned().chain([spec(7, fault.arg & 4 != 0, span(2_000))]).collect(),
                    _ => all.clone(),
                };
            }
            Kind::ReloadPatience => {
                let drawn = ms(self.setup.rules.unreachable_after);
                rules.unreachable_after = span(if fault.arg.is_multiple_of(2) { drawn } else { drawn * 2 });
            }
            _ => rules.failback = if fault.arg.is_multiple_of(2) { Failback::Auto } else { Failback::Manual },
        }
        self.reload_to(rules);
    }

    /// SIGHUP with these settings.
    pub fn reload_to(&mut self, rules: Rules) {
        self.rules = rules;
        let Some(daemon) = &mut self.daemon else { return };
        let before = daemon.core.region().clone();
        daemon.core.reload(self.rules.clone());
        self.reference.reloaded(self.t, &self.rules, &before, daemon.core.region());
    }
}
