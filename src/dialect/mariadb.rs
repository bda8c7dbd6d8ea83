//! What MariaDB's answers to a look mean. Only MariaDB: any other kind of server is refused by `version`.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Record, Table, row, table};
use crate::model::observation::{
    BeatRow, BinlogFacts, Durability, LinkFacts, MasterFacts, Purged, ReplicaFacts, ServerIdentity, ThreadState,
};
use crate::model::preflight::LinkSettings;

/// What a look at the master shows.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn master(tables: &[Table]) -> Result<MasterFacts, String> {
    let server = row(tables, "server_uid")?;
    let binlog = row(tables, "gtid_binlog_pos")?;
    Ok(MasterFacts {
        identity: identity(&server)?,
        version: server.string("version")?,
        position: binlog.string("gtid_binlog_pos")?,
        written: binlog.string("gtid_binlog_state")?,
        read_only: binlog.number::<u8>("read_only")? == Some(1),
        beats: beats(tables)?.unwrap_or_default(),
    })
}

/// What a look at a replica shows, but for its locks.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn replica(tables: &[Table]) -> Result<ReplicaFacts, String> {
    let server = row(tables, "server_uid")?;
    let settings = row(tables, "net_timeout")?;
    let read_only = settings.number::<u8>("read_only")? == Some(1);
    let filter = settings.string("filter")?;
    let (link, other_links) = links(tables)?;
    Ok(ReplicaFacts {
        identity: identity(&server)?,
        version: server.string("version")?,
        uptime_seconds: keyed(tables, "status_of", "UPTIME", "value")?.and_then(|n| n.parse().ok()).unwrap_or(0),
        read_only,
        read_only_durability: durability(tables, "READ_ONLY", read_only)?,
        filter_durability: durability(tables, "REPLICATE_WILD_DO_TABLE", !filter.is_empty())?,
        filter,
        net_timeout_seconds: settings.number("net_timeout")?.unwrap_or(0),
        link,
        other_links,
        own_replicas: keyed(tables, "status_of", "SLAVES_CONNECTED", "value")?
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
        galera: keyed(tables, "origin_of", "WSREP_ON", "value")? == Some("ON"),
        schemas: schemas(tables)?,
        applied: settings.string("gtid_slave_pos")?,
        written: settings.string("gtid_binlog_state")?,
        beats: beats(tables)?.unwrap_or_default(),
        ..ReplicaFacts::default()
    })
}

/// Whether the beats could not be read in time because somebody has locked the table.
pub fn beats_locked(tables: &[Table]) -> bool {
    table(tables, "beats_locked").is_some()
}

fn identity(server: &Record<'_>) -> Result<ServerIdentity, String> {
    Ok(ServerIdentity {
        uid: server.string("server_uid")?,
        server_id: server.number("server_id")?.ok_or("the server has no server_id")?,
    })
}

fn beats(tables: &[Table]) -> Result<Option<Vec<BeatRow>>, String> {
    let Some(table) = table(tables, "written_at") else { return Ok(None) };
    let mut beats = Vec::with_capacity(table.rows.len());
    for record in table.records() {
        let micros = record.number::<i64>("written_at")?;
        // a stamp beyond the year 9999 is not one that a keyward wrote
        if let Some(written_at) = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
            let number = record.number("number")?.unwrap_or(0);
            beats.push(BeatRow { instance: record.string("instance")?, number, written_at });
        }
    }
    Ok(Some(beats))
}

/// How long the server keeps its binary logs.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn binlogs(tables: &[Table]) -> Result<BinlogFacts, String> {
    let setting = |name| keyed(tables, "binlog_setting", name, "value");
    let number = |name| Ok::<u64, String>(setting(name)?.and_then(|value| value.parse().ok()).unwrap_or(0));
    let seconds = number("BINLOG_EXPIRE_LOGS_SECONDS")?;
    let oldest = row(tables, "Log_name")?.string("Log_name")?;
    Ok(BinlogFacts {
        kept_for: (seconds > 0).then(|| Duration::from_secs(seconds)),
        limited_by_size: number("MAX_BINLOG_TOTAL_SIZE")? > 0,
        purged: Purged::LogsBefore(log_number(&oldest)),
    })
}

/// The number at the end of a binary log's name, 0 when there is none.
fn log_number(name: &str) -> u64 {
    name.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

fn schemas(tables: &[Table]) -> Result<Vec<String>, String> {
    match table(tables, "schema_name") {
        Some(table) => table.records().map(|record| record.string("schema_name")).collect(),
        None => Err("the server did not list its schemas".to_owned()),
    }
}

fn keyed<'a>(tables: &'a [Table], key: &str, wanted: &str, column: &str) -> Result<Option<&'a str>, String> {
    let Some(table) = table(tables, key) else { return Err(format!("the server's answer has no column {key}")) };
    for record in table.records() {
        if record.text(key)?.is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
            return record.text(column);
        }
    }
    Ok(None)
}

/// A filter from an option file says `COMPILE-TIME`, so that only what is not set at all counts as lost.
fn durability(tables: &[Table], variable: &str, is_set: bool) -> Result<Durability, String> {
    Ok(match (keyed(tables, "origin_of", variable, "origin")?, is_set) {
        (Some("SQL"), _) => Durability::Hidden,
        (Some(_), true) => Durability::Kept,
        (Some(_), false) | (None, _) => Durability::Lost,
    })
}

fn links(tables: &[Table]) -> Result<(Option<LinkFacts>, Vec<String>), String> {
    let mut unnamed = None;
    let mut named = Vec::new();
    // a server that never was a replica answers with the columns and no row
    for record in table(tables, "Connection_name").iter().flat_map(|table| table.records()) {
        let link = link(&|name| Ok(record.text(name)?.map(str::to_owned)))?;
        if record.text("Connection_name")?.is_none_or(str::is_empty) {
            unnamed = Some(link);
        } else {
            named.push(format!("{}:{}", link.host, link.port));
        }
    }
    Ok((unnamed, named))
}

/// A column's text by its name in the server's own spelling; absent for NULL.
pub type Column<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// Reads one row of `SHOW ALL SLAVES STATUS`.
///
/// # Errors
/// A sentence that names what the row lacks.
pub fn link(column: Column<'_>) -> Result<LinkFacts, String> {
    let text = |name| Ok::<String, String>(column(name)?.unwrap_or_default());
    Ok(LinkFacts {
        host: text("Master_Host")?,
        port: number(column, "Master_Port")?.unwrap_or(0),
        user: text("Master_User")?,
        io: thread(&text("Slave_IO_Running")?),
        sql: thread(&text("Slave_SQL_Running")?),
        io_errno: number(column, "Last_IO_Errno")?.unwrap_or(0),
        io_error: text("Last_IO_Error")?,
        sql_errno: number(column, "Last_SQL_Errno")?.unwrap_or(0),
        sql_error: text("Last_SQL_Error")?,
        seconds_behind: number(column, "Seconds_Behind_Master")?,
        heartbeats: number(column, "Slave_received_heartbeats")?.unwrap_or(0),
        log_number: log_number(&text("Master_Log_File")?),
        log_position: number(column, "Read_Master_Log_Pos")?.unwrap_or(0),
        by_gtid: text("Using_Gtid")? == "Slave_Pos",
        io_gtid: text("Gtid_IO_Pos")?,
        heartbeat_period: number(column, "Slave_heartbeat_period")?.unwrap_or(0.0),
    })
}

/// Reads one row of `SHOW ALL SLAVES STATUS` with the settings that set-up compares.
///
/// # Errors
/// A sentence that names what the row lacks.
pub fn link_settings(column: Column<'_>) -> Result<LinkSettings, String> {
    let text = |name| Ok::<String, String>(column(name)?.unwrap_or_default());
    Ok(LinkSettings {
        facts: link(column)?,
        connect_retry: number(column, "Connect_Retry")?.unwrap_or(0),
        ssl: text("Master_SSL_Allowed")? == "Yes",
        ssl_verify: text("Master_SSL_Verify_Server_Cert")? == "Yes",
        ssl_ca: text("Master_SSL_CA_File")?,
        ssl_cert: text("Master_SSL_Cert")?,
        ssl_key: text("Master_SSL_Key")?,
    })
}

fn number<T: FromStr>(column: Column<'_>, name: &str) -> Result<Option<T>, String> {
    match column(name)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("{name} is {text:?}, which is no number")),
    }
}

fn thread(word: &str) -> ThreadState {
    match word {
        "Yes" => ThreadState::Running,
        "Connecting" | "Preparing" => ThreadState::Connecting,
        _ => ThreadState::Stopped,
    }
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

    #[test]
    fn an_answer_without_its_columns_is_an_error_and_not_a_zero() {
        assert!(master(&[]).unwrap_err().contains("server_uid"));
        let half = [Table { columns: vec!["server_uid".into(), "server_id".into()], rows: vec![vec![None, None]] }];
        assert!(replica(&half).is_err());
    }
}
