//! The master's addresses: which of them answers, and at which one beats are written.
//!
//! All of them share one stream of transactions, so one writer is enough; it moves only when its server is gone or has
//! become read-only and another one can take it.

use std::time::Duration;

use super::beats::Beats;
use super::rules::Rules;
use crate::model::Moment;
use crate::model::observation::{BeatOrder, Look, MasterFacts};

/// All addresses, and the orders that wait for the writers of beats there.
#[derive(Clone, Debug)]
pub struct Masters {
    seats: Vec<Seat>,
    /// How long an address must have failed before another one takes the beats.
    patience: Duration,
    poll_interval: Duration,
    read_again_at: Option<Moment>,
    orders: Vec<(usize, BeatOrder)>,
}

/// One address.
#[derive(Clone, Debug, Default)]
struct Seat {
    looked: bool,
    /// Whether its server takes writes; nothing where the last look failed.
    writable: Option<bool>,
    /// Since when every look has failed as evidence of an outage.
    gone_since: Option<Moment>,
}

impl Masters {
    /// The addresses of `rules`; one when there are none.
    pub fn new(rules: Option<&Rules>) -> Self {
        Self {
            seats: vec![Seat::default(); rules.map_or(1, |rules| rules.master_addresses.len().max(1))],
            patience: rules.map_or(Duration::ZERO, Rules::link_patience),
            poll_interval: rules.map_or(Duration::ZERO, |rules| rules.poll_interval),
            read_again_at: None,
            orders: Vec::new(),
        }
    }

    /// Whether every address was looked at once.
    pub fn looked(&self) -> bool {
        self.seats.iter().all(|seat| seat.looked)
    }

    /// Takes in one look.
    pub fn handle_look(&mut self, place: usize, look: &Look<MasterFacts>) {
        let Some(seat) = self.seats.get_mut(place) else { return };
        seat.looked = true;
        seat.writable = look.result.as_ref().ok().map(|facts| !facts.read_only);
        match &look.result {
            Err(failure) if failure.reason.is_evidence() => {
                seat.gone_since.get_or_insert(look.ended);
            }
            _ => seat.gone_since = None,
        }
    }

    /// Gives an order to the writer at `place`.
    pub fn order(&mut self, place: usize, order: BeatOrder) {
        self.orders.push((place, order));
    }

    /// The orders since the last call, oldest first.
    pub fn take_orders(&mut self) -> Vec<(usize, BeatOrder)> {
        std::mem::take(&mut self.orders)
    }

    /// Has the writer's row read once more when a look has passed.
    pub fn read_again(&mut self, now: Moment) {
        self.read_again_at = Some(now + self.poll_interval);
    }

    /// Lets time pass: moves the beats to where they can be written.
    pub fn step(&mut self, now: Moment, beats: &mut Beats) {
        if let Some(to) = self.successor(beats.writer(), now) {
            self.order(beats.writer(), BeatOrder::Hold);
            beats.move_to(to, now, self.patience);
            self.read_again_at = Some(now);
        }
        if self.read_again_at.is_some_and(|at| now >= at) {
            self.read_again_at = None;
            // a writer that holds reads its row before it writes
            self.order(beats.writer(), BeatOrder::Hold);
            self.order(beats.writer(), BeatOrder::Write { next: 0 });
        }
    }

    /// The address that takes the beats over, when the writer's cannot have them any more.
    fn successor(&self, writer: usize, now: Moment) -> Option<usize> {
        let current = self.seats.get(writer)?;
        let gone = current.gone_since.is_some_and(|since| now.since(since) >= self.patience);
        let wanted = gone || current.writable == Some(false);
        wanted.then(|| self.seats.iter().position(|seat| seat.writable == Some(true))).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::beats::Answer;
    use super::*;
    use crate::model::observation::BeatOutcome;
    use crate::model::{Failure, Reason};

    fn at(seconds: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(1_000 + seconds))
    }

    fn look(seconds: u64, result: Result<bool, Reason>) -> Look<MasterFacts> {
        let result = result
            .map(|read_only| MasterFacts { read_only, ..MasterFacts::default() })
            .map_err(|reason| Failure { reason, detail: String::new() });
        Look { began: at(seconds), ended: at(seconds), connection: 1, result }
    }

    fn two() -> (Masters, Beats) {
        let masters = Masters {
            seats: vec![Seat::default(); 2],
            patience: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
            read_again_at: None,
            orders: Vec::new(),
        };
        (masters, Beats::new("here".into(), 7))
    }

    #[test]
    fn beats_move_when_their_server_is_gone_for_a_while_and_another_takes_writes() {
        let (mut masters, mut beats) = two();
        masters.handle_look(0, &look(0, Err(Reason::Refused)));
        masters.handle_look(1, &look(0, Ok(false)));
        masters.step(at(4), &mut beats);
        assert_eq!((beats.writer(), masters.take_orders()), (0, vec![]));
        masters.step(at(5), &mut beats);
        assert_eq!(beats.writer(), 1);
        let orders = [(0, BeatOrder::Hold), (1, BeatOrder::Hold), (1, BeatOrder::Write { next: 0 })];
        assert_eq!(masters.take_orders(), orders);
    }

    #[test]
    fn beats_leave_a_server_that_became_read_only_at_once_and_never_go_to_one_that_is() {
        let (mut masters, mut beats) = two();
        masters.handle_look(0, &look(0, Ok(true)));
        masters.handle_look(1, &look(0, Ok(true)));
        masters.step(at(1), &mut beats);
        assert_eq!(beats.writer(), 0);
        masters.handle_look(1, &look(1, Ok(false)));
        masters.step(at(1), &mut beats);
        assert_eq!(beats.writer(), 1);
    }

    #[test]
    fn a_server_that_refuses_us_is_not_gone() {
        let (mut masters, mut beats) = two();
        masters.handle_look(0, &look(0, Err(Reason::Login)));
        masters.handle_look(1, &look(0, Ok(false)));
        masters.step(at(60), &mut beats);
        assert_eq!(beats.writer(), 0);
    }

    #[test]
    fn a_server_that_takes_over_may_be_behind_for_a_while_before_it_is_a_loss() {
        let (_, mut beats) = two();
        beats.move_to(1, at(0), Duration::from_secs(5));
        let read = |beats: &mut Beats, seconds, number| {
            beats.handle_outcome(at(seconds), 1, &BeatOutcome::Read { number: Some(number) });
            beats.poll_reads(at(seconds), true).remove(0)
        };
        assert_eq!(read(&mut beats, 1, 6), (1, Answer::Behind));
        assert_eq!(read(&mut beats, 2, 7), (1, Answer::Write { next: 8 }));
        beats.move_to(1, at(10), Duration::from_secs(5));
        assert_eq!(read(&mut beats, 11, 6), (1, Answer::Behind));
        assert!(matches!(read(&mut beats, 15, 6), (1, Answer::Lost(_))));
    }
}
