//! A read lock on a master, for as long as it takes to open snapshots. While it is waited for every writer stands
//! still, as behind the lock itself: waiting and holding together stay below two seconds, whatever happens to keyward.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{CopyError, while_doing};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::fill;
use crate::wire::session::{Session, Trouble};

const SESSION: &str = include_str!("../../sql/common/read-lock-session.sql");
const LOCK: &str = include_str!("../../sql/common/read-lock.sql");
const UNLOCK: &str = include_str!("../../sql/common/read-unlock.sql");
const BLOCKERS: Sql = sql!("read-lock-blockers");
const KILL: &str = include_str!("../../sql/common/kill-query.sql");

/// How long the lock is waited for.
const MOST_WAITING: Duration = Duration::from_millis(900);
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
    /// The account may not take it.
    Forbidden(Trouble),
    /// It could not be had in time; who was in the way, where that can be seen.
    Waited(String),
    /// What was to be done under it failed or took too long.
    Inside(CopyError),
}

/// Does `work` on the locked server. `locker` holds the lock and is of no use afterwards; `watch` ends the waiting.
///
/// # Errors
/// Why it was not done. The lock is gone in every case.
pub async fn under<T>(
    mut locker: Session,
    watch: &mut Session,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, CopyError>,
) -> Result<(T, Lock), NoLock> {
    locker.run(fill(SESSION, &[])).await.map_err(|trouble| NoLock::Inside(while_doing("prepare the lock")(trouble)))?;
    let began = Instant::now();
    wait(&mut locker, watch).await?;
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
    tracing::info!(waited = ?lock.waited, held = ?lock.held, "a read lock on the master opened the snapshots");
    outcome.map(|done| (done, lock)).map_err(NoLock::Inside)
}

async fn wait(locker: &mut Session, watch: &mut Session) -> Result<(), NoLock> {
    let id = locker.id().to_string();
    let mut blocker = None;
    let waited = {
        let taking = locker.run(fill(LOCK, &[]));
        tokio::pin!(taking);
        match timeout(MOST_WAITING, &mut taking).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // the waiting ends first, then there is time to ask what for
                let killed = watch.run(fill(KILL, &[("id", &id)])).await;
                blocker = watch.line(BLOCKERS.fill(watch.family(), &[("id", &id)])).await.ok();
                match (killed, timeout(MOST_WAITING, &mut taking).await) {
                    (Ok(()), Ok(outcome)) => outcome,
                    _ => Err(Trouble::ended_early(watch.who())),
                }
            }
        }
    };
    match waited {
        Ok(()) if blocker.is_none() => Ok(()),
        Err(trouble) if matches!(trouble.code, Some(1227 | 1044 | 1045)) => Err(NoLock::Forbidden(trouble)),
        Err(trouble) if blocker.is_none() && !matches!(trouble.code, Some(1205 | 1317 | 3024)) => {
            Err(NoLock::Inside(while_doing("lock the master")(trouble)))
        }
        _ => {
            let line = blocker.unwrap_or_default();
            let whose = match line.text("blocker") {
                id if id.is_empty() => "of others, which keyward's account may not see without PROCESS".to_owned(),
                id => format!(
                    "{id} of {}@{}, which has run for {} s: {}",
                    line.text("user"),
                    line.text("host"),
                    line.text("seconds"),
                    line.text("statement").split_whitespace().collect::<Vec<_>>().join(" ")
                ),
            };
            Err(NoLock::Waited(whose))
        }
    }
}
