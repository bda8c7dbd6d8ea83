//! When the daemon compares a replica with its master, and what came of it.

use std::time::Duration;

use super::beats::Beats;
use super::memory::Verified;
use super::region::Region;
use super::replica::{Guard, Replica};
use crate::model::time::stamp;
use crate::model::{EventKind, Now, Phase, ReplicaName, Verdict};

/// Verdicts beside which it is worth comparing: they say nothing of a master or a link in trouble.
const HARMLESS: [Verdict; 5] = [
    Verdict::Healthy,
    Verdict::RowsDiffer,
    Verdict::ErrantTransactions,
    Verdict::NotDurable,
    Verdict::MasterAddressFailing,
];

impl Region {
    /// Whether a replica should be compared with its master now, which is done once `every` so often: only while the
    /// region authenticates at the master's and everything is healthy.
    pub(super) fn verify_due(&self, name: &ReplicaName, every: Duration, beats: &Beats, now: Now) -> bool {
        let Some(replica) = self.replica(name) else { return false };
        let last = self.memory.replicas.get(name).and_then(|memory| memory.verified.as_ref());
        // a comparison in the future was dated by a clock that was wrong
        let waits = last.is_some_and(|last| last.at <= now.wall && now.age_of(last.at) < every);
        !waits && self.is_calm(replica, beats, now)
    }

    /// Whether a comparison under way may go on.
    pub(super) fn may_verify(&self) -> bool {
        self.memory.phase == Phase::Remote
    }

    fn is_calm(&self, replica: &Replica, beats: &Beats, now: Now) -> bool {
        let close = replica.lag(beats, now, self.rules.pace()).is_some_and(|lag| lag <= self.rules.failback_max_lag);
        let healthy = self.db.probe_up() == Some(true)
            && self.verdicts(beats, now).iter().all(|(verdict, _)| HARMLESS.contains(verdict));
        self.may_verify() && healthy && replica.runs() && close && self.guard(replica) == Guard::Passed
    }

    pub(super) fn handle_verified(&mut self, now: Now, name: &ReplicaName, result: Result<(usize, String), String>) {
        if self.replica(name).is_none() {
            return;
        }
        let sentence = match result {
            Ok((differing_tables, sentence)) => {
                let verified = Verified { at: now.wall, differing_tables, sentence: sentence.clone() };
                self.memory.replicas.entry(name.clone()).or_default().verified = Some(verified);
                sentence
            }
            Err(why) => format!("could not be compared with its master: {why}"),
        };
        self.tell(now, EventKind::Verified { replica: name.to_string() }, format!("{name}: {sentence}"));
    }

    /// Nobody compares any more: what was found once stays nobody's verdict for ever.
    pub(super) fn forget_verified(&mut self) {
        self.memory.replicas.values_mut().for_each(|memory| memory.verified = None);
    }

    /// What the last comparison found of a replica that differed.
    pub(super) fn found_differing(&self, replica: &Replica) -> Option<String> {
        let verified = self.memory.replicas.get(&replica.name)?.verified.as_ref()?;
        (verified.differing_tables > 0).then(|| {
            format!(
                "{} {} at {}; `keyward verify --region {}/{}` names what differs now, `keyward setup --reseed` makes it equal",
                replica.name,
                verified.sentence,
                stamp(verified.at),
                self.name(),
                replica.name
            )
        })
    }
}
