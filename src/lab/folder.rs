//! The temporary folder of a lab: short enough for unix sockets, and cleared away even when its owner was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

const PREFIX: &str = "keyward-lab-";
const OWNED: &str = "owned";
/// A folder younger than this may not have its lock yet.
const SETTLED: Duration = Duration::from_secs(60);

/// A temporary folder that is removed on drop. While it lives, a lock on a file in it says so to others.
#[derive(Debug)]
pub struct Folder {
    dir: tempfile::TempDir,
    _owned: File,
}

impl Folder {
    /// Makes the folder below the system's temporary folder.
    ///
    /// # Errors
    /// The folder or its lock cannot be made.
    pub fn make() -> io::Result<Self> {
        clear_abandoned(&std::env::temp_dir());
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let owned = File::create(dir.path().join(OWNED))?;
        flock(&owned, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _owned: owned })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes labs whose owner is gone. What cannot be read or removed belongs to somebody else and stays.
fn clear_abandoned(parent: &Path) {
    for path in fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_lab = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if is_lab && is_abandoned(&path).unwrap_or(false) {
            fs::remove_dir_all(&path).ok();
        }
    }
}

fn is_abandoned(path: &Path) -> io::Result<bool> {
    let lock: PathBuf = path.join(OWNED);
    let settled = fs::metadata(&lock)?.modified()?.elapsed().is_ok_and(|age| age > SETTLED);
    Ok(settled && flock(File::open(&lock)?, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// Copies a folder with everything in it.
///
/// # Errors
/// The first file that cannot be read or written; sockets and other special files are errors too.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_owner_lives_stays_and_an_abandoned_one_goes() {
        let parent = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - SETTLED * 2;
        let mut held = Vec::new();
        for (name, owner_lives) in [("lives", true), ("gone", false)] {
            let path = parent.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&path).unwrap();
            let lock = File::create(path.join(OWNED)).unwrap();
            lock.set_modified(old).unwrap();
            if owner_lives {
                flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
                held.push(lock);
            }
        }
        fs::create_dir(parent.path().join("somebody-else")).unwrap();
        clear_abandoned(parent.path());
        let mut left: Vec<_> = fs::read_dir(parent.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["keyward-lab-lives", "somebody-else"]);
    }
}
