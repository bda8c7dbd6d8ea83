//! What is left to do, shared by all streams: pieces of tables, largest table first, and indexes behind them. Pure but
//! for the bell that wakes streams with nothing to do.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::definitions::{SchemaDefinition, TableDefinition};
use super::split::Cut;

/// Fewer rows are never made a piece of their own.
const FEWEST_ROWS: u64 = 1_000;

/// One table on the board.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its schema.
    pub schema: &'a str,
    /// The table.
    pub table: &'a TableDefinition,
}

impl Place<'_> {
    /// `schema.table`, for people.
    pub fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table.name)
    }
}

/// What a stream does next.
#[derive(Debug)]
pub enum Claim<'a> {
    /// Copy the rows behind `after`; with `rows`, find the end of the piece first and tell the board.
    Rows {
        /// The table's number on the board.
        at: usize,
        /// The table.
        place: Place<'a>,
        /// Where the last piece ended.
        after: Option<Cut>,
        /// How many rows this piece has; `None` for all that are left.
        rows: Option<u64>,
    },
    /// Add the table's indexes: all its rows are there.
    Indexes(usize, Place<'a>),
    /// Others are at work; wait for the bell.
    Wait,
    /// Nothing is left.
    Done,
}

#[derive(Debug)]
struct Entry<'a> {
    place: Place<'a>,
    /// Rows of a piece; `None` for a table in one piece.
    rows: Option<u64>,
    /// One stream at a time: a server gives out a table's counter to one statement only.
    alone: bool,
    after: Option<Cut>,
    /// A stream looks for the end of the next piece.
    cutting: bool,
    /// The last piece was given out.
    given: bool,
    /// Pieces on their way.
    busy: usize,
    /// Its indexes were given out.
    indexed: bool,
    done: bool,
}

/// The board.
#[derive(Debug)]
pub struct Board<'a> {
    entries: Mutex<Vec<Entry<'a>>>,
    /// Rings whenever something may have become possible.
    pub bell: Notify,
}

impl<'a> Board<'a> {
    /// Everything that is to be copied, large tables in pieces of about so many bytes.
    pub fn new(schemas: &'a [SchemaDefinition], piece_bytes: u64) -> Self {
        let mut places: Vec<Place<'a>> = schemas
            .iter()
            .flat_map(|schema| schema.tables.iter().map(|table| Place { schema: &schema.name, table }))
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.table.bytes));
        let entries = places.into_iter().map(|place| Entry {
            rows: piece_rows(place.table, piece_bytes),
            alone: place.table.counts,
            place,
            after: None,
            cutting: false,
            given: false,
            busy: 0,
            indexed: false,
            done: false,
        });
        Self { entries: Mutex::new(entries.collect()), bell: Notify::new() }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry<'a>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next thing to do.
    pub fn claim(&self) -> Claim<'a> {
        let mut entries = self.entries();
        for (at, entry) in entries.iter_mut().enumerate() {
            if entry.given && entry.busy == 0 && !entry.indexed {
                entry.indexed = true;
                return Claim::Indexes(at, entry.place);
            }
            if entry.given || entry.cutting || (entry.alone && entry.busy > 0) {
                continue;
            }
            entry.busy += 1;
            entry.given = entry.rows.is_none();
            entry.cutting = entry.rows.is_some();
            return Claim::Rows { at, place: entry.place, after: entry.after.clone(), rows: entry.rows };
        }
        if entries.iter().all(|entry| entry.done) { Claim::Done } else { Claim::Wait }
    }

    /// A claimed piece ends at this cut, or is the last one.
    pub fn cut(&self, at: usize, cut: Option<Cut>) {
        if let Some(entry) = self.entries().get_mut(at) {
            entry.cutting = false;
            entry.given = cut.is_none();
            entry.after = cut;
        }
        self.bell.notify_waiters();
    }

    /// A piece is written.
    pub fn written(&self, at: usize) {
        if let Some(entry) = self.entries().get_mut(at) {
            entry.busy -= 1;
        }
        self.bell.notify_waiters();
    }

    /// A table has its indexes.
    pub fn finished(&self, at: usize) {
        if let Some(entry) = self.entries().get_mut(at) {
            entry.done = true;
        }
        self.bell.notify_waiters();
    }
}

/// How many rows a piece of a table has; `None` when it stays in one piece.
fn piece_rows(table: &TableDefinition, piece_bytes: u64) -> Option<u64> {
    let cuts = table.key.as_ref().is_some_and(|key| key.cuts);
    if !cuts || table.bytes < piece_bytes.saturating_mul(2) {
        return None;
    }
    let pieces = table.bytes.div_ceil(piece_bytes.max(1));
    Some(table.rows.div_ceil(pieces).max(FEWEST_ROWS))
}
