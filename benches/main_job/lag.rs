//! How far `keyward_replica_lag_seconds` is from the truth.
//!
//! A writer commits a row every 50 ms on the master, each with the moment in which it was sent. The true lag at a moment
//! is the age of the oldest row that the master has acknowledged and the replica does not show; when none is missing,
//! it is 0 while the master takes rows, and the age of the newest row on the replica while it takes none (its last row
//! was acknowledged longer ago than `STALL`). That is what the metric promises, told by rows and not by beats. One
//! machine, one clock.
//!
//! MariaDB delays by whole seconds: the rows of one second appear at once, and the truth jumps by a second. No look sees
//! that before it begins. So the error beyond one look is the distance from the metric to all that was true within the
//! last interval of the looks, at its moment or carried on to the moment of the scrape: when all was there at a moment,
//! what came after it may be missing since.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use keyward::lab::client::rows;
use keyward::lab::http;
use mysql_async::prelude::Queryable;

use crate::figures;
use crate::rig::{LIMIT, Pace, Rig};

const BUDGET_SECONDS: f64 = 0.1;
const WRITE_EVERY: Duration = Duration::from_millis(50);
const STALL: Duration = Duration::from_millis(200);
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// What the writer has been told of its rows: when each was sent, and when the last answer came.
#[derive(Debug, Default)]
struct Written {
    sent: Vec<Duration>,
    answered: Duration,
}

/// The whole measurement: a delayed replica, then a frozen master, with and without the delay.
pub async fn measure(rig: &mut Rig, pace: Pace) -> anyhow::Result<()> {
    rig.one.sql("CREATE TABLE keystone.bench_row (sent BIGINT PRIMARY KEY)").await?;
    let began = Instant::now();
    let written = Arc::new(Mutex::new(Written::default()));
    let writer = tokio::spawn(write(rig.one.root().connect().await?, began, Arc::clone(&written)));
    let ruler = Ruler { rig, pace, began, written };
    ruler.delay(5).await?;
    ruler.run("MASTER_DELAY = 5", Duration::from_secs(20)).await?;
    ruler.rig.one.freeze()?;
    ruler.run("MASTER_DELAY = 5, master frozen", Duration::from_secs(10)).await?;
    ruler.rig.one.thaw()?;
    ruler.delay(0).await?;
    ruler.run("no delay", Duration::from_secs(10)).await?;
    ruler.rig.one.freeze()?;
    ruler.run("no delay, master frozen", Duration::from_secs(10)).await?;
    ruler.rig.one.thaw()?;
    ensure!(!writer.is_finished(), "the writer ended: {:?}", writer.await);
    writer.abort();
    Ok(())
}

async fn write(mut conn: mysql_async::Conn, began: Instant, written: Arc<Mutex<Written>>) -> anyhow::Result<()> {
    let mut rhythm = tokio::time::interval(WRITE_EVERY);
    rhythm.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rhythm.tick().await;
        let sent = began.elapsed();
        conn.query_drop(format!("INSERT INTO keystone.bench_row VALUES ({})", sent.as_micros())).await?;
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        // to the microsecond, as the row holds it
        written.sent.push(Duration::from_micros(u64::try_from(sent.as_micros())?));
        written.answered = began.elapsed();
    }
}

struct Ruler<'a> {
    rig: &'a Rig,
    pace: Pace,
    began: Instant,
    written: Arc<Mutex<Written>>,
}

impl Ruler<'_> {
    /// Sets the link's delay by hand and waits until the replica shows rows that old, and no older.
    async fn delay(&self, seconds: u32) -> anyhow::Result<()> {
        let two = &self.rig.two;
        let links = two.rows("SHOW ALL SLAVES STATUS").await?;
        let name = links.first().and_then(|link| link.first().cloned().flatten()).context("the replica has no link")?;
        let change = format!("CHANGE MASTER '{name}' TO MASTER_DELAY = {seconds}");
        two.sql(&format!("STOP SLAVE '{name}'; {change}; START SLAVE '{name}'")).await?;
        let settled = |value: f64| (value - f64::from(seconds)).abs() <= 0.5;
        let started = Instant::now();
        loop {
            let lag = self.rig.region().await?.replicas[0].lag_seconds.unwrap_or(f64::MAX);
            let age = self.newest().await?.map_or(f64::MAX, |at| self.began.elapsed().saturating_sub(at).as_secs_f64());
            if settled(lag) && settled(age) {
                return Ok(());
            }
            ensure!(started.elapsed() < LIMIT, "the link never was {seconds} s late: lag {lag}, newest row {age}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn newest(&self) -> anyhow::Result<Option<Duration>> {
        let newest = self.rig.two.value("SELECT MAX(sent) FROM keystone.bench_row").await?;
        Ok(newest.map(|micros| micros.parse()).transpose()?.map(Duration::from_micros))
    }

    async fn run(&self, what: &str, span: Duration) -> anyhow::Result<()> {
        let mut replica = self.rig.two.root().connect().await?;
        let (until, mut truths, mut errors, mut absent) = (Instant::now() + span, VecDeque::new(), Vec::new(), 0_usize);
        while Instant::now() < until {
            let answer = rows(&mut replica, "SELECT MAX(sent) FROM keystone.bench_row").await?;
            let newest = answer[0][0].as_deref().context("no row on the replica")?;
            truths.push_back(self.truth(Duration::from_micros(newest.parse()?)));
            let metrics = http::get(&self.rig.http, "/metrics").await?.body;
            let now = self.began.elapsed();
            // what was true when the interval began was found out before it
            while truths.get(1).is_some_and(|next: &Truth| next.at + self.pace.look <= now) {
                truths.pop_front();
            }
            let line = metrics.lines().find(|line| line.starts_with("keyward_replica_lag_seconds{"));
            match line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()) {
                Some(told) => errors.push(distance(told, &truths, now)),
                None => absent += 1,
            }
            tokio::time::sleep(SAMPLE_EVERY).await;
        }
        let count = errors.len();
        figures::print(&format!("{what}: p95 of {count}"), figures::percentile(&mut errors, 95), "s", BUDGET_SECONDS);
        let (median, worst) = (figures::percentile(&mut errors, 50), figures::percentile(&mut errors, 100));
        println!("    median {median:.3} s, worst {worst:.3} s, absent {absent} times");
        Ok(())
    }

    /// What is true now, when `newest` is the newest row on the replica.
    fn truth(&self, newest: Duration) -> Truth {
        let at = self.began.elapsed();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = written.sent.get(written.sent.partition_point(|sent| *sent <= newest)).copied();
        let stalled = at.saturating_sub(written.answered) > STALL;
        Truth { at, since: missing.or(stalled.then_some(newest)) }
    }
}

/// The true lag at a moment: nothing, or counted from another.
struct Truth {
    at: Duration,
    since: Option<Duration>,
}

/// How far `told` is from everything between the least and the greatest of the `truths`.
fn distance(told: f64, truths: &VecDeque<Truth>, now: Duration) -> f64 {
    let lag = |at: Duration, truth: &Truth| at.saturating_sub(truth.since.unwrap_or(truth.at)).as_secs_f64();
    let least = truths.iter().map(|truth| lag(truth.at, truth)).fold(f64::INFINITY, f64::min);
    let greatest = truths.iter().map(|truth| lag(now, truth)).fold(0.0, f64::max);
    (least - told).max(told - greatest).max(0.0)
}
