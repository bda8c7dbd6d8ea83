//! What becomes of a run that outlived the daemon which started it: waited for, ended at its time limit, forgotten.
//!
//! Its exit status is lost, so nobody here says whether it succeeded. Only a process that holds the run's lock now,
//! or is provably the recorded one, or belongs to that one's group while it lives, is ever signalled.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::lock::{Record, RunPlace, Slot, boot};
use super::procs::{self, GRACE, KILL_LIMIT, Pinned, Proc};
use crate::model::Moment;
use crate::model::hook::HookEvent;
use crate::wire::blocking::off_thread;

/// A run that an earlier daemon left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it was; absent when that could not be read.
    pub record: Option<Record>,
    /// What became of it.
    pub end: LeftoverEnd,
}

/// What became of a run that was left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftoverEnd {
    /// It had ended before it was looked for.
    Gone,
    /// It was waited for and ended by itself.
    Ended,
    /// It was ended at its time limit; a test at once.
    Limit,
    /// It could not be ended. These processes of it live, as far as they can be seen.
    Stuck(Vec<i32>),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.record {
            Some(run) => write!(
                f,
                "the run of hook {} ({}, turn {}, attempt {}) that an earlier daemon left ",
                run.hook,
                run.event.code(),
                run.turn,
                run.attempt
            )?,
            None => f.write_str("a run of a hook that an earlier daemon left ")?,
        }
        match &self.end {
            LeftoverEnd::Gone => f.write_str("had already ended"),
            LeftoverEnd::Ended => f.write_str("has ended by itself"),
            LeftoverEnd::Limit if is_test(self.record.as_ref()) => {
                f.write_str("was ended: nobody waits for its result any more")
            }
            LeftoverEnd::Limit => f.write_str("was ended at its time limit"),
            LeftoverEnd::Stuck(pids) if pids.is_empty() => {
                f.write_str("still holds its lock, and its processes cannot be seen; end it by hand")
            }
            LeftoverEnd::Stuck(pids) => write!(f, "could not be ended; end the processes {pids:?} by hand"),
        }
    }
}

/// Waits for every run that an earlier daemon left in this region, and ends each at its time limit.
///
/// [`super::hook::run`] does the same for its own hook before it starts; this is for the hooks that are not run again.
/// It may take as long as the longest time limit.
///
/// # Errors
/// The folder or `/proc` cannot be read.
pub async fn settle(place: &RunPlace) -> io::Result<Vec<Leftover>> {
    let mut all = JoinSet::new();
    for slot in Slot::left_in(place)? {
        let clock = place.clock;
        all.spawn(async move {
            let _mine = slot.enter().await;
            settle_slot(&slot, clock).await
        });
    }
    let mut settled = Vec::new();
    while let Some(one) = all.join_next().await {
        settled.extend(one.map_err(io::Error::other)??);
    }
    Ok(settled)
}

/// The same for one slot, which the caller has entered.
///
/// # Errors
/// The folder or `/proc` cannot be read.
pub async fn settle_slot(slot: &Slot, clock: fn() -> Moment) -> io::Result<Option<Leftover>> {
    if slot.is_clean() {
        return Ok(None);
    }
    let seen = inspect(slot).await?;
    let limit_at = seen.record.as_ref().map_or(Moment::default(), limit_at);
    let end = match (&seen.leader, seen.group) {
        (Some(leader), Some(group)) if !exited(leader, limit_at.since(clock())).await => {
            let pinned = gather(slot, group, Some(leader)).await?;
            signal_all(&pinned, Signal::TERM, GRACE).await;
            kill(slot, group, Some(leader), pinned).await?.unwrap_or(LeftoverEnd::Limit)
        }
        (Some(_), Some(group)) => kill(slot, group, None, Vec::new()).await?.unwrap_or(LeftoverEnd::Ended),
        (None, Some(group)) => kill(slot, group, None, Vec::new()).await?.unwrap_or(LeftoverEnd::Gone),
        (_, None) if seen.hidden => LeftoverEnd::Stuck(Vec::new()),
        (_, None) => LeftoverEnd::Gone,
    };
    if !matches!(end, LeftoverEnd::Stuck(_)) {
        slot.clear()?;
    }
    Ok(Some(Leftover { record: seen.record, end }))
}

/// A leftover as it was found.
struct Seen {
    record: Option<Record>,
    /// Its process group, when it is known.
    group: Option<i32>,
    /// Its first process, when it lives.
    leader: Option<Pinned>,
    /// Somebody holds the lock whom we cannot see, and nothing tells us that the run has ended.
    hidden: bool,
}

async fn inspect(slot: &Slot) -> io::Result<Seen> {
    let slot = slot.clone();
    off_thread(move || {
        let record = slot.read();
        // the numbers of another boot mean nothing now
        let known = record.as_ref().filter(|record| record.boot == boot());
        let held = slot.is_held()?;
        let holders = if held { procs::holders(&slot.lock_file())? } else { Vec::new() };
        let recorded = known.and_then(|record| record.leader);
        let session = known.map(|record| record.session);
        let group = match recorded {
            Some(leader) => Some(leader.pid),
            None => window_group(&holders, session),
        };
        let leader = match recorded {
            Some(leader) => procs::look(leader.pid).filter(|now| now.started_ticks == leader.started_ticks),
            None => holders.iter().copied().find(|holder| Some(holder.pid) == group),
        };
        let leader = leader.and_then(Pinned::new);
        let hidden = held && holders.is_empty() && recorded.is_none();
        Ok(Seen { record, group, leader, hidden })
    })
    .await
}

/// The group of a run whose first process was never written down: that of the oldest holder which has not left for a
/// session of its own, as processes do that mean to stay.
fn window_group(holders: &[Proc], session: Option<i32>) -> Option<i32> {
    let stayed = |holder: &&Proc| match session {
        Some(session) => holder.session == session,
        None => holder.session != holder.group,
    };
    holders.iter().filter(stayed).min_by_key(|holder| (holder.started_ticks, holder.pid)).map(|holder| holder.group)
}

/// When a run is ended; a test at once, for the operator who asked is told nothing any more and a real run may wait.
fn limit_at(record: &Record) -> Moment {
    let limit = if is_test(Some(record)) { 0 } else { record.limit_at_ms };
    Moment::from_boot(Duration::from_millis(limit))
}

fn is_test(record: Option<&Record>) -> bool {
    record.is_some_and(|record| record.event == HookEvent::Test)
}

/// Waits for a process to end, at most for `limit`.
async fn exited(process: &Pinned, limit: Duration) -> bool {
    let until = Instant::now().checked_add(limit);
    while process.lives() {
        if until.is_some_and(|until| Instant::now() >= until) {
            return false;
        }
        sleep(Duration::from_millis(50)).await;
    }
    true
}

/// Pins what is left of a run: its whole group while the first process proves that the group is still the run's,
/// otherwise those of the group that hold the lock.
async fn gather(slot: &Slot, group: i32, leader: Option<&Pinned>) -> io::Result<Vec<Pinned>> {
    let mut found = Vec::new();
    if leader.is_some_and(Pinned::lives) {
        found = off_thread(move || Ok(procs::members(group)?.into_iter().filter_map(Pinned::new).collect())).await?;
    }
    if !leader.is_some_and(Pinned::lives) {
        let slot = slot.clone();
        found = off_thread(move || match slot.is_held()? {
            true => {
                let holders = procs::holders(&slot.lock_file())?.into_iter();
                Ok(holders.filter(|holder| holder.group == group).filter_map(Pinned::new).collect())
            }
            false => Ok(Vec::new()),
        })
        .await?;
    }
    Ok(found)
}

/// Signals all of them and waits until none of them lives, at most for `limit`.
async fn signal_all(targets: &[Pinned], signal: Signal, limit: Duration) {
    for target in targets {
        target.signal(signal);
    }
    let until = Instant::now() + limit;
    while targets.iter().any(Pinned::lives) && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Kills what is left, again and again while new ones are born; says so when somebody lives on all the same.
async fn kill(
    slot: &Slot,
    group: i32,
    leader: Option<&Pinned>,
    mut pinned: Vec<Pinned>,
) -> io::Result<Option<LeftoverEnd>> {
    let until = Instant::now() + KILL_LIMIT;
    loop {
        pinned.extend(gather(slot, group, leader).await?);
        pinned.retain(Pinned::lives);
        if pinned.is_empty() {
            return Ok(None);
        }
        if Instant::now() >= until {
            let pids: BTreeSet<i32> = pinned.iter().map(Pinned::pid).collect();
            return Ok(Some(LeftoverEnd::Stuck(pids.into_iter().collect())));
        }
        signal_all(&pinned, Signal::KILL, Duration::from_millis(200)).await;
    }
}
