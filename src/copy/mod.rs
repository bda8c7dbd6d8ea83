//! Moving a consistent snapshot from one server to another, byte for byte, on MariaDB without a lock.
//!
//! Memory is bounded whatever a table's size: two batches, one row, and the buffers that the driver keeps (some sixty,
//! each as big as the biggest statement was, at most 4 MiB). There is no parallel copy: one stream keeps
//! one snapshot, and a Keystone database is small.

mod columns;
mod create;
mod definitions;
mod rows;

use std::time::Duration;

use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;
use crate::wire::session::{Session, Trouble};
use definitions::SchemaDefinition;

const SNAPSHOT_SESSION: Sql = sql!("snapshot-session");
const LOAD_SESSION: Sql = sql!("load-session");
const NAMES_BINARY: &str = include_str!("../../sql/common/names-binary.sql");
const NAMES_UTF8: &str = include_str!("../../sql/common/names-utf8.sql");
const SNAPSHOT_BEGIN: &str = include_str!("../../sql/common/snapshot-begin.sql");
const SNAPSHOT_STATUS: &str = include_str!("../../sql/mariadb/snapshot-status.sql");
const SNAPSHOT_POSITION: &str = include_str!("../../sql/mariadb/snapshot-position.sql");
const SNAPSHOT_HOLD: &str = include_str!("../../sql/common/snapshot-hold.sql");
const SNAPSHOT_RELEASE: &str = include_str!("../../sql/common/snapshot-release.sql");
const SNAPSHOT_LOCK_PATIENCE: &str = include_str!("../../sql/mysql/snapshot-lock-patience.sql");
const SNAPSHOT_LOCK: &str = include_str!("../../sql/mysql/snapshot-lock.sql");
const SNAPSHOT_UNLOCK: &str = include_str!("../../sql/mysql/snapshot-unlock.sql");
const EXECUTED: &str = include_str!("../../sql/mysql/read-slave-position.sql");
const SNAPSHOT_END: &str = include_str!("../../sql/common/snapshot-end.sql");
const DROP_DATABASE: &str = include_str!("../../sql/common/drop-database.sql");

/// How often a copy begins again because tables were changed meanwhile.
const MOST_ATTEMPTS: u32 = 5;
/// How long one statement of a copy, or the wait for the next row, may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// How far a copy has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The table that is being copied, as `schema.table`.
    pub table: String,
    /// Tables that are whole.
    pub tables_done: usize,
    /// Tables there are.
    pub tables: usize,
    /// Rows written.
    pub rows: u64,
    /// Bytes written, as SQL text.
    pub bytes: u64,
    /// Bytes that the master's tables take on disk: an estimate of what there is to copy.
    pub bytes_expected: u64,
}

/// Why a copy ended early.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A server did not do what it was asked.
    #[error("{doing}: {trouble}")]
    Trouble {
        /// What was being done.
        doing: String,
        /// What came of it.
        trouble: Trouble,
    },
    /// Tables were changed while they were copied, again and again.
    #[error("the definitions of {0} were changed while they were copied, {MOST_ATTEMPTS} times in a row: try later")]
    Restless(String),
    /// Something that cannot be copied exactly.
    #[error("{0}")]
    Unfit(String),
    /// The definitions were changed while they were copied; the copy begins again.
    #[error("the definitions of {0} were changed")]
    Changed(String),
}

/// Puts what was being done in front of a trouble.
fn while_doing(doing: impl Into<String>) -> impl FnOnce(Trouble) -> CopyError {
    let doing = doing.into();
    move |trouble| CopyError::Trouble { doing, trouble }
}

/// One copy: the two sessions are the copy's own until it ends.
pub struct Job<'a> {
    /// On the master.
    pub source: &'a mut Session,
    /// On the replica.
    pub target: &'a mut Session,
    /// The schemas, the journal `keyward` first; none of them exists on the replica.
    pub schemas: &'a [String],
    /// The comment that marks a schema as unfinished.
    pub mark: &'a str,
    /// The most bytes that a statement may have on the replica.
    pub max_allowed_packet: u64,
    /// Hears how far the copy has come.
    pub progress: &'a (dyn Fn(Copied) + Sync),
}

/// Copies the schemas and hands out the GTID position of exactly the snapshot that was copied.
///
/// # Errors
/// Why the copy is not whole; what is there then is marked as unfinished.
pub async fn run(mut job: Job<'_>) -> Result<String, CopyError> {
    for session in [&mut *job.source, &mut *job.target] {
        session.set_limit(PATIENCE);
    }
    job.source.run(SNAPSHOT_SESSION.fill(job.source.family(), &[])).await.map_err(while_doing("prepare the copy"))?;
    job.target.run(LOAD_SESSION.fill(job.target.family(), &[])).await.map_err(while_doing("prepare the copy"))?;
    let mut restless = String::new();
    for attempt in 1..=MOST_ATTEMPTS {
        match attempt_once(&mut job).await {
            Err(CopyError::Changed(what)) => restless = what,
            Ok(position) => {
                job.target.run(fill(NAMES_UTF8, &[])).await.map_err(while_doing("end the copy"))?;
                return Ok(position);
            }
            Err(error) => return Err(error),
        }
        tracing::warn!(attempt, what = restless, "definitions were changed during the copy, beginning again");
        clear(&mut job).await?;
    }
    Err(CopyError::Restless(restless))
}

async fn attempt_once(job: &mut Job<'_>) -> Result<String, CopyError> {
    let schemas = definitions::read(job.source, job.schemas).await?;
    let position = snapshot(job.source).await?;
    create::databases(job.target, &schemas, job.mark).await?;
    create::tables(job.target, &schemas).await?;
    copy_rows(job, &schemas).await?;
    job.source.run(fill(SNAPSHOT_END, &[])).await.map_err(while_doing("end the snapshot"))?;
    let again = definitions::read(job.source, job.schemas).await?;
    if let Some(what) = definitions::difference(&schemas, &again) {
        return Err(CopyError::Changed(what));
    }
    create::routines(job.target, &schemas).await?;
    create::views(job.target, &schemas).await?;
    create::triggers_and_events(job.target, &schemas).await?;
    Ok(position)
}

/// Opens the snapshot and tells where it stands.
async fn snapshot(source: &mut Session) -> Result<String, CopyError> {
    let doing = || while_doing("open the snapshot");
    source.run(fill(NAMES_BINARY, &[])).await.map_err(doing())?;
    let position = match source.family() {
        Family::MariaDb => snapshot_of_mariadb(source).await?,
        Family::MySql => snapshot_of_mysql(source).await.map_err(doing())?,
    };
    source.run(fill(SNAPSHOT_HOLD, &[])).await.map_err(doing())?;
    Ok(position)
}

/// MySQL does not tell where a snapshot stands: nobody may write while it is opened and the position is read.
async fn snapshot_of_mysql(source: &mut Session) -> Result<String, Trouble> {
    source.run(fill(SNAPSHOT_LOCK_PATIENCE, &[])).await?;
    source.run(fill(SNAPSHOT_LOCK, &[])).await?;
    source.run(fill(SNAPSHOT_BEGIN, &[])).await?;
    let position = source.line(fill(EXECUTED, &[])).await?.text("position");
    source.run(fill(SNAPSHOT_UNLOCK, &[])).await?;
    source.run(SNAPSHOT_SESSION.fill(source.family(), &[])).await?;
    Ok(position)
}

/// MariaDB tells where a snapshot stands, so that no lock is needed.
async fn snapshot_of_mariadb(source: &mut Session) -> Result<String, CopyError> {
    let doing = || while_doing("open the snapshot");
    source.run(fill(SNAPSHOT_BEGIN, &[])).await.map_err(doing())?;
    let lines = source.lines(fill(SNAPSHOT_STATUS, &[])).await.map_err(doing())?;
    let value = |name: &str| {
        lines.iter().find(|line| line.text("variable_name").eq_ignore_ascii_case(name)).map(|line| line.text("value"))
    };
    let place = value("binlog_snapshot_file").zip(value("binlog_snapshot_position"));
    let Some((file, place)) = place.filter(|(file, place)| !file.is_empty() && place.parse::<u64>().is_ok()) else {
        let trouble = source.trouble("the server does not say where in its binlog the snapshot stands");
        return Err(doing()(trouble));
    };
    let gaps = [("file", &*literal(&file)), ("position", &*place)];
    let line = source.line(fill(SNAPSHOT_POSITION, &gaps)).await.map_err(doing())?;
    let position = line.text("position");
    if position.is_empty() {
        return Err(doing()(source.trouble("the server knows no GTID position for the snapshot")));
    }
    Ok(position)
}

async fn copy_rows(job: &mut Job<'_>, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    job.target.run(fill(NAMES_BINARY, &[])).await.map_err(while_doing("prepare the copy"))?;
    let all = || schemas.iter().flat_map(|schema| &schema.tables);
    let mut copied =
        Copied { tables: all().count(), bytes_expected: all().map(|table| table.bytes).sum(), ..Copied::default() };
    for schema in schemas {
        for table in &schema.tables {
            copied.table = format!("{}.{}", schema.name, table.name);
            (job.progress)(copied.clone());
            rows::copy_table(job, &schema.name, table, &mut copied).await?;
            let released = job.source.run(fill(SNAPSHOT_RELEASE, &[])).await;
            released.map_err(while_doing(format!("copy {}", copied.table)))?;
            copied.tables_done += 1;
            (job.progress)(copied.clone());
        }
    }
    Ok(())
}

/// Drops what this copy made, the journal last.
async fn clear(job: &mut Job<'_>) -> Result<(), CopyError> {
    job.source.run(fill(SNAPSHOT_END, &[])).await.map_err(while_doing("end the snapshot"))?;
    for name in job.schemas.iter().rev() {
        let dropped = job.target.run(fill(DROP_DATABASE, &[("name", &identifier(name))])).await;
        dropped.map_err(while_doing(format!("drop {name} to copy it again")))?;
    }
    Ok(())
}
