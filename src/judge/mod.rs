//! The judge: a pure state machine that decides where each region's authentication points.
//!
//! No clock, no network, no async: time is an argument. Methods come in four kinds: getters; `handle_*` take in what
//! was seen or what came of an action; `step` lets time pass and decides; `take_*` and `poll_*` hand out what is to be
//! done. The caller saves the memory between `step` and carrying anything out.
//!
//! Deliberately absent: SQL, settings files, retries of looks, and any knowledge of how a hook is run.

mod beats;
mod commands;
mod damper;
mod errant;
mod gates;
mod hooks;
mod keystone;
mod level;
mod levels;
mod masters;
mod memory;
mod phases;
mod region;
mod replica;
mod reseed;
mod rules;
mod stream;
mod succession;
mod trigger;
mod verdicts;
mod verified;
mod view;
mod witness;

pub use beats::Beats;
pub use level::LevelOrder;
pub use memory::{Memory, RegionMemory};
pub use region::{Region, Start};
pub use replica::{Guard, points_at};
pub use rules::{Keystone, Rules};

use std::time::Duration;

use jiff::Timestamp;

use self::beats::Answer;
use self::masters::Masters;
use crate::model::command::{Command, Reply};
use crate::model::haproxy::{Change, HaproxyLook};
use crate::model::hook::HookOutcome;
use crate::model::observation::{BeatOrder, BeatOutcome, BinlogFacts, Look, MasterFacts, ReplicaFacts, ServerIdentity};
use crate::model::view::RegionView;
use crate::model::{Event, Moment, Now, RegionName, ReplicaName};

/// All regions of one daemon, with the ledger of beats that they share.
#[derive(Clone, Debug)]
pub struct Judge {
    beats: Beats,
    regions: Vec<Region>,
    masters: Masters,
    gap_limit: Duration,
    last_called: Option<Moment>,
    last_step: Option<Moment>,
    /// Every region's operator has accepted a loss of beats.
    pardons: bool,
    /// Of no region.
    events: Vec<Event>,
}

impl Judge {
    /// A judge that goes on from `memory`.
    pub fn new(rules: Vec<Rules>, mut memory: Memory, seed: u64, now: Now) -> Self {
        let gap_limit = rules.iter().map(Rules::gap_limit).max().unwrap_or(Duration::from_secs(1));
        let regions: Vec<Region> = rules
            .into_iter()
            .map(|rules| {
                let remembered = memory.regions.remove(&rules.region).unwrap_or_default();
                Region::new(rules, remembered, seed, now)
            })
            .collect();
        let beats = Beats::new(memory.instance, memory.beat);
        let masters = Masters::new(regions.first().map(Region::rules));
        let (last_called, last_step) = (None, None);
        Self { beats, regions, masters, gap_limit, last_called, last_step, pardons: false, events: Vec::new() }
    }

    /// The memory as it should be on disk.
    pub fn memory(&self) -> Memory {
        Memory {
            version: Memory::VERSION,
            instance: self.beats.instance().to_owned(),
            beat: self.beats.acknowledged(),
            regions: self.regions.iter().map(|region| (region.name().clone(), region.memory().clone())).collect(),
        }
    }

    /// The regions.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// One region.
    pub fn region(&self, name: &RegionName) -> Option<&Region> {
        self.regions.iter().find(|region| region.name() == name)
    }

    /// The orders since the last call for the writers of beats, one writer at each of the master's addresses, oldest
    /// first.
    pub fn take_beat_orders(&mut self) -> Vec<(usize, BeatOrder)> {
        self.masters.take_orders()
    }

    /// Whether every address of the master and every replica was looked at once.
    pub fn looked(&self) -> bool {
        self.masters.looked() && self.regions.iter().all(Region::looked)
    }

    /// What a region looks like now.
    pub fn views(&self, now: Now) -> Vec<RegionView> {
        self.regions.iter().map(|region| region.view(&self.beats, now)).collect()
    }

    /// What comes next in a region if nothing else happens, in a sentence.
    pub fn outlook(&self, name: &RegionName, now: Now) -> Option<String> {
        Some(self.region(name)?.outlook(&self.beats, now))
    }

    /// Takes in one look at the master's address number `place` of the settings.
    pub fn handle_master(&mut self, now: Now, place: usize, look: &Look<MasterFacts>) {
        self.mark_gap(now);
        self.masters.handle_look(place, look);
        if !self.is_lost()
            && !self.pardons
            && let Some(loss) = self.beats.handle_master(place, look)
        {
            self.lose(&loss);
        }
        for region in &mut self.regions {
            region.handle_master(place, look);
            if place == self.beats.writer() {
                region.compare_streams(look);
            }
        }
    }

    /// Takes in how long the master's address number `place` keeps its binary logs.
    pub fn handle_binlogs(&mut self, place: usize, binlogs: &BinlogFacts) {
        for region in &mut self.regions {
            region.handle_binlogs(place, binlogs);
        }
    }

    /// Takes in one look at a replica.
    pub fn handle_replica(&mut self, now: Now, region: &RegionName, name: &ReplicaName, look: &Look<ReplicaFacts>) {
        self.mark_gap(now);
        self.beats.handle_replica(look);
        if let Some(region) = self.find(region) {
            region.handle_replica(now, name, look);
        }
    }

    /// Takes in what came of a beat at the master's address number `place`.
    pub fn handle_beat(&mut self, now: Now, place: usize, outcome: &BeatOutcome) {
        self.beats.handle_outcome(now.mono, place, outcome);
    }

    /// Takes in settings that were read again, region by region. No phase moves by it.
    pub fn handle_rules(&mut self, rules: Vec<Rules>) {
        for rules in rules {
            if let Some(region) = self.find(&rules.region.clone()) {
                region.handle_rules(rules);
            }
        }
    }

    /// Takes in which server the set-up stamped as this replica.
    pub fn handle_stamp(&mut self, region: &RegionName, name: &ReplicaName, stamp: Option<ServerIdentity>) {
        if let Some(region) = self.find(region) {
            region.handle_stamp(name, stamp);
        }
    }

    /// Takes in what stood in this replica's own binary logs when it was set up.
    pub fn handle_written_before(&mut self, region: &RegionName, name: &ReplicaName, written: &str) {
        if let Some(region) = self.find(region) {
            region.handle_written_before(name, written);
        }
    }

    /// Takes in one look at the HAProxy of a hook.
    pub fn handle_haproxy(&mut self, now: Now, region: &RegionName, hook: &str, look: &HaproxyLook) {
        self.mark_gap(now);
        if let Some(region) = self.find(region) {
            region.handle_haproxy(hook, look);
        }
    }

    /// Takes in what came of a [`LevelOrder`]: what was changed, or why not; nothing when a hook's run was in the way.
    pub fn handle_level_ended(
        &mut self,
        now: Now,
        region: &RegionName,
        hook: &str,
        result: Option<Result<Vec<Change>, String>>,
    ) {
        if let Some(region) = self.find(region) {
            region.handle_level_ended(now, hook, result);
        }
    }

    /// Takes in the end of a hook's run.
    pub fn handle_hook(&mut self, now: Now, region: &RegionName, outcome: &HookOutcome) {
        if let Some(region) = self.find(region) {
            region.handle_hook(now, outcome);
        }
    }

    /// Takes in that upkeep begins on a replica; where it `stops_threads`, their start is owed until they are seen running.
    pub fn handle_upkeep_begun(&mut self, region: &RegionName, name: &ReplicaName, stops_threads: bool) {
        if let Some(region) = self.find(region) {
            region.handle_upkeep_begun(name, stops_threads);
        }
    }

    /// Takes in what came of it, told as an event if it `is_news`.
    pub fn handle_upkeep_ended(
        &mut self,
        now: Now,
        region: &RegionName,
        name: &ReplicaName,
        sentence: String,
        is_news: bool,
    ) {
        if let Some(region) = self.find(region) {
            region.handle_upkeep_ended(now, name, sentence, is_news);
        }
    }

    /// Whether a replica should be compared with its master now; `every` says how often.
    pub fn verify_due(&self, region: &RegionName, name: &ReplicaName, every: Duration, now: Now) -> bool {
        self.region(region).is_some_and(|region| region.verify_due(name, every, &self.beats, now))
    }

    /// Whether a comparison in this region may go on: it authenticates at the master's.
    pub fn may_verify(&self, region: &RegionName) -> bool {
        self.region(region).is_some_and(Region::may_verify)
    }

    /// Takes in the end of a comparison: how many tables differ and the sentence, or why there is no result.
    pub fn handle_verified(
        &mut self,
        now: Now,
        region: &RegionName,
        name: &ReplicaName,
        result: Result<(usize, String), String>,
    ) {
        if let Some(region) = self.find(region) {
            region.handle_verified(now, name, result);
        }
    }

    /// Forgets what comparisons found: nobody compares any more.
    pub fn forget_verified(&mut self) {
        self.regions.iter_mut().for_each(Region::forget_verified);
    }

    /// Takes in whether the memory could be written; the sentence says why not.
    pub fn handle_saved(&mut self, result: Result<(), String>) {
        for region in &mut self.regions {
            region.handle_saved(result.clone());
        }
    }

    /// Carries out an operator's command and says what will happen and why.
    pub fn handle_command(&mut self, now: Now, command: &Command, user: &str) -> Reply {
        let named = |region: &Option<RegionName>| match region {
            Some(name) => vec![name.clone()],
            None => self.regions.iter().map(|region| region.name().clone()).collect(),
        };
        let names = match command {
            Command::Failover { region, .. }
            | Command::Failback { region, .. }
            | Command::Release { region, .. }
            | Command::Adopt { region, .. }
            | Command::HookTest { region } => vec![region.clone()],
            Command::Pause { region, .. } | Command::Resume { region } => named(region),
            Command::Status | Command::Events => Vec::new(),
        };
        let known: Vec<String> = self.regions.iter().map(|region| region.name().to_string()).collect();
        let was_lost = self.is_lost();
        let mut said: Vec<Reply> = Vec::new();
        for name in &names {
            let beats = &self.beats;
            said.push(match self.regions.iter_mut().find(|region| region.name() == name) {
                Some(region) => region.handle_command(now, beats, command, user),
                None => {
                    let reply = Reply::unknown(format!(
                        "there is no region {name} in the settings; they have {}",
                        known.join(", ")
                    ));
                    self.events.push(commands::event(now, None, command, user, &reply));
                    reply
                }
            });
        }
        let others = || self.regions.iter().filter(|region| region.memory().lost.is_some()).map(Region::name);
        if was_lost && let (Command::Adopt { .. }, Some(other)) = (command, others().next()) {
            said.push(Reply::done(format!("no beat is written before `keyward adopt {other}` too")));
        }
        self.pardons |= was_lost && !self.is_lost();
        Reply {
            ok: said.iter().all(|reply| reply.ok),
            message: said.iter().map(|reply| reply.message.as_str()).collect::<Vec<_>>().join("\n"),
            data: None,
            unknown: said.iter().any(|reply| reply.unknown),
        }
    }

    /// Lets time pass and decides.
    pub fn step(&mut self, now: Now) {
        self.mark_gap(now);
        self.last_step = Some(now.mono);
        // how much was lost only the replicas know, where the daemon has just been started
        if self.pardons && self.looked() {
            self.pardons = false;
            let next = self.beats.pardon();
            self.masters.order(self.beats.writer(), BeatOrder::Write { next });
        }
        for (place, answer) in self.beats.poll_reads(now.mono, self.looked()) {
            match answer {
                Answer::Lost(loss) if !self.is_lost() => self.lose(&loss),
                Answer::Write { next } if !self.is_lost() => self.masters.order(place, BeatOrder::Write { next }),
                Answer::Behind if !self.is_lost() => self.masters.read_again(now.mono),
                _ => self.masters.order(place, BeatOrder::Hold),
            }
        }
        self.masters.step(now.mono, &mut self.beats);
        for region in &mut self.regions {
            region.step(now, &self.beats);
        }
    }

    /// When the judge next wants a `step`, were nothing to happen until then: the first moment at which something becomes
    /// due that was not due in the last step. It may have passed already while that step was carried out.
    pub fn poll_deadline(&self) -> Option<Moment> {
        let stepped = self.last_step?;
        self.regions.iter().filter_map(|region| region.deadline_after(stepped)).min()
    }

    /// The events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        events.extend(self.regions.iter_mut().flat_map(Region::take_events));
        events
    }

    /// The hooks to start now. While the memory is not `saved`, only the way out goes on.
    pub fn take_starts(&mut self, saved: bool) -> Vec<Start> {
        self.regions.iter_mut().flat_map(|region| region.take_starts(saved)).collect()
    }

    /// The levels of `haproxy` hooks to set again now.
    pub fn take_level_orders(&mut self, saved: bool) -> Vec<LevelOrder> {
        self.regions.iter_mut().flat_map(|region| region.take_level_orders(saved)).collect()
    }

    /// Whether the master came back without transactions, and some region's operator has not accepted it.
    fn is_lost(&self) -> bool {
        self.regions.iter().any(|region| region.memory().lost.is_some())
    }

    fn find(&mut self, name: &RegionName) -> Option<&mut Region> {
        self.regions.iter_mut().find(|region| region.name() == name)
    }

    fn mark_gap(&mut self, now: Now) {
        if let Some(last) = self.last_called
            && now.mono.since(last) > self.gap_limit
        {
            for region in &mut self.regions {
                region.handle_gap(last, now);
            }
        }
        self.last_called = Some(now.mono);
    }

    fn lose(&mut self, loss: &str) {
        self.masters.order(self.beats.writer(), BeatOrder::Hold);
        for region in &mut self.regions {
            region.handle_loss(loss);
        }
    }
}

/// The wall clock as a stamp within an id: `20261122T044500Z`.
fn id_stamp(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or(&text).trim_end_matches('Z');
    format!("{}Z", seconds.replace(['-', ':'], ""))
}
