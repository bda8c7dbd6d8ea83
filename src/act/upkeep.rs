//! Steps that keep a replica's server as it should be, each on a fresh connection and under a limit.
//!
//! Which steps are needed is decided elsewhere. There is no step that makes a server writable.

use std::time::Duration;

use mysql_async::Conn;

use crate::dialect::answer::row;
use crate::dialect::keep;
use crate::model::upkeep::{UpkeepFailure, UpkeepStep};
use crate::model::{Failure, Family};
use crate::wire::connect::{Target, meaning};
use crate::wire::server::{Patience, ask, discard, open, timed_out, unexpected};

/// Longest a step may take; stopping a thread whose master hangs takes some four seconds.
const STEP: Duration = Duration::from_secs(10);
/// While a lock is waited for, everybody else's writes wait behind it.
const LOCK: Duration = Duration::from_secs(2);

/// Does the steps in their order; returns those that were done, which are all.
///
/// # Errors
/// The first step that failed; the later ones were not tried.
pub async fn perform(target: &Target, steps: &[UpkeepStep]) -> Result<Vec<UpkeepStep>, UpkeepFailure> {
    let patience = Patience { idle: Duration::from_secs(30), statement: STEP, lock: LOCK };
    let (mut conn, greeting) = match open(target, patience).await {
        Ok(open) => open,
        Err(failure) => return Err(UpkeepFailure { step: None, failure, blocking: None }),
    };
    let mut done = Vec::with_capacity(steps.len());
    for step in steps {
        if let Err((failure, blocking)) = perform_one(&mut conn, greeting.family, target, step).await {
            discard(conn);
            return Err(UpkeepFailure { step: Some(step.clone()), failure, blocking });
        }
        tracing::debug!(server = %target.place, %step, "done");
        done.push(step.clone());
    }
    discard(conn);
    Ok(done)
}

async fn perform_one(
    conn: &mut Conn,
    family: Family,
    target: &Target,
    step: &UpkeepStep,
) -> Result<(), (Failure, Option<String>)> {
    let statements = match step {
        UpkeepStep::SetReadOnly => return set_read_only(conn, family, target).await,
        UpkeepStep::HoldSqlThread => vec![keep::hold_sql_thread(family)],
        UpkeepStep::StopThreads => vec![keep::stop_link(family)],
        UpkeepStep::RestartIoThread => vec![keep::stop_io_thread(family), keep::start_io_thread(family)],
        UpkeepStep::StartThreads => vec![keep::start_link(family)],
        // refused while a thread runs
        UpkeepStep::SetFilter(filter) => vec![keep::stop_link(family), keep::set_filter(family, filter)],
        UpkeepStep::MoveLink(address) => {
            let heartbeat = heartbeat(conn, family, target).await.map_err(|failure| (failure, None))?;
            vec![keep::stop_link(family), keep::move_link(family, address, &heartbeat), keep::start_link(family)]
        }
        UpkeepStep::SetNetTimeout(seconds) => vec![keep::set_net_timeout(family, *seconds)],
    };
    for statement in statements {
        run(conn, &statement).await.map_err(|failure| (failure, None))?;
    }
    Ok(())
}

/// The period of the link's heartbeat, where moving the link would lose it.
async fn heartbeat(conn: &mut Conn, family: Family, target: &Target) -> Result<String, Failure> {
    let Some(question) = keep::heartbeat_question(family) else { return Ok(String::new()) };
    let tables = match tokio::time::timeout(STEP, ask(conn, &question)).await {
        Ok(answer) => answer.map_err(|error| meaning(&error))?,
        Err(_) => return Err(timed_out(STEP)),
    };
    let told = row(&tables, "heartbeat").and_then(|row| row.number::<f64>("heartbeat"));
    match told {
        Ok(Some(seconds)) => Ok(format!("{seconds:.3}")),
        Ok(None) => Err(unexpected(&target.place, "the link has no heartbeat")),
        Err(why) => Err(unexpected(&target.place, &why)),
    }
}

async fn run(conn: &mut Conn, statement: &str) -> Result<(), Failure> {
    match tokio::time::timeout(STEP, ask(conn, statement)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(meaning(&error)),
        Err(_) => Err(timed_out(STEP)),
    }
}

async fn set_read_only(conn: &mut Conn, family: Family, target: &Target) -> Result<(), (Failure, Option<String>)> {
    match tokio::time::timeout(STEP, ask(conn, &keep::read_only_on(family))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            // 1205: somebody holds a lock, 1969: so many somebodies that the statement's own limit passed
            let waited = matches!(&error, mysql_async::Error::Server(server) if matches!(server.code, 1205 | 1969));
            let blocking = if waited { blockers(conn, family, target).await } else { None };
            Err((meaning(&error), blocking))
        }
        Err(_) => Err((timed_out(STEP), None)),
    }
}

async fn blockers(conn: &mut Conn, family: Family, target: &Target) -> Option<String> {
    let statement = keep::blockers(family, &target.account.user);
    let tables = tokio::time::timeout(STEP, ask(conn, &statement)).await.ok()?.ok()?;
    keep::named_blockers(&tables)
}
