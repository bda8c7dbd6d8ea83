//! MariaDB's ids: `domain-server-sequence`. Sequence numbers grow within a domain, whichever server writes there.

use std::collections::BTreeMap;

/// The last sequence number in each domain, as in `gtid_slave_pos`.
pub type Positions = BTreeMap<u32, u64>;

/// The last sequence number of each server in each domain, as in `gtid_binlog_state`.
pub type State = BTreeMap<(u32, u32), u64>;

/// Reads a list of ids as the last number in each domain.
///
/// # Errors
/// One sentence when the text is not a list of ids; an empty text is an empty list.
pub fn parse(text: &str) -> Result<Positions, String> {
    let mut list = Positions::new();
    for ((domain, _), sequence) in parse_state(text)? {
        let last = list.entry(domain).or_insert(sequence);
        *last = sequence.max(*last);
    }
    Ok(list)
}

/// Reads a list of ids as the last number of each server in each domain.
///
/// # Errors
/// As `parse`.
pub fn parse_state(text: &str) -> Result<State, String> {
    let mut state = State::new();
    for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let mut parts = id.splitn(3, '-');
        let mut next = || parts.next().unwrap_or_default();
        match (next().parse::<u32>(), next().parse::<u32>(), next().parse::<u64>()) {
            (Ok(domain), Ok(server), Ok(sequence)) => {
                let last = state.entry((domain, server)).or_insert(sequence);
                *last = sequence.max(*last);
            }
            _ => return Err(format!("{id:?} is not a transaction id of the form 0-1-100")),
        }
    }
    Ok(state)
}

/// A state ordered by domain and server. A server prints, and reads, the last transaction of a domain behind the others:
/// this is not what `gtid_binlog_state` may be set to.
pub fn text(state: &State) -> String {
    let ids: Vec<String> =
        state.iter().map(|((domain, server), sequence)| format!("{domain}-{server}-{sequence}")).collect();
    ids.join(",")
}

/// How many transactions of `master` are not in `applied`.
pub fn missing(master: &Positions, applied: &Positions) -> u64 {
    let behind = master.iter().map(|(domain, last)| last.saturating_sub(applied.get(domain).copied().unwrap_or(0)));
    behind.fold(0, u64::saturating_add)
}

/// Whether `master` holds every transaction of `applied`.
pub fn covers(master: &Positions, applied: &Positions) -> bool {
    applied.iter().all(|(domain, last)| master.get(domain).is_some_and(|has| has >= last))
}

/// Everything that either has.
pub fn union(one: &State, other: &State) -> State {
    let mut both = one.clone();
    for (key, sequence) in other {
        let last = both.entry(*key).or_insert(*sequence);
        *last = (*last).max(*sequence);
    }
    both
}

/// The last transaction of each server that is in `replica` and not in `known`.
pub fn errant_last(known: &State, replica: &State) -> State {
    let reached = |key: &(u32, u32)| known.get(key).copied().unwrap_or(0);
    replica
        .iter()
        .filter(|(key, sequence)| **sequence > reached(key))
        .map(|(key, sequence)| (*key, *sequence))
        .collect()
}

/// How many transactions of `replica` are not in `known`, at least.
///
/// A server's numbers in a domain have gaps where others wrote, so that only those are counted for sure that came after
/// everything else that is known to have been written there.
pub fn errant(known: &State, replica: &State) -> u64 {
    let counted = replica.iter().map(|(&(domain, server), &sequence)| {
        let has = known.get(&(domain, server)).copied().unwrap_or(0);
        if sequence <= has {
            return 0;
        }
        let others = |state: &State| {
            let of_others = state.iter().filter(|((of, by), _)| *of == domain && *by != server);
            of_others.map(|((_, by), last)| (*by, *last)).collect::<BTreeMap<u32, u64>>()
        };
        let here = others(replica);
        if here.values().any(|last| *last >= sequence) {
            return 1;
        }
        // what the replica applied without keeping it in its own binlog is known to the master alone
        let there = others(known).into_iter().filter(|(by, _)| !here.contains_key(by));
        let before = here.values().copied().chain(there.map(|(_, last)| last.min(sequence - 1))).max().unwrap_or(0);
        sequence - before.max(has)
    });
    counted.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errant_in(master: &str, written: &str, applied: &str) -> u64 {
        let state = |text| parse_state(text).unwrap();
        errant(&state(master), &union(&state(written), &state(applied)))
    }

    #[test]
    fn what_is_missing_is_counted_in_every_domain() {
        let count = |master, applied| missing(&parse(master).unwrap(), &parse(applied).unwrap());
        assert_eq!(count("0-1-100,7-3-20", "0-1-100"), 20);
        assert_eq!(count("0-1-100", "0-1-103,9-2-4"), 0);
    }

    #[test]
    fn a_server_covers_another_when_no_domain_of_it_is_behind_or_missing() {
        let is = |master, applied| covers(&parse(master).unwrap(), &parse(applied).unwrap());
        assert!(!is("0-1-99,7-3-20", "0-2-100") && !is("0-1-100", "0-2-100,7-3-1"));
    }

    #[test]
    fn errant_transactions_are_those_of_a_server_beyond_what_the_master_knows_of_it() {
        assert_eq!(errant_in("0-1-100", "", "0-1-100"), 0);
        // written on a replica that stood at 100
        assert_eq!(errant_in("0-1-150", "0-2-102", "0-1-100"), 2);
        // the stream has gone past: how many there were is not known any more
        assert_eq!(errant_in("0-1-150", "0-2-102", "0-1-150"), 1);
        // in a domain of its own
        assert_eq!(errant_in("0-1-150", "9-2-7", "0-1-150"), 7);
        // the master came back without its last ten
        assert_eq!(errant_in("0-1-140", "", "0-1-150"), 10);
        // a master that was promoted once knows the old one's
        assert_eq!(errant_in("0-1-100,0-3-150", "0-1-100,0-3-150", "0-3-150"), 0);
    }

    #[test]
    fn what_is_no_list_of_ids_is_refused() {
        for text in ["0-1", "x-1-2", "0-1-2-3", "0-1-", "94027dd9-e615-11f1-9f37-02fc00000001:1-3"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(text(&parse_state("7-3-20, 0-1-100,0-1-99").unwrap()), "0-1-100,7-3-20");
    }
}
