//! What outlives a restart, on disk: written whole, flushed, and moved into place, so that a crash leaves the old
//! document or the new one and never a part.
//!
//! A document that cannot be read is never overwritten: keyward then looks and reports, and acts on command only.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::judge::Memory;
use crate::model::{Phase, RegionName};

/// The most time that writing the state may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(2);

/// The state folder, held for this process alone.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    damaged: Option<String>,
    stuck: Option<tokio::task::JoinHandle<io::Result<()>>>,
    _lock: File,
}

impl Store {
    /// Opens the state folder and reads what an earlier run left.
    ///
    /// # Errors
    /// One sentence when there is no such folder, or another keyward uses it.
    pub fn open(folder: &Path) -> anyhow::Result<(Self, Memory)> {
        fs::create_dir_all(folder)
            .map_err(|error| anyhow::anyhow!("state_dir: cannot make the folder {}: {error}", folder.display()))?;
        let lock = lock(folder)?;
        let file = folder.join("state.json");
        let (memory, damaged) = match read(&file) {
            Ok(Some(memory)) => match memory.contradiction() {
                Some(why) => (fresh(), Some(damage(&file, &why))),
                None => (memory, None),
            },
            Ok(None) => (fresh(), None),
            Err(why) => (fresh(), Some(damage(&file, &why))),
        };
        Ok((Self { file, damaged, stuck: None, _lock: lock }, memory))
    }

    /// Why the document of the earlier run cannot be used.
    pub fn damaged(&self) -> Option<&str> {
        self.damaged.as_deref()
    }

    /// Writes the document durably.
    ///
    /// # Errors
    /// One sentence: why it could not be written, or that it takes too long.
    pub async fn save(&mut self, memory: &Memory) -> Result<(), String> {
        if let Some(damaged) = &self.damaged {
            return Err(damaged.clone());
        }
        let cannot = |why: &dyn std::fmt::Display| {
            format!(
                "the state cannot be written to {}: {why}; mend the folder, keyward tries again",
                self.file.display()
            )
        };
        if self.stuck.as_ref().is_some_and(|task| !task.is_finished()) {
            return Err(cannot(&"the disk does not answer"));
        }
        let text = serde_json::to_vec_pretty(memory).map_err(|error| cannot(&error))?;
        let file = self.file.clone();
        let mut task = tokio::task::spawn_blocking(move || write(&file, &text));
        match tokio::time::timeout(LIMIT, &mut task).await {
            Ok(Ok(result)) => result.map_err(|error| cannot(&error)),
            Ok(Err(error)) => Err(cannot(&error)),
            Err(_) => {
                self.stuck = Some(task);
                Err(cannot(&"the disk does not answer"))
            }
        }
    }
}

/// Where a region's authentication points, as far as the daemon has written it down; `None` when nothing can be read.
pub fn phase_on_record(folder: &Path, region: &RegionName) -> Option<Phase> {
    let memory = read(&folder.join("state.json")).ok()??;
    memory.regions.get(region).map(|region| region.phase)
}

/// The sentence of a master that came back without transactions it had confirmed, as far as the daemon wrote it down.
pub fn loss_on_record(folder: &Path, region: &RegionName) -> Option<String> {
    let memory = read(&folder.join("state.json")).ok()??;
    memory.regions.get(region).and_then(|region| region.lost.clone())
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| anyhow::anyhow!("state_dir: cannot open {}: {error}", path.display()))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        anyhow::anyhow!("state_dir: another keyward uses {}; give each daemon a folder of its own", folder.display())
    })?;
    Ok(file)
}

fn fresh() -> Memory {
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid");
    let instance = random.map_or_else(|_| format!("{:032x}", fastrand::u128(..)), |uuid| uuid.trim().to_owned());
    Memory { version: Memory::VERSION, instance, ..Memory::default() }
}

fn read(file: &Path) -> Result<Option<Memory>, String> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let document: serde_json::Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    match document.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(Memory::VERSION) => {}
        Some(version) => return Err(format!("it has version {version}, this keyward reads {}", Memory::VERSION)),
        None => return Err("it has no version".to_owned()),
    }
    let memory: Memory = serde_json::from_value(document).map_err(|error| error.to_string())?;
    if memory.instance.is_empty() || memory.instance.len() > 64 {
        return Err("it has no usable instance id".to_owned());
    }
    Ok(Some(memory))
}

fn damage(file: &Path, why: &str) -> String {
    format!(
        "the state file {} is damaged ({why}): keyward does not know which way the regions point and acts on command \
         only; check where each region authenticates, move the file away and restart keyward",
        file.display()
    )
}

fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    // always the same name: what a killed daemon left of it is overwritten, and nothing piles up
    let next = file.with_extension("json.new");
    let written = (|| {
        let mut fresh = File::options().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        fresh.write_all(text)?;
        fresh.sync_all()?;
        fs::rename(&next, file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&next);
    }
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL_WITHOUT_EPISODE: &str = r#"{"version": 1, "instance": "x", "beat": 1, "regions": {"RegionTwo": {
        "phase": "local", "phase_since": null, "sentence": "", "proof": null, "episode": null, "last_episode": null,
        "pause": null, "released": {}, "resting": false, "lost": null, "replicas": {}}}}"#;

    fn opened(folder: &Path) -> (Store, Memory) {
        Store::open(folder).unwrap()
    }

    #[tokio::test]
    async fn what_is_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, mut memory) = opened(folder.path());
        memory.beat = 42;
        store.save(&memory).await.unwrap();
        drop(store);
        assert_eq!(opened(folder.path()).1, memory);
    }

    #[tokio::test]
    async fn a_damaged_document_is_told_and_never_overwritten() {
        for text in ["", "{", "{\"version\": 99, \"instance\": \"x\"}", "{\"version\": 1}", LOCAL_WITHOUT_EPISODE] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("state.json"), text).unwrap();
            let (mut store, memory) = opened(folder.path());
            assert!(store.damaged().unwrap().contains("state.json"), "{text:?}");
            store.save(&memory).await.unwrap_err();
            assert_eq!(fs::read_to_string(folder.path().join("state.json")).unwrap(), text);
        }
    }

    #[tokio::test]
    async fn a_second_daemon_is_refused_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = opened(folder.path());
        let refusal = Store::open(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("another keyward"), "{refusal}");
    }
}
