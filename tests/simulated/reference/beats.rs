//! Beats: what the master has acknowledged is never written over when it is gone.

use keyward::model::Now;
use keyward::model::observation::{BeatOrder, BeatOutcome, Look, ReplicaFacts};

use super::super::servers::Master;
use super::super::time::Ms;
use super::gates::Doubt;
use super::{Reference, Seen};

/// What is known of the beats of this instance.
#[derive(Clone, Debug, Default)]
pub struct Beats {
    /// The present instance's id.
    pub instance: String,
    /// The last acknowledged beat that this life knows of.
    pub acknowledged: u64,
    /// When that was heard, in this life.
    pub heard: Option<Ms>,
    /// The first beat that was acknowledged in this life.
    pub first: Option<u64>,
    /// What the last read of the row said, at each address.
    reads: [Option<u64>; 3],
    /// Where beats were ordered last, and everywhere they may be written now.
    writer: usize,
    writing: [bool; 3],
    /// The greatest number seen on a replica in this life.
    floor: u64,
    /// Up to this number an operator has accepted a loss.
    pardoned: u64,
    /// An operator accepts what was lost, however much the first looks show that to be.
    pub pardons: bool,
    /// The master answers and takes no beats.
    pub refuses: bool,
}

impl Beats {
    /// A life begins.
    pub fn born(&mut self, instance: &str) {
        self.instance = instance.to_owned();
        (self.heard, self.first, self.floor, self.refuses) = (None, None, 0, false);
        (self.reads, self.writer, self.writing) = ([None; 3], 0, [false; 3]);
    }

    /// A life is over; this number is on disk.
    pub fn died(&mut self, on_disk: u64) {
        (self.acknowledged, self.pardons) = (on_disk, false);
    }
}

impl Reference {
    /// A replica's look reaches the judge.
    pub fn handles_replica(&mut self, number: usize, look: &Look<ReplicaFacts>) {
        let own = self.own_number(look.result.as_ref().ok());
        let seen = &mut self.replicas[number];
        seen.answers = look.result.is_ok();
        if let Ok(facts) = &look.result {
            seen.facts = Some(facts.clone());
            self.beats.floor = self.beats.floor.max(own);
        }
    }

    /// What came of a beat reaches the judge.
    pub fn handles_beat(&mut self, t: Ms, place: usize, outcome: &BeatOutcome) {
        let here = place == self.beats.writer;
        match outcome {
            BeatOutcome::Acknowledged { number, .. } => {
                self.beats.refuses = false;
                self.beats.first.get_or_insert(*number);
                if *number > self.beats.acknowledged {
                    (self.beats.acknowledged, self.beats.heard) = (*number, Some(t));
                }
            }
            BeatOutcome::Refused(_) if here => self.beats.refuses = true,
            BeatOutcome::Unknown(_) if here => self.beats.refuses = false,
            BeatOutcome::Read { number } => self.beats.reads[place] = Some(number.unwrap_or(0)),
            _ => {}
        }
    }

    /// The judge orders beats at one of the master's addresses.
    pub fn orders(&mut self, place: usize, order: BeatOrder) {
        self.beats.writing[place] = order != BeatOrder::Hold;
        let BeatOrder::Write { next } = order else { return };
        if std::mem::replace(&mut self.beats.writer, place) != place {
            self.beats.refuses = false;
        }
        // from 0 on means that the row is read first
        if next == 0 {
            return;
        }
        let must = self.beats.acknowledged.max(self.beats.floor);
        if std::mem::take(&mut self.beats.pardons) {
            self.beats.pardoned = must;
        }
        let read = self.beats.reads[place].unwrap_or(must);
        let kept = next > must && (read >= must || must <= self.beats.pardoned);
        self.promise("beats are never written over a loss", kept, || {
            format!("{next} is to be written over {read} although {must} was committed")
        });
    }

    /// Every order was given.
    pub fn ordered(&mut self) {
        let writers = self.beats.writing.iter().filter(|writes| **writes).count();
        self.promise("beats are written at one address", writers <= 1, || format!("at {writers}"));
    }

    /// A beat was committed over this number.
    pub fn beat_written(&mut self, number: u64, before: Option<u64>) {
        let before = before.unwrap_or(0);
        self.promise("the row of beats never goes back", number > before, || format!("{number} over {before}"));
    }

    /// Whether beats of this life arrive on a replica, and did within `patience`.
    pub fn beats_arrive(&self, master: &Master, now: Now, patience: Ms) -> bool {
        let arrived = |seen: &Seen| self.own_number(seen.facts.as_ref());
        let of_this_life =
            self.beats.first.is_some_and(|first| self.replicas.iter().any(|seen| arrived(seen) >= first));
        let age = |number| self.data_age(number, master, now, Doubt::Closed);
        of_this_life && (0..self.replicas.len()).filter_map(age).any(|age| age <= patience)
    }

    pub(super) fn own_number(&self, facts: Option<&ReplicaFacts>) -> u64 {
        let rows = facts.map(|facts| facts.beats.as_slice()).unwrap_or_default();
        rows.iter().find(|row| row.instance == self.beats.instance).map_or(0, |row| row.number)
    }
}
