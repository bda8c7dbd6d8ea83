//! The ledger of beats: what the master acknowledged, what has arrived, how old that is, and whether any was lost.
//!
//! One for the whole daemon: the number is counted per installation, not per region.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::observation::{BeatOutcome, BeatRow, Look, MasterFacts, ReplicaFacts};
use crate::model::{Failure, Moment, Now};

/// How many acknowledged beats are remembered; older ones are judged by the wall clock in their row.
const REMEMBERED: usize = 7_200;

/// One beat that the master has committed.
#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    number: u64,
    sent: Moment,
    known: Moment,
    /// As its row says: writers at two addresses may have sent the same number.
    written_at: Timestamp,
}

/// What follows from a number that was read of our row.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Beats go on here, from this number.
    Write {
        /// The first number.
        next: u64,
    },
    /// Beats are written to another address.
    Elsewhere,
    /// The server has just taken over and is still behind: to be read once more.
    Behind,
    /// The master came back without beats that it had confirmed, in a sentence's words.
    Lost(String),
}

/// How often beats are written, and how long at most one is waited for before the master counts as taking none.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time between beats.
    pub beat_interval: Duration,
    /// The patience of the rules.
    pub patience: Duration,
}

/// The ledger of beats.
#[derive(Clone, Debug)]
pub struct Beats {
    instance: String,
    acknowledged: u64,
    ring: VecDeque<Acknowledged>,
    last_at: Option<Moment>,
    /// When the last acknowledgement came, and how long after the one before it.
    known_at: Option<Moment>,
    rhythm: Duration,
    refusal: Option<Failure>,
    /// When a beat was last refused where they are written.
    refused_at: Option<Moment>,
    /// The master's address that beats are written to, by its number in the settings.
    writer: usize,
    /// Until when the writer's row may be behind, because its server has just taken over and still applies.
    settling_until: Option<Moment>,
    unanswered_reads: BTreeMap<usize, Option<u64>>,
    floor: u64,
    pardoned: u64,
    before_look: VecDeque<(Moment, u64)>,
}

impl Beats {
    /// A ledger for `instance` whose last acknowledged number on record is `acknowledged`.
    pub fn new(instance: String, acknowledged: u64) -> Self {
        Self {
            instance,
            acknowledged,
            ring: VecDeque::new(),
            last_at: None,
            known_at: None,
            rhythm: Duration::ZERO,
            refusal: None,
            refused_at: None,
            writer: 0,
            settling_until: None,
            unanswered_reads: BTreeMap::new(),
            floor: 0,
            pardoned: 0,
            before_look: VecDeque::new(),
        }
    }

    /// This installation's id.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The number of the last beat that the master acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Why the master takes no beats although it answers.
    pub fn refusal(&self) -> Option<&Failure> {
        self.refusal.as_ref()
    }

    /// When a beat was last refused, whatever came of later ones.
    pub fn refused_at(&self) -> Option<Moment> {
        self.refused_at
    }

    /// The master's address that beats are written to, by its number in the settings.
    pub fn writer(&self) -> usize {
        self.writer
    }

    /// Writes to another address from now on. Its server may still be applying what the old one has confirmed, at most
    /// for `patience`; what is missing then is lost.
    pub fn move_to(&mut self, place: usize, now: Moment, patience: Duration) {
        self.writer = place;
        self.refusal = None;
        self.settling_until = Some(now + patience);
    }

    /// Takes in what came of a beat, or of reading the row, at the master's address number `place`.
    pub fn handle_outcome(&mut self, now: Moment, place: usize, outcome: &BeatOutcome) {
        if let BeatOutcome::Read { number } = outcome {
            self.unanswered_reads.insert(place, *number);
            return;
        }
        match outcome {
            BeatOutcome::Acknowledged { number, sent, written_at } => {
                self.refusal = None;
                if *number > self.acknowledged {
                    self.acknowledged = *number;
                    self.rhythm = self.known_at.map_or(Duration::ZERO, |before| now.since(before));
                    self.known_at = Some(now);
                    self.last_at = Some(*sent);
                    self.remember(Acknowledged { number: *number, sent: *sent, known: now, written_at: *written_at });
                }
            }
            BeatOutcome::Refused(failure) if place == self.writer => {
                self.refusal = Some(failure.clone());
                self.refused_at = Some(now);
            }
            BeatOutcome::Unknown(_) if place == self.writer => self.refusal = None,
            _ => {}
        }
    }

    fn remember(&mut self, beat: Acknowledged) {
        // found in the row before, and dated now
        if self.ring.back().is_some_and(|last| last.number == beat.number) {
            self.ring.pop_back();
        }
        self.ring.push_back(beat);
        if self.ring.len() > REMEMBERED {
            self.ring.pop_front();
        }
    }

    /// A beat whose answer was lost and that the row shows: it was sent some time after the last one that was
    /// acknowledged, so a replica that lacks it is at most that far behind.
    fn found(&mut self, now: Moment, number: u64) {
        let newest = self.ring.back().map_or(0, |beat| beat.number);
        if let Some(sent) = self.last_at.filter(|_| number > newest) {
            // no row is dated by it
            self.remember(Acknowledged { number, sent, known: now, written_at: Timestamp::MIN });
        }
    }

    /// Takes in a replica's rows: its number of ours is one that the master must have.
    pub fn handle_replica(&mut self, look: &Look<ReplicaFacts>) {
        let Ok(facts) = &look.result else { return };
        if let Some(number) = self.own(&facts.beats)
            && number > self.floor
        {
            self.floor = number;
            self.note(look.ended, number);
        }
    }

    fn note(&mut self, at: Moment, number: u64) {
        self.before_look.push_back((at, number));
        if self.before_look.len() > 64 {
            self.before_look.pop_front();
        }
    }

    /// Takes in a look at the master's address number `place`; a number below one that was known before the look began
    /// is a loss, told in a sentence's words. Only the address that beats are written to must have them at once. What a
    /// replica shows and nobody has acknowledged proves nothing: a master sends a transaction before it shows it, long
    /// before while it waits for a standby's confirmation or for its disk.
    pub fn handle_master(&mut self, place: usize, look: &Look<MasterFacts>) -> Option<String> {
        let Ok(facts) = &look.result else { return None };
        if place != self.writer || self.settling_until.is_some() || facts.beats_are_old {
            return None;
        }
        let confirmed = |(at, number): &&(Moment, u64)| *at < look.began && *number <= self.acknowledged;
        let on_replica = self.before_look.iter().rev().find(confirmed).map(|(_, number)| *number);
        let acknowledged = self.ring.iter().rev().find(|beat| beat.known < look.began).map(|beat| beat.number);
        let must = on_replica.max(acknowledged).filter(|must| *must > self.pardoned)?;
        let has = self.own(&facts.beats)?;
        (has < must).then(|| loss(has, must))
    }

    /// Answers what was read of our row at the master's addresses, once every replica has been looked at.
    pub fn poll_reads(&mut self, now: Moment, looked: bool) -> Vec<(usize, Answer)> {
        if !looked {
            return Vec::new();
        }
        let reads = std::mem::take(&mut self.unanswered_reads);
        reads.into_iter().map(|(place, number)| (place, self.answer(now, place, number))).collect()
    }

    fn answer(&mut self, now: Moment, place: usize, number: Option<u64>) -> Answer {
        if place != self.writer {
            return Answer::Elsewhere;
        }
        let has = number.unwrap_or(0);
        let must = self.acknowledged.max(self.floor);
        if has >= must || must <= self.pardoned {
            self.settling_until = None;
            self.found(now, has);
            return Answer::Write { next: has.max(must) + 1 };
        }
        if self.settling_until.is_some_and(|until| now < until) {
            return Answer::Behind;
        }
        self.settling_until = None;
        Answer::Lost(loss(has, must))
    }

    /// Accepts that the master lost beats: the number to go on from. Only a beat after it can be lost again.
    pub fn pardon(&mut self) -> u64 {
        self.pardoned = self.acknowledged.max(self.floor);
        self.pardoned + 1
    }

    /// Whether the master takes beats: the last one was acknowledged within `patience`.
    pub fn is_fresh(&self, now: Moment, patience: Duration) -> bool {
        self.last_at.is_some_and(|at| now.since(at) <= patience)
    }

    /// For how long beats have been acknowledged in this run.
    pub fn taken_for(&self, now: Moment) -> Duration {
        self.ring.front().map_or(Duration::ZERO, |first| now.since(first.sent))
    }

    /// Whether the next beat is due or late by less than an interval: the configured one, or on a slow line the one
    /// that was seen last, but never beyond the patience of the rules.
    fn keeps_time(&self, now: Moment, pace: Pace) -> bool {
        let most = 2 * pace.beat_interval.max(self.rhythm);
        self.known_at.is_some_and(|at| now.since(at) <= most.min(pace.patience))
    }

    /// The age of the newest beat of any instance among `rows`.
    pub fn data_age(&self, rows: &[BeatRow], now: Now) -> Option<Duration> {
        rows.iter().map(|row| self.age(row, now)).min()
    }

    fn age(&self, row: &BeatRow, now: Now) -> Duration {
        if row.instance == self.instance
            && let Ok(at) = self.ring.binary_search_by_key(&row.number, |beat| beat.number)
            && self.ring[at].written_at == row.written_at
        {
            return now.mono.since(self.ring[at].sent);
        }
        now.age_of(row.written_at)
    }

    /// The age of the oldest beat that is acknowledged and not among `rows`; the data age while the master takes no
    /// beats; absent when neither is known.
    pub fn lag(&self, rows: &[BeatRow], now: Now, pace: Pace) -> Option<Duration> {
        let data_age = self.data_age(rows, now);
        let seen = self.own(rows).unwrap_or(0);
        let missing = self.ring.partition_point(|beat| beat.number <= seen);
        if !self.keeps_time(now.mono, pace) {
            // a wall clock that was set back makes old rows young; a beat of this run that is missing tells better
            return data_age.max(self.ring.get(missing).map(|beat| now.mono.since(beat.sent)));
        }
        match self.ring.get(missing) {
            None => Some(Duration::ZERO),
            // the oldest one remembered may not be the oldest one missing
            Some(beat) if missing == 0 => Some(now.mono.since(beat.sent).max(data_age.unwrap_or_default())),
            Some(beat) => Some(now.mono.since(beat.sent)),
        }
    }

    fn own(&self, rows: &[BeatRow]) -> Option<u64> {
        rows.iter().find(|row| row.instance == self.instance).map(|row| row.number)
    }
}

fn loss(has: u64, must: u64) -> String {
    format!("its beat row says {has} although {must} had been committed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { beat_interval: Duration::from_millis(200), patience: Duration::from_secs(2) };

    fn at(millis: u64) -> Now {
        Now { mono: Moment::from_boot(Duration::from_millis(millis)), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// A ledger of beats that were acknowledged at once, and what a replica that has them all shows.
    fn written(at_millis: &[u64]) -> (Beats, Vec<BeatRow>) {
        let mut beats = Beats::new("us".to_owned(), 0);
        for (number, millis) in (1..).zip(at_millis) {
            let (sent, written_at) = (at(*millis).mono, jiff::Timestamp::UNIX_EPOCH);
            beats.handle_outcome(sent, 0, &BeatOutcome::Acknowledged { number, sent, written_at });
        }
        let newest = BeatRow {
            instance: "us".to_owned(),
            number: beats.acknowledged(),
            written_at: jiff::Timestamp::UNIX_EPOCH,
        };
        (beats, vec![newest])
    }

    #[test]
    fn a_row_of_another_address_is_not_dated_by_our_beat_of_the_same_number() {
        let (beats, mut rows) = written(&[1_000]);
        let now = Now { wall: Timestamp::UNIX_EPOCH + Duration::from_secs(60), ..at(3_000) };
        assert_eq!(beats.data_age(&rows, now), Some(Duration::from_secs(2)));
        rows[0].written_at = Timestamp::UNIX_EPOCH + Duration::from_secs(59);
        assert_eq!(beats.data_age(&rows, now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_beat_that_was_only_found_in_the_row_of_another_address_counts_as_missing() {
        let (mut beats, rows) = written(&[1_000, 1_200]);
        beats.move_to(1, at(1_300).mono, PACE.patience);
        beats.handle_outcome(at(2_000).mono, 1, &BeatOutcome::Read { number: Some(3) });
        assert_eq!(beats.poll_reads(at(2_000).mono, true), [(1, Answer::Write { next: 4 })]);
        let (sent, written_at) = (at(2_000).mono, Timestamp::UNIX_EPOCH);
        beats.handle_outcome(sent, 1, &BeatOutcome::Acknowledged { number: 4, sent, written_at });
        assert_eq!(beats.lag(&rows, at(2_100), PACE), Some(Duration::from_millis(900)));
    }

    #[test]
    fn a_beat_that_is_late_by_an_interval_turns_the_lag_into_the_data_age() {
        let (beats, rows) = written(&[1_000, 1_200, 1_400]);
        assert_eq!(beats.lag(&rows, at(1_800), PACE), Some(Duration::ZERO));
        assert_eq!(beats.lag(&rows, at(1_801), PACE), Some(Duration::from_millis(401)));
    }

    #[test]
    fn a_slow_line_takes_its_time_and_a_long_gap_sets_no_new_standard() {
        let (beats, rows) = written(&[1_000, 1_600, 2_200]);
        assert_eq!(beats.lag(&rows, at(3_300), PACE), Some(Duration::ZERO));
        let (beats, rows) = written(&[1_000, 60_000]);
        assert_eq!(beats.lag(&rows, at(62_001), PACE), Some(Duration::from_millis(2_001)));
    }
}
