//! One table, chunk by chunk in the order of its key; inside a chunk that differs, row by row.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::columns::{KeyColumn, hash};
use super::pair::{Pair, STATEMENT};
use super::ranges::{Key as KeyValue, Range};
use super::report::What;
use super::tables::{Key, Table};
use super::{CompareError, Pace};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::fill;
use crate::wire::session::Line;

const CHUNK: Sql = sql!("verify-chunk");
const BOUND: &str = include_str!("../../sql/common/verify-bound.sql");
const ROWS: &str = include_str!("../../sql/common/verify-rows.sql");

/// How long a chunk should take on the slower server.
const CHUNK_TIME: Duration = Duration::from_millis(500);
/// A table that the server takes for no bigger is tried as one chunk: neither is its end looked for, nor every row held
/// against it.
const WHOLE_ROWS: u64 = 2_000_000;
/// How many rows the first chunk of a bigger table has, any chunk at least, and any at most.
const FIRST_ROWS: u64 = 20_000;
const LEAST_ROWS: u64 = 1_000;
const MOST_ROWS: u64 = 1_000_000;
/// Pieces of at most so many rows are compared row by row.
const PIECE: u64 = 500;
/// So many rows of a table are named; then the rest of it is not compared.
const MOST_NAMED: usize = 100;
/// How often a difference must be seen again, each time at a position that was met anew.
const AGAIN: u32 = 2;

/// What is known of a table so far.
#[derive(Debug, Default)]
pub struct Walked {
    /// Rows that were compared, as the master counts them.
    pub rows: u64,
    /// What differs.
    pub found: Vec<What>,
}

/// Rows and their sum, as one side has them.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    rows: u64,
    checksum: String,
}

/// Differing rows by key.
type Rows = BTreeMap<KeyValue, What>;

/// Compares a table; `tell` hears after every chunk how many rows it had.
///
/// # Errors
/// What a server said; or that the table was changed meanwhile.
pub async fn table(
    pair: &mut Pair,
    table: &Table,
    pace: Pace,
    tell: &(dyn Fn(u64) + Sync),
) -> Result<Walked, CompareError> {
    match &table.key {
        Some(key) => Walk { pair, table, key }.run(pace, tell).await,
        None => whole(pair, table).await,
    }
}

/// A table without a usable key, in one statement.
async fn whole(pair: &mut Pair, table: &Table) -> Result<Walked, CompareError> {
    let mut walked = Walked::default();
    for _ in 0..=AGAIN {
        pair.renew().await?;
        let (master, replica) = sums(pair, table, &Range::default(), STATEMENT).await?;
        walked.rows = master.rows;
        if master == replica {
            return Ok(walked);
        }
        walked.found = vec![What::Rows(master.rows, replica.rows)];
    }
    Ok(walked)
}

/// Sums a range up on both sides, none of which may take longer than `limit`.
async fn sums(pair: &mut Pair, table: &Table, range: &Range, limit: Duration) -> Result<(Sum, Sum), CompareError> {
    let (index, condition) = match &table.key {
        Some(key) => (forced(key), range.condition(&key.columns)),
        None => (String::new(), range.condition(&[])),
    };
    let (seconds, milliseconds) = (limit.as_secs_f64().to_string(), limit.as_millis().to_string());
    let gaps = [
        ("seconds", &*seconds),
        ("milliseconds", &*milliseconds),
        ("checksum", &*table.checksum),
        ("table", &*table.place),
        ("index", &*index),
        ("range", &*condition),
    ];
    let (master, replica) = pair.ask_both(&CHUNK.fill(pair.master.family(), &gaps)).await?;
    let sum = |lines: Vec<Line>| {
        let line = lines.into_iter().next().unwrap_or_default();
        Sum { rows: line.number("row_count").unwrap_or(0), checksum: line.text("checksum") }
    };
    Ok((sum(master), sum(replica)))
}

fn forced(key: &Key) -> String {
    format!(" FORCE INDEX ({})", key.index)
}

/// One column's name in an answer.
fn answer_name(at: usize) -> String {
    format!("keyward_key_{at}")
}

struct Walk<'a> {
    pair: &'a mut Pair,
    table: &'a Table,
    key: &'a Key,
}

impl Walk<'_> {
    async fn run(&mut self, pace: Pace, tell: &(dyn Fn(u64) + Sync)) -> Result<Walked, CompareError> {
        let mut walked = Walked::default();
        let (mut suspects, mut named) = (Vec::new(), 0);
        let (mut whole, mut chunk_rows) = (self.table.estimate <= WHOLE_ROWS, FIRST_ROWS);
        let mut after = None;
        loop {
            self.pair.freshen().await?;
            let began = Instant::now();
            let upto = match whole {
                true => None,
                false => self.bound(true, &Range { after: after.clone(), upto: None }, chunk_rows - 1).await?,
            };
            let range = Range { after: after.clone(), upto };
            let limit = if whole || chunk_rows > LEAST_ROWS { pace.longest_chunk } else { STATEMENT };
            let (master, replica) = match sums(self.pair, self.table, &range, limit).await {
                Err(CompareError::Slow) => {
                    chunk_rows = if whole { FIRST_ROWS } else { (chunk_rows / 8).max(LEAST_ROWS) };
                    whole = false;
                    continue;
                }
                ended => ended?,
            };
            let took = began.elapsed();
            walked.rows += master.rows;
            tell(master.rows);
            if master != replica {
                named += self.narrow(range.clone(), (master, replica), &mut suspects, MOST_NAMED - named).await?;
            }
            if range.upto.is_none() || named >= MOST_NAMED {
                break;
            }
            chunk_rows = next_size(chunk_rows, took);
            after = range.upto;
            if pace.rests {
                tokio::time::sleep(took).await;
            }
        }
        walked.found = self.confirm(suspects).await?;
        if named >= MOST_NAMED {
            walked.found.push(What::More);
        }
        Ok(walked)
    }

    /// Halves a range that differs until its pieces can be compared row by row; how many rows differ, about `most` of them.
    async fn narrow(
        &mut self,
        range: Range,
        sum: (Sum, Sum),
        suspects: &mut Vec<(Range, Rows)>,
        most: usize,
    ) -> Result<usize, CompareError> {
        let mut left = vec![(range, sum)];
        let mut named = 0;
        while let Some((range, (master, replica))) = left.pop() {
            if named >= most {
                break;
            }
            let rows = master.rows.max(replica.rows);
            let middle = match rows > PIECE {
                true => self.bound(master.rows >= replica.rows, &range, rows / 2 - 1).await?,
                false => None,
            };
            let Some(middle) = middle else {
                let differing = self.rows(&range).await?;
                named += differing.len();
                if !differing.is_empty() {
                    suspects.push((range, differing));
                }
                continue;
            };
            let upper = Range { after: Some(middle.clone()), upto: range.upto };
            let lower = Range { after: range.after, upto: Some(middle) };
            for half in [upper, lower] {
                let (master, replica) = sums(self.pair, self.table, &half, STATEMENT).await?;
                if master != replica {
                    left.push((half, (master, replica)));
                }
            }
        }
        Ok(named)
    }

    /// Looks at what differs again, at later positions: what was mended meanwhile differs no more.
    async fn confirm(&mut self, mut suspects: Vec<(Range, Rows)>) -> Result<Vec<What>, CompareError> {
        for _ in 0..AGAIN {
            if suspects.is_empty() {
                break;
            }
            self.pair.renew().await?;
            for (range, rows) in &mut suspects {
                let mut now = self.rows(range).await?;
                now.retain(|key, _| rows.contains_key(key));
                *rows = now;
            }
            suspects.retain(|(_, rows)| !rows.is_empty());
        }
        Ok(suspects.into_iter().flat_map(|(_, rows)| rows.into_values()).take(MOST_NAMED).collect())
    }

    /// The key of the row so many rows after the first of a range, on the master or on the replica.
    async fn bound(&mut self, on_master: bool, range: &Range, rows: u64) -> Result<Option<KeyValue>, CompareError> {
        let gaps = [
            ("key", &*self.key_answer()),
            ("table", &*self.table.place),
            ("index", &*forced(self.key)),
            ("range", &*range.condition(&self.key.columns)),
            ("order", &*self.order()),
            ("rows", &*rows.to_string()),
        ];
        let line = self.pair.ask(on_master, &fill(BOUND, &gaps)).await?;
        Ok(line.map(|line| self.values(&line)))
    }

    /// Rows of a small range that differ.
    async fn rows(&mut self, range: &Range) -> Result<Rows, CompareError> {
        let shown: Vec<&str> = self.key.columns.iter().map(|column| column.shown.as_str()).collect();
        let gaps = [
            ("key", &*self.key_answer()),
            ("shown", &*format!("CONCAT({})", shown.join(", ', ', "))),
            ("hash", &*hash(&self.table.row)),
            ("table", &*self.table.place),
            ("index", &*forced(self.key)),
            ("range", &*range.condition(&self.key.columns)),
            ("order", &*self.order()),
            // more than there are, unless they grew since they were counted
            ("rows", &*(PIECE * 4).to_string()),
        ];
        let (master, replica) = self.pair.ask_both(&fill(ROWS, &gaps)).await?;
        let by_key = |lines: Vec<Line>| -> BTreeMap<KeyValue, (String, String)> {
            lines.iter().map(|line| (self.values(line), (line.text("hash"), line.text("shown")))).collect()
        };
        let (here, mut there) = (by_key(master), by_key(replica));
        let mut differing = Rows::new();
        for (key, (hash, shown)) in here {
            match there.remove(&key) {
                Some((other, _)) if other == hash => {}
                Some(_) => drop(differing.insert(key, What::DifferentRow(shown))),
                None => drop(differing.insert(key, What::MissingRow(shown))),
            }
        }
        differing.extend(there.into_iter().map(|(key, (_, shown))| (key, What::ExtraRow(shown))));
        Ok(differing)
    }

    fn key_answer(&self) -> String {
        let name = |(at, column): (usize, &KeyColumn)| format!("{} AS {}", column.read, answer_name(at));
        self.key.columns.iter().enumerate().map(name).collect::<Vec<_>>().join(", ")
    }

    fn order(&self) -> String {
        self.key.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn values(&self, line: &Line) -> KeyValue {
        (0..self.key.columns.len()).map(|at| line.bytes(&answer_name(at)).unwrap_or_default().to_vec()).collect()
    }
}

/// How many rows the next chunk should have.
fn next_size(rows: u64, took: Duration) -> u64 {
    let fits = rows as f64 * CHUNK_TIME.as_secs_f64() / took.as_secs_f64().max(0.001);
    // in steps, because the first chunk finds its pages on the disk and the next in memory
    (fits as u64).clamp(rows / 4, rows * 4).clamp(LEAST_ROWS, MOST_ROWS)
}
