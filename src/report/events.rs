//! The newest events: a list in memory, and a file in the state folder that brings them through a restart.
//!
//! Nothing depends on the file: when it cannot be read or written, that is said once and everything else goes on.
//! A thread of its own writes it, so that a disk that hangs stops neither looking nor acting.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Event;

/// Events kept in memory and shown.
const KEPT: usize = 1_000;
/// Size at which the file is moved to `events.jsonl.1` and begun anew.
const ROTATE_AT: u64 = 1024 * 1024;
/// The most that is read of a file at the start: one that was rotated on time is never larger.
const READ_AT_MOST: u64 = 2 * ROTATE_AT;
/// Lines that may wait for a slow disk; more are left out of the file.
const QUEUE: usize = 1_000;

enum Job {
    Write(String),
    Flush(SyncSender<()>),
}

/// The newest events, oldest first.
#[derive(Debug)]
pub struct Events {
    list: Mutex<VecDeque<Event>>,
    writer: SyncSender<Job>,
}

impl Events {
    /// Reads back what an earlier run left in `state_dir`, and goes on writing there.
    ///
    /// # Errors
    /// The system gives no thread for the writing.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join("events.jsonl");
        let mut list = VecDeque::with_capacity(KEPT);
        for file in [rotated(&path), path.clone()] {
            match read_back(&file) {
                Ok(events) => list.extend(events),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(file = %file.display(), %error, "earlier events cannot be read"),
            }
        }
        list.drain(..list.len().saturating_sub(KEPT));
        let (writer, jobs) = sync_channel(QUEUE);
        std::thread::Builder::new().name("keyward-events".to_owned()).spawn(move || Journal::new(path).work(&jobs))?;
        Ok(Self { list: Mutex::new(list), writer })
    }

    /// Adds an event; never waits for the disk.
    pub fn push(&self, event: Event) {
        if let Ok(line) = serde_json::to_string(&event) {
            // a full queue means that the disk hangs; the writer says so when it is back
            let _ = self.writer.try_send(Job::Write(line));
        }
        let mut list = self.lock();
        if list.len() == KEPT {
            list.pop_front();
        }
        list.push_back(event);
    }

    /// The newest events, oldest first.
    pub fn list(&self) -> Vec<Event> {
        self.lock().iter().cloned().collect()
    }

    /// The document of `/api/v1/events` and of `keyward events --json`: `{"events": […]}`, oldest first.
    pub fn document(&self) -> serde_json::Value {
        serde_json::json!({ "events": self.list() })
    }

    /// Waits until what was pushed is on its way to the disk, at most for `limit`.
    pub fn flush(&self, limit: Duration) {
        let (done, waiting) = sync_channel(1);
        if self.writer.try_send(Job::Flush(done)).is_ok() {
            let _ = waiting.recv_timeout(limit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rotated(path: &Path) -> PathBuf {
    path.with_extension("jsonl.1")
}

/// The events of one file; a damaged line is left out.
fn read_back(path: &Path) -> io::Result<Vec<Event>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(READ_AT_MOST).read_to_end(&mut bytes)?;
    let mut damaged = 0_usize;
    let mut events = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) => damaged += 1,
        }
    }
    if damaged > 0 {
        tracing::warn!(file = %path.display(), lines = damaged, "damaged lines among the earlier events were left out");
    }
    Ok(events)
}

/// The file as its thread sees it.
struct Journal {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// Whether the trouble at hand was told already.
    told: bool,
}

impl Journal {
    fn new(path: PathBuf) -> Self {
        Self { path, open: None, told: false }
    }

    /// Writes until the last sender is gone.
    fn work(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Write(line) => self.write(&line),
                Job::Flush(done) => {
                    let _ = done.try_send(());
                }
            }
        }
    }

    fn write(&mut self, line: &str) {
        match self.append(line) {
            Ok(()) if self.told => {
                tracing::info!(file = %self.path.display(), "events are written to the file again");
                self.told = false;
            }
            Ok(()) => {}
            Err(error) => {
                // opened anew next time: the folder may be back, and a half-written line gets its end
                self.open = None;
                if !self.told {
                    tracing::warn!(file = %self.path.display(), %error, "events cannot be written to the file and are kept in memory only");
                    self.told = true;
                }
            }
        }
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let (mut file, mut size) = match self.open.take() {
            Some(open) => open,
            None => open(&self.path)?,
        };
        if size >= ROTATE_AT {
            std::fs::rename(&self.path, rotated(&self.path))?;
            (file, size) = open(&self.path)?;
        }
        file.write_all(format!("{line}\n").as_bytes())?;
        self.open = Some((file, size + line.len() as u64 + 1));
        Ok(())
    }
}

/// Opens the file for appending, behind a line that an earlier run did not finish.
fn open(path: &Path) -> io::Result<(File, u64)> {
    use std::os::unix::fs::FileExt;
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o640).open(path)?;
    let mut size = file.metadata()?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
        size += 1;
    }
    Ok((file, size))
}

#[cfg(test)]
mod tests;
