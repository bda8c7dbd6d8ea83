//! Moving schemas aside on a replica: tables as they are, everything else by making it again in the dated schema.
//!
//! Nothing is lost at any instant. What is no table is written down in the journal, a table of the dated schema,
//! before the first object is touched; the journal's comment says how far the move is, so that whoever comes next can
//! go on. The old schema is dropped only when it is empty.

mod journal;
mod tables;
mod undo;

use std::time::Duration;

use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier};
use crate::model::aside::{Move, Stage};
use crate::wire::session::{Session, Trouble};
use journal::Kept;

const MOVE_SESSION: &str = include_str!("../../../sql/common/move-session.sql");
const NAMES_UTF8: &str = include_str!("../../../sql/common/names-utf8.sql");
const SCHEMAS: Sql = sql!("schemas");
const USE_DATABASE: &str = include_str!("../../../sql/common/use-database.sql");
const DEFINITION_SESSION: &str = include_str!("../../../sql/common/definition-session.sql");
const DROP_DATABASE: &str = include_str!("../../../sql/common/drop-database.sql");
const MOVE_SCHEMA: &str = include_str!("../../../sql/common/move-schema.sql");
const MOVE_COLLATION: &str = include_str!("../../../sql/common/move-collation.sql");
const DROP_OBJECT: &str = include_str!("../../../sql/common/drop-object.sql");
const MOVE_TABLES: &str = include_str!("../../../sql/common/move-tables.sql");

/// How long one statement may take; a statement waits 2 s at a time for others' locks.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a statement is tried that finds a lock taken.
const TRIES: u32 = 15;

/// Why a move is not whole. What is done stays; the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// The server did not do what it was asked.
    #[error("{doing}: {trouble}")]
    Trouble {
        /// What was being done.
        doing: String,
        /// What came of it.
        trouble: Trouble,
    },
    /// Somebody else is at work there.
    #[error("{0}")]
    InTheWay(String),
}

fn while_doing(doing: impl Into<String>) -> impl FnOnce(Trouble) -> AsideError {
    let doing = doing.into();
    move |trouble| AsideError::Trouble { doing, trouble }
}

/// One schema that was moved aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedAside {
    /// What it was called.
    pub of: String,
    /// What it is called now.
    pub into: String,
    /// How many tables it has.
    pub tables: usize,
    /// What the server did not make again, each with its reason; its definition is in the journal.
    pub left: Vec<String>,
    /// The statements that move it back, for the server's own client.
    pub undo: Vec<String>,
}

/// An object that the server would not make again.
struct Left {
    kind: String,
    name: String,
    why: String,
}

impl Left {
    fn words(&self) -> String {
        format!("{} {}: {}", self.kind.to_lowercase(), self.name, self.why)
    }
}

/// A schema as the server lists it.
struct Found {
    charset: String,
    collation: String,
}

/// Makes the dated schemas and their journals: from now on, whoever comes goes on with the moves. Nothing else is
/// changed. What is there already stays.
///
/// # Errors
/// What the server said, or a table that it cannot open; nothing is changed then.
pub async fn begin(work: &mut Session, moves: &[Move]) -> Result<(), AsideError> {
    prepare(work).await?;
    let fresh: Vec<&Move> = moves.iter().filter(|one| one.stage.is_none()).collect();
    for one in &fresh {
        tables::all_open(work, one).await?;
    }
    for one in fresh {
        let Some(old) = find(work, &one.of).await? else { continue };
        let gaps = [("name", &*identifier(&one.into)), ("charset", &*old.charset), ("collation", &*old.collation)];
        let made = work.run(fill(MOVE_SCHEMA, &gaps)).await;
        made.map_err(while_doing(format!("create schema {}", one.into)))?;
        let made = journal::create(work, one).await;
        made.map_err(while_doing(format!("begin the journal in {}", one.into)))?;
    }
    Ok(())
}

/// Does the moves to their end; the first is ended last, so that one of them is open until all are done.
///
/// # Errors
/// What is in the way. Nothing is lost then, and the next run goes on.
pub async fn finish(work: &mut Session, moves: &[Move]) -> Result<Vec<MovedAside>, AsideError> {
    prepare(work).await?;
    let mut done = Vec::with_capacity(moves.len());
    for one in moves.iter().rev().filter(|one| one.stage != Some(Stage::Moved)) {
        if one.stage != Some(Stage::Moving) {
            journal::record(work, one).await?;
            stage(work, one, Stage::Moving).await?;
        }
        let kept = journal::read(work, one).await?;
        take_apart(work, one, &kept).await?;
        if find(work, &one.of).await?.is_some() {
            tables::move_all(work, one).await?;
        }
        let left = make_again(work, one, &kept).await?;
        drop_empty(work, one).await?;
        let tables = tables::all(work, &one.into).await?;
        let undo = match find(work, &one.into).await? {
            Some(found) => undo::statements(one, (&found.charset, &found.collation), &tables, (&kept, &left)),
            None => Vec::new(),
        };
        // whoever did not see it printed finds it there
        journal::write_undo(work, one, &undo).await?;
        stage(work, one, Stage::Moved).await?;
        let left = left.iter().map(Left::words).collect();
        done.push(MovedAside { of: one.of.clone(), into: one.into.clone(), tables: tables.len(), left, undo });
    }
    Ok(done)
}

async fn prepare(work: &mut Session) -> Result<(), AsideError> {
    work.set_limit(PATIENCE);
    for statement in [NAMES_UTF8, MOVE_SESSION] {
        work.run(fill(statement, &[])).await.map_err(while_doing("prepare the move"))?;
    }
    Ok(())
}

async fn find(work: &mut Session, name: &str) -> Result<Option<Found>, AsideError> {
    let family = work.family();
    let lines = work.lines(SCHEMAS.fill(family, &[])).await.map_err(while_doing("list the schemas"))?;
    let line = lines.iter().find(|line| line.text("name") == name);
    Ok(line.map(|line| Found { charset: line.text("charset"), collation: line.text("collation") }))
}

async fn stage(work: &mut Session, one: &Move, stage: Stage) -> Result<(), AsideError> {
    journal::stage(work, one, stage).await.map_err(while_doing(format!("go on with the journal in {}", one.into)))
}

/// Runs a statement that waits for others' locks, a little at a time, so that nobody stands behind it for long.
async fn patiently(work: &mut Session, sql: &str) -> Result<(), Trouble> {
    let mut tries = 1;
    loop {
        match work.run(sql).await {
            // 1205: somebody held a lock all the while
            Err(trouble) if trouble.code == Some(1205) && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Drops in the old schema what is written down. Events go first: none may run while tables are away.
async fn take_apart(work: &mut Session, one: &Move, kept: &[Kept]) -> Result<(), AsideError> {
    if find(work, &one.of).await?.is_none() {
        return Ok(());
    }
    for object in kept.iter().rev() {
        let name = full_name(&one.of, &object.name);
        let dropped = patiently(work, &fill(DROP_OBJECT, &[("kind", &object.kind), ("name", &name)])).await;
        dropped.map_err(while_doing(format!("drop {} {name}, which is written down", object.kind)))?;
    }
    Ok(())
}

/// Makes in the dated schema what was written down and is not there yet; hands out what the server would not make.
async fn make_again(work: &mut Session, one: &Move, kept: &[Kept]) -> Result<Vec<Left>, AsideError> {
    let there = journal::objects(work, &one.into).await?;
    let missing = |object: &&Kept| !there.contains(&(object.kind.clone(), object.name.clone()));
    let mut waiting: Vec<&Kept> = kept.iter().filter(missing).collect();
    let collation = find(work, &one.into).await?.map(|found| found.collation).unwrap_or_default();
    loop {
        let before = waiting.len();
        let (mut still, mut left) = (Vec::new(), Vec::new());
        for object in waiting {
            match make(work, one, object, &collation).await {
                Ok(()) => {}
                // a broken connection is no word about the object
                Err(trouble) if trouble.code.is_none() => {
                    return Err(while_doing(format!("create {} {}", object.kind, object.name))(trouble));
                }
                Err(trouble) => {
                    let (kind, name) = (object.kind.clone(), object.name.clone());
                    left.push(Left { kind, name, why: trouble.failure.detail });
                    still.push(object);
                }
            }
        }
        // one object may need another: as long as any can be made, the others are tried again
        if still.is_empty() || still.len() == before {
            prepare(work).await?;
            return Ok(left);
        }
        waiting = still;
    }
}

async fn make(work: &mut Session, one: &Move, object: &Kept, collation: &str) -> Result<(), Trouble> {
    let into = identifier(&one.into);
    let other = !object.collation.is_empty() && object.collation != collation;
    work.run(fill(USE_DATABASE, &[("name", &into)])).await?;
    if other {
        // the object remembers the collation that its schema had when it was made
        work.run(fill(MOVE_COLLATION, &[("name", &into), ("collation", &object.collation)])).await?;
    }
    work.run(fill(DEFINITION_SESSION, &object.session(&object.moved_client).gaps())).await?;
    let made = work.run(&object.moved).await;
    for statement in [NAMES_UTF8, MOVE_SESSION] {
        work.run(fill(statement, &[])).await?;
    }
    if other {
        work.run(fill(MOVE_COLLATION, &[("name", &into), ("collation", collation)])).await?;
    }
    made
}

/// Drops the old schema when nothing is left in it.
async fn drop_empty(work: &mut Session, one: &Move) -> Result<(), AsideError> {
    let mut rest: Vec<String> =
        tables::everything(work, &one.of).await?.into_iter().map(|table| format!("table {}", table.name)).collect();
    rest.extend(journal::objects(work, &one.of).await?.into_iter().map(|(kind, name)| format!("{kind} {name}")));
    if let Some(first) = rest.first() {
        return Err(AsideError::InTheWay(format!(
            "{}: schema {} got {first} while it was moved to {}: move it by hand",
            work.who(),
            one.of,
            one.into
        )));
    }
    let dropped = work.run(fill(DROP_DATABASE, &[("name", &identifier(&one.of))])).await;
    dropped.map_err(while_doing(format!("drop the empty schema {}", one.of)))
}

fn full_name(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}
