//! Moving a consistent snapshot from one server to another, byte for byte and, on MariaDB, without a lock.
//!
//! Several streams read one moment's data; each has a connection to either server. Large tables are cut into pieces by
//! their primary key, rows go from server to server as they are (LOAD DATA), indexes follow when the rows are there.
//! Memory is bounded whatever a table's size: a stream holds a few buffers of 64 KiB and one row, and the driver keeps
//! some buffers as long as the longest rows were, at most 4 MiB each.

mod board;
mod columns;
mod create;
mod definitions;
mod flushing;
mod indexes;
mod load;
mod lock;
mod rows;
mod snapshot;
mod space;
mod split;
mod streams;
mod tally;
mod throttle;

use std::time::Duration;

use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::preflight::GlobalSetting;
use crate::wire::connect::Target;
use crate::wire::session::{Session, Trouble};
use board::Board;
use definitions::SchemaDefinition;
pub use lock::Lock;
pub use tally::Copied;
use tally::Tally;
use throttle::Throttle;

const SNAPSHOT_SESSION: Sql = sql!("snapshot-session");
/// MariaDB keeps its unique_checks: without them the first rows of an empty table go through a sort and temporary files,
/// which takes twice the work for rows that come in the key's order, and indexes are added later in any case.
const LOAD_SESSION: Sql = sql!("load-session");
const NAMES_UTF8: &str = include_str!("../../sql/common/names-utf8.sql");
const DROP_DATABASE: &str = include_str!("../../sql/common/drop-database.sql");
const REMARK_DATABASE: Sql = Sql {
    mariadb: include_str!("../../sql/mariadb/unmark-database.sql"),
    mysql: include_str!("../../sql/mysql/remark-database.sql"),
};

/// How often a copy begins again because tables were changed meanwhile.
const MOST_ATTEMPTS: u32 = 5;
/// How long one statement of a copy, or the wait for the next row, may take.
const PATIENCE: Duration = Duration::from_secs(600);

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
    /// How further connections to the master are made.
    pub source_target: &'a Target,
    /// On the replica.
    pub target: &'a mut Session,
    /// How further connections to the replica are made.
    pub target_target: &'a Target,
    /// The schemas, the journal `keyward` first; none of them exists on the replica.
    pub schemas: &'a [String],
    /// The comment that marks a schema as unfinished, with the settings to give back.
    pub mark: &'a (dyn Fn(&[GlobalSetting]) -> String + Sync),
    /// The most bytes that a statement may have on the replica.
    pub max_allowed_packet: u64,
    /// How many streams to use, if the servers let that many in.
    pub streams: usize,
    /// Tables of twice as many bytes are cut into pieces of about so many.
    pub piece_bytes: u64,
    /// The most bytes a second to read from the master.
    pub max_rate: Option<u64>,
    /// Hears how far the copy has come.
    pub progress: &'a (dyn Fn(Copied) + Sync),
}

/// What all streams of a copy share.
struct Shared<'a> {
    tally: Tally<'a>,
    throttle: Throttle,
    /// The replica takes LOAD DATA LOCAL.
    load: bool,
    max_allowed_packet: u64,
    /// How sentences call the replica.
    target: &'a str,
}

/// Copies the schemas and hands out the GTID position of exactly the snapshot that was copied.
///
/// # Errors
/// Why the copy is not whole; what is there then is marked as unfinished.
pub async fn run(mut job: Job<'_>) -> Result<String, CopyError> {
    job.source.set_limit(PATIENCE);
    job.source.run(SNAPSHOT_SESSION.fill(job.source.family(), &[])).await.map_err(while_doing("prepare the copy"))?;
    prepare_target(job.target).await?;
    let mut restless = String::new();
    for attempt in 1..=MOST_ATTEMPTS {
        let before = flushing::read(job.target).await?;
        let outcome = attempt_once(&mut job, &before).await;
        let given_back = give_back(&mut job, &before).await;
        match outcome {
            Err(CopyError::Changed(what)) => restless = what,
            Ok(position) => {
                given_back?;
                job.target.run(fill(NAMES_UTF8, &[])).await.map_err(while_doing("end the copy"))?;
                return Ok(position);
            }
            Err(error) => return Err(error),
        }
        given_back?;
        tracing::warn!(attempt, what = restless, "definitions were changed during the copy, beginning again");
        clear(&mut job).await?;
    }
    Err(CopyError::Restless(restless))
}

/// Refuses a copy that the replica's disk cannot hold, before the rows that it has are moved out of the way.
///
/// # Errors
/// There is too little space, or what a server said.
pub async fn has_room(source: &mut Session, target: &mut Session, schemas: &[String]) -> Result<(), CopyError> {
    let schemas = definitions::read(source, schemas).await?;
    space::check(target, &schemas).await
}

/// Gives the replica's settings back that an interrupted copy has changed.
///
/// # Errors
/// What the server said.
pub async fn restore(target: &mut Session, before: &[GlobalSetting]) -> Result<(), CopyError> {
    flushing::restore(target, before).await
}

/// Makes a connection to the replica one that takes rows and definitions as they are.
async fn prepare_target(target: &mut Session) -> Result<(), CopyError> {
    target.set_limit(PATIENCE);
    target.run(LOAD_SESSION.fill(target.family(), &[])).await.map_err(while_doing("prepare the copy"))
}

/// Gives the replica's settings back and takes them out of the journal's mark, on a new connection if need be.
async fn give_back(job: &mut Job<'_>, before: &[GlobalSetting]) -> Result<(), CopyError> {
    if before.is_empty() {
        return Ok(());
    }
    if let Err(error) = flushing::restore(job.target, before).await {
        tracing::debug!(%error, "the replica's settings are given back on another connection");
        let opened = Session::open(job.target_target, job.target.who(), PATIENCE).await;
        let mut other = opened.map_err(while_doing("give the replica's settings back"))?;
        flushing::restore(&mut other, before).await?;
        other.end().await;
    }
    let Some(journal) = job.schemas.first() else { return Ok(()) };
    let mark = (job.mark)(&[]);
    let gaps = [("name", &*identifier(journal)), ("comment", &*literal(&mark))];
    match job.target.run(REMARK_DATABASE.fill(job.target.family(), &gaps)).await {
        // the copy stopped before there was a journal
        Err(trouble) if matches!(trouble.code, Some(1 | 1008 | 1049 | 1146)) => Ok(()),
        outcome => outcome.map_err(while_doing("give the replica's settings back")),
    }
}

async fn attempt_once(job: &mut Job<'_>, before: &[GlobalSetting]) -> Result<String, CopyError> {
    let schemas = definitions::read(job.source, job.schemas).await?;
    space::check(job.target, &schemas).await?;
    let opened = snapshot::open(job, &schemas, job.streams.max(1)).await?;
    create::databases(job.target, &schemas, &(job.mark)(before)).await?;
    let load = flushing::relax(job.target, before).await?;
    create::tables(job.target, &schemas).await?;
    let mut streams = streams::open(job, opened.sessions).await?;
    let who = job.target.who().to_owned();
    let shared = Shared {
        tally: Tally::new(tally::estimates(&schemas), streams.len(), opened.lock, job.progress),
        throttle: Throttle::new(job.max_rate),
        load,
        max_allowed_packet: job.max_allowed_packet,
        target: &who,
    };
    streams::run(&mut streams, &Board::new(&schemas, job.piece_bytes), &shared).await?;
    for stream in streams {
        stream.source.end().await;
        stream.target.end().await;
    }
    finish(job, &schemas).await?;
    Ok(opened.position)
}

/// What is made when all rows are there.
async fn finish(job: &mut Job<'_>, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    for schema in schemas {
        for table in &schema.tables {
            indexes::add_foreign(job.target, &schema.name, table).await?;
        }
    }
    let again = definitions::read(job.source, job.schemas).await?;
    if let Some(what) = definitions::difference(schemas, &again) {
        return Err(CopyError::Changed(what));
    }
    create::routines(job.target, schemas).await?;
    create::views(job.target, schemas).await?;
    create::triggers_and_events(job.target, schemas).await
}

/// Drops what this copy made, the journal last.
async fn clear(job: &mut Job<'_>) -> Result<(), CopyError> {
    for name in job.schemas.iter().rev() {
        let dropped = job.target.run(fill(DROP_DATABASE, &[("name", &identifier(name))])).await;
        dropped.map_err(while_doing(format!("drop {name} to copy it again")))?;
    }
    Ok(())
}
