//! What the loop takes in: inputs of the tasks, and operators' requests.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::clock;
use super::control::Request;
use super::inputs::Input;
use super::run::Daemon;
use crate::model::command::{Command, Reply};
use crate::model::identity::IdentityLook;
use crate::model::observation::Look;
use crate::model::{Failure, Moment};
use crate::report::metrics::Target;

impl Daemon {
    /// Hands an input to whom it concerns.
    pub(super) fn handle(&mut self, input: Input) {
        let now = clock::now();
        match input {
            Input::Master(place, look) => {
                self.count(Target::Master, &look);
                self.note_at_master(now.mono, "looks", place, look.result.as_ref().err());
                self.judge.handle_master(now, place, &look);
            }
            Input::Replica(region, name, look) => {
                self.count(Target::Replica, &look);
                let what = format!("looks at replica {name} of {region}");
                self.failing.note(now.mono, &what, look.result.as_ref().err());
                self.judge.handle_replica(now, &region, &name, &look);
            }
            Input::Binlogs(place, binlogs) => self.judge.handle_binlogs(place, &binlogs),
            Input::Beat(place, outcome) => {
                self.note_at_master(now.mono, "beats", place, outcome.failure());
                self.judge.handle_beat(now, place, &outcome);
            }
            Input::Identity(look) => {
                self.count_identity(now.mono, &self.settings.master.region.to_string(), &look);
                self.judge.handle_identity(now, &look);
            }
            Input::LocalIdentity(region, look) => {
                self.count_identity(now.mono, &region.to_string(), &look);
                self.judge.handle_local_identity(now, &region, &look);
            }
            Input::Hook(region, outcome) => self.judge.handle_hook(now, &region, &outcome),
            Input::Haproxy(region, hook, look) => {
                self.levels.handle_look_ended(&region, &hook);
                self.judge.handle_haproxy(now, &region, &hook, &look);
            }
            Input::Program(region, hook, obstacle) => {
                self.levels.handle_look_ended(&region, &hook);
                self.judge.handle_program(&region, &hook, obstacle);
            }
            Input::Level(region, hook, result) => self.judge.handle_level_ended(now, &region, &hook, result),
            Input::Upkeep(region, name, result) => {
                self.keepers.handle_end(&mut self.judge, now, &region, &name, &result)
            }
            Input::Verified(region, name, result) => {
                self.verifies.handle_end(now, &region, &name, result.is_err());
                self.judge.handle_verified(now, &region, &name, result);
            }
            Input::Examined(seen) => self.doctors.handle_end(seen.map(|seen| *seen)),
            Input::Setup(region, name, sentence, done) => {
                self.setups.handle_end(&mut self.judge, now, &region, &name, done);
                self.judge.handle_upkeep_ended(now, &region, &name, sentence, true);
            }
        }
    }

    /// Notes for the log how a look or a beat went at one of the master's addresses.
    fn note_at_master(&mut self, now: Moment, what: &str, place: usize, failure: Option<&Failure>) {
        if let Some(address) = self.settings.master.addresses.get(place) {
            self.failing.note(now, &format!("{what} at the master {address}"), failure);
        }
    }

    fn count<T>(&self, target: Target, look: &Look<T>) {
        self.metrics.probe_done(
            target,
            look.ended.since(look.began),
            look.result.as_ref().err().map(|failure| failure.reason),
        );
    }

    fn count_identity(&mut self, now: Moment, region: &str, look: &IdentityLook) {
        let failure = look.proof().err();
        let reason = failure.as_ref().map(|failure| failure.reason);
        self.metrics.probe_done(Target::Identity, look.ended.since(look.began), reason);
        self.failing.note(now, &format!("looks at the Keystone of {region}"), failure.as_ref());
    }

    /// Answers an operator's request; `None` when a hook's test answers it at its end.
    pub(super) fn handle_request(&mut self, (command, user, to): Request) -> Option<(Reply, oneshot::Sender<Reply>)> {
        let now = clock::now();
        let reply = match &command {
            Command::Status => Reply::document(serde_json::to_value(&*self.publisher.latest()).ok()),
            Command::Events => Reply::document(Some(self.events.document())),
            _ => self.judge.handle_command(now, &command, &user),
        };
        if let Command::HookTest { region } = &command
            && reply.ok
            && let Some(region) = self.judge.region(region)
        {
            self.runner.test(region, (Arc::clone(&self.metrics), Arc::clone(&self.events)), to);
            return None;
        }
        Some((reply, to))
    }
}
