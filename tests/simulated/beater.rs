//! The task that writes beats, as `act::beat` does: read after any gap, write on an order, never a number twice.

use jiff::Timestamp;
use keyward::model::Reason;
use keyward::model::observation::{BeatOrder, BeatOutcome, BeatRow};

use super::looker::{Answer, failure};
use super::servers::Master;
use super::time::{Ms, moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unread,
    Waiting,
    Held,
    Writing(u64),
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    number: u64,
    sent: Ms,
    written_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    Read,
    Write(Beat, bool),
}

/// How the master takes a statement.
#[derive(Clone, Copy, Debug)]
pub struct Reception {
    /// What it answers.
    pub answer: Answer,
    /// It does what it is told, but its answer is lost.
    pub deaf: bool,
    /// It answers that it takes no beats.
    pub refuses: bool,
}

/// The task.
#[derive(Debug)]
pub struct Beater {
    place: usize,
    instance: String,
    interval: Ms,
    limit: Ms,
    due: Ms,
    state: State,
    attempted: u64,
    unanswered: Option<Beat>,
    doing: Option<(Doing, Ms)>,
    connected: bool,
}

impl Beater {
    /// A task that begins at `t`, for one of the master's addresses.
    pub fn new(t: Ms, place: usize, instance: String, interval: Ms, limit: Ms) -> Self {
        let (state, unanswered, doing, connected) = (State::Unread, None, None, false);
        Self { place, instance, interval, limit, due: t, state, attempted: 0, unanswered, doing, connected }
    }

    /// When it next does something.
    pub fn next(&self) -> Option<Ms> {
        let idle = matches!(self.state, State::Unread | State::Writing(_)).then_some(self.due);
        self.doing.map(|(_, ends)| ends).or(idle)
    }

    /// Takes an order.
    pub fn take(&mut self, order: BeatOrder) {
        self.state = match (self.state, order) {
            (State::Unread, _) => State::Unread,
            (_, BeatOrder::Hold) => State::Held,
            (State::Held, BeatOrder::Write { .. }) => State::Unread,
            (State::Waiting, BeatOrder::Write { next }) => State::Writing(next),
            (State::Writing(number), BeatOrder::Write { next }) => State::Writing(number.max(next)),
        };
    }

    /// The master let go of the connection.
    pub fn disconnect(&mut self) {
        self.connected = false;
    }

    /// Does what is due at `t`; the outcomes are for the daemon, the number is of a beat that was committed.
    pub fn work(
        &mut self,
        t: Ms,
        wall: Timestamp,
        master: &mut Master,
        mut is: Reception,
    ) -> (Vec<BeatOutcome>, Option<u64>) {
        if let (Answer::Rejects(_, takes), true) = (is.answer, self.connected) {
            is.answer = Answer::Answers(takes);
        }
        match self.doing.take() {
            Some((doing, _)) => (self.finish(t, doing, master, is), None),
            None => (Vec::new(), self.begin(t, wall, master, is)),
        }
    }

    fn begin(&mut self, t: Ms, wall: Timestamp, master: &mut Master, is: Reception) -> Option<u64> {
        let takes = match is.answer {
            Answer::Answers(takes) | Answer::Rejects(_, takes) if !is.deaf => takes.min(self.limit),
            Answer::Refused | Answer::Unreachable => 1,
            _ => self.limit,
        };
        let State::Writing(number) = self.state else {
            self.doing = Some((Doing::Read, t + takes));
            return None;
        };
        let beat = Beat { number: number.max(self.attempted + 1), sent: t, written_at: wall };
        self.attempted = beat.number;
        self.state = State::Writing(beat.number + 1);
        let arrives = self.connected && (is.deaf || matches!(is.answer, Answer::Answers(_))) && !is.refuses;
        // the statement guards itself: the row never goes back
        let commits = arrives && master.number(self.place, &self.instance).is_none_or(|number| number < beat.number);
        self.doing = Some((Doing::Write(beat, commits), t + takes));
        commits.then(|| {
            let row = BeatRow { instance: self.instance.clone(), number: beat.number, written_at: beat.written_at };
            master.commit(self.place, row, t);
            beat.number
        })
    }

    fn finish(&mut self, t: Ms, doing: Doing, master: &mut Master, is: Reception) -> Vec<BeatOutcome> {
        self.due = (self.due + self.interval).max(t);
        let answers = matches!(is.answer, Answer::Answers(takes) if takes < self.limit) && !is.deaf;
        let heard = answers && (self.connected || matches!(doing, Doing::Read));
        // what is being written was sent on a connection that is gone now: its answer is lost, and nobody was rejected
        if let (Answer::Rejects(reason, _), Doing::Read) = (is.answer, doing) {
            self.state = State::Unread;
            return vec![BeatOutcome::Refused(failure(reason))];
        }
        match doing {
            Doing::Read if heard => {
                self.connected = true;
                self.state = State::Waiting;
                let number = master.number(self.place, &self.instance);
                let unanswered = self.unanswered.take().filter(|beat| Some(beat.number) == number);
                unanswered.map(Beat::acknowledged).into_iter().chain([BeatOutcome::Read { number }]).collect()
            }
            Doing::Write(beat, true) if heard => vec![beat.acknowledged()],
            Doing::Write(_, false) if heard => vec![BeatOutcome::Refused(failure(Reason::Unexpected))],
            doing => {
                if let Doing::Write(beat, _) = doing {
                    self.unanswered = Some(beat);
                }
                self.state = State::Unread;
                self.connected = false;
                vec![BeatOutcome::Unknown(failure(Reason::TimedOut))]
            }
        }
    }
}

impl Beat {
    fn acknowledged(self) -> BeatOutcome {
        BeatOutcome::Acknowledged { number: self.number, sent: moment(self.sent), written_at: self.written_at }
    }
}
