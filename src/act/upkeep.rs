//! Steps that keep a replica's server as it should be, each on a fresh connection and under a limit.
//!
//! Which steps are needed is decided elsewhere. There is no step that makes a server writable.

use std::time::Duration;

use mysql_async::Conn;

use crate::dialect::answer::table;
use crate::dialect::text::{fill, literal};
use crate::model::Failure;
use crate::model::upkeep::{UpkeepFailure, UpkeepStep};
use crate::wire::connect::{Target, meaning};
use crate::wire::server::{Patience, ask, discard, open, timed_out};

/// Longest a step may take; stopping a thread whose master hangs takes some four seconds.
const STEP: Duration = Duration::from_secs(10);
/// While a lock is waited for, everybody else's writes wait behind it.
const LOCK: Duration = Duration::from_secs(2);
const SET_READ_ONLY: &str = include_str!("../../sql/mariadb/read-only-on.sql");
const HOLD_SQL_THREAD: &str = include_str!("../../sql/mariadb/keep-hold-sql-thread.sql");
const STOP_THREADS: &str = include_str!("../../sql/mariadb/stop-link.sql");
const START_THREADS: &str = include_str!("../../sql/mariadb/start-link.sql");
const STOP_IO_THREAD: &str = include_str!("../../sql/mariadb/keep-stop-io-thread.sql");
const START_IO_THREAD: &str = include_str!("../../sql/mariadb/keep-start-io-thread.sql");
const SET_FILTER: &str = include_str!("../../sql/mariadb/set-filter.sql");
const MOVE_LINK: &str = include_str!("../../sql/mariadb/move-link.sql");
const SET_NET_TIMEOUT: &str = include_str!("../../sql/mariadb/set-net-timeout.sql");
const BLOCKERS: &str = include_str!("../../sql/mariadb/keep-blockers.sql");

/// Does the steps in their order; returns those that were done, which are all.
///
/// # Errors
/// The first step that failed; the later ones were not tried.
pub async fn perform(target: &Target, steps: &[UpkeepStep]) -> Result<Vec<UpkeepStep>, UpkeepFailure> {
    let patience = Patience { idle: Duration::from_secs(30), statement: STEP, lock: LOCK };
    let (mut conn, _) = match open(target, patience).await {
        Ok(open) => open,
        Err(failure) => return Err(UpkeepFailure { step: None, failure, blocking: None }),
    };
    let mut done = Vec::with_capacity(steps.len());
    for step in steps {
        if let Err((failure, blocking)) = perform_one(&mut conn, target, step).await {
            discard(conn);
            return Err(UpkeepFailure { step: Some(step.clone()), failure, blocking });
        }
        tracing::debug!(server = %target.place, %step, "done");
        done.push(step.clone());
    }
    discard(conn);
    Ok(done)
}

async fn perform_one(conn: &mut Conn, target: &Target, step: &UpkeepStep) -> Result<(), (Failure, Option<String>)> {
    let alone = |failure| (failure, None);
    match step {
        UpkeepStep::SetReadOnly => return set_read_only(conn, target).await,
        UpkeepStep::HoldSqlThread => run(conn, &fill(HOLD_SQL_THREAD, &[])).await,
        UpkeepStep::StopThreads => run(conn, &fill(STOP_THREADS, &[])).await,
        UpkeepStep::RestartIoThread => {
            run(conn, &fill(STOP_IO_THREAD, &[])).await.map_err(alone)?;
            run(conn, &fill(START_IO_THREAD, &[])).await
        }
        UpkeepStep::StartThreads => run(conn, &fill(START_THREADS, &[])).await,
        UpkeepStep::SetFilter(filter) => {
            // refused with 1198 while a thread runs
            run(conn, &fill(STOP_THREADS, &[])).await.map_err(alone)?;
            run(conn, &fill(SET_FILTER, &[("filter", &literal(filter))])).await
        }
        UpkeepStep::MoveLink(address) => {
            run(conn, &fill(STOP_THREADS, &[])).await.map_err(alone)?;
            let gaps = [("host", &*literal(&address.host)), ("port", &*address.port.to_string())];
            run(conn, &fill(MOVE_LINK, &gaps)).await.map_err(alone)?;
            run(conn, &fill(START_THREADS, &[])).await
        }
        UpkeepStep::SetNetTimeout(seconds) => {
            run(conn, &fill(SET_NET_TIMEOUT, &[("seconds", &seconds.to_string())])).await
        }
    }
    .map_err(alone)
}

async fn run(conn: &mut Conn, statement: &str) -> Result<(), Failure> {
    match tokio::time::timeout(STEP, ask(conn, statement)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(meaning(&error)),
        Err(_) => Err(timed_out(STEP)),
    }
}

async fn set_read_only(conn: &mut Conn, target: &Target) -> Result<(), (Failure, Option<String>)> {
    match tokio::time::timeout(STEP, ask(conn, &fill(SET_READ_ONLY, &[]))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            // 1205: somebody holds a lock, 1969: so many somebodies that the statement's own limit passed
            let waited = matches!(&error, mysql_async::Error::Server(server) if matches!(server.code, 1205 | 1969));
            let blocking = if waited { blockers(conn, target).await } else { None };
            Err((meaning(&error), blocking))
        }
        Err(_) => Err((timed_out(STEP), None)),
    }
}

async fn blockers(conn: &mut Conn, target: &Target) -> Option<String> {
    let statement = fill(BLOCKERS, &[("user", &literal(&target.account.user))]);
    let tables = tokio::time::timeout(STEP, ask(conn, &statement)).await.ok()?.ok()?;
    let threads: Vec<String> = table(&tables, "blocker")?
        .records()
        .filter_map(|thread| {
            let text = |column| thread.string(column).ok();
            let state = match text("command")?.as_str() {
                "Sleep" => "idle".to_owned(),
                command => format!("in {command}"),
            };
            Some(format!(
                "thread {} of {}@{}, {state} for {} s",
                text("blocker")?,
                text("user")?,
                text("host")?,
                text("seconds")?
            ))
        })
        .collect();
    (!threads.is_empty()).then(|| threads.join("; "))
}
