//! One task a server: a look every interval on a connection that stays open, and connecting again beside the looks.
//!
//! A look never retries and never outlives its limit. One that timed out has failed, but its answer is still awaited
//! beside: on a path that loses packets it comes late more often than a new connection can be made. Until then nothing
//! else is asked on that connection, as it would answer the next question with it; after that it serves again. A server
//! on which looks hang keeps their sessions; few of them may be left there, so that looking never takes the connections
//! that others need.

use std::time::Duration;

use mysql_async::Conn;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::dialect::answer::Table;
use crate::model::observation::Look;
use crate::model::{Failure, Moment, Reason};
use crate::wire::connect::Target;
use crate::wire::server::{Greeting, Patience, ask_look, discard, open, timed_out};

/// How many sessions may be left on a server with a question that it has not answered.
const MOST_LEFT: usize = 4;
/// How long a late answer may take until its session is given up; a dead connection ends long before.
const LEFT: Duration = Duration::from_secs(3_600);

/// What a look asks and how the answer reads. It lives as long as its looker, over many connections.
pub trait Question: Send + 'static {
    /// What an answer shows.
    type Facts: Send + 'static;

    /// The looker's `connection`-th connection serves from now on: a new one, or one that was lost and has answered.
    fn connected(&mut self, connection: u64, greeting: Greeting);

    /// The connection no longer serves. Its session may live on, with its named locks.
    fn lost(&mut self);

    /// The statements of the next round trip.
    fn statements(&mut self) -> String;

    /// Reads what they answered, unless it came late; `None` asks for one more round trip in the same look.
    ///
    /// # Errors
    /// Why there are no facts; the connection is given up.
    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<Self::Facts>, Failure>;
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
    let (attempts, late) = (JoinSet::new(), JoinSet::new());
    let (session, connections, answered) = (None, 0, None);
    let mut looker = Looker { target, rhythm, question, clock, session, attempts, late, connections, answered };
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
    if let Some(session) = looker.session.take() {
        discard(session.conn);
    }
}

/// A connection on which nothing is asked, or whose question is being answered.
struct Session {
    conn: Conn,
    number: u64,
    greeting: Greeting,
}

/// One round trip. It owns the connection, so that it can go on when its look is over.
async fn exchange(mut session: Session, statements: String) -> (Session, mysql_async::Result<Vec<Table>>) {
    let answer = ask_look(&mut session.conn, &statements).await;
    (session, answer)
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
    session: Option<Session>,
    /// At most one; dropping the set ends it.
    attempts: JoinSet<Attempt>,
    /// Answers that were not in time, each with its connection if that may serve again.
    late: JoinSet<Option<Session>>,
    connections: u64,
    /// When the last look ended that was answered.
    answered: Option<Moment>,
}

/// What a look without a connection waits for.
enum Ready {
    Late(Option<Session>),
    Attempt(Attempt),
    /// A task that broke, or none: the same as no attempt.
    Nothing,
}

impl<Q: Question> Looker<Q> {
    async fn look(&mut self) -> Look<Q::Facts> {
        let began = (self.clock)();
        let deadline = Instant::now() + self.rhythm.probe_timeout;
        loop {
            if let Some(session) = self.session.take() {
                return self.ask(session).await;
            }
            // none begins while too many are late: then the first of those is waited for
            self.attempt();
            let Ok(ready) = timeout_at(deadline, self.ready()).await else {
                let ended = (self.clock)();
                let mut failure = timed_out(self.rhythm.probe_timeout);
                failure.detail = format!("no connection, {}", failure.detail);
                return Look { began, ended, connection: self.connections, result: Err(failure) };
            };
            let attempt = match ready {
                Ready::Late(Some(session)) => {
                    self.serve(session);
                    continue;
                }
                Ready::Late(None) | Ready::Nothing => continue,
                Ready::Attempt(attempt) => attempt,
            };
            match attempt.result {
                Ok((conn, greeting)) => {
                    self.connections += 1;
                    self.serve(Session { conn, number: self.connections, greeting });
                }
                // the looks that waited for it have said so already
                Err(failure) if failure.reason == Reason::TimedOut && attempt.began < began => {}
                // the server has answered on another connection meanwhile
                Err(_) if self.answered.is_some_and(|answered| attempt.began < answered) => {}
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
    }

    async fn ready(&mut self) -> Ready {
        tokio::select! {
            biased;
            Some(late) = self.late.join_next() => late.map_or(Ready::Nothing, Ready::Late),
            Some(attempt) = self.attempts.join_next() => attempt.map_or(Ready::Nothing, Ready::Attempt),
            else => Ready::Nothing,
        }
    }

    fn serve(&mut self, session: Session) {
        self.question.connected(session.number, session.greeting.clone());
        self.session = Some(session);
    }

    async fn ask(&mut self, mut session: Session) -> Look<Q::Facts> {
        let began = (self.clock)();
        let (connection, limit) = (session.number, self.rhythm.probe_timeout);
        let deadline = Instant::now() + limit;
        let result = loop {
            let mut exchange = Box::pin(exchange(session, self.question.statements()));
            let Ok((back, answer)) = timeout_at(deadline, &mut exchange).await else {
                self.late.spawn(async move {
                    let (session, answer) = timeout(LEFT, exchange).await.ok()?;
                    answer.is_ok().then_some(session)
                });
                break Err(timed_out(limit));
            };
            session = back;
            if answer.is_ok() {
                self.only_this_one();
            }
            match self.question.read(answer) {
                Ok(None) => {}
                Ok(Some(facts)) => {
                    self.session = Some(session);
                    break Ok(facts);
                }
                Err(failure) => {
                    discard(session.conn);
                    break Err(failure);
                }
            }
        };
        let ended = (self.clock)();
        match result {
            Ok(_) => self.answered = Some(ended),
            Err(_) => {
                self.question.lost();
                self.attempt();
            }
        }
        Look { began, ended, connection, result }
    }

    /// Gives up every other connection, as one has answered in time.
    fn only_this_one(&mut self) {
        // whatever is late elsewhere is left by a broken path, which works again; the server ends those sessions
        self.late = JoinSet::new();
        // an attempt under way may end by itself: a server bars a host whose log-ins break off again and again
        if let Some(Ok(Attempt { result: Ok((conn, _)), .. })) = self.attempts.try_join_next() {
            discard(conn);
        }
    }

    /// Begins to connect, unless that is under way or too many answers are late.
    fn attempt(&mut self) {
        if !self.attempts.is_empty() || self.late.len() >= MOST_LEFT {
            return;
        }
        let (target, patience, clock) = (self.target.clone(), self.rhythm.patience(), self.clock);
        self.attempts.spawn(async move {
            let began = clock();
            let result = open(&target, patience).await;
            Attempt { began, ended: clock(), result }
        });
    }
}
