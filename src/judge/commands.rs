//! Operators' commands: each answer says what will happen and why, or why not.

use std::time::Duration;

use super::beats::Beats;
use super::memory::{Episode, Pause};
use super::region::Region;
use super::replica::Guard;
use crate::model::command::{Command, Reply};
use crate::model::hook::{HookEvent, HookSpec};
use crate::model::phase::Mode;
use crate::model::{Event, EventKind, Gate, Now, Phase, RegionName, ReplicaName};

impl Region {
    pub(super) fn handle_command(&mut self, now: Now, beats: &Beats, command: &Command, user: &str) -> Reply {
        let reply = match command {
            Command::Failover { force, reason, .. } => self.fail_over(now, beats, *force, reason, user),
            Command::Failback { force, reason, .. } => self.fail_back(now, beats, *force, reason, user),
            Command::Pause { seconds, reason, .. } => self.pause(now, *seconds, reason, user),
            Command::Resume { .. } => self.resume(now, beats),
            Command::Release { replica, reason, .. } => self.release(now, beats, replica.as_ref(), reason),
            Command::Adopt { replica, .. } => self.adopt(now, beats, replica.as_ref()),
            Command::HookTest { .. } => self.may_test_hooks(),
            Command::Status | Command::Events => Reply::refused("this is not a region's command"),
        };
        let episode = self.memory.episode.as_ref().map(|episode| episode.id.clone());
        self.events.push(Event { episode, ..event(now, Some(self.name().clone()), command, user, &reply) });
        reply
    }

    fn fail_over(&mut self, now: Now, beats: &Beats, force: bool, reason: &str, user: &str) -> Reply {
        let region = self.name().clone();
        match self.memory.phase {
            Phase::Switching => return self.press_on(now, beats, force),
            Phase::Local => {
                let next = self.outlook(beats, now);
                return Reply::done(format!("{region} authenticates locally already, so nothing changes; {next}"));
            }
            Phase::Remote | Phase::Suspect | Phase::Returning => {}
        }
        let holds = |gate: Gate| if force { gate.holds_against_force() } else { gate != Gate::ModeManual };
        let closed = self.closed_gates_that(beats, now, holds);
        let (closed, mut passed): (Vec<_>, Vec<_>) = closed.into_iter().partition(|(gate, _)| holds(*gate));
        passed.retain(|(gate, _)| *gate != Gate::ModeManual);
        if !closed.is_empty() {
            return Reply::refused(self.held_by(&closed));
        }
        let running = self.wait_for_running();
        let sentence = format!("{user} ordered the failover: {reason}");
        if self.memory.phase == Phase::Returning {
            self.turn(now, Phase::Switching, true, force && !passed.is_empty(), sentence);
        } else {
            self.begin_episode(now, true, force && !passed.is_empty(), sentence);
        }
        let passed: Vec<String> =
            passed.iter().map(|(gate, why)| format!(", past gate {} ({why})", gate.code())).collect();
        Reply::done(format!(
            "{region} switches to local authentication now{}: {}{running}; it comes home by `keyward failback {region}` only",
            passed.concat(),
            self.hooks_to_run()
        ))
    }

    /// Why a failover by hand does not happen.
    fn held_by(&self, closed: &[(Gate, String)]) -> String {
        let stays = match self.memory.phase {
            Phase::Returning => "goes on returning to",
            _ => "stays at",
        };
        let why: Vec<String> = closed.iter().map(|(gate, why)| format!("gate {} ({why})", gate.code())).collect();
        let hint = match closed.iter().find(|(gate, _)| gate.holds_against_force()) {
            Some((gate, _)) => format!("not even --force passes {}", gate.code()),
            None => "--force passes".to_owned(),
        };
        format!("{} {stays} {}: {}; {hint}", self.name(), self.rules.master_region, why.join(", "))
    }

    fn fail_back(&mut self, now: Now, beats: &Beats, force: bool, reason: &str, user: &str) -> Reply {
        let (region, home) = (self.name().clone(), self.rules.master_region.clone());
        let stays = match self.memory.phase {
            Phase::Remote | Phase::Suspect => {
                return Reply::refused(format!("{region} authenticates at {home} already: there is no way back to go"));
            }
            Phase::Returning => return self.press_on(now, beats, force),
            Phase::Switching => "goes on switching to local authentication",
            Phase::Local => "stays local",
        };
        if !force && let Some(obstacle) = self.failback_obstacle(now, beats) {
            return Reply::refused(format!("{region} {stays}: {obstacle}; --force goes back all the same"));
        }
        let running = self.wait_for_running();
        self.begin_rest(now);
        self.turn(now, Phase::Returning, true, force, format!("{user} ordered the failback: {reason}"));
        let held = self.state_broken.as_ref().map(|why| format!(", but not before the state can be written ({why})"));
        Reply::done(format!(
            "{region} returns to {home} now: {}{running}{}; automatic failover rests until {}",
            self.hooks_to_run(),
            held.unwrap_or_default(),
            self.next_proof("its master", "its Keystone")
        ))
    }

    /// After a failback by hand nothing is done by itself before the next proof of life.
    fn begin_rest(&mut self, now: Now) {
        self.memory.resting = true;
        self.rested_since = Some(now.mono);
    }

    fn failback_obstacle(&self, now: Now, beats: &Beats) -> Option<String> {
        if self.memory.pause.is_some() || self.rules.mode == Mode::Off {
            return self.hold();
        }
        self.ailment(now, beats).or_else(|| self.lag_obstacle(now, beats))
    }

    /// The command for the way that the region goes already: it changes something only where the hooks are held.
    fn press_on(&mut self, now: Now, beats: &Beats, force: bool) -> Reply {
        let (region, phase) = (self.name().clone(), self.memory.phase);
        let Some(hold) = self.hold().filter(|_| !self.may_run_hooks()) else {
            let next = self.outlook(beats, now);
            return Reply::done(format!("{region} is {phase} already, so nothing changes; {next}"));
        };
        let by_mode_alone = self.memory.pause.is_none() && self.rules.mode == Mode::Manual;
        if !force && !by_mode_alone {
            return Reply::refused(format!(
                "{region} is {phase} already, and no hook starts: {hold}; --force lets them go on"
            ));
        }
        let mut end = "";
        if let Some(episode) = &mut self.memory.episode {
            episode.ordered = true;
            episode.forced |= force;
            episode.manual |= phase == Phase::Switching;
        }
        if phase == Phase::Switching {
            end = "; it comes home by `keyward failback` only";
        } else {
            self.begin_rest(now);
        }
        let next = self.outlook(beats, now);
        Reply::done(format!(
            "{region} is {phase} already, and its hooks go on by your order although {hold}; {next}{end}"
        ))
    }

    fn pause(&mut self, now: Now, seconds: Option<u64>, reason: &str, user: &str) -> Reply {
        let until = seconds.and_then(|seconds| now.wall.checked_add(Duration::from_secs(seconds)).ok());
        let running = self.running_hooks();
        let pause = Pause { until, reason: reason.to_owned(), user: user.to_owned() };
        let how_long = pause.until_words();
        let before = self.memory.pause.replace(pause);
        // the newest order wins, also over a --force from before
        if let Some(episode) = &mut self.memory.episode {
            episode.forced = false;
        }
        let effect = match self.memory.phase {
            Phase::Remote | Phase::Suspect => "it does not fail over by itself",
            Phase::Switching => "the way out stops where it is, and no hook is started",
            Phase::Local => "it stays local, whatever becomes of the master",
            Phase::Returning => "the way back stops where it is, and no hook is started",
        };
        let running = match running.as_str() {
            "" => String::new(),
            names => format!("; hook {names} runs now and will finish"),
        };
        let before = before.map(|old| format!("; this replaces the pause by {} ({})", old.user, old.reason));
        Reply::done(format!(
            "{} is paused {how_long} in phase {}: {effect}{running}; looking, reporting and read-only go on{}",
            self.name(),
            self.memory.phase,
            before.unwrap_or_default()
        ))
    }

    fn resume(&mut self, now: Now, beats: &Beats) -> Reply {
        let ended = self.memory.pause.take();
        let (region, next) = (self.name(), self.outlook(beats, now));
        Reply::done(match ended {
            Some(pause) => {
                format!("{region} is not paused any more ({} had said: {}); {next}", pause.user, pause.reason)
            }
            None => format!("{region} was not paused, so nothing changes; {next}"),
        })
    }

    fn release(&mut self, now: Now, beats: &Beats, replica: Option<&ReplicaName>, reason: &str) -> Reply {
        let names = match self.chosen(replica) {
            Ok(names) => names,
            Err(reply) => return reply,
        };
        for name in &names {
            self.memory.released.insert(name.clone(), reason.to_owned());
        }
        let region = self.name();
        let passes =
            self.serving(beats, now).filter(|replica| replica.closed_gates(&self.scene(beats, now)).is_empty());
        let effect = match (self.memory.phase, passes) {
            (Phase::Switching | Phase::Local | Phase::Returning, _) => {
                format!("{region} goes on in phase {}", self.memory.phase)
            }
            (_, Some(other)) => format!("{region} can still fail over, to {}", other.name),
            (_, None) => format!("until then {region} does not fail over by itself"),
        };
        Reply::done(format!(
            "{} is yours: keyward looks and writes nothing there until `keyward adopt`; {effect}",
            list(&names)
        ))
    }

    /// What accepting a loss means. A master that lost transactions uses their numbers again, and a replica that has
    /// these numbers takes what comes under them for known.
    fn accepted(&self, now: Now) -> String {
        let patience = self.rules.link_patience();
        let ahead = self.replicas.iter().filter(|replica| replica.errant.lasting(now.mono, patience).is_some());
        let ahead: Vec<String> = ahead.map(|replica| replica.name.to_string()).collect();
        let but = if ahead.is_empty() {
            String::new()
        } else {
            format!(
                ", but what the master writes under the numbers that it lost never arrives on {}: `keyward setup --reseed` \
                 makes it equal",
                ahead.join(", ")
            )
        };
        format!("; the loss of transactions is accepted and replication goes on{but}")
    }

    fn adopt(&mut self, now: Now, beats: &Beats, replica: Option<&ReplicaName>) -> Reply {
        let names = match self.chosen(replica) {
            Ok(names) => names,
            Err(reply) => return reply,
        };
        let accepted = self.memory.lost.take().is_some();
        let mut taken = false;
        for name in &names {
            taken |= self.memory.released.remove(name).is_some();
            self.memory.replicas.entry(name.clone()).or_default().owes_start = true;
        }
        let again = if taken { "again" } else { "as before; a thread that was stopped by hand is started" };
        let also = if accepted { self.accepted(now) } else { String::new() };
        let closed =
            self.replicas.iter().filter(|replica| names.contains(&replica.name)).find_map(|replica| {
                match self.guard(replica) {
                    Guard::Closed(_, why) => Some(why),
                    Guard::Passed => None,
                }
            });
        let (names, next) = (list(&names), self.outlook(beats, now));
        Reply::done(match closed {
            Some(why) => format!("{names} is not released any more, but nothing is written there: {why}{also}; {next}"),
            None => format!("keyward keeps read-only, filter and threads of {names} right {again}{also}; {next}"),
        })
    }

    fn may_test_hooks(&self) -> Reply {
        let region = self.name();
        if self.rules.hooks.is_empty() {
            return Reply::refused(format!("{region} has no hooks"));
        }
        let running = self.running_hooks();
        match self.memory.phase {
            _ if !running.is_empty() => Reply::refused(format!(
                "{region} is {}, and hook {running} runs: hooks are tested when none is at work",
                self.memory.phase
            )),
            Phase::Switching | Phase::Returning => {
                Reply::refused(format!("{region} is {}: hooks are tested when none is at work", self.memory.phase))
            }
            Phase::Remote | Phase::Suspect | Phase::Local => Reply::done(format!(
                "the hooks of {region} run with the event `test`, and give way when they are needed"
            )),
        }
    }

    /// The hooks of the turn in words.
    fn hooks_to_run(&self) -> String {
        let hooks = self.memory.episode.as_ref().map(|episode| episode.line_up(&self.rules.hooks)).unwrap_or_default();
        let names = |optional: bool| -> Vec<&str> {
            hooks.iter().filter(|spec| spec.optional == optional).map(|spec: &&HookSpec| spec.name.as_str()).collect()
        };
        match (names(false).join(", then "), names(true).join(", ")) {
            (required, optional) if required.is_empty() && optional.is_empty() => "no hook is to be run".to_owned(),
            (required, optional) if optional.is_empty() => format!("hook {required} runs"),
            (required, optional) if required.is_empty() => format!("hook {optional} runs"),
            (required, optional) => format!("hook {required} runs, beside it {optional}"),
        }
    }

    fn running_hooks(&self) -> String {
        let of_episode = self.memory.episode.iter().flat_map(Episode::running);
        self.lingering.iter().map(String::as_str).chain(of_episode).collect::<Vec<_>>().join(", ")
    }

    /// What a change of direction waits for, to be asked before it.
    fn wait_for_running(&self) -> String {
        let running = self.running_hooks();
        let way = match self.memory.episode.as_ref().map(|episode: &Episode| episode.direction) {
            Some(HookEvent::Failback) => "way back",
            _ => "way out",
        };
        if running.is_empty() { running } else { format!(" as soon as hook {running} of the {way} has ended") }
    }

    fn chosen(&self, replica: Option<&ReplicaName>) -> Result<Vec<ReplicaName>, Reply> {
        let all = self.replicas.iter().map(|replica| replica.name.clone());
        match replica {
            None => Ok(all.collect()),
            Some(name) if self.replicas.iter().any(|replica| replica.name == *name) => Ok(vec![name.clone()]),
            Some(name) => Err(Reply::unknown(format!(
                "{} has no replica {name}; it has {}",
                self.name(),
                list(&all.collect::<Vec<_>>())
            ))),
        }
    }
}

/// The event of a command: who, what, why, and what was answered.
pub(super) fn event(now: Now, region: Option<RegionName>, command: &Command, user: &str, reply: &Reply) -> Event {
    let outcome = if reply.ok { "" } else { " (refused)" };
    let because = reason_of(command).map(|reason| format!(", because: {reason}")).unwrap_or_default();
    Event {
        at: now.wall,
        region,
        episode: None,
        what: EventKind::Command { command: command.code().to_owned(), user: user.to_owned() },
        sentence: format!("{user}: {}{}{outcome}{because}; {}", command.code(), force_of(command), reply.message),
    }
}

fn list(names: &[ReplicaName]) -> String {
    names.iter().map(|name| name.0.as_str()).collect::<Vec<_>>().join(", ")
}

fn reason_of(command: &Command) -> Option<&str> {
    match command {
        Command::Failover { reason, .. }
        | Command::Failback { reason, .. }
        | Command::Pause { reason, .. }
        | Command::Release { reason, .. } => Some(reason),
        _ => None,
    }
}

fn force_of(command: &Command) -> &'static str {
    match command {
        Command::Failover { force: true, .. } | Command::Failback { force: true, .. } => " --force",
        _ => "",
    }
}
