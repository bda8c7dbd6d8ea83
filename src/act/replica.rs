//! Single steps on the replica's server. Nothing here makes a server writable.

use std::time::Duration;

use crate::dialect::keep;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;
use crate::wire::session::{Session, Trouble};

const WRITE_NO_BINLOG: &str = include_str!("../../sql/common/write-no-binlog.sql");
const READ_POSITION: Sql = sql!("read-slave-position");
const SET_POSITION: Sql = sql!("set-slave-position");
const FORGET_POSITION: &str = include_str!("../../sql/mysql/forget-position.sql");
const RESET_BINLOG: &str = include_str!("../../sql/mariadb/reset-binlog.sql");
const HOLD_THREADS: &str = include_str!("../../sql/mysql/hold-threads.sql");
const READ_ONLY_PATIENCE: &str = include_str!("../../sql/common/read-only-patience.sql");
const DROP_DATABASE: &str = include_str!("../../sql/common/drop-database.sql");
const UNMARK_DATABASE: Sql = sql!("unmark-database");

/// How often read-only is tried while others hold locks.
const READ_ONLY_TRIES: u32 = 5;

/// Keeps what this session does out of the replica's binlog, so that it makes no GTIDs of its own.
///
/// # Errors
/// What the server said.
pub async fn write_no_binlog(work: &mut Session) -> Result<(), Trouble> {
    work.run(fill(WRITE_NO_BINLOG, &[])).await
}

/// Makes the server read-only for ordinary accounts; waits 2 s at a time for others' locks, so that nobody stands
/// behind it for long.
///
/// # Errors
/// What the server said at the last try.
pub async fn set_read_only(work: &mut Session) -> Result<(), Trouble> {
    in_turns(work, &keep::read_only_for_ordinary()).await
}

/// Makes the server read-only for everybody where it can be, in the same way, and as well after a restart.
///
/// # Errors
/// What the server said at the last try.
pub async fn set_super_read_only(work: &mut Session) -> Result<(), Trouble> {
    let statement = keep::read_only_on(work.family());
    in_turns(work, &statement).await
}

async fn in_turns(work: &mut Session, statement: &str) -> Result<(), Trouble> {
    work.run(fill(READ_ONLY_PATIENCE, &[])).await?;
    let mut tries = 1;
    loop {
        match work.run(statement).await {
            // 1205: somebody held a lock all the while
            Err(trouble) if trouble.code == Some(1205) && tries < READ_ONLY_TRIES => tries += 1,
            Err(trouble) if trouble.code == Some(1205) => return Err(blocked(work, trouble).await),
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The same, with who may be in the way.
async fn blocked(work: &mut Session, mut trouble: Trouble) -> Trouble {
    let asked = work.tables(&keep::blockers(work.family(), "")).await;
    if let Some(threads) = asked.ok().and_then(|tables| keep::named_blockers(&tables)) {
        trouble.failure.detail.push_str(&format!("; in the way may be {threads}"));
    }
    trouble
}

/// Keeps replication from starting by itself with the server, which could be without its filter.
///
/// # Errors
/// What the server said.
pub async fn hold_threads(work: &mut Session) -> Result<(), Trouble> {
    work.run(fill(HOLD_THREADS, &[])).await
}

/// Sets the GTID position from which the link will go on. What MySQL has executed before is forgotten with its binary
/// logs: the caller knows that it all came from the master, and that nobody replicates from there.
///
/// # Errors
/// What the server said.
pub async fn set_position(work: &mut Session, position: &str) -> Result<(), Trouble> {
    let family = work.family();
    if family == Family::MySql && !work.line(READ_POSITION.fill(family, &[])).await?.text("position").is_empty() {
        work.run(fill(FORGET_POSITION, &[])).await?;
    }
    work.run(SET_POSITION.fill(family, &[("position", &literal(position))])).await
}

/// Empties the replica's own binlog; nobody reads it.
///
/// # Errors
/// What the server said.
pub async fn reset_binlog(work: &mut Session) -> Result<(), Trouble> {
    let statement = match work.family() {
        Family::MariaDb => RESET_BINLOG,
        Family::MySql => FORGET_POSITION,
    };
    work.run(fill(statement, &[])).await
}

/// Sets the filter; replication is stopped.
///
/// # Errors
/// What the server said.
pub async fn set_filter(work: &mut Session, filter: &str) -> Result<(), Trouble> {
    work.run(keep::set_filter(work.family(), filter)).await
}

/// Sets `slave_net_timeout`, in seconds.
///
/// # Errors
/// What the server said.
pub async fn set_net_timeout(work: &mut Session, seconds: u64) -> Result<(), Trouble> {
    work.run(keep::set_net_timeout(work.family(), seconds)).await
}

/// Drops a schema that keyward made; whether it did is the caller's to know.
///
/// # Errors
/// What the server said.
pub async fn drop_schema(work: &mut Session, name: &str) -> Result<(), Trouble> {
    work.run(fill(DROP_DATABASE, &[("name", &identifier(name))])).await
}

/// Takes the mark of an unfinished set-up off a schema; its own comment comes in place of it.
///
/// # Errors
/// What the server said.
pub async fn unmark_schema(work: &mut Session, name: &str, comment: &str) -> Result<(), Trouble> {
    let gaps = [("name", &*identifier(name)), ("comment", &*literal(comment))];
    work.run(UNMARK_DATABASE.fill(work.family(), &gaps)).await
}
