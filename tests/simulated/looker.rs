//! A task that looks at one server, as `observe::looker` does: one look at a time, connecting beside the looks.

use keyward::model::{Failure, Reason};

use super::time::Ms;

/// What a server would answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers after this long.
    Answers(Ms),
    /// It takes new connections no more; an open one goes on, with this much time for an answer.
    Rejects(Reason, Ms),
    /// Nobody listens.
    Refused,
    /// The network says that it cannot be reached.
    Unreachable,
    /// Nothing is heard.
    Silent,
}

/// How a look ends, unless the server changes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With facts.
    Facts,
    /// Without.
    Failed(Reason),
}

/// A look under way.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// When the query was sent, or should have been.
    pub began: Ms,
    /// When it ends.
    pub ends: Ms,
    /// How.
    pub ending: Ending,
}

/// The task.
#[derive(Debug)]
pub struct Looker {
    poll: Ms,
    limit: Ms,
    connecting: Ms,
    due: Ms,
    /// The look under way.
    pub pending: Option<Pending>,
    connected: bool,
    attempt: Option<Ms>,
    /// Counts the connections.
    pub connections: u64,
}

impl Looker {
    /// A task that begins at `t`.
    pub fn new(t: Ms, poll: Ms, limit: Ms, connecting: Ms) -> Self {
        Self { poll, limit, connecting, due: t, pending: None, connected: false, attempt: None, connections: 0 }
    }

    /// When it next does something.
    pub fn next(&self) -> Ms {
        self.pending.map_or(self.due, |pending| pending.ends)
    }

    /// The server let go of the connection.
    pub fn disconnect(&mut self) {
        self.connected = false;
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.ending == Ending::Facts) {
            pending.ending = Ending::Failed(Reason::Reset);
        }
    }

    /// Begins a look.
    pub fn begin(&mut self, t: Ms, answer: Answer) {
        self.pending = Some(if self.connected { self.ask(t, answer) } else { self.connect(t, answer) });
    }

    fn ask(&mut self, t: Ms, answer: Answer) -> Pending {
        match answer {
            Answer::Answers(takes) | Answer::Rejects(_, takes) => self.timed(t, takes),
            Answer::Refused | Answer::Unreachable => self.failed(t, t + 1, Reason::Reset),
            Answer::Silent => self.failed(t, t + self.limit, Reason::TimedOut),
        }
    }

    fn timed(&mut self, began: Ms, takes: Ms) -> Pending {
        if takes < self.limit {
            Pending { began, ends: began + takes, ending: Ending::Facts }
        } else {
            self.failed(began, began + self.limit, Reason::TimedOut)
        }
    }

    fn failed(&mut self, began: Ms, ends: Ms, reason: Reason) -> Pending {
        self.connected = false;
        Pending { began, ends, ending: Ending::Failed(reason) }
    }

    fn connect(&mut self, t: Ms, answer: Answer) -> Pending {
        // an attempt that heard nothing for long is given up
        let attempt = self.attempt.filter(|began| t < began + 10 * self.limit).unwrap_or(t);
        self.attempt = Some(attempt);
        let ready = (attempt + self.connecting).max(t);
        match answer {
            Answer::Refused | Answer::Unreachable => {
                self.attempt = None;
                let reason = if answer == Answer::Refused { Reason::Refused } else { Reason::Unreachable };
                self.failed(attempt, t + 1, reason)
            }
            Answer::Rejects(reason, _) if ready <= t + self.limit => {
                self.attempt = None;
                self.failed(attempt, ready + 1, reason)
            }
            Answer::Answers(takes) if ready <= t + self.limit => {
                self.attempt = None;
                self.connected = true;
                self.connections += 1;
                self.timed(ready, takes)
            }
            Answer::Answers(_) | Answer::Rejects(..) => self.failed(t, t + self.limit, Reason::TimedOut),
            Answer::Silent => {
                // the next packet that gets through is a new one
                self.attempt = Some(t);
                self.failed(t, t + self.limit, Reason::TimedOut)
            }
        }
    }

    /// Ends the look under way, now that `t` has come; `answer` is what the server is like meanwhile. `None` when it
    /// goes on waiting.
    pub fn end(&mut self, t: Ms, answer: Answer) -> Option<Pending> {
        let mut pending = self.pending.take()?;
        if pending.ending == Ending::Facts {
            match answer {
                Answer::Answers(_) | Answer::Rejects(..) => {}
                Answer::Refused | Answer::Unreachable => {
                    self.connected = false;
                    pending.ending = Ending::Failed(Reason::Reset);
                }
                Answer::Silent => {
                    self.connected = false;
                    pending.ending = Ending::Failed(Reason::TimedOut);
                    let limit = pending.began + self.limit;
                    if t < limit {
                        self.pending = Some(Pending { ends: limit, ..pending });
                        return None;
                    }
                }
            }
        }
        pending.ends = t;
        self.due = (self.due + self.poll).max(t);
        Some(pending)
    }
}

/// A failure without details.
pub fn failure(reason: Reason) -> Failure {
    Failure { reason, detail: String::new() }
}
