//! The table of diagnoses: for each verdict, when it holds and what it then says. Words and urgency of each stand in
//! `model::verdict`, as the reports need them too; the tests hold the two together.
//!
//! Detection always runs, also when acting is paused or off. A verdict holds when its row has something to say.

use std::collections::BTreeSet;

use super::beats::Beats;
use super::region::Region;
use super::replica::{Guard, Replica};
use crate::model::observation::ThreadState;
use crate::model::time::{friendly, stamp};
use crate::model::view::VerdictView;
use crate::model::{Address, EventKind, Gate, Now, Severity, Verdict};

/// What a row looks at.
struct Seen<'a> {
    region: &'a Region,
    beats: &'a Beats,
    now: Now,
}

type Says = fn(&Seen<'_>) -> Option<String>;

/// Every verdict but `healthy`, which holds when no other does.
const TABLE: [(Verdict, Says); 26] = [
    (Verdict::MasterSilent, |seen| {
        let silent = seen.region.db_is_silent(seen.now) && !seen.region.db_is_down(seen.now);
        (silent && seen.region.db.failure().is_none_or(|failure| failure.reason.is_evidence())).then(|| seen.silence())
    }),
    (Verdict::MasterUnreachable, |seen| seen.region.db_is_down(seen.now).then(|| seen.silence())),
    (Verdict::MasterRefusesUs, |seen| {
        let refusal = seen.region.db.failure().filter(|failure| !failure.reason.is_evidence())?;
        Some(format!("{} lives and refuses keyward: {refusal}", seen.region.master_name()))
    }),
    (Verdict::IdentityDown, |seen| {
        let down = seen.region.identity_is_down(seen.now);
        down.then(|| seen.region.identity_silence(seen.now)).flatten()
    }),
    (Verdict::IdentityRefusesUs, |seen| {
        let refusal = seen.region.identity.failure().filter(|failure| !failure.reason.is_evidence())?;
        Some(format!("{} lives and refuses keyward: {refusal}", seen.region.keystone_name()))
    }),
    (Verdict::LocalLoginFails, |seen| seen.region.login_obstacle()),
    (Verdict::Flapping, |seen| seen.flapping()),
    (Verdict::MasterLostTransactions, |seen| seen.region.memory.lost.clone()),
    (Verdict::MasterAddressFailing, |seen| seen.failing_addresses()),
    (Verdict::ProbePathBroken, |seen| {
        let why =
            seen.region.db.failure().filter(|failure| failure.reason.is_evidence() && seen.link_outlives_probe())?;
        Some(format!(
            "the replica's link proves {} alive while keyward's own probe fails: {why}",
            seen.region.master_name()
        ))
    }),
    (Verdict::ReplicationStopped, |seen| seen.each(|seen, replica| seen.stopped(replica))),
    (Verdict::ErrantTransactions, |seen| seen.each(|seen, replica| seen.errant(replica))),
    (Verdict::RowsDiffer, |seen| seen.each(|seen, replica| seen.region.found_differing(replica))),
    (Verdict::BeatsRefused, |seen| {
        let refusal = seen.beats.refusal().filter(|_| seen.region.db.probe_up() == Some(true))?;
        Some(format!("{} answers and takes no beats: {refusal}", seen.region.master_name()))
    }),
    (Verdict::ReplicaUnreachable, |seen| seen.each(|seen, replica| seen.gate(replica, Gate::ReplicaUnreachable))),
    (Verdict::ReplicaWritable, |seen| seen.each(|seen, replica| seen.gate(replica, Gate::ReplicaWritable))),
    (Verdict::DataTooOld, |seen| seen.each(|seen, replica| seen.too_old(replica))),
    (Verdict::WrongServer, |seen| {
        let replicas = seen.each(|seen, replica| seen.gate(replica, Gate::WrongServer));
        joined([replicas, seen.region.strangers(seen.beats, seen.now)])
    }),
    (Verdict::NotDedicated, |seen| seen.each(|seen, replica| seen.gate(replica, Gate::NotDedicated))),
    (Verdict::Released, |seen| seen.each(|seen, replica| seen.gate(replica, Gate::Released))),
    (Verdict::AnotherDaemon, |seen| seen.each(|seen, replica| seen.gate(replica, Gate::AnotherDaemon))),
    (Verdict::FilterGap, |seen| seen.each(|seen, replica| seen.gap(replica))),
    (Verdict::NotDurable, |seen| seen.each(|seen, replica| seen.not_durable(replica))),
    (Verdict::HookFailing, |seen| seen.failing_hooks()),
    (Verdict::HaproxyNotSet, |seen| seen.region.level_troubles()),
    (Verdict::StateBroken, |seen| seen.region.state_broken.clone()),
];

fn joined(said: [Option<String>; 2]) -> Option<String> {
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

impl Seen<'_> {
    fn each(&self, says: fn(&Self, &Replica) -> Option<String>) -> Option<String> {
        let said: Vec<String> = self.region.replicas.iter().filter_map(|replica| says(self, replica)).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn gate(&self, replica: &Replica, wanted: Gate) -> Option<String> {
        if !replica.looked {
            return None;
        }
        let closed = replica.closed_gates(&self.region.scene(self.beats, self.now));
        closed.into_iter().find(|(gate, _)| *gate == wanted).map(|(_, sentence)| sentence)
    }

    /// Data of unknown age are told once there was time for a beat to arrive.
    fn too_old(&self, replica: &Replica) -> Option<String> {
        let watched = self.now.mono.since(replica.link_watched_since?);
        let known = replica.data_age(self.beats, self.now).is_some();
        self.gate(replica, Gate::DataTooOld).filter(|_| known || watched > self.region.rules.link_patience())
    }

    fn silence(&self) -> String {
        let region = self.region;
        let silent = region.db.unproven_since().map(|since| friendly(self.now.mono.since(since))).unwrap_or_default();
        let why = region.db.failure().map(|failure| format!(": {failure}")).unwrap_or_default();
        format!("{} has not been seen alive for {silent}{why}", region.master_name())
    }

    fn flapping(&self) -> Option<String> {
        let streak = self.region.flaps.streak(self.now.mono)?;
        Some(format!(
            "{} fell silent and came back {} times in {}, since {}, the last time at {}",
            self.region.master_name(),
            streak.count,
            friendly(streak.last.since(streak.since)),
            stamp(self.now.wall_at(streak.since)),
            stamp(self.now.wall_at(streak.last))
        ))
    }

    /// Addresses that have failed for a while although another one answers: the next outage would miss them.
    fn failing_addresses(&self) -> Option<String> {
        let region = self.region;
        let failing = |(place, address): (usize, &Address)| {
            let failure = region.db.failure_at(place)?;
            let patience = region.rules.link_patience();
            let passing = region.db.gone_since(place).is_some_and(|since| self.now.mono.since(since) < patience);
            (!passing).then(|| {
                format!("{address}, one of the addresses of {}'s master, fails: {failure}", region.rules.master_region)
            })
        };
        let said: Vec<String> = region.rules.master_addresses.iter().enumerate().filter_map(failing).collect();
        (region.db.probe_up() == Some(true) && !said.is_empty()).then(|| said.join("; "))
    }

    /// Whether a link went on making progress when keyward's own looks had been failing for a while.
    fn link_outlives_probe(&self) -> bool {
        let proof = self.region.replicas.iter().filter_map(|replica| replica.link_proof).max();
        let rules = &self.region.rules;
        match (self.region.db.probe_failing_since(), proof) {
            (Some(since), Some(proof)) => {
                proof > since + rules.poll_interval && self.now.mono.since(proof) <= rules.link_patience()
            }
            _ => false,
        }
    }

    fn stopped(&self, replica: &Replica) -> Option<String> {
        let region = self.region;
        let facts = replica.facts().filter(|_| replica.failure.is_none() && replica.stamp.is_some())?;
        let name = &replica.name;
        let Some(link) = &facts.link else {
            return Some(format!("{name} has no replication link; run `keyward setup --region {}`", region.name()));
        };
        let seen = replica.broken.as_ref().unwrap_or(link);
        for (thread, state, errno, error) in
            [("SQL", seen.sql, seen.sql_errno, &seen.sql_error), ("I/O", seen.io, seen.io_errno, &seen.io_error)]
        {
            // one that keyward itself is about to start again is no news, unless an error stopped it
            if state == ThreadState::Stopped && (errno != 0 || replica.shows_upkeep()) {
                let owed = region.memory.replicas.get(name).is_some_and(|memory| memory.owes_start);
                return Some(match errno {
                    0 if region.memory.lost.is_some() => {
                        format!("keyward keeps the {thread} thread of {name} stopped: the master lost transactions")
                    }
                    0 if owed => format!("the {thread} thread of {name} is stopped, and keyward is to start it"),
                    0 => format!(
                        "the {thread} thread of {name} was stopped by hand; `START REPLICA` there, or `keyward adopt {}/{name}`",
                        region.name()
                    ),
                    _ if thread == "I/O" && seen.purged => format!(
                        "{} has purged the binlogs that {name} still needs ({errno}); `keyward setup --region \
                         {}/{name} --reseed` moves its rows aside and copies it anew",
                        region.master_name(),
                        region.name()
                    ),
                    _ => format!(
                        "the {thread} thread of {name} stopped: {errno} {error}; `keyward setup --region {}/{name} \
                         --dry-run` says what mends it",
                        region.name()
                    ),
                });
            }
        }
        if let Some(Err(sentence)) = region.succession(replica, self.now) {
            return Some(sentence);
        }
        let patience = region.rules.link_patience();
        let dead = replica.link_up(self.now.mono, patience) == Some(false);
        // after an outage the link needs a moment longer than the probe
        let answers = region.db.probe_answers_since().is_some_and(|since| self.now.mono.since(since) > patience);
        (dead && answers).then(|| {
            let why = if link.io_errno == 0 { String::new() } else { format!(": {} {}", link.io_errno, link.io_error) };
            format!("the link of {name} shows no progress although the master answers{why}")
        })
    }

    fn errant(&self, replica: &Replica) -> Option<String> {
        let count = replica.errant.lasting(self.now.mono, self.region.rules.link_patience())?;
        let (name, master) = (&replica.name, self.region.master_name());
        Some(format!(
            "{name} holds at least {count} transaction(s) that {master} does not have, written on {name} itself or lost by \
             the master; `keyward verify` shows what differs, `keyward setup --reseed` makes it equal"
        ))
    }

    fn gap(&self, replica: &Replica) -> Option<String> {
        let foreign = replica.foreign_schemas(&self.region.rules);
        (replica.stamp.is_some() && !foreign.is_empty()).then(|| {
            format!(
                "{} holds {} although the filter should keep it out; drop it there once its origin is known",
                replica.name,
                foreign.join(", ")
            )
        })
    }

    fn not_durable(&self, replica: &Replica) -> Option<String> {
        let passed = matches!(self.region.guard(replica), Guard::Passed) && replica.facts().is_some();
        let durable = self.region.memory.replicas.get(&replica.name).is_some_and(|replica| replica.durable);
        (passed && !durable).then(|| {
            format!(
                "a restart of {}'s server would lose its filter or read_only; put the lines that `keyward setup` prints into its option file",
                replica.name
            )
        })
    }

    fn failing_hooks(&self) -> Option<String> {
        let episode = self.region.memory.episode.as_ref()?;
        let specs = episode.line_up(&self.region.rules.hooks);
        specs.iter().filter(|spec| !spec.optional).find_map(|spec| {
            let hook = episode.hooks.get(&spec.name)?;
            let why = hook.failure.as_ref().filter(|_| !hook.done)?;
            Some(format!("hook {} has not succeeded in {} attempt(s): {why}", spec.name, hook.attempt))
        })
    }
}

impl Region {
    /// Every verdict that holds, with its sentence; `healthy` alone when none other does and the master answers.
    pub(super) fn verdicts(&self, beats: &Beats, now: Now) -> Vec<(Verdict, String)> {
        let seen = Seen { region: self, beats, now };
        let mut held: Vec<(Verdict, String)> =
            TABLE.iter().filter_map(|(verdict, says)| says(&seen).map(|sentence| (*verdict, sentence))).collect();
        if held.is_empty() && self.db.probe_up() == Some(true) {
            let patience = self.rules.link_patience();
            let waits = |replica: &&Replica| replica.link_up(now.mono, patience) == Some(false);
            let follow = match self.replicas.iter().find(waits) {
                Some(replica) => format!("the link of {} has not shown progress since", replica.name),
                None => "the replicas follow".to_owned(),
            };
            let sentence = format!("{} answers and {follow}", self.master_name());
            held.push((Verdict::Healthy, sentence));
        }
        held
    }

    /// Tells which verdicts appeared and went away since the last step.
    pub(super) fn tell_changes(&mut self, now: Now, beats: &Beats) {
        let looked = self.looked() && self.db.probe_up().is_some();
        let mut held = self.verdicts(beats, now);
        held.retain(|(verdict, _)| *verdict != Verdict::Healthy);
        let codes: BTreeSet<Verdict> = held.iter().map(|(verdict, _)| *verdict).collect();
        if !looked || codes == self.shown {
            return;
        }
        let before = std::mem::replace(&mut self.shown, codes.clone());
        held.retain(|(verdict, _)| !before.contains(verdict));
        held.sort_by_key(|(verdict, _)| *verdict);
        let code = |verdict: &Verdict, on| EventKind::Verdict { verdict: verdict.code().to_owned(), on };
        for (verdict, sentence) in held {
            self.tell(now, code(&verdict, true), sentence);
        }
        for verdict in before.difference(&codes) {
            self.tell(now, code(verdict, false), format!("{} is over", verdict.code().replace('_', " ")));
        }
    }
}

/// A verdict as the report shows it.
pub(super) fn shown((verdict, sentence): (Verdict, String)) -> VerdictView {
    let severity = match verdict.severity() {
        Severity::Fine => "fine",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    VerdictView { code: verdict.code().to_owned(), severity: severity.to_owned(), sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_but_healthy_has_exactly_one_row() {
        for verdict in Verdict::ALL {
            let rows = TABLE.iter().filter(|(row, _)| *row == verdict).count();
            assert_eq!(rows, usize::from(verdict != Verdict::Healthy), "{verdict:?}");
        }
    }
}
