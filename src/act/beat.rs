//! A task that writes numbered beats into this keyward's own row on the master, on a connection of its own.
//!
//! After any gap it reads the row and waits for an order: whether the master has lost transactions is not decided
//! here. A number is never sent twice, so that a beat thought lost and committed late is not taken for a newer one.

use std::time::Duration;

use jiff::Timestamp;
use mysql_async::Conn;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::dialect::answer::table;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, literal};
use crate::model::observation::{BeatOrder, BeatOutcome};
use crate::model::{Failure, Family, Moment, Now, Reason};
use crate::wire::connect::{Target, meaning};
use crate::wire::server::{Patience, ask, discard, open, timed_out, unexpected};

const READ: &str = include_str!("../../sql/common/beat-read.sql");
const WRITE: Sql = sql!("beat-write");
const LEAST_ON_MYSQL: Duration = Duration::from_secs(2);
/// While the daemon makes up its mind the connection is silent.
const IDLE: Duration = Duration::from_secs(600);

/// What beats are written, where and how often.
#[derive(Clone, Debug)]
pub struct BeatPlan {
    /// The master.
    pub target: Target,
    /// The id of this keyward instance, the row's key.
    pub instance: String,
    /// A beat this often.
    pub beat_interval: Duration,
    /// Limit of one read or write.
    pub limit: Duration,
}

impl BeatPlan {
    fn patience(&self) -> Patience {
        // a lock that is in the way shall be an answer, which is only told apart when it comes before the limit
        let lock = Duration::from_secs(self.limit.as_secs().saturating_sub(1));
        Patience { idle: IDLE, statement: self.limit * 2, lock }
    }
}

/// Writes beats until `stop` turns true or the other end of a channel is gone.
pub async fn write_beats<M: Send>(
    plan: BeatPlan,
    clock: fn() -> Now,
    mut orders: mpsc::Receiver<BeatOrder>,
    sink: mpsc::Sender<M>,
    wrap: impl Fn(BeatOutcome) -> M,
    mut stop: watch::Receiver<bool>,
) {
    let interval = plan.beat_interval;
    let (conn, family, state) = (None, Family::default(), State::Unread);
    let mut beater = Beater { plan, clock, conn, family, state, attempted: 0, unanswered: None };
    let beating = async {
        let mut due = Instant::now();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => beater.take(order),
                    None => return,
                },
                () = sleep_until(due), if matches!(beater.state, State::Unread | State::Writing(_)) => {
                    for outcome in beater.step().await {
                        if sink.send(wrap(outcome)).await.is_err() {
                            return;
                        }
                    }
                    due = (due + interval).max(Instant::now());
                }
            }
        }
    };
    tokio::select! {
        () = beating => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    beater.lose();
}

/// What the server's words about a lock leave open: whose it may be.
fn explained(mut failure: Failure) -> Failure {
    if failure.detail.starts_with("1205 ") {
        failure.detail.push_str("; in the way is a lock, a backup, a full disk or a standby that does not confirm");
    }
    failure
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The row must be read before anything is written.
    Unread,
    /// The row was reported, its order has not come.
    Waiting,
    /// The order is to write nothing.
    Held,
    /// The order is to write, this number next.
    Writing(u64),
}

/// A beat that was sent.
#[derive(Clone, Copy, Debug)]
struct Beat {
    number: u64,
    sent: Moment,
    written_at: Timestamp,
}

impl Beat {
    fn acknowledged(self) -> BeatOutcome {
        BeatOutcome::Acknowledged { number: self.number, sent: self.sent, written_at: self.written_at }
    }
}

/// Why a statement was not done, and whether the connection can go on.
struct Trouble {
    failure: Failure,
    answered: bool,
}

struct Beater {
    plan: BeatPlan,
    clock: fn() -> Now,
    conn: Option<Conn>,
    family: Family,
    state: State,
    /// The greatest number ever sent, acknowledged or not.
    attempted: u64,
    /// The last beat whose answer was lost.
    unanswered: Option<Beat>,
}

impl Beater {
    fn take(&mut self, order: BeatOrder) {
        self.state = match (self.state, order) {
            // given before what is being read now
            (State::Unread, _) => State::Unread,
            (_, BeatOrder::Hold) => State::Held,
            (State::Held, BeatOrder::Write { .. }) => State::Unread,
            (State::Waiting, BeatOrder::Write { next }) => State::Writing(next),
            (State::Writing(number), BeatOrder::Write { next }) => State::Writing(number.max(next)),
        };
    }

    async fn step(&mut self) -> Vec<BeatOutcome> {
        match self.state {
            State::Writing(number) => vec![self.write(number).await],
            _ => self.read().await,
        }
    }

    async fn read(&mut self) -> Vec<BeatOutcome> {
        if self.conn.is_none() {
            match open(&self.plan.target, self.plan.patience()).await {
                Ok((conn, greeting)) => (self.conn, self.family) = (Some(conn), greeting.family),
                Err(failure) if failure.reason.is_evidence() => return vec![BeatOutcome::Unknown(failure)],
                Err(failure) => return vec![BeatOutcome::Refused(failure)],
            }
        }
        let statement = fill(READ, &[("instance", &literal(&self.plan.instance))]);
        let number = match self.run(&statement).await {
            Ok((tables, _)) => {
                let row = table(&tables, "number").and_then(|table| table.records().next());
                row.map(|row| row.number::<u64>("number")).transpose().map(Option::flatten)
            }
            Err(trouble) => return vec![self.failed(trouble)],
        };
        let number = match number {
            Ok(number) => number,
            Err(why) => return vec![BeatOutcome::Refused(unexpected(&self.plan.target.place, &why))],
        };
        self.state = State::Waiting;
        let unanswered = self.unanswered.take().filter(|beat| Some(beat.number) == number);
        unanswered.map(Beat::acknowledged).into_iter().chain([BeatOutcome::Read { number }]).collect()
    }

    async fn write(&mut self, number: u64) -> BeatOutcome {
        let number = number.max(self.attempted + 1);
        let now = (self.clock)();
        let micros = now.wall.as_microsecond();
        // what is reported is what the row holds, to the microsecond
        let written_at = Timestamp::from_microsecond(micros).unwrap_or(now.wall);
        let beat = Beat { number, sent: now.mono, written_at };
        let gaps = [
            ("instance", literal(&self.plan.instance)),
            ("number", number.to_string()),
            ("written_at", micros.to_string()),
        ];
        let statement = WRITE.fill(self.family, &gaps.each_ref().map(|(name, text)| (*name, text.as_str())));
        self.attempted = number;
        self.state = State::Writing(number + 1);
        match self.run(&statement).await {
            Ok((_, 0)) => BeatOutcome::Refused(Failure {
                reason: Reason::Unexpected,
                detail: format!(
                    "{}: the row in keyward.beat already holds {number} or more; another keyward uses the same instance id",
                    self.plan.target.place
                ),
            }),
            Ok(_) => beat.acknowledged(),
            Err(trouble) => {
                if !trouble.answered {
                    self.unanswered = Some(beat);
                }
                self.failed(trouble)
            }
        }
    }

    fn failed(&mut self, trouble: Trouble) -> BeatOutcome {
        if trouble.answered {
            return BeatOutcome::Refused(explained(trouble.failure));
        }
        self.lose();
        self.state = State::Unread;
        BeatOutcome::Unknown(trouble.failure)
    }

    /// How long a statement may take. MySQL waits for somebody's lock for a second at least, and its answer to that
    /// must come before the limit.
    fn limit(&self) -> Duration {
        match self.family {
            Family::MariaDb => self.plan.limit,
            Family::MySql => self.plan.limit.max(LEAST_ON_MYSQL),
        }
    }

    /// The answer and the number of rows that changed.
    async fn run(&mut self, statement: &str) -> Result<(Vec<crate::dialect::answer::Table>, u64), Trouble> {
        let limit = self.limit();
        let Some(conn) = &mut self.conn else { return Err(Trouble { failure: timed_out(limit), answered: false }) };
        match timeout(limit, ask(conn, statement)).await {
            Ok(Ok(tables)) => Ok((tables, conn.affected_rows())),
            Ok(Err(error)) => {
                let failure = meaning(&error);
                let answered = matches!(error, mysql_async::Error::Server(_)) && !failure.reason.is_evidence();
                Err(Trouble { failure, answered })
            }
            Err(_) => Err(Trouble { failure: timed_out(limit), answered: false }),
        }
    }

    fn lose(&mut self) {
        if let Some(conn) = self.conn.take() {
            discard(conn);
        }
    }
}
