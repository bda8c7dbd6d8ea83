//! Two snapshots at one position: one on the master, one on the replica.
//!
//! Nothing is held for it, on either server. The master's snapshot is opened first; the replica waits by itself for that
//! position and opens its own the moment it is there. When more was applied by then, both begin anew. A killed keyward
//! leaves nothing behind: the servers end its transactions with its connections.
//!
//! A replica that does not follow, because its threads were stopped by an error, by hand, or by keyward when the master
//! lost transactions, is compared as it stands; the report says so.

use std::time::{Duration, Instant};

use super::{CompareError, while_doing};
use crate::dialect::position::{self, Met, Stand};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::fill;
use crate::model::observation::ThreadState;
use crate::wire::connect::Target;
use crate::wire::session::{Line, Session, Trouble};

const SESSION: Sql = sql!("verify-session");
const NAMES_BINARY: &str = include_str!("../../sql/common/names-binary.sql");
const RELEASE: &str = include_str!("../../sql/common/snapshot-release.sql");
const END: &str = include_str!("../../sql/common/snapshot-end.sql");

/// How long one statement may take; the server ends it then too.
pub const STATEMENT: Duration = Duration::from_secs(600);
/// How old a pair of snapshots becomes: a server keeps what was deleted since.
const OLDEST: Duration = Duration::from_secs(10);
/// How long the replica may take to come to the master's position.
const FOLLOW: Duration = Duration::from_secs(60);
/// How long one of its threads may stand meanwhile.
const STOPPED: Duration = Duration::from_secs(5);
/// How long the servers are tried to be met at one position.
const MEET: Duration = Duration::from_secs(60);
/// How long the replica waits in one statement, in seconds.
const WAIT_SECONDS: u64 = 1;
/// Only every so many tries the master may search its binlog for a position: that reads the file.
const LOOK_UP_EVERY: u32 = 8;

/// The two connections, and their snapshots.
#[derive(Debug)]
pub struct Pair {
    /// On the master.
    pub master: Session,
    /// On the replica.
    pub replica: Session,
    /// Why the replica does not follow; it is compared as it stands then.
    pub standing: Option<String>,
    opened: Option<Instant>,
}

impl Pair {
    /// Connects to both; there are no snapshots yet.
    ///
    /// # Errors
    /// Why there is no connection, or that the two are of different families.
    pub async fn connect(master: (&Target, &str), replica: (&Target, &str)) -> Result<Self, CompareError> {
        let open = async |(target, who): (&Target, &str)| -> Result<Session, Trouble> {
            // a little longer than the server, whose own words say more
            let mut session = Session::open(target, who, STATEMENT + Duration::from_secs(5)).await?;
            let seconds = STATEMENT.as_secs().to_string();
            session.run(SESSION.fill(session.family(), &[("seconds", &seconds)])).await?;
            session.run(fill(NAMES_BINARY, &[])).await?;
            Ok(session)
        };
        let master = open(master).await.map_err(while_doing("connect"))?;
        let replica = open(replica).await.map_err(while_doing("connect"))?;
        if master.family() != replica.family() {
            let (one, other) = (master.family(), replica.family());
            let what = format!("{} is {one} and {} is {other}: they cannot", master.who(), replica.who());
            return Err(CompareError::NotFollowing(format!("{what} replicate to each other")));
        }
        let mut pair = Self { master, replica, standing: None, opened: None };
        let began = Instant::now();
        while let Some(why) = pair.why_standing().await {
            // keyward itself or a passing fault may have stopped it for a moment
            if began.elapsed() > STOPPED {
                pair.standing = Some(why);
                break;
            }
            tokio::time::sleep(STOPPED / 10).await;
        }
        Ok(pair)
    }

    /// Sees to it that the snapshots are not older than they may be.
    ///
    /// # Errors
    /// As [`Pair::renew`].
    pub async fn freshen(&mut self) -> Result<(), CompareError> {
        match self.opened.is_some_and(|at| at.elapsed() < OLDEST) {
            true => Ok(()),
            false => self.renew().await,
        }
    }

    /// Ends the snapshots and opens new ones, at one position.
    ///
    /// # Errors
    /// What a server said; or that the replica does not follow the master.
    pub async fn renew(&mut self) -> Result<(), CompareError> {
        self.opened = None;
        let began = Instant::now();
        let mut tries = 0;
        while began.elapsed() < MEET {
            tries += 1;
            let position = self.on_master(tries).await?;
            if self.standing.is_some() {
                let doing = || while_doing("open a snapshot");
                self.replica.run(fill(END, &[])).await.map_err(doing())?;
                self.replica.tables(&position::open_standing()).await.map_err(doing())?;
                self.opened = Some(Instant::now());
                return Ok(());
            }
            let Some(position) = position else {
                tokio::time::sleep(Duration::from_millis(u64::from(tries.min(20)))).await;
                continue;
            };
            let waited_from = Instant::now();
            loop {
                self.replica.run(fill(END, &[])).await.map_err(while_doing("end a snapshot"))?;
                let asked = position::open_on_replica(self.replica.family(), &position, WAIT_SECONDS);
                let tables = self.replica.tables(&asked).await.map_err(while_doing("open a snapshot"))?;
                match position::met(&position, &tables) {
                    Ok(Met::Exactly) => {
                        self.opened = Some(Instant::now());
                        return Ok(());
                    }
                    Ok(Met::Ahead) => break,
                    Ok(Met::Behind) => {
                        self.standing = self.may_still_come(waited_from.elapsed()).await?;
                        if self.standing.is_some() {
                            break;
                        }
                    }
                    Err(why) => return Err(while_doing("open a snapshot")(self.replica.trouble(&why))),
                }
            }
        }
        Err(CompareError::NotFollowing(format!(
            "{} and {} could not be met at one position within {} s, because too much is written: try again when it is \
             quieter",
            self.master.who(),
            self.replica.who(),
            MEET.as_secs()
        )))
    }

    /// Opens the master's snapshot; its position, or nothing when that cannot be told this time.
    async fn on_master(&mut self, tries: u32) -> Result<Option<String>, CompareError> {
        let doing = || while_doing("open a snapshot");
        self.master.run(fill(END, &[])).await.map_err(doing())?;
        let family = self.master.family();
        let tables = self.master.tables(&position::open_on_master(family)).await.map_err(doing())?;
        match position::stand(family, &tables) {
            Ok(Stand::At(position)) => Ok(Some(position)),
            Ok(Stand::Hidden(question)) if tries.is_multiple_of(LOOK_UP_EVERY) => {
                let position = self.master.line(question).await.map_err(doing())?.text("position");
                Ok((!position.is_empty()).then_some(position))
            }
            Ok(Stand::Hidden(_) | Stand::Unknown) => Ok(None),
            Err(why) => Err(doing()(self.master.trouble(&why))),
        }
    }

    /// Asks both at once, in their snapshots, and gives the tables' metadata locks back, so that nobody who alters a table
    /// waits longer than for this.
    ///
    /// # Errors
    /// What a server said; or that the table was changed since.
    pub async fn ask_both(&mut self, statement: &str) -> Result<(Vec<Line>, Vec<Line>), CompareError> {
        let ask = async |session: &mut Session| {
            let lines = session.lines(statement).await?;
            session.run(fill(RELEASE, &[])).await?;
            Ok(lines)
        };
        let (one, other) = tokio::join!(ask(&mut self.master), ask(&mut self.replica));
        Ok((one.map_err(changed)?, other.map_err(changed)?))
    }

    /// Asks one of them, in its snapshot.
    ///
    /// # Errors
    /// As [`Pair::ask_both`].
    pub async fn ask(&mut self, on_master: bool, statement: &str) -> Result<Option<Line>, CompareError> {
        let session = if on_master { &mut self.master } else { &mut self.replica };
        let lines = session.lines(statement).await.map_err(changed)?;
        session.run(fill(RELEASE, &[])).await.map_err(changed)?;
        Ok(lines.into_iter().next())
    }

    /// Gives the snapshots up.
    ///
    /// # Errors
    /// What a server said.
    pub async fn leave(&mut self) -> Result<(), CompareError> {
        self.opened = None;
        for session in [&mut self.master, &mut self.replica] {
            session.run(fill(END, &[])).await.map_err(while_doing("end a snapshot"))?;
        }
        Ok(())
    }

    /// Says goodbye to both.
    pub async fn end(self) {
        self.master.end().await;
        self.replica.end().await;
    }

    /// Why it is not worth waiting on for a replica that is behind for so long; `None` when it is.
    async fn may_still_come(&mut self, behind: Duration) -> Result<Option<String>, CompareError> {
        let stopped = self.why_standing().await;
        if behind < if stopped.is_some() { STOPPED } else { FOLLOW } {
            return Ok(None);
        }
        let late = || {
            format!(
                "{} has not come to the master's position within {} s: verify when it has caught up (`keyward status`)",
                self.replica.who(),
                FOLLOW.as_secs()
            )
        };
        // one that stopped only now is compared as it stands from here on
        stopped.map(Some).ok_or_else(|| CompareError::NotFollowing(late()))
    }

    /// Why the replica does not follow its master; nothing when it does, or when nobody may say.
    async fn why_standing(&mut self) -> Option<String> {
        let who = self.replica.who().to_owned();
        let links = self.replica.links().await.ok()?;
        let Some((_, settings)) = links.first() else { return Some(format!("{who} has no replication link")) };
        let link = &settings.facts;
        let threads = [("applies", link.sql, &link.sql_error), ("receives", link.io, &link.io_error)];
        let (what, _, error) = threads.into_iter().find(|(_, state, _)| *state != ThreadState::Running)?;
        Some(match error.is_empty() {
            true => format!("{who} does not follow its master: the thread that {what} does not run"),
            false => format!("{who} does not follow its master: {error}"),
        })
    }
}

/// What a server says of a table that is not any more what the snapshot saw: changed, gone, a column or a key gone; and
/// of a statement that took longer than it may.
fn changed(trouble: Trouble) -> CompareError {
    match trouble.code {
        Some(1412 | 1146 | 1054 | 1176) => CompareError::Changed,
        Some(1969 | 3024) => CompareError::Slow,
        _ => while_doing("compare rows")(trouble),
    }
}
