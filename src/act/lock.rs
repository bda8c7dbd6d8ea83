//! A hook's lock and the record of its run, so that two runs never overlap, not even across a crash of the daemon.
//!
//! The lock belongs to an open file that the hook's processes inherit: it lives exactly as long as one of them holds
//! it, whatever becomes of the daemon. Nothing here is synced to the disk: after a power cut no process is left.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::procs;
use crate::model::hook::{HookEvent, HookRun, HookSpec};
use crate::model::url::percent_encoded;
use crate::model::{Moment, RegionName};

/// Where a region's hooks keep their locks, and the clock that their time limits are written down by.
#[derive(Clone, Debug)]
pub struct RunPlace {
    /// A folder of its own inside the state folder; made when it is missing.
    pub folder: PathBuf,
    /// The region.
    pub region: RegionName,
    /// The steady clock; it outlives a restart of the daemon.
    pub clock: fn() -> Moment,
}

/// What is written down about a run before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The hook's name.
    pub hook: String,
    /// Which way it turns the region.
    pub event: HookEvent,
    /// The episode it belongs to.
    pub episode: String,
    /// The turn it belongs to.
    pub turn: u32,
    /// The attempt it is.
    pub attempt: u32,
    /// When its time limit ends, in milliseconds since boot.
    pub limit_at_ms: u64,
    /// The boot that the numbers here belong to.
    pub boot: String,
    /// The session of the daemon that started it.
    pub session: i32,
    /// Its first process; absent in the instant between writing this and having started it.
    pub leader: Option<Leader>,
}

/// A run's first process; its number is also the number of its process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// Process number.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub started_ticks: u64,
}

impl Record {
    /// The record of a run that is about to start.
    pub fn of(run: &HookRun, place: &RunPlace) -> Self {
        let limit_at = (place.clock)() + run.spec.timeout;
        Self {
            hook: run.spec.name.clone(),
            event: run.event,
            episode: run.episode.clone(),
            turn: run.turn,
            attempt: run.attempt,
            limit_at_ms: u64::try_from(limit_at.since(Moment::default()).as_millis()).unwrap_or(u64::MAX),
            boot: boot(),
            // read from /proc: a session that began outside this PID namespace has the number 0, which getsid wraps badly
            session: procs::look(std::process::id().cast_signed()).map_or(0, |own| own.session),
            leader: None,
        }
    }
}

/// The running kernel's boot, or nothing where the system does not tell.
pub fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// What runs of which only one may be under way share: a region's required hooks one, each optional hook its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    base: PathBuf,
}

impl Slot {
    /// The slot of a hook.
    pub fn of(place: &RunPlace, spec: &HookSpec) -> Self {
        let region = file_name_part(&place.region.0);
        let name = match spec.optional {
            false => format!("{region}.required"),
            true => format!("{region}.optional.{}", file_name_part(&spec.name)),
        };
        Self { base: place.folder.join(name) }
    }

    /// Every slot of the region that a run has left something in.
    ///
    /// # Errors
    /// The folder exists and cannot be read.
    pub fn left_in(place: &RunPlace) -> io::Result<Vec<Self>> {
        let ours = format!("{}.", file_name_part(&place.region.0));
        let entries = match fs::read_dir(&place.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut slots = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with(&ours)) else { continue };
            if let Some(base) = name.strip_suffix(".lock").or_else(|| name.strip_suffix(".json")) {
                slots.push(Self { base: place.folder.join(base) });
            }
        }
        slots.sort();
        slots.dedup();
        Ok(slots)
    }

    /// Waits for this daemon's own run in the slot. What that run waits for is limited, so this is too.
    pub async fn enter(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.door().lock_owned().await
    }

    /// Enters the slot unless this daemon has a run in it.
    pub fn try_enter(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        self.door().try_lock_owned().ok()
    }

    fn door(&self) -> Arc<tokio::sync::Mutex<()>> {
        static UNDER_WAY: LazyLock<Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>> =
            LazyLock::new(|| Mutex::new(BTreeMap::new()));
        let mut all = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(self.base.clone()).or_default())
    }

    /// The lock file.
    pub fn lock_file(&self) -> PathBuf {
        self.file("lock")
    }

    /// The record's file.
    pub fn record_file(&self) -> PathBuf {
        self.file("json")
    }

    fn file(&self, extension: &str) -> PathBuf {
        let mut whole = self.base.clone().into_os_string();
        whole.push(".");
        whole.push(extension);
        PathBuf::from(whole)
    }

    /// Takes the lock and writes the record. `None`: somebody else holds the lock.
    ///
    /// # Errors
    /// The folder cannot be written; nothing is left behind then.
    pub fn take(&self, record: &Record) -> io::Result<Option<Taken>> {
        if let Some(folder) = self.base.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.lock_file())?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            other => other?,
        }
        let taken = Taken { slot: self.clone(), inode: file.metadata()?.ino(), file: Some(file) };
        match self.write(record) {
            Ok(()) => Ok(Some(taken)),
            Err(error) => {
                taken.free();
                Err(error)
            }
        }
    }

    /// Replaces the record, in one step.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let fresh = self.file("json.new");
        let written = (|| {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec(record)?)?;
            fs::rename(&fresh, self.record_file())
        })();
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }

    /// The record, when there is one that can be read.
    pub fn read(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record_file()).ok()?).ok()
    }

    /// Whether a run has left anything here.
    pub fn is_clean(&self) -> bool {
        !self.lock_file().exists() && !self.record_file().exists()
    }

    /// Whether any process holds the lock.
    ///
    /// # Errors
    /// The lock file cannot be opened.
    pub fn is_held(&self) -> io::Result<bool> {
        let file = match File::open(self.lock_file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            other => Ok(other.map(|()| false)?),
        }
    }

    /// Forgets what an ended run left. A process that still holds the old lock file does not hinder the next one.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        for file in [self.record_file(), self.lock_file()] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A slot that this daemon holds for one run.
#[derive(Debug)]
pub struct Taken {
    slot: Slot,
    inode: u64,
    file: Option<File>,
}

impl Taken {
    /// The lock file's handle, for the hook to inherit. Given out once.
    pub fn hand_over(&mut self) -> Option<File> {
        self.file.take()
    }

    /// Completes the record with the run's first process.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn started(&self, mut record: Record, leader: Leader) -> io::Result<()> {
        record.leader = Some(leader);
        self.slot.write(&record)
    }

    /// Ends the run: the slot is free, even if a process that went its own way still holds the old lock.
    pub fn free(self) {
        let ours = fs::metadata(self.slot.lock_file()).is_ok_and(|found| found.ino() == self.inode);
        if ours {
            // a file that stays is found, not held by anybody, and cleared before the next run
            let _ = self.slot.clear();
        }
    }
}

/// A name as part of a file name: letters, digits, `_` and `-` as they are, every other byte as `%XX`.
fn file_name_part(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    percent_encoded(name, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder_or_meet_each_other() {
        assert_eq!(file_name_part("Region-Two_1"), "Region-Two_1");
        assert_eq!(file_name_part("../a.b"), "%2E%2E%2Fa%2Eb");
        assert_ne!(file_name_part("ü"), file_name_part("u"));
    }

    #[tokio::test]
    async fn a_slot_that_a_run_is_in_is_not_entered_beside_it() {
        let slot = Slot { base: "/nowhere/R.required".into() };
        let run = slot.enter().await;
        assert!(slot.try_enter().is_none());
        assert!(Slot { base: "/nowhere/R.optional.h".into() }.try_enter().is_some());
        drop(run);
        assert!(slot.try_enter().is_some());
    }

    #[test]
    fn a_second_taker_is_turned_away_until_the_first_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let slot = Slot { base: folder.path().join("deeper/R.required") };
        let record = Record {
            hook: "h".into(),
            event: HookEvent::Failback,
            episode: "e".into(),
            turn: 2,
            attempt: 3,
            limit_at_ms: 4,
            boot: boot(),
            session: 5,
            leader: None,
        };
        let taken = slot.take(&record).unwrap().unwrap();
        assert!(slot.is_held().unwrap());
        assert!(slot.take(&record).unwrap().is_none());
        taken.started(record.clone(), Leader { pid: 6, started_ticks: 7 }).unwrap();
        assert_eq!(slot.read().unwrap().leader, Some(Leader { pid: 6, started_ticks: 7 }));
        taken.free();
        assert!(slot.is_clean());
        assert!(slot.take(&record).unwrap().is_some());
    }
}
