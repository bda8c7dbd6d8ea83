//! Deciding: from one phase to the next, each step with the sentence that says why.

use std::time::Duration;

use super::beats::Beats;
use super::damper;
use super::memory::{Episode, LastEpisode};
use super::region::{Region, Start};
use crate::model::hook::{HookEvent, HookRun, HookSpec};
use crate::model::phase::{Failback, Mode};
use crate::model::time::{friendly, stamp};
use crate::model::{Cause, EventKind, Moment, Now, Phase};

impl Region {
    /// Lets time pass and decides.
    pub(super) fn step(&mut self, now: Now, beats: &Beats) {
        self.end_pause(now, beats);
        self.record_proof(now);
        self.record_identity_proof(now);
        self.note_health(now, beats);
        self.note_silence(now);
        if self.was_proven(|at| self.rested_since.is_none_or(|since| at > since)) {
            self.memory.resting = false;
        }
        match self.memory.phase {
            Phase::Remote | Phase::Suspect => self.step_outside(now, beats),
            Phase::Switching => self.step_switching(now, beats),
            Phase::Local => self.step_local(now, beats),
            Phase::Returning => self.step_returning(now, beats),
        }
        self.start_hooks(now, beats);
        self.step_levels(now);
        self.tell_changes(now, beats);
    }

    fn end_pause(&mut self, now: Now, beats: &Beats) {
        let over = |pause: &super::memory::Pause| pause.until.is_some_and(|until| now.wall >= until);
        if self.memory.pause.as_ref().is_some_and(over)
            && let Some(pause) = self.memory.pause.take()
        {
            let next = self.outlook(beats, now);
            let sentence = format!("the pause by {} ({}) ended by itself; {next}", pause.user, pause.reason);
            self.tell(now, EventKind::Daemon, sentence);
        }
    }

    /// Whether keyward decides by itself here and now.
    pub(super) fn acts_alone(&self) -> bool {
        self.memory.pause.is_none() && self.rules.mode == Mode::Auto
    }

    /// Whether hooks of the episode may be started.
    pub(super) fn may_run_hooks(&self) -> bool {
        let Some(episode) = &self.memory.episode else { return false };
        let by_hand = (episode.manual || episode.ordered) && self.rules.mode != Mode::Off;
        episode.forced || (self.memory.pause.is_none() && (self.rules.mode == Mode::Auto || by_hand))
    }

    fn step_outside(&mut self, now: Now, beats: &Beats) {
        match self.memory.phase {
            Phase::Remote if self.is_silent(now) && self.acts_alone() => {
                let sentence = self.suspicion(now);
                self.go(now, Phase::Suspect, Cause::Auto, sentence);
            }
            Phase::Suspect if self.answers_again(now) => {
                let sentence = self.recovery();
                self.go(now, Phase::Remote, Cause::Auto, sentence);
            }
            _ => {}
        }
        if self.is_down(now) && self.acts_alone() && !self.memory.resting && self.closed_gates(beats, now).is_empty() {
            let sentence = self.outage(now);
            self.begin_episode(now, false, false, sentence);
        }
    }

    /// Begins an episode: the way out.
    pub(super) fn begin_episode(&mut self, now: Now, manual: bool, forced: bool, sentence: String) {
        let last = self.memory.last_episode.as_ref();
        let doubled = damper::doublings(self.rules.failback_after, last, self.episode_ended, manual, now);
        self.retries.clear();
        self.memory.resting = false;
        self.memory.episode = Some(Episode {
            id: self.new_id(now),
            started_at: now.wall,
            manual,
            ordered: manual,
            forced,
            reason: sentence.clone(),
            turn: 1,
            direction: HookEvent::Failover,
            doubled,
            hooks: self.rules.hooks.iter().map(|spec| (spec.name.clone(), Default::default())).collect(),
        });
        self.go(now, Phase::Switching, cause(manual), sentence);
    }

    /// An id that no earlier episode had, also where two begin in one second or the wall clock was set back.
    fn new_id(&self, now: Now) -> String {
        let id = format!("{}-{}", self.name(), super::id_stamp(now.wall));
        let last = self.memory.last_episode.as_ref().map(|last| last.id.as_str()).filter(|last| id.as_str() <= *last);
        match last.and_then(|last| last.rsplit_once('Z')) {
            Some((stamp, count)) => {
                let count = count.trim_start_matches('-').parse::<u32>().unwrap_or(1);
                format!("{stamp}Z-{}", count.saturating_add(1))
            }
            None => id,
        }
    }

    /// Whether every required hook of the turn has succeeded. In a pause the phase is frozen, also when a hook that was
    /// running has succeeded meanwhile.
    fn turn_is_complete(&self) -> bool {
        self.may_run_hooks()
            && self.memory.episode.as_ref().is_some_and(|episode| episode.is_complete(&self.rules.hooks))
    }

    fn step_switching(&mut self, now: Now, beats: &Beats) {
        if self.turn_is_complete() {
            let sentence = format!("{} authenticates locally: every required hook has succeeded", self.name());
            let manual = self.episode_is_manual();
            self.go(now, Phase::Local, cause(manual), sentence);
        } else {
            self.maybe_return(now, beats);
        }
    }

    fn step_local(&mut self, now: Now, beats: &Beats) {
        self.maybe_return(now, beats);
    }

    fn maybe_return(&mut self, now: Now, beats: &Beats) {
        let alone = self.acts_alone() && self.rules.failback == Failback::Auto && !self.episode_is_manual();
        if alone && self.state_broken.is_none() && self.way_back_obstacle(now, beats).is_none() {
            let wait = self.failback_after();
            let sentence = format!(
                "{} has been healthy for {} without a break and the replica has caught up",
                self.master_name(),
                friendly(wait)
            );
            self.turn(now, Phase::Returning, false, false, sentence);
        }
    }

    fn step_returning(&mut self, now: Now, beats: &Beats) {
        if self.turn_is_complete() {
            self.end_episode(now);
        } else if self.is_down(now)
            && self.acts_alone()
            && !self.memory.resting
            && self.closed_gates(beats, now).is_empty()
        {
            let sentence = self.outage(now);
            self.turn(now, Phase::Switching, false, false, sentence);
        }
    }

    fn end_episode(&mut self, now: Now) {
        let ordered = self.memory.episode.as_ref().is_some_and(|episode| episode.ordered);
        let sentence = format!("{} authenticates at {} again", self.name(), self.rules.master_region);
        self.go(now, Phase::Remote, cause(ordered), sentence);
        if let Some(episode) = self.memory.episode.take() {
            self.lingering.extend(episode.running().map(ToOwned::to_owned));
            self.memory.last_episode =
                Some(LastEpisode { id: episode.id, ended_at: now.wall, doubled: episode.doubled });
            self.episode_ended = Some(now.mono);
        }
        self.retries.clear();
    }

    /// Changes direction within the episode.
    pub(super) fn turn(&mut self, now: Now, to: Phase, ordered: bool, forced: bool, sentence: String) {
        let direction = if to == Phase::Switching { HookEvent::Failover } else { HookEvent::Failback };
        if let Some(episode) = &mut self.memory.episode {
            episode.turn_to(direction, sentence.clone(), ordered, forced);
        }
        self.retries.clear();
        self.go(now, to, cause(ordered), sentence);
    }

    fn go(&mut self, now: Now, to: Phase, cause: Cause, sentence: String) {
        let from = self.memory.phase;
        self.memory.phase = to;
        self.memory.phase_since = Some(now.wall);
        self.memory.sentence.clone_from(&sentence);
        self.tell(now, EventKind::Transition { from, to, cause }, sentence);
    }

    fn episode_is_manual(&self) -> bool {
        self.memory.episode.as_ref().is_some_and(|episode| episode.manual)
    }

    fn note_health(&mut self, now: Now, beats: &Beats) {
        // a look that failed, or a beat that was refused, breaks it too when another followed before anybody decided
        let broken = |since| {
            self.db.probe_answers_since() > Some(since)
                || self.identity.probe_answers_since() > Some(since)
                || beats.refused_at() > Some(since)
        };
        match self.ailment(now, beats) {
            None if self.healthy_since.is_none_or(broken) => self.healthy_since = Some(now.mono),
            None => {}
            Some(_) => self.healthy_since = None,
        }
    }

    /// Counts the silences that end. A server that refuses us is not silent. While links alone prove the master alive,
    /// they do so once a beat, and what lies between two proofs is no silence.
    fn note_silence(&mut self, now: Now) {
        let by_links = self.db.probe_failing_since().is_some_and(|since| self.db.last_proof() > Some(since));
        let unproven = self.db.unproven_since().map(|since| now.mono.since(since));
        let silent = match by_links {
            true => unproven > Some(self.rules.link_patience()),
            false => self.db_is_silent(now),
        };
        self.flaps.note(now.mono, silent && !self.db_is_refused(), self.db.last_proof());
    }

    /// The unbroken health that the way back asks for, doublings included.
    pub(super) fn failback_after(&self) -> Duration {
        let doubled = self.memory.episode.as_ref().map_or(0, |episode| episode.doubled);
        damper::failback_after(self.rules.failback_after, doubled)
    }

    /// The same in words, with the reason where it is more than was configured.
    fn needed_health(&self) -> String {
        let needed = friendly(self.failback_after());
        let (times, failovers) = match self.memory.episode.as_ref().map_or(0, |episode| episode.doubled) {
            0 => return needed,
            1 => ("once".to_owned(), "a failover".to_owned()),
            2 => ("twice".to_owned(), "2 failovers".to_owned()),
            more => (format!("{more} times"), format!("{more} failovers")),
        };
        let configured = friendly(self.rules.failback_after);
        format!(
            "{needed} (failback_after = {configured}, doubled {times} for {failovers} within an hour after an episode)"
        )
    }

    /// What is wrong with the master or the link, as far as the way back is concerned.
    pub(super) fn ailment(&self, now: Now, beats: &Beats) -> Option<String> {
        if let Some(lost) = &self.memory.lost {
            return Some(lost.clone());
        }
        let patience = self.rules.link_patience();
        let probed = self.db.probe_proof().is_some_and(|at| now.mono.since(at) <= patience);
        if self.db.probe_up() != Some(true) || !probed {
            return Some(format!("{} does not answer keyward", self.master_name()));
        }
        if let Some(refusal) = beats.refusal() {
            return Some(format!("{} takes no beats: {refusal}", self.master_name()));
        }
        if let Some(ailment) = self.identity_ailment(now) {
            return Some(ailment);
        }
        let replica = self.serving(beats, now)?;
        match replica.link_up(now.mono, patience) {
            Some(true) => None,
            _ => Some(format!("the link of {} shows no progress", replica.name)),
        }
    }

    /// When there will have been enough unbroken health, if none breaks it.
    pub(super) fn healthy_enough_at(&self) -> Option<Moment> {
        self.healthy_since.map(|since| since + self.failback_after())
    }

    /// What the way back still waits for, in a sentence; nothing when it may begin.
    pub(super) fn way_back_obstacle(&self, now: Now, beats: &Beats) -> Option<String> {
        let (Some(since), Some(enough)) = (self.healthy_since, self.healthy_enough_at()) else {
            return Some(match self.ailment(now, beats) {
                Some(ailment) => format!("{ailment}; after that it takes {} of unbroken health", self.needed_health()),
                None => format!("watching for {} of unbroken health", self.needed_health()),
            });
        };
        if now.mono < enough {
            let healthy = friendly(now.mono.since(since));
            let earliest = stamp(now.wall_at(enough));
            return Some(format!("healthy for {healthy} of {}, at the earliest {earliest}", self.needed_health()));
        }
        self.lag_obstacle(now, beats)
    }

    /// Why the replica's lag speaks against the way back.
    pub(super) fn lag_obstacle(&self, now: Now, beats: &Beats) -> Option<String> {
        let most = self.rules.failback_max_lag;
        let replica = self.serving(beats, now)?;
        match replica.lag(beats, now, self.rules.pace()) {
            Some(lag) if lag <= most => None,
            Some(lag) => Some(format!(
                "{} is {} behind, more than failback_max_lag = {}",
                replica.name,
                friendly(lag),
                friendly(most)
            )),
            None => Some(format!("the lag of {} is not known yet", replica.name)),
        }
    }

    fn start_hooks(&mut self, now: Now, beats: &Beats) {
        let back = self.memory.episode.as_ref().is_some_and(|episode| episode.direction == HookEvent::Failback);
        let waits = !self.lingering.is_empty() || (back && self.state_broken.is_some());
        if waits || !self.may_run_hooks() {
            return;
        }
        let phase = self.memory.phase;
        let data_age = self.serving(beats, now).and_then(|replica| replica.data_age(beats, now));
        let Some(episode) = &mut self.memory.episode else { return };
        let specs = episode.poll_starts(&self.rules.hooks, &mut self.retries, now.mono);
        for spec in specs {
            let attempt = episode.hooks.get(&spec.name).map_or(1, |hook| hook.attempt);
            let run = order(&self.rules, episode, phase, data_age, spec, attempt);
            self.starts.push(run);
        }
    }

    /// The hooks to start now. While the memory is not `saved`, only the way out goes on; the way back is asked for
    /// again when it is.
    pub(super) fn take_starts(&mut self, saved: bool) -> Vec<Start> {
        let region = self.name().clone();
        let mut starts = Vec::new();
        for run in std::mem::take(&mut self.starts) {
            if saved || run.event == HookEvent::Failover {
                starts.push(Start { region: region.clone(), run });
            } else if let Some(episode) = &mut self.memory.episode {
                episode.take_back_start(&run.spec.name);
            }
        }
        starts
    }

    /// When something next becomes due in this region that was not due in the step at `stepped`.
    pub(super) fn deadline_after(&self, stepped: Moment) -> Option<Moment> {
        let silence = self.next_silence_after(stepped);
        let health = self.memory.episode.as_ref().and_then(|_| self.healthy_enough_at());
        [silence, self.retries.earliest(), health].into_iter().flatten().filter(|at| *at > stepped).min()
    }

    pub(super) fn master_name(&self) -> String {
        format!("{}'s master at {}", self.rules.master_region, self.rules.master_at())
    }
}

fn cause(manual: bool) -> Cause {
    if manual { Cause::Manual } else { Cause::Auto }
}

fn order(
    rules: &super::Rules,
    episode: &Episode,
    phase: Phase,
    data_age: Option<Duration>,
    spec: HookSpec,
    attempt: u32,
) -> HookRun {
    HookRun {
        spec,
        event: episode.direction,
        episode: episode.id.clone(),
        turn: episode.turn,
        attempt,
        region: rules.region.clone(),
        phase,
        master_region: rules.master_region.clone(),
        master_address: rules.master_at(),
        reason: episode.reason.clone(),
        data_age,
        manual: episode.ordered,
    }
}
