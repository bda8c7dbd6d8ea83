//! Which sides of RegionOne a failover asks about: the database, the Keystone, one of them or both.

use std::time::Duration;

use super::memory::Proof;
use super::region::Region;
use super::rules::Keystone;
use super::witness::Side;
use crate::model::phase::Trigger;
use crate::model::time::friendly;
use crate::model::{Failure, Moment, Now};

/// A side that the trigger names.
struct Named<'a> {
    side: &'a Side,
    keystone: Option<&'a Keystone>,
    /// No proof for this long is suspicious: two looks.
    patience: Duration,
}

impl Named<'_> {
    fn is_silent(&self, now: Now) -> bool {
        self.side.unproven_since().is_some_and(|since| now.mono.since(since) >= self.patience)
    }

    fn is_refused(&self) -> bool {
        self.side.failure().is_some_and(|failure| !failure.reason.is_evidence())
    }
}

impl Region {
    fn db_side(&self) -> Named<'_> {
        Named { side: &self.db, keystone: None, patience: 2 * self.rules.poll_interval }
    }

    fn identity_side(&self) -> Option<Named<'_>> {
        let keystone = self.rules.identity.as_ref()?;
        Some(Named { side: &self.identity, keystone: Some(keystone), patience: 2 * keystone.interval })
    }

    /// The sides that the trigger names, the database first.
    fn named(&self) -> impl Iterator<Item = Named<'_>> {
        let db = (self.rules.trigger != Trigger::Identity).then(|| self.db_side());
        let identity = self.identity_side().filter(|_| self.rules.trigger != Trigger::Master);
        [db, identity].into_iter().flatten()
    }

    /// Whether the database is down.
    pub(super) fn db_is_down(&self, now: Now) -> bool {
        self.db.is_down(now.mono, self.rules.unreachable_after)
    }

    /// Whether the Keystone is down.
    pub(super) fn identity_is_down(&self, now: Now) -> bool {
        self.identity.is_down(now.mono, self.rules.unreachable_after)
    }

    /// Whether no witness has proven the database alive for two looks.
    pub(super) fn db_is_silent(&self, now: Now) -> bool {
        self.db_side().is_silent(now)
    }

    /// Whether the database lives and refuses us, so that no outage can follow from its looks.
    pub(super) fn db_is_refused(&self) -> bool {
        self.db_side().is_refused()
    }

    /// Whether everything is down that the trigger asks for.
    pub(super) fn is_down(&self, now: Now) -> bool {
        match self.rules.trigger {
            Trigger::Master => self.db_is_down(now),
            Trigger::Identity => self.identity_is_down(now),
            // a Keystone that was never seen at work may have another address than the settings say
            Trigger::Either => self.db_is_down(now) || (self.identity_is_down(now) && self.identity_was_seen()),
            Trigger::Both => self.db_is_down(now) && self.identity_is_down(now),
        }
    }

    /// Whether some side that the trigger names has not been proven alive for two looks.
    pub(super) fn is_silent(&self, now: Now) -> bool {
        self.named().any(|named| named.is_silent(now))
    }

    /// Whether each of them was proven alive within two looks.
    pub(super) fn answers_again(&self, now: Now) -> bool {
        let fresh = |named: &Named<'_>| named.side.last_proof().is_some_and(|at| now.mono.since(at) < named.patience);
        self.named().all(|named| fresh(&named))
    }

    /// Whether no failover could follow from what was down before a proof that is `new`.
    pub(super) fn was_proven(&self, new: impl Fn(Moment) -> bool) -> bool {
        let mut proven = self.named().map(|named| named.side.last_proof().is_some_and(&new));
        match self.rules.trigger {
            Trigger::Both => proven.any(|proven| proven),
            _ => proven.all(|proven| proven),
        }
    }

    /// The first moment after `stepped` at which a side that the trigger names may be down.
    pub(super) fn next_silence_after(&self, stepped: Moment) -> Option<Moment> {
        let due = |named: Named<'_>| named.side.deadline(self.rules.unreachable_after);
        self.named().filter_map(due).filter(|at| *at > stepped).min()
    }

    /// When a failover is due if nothing proves life until then; never while a living server refuses us.
    pub(super) fn failover_due(&self, now: Now) -> Option<Moment> {
        let due = |named: Named<'_>| match named.is_refused() {
            true => None,
            false => named.side.deadline(self.rules.unreachable_after),
        };
        match self.rules.trigger {
            // a side that lives puts its own end off all the time
            Trigger::Either => self.named().filter(|named| named.is_silent(now)).filter_map(due).min(),
            _ => self.named().map(due).collect::<Option<Vec<_>>>()?.into_iter().max(),
        }
    }

    /// Whether RegionOne's Keystone was ever seen at work, in this run or before.
    pub(super) fn identity_was_seen(&self) -> bool {
        let seen = self.rules.identity.is_some() && self.identity.last_proof().is_some();
        seen || self.identity_proof_on_record().is_some()
    }

    /// The last proof of life of this very Keystone that was written down.
    fn identity_proof_on_record(&self) -> Option<&Proof> {
        let keystone = self.rules.identity.as_ref()?;
        self.memory.identity_proof.as_ref().filter(|proof| proof.master == keystone.url)
    }

    /// How long ago the Keystone was last seen at work, in seconds: in this run, or else as it was written down before.
    pub(super) fn identity_silence_seconds(&self, now: Now) -> Option<f64> {
        let seen = self.identity.last_proof().map(|at| now.mono.since(at));
        let on_record = || self.identity_proof_on_record().map(|proof| now.age_of(proof.at));
        seen.or_else(on_record).map(|silence| silence.as_secs_f64())
    }

    /// Writes the last proof of life of the Keystone down, now and then.
    pub(super) fn record_identity_proof(&mut self, now: Now) {
        let Some(keystone) = &self.rules.identity else { return };
        let Some(at) = self.identity.last_proof().map(|at| now.wall_at(at)) else { return };
        if !self.memory.identity_proof.as_ref().is_some_and(|proof| proof.is_fresh(&keystone.url, at, now)) {
            self.memory.identity_proof = Some(Proof { at, master: keystone.url.clone() });
        }
    }

    /// What is wrong with RegionOne's Keystone, as far as the way back is concerned: it is asked whatever the trigger.
    pub(super) fn identity_ailment(&self, now: Now) -> Option<String> {
        let keystone = self.rules.identity.as_ref()?;
        let patience = 2 * keystone.interval + keystone.timeout;
        let proven = self.identity.probe_proof().is_some_and(|at| now.mono.since(at) <= patience);
        if self.identity.probe_up() == Some(true) && proven {
            return None;
        }
        let why = self.identity.failure().map(|failure| format!(": {failure}")).unwrap_or_default();
        let fails = if keystone.logs_in { "lets nobody log in" } else { "does not answer" };
        Some(format!("{} {fails}{why}", self.keystone_name()))
    }

    /// RegionOne's Keystone as a sentence names it.
    pub(super) fn keystone_name(&self) -> String {
        let url = self.rules.identity.as_ref().map(|keystone| keystone.url.as_str()).unwrap_or_default();
        format!("{}'s Keystone at {url}", self.rules.master_region)
    }

    fn name_of(&self, named: &Named<'_>) -> String {
        if named.keystone.is_some() { self.keystone_name() } else { self.master_name() }
    }

    /// What a failover waits for, to be followed by how long.
    pub(super) fn condition(&self) -> String {
        let one = |named: Named<'_>| format!("{} {}", self.name_of(&named), absence(named.keystone));
        let word = if self.rules.trigger == Trigger::Either { " or " } else { " and " };
        self.named().map(one).collect::<Vec<_>>().join(word)
    }

    /// What ends a rest after a failback by hand, with what the two sides are called.
    pub(super) fn next_proof(&self, master: &str, keystone: &str) -> String {
        match self.rules.trigger {
            Trigger::Master => format!("{master} is next proven alive"),
            Trigger::Identity => format!("{keystone} is next proven alive"),
            Trigger::Either => format!("{master} and {keystone} are next proven alive"),
            Trigger::Both => format!("{master} or {keystone} is next proven alive"),
        }
    }

    pub(super) fn suspicion(&self, now: Now) -> String {
        let one = |named: Named<'_>| {
            let why = named.side.failure().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "no witness has proven it alive".to_owned());
            format!("{} is not proven alive: {why}", self.name_of(&named))
        };
        self.named().filter(|named| named.is_silent(now)).map(one).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn recovery(&self) -> String {
        let names: Vec<String> = self.named().map(|named| self.name_of(&named)).collect();
        format!("{} {} again", names.join(" and "), if names.len() > 1 { "answer" } else { "answers" })
    }

    pub(super) fn outage(&self, now: Now) -> String {
        let patience = self.rules.unreachable_after;
        let down = self.named().filter(|named| named.side.is_down(now.mono, patience));
        let one = |named: Named<'_>| {
            let why = named.side.failure().map(|failure| format!("; last probe: {failure}")).unwrap_or_default();
            format!("{}{why}", self.lack(&named, named.side.silent_since(), now))
        };
        down.map(one).collect::<Vec<_>>().join("; ")
    }

    /// For how long RegionOne's Keystone has not proven that it can authenticate, and why.
    pub(super) fn identity_silence(&self, now: Now) -> Option<String> {
        let named = self.identity_side()?;
        let why = named.side.failure().map(|failure: &Failure| format!(": {failure}")).unwrap_or_default();
        Some(format!("{}{why}", self.lack(&named, named.side.unproven_since(), now)))
    }

    fn lack(&self, named: &Named<'_>, since: Option<Moment>, now: Now) -> String {
        let silent = since.map(|since| friendly(now.mono.since(since))).unwrap_or_default();
        format!("{} {} for {silent}", self.name_of(named), absence(named.keystone))
    }
}

fn absence(keystone: Option<&Keystone>) -> &'static str {
    match keystone {
        None => "has not been seen alive",
        Some(Keystone { logs_in: true, .. }) => "has let nobody log in",
        Some(_) => "has not answered",
    }
}
