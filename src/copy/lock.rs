//! A read lock on a MySQL master's tables, for as long as it takes to open snapshots. While it is waited for, writers
//! may stand behind it: waiting and holding together stay below two seconds, whatever happens to keyward.
//!
//! The tables that are copied are locked, and not the whole server: `FLUSH TABLES WITH READ LOCK` waits for every
//! statement that reads, and even when it is given up, writers go on waiting for the tables that it had flushed.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::definitions::SchemaDefinition;
use super::{CopyError, while_doing};
use crate::dialect::text::{fill, identifier, literal};
use crate::wire::session::{Line, Session, Trouble};

const SESSION: &str = include_str!("../../sql/mysql/read-lock-session.sql");
const LOCK: &str = include_str!("../../sql/mysql/read-lock.sql");
const UNLOCK: &str = include_str!("../../sql/mysql/read-unlock.sql");
const BLOCKERS: &str = include_str!("../../sql/mysql/read-lock-blockers.sql");
const KILL: &str = include_str!("../../sql/mysql/kill-query.sql");

/// How long the lock is waited for.
const MOST_WAITING: Duration = Duration::from_millis(700);
/// How long may be asked who is in the way, while it is still waited for.
const MOST_ASKING: Duration = Duration::from_millis(300);
/// How long it is held.
const MOST_HOLDING: Duration = Duration::from_millis(900);

/// A lock that was had, and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// How long it was waited for.
    pub waited: Duration,
    /// How long it was held.
    pub held: Duration,
}

/// Why there was no lock, or too short a one.
#[derive(Debug)]
pub enum NoLock {
    /// It could not be had in time; who was in the way, where that can be seen.
    Waited(String),
    /// Anything else.
    Inside(CopyError),
}

/// Does `work` on the locked tables. `locker` holds the lock and is of no use afterwards; `watch` ends the waiting.
///
/// # Errors
/// Why it was not done. The lock is gone in every case.
pub async fn under<T>(
    mut locker: Session,
    watch: &mut Session,
    schemas: &[SchemaDefinition],
    work: impl AsyncFnOnce(&mut Session) -> Result<T, CopyError>,
) -> Result<(T, Lock), NoLock> {
    let inside = |trouble| NoLock::Inside(while_doing("lock the tables for the snapshot")(trouble));
    locker.run(fill(SESSION, &[])).await.map_err(inside)?;
    let began = Instant::now();
    wait(&mut locker, watch, schemas).await?;
    let (waited, since) = (began.elapsed(), Instant::now());
    let done = timeout(MOST_HOLDING, work(&mut locker)).await;
    let outcome = match done {
        Ok(outcome) => {
            let given_back = locker.run(fill(UNLOCK, &[])).await;
            outcome.and_then(|done| given_back.map(|()| done).map_err(while_doing("give the lock back")))
        }
        Err(_) => Err(CopyError::Unfit(format!("{}: the snapshots did not open under a lock", locker.who()))),
    };
    // the server gives the lock back when the connection ends, whatever state it is in
    locker.close();
    let lock = Lock { waited, held: since.elapsed() };
    tracing::info!(waited = ?lock.waited, held = ?lock.held, "a read lock on the master's tables opened the snapshots");
    outcome.map(|done| (done, lock)).map_err(NoLock::Inside)
}

async fn wait(locker: &mut Session, watch: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), NoLock> {
    let id = locker.id().to_string();
    let table = |schema: &SchemaDefinition| {
        let place = |name: &str| format!("{}.{} READ", identifier(&schema.name), identifier(name));
        schema.tables.iter().map(|table| place(&table.name)).collect::<Vec<_>>()
    };
    let tables: Vec<String> = schemas.iter().flat_map(table).collect();
    let names: Vec<String> = schemas.iter().map(|schema| literal(&schema.name)).collect();
    let taking = locker.run(fill(LOCK, &[("tables", &tables.join(", "))]));
    tokio::pin!(taking);
    let mut blocker = Line::default();
    let outcome = match timeout(MOST_WAITING, &mut taking).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let question = fill(BLOCKERS, &[("schemas", &names.join(", ")), ("id", &id)]);
            if let Ok(Ok(line)) = timeout(MOST_ASKING, watch.line(question)).await {
                blocker = line;
            }
            let killed = timeout(MOST_WAITING, watch.run(fill(KILL, &[("id", &id)]))).await;
            match (killed, timeout(MOST_WAITING, &mut taking).await) {
                (Ok(Ok(())), Ok(outcome)) => outcome,
                // dropping the connection ends the waiting as well
                _ => return Err(NoLock::Waited(in_the_way(&blocker))),
            }
        }
    };
    match outcome {
        Ok(()) => Ok(()),
        // its own limit, the kill, a deadlock
        Err(Trouble { code: Some(1205 | 1317 | 3024 | 1213), .. }) => Err(NoLock::Waited(in_the_way(&blocker))),
        Err(trouble) => Err(NoLock::Inside(while_doing("lock the tables for the snapshot")(trouble))),
    }
}

fn in_the_way(line: &Line) -> String {
    match line.text("blocker") {
        id if id.is_empty() => "of others, which keyward's account may not see".to_owned(),
        id => format!(
            "{id} of {}@{}, which has held {}.{} for {} s: {}",
            line.text("user"),
            line.text("host"),
            line.text("locked_schema"),
            line.text("locked_table"),
            line.text("seconds"),
            line.text("statement").split_whitespace().collect::<Vec<_>>().join(" ")
        ),
    }
}
