//! MariaDB's global transaction ids: `domain-server-sequence`, a list of them with one for each domain.

use std::collections::BTreeMap;

/// The last sequence number in each domain.
///
/// # Errors
/// One sentence when the text is not a list of ids; an empty text is an empty list.
pub fn parse(text: &str) -> Result<BTreeMap<u32, u64>, String> {
    let mut list = BTreeMap::new();
    for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let mut parts = id.splitn(3, '-');
        let mut next = || parts.next().unwrap_or_default();
        match (next().parse::<u32>(), next().parse::<u32>(), next().parse::<u64>()) {
            (Ok(domain), Ok(_), Ok(sequence)) => {
                let last = list.entry(domain).or_insert(sequence);
                *last = sequence.max(*last);
            }
            _ => return Err(format!("{id:?} is not a transaction id of the form 0-1-100")),
        }
    }
    Ok(list)
}

/// How many transactions of `master` are missing in `applied`; absent when either cannot be read.
///
/// The two were read at different moments: a transaction or two on their way count as missing.
pub fn missing(master: &str, applied: &str) -> Option<u64> {
    let (master, applied) = (parse(master).ok()?, parse(applied).ok()?);
    Some(master.iter().map(|(domain, last)| last.saturating_sub(applied.get(domain).copied().unwrap_or(0))).sum())
}

/// Whether `master` holds every transaction of `applied`; false when either cannot be read.
pub fn covers(master: &str, applied: &str) -> bool {
    let (Ok(master), Ok(applied)) = (parse(master), parse(applied)) else { return false };
    applied.iter().all(|(domain, last)| master.get(domain).is_some_and(|has| has >= last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_in_every_domain() {
        assert_eq!(missing("0-1-100,7-3-20", "0-1-95,7-3-20"), Some(5));
        assert_eq!(missing("0-1-100,7-3-20", "0-1-100"), Some(20));
        assert_eq!(missing("0-1-100", "0-1-103,9-2-4"), Some(0));
        assert_eq!(missing("", ""), Some(0));
    }

    #[test]
    fn a_server_covers_another_when_no_domain_of_it_is_behind_or_missing() {
        assert!(covers("0-1-100,7-3-20", "0-2-100"));
        assert!(!covers("0-1-99,7-3-20", "0-2-100"));
        assert!(!covers("0-1-100", "0-2-100,7-3-1"));
        assert!(!covers("nonsense", "") && covers("0-1-1", ""));
    }

    #[test]
    fn what_is_no_list_of_ids_is_refused() {
        for text in ["0-1", "x-1-2", "0-1-2-3", "0-1-", "94027dd9-e615-11f1-9f37-02fc00000001:1-3"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(missing("0-1-2", "nonsense"), None);
    }
}
