//! Opening several snapshots that see the same: on MariaDB without a lock, by their place in the binlog; on MySQL,
//! which does not tell that place, under a short read lock on the tables that are copied.

use std::time::Duration;

use super::definitions::SchemaDefinition;
use super::lock::{self, Lock, NoLock};
use super::{CopyError, Job, PATIENCE, streams, while_doing};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, literal};
use crate::model::{Family, Reason};
use crate::wire::same::is_same_server;
use crate::wire::session::{Session, Trouble};

const SESSION: Sql = sql!("snapshot-session");
const NAMES_BINARY: &str = include_str!("../../sql/common/names-binary.sql");
const BEGIN: &str = include_str!("../../sql/common/snapshot-begin.sql");
const EXECUTED: &str = include_str!("../../sql/mysql/read-slave-position.sql");
const STATUS: &str = include_str!("../../sql/mariadb/snapshot-status.sql");
const POSITION: &str = include_str!("../../sql/mariadb/snapshot-position.sql");
const HOLD: &str = include_str!("../../sql/common/snapshot-hold.sql");

/// How often snapshots are opened at one time in the hope that no commit falls between them.
const MOST_TRIES: u32 = 30;
/// How often a lock is tried; writers go on in between.
const MOST_LOCKS: u32 = 5;

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
pub async fn open(job: &mut Job<'_>, schemas: &[SchemaDefinition], wanted: usize) -> Result<Snapshot, CopyError> {
    let mut sessions = connect(job, wanted).await?;
    let (position, lock) = match job.source.family() {
        Family::MariaDb => {
            let place = by_place(&mut sessions).await?;
            (position_of(job.source, &place).await?, None)
        }
        Family::MySql => {
            let (position, lock) = by_lock(job, schemas, &mut sessions).await?;
            (position, Some(lock))
        }
    };
    for session in &mut sessions {
        session.run(fill(HOLD, &[])).await.map_err(while_doing("open the snapshot"))?;
    }
    Ok(Snapshot { position, sessions, lock })
}

async fn position_of(source: &mut Session, place: &BinlogPlace) -> Result<String, CopyError> {
    let gaps = [("file", &*literal(&place.0)), ("position", &*place.1)];
    let position = source.line(fill(POSITION, &gaps)).await.map_err(while_doing("open the snapshot"))?.text("position");
    if position.is_empty() {
        let trouble = source.trouble("the server knows no GTID position for the snapshot");
        return Err(while_doing("open the snapshot")(trouble));
    }
    Ok(position)
}

/// Opens the snapshots while nobody can write to what is copied, and reads the position that belongs to them. What is
/// written to other schemas meanwhile is filtered out on the replica.
async fn by_lock(
    job: &mut Job<'_>,
    schemas: &[SchemaDefinition],
    sessions: &mut [Session],
) -> Result<(String, Lock), CopyError> {
    let doing = || while_doing("open the snapshot");
    let mut in_the_way = String::new();
    for attempt in 1..=MOST_LOCKS {
        let locker = Session::open(job.source_target, job.source.who(), PATIENCE).await.map_err(doing())?;
        let opened = lock::under(locker, job.source, schemas, async |locker: &mut Session| {
            begin(sessions).await?;
            Ok(locker.line(fill(EXECUTED, &[])).await.map_err(doing())?.text("position"))
        });
        match opened.await {
            Ok(done) => return Ok(done),
            Err(NoLock::Inside(error)) => return Err(error),
            Err(NoLock::Waited(whose)) => in_the_way = whose,
        }
        // the writers come first for a while
        tokio::time::sleep(Duration::from_millis(u64::from(attempt) * fastrand::u64(200..=400))).await;
    }
    Err(CopyError::Unfit(format!(
        "{} was not locked for the snapshot, as writers would have waited behind statement {in_the_way}: run setup again \
         when that has ended",
        job.source.who()
    )))
}

/// As many connections as the master gives, each proven to be to the same server.
async fn connect(job: &mut Job<'_>, wanted: usize) -> Result<Vec<Session>, CopyError> {
    let doing = || while_doing("open the snapshot");
    let mut sessions = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        match Session::open(job.source_target, job.source.who(), PATIENCE).await {
            Ok(mut session) => {
                if !is_same_server(job.source, &mut session).await.map_err(doing())? {
                    let sentence = "two connections to one address reach two servers: name the server itself";
                    return Err(doing()(job.source.trouble(sentence)));
                }
                session.run(SESSION.fill(session.family(), &[])).await.map_err(doing())?;
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

async fn by_place(sessions: &mut Vec<Session>) -> Result<BinlogPlace, CopyError> {
    for attempt in 0..MOST_TRIES {
        let places = begin_all(sessions).await?;
        if let Some(place) = places.first().filter(|first| places.iter().all(|place| place == *first)) {
            return Ok(place.clone());
        }
        // not in step with whatever writes at an even pace
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=5 + u64::from(attempt)))).await;
        if attempt > MOST_TRIES / 2 {
            // one is always of one mind with itself
            sessions.truncate(sessions.len().div_ceil(2));
        }
    }
    sessions.truncate(1);
    let places = begin_all(sessions).await?;
    places.into_iter().next().ok_or_else(|| CopyError::Unfit("there is no snapshot".to_owned()))
}

/// Opens a snapshot on every connection as nearly at one time as can be; their places.
async fn begin_all(sessions: &mut [Session]) -> Result<Vec<BinlogPlace>, CopyError> {
    begin(sessions).await?;
    let mut places = Vec::with_capacity(sessions.len());
    for session in sessions {
        places.push(place(session).await.map_err(while_doing("open the snapshot"))?);
    }
    Ok(places)
}

async fn begin(sessions: &mut [Session]) -> Result<(), CopyError> {
    let one = |session| async move { Session::run(session, fill(BEGIN, &[])).await };
    streams::all(sessions.iter_mut().map(one)).await.map_err(while_doing("open the snapshot"))
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
