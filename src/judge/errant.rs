//! Transactions that a replica has and the master has not.

use std::time::Duration;

use crate::model::observation::{Look, MasterFacts, ReplicaFacts};
use crate::model::{Moment, gtid};

/// Transactions on a replica that the master has not.
#[derive(Clone, Debug, Default)]
pub struct Errant {
    /// What the replica had at a look that ended then: written and applied. It waits for the master to be asked later.
    had: Option<(Moment, String, String)>,
    /// What stood in its own binary logs when it was set up.
    pub(super) before: String,
    count: Option<u64>,
    since: Option<Moment>,
}

impl Errant {
    /// Takes in a look at the replica.
    pub fn handle_replica(&mut self, look: &Look<ReplicaFacts>) {
        // a replica that always answers before a far master would always be too new for its answer
        if let (Ok(facts), None) = (&look.result, &self.had) {
            self.had = Some((look.ended, facts.written.clone(), facts.applied.clone()));
        }
    }

    /// Takes in a look at the master, which tells something if it began after the replica had been asked: whatever the
    /// replica had then came from a master that must have it by now.
    pub fn handle_master(&mut self, look: &Look<MasterFacts>) {
        let Ok(facts) = &look.result else { return };
        let Some((_, written, applied)) = self.had.take_if(|(at, ..)| look.began > *at) else { return };
        self.count = gtid::errant(&[&facts.written, &self.before], &[&written, &applied]);
        match self.count {
            Some(1..) => drop(self.since.get_or_insert(look.ended)),
            _ => self.since = None,
        }
    }

    /// How many there are, at least; absent before both servers were asked.
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// How many there have been for longer than `patience`: a master may be slow to count what it has sent already.
    pub fn lasting(&self, now: Moment, patience: Duration) -> Option<u64> {
        self.since.filter(|since| now.since(*since) > patience).and(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(1_000 + seconds))
    }

    fn look<T>(began: u64, facts: T) -> Look<T> {
        Look { began: at(began), ended: at(began), connection: 1, result: Ok(facts) }
    }

    fn replica_with(written: &str, applied: &str) -> ReplicaFacts {
        ReplicaFacts { written: written.into(), applied: applied.into(), ..ReplicaFacts::default() }
    }

    #[test]
    fn only_a_master_that_was_asked_later_tells_what_is_errant() {
        let mut errant = Errant::default();
        let master = |written: &str| MasterFacts { written: written.into(), ..MasterFacts::default() };
        errant.handle_replica(&look(10, replica_with("", "0-1-100")));
        errant.handle_master(&look(10, master("0-1-90")));
        assert_eq!(errant.count(), None, "the master went on after it was asked");
        errant.handle_master(&look(11, master("0-1-100")));
        assert_eq!(errant.count(), Some(0));
        errant.handle_replica(&look(11, replica_with("0-2-101", "0-1-100")));
        // the next answer of the replica overtakes that of the master, which is far away
        errant.handle_replica(&look(13, replica_with("0-2-101", "0-1-100")));
        errant.handle_master(&look(12, master("0-1-100")));
        assert_eq!((errant.count(), errant.lasting(at(14), Duration::from_secs(2))), (Some(1), None));
        assert_eq!(errant.lasting(at(15), Duration::from_secs(2)), Some(1));
        errant.before = "0-2-101".into();
        errant.handle_replica(&look(13, replica_with("0-2-101", "0-1-100")));
        errant.handle_master(&look(14, master("0-1-100")));
        assert_eq!((errant.count(), errant.lasting(at(99), Duration::ZERO)), (Some(0), None));
    }
}
