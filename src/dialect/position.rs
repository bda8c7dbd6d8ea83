//! Where in the master's stream of transactions a snapshot stands: what to ask while one is opened, and what the answers
//! mean.
//!
//! MariaDB tells a snapshot's place in the binlog. While nothing newer is in the binlog, that is the place of
//! `gtid_binlog_pos`; else the server can look the position up. MySQL tells nothing of a snapshot: it stands at
//! `gtid_executed` when that was the same before and after, and a moment was waited for commits that become visible
//! just before they are counted.

use super::answer::{Table, row, table};
use super::sql::{Sql, sql};
use super::text::{fill, literal};
use crate::model::Family;
use crate::model::gtid;

const BEGIN: &str = include_str!("../../sql/common/snapshot-begin.sql");
const STATUS: &str = include_str!("../../sql/mariadb/snapshot-status.sql");
const LOOK_UP: &str = include_str!("../../sql/mariadb/snapshot-position.sql");
const HOLD: &str = include_str!("../../sql/common/snapshot-hold.sql");
const BINLOG_END: &str = include_str!("../../sql/mariadb/master-status.sql");
const SETTLE: &str = include_str!("../../sql/common/verify-settle.sql");
const MASTER: Sql = sql!("verify-position");
const APPLIED: Sql = sql!("verify-applied");
const WAIT: Sql = sql!("verify-wait");

/// Where a snapshot stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Exactly here.
    At(String),
    /// At a place in the binlog that the server can turn into a position with this statement.
    Hidden(String),
    /// Transactions were committed while it was opened: nobody knows.
    Unknown,
}

/// Opens a snapshot on the master and asks where it stands; one round trip.
pub fn open_on_master(family: Family) -> String {
    let asked = match family {
        Family::MariaDb => vec![BEGIN, STATUS, MASTER.mariadb, BINLOG_END, HOLD],
        Family::MySql => vec![MASTER.mysql, BEGIN, SETTLE, MASTER.mysql, HOLD],
    };
    asked.iter().map(|statement| fill(statement, &[])).collect::<Vec<_>>().join(";\n")
}

/// Where the snapshot stands, by the answers to [`open_on_master`].
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn stand(family: Family, tables: &[Table]) -> Result<Stand, String> {
    match family {
        Family::MariaDb => mariadb(tables),
        Family::MySql => {
            let positions = tables.iter().filter(|one| table(std::slice::from_ref(one), "master_position").is_some());
            let read = |one: &Table| row(std::slice::from_ref(one), "master_position")?.string("master_position");
            let positions: Vec<String> = positions.map(read).collect::<Result<_, _>>()?;
            match positions.as_slice() {
                [before, after] if before == after => Ok(Stand::At(after.replace('\n', ""))),
                [_, _] => Ok(Stand::Unknown),
                _ => Err("the server did not tell its position twice".to_owned()),
            }
        }
    }
}

fn mariadb(tables: &[Table]) -> Result<Stand, String> {
    let status = table(tables, "Variable_name").ok_or("the server does not tell where its snapshot stands")?;
    let value = |wanted: &str| {
        let named = |record: &super::answer::Record<'_>| {
            record.text("Variable_name").is_ok_and(|name| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
        };
        status.records().find(named).and_then(|record| record.string("Value").ok()).unwrap_or_default()
    };
    let (file, place) = (value("binlog_snapshot_file"), value("binlog_snapshot_position"));
    if file.is_empty() || place.parse::<u64>().is_err() {
        return Err("the server does not tell where in its binlog the snapshot stands".to_owned());
    }
    let end = row(tables, "Position")?;
    // asked after the position, so that nothing was written between the snapshot and the position
    if end.string("File")? == file && end.string("Position")? == place {
        return Ok(Stand::At(row(tables, "master_position")?.string("master_position")?));
    }
    Ok(Stand::Hidden(fill(LOOK_UP, &[("file", &literal(&file)), ("position", &place)])))
}

/// Waits on the replica for a position, at most for `seconds`, opens a snapshot the moment it is there, and asks where
/// that stands; one round trip.
pub fn open_on_replica(family: Family, position: &str, seconds: u64) -> String {
    let gaps = [("position", &*literal(position)), ("seconds", &*seconds.to_string())];
    let rest = [BEGIN, SETTLE].map(|statement| fill(statement, &[]));
    let end = [APPLIED.fill(family, &[]), fill(HOLD, &[])];
    [&[WAIT.fill(family, &gaps)][..], &rest, &end].concat().join(";\n")
}

/// Opens a snapshot where the server stands.
pub fn open_standing() -> String {
    [BEGIN, HOLD].map(|statement| fill(statement, &[])).join(";\n")
}

/// How a replica's snapshot stands to the position that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Exactly there.
    Exactly,
    /// It has not come so far.
    Behind,
    /// Further transactions were applied meanwhile.
    Ahead,
}

/// What the answers to [`open_on_replica`] mean.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn met(position: &str, tables: &[Table]) -> Result<Met, String> {
    if row(tables, "waited")?.string("waited")? != "0" {
        return Ok(Met::Behind);
    }
    let applied = row(tables, "applied_position")?.string("applied_position")?;
    match gtid::is_at(&applied, position) {
        Some(true) => Ok(Met::Exactly),
        Some(false) => Ok(Met::Ahead),
        None => Err(format!("its position cannot be compared with the master's: {applied} with {position}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(columns: &[&str], rows: &[&[&str]]) -> Table {
        let text = |cells: &&[&str]| cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        Table {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.iter().map(text).collect(),
        }
    }

    #[test]
    fn a_mariadb_snapshot_stands_at_the_position_only_while_the_binlog_ends_there() {
        let tables = |end: &str| {
            let status = [["Binlog_snapshot_file", "b.1"], ["Binlog_snapshot_position", "40"]];
            vec![
                answer(&["Variable_name", "Value"], &[&status[0], &status[1]]),
                answer(&["master_position"], &[&["0-1-7"]]),
                answer(&["File", "Position"], &[&["b.1", end]]),
            ]
        };
        assert_eq!(stand(Family::MariaDb, &tables("40")), Ok(Stand::At("0-1-7".into())));
        let Ok(Stand::Hidden(question)) = stand(Family::MariaDb, &tables("90")) else { panic!("it moved") };
        assert!(question.contains("BINLOG_GTID_POS('b.1', 40)"), "{question}");
        assert!(stand(Family::MariaDb, &tables("40")[1..]).is_err());
    }

    #[test]
    fn a_mysql_snapshot_stands_at_the_position_only_when_nothing_was_committed_meanwhile() {
        let at = |text: &str| answer(&["master_position"], &[&[text]]);
        let one = "017130c5-e614-11f1-bab9-02fc00000001:1-7";
        assert_eq!(stand(Family::MySql, &[at(one), at(one)]), Ok(Stand::At(one.into())));
        assert_eq!(stand(Family::MySql, &[at(one), at(&one.replace("-7", "-8"))]), Ok(Stand::Unknown));
        assert!(stand(Family::MySql, &[at(one)]).is_err());
    }

    #[test]
    fn a_replica_meets_a_position_exactly_or_not_at_all() {
        let told = |waited: &str, applied: &str| {
            met("0-1-7", &[answer(&["waited"], &[&[waited]]), answer(&["applied_position"], &[&[applied]])])
        };
        assert_eq!(told("0", "0-1-7"), Ok(Met::Exactly));
        assert_eq!(told("0", "0-1-8"), Ok(Met::Ahead));
        assert_eq!(told("-1", "0-1-3"), Ok(Met::Behind));
        assert!(told("0", "nonsense").is_err());
    }
}
