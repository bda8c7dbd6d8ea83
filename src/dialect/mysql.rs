//! What only MySQL's answers say, or say in their own way.

use std::time::Duration;

use super::answer::{Record, Table, row, table};
use super::looks::{NamedLink, Words, seconds, status};
use crate::model::observation::{BinlogFacts, Durability, Purged, ReplicaFacts};

const WORDS: Words = Words { master: "Source", slave: "Replica" };

/// Whether the server tells how it replicates.
pub(super) fn tells_replication(tables: &[Table]) -> Result<(), String> {
    match row(tables, "net_timeout")?.need::<u8>("performance_schema")? {
        1 => Ok(()),
        _ => Err("the server's performance_schema is off, so that nobody can see how it replicates: set \
                  performance_schema to ON in its option file and restart it"
            .to_owned()),
    }
}

/// The settings of a replica's server.
pub(super) fn settings(tables: &[Table], facts: &mut ReplicaFacts) -> Result<(), String> {
    let settings = row(tables, "net_timeout")?;
    facts.read_only = settings.need::<u8>("read_only")? == 1;
    facts.super_read_only = Some(settings.need::<u8>("super_read_only")? == 1);
    facts.net_timeout_seconds = settings.need("net_timeout")?;
    facts.applied = settings.string("gtid_executed")?;
    facts.read_only_durability = durability(tables, "super_read_only", facts.super_read_only == Some(true))?;
    let held = durability(tables, "skip_replica_start", settings.need::<u8>("skip_replica_start")? == 1)?;
    let filters = filters(tables, facts.link.is_some())?;
    facts.filter_durability = filters.durability(held);
    facts.filter = filters.wild_do_table;
    facts.galera = status(tables, "GROUP_MEMBERS")? > 0;
    Ok(())
}

/// The replication filters of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// `REPLICATE_WILD_DO_TABLE`, the patterns with commas between them.
    pub wild_do_table: String,
    /// That one comes from an option file.
    pub from_file: bool,
    /// All others, with their rules.
    pub others: Vec<(String, String)>,
}

impl Filters {
    /// Whether a restart brings replication without the filter: only an option file keeps that, but where the threads
    /// are `held` at the start nothing passes it either.
    pub fn durability(&self, held: Durability) -> Durability {
        match (self.wild_do_table.is_empty(), self.from_file) {
            (true, _) => Durability::Lost,
            (false, true) => Durability::Kept,
            (false, false) => held,
        }
    }
}

/// Reads the filters; those of the unnamed channel count where there is one, else those that it would begin with.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn filters(tables: &[Table], has_link: bool) -> Result<Filters, String> {
    let Some(table) = table(tables, "filter_of") else {
        return Err("the server did not list its replication filters".to_owned());
    };
    let wanted = if has_link { "channel" } else { "server" };
    let mut filters = Filters::default();
    for record in table.records() {
        let (name, rule) = (record.string("filter_name")?, record.string("filter_rule")?);
        if record.text("filter_of")? != Some(wanted) || rule.is_empty() {
            continue;
        }
        if name == "REPLICATE_WILD_DO_TABLE" {
            filters.wild_do_table = rule;
            filters.from_file = record.string("configured_by")?.starts_with("STARTUP_OPTIONS");
        } else {
            filters.others.push((name.to_lowercase(), rule));
        }
    }
    Ok(filters)
}

/// Whether a switch is on after a restart.
fn durability(tables: &[Table], variable: &str, is_set: bool) -> Result<Durability, String> {
    for record in table(tables, "origin_of").iter().flat_map(|table| table.records()) {
        if record.text("origin_of")?.is_some_and(|name| name.eq_ignore_ascii_case(variable)) {
            return persistence(&record, |persisted| persisted == "ON", is_set);
        }
    }
    Ok(Durability::Lost)
}

/// Whether a restart keeps a setting, from one row that tells where it comes from: `origin`, `persisted` and
/// `persisted_counts`. `is_right` judges a persisted value; `is_set` says that the value in force is right.
///
/// # Errors
/// A sentence that names what the row lacks.
pub fn persistence(record: &Record<'_>, is_right: impl Fn(&str) -> bool, is_set: bool) -> Result<Durability, String> {
    // a server that was started with persisted_globals_load off, or with --no-defaults, reads none of them
    let counts = record.number::<u8>("persisted_counts")? == Some(1);
    let persisted = record.text("persisted")?.filter(|_| counts);
    let origin = record.string("origin")?;
    Ok(match (persisted, origin.as_str()) {
        (Some(value), _) if is_right(value) => Durability::Kept,
        (Some(_), _) => Durability::Lost,
        (None, "DYNAMIC") => Durability::Hidden,
        // what was persisted when the server started, and is so no more
        (None, "COMPILED" | "PERSISTED") => Durability::Lost,
        (None, _) if is_set => Durability::Kept,
        (None, _) => Durability::Lost,
    })
}

/// How long the server keeps its binary logs.
pub(super) fn binlogs(tables: &[Table]) -> Result<BinlogFacts, String> {
    let settings = row(tables, "expire_seconds")?;
    let seconds = settings.need("expire_seconds")?;
    let purges = settings.need::<u8>("auto_purge")? == 1 && seconds > 0;
    Ok(BinlogFacts {
        kept_for: purges.then(|| Duration::from_secs(seconds)),
        limited_by_size: false,
        purged: Purged::Transactions(settings.string("gtid_purged")?),
    })
}

/// Reads `SHOW REPLICA STATUS` and what `performance_schema` adds to it.
pub(super) fn links(tables: &[Table]) -> Result<Vec<NamedLink>, String> {
    let mut links = Vec::new();
    for row in table(tables, "Channel_Name").iter().flat_map(|table| table.records()) {
        let name = row.string("Channel_Name")?;
        let mut link = WORDS.link(&row)?;
        let facts = &mut link.facts;
        facts.by_gtid = row.string("Auto_Position")? == "1";
        facts.io_gtid = row.string("Retrieved_Gtid_Set")?.replace('\n', "");
        facts.io_errno = meant(facts.io_errno);
        link.most_retries = row.number("Source_Retry_Count")?;
        let mut all = table(tables, "details_of").into_iter().flat_map(|table| table.records());
        let details = all.find(|details| details.text("details_of").is_ok_and(|of| of == Some(&name)));
        let details = details.ok_or_else(|| format!("the server told only half of its connection {name:?}"))?;
        facts.heartbeats = details.need("heartbeats")?;
        facts.heartbeat_period = seconds(&details, "heartbeat_period")?;
        // the status itself only says that some worker failed
        if let (true, Some(error)) = (facts.sql_errno != 0, details.text("worker_error")?) {
            error.clone_into(&mut facts.sql_error);
        }
        links.push((name, link));
    }
    Ok(links)
}

/// The number by which MariaDB and every older server call the same error of an I/O thread.
fn meant(errno: u32) -> u32 {
    match errno {
        // the master does not have the binary logs any more
        13_114 => 1_236,
        // both servers have the same server_id
        13_117 => 1_593,
        // the master refused one of the thread's commands
        13_120 => 1_597,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::ThreadState;

    /// A result as the server's own client prints it with `\\G`, one row.
    fn vertical(text: &str) -> Table {
        let pairs = text.lines().filter_map(|line| line.trim().split_once(": ").or(line.trim().split_once(':')));
        let (columns, values) =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).unzip::<_, _, Vec<_>, Vec<_>>();
        let values = values.into_iter().map(|value| (value != "NULL").then_some(value)).collect();
        Table { columns, rows: vec![values] }
    }

    const UUID: &str = "7f3fcd18-e614-11f1-84e3-02fc00000001";

    #[test]
    fn a_status_of_mysql_97_is_read_with_what_performance_schema_adds() {
        let status = vertical(include_str!("mysql/replica_status.txt"));
        let details = Table {
            columns: ["details_of", "heartbeat_period", "heartbeats", "worker_error"].map(String::from).into(),
            rows: vec![
                vec![Some("other".into()), None, None, None],
                vec![Some(String::new()), Some("1.000".into()), Some("7".into()), Some("Duplicate entry 'dup'".into())],
            ],
        };
        let read = links(&[status.clone(), details]).unwrap();
        let [(name, link)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((name.as_str(), link.connect_retry, link.most_retries), ("", 1, Some(0)));
        assert_eq!((link.ssl, link.ssl_verify, link.ssl_ca.as_str()), (true, true, "/etc/mysql/ca.pem"));
        let facts = &link.facts;
        assert_eq!((facts.io, facts.sql), (ThreadState::Stopped, ThreadState::Stopped));
        assert_eq!((facts.io_errno, facts.sql_errno), (1236, 1062), "13114 by its old number");
        assert_eq!(facts.sql_error, "Duplicate entry 'dup'");
        assert_eq!((facts.log_number, facts.log_position, facts.seconds_behind), (3, 758, None));
        assert_eq!((facts.heartbeats, facts.heartbeat_period, facts.by_gtid), (7, 1.0, true));
        assert_eq!(facts.io_gtid, format!("{UUID}:1-10"));
        // what performance_schema does not tell is not made up, and a status without a column is no status
        assert_eq!(links(std::slice::from_ref(&status)).unwrap()[0].1.facts.heartbeats, 0);
        let mut short = status;
        short.columns[0] = "Replica_IO_Stat".into();
        assert!(links(&[short.clone()]).is_ok(), "that column is of no use");
        let place = short.columns.iter().position(|name| name == "Replica_IO_Running").unwrap();
        short.columns[place] = "Slave_IO_Running".into();
        assert!(links(&[short]).unwrap_err().contains("Replica_IO_Running"));
    }

    #[test]
    fn a_setting_is_kept_only_where_the_next_start_reads_it() {
        let seen = |origin: &str, persisted: Option<&str>, counts: &str| {
            let columns = ["origin_of", "origin", "persisted", "persisted_counts"].map(String::from).into();
            let row = [Some("super_read_only"), Some(origin), persisted, Some(counts)];
            let table = Table { columns, rows: vec![row.map(|cell| cell.map(str::to_owned)).into()] };
            durability(&[table], "SUPER_READ_ONLY", true).unwrap()
        };
        use Durability::{Hidden, Kept, Lost};
        assert_eq!([seen("DYNAMIC", Some("ON"), "1"), seen("PERSISTED", Some("ON"), "1")], [Kept, Kept]);
        assert_eq!([seen("EXPLICIT", None, "1"), seen("COMMAND_LINE", None, "0")], [Kept, Kept]);
        assert_eq!([seen("DYNAMIC", None, "1"), seen("DYNAMIC", Some("ON"), "0")], [Hidden, Hidden]);
        assert_eq!([seen("EXPLICIT", Some("OFF"), "1"), seen("PERSISTED", None, "1")], [Lost, Lost]);
        assert_eq!(durability(&[], "super_read_only", true), Ok(Lost));
    }

    #[test]
    fn filters_are_those_of_the_channel_where_there_is_one() {
        let row =
            |name: &str, rule: &str, by: &str, of: &str| [name, rule, by, of].map(|cell| Some(cell.to_owned())).into();
        let table = Table {
            columns: ["filter_name", "filter_rule", "configured_by", "filter_of"].map(String::from).into(),
            rows: vec![
                row("REPLICATE_WILD_DO_TABLE", "a.%,b.%", "CHANGE_REPLICATION_FILTER", "channel"),
                row("REPLICATE_WILD_DO_TABLE", "c.%", "STARTUP_OPTIONS", "server"),
                row("REPLICATE_IGNORE_DB", "nova", "STARTUP_OPTIONS", "server"),
            ],
        };
        let of_channel = filters(std::slice::from_ref(&table), true).unwrap();
        assert_eq!(
            (of_channel.wild_do_table.as_str(), of_channel.from_file, of_channel.others.len()),
            ("a.%,b.%", false, 0)
        );
        assert_eq!(of_channel.durability(Durability::Kept), Durability::Kept, "nothing starts by itself");
        assert_eq!(of_channel.durability(Durability::Lost), Durability::Lost);
        let of_server = filters(&[table], false).unwrap();
        assert_eq!(of_server.durability(Durability::Lost), Durability::Kept);
        assert_eq!(of_server.others, [("replicate_ignore_db".to_owned(), "nova".to_owned())]);
        assert!(filters(&[], true).is_err());
    }
}
