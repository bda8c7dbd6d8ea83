//! Global transaction ids of both families: which transactions a server has, and what another lacks of them.
//!
//! The text itself tells the family: MySQL names a server by its UUID, MariaDB by numbers.

pub mod mariadb;
pub mod mysql;

use crate::model::Family;

/// The family that a text of transaction ids is of; `None` for an empty text, which is right for both.
pub fn family(text: &str) -> Option<Family> {
    let first = text.split(',').map(str::trim).find(|id| !id.is_empty())?;
    Some(if first.contains(':') { Family::MySql } else { Family::MariaDb })
}

/// How many transactions of `master` are missing in `applied`; absent when either cannot be read.
///
/// The two were read at different moments: a transaction or two on their way count as missing.
pub fn missing(master: &str, applied: &str) -> Option<u64> {
    match family(master).or(family(applied)).unwrap_or_default() {
        Family::MariaDb => Some(mariadb::missing(&mariadb::parse(master).ok()?, &mariadb::parse(applied).ok()?)),
        Family::MySql => Some(mysql::parse(master).ok()?.subtract(&mysql::parse(applied).ok()?).count()),
    }
}

/// Whether `master` holds every transaction of `applied`; false when either cannot be read.
pub fn covers(master: &str, applied: &str) -> bool {
    match family(master).or(family(applied)).unwrap_or_default() {
        Family::MariaDb => match (mariadb::parse(master), mariadb::parse(applied)) {
            (Ok(master), Ok(applied)) => mariadb::covers(&master, &applied),
            _ => false,
        },
        Family::MySql => match (mysql::parse(master), mysql::parse(applied)) {
            (Ok(master), Ok(applied)) => master.contains(&applied),
            _ => false,
        },
    }
}

/// How many transactions of `replica` are not in `known`, at least; absent when one of the texts cannot be read. Each is
/// several texts that belong together.
///
/// On MariaDB what is known is the master's `gtid_binlog_state`, and a replica has its own and `gtid_slave_pos`; on MySQL
/// each is `gtid_executed`. The master must have been asked after the replica, or what is on its way counts.
pub fn errant(known: &[&str], replica: &[&str]) -> Option<u64> {
    Some(match together(known, replica)? {
        Together::MariaDb(known, replica) => mariadb::errant(&known, &replica),
        Together::MySql(known, replica) => replica.subtract(&known).count(),
    })
}

/// The ids of what `errant` counts, as text: on MariaDB the last one of each server.
pub fn errant_ids(known: &[&str], replica: &[&str]) -> Option<String> {
    Some(match together(known, replica)? {
        Together::MariaDb(known, replica) => mariadb::text(&mariadb::errant_last(&known, &replica)),
        Together::MySql(known, replica) => replica.subtract(&known).to_string(),
    })
}

/// What is known and what a replica has, each put together.
enum Together {
    MariaDb(mariadb::State, mariadb::State),
    MySql(mysql::GtidSet, mysql::GtidSet),
}

fn together(known: &[&str], replica: &[&str]) -> Option<Together> {
    let states = |texts: &[&str]| {
        texts
            .iter()
            .try_fold(mariadb::State::new(), |all, text| Some(mariadb::union(&all, &mariadb::parse_state(text).ok()?)))
    };
    let sets = |texts: &[&str]| {
        texts.iter().try_fold(mysql::GtidSet::default(), |all, text| Some(all.union(&mysql::parse(text).ok()?)))
    };
    Some(match known.iter().chain(replica).find_map(|text| family(text)).unwrap_or_default() {
        Family::MariaDb => Together::MariaDb(states(known)?, states(replica)?),
        Family::MySql => Together::MySql(sets(known)?, sets(replica)?),
    })
}

/// Whether a replica that has applied all of `position` has applied nothing after it; absent when either cannot be read.
///
/// What it has from elsewhere does not count: MariaDB's other domains, MySQL's other servers.
pub fn is_at(applied: &str, position: &str) -> Option<bool> {
    match family(position).or(family(applied)).unwrap_or_default() {
        Family::MariaDb => {
            let (applied, position) = (mariadb::parse(applied).ok()?, mariadb::parse(position).ok()?);
            Some(position.iter().all(|(domain, last)| applied.get(domain) == Some(last)))
        }
        Family::MySql => {
            let (applied, position) = (mysql::parse(applied).ok()?, mysql::parse(position).ok()?);
            Some(applied.contains(&position) && !applied.subtract(&position).shares_a_source(&position))
        }
    }
}

/// What of a replica's transactions a stamp must remember so that `errant` never counts them: on MySQL, where a replica
/// has all of its master's in the same set, only what the master has not.
pub fn written_beyond(master: &str, replica: &str) -> String {
    let (Some(Family::MySql), Ok(seen), Ok(known)) = (family(replica), mysql::parse(replica), mysql::parse(master))
    else {
        return replica.to_owned();
    };
    seen.subtract(&known).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "017130c5-e614-11f1-bab9-02fc00000001";

    #[test]
    fn what_is_missing_is_counted_in_either_family() {
        assert_eq!(missing("0-1-100,7-3-20", "0-1-95,7-3-20"), Some(5));
        assert_eq!(missing(&format!("{ONE}:1-29"), &format!("{ONE}:1-8:11")), Some(20));
        assert_eq!(missing("", ""), Some(0));
        assert_eq!(missing("0-1-2", "nonsense"), None);
        assert_eq!(missing("0-1-2", &format!("{ONE}:1-8")), None);
    }

    #[test]
    fn a_server_covers_another_only_in_the_same_family() {
        assert!(covers("0-1-100,7-3-20", "0-2-100") && covers(&format!("{ONE}:1-9"), &format!("{ONE}:3")));
        assert!(!covers("nonsense", "") && covers("0-1-1", ""));
        assert!(!covers("0-1-1", &format!("{ONE}:1")) && !covers(&format!("{ONE}:1"), "0-1-1"));
    }

    #[test]
    fn a_transaction_that_the_master_never_had_is_errant() {
        assert_eq!(errant(&["0-1-150", "0-2-3"], &["0-2-102", "0-1-150"]), Some(1));
        let (known, has) = (format!("{ONE}:1-9"), format!("{ONE}:1-9:12-13"));
        assert_eq!(errant(&[&known, ""], &[&has, ""]), Some(2));
        assert_eq!(errant_ids(&[&known, ""], &[&has, ""]), Some(format!("{ONE}:12-13")));
        assert_eq!(errant_ids(&["0-1-150"], &["0-2-102", "0-1-150"]).as_deref(), Some("0-2-102"));
        assert_eq!(errant(&[""], &["", ""]), Some(0));
        assert_eq!(errant(&["x"], &[""]), None);
    }

    #[test]
    fn a_replica_is_at_a_position_when_it_has_that_and_nothing_after_it() {
        assert_eq!(is_at("0-2-100,9-1-4", "0-1-100"), Some(true));
        assert_eq!((is_at("0-1-101", "0-1-100"), is_at("9-1-4", "0-1-100")), (Some(false), Some(false)));
        let (set, other) = (format!("{ONE}:1-9"), format!("{}2:1-3", &ONE[..35]));
        assert_eq!(is_at(&format!("{set},{other}"), &set), Some(true));
        assert_eq!((is_at(&format!("{ONE}:1-10"), &set), is_at(&other, &set)), (Some(false), Some(false)));
        assert_eq!(is_at("x", "0-1-1"), None);
    }
}
