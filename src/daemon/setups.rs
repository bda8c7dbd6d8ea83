//! Which servers were set up, and the daemon's own setting up of replicas: of empty ones, and anew of those whose master
//! has purged what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::inputs::Input;
use super::setup::{End, How, Progress, set_up_replica};
use crate::act::stamp::{self, Stamp};
use crate::config::Settings;
use crate::judge::Judge;
use crate::model::{Moment, Now, RegionName, ReplicaName};

/// How often the stamps are read.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How long a failed set-up waits.
const TRY_EVERY: Duration = Duration::from_secs(60);

/// The stamps and the set-ups under way.
pub struct Setups {
    folder: PathBuf,
    auto: bool,
    auto_reseed: bool,
    /// What is being copied anew by this run of the daemon.
    reseeding: BTreeSet<(RegionName, ReplicaName)>,
    read_at: Option<Moment>,
    /// What was read once stands: a folder that vanished later closes no way out.
    known: BTreeMap<(RegionName, ReplicaName), Stamp>,
    told: BTreeSet<(RegionName, ReplicaName)>,
    not_before: BTreeMap<(RegionName, ReplicaName), Option<Moment>>,
    sink: mpsc::Sender<Input>,
}

impl Setups {
    /// Reads the stamps below `settings.state_dir`.
    pub fn new(settings: &Settings, sink: mpsc::Sender<Input>) -> Self {
        let (folder, auto) = (settings.state_dir.clone(), settings.replication.auto_setup);
        Self {
            folder,
            auto,
            auto_reseed: settings.replication.auto_reseed,
            reseeding: BTreeSet::new(),
            read_at: None,
            known: BTreeMap::new(),
            told: BTreeSet::new(),
            not_before: BTreeMap::new(),
            sink,
        }
    }

    /// Tells the judge which server each replica was set up on, now and then.
    pub fn read_stamps(&mut self, judge: &mut Judge, now: Now) {
        if self.read_at.is_some_and(|at| now.mono.since(at) < READ_EVERY) {
            return;
        }
        self.read_at = Some(now.mono);
        let regions: Vec<_> =
            judge.regions().iter().map(|region| (region.name().clone(), region.rules().replicas.clone())).collect();
        for (region, replicas) in regions {
            for (name, _) in replicas {
                let key = (region.clone(), name.clone());
                match stamp::read(&self.folder, &region, &name) {
                    Ok(Some(stamp)) => {
                        self.known.insert(key.clone(), stamp);
                    }
                    Ok(None) => {}
                    Err(error) if self.told.insert(key.clone()) => {
                        tracing::warn!(%region, replica = %name, %error, "the stamp cannot be read");
                    }
                    Err(_) => {}
                }
                let stamp = self.known.get(&key);
                judge.handle_stamp(&region, &name, stamp.map(|stamp| stamp.identity.clone()));
                judge.handle_written_before(
                    &region,
                    &name,
                    stamp.map(|stamp| stamp.written.as_str()).unwrap_or_default(),
                );
            }
        }
    }

    /// Begins to set up what is empty and was never set up.
    pub fn begin_due(&mut self, settings: &Settings, judge: &Judge, now: Now) {
        if !self.auto {
            return;
        }
        for region in judge.regions() {
            for (name, _) in &region.rules().replicas {
                let key = (region.name().clone(), name.clone());
                let waits = match self.not_before.get(&key) {
                    Some(None) => true,
                    Some(Some(at)) => now.mono < *at,
                    None => false,
                };
                if !waits && region.may_be_set_up(name) {
                    self.not_before.insert(key, None);
                    let how = How { auto: true, ..How::default() };
                    self.begin(settings, region.name(), name, how, "it was empty and is set up now");
                }
            }
        }
    }

    /// Decides what is copied anew; what is decided is written down before it begins.
    pub fn mark_reseeds(&self, judge: &mut Judge, now: Now) {
        if self.auto_reseed {
            judge.mark_reseeds(now);
        }
    }

    /// Begins to copy anew what was decided and `saved`, as soon as the daemon has let go of the replica's lock.
    pub fn begin_reseeds(&mut self, settings: &Settings, judge: &Judge, saved: bool) {
        for (region, name) in judge.ready_reseeds() {
            if saved && self.reseeding.insert((region.clone(), name.clone())) {
                let how = How { auto: true, reseed: true, ..How::default() };
                self.begin(settings, &region, &name, how, "it was copied anew and follows the master");
            }
        }
    }

    fn begin(&self, settings: &Settings, region: &RegionName, name: &ReplicaName, how: How, well: &'static str) {
        let (settings, region, name, sink) = (settings.clone(), region.clone(), name.clone(), self.sink.clone());
        tokio::spawn(async move {
            let aside = Mutex::new(Vec::new());
            let tell = |progress: Progress| {
                if let Progress::MovedAside(moved) = progress {
                    let mut aside = aside.lock().unwrap_or_else(PoisonError::into_inner);
                    aside.extend(moved.into_iter().map(|one| one.into));
                }
            };
            let (sentence, done) = match set_up_replica(&settings, &region, &name, &how, &tell).await {
                End::Done(_) | End::NothingToDo(_) | End::Planned => {
                    let aside = aside.lock().unwrap_or_else(PoisonError::into_inner).join(", ");
                    let rows = if aside.is_empty() { String::new() } else { format!("; its old rows are in {aside}") };
                    (format!("{well}{rows}"), true)
                }
                End::Refused(why) => (format!("cannot be set up by the daemon: {}", why.join("; ")), false),
                End::Failed(why) => (format!("the set-up by the daemon failed: {why}"), false),
            };
            // a closed channel means that the daemon ends
            let _ = sink.send(Input::Setup(region, name, sentence, done)).await;
        });
    }

    /// Takes in the end of a set-up.
    pub fn handle_end(&mut self, judge: &mut Judge, now: Now, region: &RegionName, name: &ReplicaName, done: bool) {
        if self.reseeding.remove(&(region.clone(), name.clone())) {
            judge.handle_reseed_ended(region, name, done);
        }
        let next = now.mono + if done { Duration::ZERO } else { TRY_EVERY };
        self.not_before.insert((region.clone(), name.clone()), Some(next));
        self.read_at = None;
    }
}
