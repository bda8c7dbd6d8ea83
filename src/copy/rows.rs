//! One table's rows as a stream: the next batch is read while the last one is written.

use mysql_async::prelude::Queryable as _;
use mysql_async::{QueryResult, TextProtocol, Value};

use super::columns::{self, Column, Written};
use super::definitions::TableDefinition;
use super::{Copied, CopyError, Job, PATIENCE, while_doing};
use crate::dialect::text::{fill, identifier};
use crate::wire::session::{Line, Session, Trouble};

const READ_ROWS: &str = include_str!("../../sql/common/read-rows.sql");
const INSERT_ROWS: &str = include_str!("../../sql/common/insert-rows.sql");
const SHOW_WARNINGS: &str = include_str!("../../sql/common/show-warnings.sql");

/// A batch is about this many bytes of SQL; the driver's buffers grow with it.
const BATCH_BYTES: usize = 128 * 1024;
/// What a server says of a table that is not any more what the snapshot saw: changed, gone, a column gone.
const CHANGED: [u16; 3] = [1412, 1146, 1054];

/// Copies a table's rows; the table is there and empty.
///
/// # Errors
/// Why not all rows are there.
pub async fn copy_table(
    job: &mut Job<'_>,
    schema: &str,
    table: &TableDefinition,
    copied: &mut Copied,
) -> Result<(), CopyError> {
    let place = format!("{}.{}", identifier(schema), identifier(&table.name));
    let list = |name: fn(&Column) -> String| table.columns.iter().map(name).collect::<Vec<_>>().join(", ");
    let read = fill(READ_ROWS, &[("columns", &*list(|column| column.read_as.clone())), ("table", &*place)]);
    let insert = fill(INSERT_ROWS, &[("columns", &*list(|column| identifier(&column.name))), ("table", &*place)]);
    let mut insert = insert.into_bytes();
    insert.push(b' ');
    let outcome = stream(job, &read, &insert, &table.columns, copied).await;
    outcome.map_err(|stop| match stop {
        Stop::Reading(trouble) if trouble.code.is_some_and(|code| CHANGED.contains(&code)) => {
            CopyError::Changed(format!("{schema}.{}", table.name))
        }
        Stop::Reading(trouble) | Stop::Writing(trouble) => {
            while_doing(format!("copy {schema}.{}", table.name))(trouble)
        }
        Stop::RowTooBig(bytes) => CopyError::Unfit(format!(
            "a row of {schema}.{} needs {bytes} bytes: set max_allowed_packet to twice that on {}",
            table.name,
            job.target.who()
        )),
    })
}

enum Stop {
    Reading(Trouble),
    Writing(Trouble),
    RowTooBig(usize),
}

async fn stream(
    job: &mut Job<'_>,
    read: &str,
    insert: &[u8],
    columns: &[Column],
    copied: &mut Copied,
) -> Result<(), Stop> {
    let bare: Vec<&str> =
        columns.iter().filter(|column| column.written == Written::Bare).map(|column| column.name.as_str()).collect();
    let most = usize::try_from(job.max_allowed_packet).unwrap_or(usize::MAX).saturating_sub(1024);
    let who = job.source.who().to_owned();
    let conn = job.source.lend().map_err(Stop::Reading)?;
    let result = match tokio::time::timeout(PATIENCE, conn.query_iter(read)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => return Err(Stop::Reading(Trouble::new(&who, &error))),
        Err(_) => return Err(Stop::Reading(Trouble::timed_out(&who, PATIENCE))),
    };
    let mut reader = Reader { result, who, insert, columns, most, carry: Vec::new(), ended: false };
    let mut full = Batch::default();
    let outcome = loop {
        let (next, done) = tokio::join!(reader.batch(), write(job.target, &full, &bare));
        match done.and(next) {
            Ok(next) => {
                copied.rows += full.rows;
                copied.bytes += full.sql.len() as u64;
                (job.progress)(copied.clone());
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
        job.source.close();
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
    insert: &'a [u8],
    columns: &'a [Column],
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
            if self.insert.len() + self.carry.len() > self.most {
                return Err(Stop::RowTooBig(self.carry.len()));
            }
            if batch.rows > 0 && batch.sql.len() + self.carry.len() >= BATCH_BYTES.min(self.most) {
                return Ok(batch);
            }
            match batch.rows {
                0 => batch.sql.extend_from_slice(self.insert),
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
        for (at, (value, column)) in row.unwrap_raw().iter().zip(self.columns).enumerate() {
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
