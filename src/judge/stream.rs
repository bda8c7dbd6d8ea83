//! What a replica has in common with the master's stream of transactions: what it has that the master has not, and for
//! how long the master keeps what the replica still lacks.

use std::time::Duration;

use super::region::Region;
use super::replica::Replica;
use crate::model::observation::{BinlogFacts, LinkFacts, Look, MasterFacts, Purged, ReplicaFacts};
use crate::model::{Budget, Moment, ReplicaName, gtid};

/// Transactions on a replica that the master has not.
#[derive(Clone, Debug, Default)]
pub struct Errant {
    /// What the replica had at a look that ended then: written and applied. It waits for the master to be asked later.
    had: Option<(Moment, String, String)>,
    /// What stood in its own binary logs when it was set up.
    before: String,
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

impl Region {
    pub(super) fn handle_binlogs(&mut self, place: usize, binlogs: &BinlogFacts) {
        if let Some(known) = self.binlogs.get_mut(place) {
            *known = Some(binlogs.clone());
        }
    }

    pub(super) fn handle_written_before(&mut self, name: &ReplicaName, written: &str) {
        if let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *name) {
            written.clone_into(&mut replica.errant.before);
        }
    }

    /// Takes in a look at the address that beats are written to.
    pub(super) fn compare_streams(&mut self, look: &Look<MasterFacts>) {
        for replica in &mut self.replicas {
            replica.errant.handle_master(look);
        }
    }
}

/// How long the link can stay down before the master purges what the replica still needs, when the newest thing that has
/// arrived there is `data_age` old; absent when that cannot be told.
///
/// The log that the replica reads was written to no earlier than that, and a log is purged by the age of its last write.
pub fn outage_budget(master: &BinlogFacts, replica: &Replica, data_age: Option<Duration>) -> Option<Budget> {
    let facts = replica.facts()?;
    if has_lost(&master.purged, facts, facts.link.as_ref()?) {
        return Some(Budget::Seconds(0.0));
    }
    if master.limited_by_size {
        return None;
    }
    match master.kept_for {
        None => Some(Budget::Unlimited),
        Some(kept_for) => Some(Budget::Seconds(kept_for.saturating_sub(data_age?).as_secs_f64())),
    }
}

/// Whether something that the replica still needs is purged already.
fn has_lost(purged: &Purged, facts: &ReplicaFacts, link: &LinkFacts) -> bool {
    match purged {
        // a link that has never read anything knows no log
        Purged::LogsBefore(oldest) => link.log_number != 0 && link.log_number < *oldest,
        Purged::Transactions(purged) => !gtid::covers(&facts.applied, purged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

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

    fn reading(log_number: u64) -> Replica {
        let mut replica = Replica::new(ReplicaName("r2-db1".into()), Address { host: "r2".into(), port: 3306 });
        let link = LinkFacts { log_number, ..LinkFacts::default() };
        replica.facts = Some((at(0), ReplicaFacts { link: Some(link), ..replica_with("", "") }));
        replica
    }

    #[test]
    fn the_budget_is_what_is_left_of_the_time_that_logs_are_kept() {
        let hour = Some(Duration::from_secs(3_600));
        let master = BinlogFacts { kept_for: hour, limited_by_size: false, purged: Purged::LogsBefore(4) };
        let budget = |master: &BinlogFacts, log, age: Option<u64>| {
            outage_budget(master, &reading(log), age.map(Duration::from_secs))
        };
        assert_eq!(budget(&master, 4, Some(600)), Some(Budget::Seconds(3_000.0)));
        assert_eq!(budget(&master, 4, Some(7_200)), Some(Budget::Seconds(0.0)));
        assert_eq!(budget(&master, 3, Some(600)), Some(Budget::Seconds(0.0)), "that log is gone");
        assert_eq!(budget(&master, 4, None), None, "what is not known is not zero");
        assert_eq!(budget(&BinlogFacts { kept_for: None, ..master.clone() }, 4, None), Some(Budget::Unlimited));
        assert_eq!(budget(&BinlogFacts { limited_by_size: true, ..master }, 4, Some(600)), None);
    }

    #[test]
    fn on_mysql_what_is_purged_must_have_been_applied() {
        const ONE: &str = "017130c5-e614-11f1-bab9-02fc00000001";
        let lost = |purged: String, applied: String| {
            has_lost(&Purged::Transactions(purged), &replica_with("", &applied), &LinkFacts::default())
        };
        assert!(!lost(format!("{ONE}:1-9"), format!("{ONE}:1-9")) && !lost(String::new(), String::new()));
        assert!(lost(format!("{ONE}:1-10"), format!("{ONE}:1-9")) && lost(format!("{ONE}:1-10"), String::new()));
    }
}
