//! Operators' commands: each answer says what will happen and why, or why not.

use std::time::Duration;

use super::beats::Beats;
use super::memory::Pause;
use super::region::Region;
use super::replica::Guard;
use crate::model::command::{Command, Reply};
use crate::model::time::friendly;
use crate::model::{EventKind, Gate, Now, Phase, ReplicaName};

impl Region {
    pub(super) fn handle_command(&mut self, now: Now, beats: &Beats, command: &Command, user: &str) -> Reply {
        let reply = match command {
            Command::Failover { force, reason, .. } => self.fail_over(now, beats, *force, reason, user),
            Command::Failback { force, reason, .. } => self.fail_back(now, beats, *force, reason, user),
            Command::Pause { seconds, reason, .. } => self.pause(now, *seconds, reason, user),
            Command::Resume { .. } => self.resume(),
            Command::Release { replica, reason, .. } => self.release(replica.as_ref(), reason),
            Command::Adopt { replica, .. } => self.adopt(replica.as_ref()),
            Command::HookTest { .. } => self.may_test_hooks(),
            Command::Status | Command::Events => Reply::refused("this is not a region's command"),
        };
        let outcome = if reply.ok { "" } else { " (refused)" };
        let kind = EventKind::Command { command: command.code().to_owned(), user: user.to_owned() };
        let sentence = match reason_of(command) {
            Some(reason) => format!("{user}: {}{outcome}, because: {reason}; {}", command.code(), reply.message),
            None => format!("{user}: {}{outcome}; {}", command.code(), reply.message),
        };
        self.tell(now, kind, sentence);
        reply
    }

    fn fail_over(&mut self, now: Now, beats: &Beats, force: bool, reason: &str, user: &str) -> Reply {
        let region = self.name().clone();
        match self.memory.phase {
            Phase::Switching => return Reply::done(format!("{region} is switching already: {}", self.memory.sentence)),
            Phase::Local => {
                return Reply::done(format!("{region} authenticates locally already: {}", self.memory.sentence));
            }
            Phase::Remote | Phase::Suspect | Phase::Returning => {}
        }
        let closed = self.closed_gates(beats, now);
        let holds = |gate: &Gate| if force { gate.holds_against_force() } else { *gate != Gate::ModeManual };
        let (closed, passable): (Vec<_>, Vec<_>) = closed.into_iter().partition(|(gate, _)| holds(gate));
        if !closed.is_empty() {
            let why: Vec<String> = closed.iter().map(|(gate, why)| format!("{} ({why})", gate.code())).collect();
            let hint = if force || closed.iter().any(|(gate, _)| gate.holds_against_force()) {
                ""
            } else {
                "; --force passes"
            };
            return Reply::refused(format!(
                "{region} stays at {}: gate {}{hint}",
                self.rules.master_region,
                why.join(", gate ")
            ));
        }
        let forced = force && !passable.is_empty();
        let sentence = format!("{user} ordered the failover: {reason}");
        if self.memory.phase == Phase::Returning {
            self.turn(now, Phase::Switching, true, forced, sentence);
        } else {
            self.begin_episode(now, true, forced, sentence);
        }
        Reply::done(format!(
            "{region} switches to local authentication now; it comes home by `keyward failback {region}` only"
        ))
    }

    fn fail_back(&mut self, now: Now, beats: &Beats, force: bool, reason: &str, user: &str) -> Reply {
        let region = self.name().clone();
        match self.memory.phase {
            Phase::Remote | Phase::Suspect => {
                return Reply::refused(format!("{region} authenticates at {} already", self.rules.master_region));
            }
            Phase::Returning => return Reply::done(format!("{region} is returning already: {}", self.memory.sentence)),
            Phase::Switching | Phase::Local => {}
        }
        if !force && let Some(obstacle) = self.failback_obstacle(now, beats) {
            return Reply::refused(format!("{region} stays local: {obstacle}; --force goes back all the same"));
        }
        self.memory.resting = true;
        self.turn(now, Phase::Returning, true, force, format!("{user} ordered the failback: {reason}"));
        Reply::done(format!(
            "{region} returns to {} now; automatic failover rests until its master is next proven alive",
            self.rules.master_region
        ))
    }

    fn failback_obstacle(&self, now: Now, beats: &Beats) -> Option<String> {
        if let Some(pause) = &self.memory.pause {
            return Some(format!("it is paused by {} ({})", pause.user, pause.reason));
        }
        if self.rules.mode == crate::model::phase::Mode::Off {
            return Some("mode = \"off\"".to_owned());
        }
        self.ailment(now, beats).or_else(|| self.lag_obstacle(now, beats))
    }

    fn pause(&mut self, now: Now, seconds: Option<u64>, reason: &str, user: &str) -> Reply {
        let until = seconds.and_then(|seconds| now.wall.checked_add(Duration::from_secs(seconds)).ok());
        self.memory.pause = Some(Pause { until, reason: reason.to_owned(), user: user.to_owned() });
        let until = seconds
            .map_or("until `keyward resume`".to_owned(), |s| format!("for {}", friendly(Duration::from_secs(s))));
        let running = if self.memory.episode.as_ref().is_some_and(super::memory::Episode::any_running) {
            "; the hook that runs now will finish"
        } else {
            ""
        };
        Reply::done(format!(
            "{} is paused {until} in phase {}: it looks and reports, and starts no hook{running}",
            self.name(),
            self.memory.phase
        ))
    }

    fn resume(&mut self) -> Reply {
        match self.memory.pause.take() {
            Some(pause) => Reply::done(format!("{} acts again; the pause was: {}", self.name(), pause.reason)),
            None => Reply::done(format!("{} was not paused", self.name())),
        }
    }

    fn release(&mut self, replica: Option<&ReplicaName>, reason: &str) -> Reply {
        let names = match self.chosen(replica) {
            Ok(names) => names,
            Err(reply) => return reply,
        };
        for name in &names {
            self.memory.released.insert(name.clone(), reason.to_owned());
        }
        Reply::done(format!("{} is yours: keyward looks and writes nothing there until `keyward adopt`", list(&names)))
    }

    fn adopt(&mut self, replica: Option<&ReplicaName>) -> Reply {
        let names = match self.chosen(replica) {
            Ok(names) => names,
            Err(reply) => return reply,
        };
        let accepted = self.memory.lost.take().is_some();
        for name in &names {
            self.memory.released.remove(name);
            self.memory.replicas.entry(name.clone()).or_default().owes_start = true;
        }
        let closed =
            self.replicas.iter().filter(|replica| names.contains(&replica.name)).find_map(|replica| {
                match self.guard(replica) {
                    Guard::Closed(_, why) => Some(why),
                    Guard::Passed => None,
                }
            });
        if let Some(why) = closed {
            return Reply::done(format!(
                "{} is not released any more, but nothing is written there: {why}",
                list(&names)
            ));
        }
        let also = if accepted { "; the loss of transactions is accepted and replication goes on" } else { "" };
        Reply::done(format!(
            "keyward looks after {} again: read-only, filter and replication threads{also}",
            list(&names)
        ))
    }

    fn may_test_hooks(&self) -> Reply {
        if self.rules.hooks.is_empty() {
            return Reply::refused(format!("{} has no hooks", self.name()));
        }
        match self.memory.phase {
            Phase::Remote | Phase::Suspect | Phase::Local
                if !self.memory.episode.as_ref().is_some_and(super::memory::Episode::any_running) =>
            {
                Reply::done(format!("the hooks of {} run with the event `test`", self.name()))
            }
            phase => Reply::refused(format!("{} is {phase}: hooks are tested when none is at work", self.name())),
        }
    }

    fn chosen(&self, replica: Option<&ReplicaName>) -> Result<Vec<ReplicaName>, Reply> {
        let all = self.replicas.iter().map(|replica| replica.name.clone());
        match replica {
            None => Ok(all.collect()),
            Some(name) if self.replicas.iter().any(|replica| replica.name == *name) => Ok(vec![name.clone()]),
            Some(name) => Err(Reply::refused(format!("{} has no replica {name}", self.name()))),
        }
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
