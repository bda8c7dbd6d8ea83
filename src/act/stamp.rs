//! The stamp: which server a replica was when it was set up, one small file each in `state_dir/stamps`.
//!
//! Written whole or not at all, and owned by whoever owns `state_dir`, so that a set-up run by root leaves files that
//! the daemon can read.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::observation::ServerIdentity;
use crate::model::url::percent_encoded;
use crate::model::{RegionName, ReplicaName};

/// A stamp is a few hundred bytes; a file beyond this is none.
const MOST_BYTES: u64 = 16 * 1024;

/// Which server a replica was when it was set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its region.
    pub region: RegionName,
    /// Its name.
    pub replica: ReplicaName,
    /// The server.
    pub identity: ServerIdentity,
    /// When it was stamped, by the replica's clock.
    pub stamped_at: Timestamp,
    /// What stood in its own binary logs then: not every transaction of its own is errant.
    #[serde(default)]
    pub written: String,
}

/// A stamp that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct StampError {
    path: String,
    what: String,
}

fn failed(path: &Path, what: impl std::fmt::Display) -> StampError {
    StampError { path: path.display().to_string(), what: what.to_string() }
}

fn path_of(state_dir: &Path, region: &RegionName, replica: &ReplicaName) -> PathBuf {
    state_dir.join("stamps").join(format!("{}__{}.json", plain(&region.0), plain(&replica.0)))
}

/// A name as part of a file's name.
fn plain(name: &str) -> String {
    percent_encoded(name, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The stamp of a replica; `None` when it was never set up.
///
/// # Errors
/// The file is there and cannot be read or understood.
pub fn read(state_dir: &Path, region: &RegionName, replica: &ReplicaName) -> Result<Option<Stamp>, StampError> {
    let path = path_of(state_dir, region, replica);
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&path, error)),
    };
    if size > MOST_BYTES {
        return Err(failed(&path, "is too big to be a stamp: move it away and run keyward setup"));
    }
    let text = fs::read(&path).map_err(|error| failed(&path, error))?;
    let stamp: Stamp = serde_json::from_slice(&text)
        .map_err(|error| failed(&path, format!("is damaged ({error}): move it away and run keyward setup")))?;
    if stamp.region != *region || stamp.replica != *replica {
        return Err(failed(&path, format!("is the stamp of {}/{}", stamp.region, stamp.replica)));
    }
    Ok(Some(stamp))
}

/// Whether a stamp could be written now, asked before a set-up begins.
///
/// # Errors
/// Why not.
pub fn check(state_dir: &Path) -> Result<(), StampError> {
    let folder = folder(state_dir)?;
    tempfile::Builder::new()
        .prefix(".stamp")
        .tempfile_in(&folder)
        .and_then(|mut file| file.write_all(&[0; 512]))
        .map_err(|error| failed(&folder, format!("cannot be written to: {error}")))
}

/// Writes a stamp: a file beside it, flushed to disk, renamed over it, and the folder flushed.
///
/// # Errors
/// Why it was not written; an older stamp is still whole then.
pub fn write(state_dir: &Path, stamp: &Stamp) -> Result<(), StampError> {
    let folder = folder(state_dir)?;
    let path = path_of(state_dir, &stamp.region, &stamp.replica);
    let text = serde_json::to_vec_pretty(stamp).map_err(|error| failed(&path, error))?;
    let written = (|| {
        let mut file = tempfile::Builder::new().prefix(".stamp").tempfile_in(&folder)?;
        file.write_all(&text)?;
        own_like(state_dir, file.path())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(&folder)?.sync_all()
    })();
    written.map_err(|error: std::io::Error| failed(&path, format!("cannot be written: {error}")))
}

fn folder(state_dir: &Path) -> Result<PathBuf, StampError> {
    if !state_dir.is_dir() {
        return Err(failed(state_dir, "state_dir is not there: create it and give it to keyward's user"));
    }
    let folder = state_dir.join("stamps");
    if !folder.is_dir() {
        let made = fs::create_dir(&folder).and_then(|()| own_like(state_dir, &folder));
        made.map_err(|error| failed(&folder, format!("cannot be created: {error}")))?;
    }
    Ok(folder)
}

fn own_like(model: &Path, path: &Path) -> std::io::Result<()> {
    let (wanted, seen) = (fs::metadata(model)?, fs::metadata(path)?);
    if (wanted.uid(), wanted.gid()) == (seen.uid(), seen.gid()) {
        return Ok(());
    }
    chown(path, Some(wanted.uid()), Some(wanted.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_a_damaged_one_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let (region, replica) = (RegionName("Region/Two".into()), ReplicaName("r2-db1".into()));
        assert_eq!(read(folder.path(), &region, &replica).unwrap(), None);
        let stamp = Stamp {
            region: region.clone(),
            replica: replica.clone(),
            identity: ServerIdentity { uid: "ke3a=".into(), server_id: 2 },
            stamped_at: "2026-11-22T05:00:00Z".parse().unwrap(),
            written: "0-2-5".into(),
        };
        check(folder.path()).unwrap();
        write(folder.path(), &stamp).unwrap();
        assert_eq!(read(folder.path(), &region, &replica).unwrap(), Some(stamp));
        let names: Vec<_> =
            fs::read_dir(folder.path().join("stamps")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["Region%2FTwo__r2-db1.json"], "nothing else may be left there");
        fs::write(folder.path().join("stamps/Region%2FTwo__r2-db1.json"), b"{\"region\":").unwrap();
        assert!(read(folder.path(), &region, &replica).unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn a_missing_state_dir_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = check(&folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(error.contains("nowhere") && error.contains("create it"), "{error}");
    }
}
