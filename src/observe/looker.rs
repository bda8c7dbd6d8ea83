//! One task a server: a look every interval on a connection that stays open, and connecting again beside the looks.
//!
//! A look never retries and never outlives its limit. Whatever failed, its connection is not used again: one whose
//! answer was not waited for answers the next question with it. A server on which looks hang keeps their sessions; few
//! of them may be left there, so that looking never takes the connections that others need.

use std::future::Future;
use std::time::Duration;

use mysql_async::Conn;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::model::observation::Look;
use crate::model::{Failure, Moment, Reason};
use crate::wire::connect::Target;
use crate::wire::server::{Greeting, Patience, discard, discard_when_answered, open, timed_out};

/// How many sessions may be left on a server with a question that it has not answered.
const MOST_LEFT: usize = 4;
/// How long the answer may take until a session that was left is given up; a dead connection ends long before.
const LEFT: Duration = Duration::from_secs(3_600);

/// What a look asks and how the answer reads. It lives as long as its looker, over many connections.
pub trait Question: Send + 'static {
    /// What an answer shows.
    type Facts: Send + 'static;

    /// A connection was made, the looker's `connection`-th.
    fn connected(&mut self, connection: u64, greeting: Greeting);

    /// The connection is given up.
    fn lost(&mut self);

    /// Asks once. The looker sets the limit and drops the future when it has passed.
    fn ask(&mut self, conn: &mut Conn) -> impl Future<Output = Result<Self::Facts, Failure>> + Send;
}

/// How often, and how long a look may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// A look begins this often.
    pub poll_interval: Duration,
    /// Limit of one look on an open connection.
    pub probe_timeout: Duration,
}

impl Rhythm {
    fn patience(&self) -> Patience {
        Patience {
            // a session that nobody uses any more goes away, and its named locks with it
            idle: (self.poll_interval * 10).max(Duration::from_secs(30)),
            statement: self.probe_timeout * 2,
            lock: Duration::ZERO,
        }
    }
}

/// Looks at one server until `stop` turns true or its sender or the sink's receiver is gone.
///
/// Every look is handed to `sink` as `wrap` makes it; a full sink holds the next look back. `clock` gives the moments
/// that the looks carry.
pub async fn look_after<Q: Question, M: Send>(
    target: Target,
    rhythm: Rhythm,
    question: Q,
    clock: fn() -> Moment,
    sink: mpsc::Sender<M>,
    wrap: impl Fn(Look<Q::Facts>) -> M,
    mut stop: watch::Receiver<bool>,
) {
    let (attempts, left) = (JoinSet::new(), JoinSet::new());
    let mut looker = Looker { target, rhythm, question, clock, conn: None, attempts, left, connections: 0 };
    let watched = async {
        let mut due = Instant::now();
        loop {
            sleep_until(due).await;
            let look = looker.look().await;
            if sink.send(wrap(look)).await.is_err() {
                break;
            }
            // an absolute schedule; a look that outlasts its interval is followed by the next at once
            due = (due + rhythm.poll_interval).max(Instant::now());
        }
    };
    tokio::select! {
        () = watched => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    if let Some(conn) = looker.conn.take() {
        discard(conn);
    }
}

/// An attempt to connect and what came of it.
struct Attempt {
    began: Moment,
    ended: Moment,
    result: Result<(Conn, Greeting), Failure>,
}

struct Looker<Q> {
    target: Target,
    rhythm: Rhythm,
    question: Q,
    clock: fn() -> Moment,
    conn: Option<Conn>,
    /// At most one; dropping the set ends it.
    attempts: JoinSet<Attempt>,
    /// Connections that were given up and whose servers have not let go of them.
    left: JoinSet<()>,
    connections: u64,
}

impl<Q: Question> Looker<Q> {
    async fn look(&mut self) -> Look<Q::Facts> {
        let began = (self.clock)();
        let deadline = Instant::now() + self.rhythm.probe_timeout;
        while self.conn.is_none() {
            if self.attempts.is_empty() {
                self.attempt();
            }
            // `None` while too many are left: the next attempt begins when the server has let go of one
            let attempt = async {
                match self.attempts.is_empty() {
                    true => self.left.join_next().await.and(None),
                    false => self.attempts.join_next().await,
                }
            };
            let Ok(attempt) = timeout_at(deadline, attempt).await else {
                let ended = (self.clock)();
                let mut failure = timed_out(self.rhythm.probe_timeout);
                failure.detail = format!("no connection, {}", failure.detail);
                return Look { began, ended, connection: self.connections, result: Err(failure) };
            };
            // `None` and a task that broke are the same as no attempt: the next one begins
            let Some(Ok(attempt)) = attempt else { continue };
            match attempt.result {
                Ok((conn, greeting)) => {
                    self.connections += 1;
                    self.question.connected(self.connections, greeting);
                    self.conn = Some(conn);
                }
                // the looks that waited for it have said so already
                Err(failure) if failure.reason == Reason::TimedOut && attempt.began < began => {}
                Err(failure) => {
                    return Look {
                        began: attempt.began,
                        ended: attempt.ended,
                        connection: self.connections,
                        result: Err(failure),
                    };
                }
            }
        }
        self.ask().await
    }

    async fn ask(&mut self) -> Look<Q::Facts> {
        let began = (self.clock)();
        let limit = self.rhythm.probe_timeout;
        let result = match &mut self.conn {
            Some(conn) => match timeout(limit, self.question.ask(conn)).await {
                Ok(answer) => answer,
                Err(_) => Err(timed_out(limit)),
            },
            None => Err(timed_out(limit)),
        };
        let ended = (self.clock)();
        match result {
            // whatever was left elsewhere is left by a broken path, which works again
            Ok(_) => self.left.abort_all(),
            Err(_) => {
                self.lose();
                self.attempt();
            }
        }
        Look { began, ended, connection: self.connections, result }
    }

    /// Begins to connect, if the server has let go of enough connections.
    fn attempt(&mut self) {
        while self.left.try_join_next().is_some() {}
        if self.left.len() >= MOST_LEFT {
            return;
        }
        let (target, patience, clock) = (self.target.clone(), self.rhythm.patience(), self.clock);
        self.attempts.spawn(async move {
            let began = clock();
            let result = open(&target, patience).await;
            Attempt { began, ended: clock(), result }
        });
    }

    fn lose(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.question.lost();
            self.left.spawn(discard_when_answered(conn, LEFT));
        }
    }
}
