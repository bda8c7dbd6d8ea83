//! What the log says of looks and beats that fail: one line when it begins and one when it is over, with how many failed.
//!
//! Between the two, failures are counted only: at a look every second the log would hold nothing else. The judge does not
//! go by any of this.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::time::friendly;
use crate::model::{Failure, Moment, Reason};

/// It is over when nothing has failed for so long: a path that loses every other packet must not write two lines for
/// each of them.
const CALM: Duration = Duration::from_secs(10);

/// One kind of failing at one server.
#[derive(Debug)]
struct Streak {
    first: Moment,
    last: Moment,
    reasons: BTreeMap<Reason, u64>,
}

/// What is failing now, by what it is: at most one streak of looks and one of beats a server or
/// Keystone.
#[derive(Debug, Default)]
pub struct Failing {
    streaks: BTreeMap<String, Streak>,
}

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// It begins.
    Begins(String),
    /// It is over.
    Over(String),
}

impl Failing {
    /// Notes that one of `what`, like `looks at the master 10.0.0.1:3306`, succeeded or failed, and writes the line of the
    /// log if there is one.
    pub fn note(&mut self, now: Moment, what: &str, failure: Option<&Failure>) {
        match self.line(now, what, failure) {
            Some(Line::Begins(line)) => tracing::warn!("{line}"),
            Some(Line::Over(line)) => tracing::info!("{line}"),
            None => {}
        }
    }

    fn line(&mut self, now: Moment, what: &str, failure: Option<&Failure>) -> Option<Line> {
        let known = self.streaks.get_mut(what);
        match (failure, known) {
            (Some(failure), Some(streak)) => {
                streak.last = now;
                *streak.reasons.entry(failure.reason).or_default() += 1;
                None
            }
            (Some(failure), None) => {
                let streak = Streak { first: now, last: now, reasons: BTreeMap::from([(failure.reason, 1)]) };
                self.streaks.insert(what.to_owned(), streak);
                Some(Line::Begins(format!("{what} fail: {failure}")))
            }
            (None, Some(streak)) if now.since(streak.last) >= CALM => {
                let line = Line::Over(streak.over(what));
                self.streaks.remove(what);
                Some(line)
            }
            (None, _) => None,
        }
    }
}

impl Streak {
    fn over(&self, what: &str) -> String {
        let failed: u64 = self.reasons.values().sum();
        let span = friendly(Duration::from_secs(self.last.since(self.first).as_secs()));
        let within = if self.first == self.last { String::new() } else { format!(" within {span}") };
        let why: Vec<String> =
            self.reasons.iter().map(|(reason, count)| format!("{count} x {}", reason.words())).collect();
        format!("{what} succeed again; {failed} failed{within}: {}", why.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: &str = "looks at the master 10.0.0.1:3306";

    fn failure(reason: Reason) -> Failure {
        Failure { reason, detail: String::new() }
    }

    /// The lines of a course of seconds: `.` succeeds, `r` is refused, `t` times out, a space is no look.
    fn lines(course: &str) -> Vec<(usize, Line)> {
        let mut failing = Failing::default();
        let mut lines = Vec::new();
        for (second, look) in course.chars().enumerate() {
            let failed = match look {
                '.' => None,
                'r' => Some(failure(Reason::Refused)),
                't' => Some(failure(Reason::TimedOut)),
                _ => continue,
            };
            let now = Moment::from_boot(Duration::from_secs(1_000 + second as u64));
            lines.extend(failing.line(now, WHAT, failed.as_ref()).map(|line| (second, line)));
        }
        lines
    }

    fn begins(at: usize, why: &str) -> (usize, Line) {
        (at, Line::Begins(format!("{WHAT} fail: {why}")))
    }

    fn over(at: usize, how: &str) -> (usize, Line) {
        (at, Line::Over(format!("{WHAT} succeed again; {how}")))
    }

    #[test]
    fn an_outage_of_any_length_is_two_lines() {
        assert_eq!(lines("....."), []);
        assert_eq!(lines("..rrtrr"), [begins(2, "connection refused")]);
        let wanted = [
            begins(1, "connection refused"),
            over(15, "5 failed within 4s: 4 x connection refused, 1 x no answer in time"),
        ];
        assert_eq!(lines(".rrtrr............"), wanted);
    }

    #[test]
    fn what_fails_now_and_then_is_one_streak_until_it_has_been_calm() {
        let course = "t.".repeat(30) + "..........";
        let wanted = [begins(0, "no answer in time"), over(68, "30 failed within 58s: 30 x no answer in time")];
        assert_eq!(lines(&course), wanted);
        // the next one is a streak of its own; and one look a minute is calm when it succeeds
        assert_eq!(lines("t          .r          .").len(), 4);
        assert_eq!(lines("t          .")[1], over(11, "1 failed: 1 x no answer in time"));
    }

    #[test]
    fn servers_and_beats_are_told_apart() {
        let mut failing = Failing::default();
        let (now, refused) = (Moment::from_boot(Duration::from_secs(9)), failure(Reason::Refused));
        for what in [WHAT, "beats at the master 10.0.0.1:3306", "looks at replica r2-db1 of RegionTwo"] {
            assert!(matches!(failing.line(now, what, Some(&refused)), Some(Line::Begins(_))), "{what}");
            assert_eq!(failing.line(now, what, Some(&refused)), None);
        }
    }
}
