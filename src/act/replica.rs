//! Single steps on the replica's server. Nothing here makes a server writable.

use std::time::Duration;

use crate::dialect::text::{fill, identifier, literal};
use crate::wire::session::{Session, Trouble};

const WRITE_NO_BINLOG: &str = include_str!("../../sql/mariadb/write-no-binlog.sql");
const SET_POSITION: &str = include_str!("../../sql/mariadb/set-slave-position.sql");
const RESET_BINLOG: &str = include_str!("../../sql/mariadb/reset-binlog.sql");
const SET_FILTER: &str = include_str!("../../sql/mariadb/set-filter.sql");
const SET_NET_TIMEOUT: &str = include_str!("../../sql/mariadb/set-net-timeout.sql");
const READ_ONLY_PATIENCE: &str = include_str!("../../sql/mariadb/read-only-patience.sql");
const READ_ONLY_ON: &str = include_str!("../../sql/mariadb/read-only-on.sql");
const DROP_DATABASE: &str = include_str!("../../sql/mariadb/drop-database.sql");
const COMMENT_DATABASE: &str = include_str!("../../sql/mariadb/comment-database.sql");

/// How often read-only is tried while others hold locks.
const READ_ONLY_TRIES: u32 = 5;

/// Keeps what this session does out of the replica's binlog, so that it makes no GTIDs of its own.
///
/// # Errors
/// What the server said.
pub async fn write_no_binlog(work: &mut Session) -> Result<(), Trouble> {
    work.run(fill(WRITE_NO_BINLOG, &[])).await
}

/// Makes the server read-only; waits 2 s at a time for others' locks, so that nobody stands behind it for long.
///
/// # Errors
/// What the server said at the last try.
pub async fn set_read_only(work: &mut Session) -> Result<(), Trouble> {
    work.run(fill(READ_ONLY_PATIENCE, &[])).await?;
    let mut tries = 1;
    loop {
        match work.run(fill(READ_ONLY_ON, &[])).await {
            // 1205: somebody held a lock all the while
            Err(trouble) if trouble.code == Some(1205) && tries < READ_ONLY_TRIES => tries += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Sets the GTID position from which the link will go on.
///
/// # Errors
/// What the server said.
pub async fn set_position(work: &mut Session, position: &str) -> Result<(), Trouble> {
    work.run(fill(SET_POSITION, &[("position", &literal(position))])).await
}

/// Empties the replica's own binlog; nobody reads it.
///
/// # Errors
/// What the server said.
pub async fn reset_binlog(work: &mut Session) -> Result<(), Trouble> {
    work.run(fill(RESET_BINLOG, &[])).await
}

/// Sets the filter; replication is stopped.
///
/// # Errors
/// What the server said.
pub async fn set_filter(work: &mut Session, filter: &str) -> Result<(), Trouble> {
    work.run(fill(SET_FILTER, &[("filter", &literal(filter))])).await
}

/// Sets `slave_net_timeout`, in seconds.
///
/// # Errors
/// What the server said.
pub async fn set_net_timeout(work: &mut Session, seconds: u64) -> Result<(), Trouble> {
    work.run(fill(SET_NET_TIMEOUT, &[("seconds", &seconds.to_string())])).await
}

/// Drops a schema that keyward made; whether it did is the caller's to know.
///
/// # Errors
/// What the server said.
pub async fn drop_schema(work: &mut Session, name: &str) -> Result<(), Trouble> {
    work.run(fill(DROP_DATABASE, &[("name", &identifier(name))])).await
}

/// Gives a schema a comment, in place of the mark of an unfinished set-up.
///
/// # Errors
/// What the server said.
pub async fn comment_schema(work: &mut Session, name: &str, comment: &str) -> Result<(), Trouble> {
    work.run(fill(COMMENT_DATABASE, &[("name", &identifier(name)), ("comment", &literal(comment))])).await
}
