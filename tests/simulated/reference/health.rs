//! Health and lag, as far as the way back is concerned, the damping of its wait, and what an episode is.

use std::time::Duration;

use jiff::Timestamp;
use keyward::model::phase::Failback;
use keyward::model::{Cause, Now};

use super::super::servers::Master;
use super::super::time::{Ms, ms, span};
use super::gates::Doubt;
use super::{Move, Reference};

const HOUR: Duration = Duration::from_secs(3_600);

/// A wait after so many doublings.
fn damped(configured: Duration, doubled: u32) -> Duration {
    (0..doubled).fold(configured, |wait, _| (2 * wait).min(HOUR.max(configured)))
}

impl Reference {
    /// Notes whether master and link are well at this step.
    pub(super) fn note_health(&mut self, t: Ms) {
        if !self.is_well_now(t) {
            self.sick_at = t;
        }
    }

    /// Whether nothing is wrong with master and link, as far as was seen.
    pub(super) fn is_well_now(&self, t: Ms) -> bool {
        self.memory.lost.is_none() && !self.beats.refuses && self.is_well(t, ms(self.rules.link_patience()))
    }

    /// Whether the master has answered within this time, and a link has shown progress of late.
    pub fn is_well(&self, t: Ms, patience: Ms) -> bool {
        let probed = self.answers() && self.answered.is_some_and(|at| t - at <= patience);
        let patience = patience.max(ms(self.rules.link_patience()));
        probed
            && self.keystone_is_well(t)
            && self.replicas.iter().any(|seen| seen.linked.is_some_and(|at| t - at <= patience))
    }

    /// How far a replica is behind.
    fn lag(&self, t: Ms, number: usize, master: &Master, now: Now) -> Option<Ms> {
        let fresh = self.beats.heard.is_some_and(|at| t - at <= ms(self.rules.link_patience()));
        let facts = self.replicas[number].facts.as_ref()?;
        if !fresh {
            return self.data_age(number, master, now, Doubt::Open);
        }
        let seen = self.own_number(Some(facts));
        let truly = master.oldest_after(seen, self.beats.acknowledged).map_or(0, |at| t - at);
        let Some(first) = self.beats.first.filter(|first| seen + 1 < *first) else { return Some(truly) };
        // what it has is of an earlier life: only the wall clock in its row tells how old that is
        let of_this_life = master.committed(first).map_or(0, |at| t - at);
        let by_wall = self.data_age(number, master, now, Doubt::Open).unwrap_or(0);
        Some(truly.min(of_this_life.max(by_wall)))
    }

    pub(super) fn check_lag(&mut self, t: Ms, now: Now, master: &Master) {
        let most = ms(self.rules.failback_max_lag);
        let lags: Vec<_> = (0..self.replicas.len()).map(|number| self.lag(t, number, master, now)).collect();
        let caught_up = lags.iter().flatten().any(|lag| *lag <= most);
        self.promise("no way back while lagging", caught_up, || format!("lags {lags:?}, at most {most}"));
    }

    /// The way back, by keyward's own rule.
    pub(super) fn check_way_back(&mut self, step: &Move<'_>) {
        if step.cause == Cause::Manual {
            return;
        }
        let doubled = self.memory.episode.as_ref().map_or(0, |episode| episode.doubled);
        let needed = ms(damped(self.rules.failback_after, doubled));
        let healthy = step.t - self.sick_at;
        self.promise("no way back without unbroken health", healthy >= needed, || format!("{healthy} ms of {needed}"));
        self.check_lag(step.t, step.now, step.master);
        let alone = "it came back by itself".to_owned();
        self.promise("an episode by hand ends by hand", !self.by_hand, || alone.clone());
        let auto = self.rules.failback == Failback::Auto;
        self.promise("failback = manual waits for a command", auto, || alone);
        let (held, mode) = (self.is_held(step), self.rules.mode.code());
        self.promise("no way back while frozen", !held, || format!("mode {mode}"));
        let promise = "no way back while the state cannot be saved";
        self.promise(promise, !step.unsaved, || "it was not saved".to_owned());
        (self.ordered, self.forced) = (false, false);
    }

    /// A new episode has an id of its own, none is under way, and its wait is damped as the contract says.
    pub(super) fn check_new_episode(&mut self, step: &Move<'_>) {
        let Some(episode) = &step.after.episode else { return };
        let (open, manual) = (self.episode.clone(), step.cause == Cause::Manual);
        self.promise("never two episodes for one outage", open.is_none(), || format!("{open:?} has not ended"));
        let fresh = self.ids.insert(episode.id.clone());
        let named = step.event.episode.as_ref() == Some(&episode.id);
        self.young_ids.insert(episode.id.clone());
        self.promise("an episode has an id of its own", fresh && named, || episode.id.clone());
        let configured = self.rules.failback_after;
        let told = Now { wall: step.event.at, ..step.now };
        let ago = |last: Timestamp| self.ended.map_or(told.age_of(last), |at| span(step.t - at));
        let last = self.memory.last_episode.as_ref().filter(|last| ago(last.ended_at) < HOUR);
        let before = last.map(|last| damped(configured, last.doubled));
        let twice = before.map_or(configured, |wait| if manual { wait } else { (2 * wait).min(HOUR.max(configured)) });
        let found = damped(configured, episode.doubled);
        self.promise("the wait is damped", found == twice, || format!("{found:?} instead of {twice:?}"));
        self.promise("a first turn is the first", episode.turn == 1, || format!("turn {}", episode.turn));
        self.promise("by hand is by hand", episode.manual == manual, || episode.id.clone());
        (self.by_hand, self.excused) = (episode.manual, false);
        self.episodes += 1;
        self.begun.clear();
        self.marked.clear();
    }

    /// A turn within an episode keeps its id.
    pub(super) fn check_same_episode(&mut self, step: &Move<'_>) {
        let before = self.memory.episode.as_ref().map(|episode| episode.id.clone());
        let found = step.after.episode.as_ref().map(|episode| episode.id.clone());
        if let (Some(before), Some(found)) = (&before, &found) {
            self.promise("a turn keeps its episode", before == found, || format!("{before} became {found}"));
        }
        let told = step.event.episode.clone();
        let named = told.is_some() && told == before;
        self.promise("an event names its episode", named || before.is_none(), || format!("{told:?}"));
    }
}
