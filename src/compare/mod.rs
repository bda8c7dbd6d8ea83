//! Two servers compared: are master and replica equal at one position? Only reading, without a lock.
//!
//! Every chunk is summed up on both servers at once, in two snapshots that stand at exactly the same transaction (`pair`).
//! What differs is looked at row by row, and again at later positions before it counts: rows in flight never do.
//! Snapshots are renewed every 10 s, chunks take about 0.5 s and never more than 2 s, and nothing on either server is held
//! for longer than one.

mod columns;
mod pair;
mod ranges;
mod report;
mod rights;
mod tables;
mod walk;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use report::{Difference, Report, What};

use crate::config::Settings;
use crate::config::schema::Replica;
use crate::model::RegionName;
use crate::wire::connect::Target;
use crate::wire::session::Trouble;
use pair::Pair;
use tables::Table;

/// How often a table is begun again because it was altered meanwhile.
const MOST_ATTEMPTS: u32 = 3;

/// How much of the servers a comparison may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Tables at once: 1 or 2, each with a connection to either server.
    pub tables_at_once: usize,
    /// It rests after each chunk for as long as that took.
    pub rests: bool,
    /// A server ends the statement of a chunk after so long; the chunk is made smaller then.
    pub longest_chunk: Duration,
}

impl Pace {
    /// For somebody who waits for the end.
    pub const BRISK: Pace = Pace { tables_at_once: 2, rests: false, longest_chunk: Duration::from_secs(2) };
    /// For the daemon: half of one connection's time.
    pub const CALM: Pace = Pace { tables_at_once: 1, rests: true, longest_chunk: Duration::from_secs(2) };
}

/// How far a comparison has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The table that is being compared, as `schema.table`.
    pub table: String,
    /// Tables that are done.
    pub tables_done: usize,
    /// Tables there are.
    pub tables: usize,
    /// Rows compared.
    pub rows: u64,
    /// Rows there are, as the master estimates them.
    pub rows_expected: u64,
    /// Differences found so far.
    pub differences: usize,
}

/// Why a comparison has no result.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A server did not do what it was asked.
    #[error("{doing}: {trouble}")]
    Trouble {
        /// What was being done.
        doing: String,
        /// What came of it.
        trouble: Trouble,
    },
    /// The replica does not follow the master, so that they have no position in common.
    #[error("{0}")]
    NotFollowing(String),
    /// Keyward's account may not read all of it.
    #[error("{0}")]
    Blind(String),
    /// The table was changed while it was compared; it is begun again.
    #[error("a table was changed while it was compared")]
    Changed,
    /// A server ended a statement that took longer than it may.
    #[error("a server took longer than it may for one statement on a table: verify when it has less to do")]
    Slow,
}

/// Puts what was being done in front of a trouble.
fn while_doing(doing: impl Into<String>) -> impl FnOnce(Trouble) -> CompareError {
    let doing = doing.into();
    move |trouble| CompareError::Trouble { doing, trouble }
}

/// Compares the replicated databases of the master and one replica. Nothing is written on either.
///
/// # Errors
/// Why there is no result.
pub async fn run(
    settings: &Settings,
    (region, replica): (&RegionName, &Replica),
    pace: Pace,
    tell: &(dyn Fn(Compared) + Sync),
) -> Result<Report, CompareError> {
    let began = Instant::now();
    let sides = Sides::of(settings, region, replica);
    let mut first = sides.connect().await?;
    let databases = &settings.replication.databases;
    let views = rights::check(&mut first.master, databases).await?;
    let other = rights::check(&mut first.replica, databases).await?;
    let views: Vec<String> = views.into_iter().filter(|schema| other.contains(schema)).collect();
    let (mut queue, differences) = tables::read(&mut first, databases, &views).await?;
    // the biggest first, so that two connections end at about the same time
    queue.sort_by_key(|table| std::cmp::Reverse(table.estimate));
    let progress = Compared {
        tables: queue.len(),
        rows_expected: queue.iter().map(|table| table.estimate).sum(),
        differences: differences.len(),
        ..Compared::default()
    };
    let job = Job {
        pace,
        tell,
        state: Mutex::new(State {
            queue: queue.into_iter().map(|table| (table, 1)).collect(),
            report: Report { differences, ..Report::default() },
            progress,
        }),
    };
    if pace.tables_at_once > 1 && job.state().queue.len() > 1 {
        let mut second = sides.connect().await?;
        tokio::try_join!(job.work(&mut first), job.work(&mut second))?;
        first.standing = first.standing.or(second.standing.take());
        second.end().await;
    } else {
        job.work(&mut first).await?;
    }
    let mut report = job.state.into_inner().unwrap_or_else(PoisonError::into_inner).report;
    report.standing = first.standing.take();
    first.end().await;
    report.differences.sort();
    report.restless.sort();
    report.took = began.elapsed();
    Ok(report)
}

/// Where both sides are.
struct Sides {
    masters: Vec<(Target, String)>,
    replica: (Target, String),
}

impl Sides {
    fn of(settings: &Settings, region: &RegionName, replica: &Replica) -> Self {
        let masters = settings.master.addresses.iter();
        let master = |address| (Target::of(settings, address, &settings.tls), format!("master {address}"));
        let target = Target::of(settings, &replica.address, &replica.tls);
        Self { masters: masters.map(master).collect(), replica: (target, format!("replica {region}/{}", replica.name)) }
    }

    /// Both sides, the master at the first of its addresses that answers.
    async fn connect(&self) -> Result<Pair, CompareError> {
        let mut last = None;
        for (target, who) in &self.masters {
            match Pair::connect((target, who), (&self.replica.0, &self.replica.1)).await {
                Ok(pair) => return Ok(pair),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| CompareError::NotFollowing("the settings have no address of the master".to_owned())))
    }
}

/// What the connections share.
struct Job<'a> {
    pace: Pace,
    tell: &'a (dyn Fn(Compared) + Sync),
    state: Mutex<State>,
}

struct State {
    /// Tables to do, each with the number of the attempt.
    queue: VecDeque<(Table, u32)>,
    report: Report,
    progress: Compared,
}

impl Job<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does table after table until none is left.
    async fn work(&self, pair: &mut Pair) -> Result<(), CompareError> {
        loop {
            let Some((table, attempt)) = self.state().queue.pop_front() else { return Ok(()) };
            self.told(|progress| progress.table.clone_from(&table.name));
            let rows = |rows| self.told(|progress| progress.rows += rows);
            match walk::table(pair, &table, self.pace, &rows).await {
                Ok(walked) => {
                    let mut state = self.state();
                    state.report.tables += 1;
                    state.report.rows += walked.rows;
                    let found = walked.found.into_iter().map(|what| Difference { table: table.name.clone(), what });
                    state.report.differences.extend(found);
                    state.progress.differences = state.report.differences.len();
                }
                Err(CompareError::Changed) => {
                    pair.leave().await?;
                    let mut state = self.state();
                    match attempt < MOST_ATTEMPTS {
                        true => state.queue.push_back((table, attempt + 1)),
                        false => state.report.restless.push(table.name),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.told(|progress| progress.tables_done += 1);
        }
    }

    fn told(&self, change: impl FnOnce(&mut Compared)) {
        let progress = {
            let mut state = self.state();
            change(&mut state.progress);
            state.progress.clone()
        };
        (self.tell)(progress);
    }
}
