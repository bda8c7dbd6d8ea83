//! The database side's witnesses: how long nobody has proven the master alive, and what speaks for an outage.
//!
//! Silence alone is never enough: looks must have failed in it. Time in which nobody watched is no silence.

use std::time::Duration;

use crate::model::observation::{Look, MasterFacts};
use crate::model::{Failure, Moment};

/// The database side of the master's region, as seen from one region.
#[derive(Debug, Default)]
pub struct DbSide {
    watching_since: Option<Moment>,
    last_proof: Option<Moment>,
    last_refusal: Option<Moment>,
    excused: Duration,
    not_before: Moment,
    evidence: u32,
    failure: Option<Failure>,
    probe_up: Option<bool>,
    probe_proof: Option<Moment>,
    probe_answers_since: Option<Moment>,
    probe_failing_since: Option<Moment>,
}

impl DbSide {
    /// Takes in one look at the master.
    pub fn handle_probe(&mut self, look: &Look<MasterFacts>) {
        self.watching_since.get_or_insert(look.began);
        match &look.result {
            Ok(_) => {
                self.probe_up = Some(true);
                self.probe_failing_since = None;
                self.probe_answers_since.get_or_insert(look.ended);
                self.probe_proof = Some(look.ended);
                self.failure = None;
                self.handle_proof(look.ended);
            }
            Err(failure) => self.handle_failure(look, failure),
        }
    }

    fn handle_failure(&mut self, look: &Look<MasterFacts>, failure: &Failure) {
        if look.began < self.not_before {
            return;
        }
        self.probe_up = Some(false);
        self.probe_answers_since = None;
        self.failure = Some(failure.clone());
        if !failure.reason.is_evidence() {
            // a server that refuses us lives: what spoke for an outage before it speaks no longer
            self.evidence = 0;
            self.excused = Duration::ZERO;
            self.last_refusal = Some(look.ended);
            self.probe_failing_since = None;
            return;
        }
        self.probe_failing_since.get_or_insert(look.ended);
        if self.life().is_none_or(|life| look.began >= life) {
            self.evidence += 1;
        }
    }

    /// Takes in a proof of life, from whichever witness.
    pub fn handle_proof(&mut self, at: Moment) {
        if self.last_proof.is_none_or(|last| at > last) {
            self.last_proof = Some(at);
        }
        self.watching_since.get_or_insert(at);
        self.evidence = 0;
        self.excused = Duration::ZERO;
    }

    /// Takes in that nobody watched from `from` to `to`. A gap longer than `patience` is a new start; a shorter one
    /// is left out of the silence. Looks that began before `to` are no evidence either way.
    pub fn handle_gap(&mut self, from: Moment, to: Moment, patience: Duration) {
        self.not_before = to;
        if to.since(from) >= patience {
            self.watching_since = Some(to);
            self.evidence = 0;
            self.excused = Duration::ZERO;
        } else if self.watching_since.is_some() {
            self.excused += to.since(from);
        }
    }

    fn life(&self) -> Option<Moment> {
        self.last_proof.max(self.last_refusal)
    }

    /// The moment that silence counts from: the last sign of life or the start of watching, gaps left out.
    pub fn silent_since(&self) -> Option<Moment> {
        self.watching_since.max(self.life()).map(|start| start + self.excused)
    }

    /// The moment since when no witness has proven the master alive, gaps left out; a refusal is no proof.
    pub fn unproven_since(&self) -> Option<Moment> {
        self.watching_since.max(self.last_proof).map(|start| start + self.excused)
    }

    /// When `patience` will have passed in silence.
    pub fn deadline(&self, patience: Duration) -> Option<Moment> {
        self.silent_since().map(|start| start + patience)
    }

    /// Whether nobody proved the master alive for `patience` and at least two looks failed as evidence.
    pub fn is_down(&self, now: Moment, patience: Duration) -> bool {
        self.evidence >= 2 && self.deadline(patience).is_some_and(|deadline| now >= deadline)
    }

    /// The last proof of life in this run.
    pub fn last_proof(&self) -> Option<Moment> {
        self.last_proof
    }

    /// Whether the last look at the master succeeded; absent before the first.
    pub fn probe_up(&self) -> Option<bool> {
        self.probe_up
    }

    /// Since when every look at the master has ended as evidence of an outage.
    pub fn probe_failing_since(&self) -> Option<Moment> {
        self.probe_failing_since
    }

    /// Since when every look at the master has succeeded.
    pub fn probe_answers_since(&self) -> Option<Moment> {
        self.probe_answers_since
    }

    /// When keyward's own probe last succeeded.
    pub fn probe_proof(&self) -> Option<Moment> {
        self.probe_proof
    }

    /// Why the last look at the master failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}
