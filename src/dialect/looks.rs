//! What the answers to a look mean, whichever family the server is of.

use jiff::Timestamp;

use super::answer::{Record, Table, row, table};
use super::sql::{Sql, sql};
use super::{errors, mariadb, mysql};
use crate::model::Family;
use crate::model::aside::UNFINISHED;
use crate::model::observation::{BeatRow, BinlogFacts, LinkFacts, MasterFacts, ReplicaFacts, ServerIdentity};
use crate::model::preflight::LinkSettings;

const LINKS: Sql = sql!("links");
const LINK_DETAILS: &str = include_str!("../../sql/mysql/link-details.sql");
const FILTERS: &str = include_str!("../../sql/mysql/look-filters.sql");
const BINLOG_SETTINGS: Sql = sql!("look-binlog-settings");
const BINLOGS: &str = include_str!("../../sql/mariadb/look-binlogs.sql");
const BEATS: Sql = sql!("look-beats");
const BEATS_NEXT: &str = include_str!("../../sql/mysql/look-beats-next.sql");

/// The column of the table that stands for a refused statement, see `forgiven`.
const REFUSED: &str = "beats_refused";

/// A replication connection's name, empty for the one that keyward uses, and how it stands.
pub type NamedLink = (String, LinkSettings);

/// The statements that describe every replication connection; `links` reads what they answer.
pub fn link_statements(family: Family) -> Vec<String> {
    let mut statements = vec![LINKS.fill(family, &[])];
    if family == Family::MySql {
        statements.push(super::text::fill(LINK_DETAILS, &[]));
    }
    statements
}

/// The statements that tell which replication filters there are, where a look at the settings does not show them.
pub fn filter_statements(family: Family) -> Vec<String> {
    match family {
        Family::MariaDb => Vec::new(),
        Family::MySql => vec![super::text::fill(FILTERS, &[])],
    }
}

/// The statements that read the beats. They must be the last of a look, as MySQL has no words for "if it is there".
pub fn beat_statements(family: Family) -> Vec<String> {
    match family {
        Family::MariaDb => vec![BEATS.fill(family, &[])],
        Family::MySql => vec![super::text::fill(BEATS_NEXT, &[]), BEATS.fill(family, &[])],
    }
}

/// What a server's error says that ended a look at its last statement, where that is an answer too: the beats have no
/// table yet, or somebody has locked it. `None` for every other error.
pub fn forgiven(tables: &[Table], code: u16) -> Option<Table> {
    let answers = matches!(code, 1044 | 1049 | 1142 | 1146 | 1205 | 3024);
    (answers && table(tables, "beats_next").is_some())
        .then(|| Table { columns: vec![REFUSED.to_owned()], rows: vec![vec![Some(code.to_string())]] })
}

/// Whether the beats could not be read in time because somebody has locked the table.
pub fn beats_locked(tables: &[Table]) -> bool {
    let refused = row(tables, REFUSED).and_then(|row| row.number::<u16>(REFUSED));
    table(tables, "beats_locked").is_some() || matches!(refused, Ok(Some(1205 | 3024)))
}

/// Whether the account may not read the beats.
pub fn beats_denied(tables: &[Table]) -> bool {
    let refused = row(tables, REFUSED).and_then(|row| row.number::<u16>(REFUSED));
    table(tables, "beats_denied").is_some() || matches!(refused, Ok(Some(1044 | 1142)))
}

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
        read_only: binlog.need::<u8>("read_only")? == 1,
        // told when the connection was made
        certificate_until: None,
        beats: beats(tables)?.unwrap_or_default(),
        beats_are_old: beats_locked(tables),
    })
}

/// What a look at a replica shows, but for its locks.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn replica(family: Family, tables: &[Table]) -> Result<ReplicaFacts, String> {
    let server = row(tables, "server_uid")?;
    if family == Family::MySql {
        mysql::tells_replication(tables)?;
    }
    let (mut link, mut other_links) = (None, Vec::new());
    for (name, LinkSettings { facts, .. }) in links(family, tables)? {
        match name.is_empty() {
            true => link = Some(facts),
            false => other_links.push(format!("{}:{}", facts.host, facts.port)),
        }
    }
    let mut facts = ReplicaFacts {
        identity: identity(&server)?,
        version: server.string("version")?,
        uptime_seconds: status(tables, "UPTIME")?,
        link,
        other_links,
        own_replicas: status(tables, "SLAVES_CONNECTED")?,
        schemas: schemas(tables)?,
        // the beats of a copy that is not whole say nothing of the age of its other rows
        beats: beats(tables)?.filter(|_| !is_unfinished(tables)).unwrap_or_default(),
        ..ReplicaFacts::default()
    };
    match family {
        Family::MariaDb => mariadb::settings(tables, &mut facts)?,
        Family::MySql => mysql::settings(tables, &mut facts)?,
    }
    Ok(facts)
}

/// The statements that tell how long a master keeps its binary logs; `binlogs` reads what they answer.
pub fn binlog_statements(family: Family) -> Vec<String> {
    let settings = BINLOG_SETTINGS.fill(family, &[]);
    match family {
        Family::MariaDb => vec![settings, super::text::fill(BINLOGS, &[])],
        Family::MySql => vec![settings],
    }
}

/// How long a master keeps its binary logs.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn binlogs(family: Family, tables: &[Table]) -> Result<BinlogFacts, String> {
    match family {
        Family::MariaDb => mariadb::binlogs(tables),
        Family::MySql => mysql::binlogs(tables),
    }
}

/// Every replication connection; a server that never was a replica has none.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn links(family: Family, tables: &[Table]) -> Result<Vec<NamedLink>, String> {
    match family {
        Family::MariaDb => mariadb::links(tables),
        Family::MySql => mysql::links(tables),
    }
}

/// A column that holds a time in seconds.
pub(super) fn seconds(row: &Record<'_>, column: &str) -> Result<f64, String> {
    let seconds: f64 = row.need(column)?;
    // text that Rust takes for a number, and no server prints
    if seconds.is_finite() && seconds >= 0.0 {
        Ok(seconds)
    } else {
        Err(format!("the server's column {column} holds no time"))
    }
}

/// The number at the end of a binary log's name, 0 when there is none.
pub(super) fn log_number(file: &str) -> u64 {
    file.rsplit_once('.').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// The number in a keyed list of status values, which must be there.
pub(super) fn status(tables: &[Table], name: &str) -> Result<u64, String> {
    keyed_number(tables, "status_of", name)?.ok_or_else(|| format!("the server did not tell {name}"))
}

/// The number in the column `value` of the row whose key is `wanted`; `None` when there is no such row.
pub(super) fn keyed_number(tables: &[Table], key: &str, wanted: &str) -> Result<Option<u64>, String> {
    let Some(text) = keyed(tables, key, wanted, "value")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("the server tells {text:?} as {wanted}, which is no number"))
}

/// The column of the row whose key is `wanted`; `None` for NULL and when there is no such row.
pub(super) fn keyed<'a>(tables: &'a [Table], key: &str, wanted: &str, column: &str) -> Result<Option<&'a str>, String> {
    let Some(table) = table(tables, key) else { return Err(format!("the server's answer has no column {key}")) };
    for record in table.records() {
        if record.text(key)?.is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
            return record.text(column);
        }
    }
    Ok(None)
}

/// What the rows of both families' replica status have in common, once the words differ no more.
pub(super) struct Words {
    /// `Master` or `Source`.
    pub master: &'static str,
    /// `Slave` or `Replica`.
    pub slave: &'static str,
}

impl Words {
    /// Reads one row of a replica status, but for what only one family shows.
    pub(super) fn link(&self, row: &Record<'_>) -> Result<LinkSettings, String> {
        use crate::model::observation::ThreadState;
        let text = |name: &str| row.string(name);
        let of_master = |name: &str| name.replace('~', self.master);
        let thread = |name: &str| {
            Ok::<ThreadState, String>(match text(&name.replace('~', self.slave))?.as_str() {
                "Yes" => ThreadState::Running,
                "Connecting" | "Preparing" => ThreadState::Connecting,
                "No" => ThreadState::Stopped,
                other => {
                    let column = name.replace('~', self.slave);
                    return Err(format!(
                        "the server's column {column} holds {other:?}, which is no state keyward knows"
                    ));
                }
            })
        };
        let (io_errno, io_error) = (row.need("Last_IO_Errno")?, text("Last_IO_Error")?);
        let facts = LinkFacts {
            host: text(&of_master("~_Host"))?,
            port: row.need(&of_master("~_Port"))?,
            user: text(&of_master("~_User"))?,
            io: thread("~_IO_Running")?,
            sql: thread("~_SQL_Running")?,
            purged: errors::is_purged(io_errno, &io_error),
            io_errno,
            io_error,
            sql_errno: row.need("Last_SQL_Errno")?,
            sql_error: text("Last_SQL_Error")?,
            seconds_behind: row.number(&of_master("Seconds_Behind_~"))?,
            log_number: log_number(&text(&of_master("~_Log_File"))?),
            log_position: row.need(&of_master("Read_~_Log_Pos"))?,
            ..LinkFacts::default()
        };
        Ok(LinkSettings {
            facts,
            connect_retry: row.need("Connect_Retry")?,
            most_retries: None,
            ssl: text(&of_master("~_SSL_Allowed"))? == "Yes",
            ssl_verify: text(&of_master("~_SSL_Verify_Server_Cert"))? == "Yes",
            ssl_ca: text(&of_master("~_SSL_CA_File"))?,
            ssl_cert: text(&of_master("~_SSL_Cert"))?,
            ssl_key: text(&of_master("~_SSL_Key"))?,
        })
    }
}

/// Whether an unfinished copy has marked keyward's own schema.
fn is_unfinished(tables: &[Table]) -> bool {
    let marked = |record: Record<'_>| record.string("own_comment").is_ok_and(|comment| comment.starts_with(UNFINISHED));
    table(tables, "own_comment").is_some_and(|table| table.records().any(marked))
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
            let number = record.need("number")?;
            beats.push(BeatRow { instance: record.string("instance")?, number, written_at });
        }
    }
    Ok(Some(beats))
}

fn schemas(tables: &[Table]) -> Result<Vec<String>, String> {
    match table(tables, "schema_name") {
        Some(table) => table.records().map(|record| record.string("schema_name")).collect(),
        None => Err("the server did not list its schemas".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_its_columns_is_an_error_and_not_a_zero() {
        assert!(master(&[]).unwrap_err().contains("server_uid"));
        let half = [Table { columns: vec!["server_uid".into(), "server_id".into()], rows: vec![vec![None, None]] }];
        assert!(replica(Family::MariaDb, &half).is_err() && replica(Family::MySql, &half).is_err());
    }

    #[test]
    fn the_mark_of_an_unfinished_copy_is_known() {
        let answer = |comment: Option<&str>| {
            let rows = comment.into_iter().map(|comment| vec![Some(comment.to_owned())]).collect();
            vec![Table { columns: vec!["own_comment".into()], rows }]
        };
        assert!(is_unfinished(&answer(Some(&format!("{UNFINISHED}a1b2")))));
        assert!(!is_unfinished(&answer(Some("keyward's own"))) && !is_unfinished(&answer(None)) && !is_unfinished(&[]));
    }

    #[test]
    fn only_an_error_of_the_beats_is_an_answer() {
        let asked = [Table { columns: vec!["beats_next".into()], rows: vec![vec![Some("1".into())]] }];
        assert_eq!(forgiven(&asked, 1064), None);
        assert_eq!(forgiven(&[], 1146), None, "another statement's table is missing");
        assert!(!beats_locked(&[forgiven(&asked, 1146).unwrap()]));
        assert!(beats_locked(&[forgiven(&asked, 3024).unwrap()]));
        assert!(beats_denied(&[forgiven(&asked, 1142).unwrap()]) && !beats_denied(&[forgiven(&asked, 1146).unwrap()]));
    }
}
