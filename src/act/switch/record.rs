//! The record of a switch, by which it is undone: one file in a folder of its own.
//!
//! It is written before the first configuration file changes, and removed when the last one is as it was. It tells root
//! which files to write to, so its folder must be of nobody else.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::switch::plan::Edit;

/// The form of the record.
const VERSION: u32 = 1;

/// Every file with every URL of a big region is far less.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// What a switch did, or is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// The addresses, as a sentence: a switch that stands is only gone on with by the same one.
    pub turns: String,
    /// When it began.
    pub at: Timestamp,
    /// The files, in the order of writing.
    pub files: Vec<Switched>,
    /// Units to restart when it is undone.
    pub units: Vec<String>,
    /// Units have still to be restarted for what was written.
    pub restart_due: bool,
}

/// One file of a switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// The file, links followed.
    pub path: String,
    /// Digest of the text before; `None` when the file was edited between two switches, and only the URLs can be
    /// turned back.
    pub before: Option<String>,
    /// Digest of the text afterwards.
    pub after: String,
    /// What was replaced.
    pub edits: Vec<Edit>,
    /// The dated copy of the text before.
    pub copy: String,
}

impl Record {
    /// A record of nothing yet.
    pub fn new(turns: String, at: Timestamp) -> Self {
        Self { version: VERSION, turns, at, files: Vec::new(), units: Vec::new(), restart_due: false }
    }

    /// Takes in what is about to be done to a file, which holds `text` now.
    pub fn add(&mut self, text: &[u8], new: Switched) {
        let Some(old) = self.files.iter_mut().find(|file| file.path == new.path) else {
            self.files.push(new);
            return;
        };
        if old.before.as_deref() == Some(&fingerprint(text)) {
            *old = new;
            return;
        }
        // edited since: what was switched then stays on record beside what is switched now
        let same = |one: &Edit, other: &Edit| {
            (&one.section, &one.key, &one.before) == (&other.section, &other.key, &other.before)
        };
        let mut edits: Vec<Edit> = old.edits.clone();
        edits.retain(|edit| !new.edits.iter().any(|other| same(edit, other)));
        edits.extend(new.edits);
        *old = Switched { before: None, edits, ..new };
    }

    /// Notes units without saying one twice.
    pub fn add_units(&mut self, units: &[String]) {
        let new = units.iter().filter(|unit| !self.units.contains(unit)).cloned().collect::<Vec<_>>();
        self.units.extend(new);
    }
}

/// A text's digest.
pub fn fingerprint(text: &[u8]) -> String {
    digest(&SHA256, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of the record, held for this process alone.
#[derive(Debug)]
pub struct Book {
    folder: PathBuf,
    _lock: File,
}

impl Book {
    /// Opens the folder, and makes it when it is not there.
    ///
    /// # Errors
    /// One sentence: it cannot be made, somebody else could write to it, or another run is at work.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("--state {}: {error}", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| told(&error))?;
        guard(folder)?;
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(folder.join("lock"));
        let lock = lock.map_err(|error| told(&error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| told(&"another switch-auth is at work; try again when it has ended"))?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The record; `None` when no switch stands.
    ///
    /// # Errors
    /// One sentence: it cannot be read.
    pub fn read(&self) -> Result<Option<Record>, String> {
        peek(&self.folder)
    }

    /// Writes the record durably.
    ///
    /// # Errors
    /// One sentence; the record before is still whole.
    pub fn write(&self, record: &Record) -> Result<(), String> {
        let (next, file) = (self.folder.join("record.json.new"), file_in(&self.folder));
        let written = (|| {
            let text = serde_json::to_vec_pretty(record)?;
            let mut fresh = File::options().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
            fresh.write_all(&text)?;
            fresh.sync_all()?;
            fs::rename(&next, &file)?;
            File::open(&self.folder)?.sync_all()
        })();
        written.map_err(|error: io::Error| format!("{}: cannot be written: {error}", file.display()))
    }

    /// Removes the record: no switch stands any more.
    ///
    /// # Errors
    /// One sentence.
    pub fn close(&self) -> Result<(), String> {
        let file = file_in(&self.folder);
        let removed = match fs::remove_file(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        let flushed = removed.and_then(|()| File::open(&self.folder)?.sync_all());
        flushed.map_err(|error| format!("{}: cannot be removed: {error}", file.display()))
    }
}

/// The record in a folder, which need not be there.
///
/// # Errors
/// One sentence: it cannot be read, or somebody else could have written it.
pub fn peek(folder: &Path) -> Result<Option<Record>, String> {
    let file = file_in(folder);
    let told = |error: &dyn std::fmt::Display| {
        format!(
            "{}: {error}; without it keyward does not know what a switch did: the dated copies are beside the files",
            file.display()
        )
    };
    if folder.exists() {
        guard(folder)?;
    }
    match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(&error)),
        Ok(metadata) if metadata.len() > MOST_BYTES => return Err(told(&"is too big to be a record")),
        Ok(_) => {}
    }
    let text = fs::read(&file).map_err(|error| told(&error))?;
    let record: Record = serde_json::from_slice(&text).map_err(|error| told(&format!("is damaged ({error})")))?;
    if record.version != VERSION {
        return Err(told(&format!("has version {}, this keyward reads {VERSION}", record.version)));
    }
    Ok(Some(record))
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("record.json")
}

/// Nobody but this user, or root, may write to the folder.
fn guard(folder: &Path) -> Result<(), String> {
    let metadata = fs::metadata(folder).map_err(|error| format!("--state {}: {error}", folder.display()))?;
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_dir() || !mine || metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "--state {}: must be a folder of this user that nobody else can write to, because it says which files to change",
            folder.display()
        ));
    }
    Ok(())
}
