//! What a region looks like now, as the plain value that every report is made from.

use super::beats::Beats;
use super::region::Region;
use super::replica::{Guard, Replica, points_at};
use super::stream;
use super::verdicts;
use crate::model::hook::{HookEvent, HookSpec};
use crate::model::observation::{LinkFacts, MasterFacts, ThreadState};
use crate::model::phase::{Failback, Trigger};
use crate::model::time::friendly;
use crate::model::view::{
    EpisodeView, GateView, HookView, MasterView, PauseView, RegionView, ReplicaView, WayBackView,
};
use crate::model::{Address, Budget, Gate, Now, Phase, gtid};

impl Region {
    /// The region as it stands now.
    pub fn view(&self, beats: &Beats, now: Now) -> RegionView {
        let patience = self.rules.link_patience();
        let closed = self.closed_gates(beats, now);
        let link_up =
            self.replicas.iter().filter_map(|replica| replica.link_up(now.mono, patience)).reduce(|a, b| a || b);
        let down = self.is_down(now);
        let known = self.db.probe_up().is_some() || link_up.is_some();
        let (ready, ready_sentence) = self.readiness(&closed);
        RegionView {
            name: self.name().to_string(),
            phase: self.memory.phase,
            phase_since: self.memory.phase_since,
            sentence: self.explain(beats, now),
            mode: self.rules.mode.code().to_owned(),
            paused: self.memory.pause.as_ref().map(|pause| PauseView {
                until: pause.until,
                reason: pause.reason.clone(),
                user: pause.user.clone(),
            }),
            // not silent yet is no proof
            master_up: known.then(|| !self.db_is_silent(now)).filter(|up| !up || self.db.last_proof().is_some()),
            master_failure: self.db.failure().map(ToString::to_string),
            master_position: self.master_facts(beats.writer()).map(|facts| facts.position.clone()),
            master_certificate_until: self.masters.iter().flatten().filter_map(|facts| facts.certificate_until).min(),
            probe_up: self.db.probe_up(),
            link_up,
            trigger: self.rules.trigger.code().to_owned(),
            identity: self.identity_view(now),
            local_identity: self.local_identity_view(),
            silence_seconds: self.silence_seconds(now),
            flaps: self.flaps.total(),
            deadline: (self.memory.phase == Phase::Suspect && !down && closed.is_empty())
                .then(|| self.failover_due(now).map(|at| now.wall_at(at)))
                .flatten(),
            verdicts: self.verdicts(beats, now).into_iter().map(verdicts::shown).collect(),
            gates: closed.into_iter().map(gate_view).collect(),
            wanted: down,
            ready,
            ready_sentence,
            episode: self.memory.episode.as_ref().map(|episode| EpisodeView {
                id: episode.id.clone(),
                started_at: episode.started_at,
                turn: episode.turn,
                manual: episode.manual,
                reason: episode.reason.clone(),
            }),
            hooks: self.hook_views(now),
            way_back: self.way_back(beats, now),
            masters: self.master_views(beats),
            replicas: self.replicas.iter().map(|replica| self.replica_view(replica, beats, now)).collect(),
        }
    }

    fn readiness(&self, closed: &[(Gate, String)]) -> (bool, String) {
        if let Some((_, why)) = closed.iter().find(|(gate, _)| *gate != Gate::ModeManual) {
            return (false, why.clone());
        }
        let durable = |replica: &&Replica| self.memory.replicas.get(&replica.name).is_some_and(|memory| memory.durable);
        if !self.replicas.iter().any(|replica| durable(&replica)) {
            let why = "filter and read_only would be lost in a restart of the replica's server: put the lines that \
                       `keyward setup` prints into its option file";
            return (false, why.to_owned());
        }
        match self
            .rest()
            .or_else(|| self.program_hindrance())
            .or_else(|| self.level_hindrance())
            .or_else(|| self.login_obstacle())
        {
            Some(hindrance) => (false, hindrance),
            None => (true, String::new()),
        }
    }

    /// Where authentication points, why, and what comes next.
    fn explain(&self, beats: &Beats, now: Now) -> String {
        let why = match self.memory.phase {
            Phase::Remote if self.is_in_the_dark() => {
                "it is not known where authentication points, because what keyward had written down is damaged"
                    .to_owned()
            }
            Phase::Remote => format!("authentication points at {}", self.rules.master_region),
            _ => self.memory.sentence.clone(),
        };
        match self.memory.phase {
            Phase::Remote if !self.is_silent(now) => why,
            // what it waits for there is told of the way back
            Phase::Local => why,
            _ => format!("{why}; {}", self.outlook(beats, now)),
        }
    }

    /// Whether the memory could not be read, and nobody has said since which way the region points.
    fn is_in_the_dark(&self) -> bool {
        let held = self.memory.pause.as_ref().is_some_and(|pause| pause.user == "keyward");
        held && self.state_broken.is_some()
    }

    /// What comes next if nothing else happens, and what that waits for.
    pub(super) fn outlook(&self, beats: &Beats, now: Now) -> String {
        match self.memory.phase {
            Phase::Remote | Phase::Suspect => self.outside_wait(beats, now),
            Phase::Local => self.local_wait(beats, now),
            Phase::Switching | Phase::Returning => self.hook_wait(now),
        }
    }

    /// That automatic failover rests, and until when.
    fn rest(&self) -> Option<String> {
        let until = || self.next_proof(&self.master_name(), &self.keystone_name());
        let rest = || format!("after the failback by hand automatic failover rests until {}", until());
        self.memory.resting.then(rest)
    }

    fn outside_wait(&self, beats: &Beats, now: Now) -> String {
        if let Some((gate, why)) = self.closed_gates(beats, now).first() {
            return format!("no failover: gate {} ({why})", gate.code());
        }
        if let Some(rest) = self.rest() {
            return rest;
        }
        if !self.is_silent(now) {
            let patience = friendly(self.rules.unreachable_after);
            return format!("it fails over once {} for {patience}", self.condition());
        }
        match self.failover_due(now) {
            _ if self.is_down(now) => "it switches to local authentication now".to_owned(),
            Some(at) if at > now.mono => format!("failover in {}", friendly(at.since(now.mono))),
            _ if self.refuses() => {
                "no failover comes from it, because what refuses keyward lives: mend what the refusal names".to_owned()
            }
            _ => "waiting for looks to fail".to_owned(),
        }
    }

    /// Whether what the trigger asks for lives and refuses keyward.
    fn refuses(&self) -> bool {
        let failure = match self.rules.trigger {
            Trigger::Identity => self.identity.failure(),
            _ => self.db.failure(),
        };
        failure.is_some_and(|failure| !failure.reason.is_evidence())
    }

    fn local_wait(&self, beats: &Beats, now: Now) -> String {
        let by_hand = self.memory.episode.as_ref().is_some_and(|episode| episode.manual)
            || self.rules.failback == Failback::Manual;
        if by_hand {
            return format!("it comes home by `keyward failback {}`", self.name());
        }
        if let Some(hold) = self.hold() {
            return format!("it stays: {hold}");
        }
        let held = self.state_broken.clone();
        match self.way_back_obstacle(now, beats).or(held) {
            Some(obstacle) => format!("the way back waits: {obstacle}"),
            None => "the way back begins".to_owned(),
        }
    }

    fn hook_wait(&self, now: Now) -> String {
        let Some(episode) = &self.memory.episode else { return String::new() };
        let old = self.lingering.iter().map(String::as_str).chain(episode.leftovers()).next();
        if let Some(old) = old {
            return format!("waiting for the earlier run of hook {old} to end");
        }
        if let Some(hold) = self.hold().filter(|_| !self.may_run_hooks()) {
            return format!("no hook is started: {hold}");
        }
        if let Some(why) = self.state_broken.as_ref().filter(|_| episode.direction == HookEvent::Failback) {
            return format!("no hook is started until the state can be written: {why}");
        }
        let done = |spec: &HookSpec| episode.hooks.get(&spec.name).is_some_and(|hook| hook.done);
        let next = episode.line_up(&self.rules.hooks).into_iter().find(|spec| !spec.optional && !done(spec));
        let Some(spec) = next else { return "hooks are done".to_owned() };
        match self.retries.due(&spec.name).filter(|due| *due > now.mono) {
            Some(due) => format!("waiting for hook {}, tried again in {}", spec.name, friendly(due.since(now.mono))),
            None => format!("waiting for hook {}", spec.name),
        }
    }

    fn hook_views(&self, now: Now) -> Vec<HookView> {
        let view = |spec: &HookSpec| {
            let hook = self.memory.episode.as_ref().and_then(|episode| episode.hooks.get(&spec.name));
            let due = self.retries.due(&spec.name);
            let state = match hook {
                None => "idle",
                Some(hook) if hook.running.is_some() => "running",
                Some(hook) if hook.done => "done",
                Some(hook) if hook.failure.is_some() => "retrying",
                Some(_) => "waiting",
            };
            HookView {
                name: spec.name.clone(),
                optional: spec.optional,
                state: state.to_owned(),
                attempt: hook.map_or(0, |hook| hook.attempt),
                last_failure: hook.and_then(|hook| hook.failure.clone()),
                next_try: due.map(|at| now.wall_at(at)),
                level: self.level_view(spec),
            }
        };
        self.rules.hooks.iter().map(view).collect()
    }

    fn way_back(&self, beats: &Beats, now: Now) -> Option<WayBackView> {
        let episode = self.memory.episode.as_ref()?;
        Some(WayBackView {
            healthy_seconds: self.healthy_since.map_or(0.0, |since| now.mono.since(since).as_secs_f64()),
            needed_seconds: self.failback_after().as_secs_f64(),
            doubled: episode.doubled,
            earliest: self.healthy_enough_at().map(|at| now.wall_at(at)),
            sentence: self.local_wait(beats, now),
        })
    }

    /// What the master showed last, at the address `place` if anything was ever seen there.
    fn master_facts(&self, place: usize) -> Option<&MasterFacts> {
        self.masters.get(place)?.as_ref().or_else(|| self.masters.iter().flatten().next())
    }

    fn master_views(&self, beats: &Beats) -> Vec<MasterView> {
        let view = |(place, address): (usize, &Address)| MasterView {
            address: address.to_string(),
            up: self.db.is_up(place),
            failure: self.db.failure_at(place).map(ToString::to_string),
            takes_beats: place == beats.writer(),
        };
        self.rules.master_addresses.iter().enumerate().map(view).collect()
    }

    fn missing(&self, replica: &Replica) -> Option<u64> {
        let facts = replica.facts()?;
        let place = facts.link.as_ref().and_then(|link| points_at(link, &self.rules.master_addresses));
        gtid::missing(&self.master_facts(place.unwrap_or(0))?.position, &facts.applied)
    }

    fn outage_budget(&self, replica: &Replica, beats: &Beats, now: Now) -> Option<Budget> {
        let binlogs = self.binlogs.get(beats.writer())?.as_ref()?;
        stream::outage_budget(binlogs, replica, replica.data_age(beats, now))
    }

    fn replica_view(&self, replica: &Replica, beats: &Beats, now: Now) -> ReplicaView {
        let facts = replica.facts();
        let link = facts.and_then(|facts| facts.link.as_ref());
        let verified = self.memory.replicas.get(&replica.name).and_then(|memory| memory.verified.as_ref());
        let living = replica.failure.is_none();
        let running = |state: fn(&LinkFacts) -> ThreadState| {
            facts.filter(|_| living).map(|_| link.is_some_and(|link| state(link) == ThreadState::Running))
        };
        let seconds = |span: Option<std::time::Duration>| span.map(|span| span.as_secs_f64());
        ReplicaView {
            name: replica.name.to_string(),
            address: replica.address.to_string(),
            up: replica.looked.then_some(living),
            failure: replica.failure.as_ref().map(ToString::to_string),
            version: facts.map(|facts| facts.version.clone()),
            certificate_until: facts.and_then(|facts| facts.certificate_until),
            guarded: facts.is_some() && self.guard(replica) == Guard::Passed,
            io_running: running(|link| link.io),
            io_connecting: link.filter(|_| living).map(|link| link.io == ThreadState::Connecting),
            sql_running: running(|link| link.sql),
            lag_seconds: seconds(replica.lag(beats, now, self.rules.pace())),
            data_age_seconds: seconds(replica.data_age(beats, now)),
            seconds_behind_master: link.filter(|_| living).and_then(|link| link.seconds_behind),
            read_only: facts.map(|facts| facts.read_only),
            writable_seen: replica.writable_seen,
            filter_ok: facts.map(|facts| facts.filter == self.rules.filter),
            durable: facts.and(self.memory.replicas.get(&replica.name)).map(|memory| memory.durable),
            io_errno: link.map(|link| link.io_errno),
            io_error: link.map(|link| link.io_error.clone()).filter(|error| !error.is_empty()),
            sql_errno: link.map(|link| link.sql_errno),
            sql_error: link.map(|link| link.sql_error.clone()).filter(|error| !error.is_empty()),
            applied: facts.map(|facts| facts.applied.clone()),
            missing_transactions: self.missing(replica),
            errant_transactions: replica.errant.count(),
            outage_budget: self.outage_budget(replica, beats, now),
            verified_at: verified.map(|verified| verified.at),
            differing_tables: verified.map(|verified| verified.differing_tables),
            gates: replica.closed_gates(&self.scene(beats, now)).into_iter().map(gate_view).collect(),
            upkeep: replica.upkeep.clone(),
        }
    }
}

fn gate_view((gate, sentence): (Gate, String)) -> GateView {
    GateView { code: gate.code().to_owned(), sentence }
}
