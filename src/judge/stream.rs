//! A replica and the master's stream of transactions: both are compared at every look at the master, and for how long
//! the master keeps what the replica still lacks.

use std::time::Duration;

use super::region::Region;
use super::replica::Replica;
use crate::model::observation::{BinlogFacts, LinkFacts, Look, MasterFacts, Purged, ReplicaFacts};
use crate::model::{Budget, ReplicaName, gtid};

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
    use crate::model::{Address, Moment};

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(1_000 + seconds))
    }

    fn replica_with(written: &str, applied: &str) -> ReplicaFacts {
        ReplicaFacts { written: written.into(), applied: applied.into(), ..ReplicaFacts::default() }
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
