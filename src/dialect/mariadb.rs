//! What only MariaDB's answers say, or say in their own way.

use std::time::Duration;

use super::answer::{Table, row, table};
use super::looks::{NamedLink, Words, keyed, keyed_number, log_number, seconds};
use crate::model::observation::{BinlogFacts, Durability, Purged, ReplicaFacts};

const WORDS: Words = Words { master: "Master", slave: "Slave" };

/// The settings of a replica's server.
pub(super) fn settings(tables: &[Table], facts: &mut ReplicaFacts) -> Result<(), String> {
    let settings = row(tables, "net_timeout")?;
    facts.read_only = settings.need::<u8>("read_only")? == 1;
    facts.filter = settings.string("filter")?;
    facts.net_timeout_seconds = settings.need("net_timeout")?;
    facts.applied = settings.string("gtid_slave_pos")?;
    facts.written = settings.string("gtid_binlog_state")?;
    facts.read_only_durability = durability(tables, "READ_ONLY", facts.read_only)?;
    facts.filter_durability = durability(tables, "REPLICATE_WILD_DO_TABLE", !facts.filter.is_empty())?;
    facts.galera = keyed(tables, "origin_of", "WSREP_ON", "value")? == Some("ON");
    Ok(())
}

/// A filter from an option file says `COMPILE-TIME`, so that only what is not set at all counts as lost.
fn durability(tables: &[Table], variable: &str, is_set: bool) -> Result<Durability, String> {
    Ok(match (keyed(tables, "origin_of", variable, "origin")?, is_set) {
        (Some("SQL"), _) => Durability::Hidden,
        (Some(_), true) => Durability::Kept,
        (Some(_), false) | (None, _) => Durability::Lost,
    })
}

/// How long the server keeps its binary logs.
pub(super) fn binlogs(tables: &[Table]) -> Result<BinlogFacts, String> {
    let expiry = "BINLOG_EXPIRE_LOGS_SECONDS";
    let seconds = keyed_number(tables, "binlog_setting", expiry)?.ok_or_else(|| format!("there is no {expiry}"))?;
    let oldest = row(tables, "Log_name")?.string("Log_name")?;
    Ok(BinlogFacts {
        kept_for: (seconds > 0).then(|| Duration::from_secs(seconds)),
        // MariaDB 10.11 has no such limit
        limited_by_size: keyed_number(tables, "binlog_setting", "MAX_BINLOG_TOTAL_SIZE")?.is_some_and(|most| most > 0),
        purged: Purged::LogsBefore(log_number(&oldest)),
    })
}

/// Reads `SHOW ALL SLAVES STATUS`.
pub(super) fn links(tables: &[Table]) -> Result<Vec<NamedLink>, String> {
    let mut links = Vec::new();
    for row in table(tables, "Connection_name").iter().flat_map(|table| table.records()) {
        let mut link = WORDS.link(&row)?;
        link.facts.heartbeats = row.need("Slave_received_heartbeats")?;
        link.facts.heartbeat_period = seconds(&row, "Slave_heartbeat_period")?;
        link.facts.by_gtid = row.string("Using_Gtid")? == "Slave_Pos";
        link.facts.io_gtid = row.string("Gtid_IO_Pos")?;
        links.push((row.string("Connection_name")?, link));
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_kept_only_when_it_is_set_and_not_by_sql() {
        let tables = |origin: &str| {
            vec![Table {
                columns: ["origin_of", "value", "origin"].map(String::from).into(),
                rows: vec![vec![Some("READ_ONLY".into()), Some("ON".into()), Some(origin.into())]],
            }]
        };
        assert_eq!(durability(&tables("CONFIG"), "READ_ONLY", true), Ok(Durability::Kept));
        assert_eq!(durability(&tables("COMPILE-TIME"), "READ_ONLY", true), Ok(Durability::Kept));
        assert_eq!(durability(&tables("SQL"), "READ_ONLY", true), Ok(Durability::Hidden));
        assert_eq!(durability(&tables("CONFIG"), "READ_ONLY", false), Ok(Durability::Lost));
        assert_eq!(durability(&tables("CONFIG"), "REPLICATE_WILD_DO_TABLE", true), Ok(Durability::Lost));
    }
}
