//! Which servers were set up, and the daemon's own setting up of replicas: of empty ones, and anew of those whose master
//! has purged what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::inputs::Input;
use super::setup::{End, How, Progress, set_up_replica};
use crate::act::stamp::{self, Stamp, StampError};
use crate::config::Settings;
use crate::judge::Judge;
use crate::model::{Moment, Now, RegionName, ReplicaName};

/// How often the stamps are read.
const READ_EVERY: Duration = Duration::from_secs(2);
/// The most time that the loop waits for them.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// How long a failed set-up waits.
const TRY_EVERY: Duration = Duration::from_secs(60);

/// A replica, and what its stamp's file says.
type Read = ((RegionName, ReplicaName), Result<Option<Stamp>, StampError>);

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
    /// A disk that has not answered yet.
    stuck: Option<JoinHandle<Vec<Read>>>,
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
            stuck: None,
            not_before: BTreeMap::new(),
            sink,
        }
    }

    /// Tells the judge which server each replica was set up on, now and then.
    pub async fn read_stamps(&mut self, judge: &mut Judge, now: Now) {
        if self.read_at.is_some_and(|at| now.mono.since(at) < READ_EVERY) {
            return;
        }
        self.read_at = Some(now.mono);
        let replicas = judge.regions().iter().flat_map(|region| {
            region.rules().replicas.iter().map(move |(name, _)| (region.name().clone(), name.clone()))
        });
        let replicas: Vec<_> = replicas.collect();
        for (key, read) in self.read(replicas.clone()).await {
            match read {
                Ok(Some(stamp)) => {
                    self.known.insert(key, stamp);
                }
                Ok(None) => {}
                Err(error) => {
                    if self.told.insert(key.clone()) {
                        tracing::warn!(region = %key.0, replica = %key.1, %error, "the stamp cannot be read");
                    }
                }
            }
        }
        for key in replicas {
            let stamp = self.known.get(&key);
            let written = stamp.map(|stamp| stamp.written.as_str()).unwrap_or_default();
            judge.handle_stamp(&key.0, &key.1, stamp.map(|stamp| stamp.identity.clone()));
            judge.handle_written_before(&key.0, &key.1, written);
        }
    }

    /// What the stamps' files say, read beside the loop: a disk that hangs holds it up once, and nothing is read until it
    /// answers.
    async fn read(&mut self, replicas: Vec<(RegionName, ReplicaName)>) -> Vec<Read> {
        if self.stuck.as_ref().is_some_and(|task| !task.is_finished()) {
            return Vec::new();
        }
        let folder = self.folder.clone();
        let read = move |key: (RegionName, ReplicaName)| {
            let stamp = stamp::read(&folder, &key.0, &key.1);
            (key, stamp)
        };
        let mut task = spawn_blocking(move || replicas.into_iter().map(read).collect());
        match timeout(READ_LIMIT, &mut task).await {
            Ok(read) => read.unwrap_or_default(),
            Err(_) => {
                let folder = self.folder.display();
                tracing::warn!(
                    "the stamps in {folder} cannot be read: the disk does not answer; those read before count"
                );
                self.stuck = Some(task);
                Vec::new()
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
