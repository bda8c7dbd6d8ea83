//! What the numbers and words of a replication error mean.

/// The row that stopped the thread that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The row is there already; otherwise it is missing.
    pub duplicate: bool,
    /// `schema.table`, empty when the server does not say.
    pub table: String,
    /// The key's value and name as the server says them, empty when it does not.
    pub key: String,
}

/// Whether the master has purged binlogs that the replica still needs.
pub fn is_purged(number: u32, text: &str) -> bool {
    let words = ["purged", "could not find next log", "Could not find first log"];
    matches!(number, 1236 | 13114) && words.iter().any(|word| text.contains(word)) && !is_beyond(number, text)
}

/// Whether the replica asks for a transaction that the master never had, or has lost.
pub fn is_beyond(number: u32, text: &str) -> bool {
    let words = ["which is not in the master's binlog", "has more GTIDs than the source"];
    matches!(number, 1236 | 13114) && words.iter().any(|word| text.contains(word))
}

/// Whether a server refused a login because its password has expired.
pub fn is_expired(number: u32) -> bool {
    matches!(number, 1820 | 1862)
}

/// The row that a duplicate (1062) or a missing (1032) one is about; `None` for other errors.
pub fn row(number: u32, text: &str) -> Option<RowError> {
    if !matches!(number, 1062 | 1032) {
        return None;
    }
    let between = |before: &str, after: &[&str]| {
        let rest = text.split_once(before)?.1;
        let end = after.iter().filter_map(|mark| rest.find(mark)).min()?;
        Some(rest[..end].to_owned())
    };
    Some(RowError {
        duplicate: number == 1062,
        table: between(" event on table ", &["; "]).unwrap_or_default(),
        key: between("Duplicate entry ", &[", Error_code", "; "]).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purged_binlogs_are_told_from_a_position_that_the_master_never_had() {
        let purged = "Got fatal error 1236 from master when reading data from binary log: 'Could not find GTID state \
            requested by slave in any binlog files. Probably the slave state is too old and required binlog files \
            have been purged.'";
        assert!(is_purged(1236, purged) && !is_beyond(1236, purged) && !is_purged(2003, purged));
        let mysql = "Got fatal error 1236 from source when reading data from binary log: 'Cannot replicate because the \
            source purged required binary logs.'";
        assert!(is_purged(13114, mysql));
        let beyond = "Got fatal error 1236 from master when reading data from binary log: 'Error: connecting slave \
            requested to start from GTID 0-14310-11, which is not in the master's binlog'";
        assert!(is_beyond(1236, beyond) && !is_purged(1236, beyond));
    }

    #[test]
    fn table_and_key_are_read_out_of_the_servers_words() {
        let text = "Could not execute Write_rows_v1 event on table keystone.user; Duplicate entry 'dup' for key \
            'PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; the event's master log b.3, end_log_pos 7";
        let found = row(1062, text).unwrap();
        assert_eq!((found.table.as_str(), found.key.as_str()), ("keystone.user", "'dup' for key 'PRIMARY'"));
        let text = "Could not execute Update_rows_v1 event on table keystone.user; Can't find record in 'user', \
            Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; the event's master log binlog.3, end_log_pos 1043";
        let found = row(1032, text).unwrap();
        assert_eq!((found.duplicate, found.table.as_str(), found.key.as_str()), (false, "keystone.user", ""));
        assert_eq!(row(1146, text), None);
        assert_eq!(row(1062, "something else").unwrap().table, "");
    }
}
