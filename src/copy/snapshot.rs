//! Opening several snapshots that see the same: on MariaDB without a lock, by their place in the binlog; on MySQL,
//! which does not tell that place, under a short read lock.

use std::time::Duration;

use super::lock::{self, Lock, NoLock};
use super::{CopyError, Job, PATIENCE, streams, while_doing};
use crate::dialect::text::{fill, literal};
use crate::model::{Family, Reason};
use crate::wire::same::is_same_server;
use crate::wire::session::{Session, Trouble};

const SESSION: &str = include_str!("../../sql/mariadb/snapshot-session.sql");
const NAMES_BINARY: &str = include_str!("../../sql/mariadb/names-binary.sql");
const BEGIN: &str = include_str!("../../sql/mariadb/snapshot-begin.sql");
const STATUS: &str = include_str!("../../sql/mariadb/snapshot-status.sql");
const POSITION: &str = include_str!("../../sql/mariadb/snapshot-position.sql");
const HOLD: &str = include_str!("../../sql/mariadb/snapshot-hold.sql");

/// How often snapshots are opened at one time in the hope that no commit falls between them.
const MOST_TRIES: u32 = 30;

/// Connections to the master that all see its data as of one moment.
pub struct Snapshot {
    /// The GTID position of that moment.
    pub position: String,
    /// The connections, at least one.
    pub sessions: Vec<Session>,
    /// The lock that they were opened under, if it took one.
    pub lock: Option<Lock>,
}

/// Opens snapshots, `wanted` of them if that can be.
///
/// # Errors
/// Why there is not even one.
pub async fn open(job: &mut Job<'_>, wanted: usize) -> Result<Snapshot, CopyError> {
    let mut sessions = connect(job, wanted).await?;
    let (place, lock) = match job.source.family() {
        Family::MariaDb => by_place(job, &mut sessions).await?,
        Family::MySql => {
            return Err(CopyError::Unfit(format!("{}: MySQL is not copied by this release", job.source.who())));
        }
    };
    let gaps = [("file", &*literal(&place.0)), ("position", &*place.1)];
    let line = job.source.line(fill(POSITION, &gaps)).await.map_err(while_doing("open the snapshot"))?;
    let position = line.text("position");
    if position.is_empty() {
        let trouble = job.source.trouble("the server knows no GTID position for the snapshot");
        return Err(while_doing("open the snapshot")(trouble));
    }
    for session in &mut sessions {
        session.run(fill(HOLD, &[])).await.map_err(while_doing("open the snapshot"))?;
    }
    Ok(Snapshot { position, sessions, lock })
}

/// As many connections as the master gives, each proven to be to the same server.
async fn connect(job: &mut Job<'_>, wanted: usize) -> Result<Vec<Session>, CopyError> {
    let doing = || while_doing("open the snapshot");
    let mut sessions = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        match Session::open_for_rows(job.source_target, job.source.who(), PATIENCE).await {
            Ok(mut session) => {
                if !is_same_server(job.source, &mut session).await.map_err(doing())? {
                    let sentence = "two connections to one address reach two servers: name the server itself";
                    return Err(doing()(job.source.trouble(sentence)));
                }
                session.run(fill(SESSION, &[])).await.map_err(doing())?;
                session.run(fill(NAMES_BINARY, &[])).await.map_err(doing())?;
                sessions.push(session);
            }
            Err(trouble) if !sessions.is_empty() && trouble.failure.reason == Reason::TooManyConnections => break,
            Err(trouble) => return Err(doing()(trouble)),
        }
    }
    Ok(sessions)
}

/// Where in the binlog a snapshot stands: file and position.
type BinlogPlace = (String, String);

async fn by_place(job: &mut Job<'_>, sessions: &mut Vec<Session>) -> Result<(BinlogPlace, Option<Lock>), CopyError> {
    for attempt in 0..MOST_TRIES {
        let places = begin_all(sessions).await?;
        if let Some(place) = places.first().filter(|first| places.iter().all(|place| place == *first)) {
            return Ok((place.clone(), None));
        }
        // not in step with whatever writes at an even pace
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=5 + u64::from(attempt)))).await;
    }
    let doing = || while_doing("open the snapshot");
    let locker = Session::open(job.source_target, job.source.who(), PATIENCE).await.map_err(doing())?;
    match lock::under(locker, job.source, async |_| begin_all(sessions).await).await {
        Ok((places, lock)) => {
            if let Some(place) = places.first().filter(|first| places.iter().all(|place| place == *first)) {
                return Ok((place.clone(), Some(lock)));
            }
        }
        Err(NoLock::Inside(error)) => return Err(error),
        Err(NoLock::Forbidden(_) | NoLock::Waited(_)) => {}
    }
    // one is always of one mind with itself
    tracing::warn!("the master writes too much for several snapshots of one moment: copying with one stream");
    sessions.truncate(1);
    let places = begin_all(sessions).await?;
    let place = places.into_iter().next().ok_or_else(|| CopyError::Unfit("there is no snapshot".to_owned()))?;
    Ok((place, None))
}

/// Opens a snapshot on every connection as nearly at one time as can be; their places.
async fn begin_all(sessions: &mut [Session]) -> Result<Vec<BinlogPlace>, CopyError> {
    let begin = |session| async move { Session::run(session, fill(BEGIN, &[])).await };
    streams::all(sessions.iter_mut().map(begin)).await.map_err(while_doing("open the snapshot"))?;
    let mut places = Vec::with_capacity(sessions.len());
    for session in sessions {
        places.push(place(session).await.map_err(while_doing("open the snapshot"))?);
    }
    Ok(places)
}

async fn place(session: &mut Session) -> Result<BinlogPlace, Trouble> {
    let lines = session.lines(fill(STATUS, &[])).await?;
    let value = |name: &str| {
        lines.iter().find(|line| line.text("variable_name").eq_ignore_ascii_case(name)).map(|line| line.text("value"))
    };
    let place = value("binlog_snapshot_file").zip(value("binlog_snapshot_position"));
    place
        .filter(|(file, place)| !file.is_empty() && place.parse::<u64>().is_ok())
        .ok_or_else(|| session.trouble("the server does not say where in its binlog the snapshot stands"))
}
