//! A piece of a table, what can stop it, and the way to write it with INSERTs where a server takes no LOAD DATA.

use mysql_async::prelude::Queryable as _;
use mysql_async::{QueryResult, TextProtocol, Value};

use super::board::Place;
use super::columns::{self, Column, Written};
use super::split::{Cut, Key};
use super::streams::Stream;
use super::{CopyError, PATIENCE, Shared, while_doing};
use crate::dialect::text::{fill, identifier};
use crate::wire::session::{Line, Session, Trouble};

const READ_ROWS: &str = include_str!("../../sql/common/read-rows.sql");
const READ_RANGE: &str = include_str!("../../sql/common/read-range.sql");
const INSERT_ROWS: &str = include_str!("../../sql/common/insert-rows.sql");
const LOAD_ROWS: &str = include_str!("../../sql/common/load-rows.sql");
const LOAD_ROWS_SET: &str = include_str!("../../sql/common/load-rows-set.sql");
const SHOW_WARNINGS: &str = include_str!("../../sql/common/show-warnings.sql");

/// A batch is about this many bytes of SQL; the driver's buffers grow with it.
const BATCH_BYTES: usize = 128 * 1024;
/// What a server says of a table that is not any more what the snapshot saw: changed, gone, a column gone.
const CHANGED: [u16; 3] = [1412, 1146, 1054];

/// Rows of one table that are read and written together.
pub struct Piece<'a> {
    /// The table's number on the board.
    pub at: usize,
    /// Reads the rows.
    pub read: String,
    /// Takes them on the replica.
    pub load: String,
    /// How many columns it reads.
    pub columns: usize,
    /// The columns that are written as bare numbers.
    pub bare: Vec<&'a str>,
    /// The bytes of the whole table, as the master estimates them.
    pub bytes: u64,
    insert: Vec<u8>,
    written: &'a [Column],
}

impl<'a> Piece<'a> {
    /// All rows of a table.
    pub fn new(at: usize, place: &Place<'a>) -> Self {
        let columns = &place.table.columns;
        let table = format!("{}.{}", identifier(place.schema), identifier(&place.table.name));
        let list = |part: &dyn Fn(usize, &Column) -> String| {
            columns.iter().enumerate().map(|(at, column)| part(at, column)).collect::<Vec<_>>().join(", ")
        };
        let names = list(&|_, column| identifier(&column.name));
        let variable = |at: usize| format!("@v{at}");
        let fields = list(&|at, column| match column.made_from("") {
            Some(_) => variable(at),
            None => identifier(&column.name),
        });
        let made = columns.iter().enumerate().filter_map(|(at, column)| {
            let made = column.made_from(&variable(at))?;
            Some(format!("{} = {made}", identifier(&column.name)))
        });
        let made: Vec<String> = made.collect();
        let gaps = [("table", &*table), ("columns", &*fields), ("assignments", &*made.join(", "))];
        let mut insert = fill(INSERT_ROWS, &[("table", &*table), ("columns", &*names)]).into_bytes();
        insert.push(b' ');
        let read = [("columns", &*list(&|_, column| column.read_as.clone())), ("table", &*table)];
        Self {
            at,
            read: fill(READ_ROWS, &read),
            load: fill(if made.is_empty() { LOAD_ROWS } else { LOAD_ROWS_SET }, &gaps),
            columns: columns.len(),
            bare: columns.iter().filter(|one| one.written == Written::Bare).map(|one| one.name.as_str()).collect(),
            bytes: place.table.bytes,
            insert,
            written: columns,
        }
    }

    /// Only so many rows behind a cut, or all of them, in the order of the key.
    pub fn limit(&mut self, place: &Place<'_>, key: &Key, after: Option<&Cut>, rows: Option<u64>) {
        let columns: Vec<&str> = self.written.iter().map(|column| column.read_as.as_str()).collect();
        let table = format!("{}.{}", identifier(place.schema), identifier(&place.table.name));
        let gaps = [
            ("columns", &*columns.join(", ")),
            ("table", &*table),
            ("range", &*key.behind(after)),
            ("key", &*key.order()),
            ("rows", &*rows.unwrap_or(u64::MAX).to_string()),
        ];
        self.read = fill(READ_RANGE, &gaps);
    }
}

/// Why a piece is not whole.
pub enum Stop {
    /// The master.
    Reading(Trouble),
    /// The replica.
    Writing(Trouble),
    /// A row of so many bytes is more than a statement may have.
    RowTooBig(usize),
}

/// What a stop means for the copy.
pub fn explain(place: &Place<'_>, stop: Stop, shared: &Shared<'_>) -> CopyError {
    match stop {
        Stop::Reading(trouble) => reading(place, trouble),
        Stop::Writing(trouble) => while_doing(format!("copy {}", place.name()))(trouble),
        Stop::RowTooBig(bytes) => CopyError::Unfit(format!(
            "a row of {} needs {bytes} bytes: set max_allowed_packet to twice that on {}, or local_infile = ON",
            place.name(),
            shared.target
        )),
    }
}

/// What a trouble of the master means for the copy.
pub fn reading(place: &Place<'_>, trouble: Trouble) -> CopyError {
    if trouble.code.is_some_and(|code| CHANGED.contains(&code)) {
        return CopyError::Changed(place.name());
    }
    if trouble.failure.detail.to_lowercase().contains("packet is larger than") {
        return CopyError::Unfit(format!(
            "{}: a row of {} takes 16 MiB or more, which this release cannot copy: shorten it, or leave its schema out",
            trouble.who,
            place.name()
        ));
    }
    while_doing(format!("copy {}", place.name()))(trouble)
}

/// Copies a piece with statements of many rows: the next batch is read while the last one is written.
///
/// # Errors
/// Why not all rows are there.
pub async fn insert(stream: &mut Stream, piece: &Piece<'_>, shared: &Shared<'_>) -> Result<(), Stop> {
    let most = usize::try_from(shared.max_allowed_packet).unwrap_or(usize::MAX).saturating_sub(1024);
    let who = stream.source.who().to_owned();
    let conn = stream.source.lend().map_err(Stop::Reading)?;
    let result = match tokio::time::timeout(PATIENCE, conn.query_iter(&*piece.read)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => return Err(Stop::Reading(Trouble::new(&who, &error))),
        Err(_) => return Err(Stop::Reading(Trouble::timed_out(&who, PATIENCE))),
    };
    let mut reader = Reader { result, who, piece, most, carry: Vec::new(), ended: false };
    let mut full = Batch::default();
    let outcome = loop {
        let (next, done) = tokio::join!(reader.batch(), write(&mut stream.target, &full, &piece.bare));
        match done.and(next) {
            Ok(next) => {
                shared.throttle.pay(next.sql.len()).await;
                shared.tally.read(piece.at, next.rows, next.sql.len() as u64);
                full = next;
            }
            Err(stop) => break Err(stop),
        }
        if full.rows == 0 {
            break Ok(());
        }
    };
    let ended = reader.ended;
    drop(reader);
    if !ended {
        // rows are still on their way: the connection would answer the next question with them
        stream.source.close();
    }
    outcome
}

#[derive(Default)]
struct Batch {
    sql: Vec<u8>,
    rows: u64,
}

struct Reader<'a> {
    result: QueryResult<'a, 'static, TextProtocol>,
    who: String,
    piece: &'a Piece<'a>,
    most: usize,
    /// The row that did not fit into the last batch.
    carry: Vec<u8>,
    /// The server has sent the last row, or an error in its place.
    ended: bool,
}

impl Reader<'_> {
    async fn batch(&mut self) -> Result<Batch, Stop> {
        let mut batch = Batch::default();
        loop {
            if self.carry.is_empty() && !self.ended {
                self.read_row().await?;
            }
            if self.carry.is_empty() {
                return Ok(batch);
            }
            if self.piece.insert.len() + self.carry.len() > self.most {
                return Err(Stop::RowTooBig(self.carry.len()));
            }
            if batch.rows > 0 && batch.sql.len() + self.carry.len() >= BATCH_BYTES.min(self.most) {
                return Ok(batch);
            }
            match batch.rows {
                0 => batch.sql.extend_from_slice(&self.piece.insert),
                _ => batch.sql.push(b','),
            }
            batch.sql.append(&mut self.carry);
            batch.rows += 1;
        }
    }

    async fn read_row(&mut self) -> Result<(), Stop> {
        let row = match tokio::time::timeout(PATIENCE, self.result.next()).await {
            Ok(Ok(row)) => row,
            Ok(Err(error)) => {
                let trouble = Trouble::new(&self.who, &error);
                self.ended = trouble.code.is_some();
                return Err(Stop::Reading(trouble));
            }
            Err(_) => return Err(Stop::Reading(Trouble::timed_out(&self.who, PATIENCE))),
        };
        let Some(row) = row else {
            self.ended = true;
            return Ok(());
        };
        self.carry.push(b'(');
        for (at, (value, column)) in row.unwrap_raw().iter().zip(self.piece.written).enumerate() {
            if at > 0 {
                self.carry.push(b',');
            }
            let bytes = match value {
                Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
                _ => None,
            };
            columns::push(&mut self.carry, bytes, column.written);
        }
        self.carry.push(b')');
        Ok(())
    }
}

async fn write(target: &mut Session, batch: &Batch, bare: &[&str]) -> Result<(), Stop> {
    if batch.rows == 0 {
        return Ok(());
    }
    let warnings = target.run_counting_warnings(&batch.sql).await.map_err(Stop::Writing)?;
    judge_warnings(target, warnings, bare).await
}

/// Whether all that the last statement was warned of is harmless.
///
/// # Errors
/// A value would change.
pub async fn judge_warnings(target: &mut Session, warnings: u16, bare: &[&str]) -> Result<(), Stop> {
    if warnings == 0 {
        return Ok(());
    }
    let lines = target.lines(fill(SHOW_WARNINGS, &[])).await.map_err(Stop::Writing)?;
    // an ENUM's number 0, the value that is none of its members, is stored as it is and warned of
    let harmless = |line: &&Line| {
        let text = line.text("message");
        let column = text.strip_prefix("Data truncated for column '").and_then(|rest| rest.split_once("' at row "));
        line.number("code") == Some(1265) && column.is_some_and(|(name, _)| bare.contains(&name))
    };
    match lines.iter().find(|line| !harmless(line)) {
        Some(line) => Err(Stop::Writing(target.trouble(&format!("a value would change: {}", line.text("message"))))),
        None if lines.len() < usize::from(warnings) => Err(Stop::Writing(target.trouble("too many warnings"))),
        None => Ok(()),
    }
}
