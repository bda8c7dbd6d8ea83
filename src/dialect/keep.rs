//! What is said to a replica's server to make it right and keep it so, by set-up and by the daemon alike.

use super::answer::{Table, table};
use super::sql::{Sql, sql};
use super::text::{fill, literal};
use crate::model::{Address, Family};

const READ_ONLY_ON: &str = include_str!("../../sql/common/read-only-on.sql");
const SUPER_READ_ONLY_ON: &str = include_str!("../../sql/mysql/super-read-only-on.sql");
const SET_FILTER: Sql = sql!("set-filter");
const SET_NET_TIMEOUT: Sql = sql!("set-net-timeout");
const START_LINK: Sql = sql!("start-link");
const STOP_LINK: Sql = sql!("stop-link");
const LINK_HEARTBEAT: &str = include_str!("../../sql/mysql/link-heartbeat.sql");
const MOVE_LINK: Sql = sql!("move-link");
const HOLD_SQL_THREAD: Sql = sql!("keep-hold-sql-thread");
const START_IO_THREAD: Sql = sql!("keep-start-io-thread");
const STOP_IO_THREAD: Sql = sql!("keep-stop-io-thread");
const BLOCKERS: Sql = sql!("keep-blockers");

/// Makes the server read-only, for everybody where it can be.
pub fn read_only_on(family: Family) -> String {
    match family {
        Family::MariaDb => read_only_for_ordinary(),
        Family::MySql => fill(SUPER_READ_ONLY_ON, &[]),
    }
}

/// Makes the server read-only for ordinary accounts; whoever sets it up may still write.
pub fn read_only_for_ordinary() -> String {
    fill(READ_ONLY_ON, &[])
}

/// Lets only what the patterns match through; they have commas between them. Replication is stopped.
pub fn set_filter(family: Family, filter: &str) -> String {
    let patterns: Vec<String> = filter.split(',').map(literal).collect();
    SET_FILTER.fill(family, &[("filter", &literal(filter)), ("patterns", &patterns.join(", "))])
}

/// After how many silent seconds the link counts as dead.
pub fn set_net_timeout(family: Family, seconds: u64) -> String {
    SET_NET_TIMEOUT.fill(family, &[("seconds", &seconds.to_string())])
}

/// Starts both replication threads.
pub fn start_link(family: Family) -> String {
    START_LINK.fill(family, &[])
}

/// Stops both replication threads.
pub fn stop_link(family: Family) -> String {
    STOP_LINK.fill(family, &[])
}

/// Asks for what `move_link` must be told, in the column `heartbeat`; `None` where it need not be told anything.
pub fn heartbeat_question(family: Family) -> Option<String> {
    match family {
        Family::MariaDb => None,
        Family::MySql => Some(fill(LINK_HEARTBEAT, &[])),
    }
}

/// Points a stopped link at another address of the same master. `heartbeat` is its period, as the server told it.
pub fn move_link(family: Family, address: &Address, heartbeat: &str) -> String {
    let (host, port) = (literal(&address.host), address.port.to_string());
    MOVE_LINK.fill(family, &[("host", &host), ("port", &port), ("heartbeat", heartbeat)])
}

/// Stops applying, goes on receiving.
pub fn hold_sql_thread(family: Family) -> String {
    HOLD_SQL_THREAD.fill(family, &[])
}

/// Starts receiving.
pub fn start_io_thread(family: Family) -> String {
    START_IO_THREAD.fill(family, &[])
}

/// Stops receiving, goes on applying.
pub fn stop_io_thread(family: Family) -> String {
    STOP_IO_THREAD.fill(family, &[])
}

/// Asks who may hold read-only back; not `user`'s own connections.
pub fn blockers(family: Family, user: &str) -> String {
    BLOCKERS.fill(family, &[("user", &literal(user))])
}

/// Who that is, in the words of a sentence; nothing when nobody was found.
pub fn named_blockers(tables: &[Table]) -> Option<String> {
    let threads: Vec<String> = table(tables, "blocker")?
        .records()
        .filter_map(|thread| {
            let text = |column| thread.string(column).ok();
            let state = match text("command")?.as_str() {
                "Sleep" => "idle".to_owned(),
                command => format!("in {command}"),
            };
            let (thread, user, host) = (text("blocker")?, text("user")?, text("host")?);
            Some(format!("thread {thread} of {user}@{host}, {state} for {} s", text("seconds")?))
        })
        .collect();
    (!threads.is_empty()).then(|| threads.join("; "))
}
