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
        let failed = self.failure.as_ref().map(|_| false);
        self.probe_answers_since.map(|_| true).or(failed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(1_000 + seconds))
    }

    fn failing(began: u64, ended: u64, reason: Reason) -> Look<MasterFacts> {
        let failure = Failure { reason, detail: String::new() };
        Look { began: at(began), ended: at(ended), connection: 1, result: Err(failure) }
    }

    fn seen_alive_at(seconds: u64) -> DbSide {
        let mut side = DbSide::default();
        side.handle_proof(at(seconds));
        side
    }

    #[test]
    fn silence_without_failed_looks_is_no_outage() {
        let mut side = seen_alive_at(0);
        assert!(!side.is_down(at(1_000), PATIENCE), "nobody looked");
        side.handle_probe(&failing(1, 2, Reason::TimedOut));
        assert!(!side.is_down(at(1_000), PATIENCE), "one failed look may be an accident");
        side.handle_probe(&failing(2, 3, Reason::TimedOut));
        assert!(!side.is_down(at(9), PATIENCE), "not silent for long enough");
        assert!(side.is_down(at(10), PATIENCE));
    }

    #[test]
    fn a_look_that_began_before_the_last_proof_is_no_evidence() {
        let mut side = seen_alive_at(5);
        side.handle_probe(&failing(4, 6, Reason::TimedOut));
        side.handle_probe(&failing(6, 7, Reason::TimedOut));
        assert!(!side.is_down(at(100), PATIENCE));
    }

    #[test]
    fn a_look_that_was_under_way_while_nobody_watched_is_no_evidence() {
        let mut side = seen_alive_at(0);
        side.handle_gap(at(1), at(4), PATIENCE);
        side.handle_probe(&failing(1, 4, Reason::TimedOut));
        side.handle_probe(&failing(4, 5, Reason::Refused));
        assert!(!side.is_down(at(100), PATIENCE));
    }

    #[test]
    fn a_short_gap_is_left_out_of_the_silence_and_a_long_one_starts_it_anew() {
        let mut side = seen_alive_at(0);
        side.handle_gap(at(1), at(4), PATIENCE);
        assert_eq!(side.deadline(PATIENCE), Some(at(13)));
        side.handle_gap(at(5), at(35), PATIENCE);
        assert_eq!(side.deadline(PATIENCE), Some(at(45)));
    }

    #[test]
    fn a_refusal_takes_the_evidence_back_and_is_no_proof() {
        let mut side = seen_alive_at(0);
        for second in 1..=20 {
            side.handle_probe(&failing(second, second, Reason::Refused));
        }
        side.handle_probe(&failing(21, 21, Reason::Login));
        assert!(!side.is_down(at(100), PATIENCE));
        assert_eq!(side.last_proof(), Some(at(0)));
    }
}
