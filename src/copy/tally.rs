//! How far a copy has come, counted from all streams and told to whoever waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::definitions::SchemaDefinition;
use super::lock::Lock;

/// How far a copy has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The table that was begun last, as `schema.table`.
    pub table: String,
    /// Tables that are whole.
    pub tables_done: usize,
    /// Tables there are.
    pub tables: usize,
    /// Rows handed over to the replica.
    pub rows: u64,
    /// Bytes handed over, as text.
    pub bytes: u64,
    /// Bytes that there are to hand over: an estimate that gets better as tables are done.
    pub bytes_expected: u64,
    /// How long rows have been copied.
    pub elapsed: Duration,
    /// Streams at work.
    pub streams: usize,
    /// The lock that the snapshots were opened under; `None` where none was needed.
    pub lock: Option<Lock>,
}

impl Copied {
    /// Bytes a second so far; `None` in the first moment.
    pub fn rate(&self) -> Option<u64> {
        let millis = u64::try_from(self.elapsed.as_millis()).ok().filter(|millis| *millis >= 500)?;
        Some(self.bytes.saturating_mul(1_000) / millis)
    }

    /// How long the rest of the rows will take at this rate; indexes come on top.
    pub fn left(&self) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(self.bytes_expected.saturating_sub(self.bytes) / rate))
    }
}

/// One table's part.
#[derive(Debug, Default)]
struct Part {
    estimate: u64,
    bytes: u64,
    done: bool,
}

#[derive(Debug)]
struct State {
    copied: Copied,
    parts: Vec<Part>,
    began: Instant,
}

/// Counts.
pub struct Tally<'a> {
    state: Mutex<State>,
    tell: &'a (dyn Fn(Copied) + Sync),
}

impl<'a> Tally<'a> {
    /// Begins to count; `estimates` are the tables' bytes on disk, in the order of the board.
    pub fn new(estimates: Vec<u64>, streams: usize, lock: Option<Lock>, tell: &'a (dyn Fn(Copied) + Sync)) -> Self {
        let parts: Vec<Part> = estimates.into_iter().map(|estimate| Part { estimate, ..Part::default() }).collect();
        let copied = Copied { tables: parts.len(), streams, lock, ..Copied::default() };
        Self { state: Mutex::new(State { copied, parts, began: Instant::now() }), tell }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let copied = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            state.copied.elapsed = state.began.elapsed();
            state.copied.bytes_expected = expected(&state.parts);
            state.copied.clone()
        };
        (self.tell)(copied);
    }

    /// A stream begins with a piece of this table.
    pub fn begun(&self, table: String) {
        self.change(|state| state.copied.table = table);
    }

    /// Rows of the table with this number were read and handed over.
    pub fn read(&self, at: usize, rows: u64, bytes: u64) {
        self.change(|state| {
            state.copied.rows += rows;
            state.copied.bytes += bytes;
            if let Some(part) = state.parts.get_mut(at) {
                part.bytes += bytes;
            }
        });
    }

    /// The table with this number is whole.
    pub fn done(&self, at: usize) {
        self.change(|state| {
            state.copied.tables_done += 1;
            if let Some(part) = state.parts.get_mut(at) {
                part.done = true;
            }
        });
    }
}

/// What all tables will come to: those that are done count as they were, the rest in proportion to them.
fn expected(parts: &[Part]) -> u64 {
    let done = parts.iter().filter(|part| part.done && part.estimate > 0);
    let (seen, guessed) = done.fold((0, 0), |(seen, guessed), part| (seen + part.bytes, guessed + part.estimate));
    let scaled = |estimate: u64| match u128::from(estimate) * u128::from(seen.max(1)) {
        _ if guessed == 0 => estimate,
        product => u64::try_from(product / u128::from(guessed)).unwrap_or(u64::MAX),
    };
    parts.iter().map(|part| if part.done { part.bytes } else { part.bytes.max(scaled(part.estimate)) }).sum()
}

/// The largest table's bytes first, as the board has them.
pub fn estimates(schemas: &[SchemaDefinition]) -> Vec<u64> {
    let mut all: Vec<u64> = schemas.iter().flat_map(|schema| &schema.tables).map(|table| table.bytes).collect();
    all.sort_by_key(|bytes| std::cmp::Reverse(*bytes));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_what_was_seen_and_never_falls_below_it() {
        let part = |estimate, bytes, done| Part { estimate, bytes, done };
        assert_eq!(expected(&[part(100, 0, false), part(10, 20, false)]), 120);
        assert_eq!(expected(&[part(100, 50, true), part(10, 0, false)]), 55);
    }

    #[test]
    fn rate_and_time_left_wait_until_they_mean_something() {
        let copied = |millis| Copied {
            bytes: 10_000,
            bytes_expected: 40_000,
            elapsed: Duration::from_millis(millis),
            ..Copied::default()
        };
        assert_eq!((copied(10).rate(), copied(10).left()), (None, None));
        assert_eq!((copied(1_000).rate(), copied(1_000).left()), (Some(10_000), Some(Duration::from_secs(3))));
    }
}
