//! One side's witnesses: how long nobody has proven the database, or the Keystone, alive, and what speaks for an outage.
//!
//! Silence alone is never enough: looks must have failed in it. Time in which nobody watched is no silence.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::observation::Look;
use crate::model::{Failure, Moment};

/// So many gaps are kept apart; older ones are put together.
const GAPS: usize = 32;

/// One side of the master's region, as seen from one region: its database, of which any address proves it alive, or its
/// Keystone, which has one.
#[derive(Clone, Debug)]
pub struct Side {
    watching_since: Option<Moment>,
    last_proof: Option<Moment>,
    last_refusal: Option<Moment>,
    /// When nobody watched, oldest first. A proof may be heard of several gaps late, so each of them is known.
    gaps: VecDeque<(Moment, Moment)>,
    not_before: Moment,
    probes: Vec<Probe>,
}

/// Keyward's own looks at one address.
#[derive(Clone, Debug, Default)]
struct Probe {
    /// Looks that failed as evidence, begun after the last sign of life of the whole side.
    evidence: u32,
    failure: Option<Failure>,
    proof: Option<Moment>,
    answers_since: Option<Moment>,
    failing_since: Option<Moment>,
}

impl Side {
    /// A side with so many addresses, at least one.
    pub fn new(addresses: usize) -> Self {
        Self {
            watching_since: None,
            last_proof: None,
            last_refusal: None,
            gaps: VecDeque::new(),
            not_before: Moment::default(),
            probes: vec![Probe::default(); addresses.max(1)],
        }
    }

    /// Takes in one look at the side's address number `place`.
    pub fn handle_probe<T>(&mut self, place: usize, look: &Look<T>) {
        if place >= self.probes.len() {
            return;
        }
        self.watching_since.get_or_insert(look.began.max(self.not_before));
        match &look.result {
            Ok(_) => {
                let probe = &mut self.probes[place];
                probe.failing_since = None;
                probe.answers_since.get_or_insert(look.ended);
                probe.proof = Some(look.ended);
                probe.failure = None;
                self.handle_proof(look.ended);
            }
            Err(failure) => self.handle_failure(place, look, failure),
        }
    }

    fn handle_failure<T>(&mut self, place: usize, look: &Look<T>, failure: &Failure) {
        if look.began < self.not_before {
            return;
        }
        let counts = self.life().is_none_or(|life| look.began >= life);
        let probe = &mut self.probes[place];
        probe.answers_since = None;
        probe.failure = Some(failure.clone());
        if !failure.reason.is_evidence() {
            probe.failing_since = None;
            // a server that refuses us lives: what spoke for an outage before it speaks no longer
            self.last_refusal = Some(look.ended);
            self.forget_evidence();
            return;
        }
        probe.failing_since.get_or_insert(look.ended);
        probe.evidence += u32::from(counts);
    }

    fn forget_evidence(&mut self) {
        for probe in &mut self.probes {
            probe.evidence = 0;
        }
    }

    /// Takes in a proof of life, from whichever witness.
    pub fn handle_proof(&mut self, at: Moment) {
        if self.last_proof.is_none_or(|last| at > last) {
            self.last_proof = Some(at);
            self.gaps.retain(|(_, to)| *to > at);
        }
        self.watching_since.get_or_insert(at);
        self.forget_evidence();
    }

    /// Takes in that nobody watched from `from` to `to`. A gap longer than `patience` is a new start; a shorter one
    /// is left out of the silence. Looks that began before `to` are no evidence either way.
    pub fn handle_gap(&mut self, from: Moment, to: Moment, patience: Duration) {
        self.not_before = to;
        if to.since(from) >= patience {
            self.watching_since = Some(to);
            self.gaps.clear();
            self.forget_evidence();
            return;
        }
        self.gaps.push_back((from, to));
        if self.gaps.len() > GAPS
            && let (Some((from, to)), Some(next)) = (self.gaps.pop_front(), self.gaps.front_mut())
        {
            next.0 = next.0.back(to.since(from));
        }
    }

    /// For how long after `start` nobody watched.
    fn excused(&self, start: Moment) -> Duration {
        self.gaps.iter().map(|(from, to)| to.since(start.max(*from))).sum()
    }

    fn life(&self) -> Option<Moment> {
        self.last_proof.max(self.last_refusal)
    }

    /// The moment that silence counts from: the last sign of life or the start of watching, gaps left out.
    pub fn silent_since(&self) -> Option<Moment> {
        let start = self.watching_since.max(self.last_proof).max(self.last_refusal)?;
        Some(start + self.excused(start))
    }

    /// The moment since when no witness has proven the master alive, gaps left out; a refusal is no proof.
    pub fn unproven_since(&self) -> Option<Moment> {
        let start = self.watching_since.max(self.last_proof)?;
        Some(start + self.excused(start))
    }

    /// When `patience` will have passed in silence.
    pub fn deadline(&self, patience: Duration) -> Option<Moment> {
        self.silent_since().map(|start| start + patience)
    }

    /// Whether nobody proved the master alive for `patience` and at least two looks at each address failed as evidence.
    pub fn is_down(&self, now: Moment, patience: Duration) -> bool {
        let failed = self.probes.iter().all(|probe| probe.evidence >= 2);
        failed && self.deadline(patience).is_some_and(|deadline| now >= deadline)
    }

    /// The last proof of life in this run.
    pub fn last_proof(&self) -> Option<Moment> {
        self.last_proof
    }

    /// Whether some address answered its last look; absent before the first look.
    pub fn probe_up(&self) -> Option<bool> {
        let failed = self.probes.iter().any(|probe| probe.failure.is_some()).then_some(false);
        self.probe_answers_since().map(|_| true).or(failed)
    }

    /// Whether this address answered its last look; absent before the first look.
    pub fn is_up(&self, place: usize) -> Option<bool> {
        let probe = self.probes.get(place)?;
        probe.answers_since.map(|_| true).or(probe.failure.as_ref().map(|_| false))
    }

    /// Since when every look at this address has ended as evidence of an outage.
    pub fn gone_since(&self, place: usize) -> Option<Moment> {
        self.probes.get(place)?.failing_since
    }

    /// Since when every look at every address has ended as evidence of an outage.
    pub fn probe_failing_since(&self) -> Option<Moment> {
        self.probes.iter().map(|probe| probe.failing_since).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Since when every look at some address has succeeded.
    pub fn probe_answers_since(&self) -> Option<Moment> {
        self.probes.iter().filter_map(|probe| probe.answers_since).min()
    }

    /// When keyward's own probe last succeeded.
    pub fn probe_proof(&self) -> Option<Moment> {
        self.probes.iter().filter_map(|probe| probe.proof).max()
    }

    /// Why the last look at the master failed: a refusal before anything else, and nothing while some address answers.
    pub fn failure(&self) -> Option<&Failure> {
        if self.probe_answers_since().is_some() {
            return None;
        }
        let failures = || self.probes.iter().filter_map(|probe| probe.failure.as_ref());
        failures().find(|failure| !failure.reason.is_evidence()).or_else(|| failures().next())
    }

    /// Why the last look at this address failed.
    pub fn failure_at(&self, place: usize) -> Option<&Failure> {
        self.probes.get(place)?.failure.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;
    use crate::model::observation::MasterFacts;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(1_000 + seconds))
    }

    fn failing(began: u64, ended: u64, reason: Reason) -> Look<MasterFacts> {
        let failure = Failure { reason, detail: String::new() };
        Look { began: at(began), ended: at(ended), connection: 1, result: Err(failure) }
    }

    fn seen_alive_at(seconds: u64) -> Side {
        let mut side = Side::new(1);
        side.handle_proof(at(seconds));
        side
    }

    #[test]
    fn silence_without_failed_looks_is_no_outage() {
        let mut side = seen_alive_at(0);
        assert!(!side.is_down(at(1_000), PATIENCE), "nobody looked");
        side.handle_probe(0, &failing(1, 2, Reason::TimedOut));
        assert!(!side.is_down(at(1_000), PATIENCE), "one failed look may be an accident");
        side.handle_probe(0, &failing(2, 3, Reason::TimedOut));
        assert!(!side.is_down(at(9), PATIENCE), "not silent for long enough");
        assert!(side.is_down(at(10), PATIENCE));
    }

    #[test]
    fn a_look_that_began_before_the_last_proof_is_no_evidence() {
        let mut side = seen_alive_at(5);
        side.handle_probe(0, &failing(4, 6, Reason::TimedOut));
        side.handle_probe(0, &failing(6, 7, Reason::TimedOut));
        assert!(!side.is_down(at(100), PATIENCE));
    }

    #[test]
    fn a_look_that_was_under_way_while_nobody_watched_is_no_evidence() {
        let mut side = seen_alive_at(0);
        side.handle_gap(at(1), at(4), PATIENCE);
        side.handle_probe(0, &failing(1, 4, Reason::TimedOut));
        side.handle_probe(0, &failing(4, 5, Reason::Refused));
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
    fn a_proof_that_is_heard_of_several_gaps_late_leaves_every_one_of_them_out_of_the_silence() {
        let mut side = seen_alive_at(0);
        side.handle_gap(at(2), at(5), PATIENCE);
        side.handle_gap(at(5), at(8), PATIENCE);
        side.handle_proof(at(1));
        assert_eq!(side.deadline(PATIENCE), Some(at(17)));
        side.handle_proof(at(4));
        assert_eq!(side.deadline(PATIENCE), Some(at(18)));
    }

    #[test]
    fn however_many_gaps_there_are_all_are_left_out_of_the_silence() {
        let mut side = seen_alive_at(0);
        for second in 0..200 {
            side.handle_gap(at(2 * second), at(2 * second + 1), PATIENCE);
        }
        assert_eq!(side.silent_since(), Some(at(200)));
        side.handle_proof(at(398));
        assert_eq!(side.silent_since(), Some(at(399)));
    }

    #[test]
    fn a_refusal_takes_the_evidence_back_and_is_no_proof() {
        let mut side = seen_alive_at(0);
        for second in 1..=20 {
            side.handle_probe(0, &failing(second, second, Reason::Refused));
        }
        side.handle_probe(0, &failing(21, 21, Reason::Login));
        assert!(!side.is_down(at(100), PATIENCE));
        assert_eq!(side.last_proof(), Some(at(0)));
    }

    #[test]
    fn with_several_addresses_each_of_them_must_have_failed_and_any_that_answers_proves_life() {
        let mut side = Side::new(2);
        side.handle_proof(at(0));
        for second in 1..=20 {
            side.handle_probe(0, &failing(second, second, Reason::Refused));
        }
        assert!(!side.is_down(at(30), PATIENCE), "nobody looked at the other address");
        side.handle_probe(1, &failing(21, 21, Reason::Refused));
        side.handle_probe(1, &failing(22, 22, Reason::Refused));
        assert!(side.is_down(at(30), PATIENCE));
        let answer = Look { began: at(30), ended: at(31), connection: 1, result: Ok(MasterFacts::default()) };
        side.handle_probe(1, &answer);
        assert_eq!((side.is_down(at(100), PATIENCE), side.probe_up(), side.failure()), (false, Some(true), None));
        assert_eq!((side.is_up(0), side.gone_since(0)), (Some(false), Some(at(1))));
    }
}
