//! Processes as `/proc` shows them: who holds a file, who belongs to a group, who still lives.
//!
//! Everything here blocks for a moment; callers on the runtime use [`off_thread`](crate::wire::blocking::off_thread). Nothing is signalled by a bare
//! number that could meanwhile belong to a stranger: a process is pinned by a pidfd first.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a hook that was asked to end has before it is killed.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long a killed process may take to be gone.
pub const KILL_LIMIT: Duration = Duration::from_secs(5);

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proc {
    /// Its number.
    pub pid: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// When it started, in clock ticks since boot: with the number, its identity until the next boot.
    pub started_ticks: u64,
    /// False for one that has ended and only waits to be reaped.
    pub living: bool,
}

/// The process with this number, when there is one.
pub fn look(pid: i32) -> Option<Proc> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Every living process that this one may see.
///
/// # Errors
/// `/proc` cannot be read.
pub fn living() -> io::Result<Vec<Proc>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(entry) = entry else { continue };
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        all.extend(pid.and_then(look).filter(|process| process.living));
    }
    Ok(all)
}

/// Every living member of a process group.
///
/// # Errors
/// `/proc` cannot be read.
pub fn members(group: i32) -> io::Result<Vec<Proc>> {
    Ok(living()?.into_iter().filter(|process| process.group == group).collect())
}

/// Every living process, except this one, that holds `file` open now.
///
/// # Errors
/// The file or `/proc` cannot be read.
pub fn holders(file: &Path) -> io::Result<Vec<Proc>> {
    let wanted = fs::metadata(file)?;
    let ours = std::process::id().cast_signed();
    let holds = |process: &Proc| {
        let Ok(open) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else { return false };
        open.flatten().any(|entry| {
            // the name first: asking for the identity of any other file could hang on a dead network mount
            let same_name = fs::read_link(entry.path()).is_ok_and(|target| target.file_name() == file.file_name());
            same_name
                && fs::metadata(entry.path())
                    .is_ok_and(|found| found.dev() == wanted.dev() && found.ino() == wanted.ino())
        })
    };
    Ok(living()?.into_iter().filter(|process| process.pid != ours && holds(process)).collect())
}

/// A process that cannot be mistaken for another one any more.
#[derive(Debug)]
pub struct Pinned {
    handle: OwnedFd,
    process: Proc,
}

impl Pinned {
    /// Pins `process`, unless it has ended since it was looked at.
    pub fn new(process: Proc) -> Option<Self> {
        let handle = pidfd_open(Pid::from_raw(process.pid)?, PidfdFlags::empty()).ok()?;
        // looked at again: the number may have changed hands before the handle was opened
        let pinned = Self { handle, process };
        pinned.lives().then_some(pinned)
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.process.pid
    }

    /// Whether it still lives.
    pub fn lives(&self) -> bool {
        look(self.process.pid).is_some_and(|now| now.started_ticks == self.process.started_ticks && now.living)
    }

    /// Sends it a signal; one that has ended does not mind.
    pub fn signal(&self, signal: Signal) {
        // no such process: it has ended; not permitted: found out when it does not end
        let _ = pidfd_send_signal(&self.handle, signal);
    }
}

/// A line of `/proc/PID/stat`. The name in brackets may hold anything, so fields count from the last bracket.
fn parse_stat(pid: i32, line: &str) -> Option<Proc> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let id = |at: usize| fields.get(at)?.parse::<i32>().ok();
    // a first thread that has ended reads as a zombie while other threads of the process go on
    let ended = matches!(*fields.first()?, "Z" | "X" | "x") && number(17)? <= 1;
    Some(Proc { pid, group: id(2)?, session: id(3)?, started_ticks: number(19)?, living: !ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_brackets_does_not_confuse_the_fields() {
        let line = "42 (a) Z (b c)) S 1 40 39 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 987654 1 2 3";
        assert_eq!(
            parse_stat(42, line),
            Some(Proc { pid: 42, group: 40, session: 39, started_ticks: 987_654, living: true })
        );
        let zombie = line.replace(") S 1", ") Z 1").replace(" 20 0 3 0 ", " 20 0 1 0 ");
        assert!(!parse_stat(42, &zombie).unwrap().living);
        let lone_thread = line.replace(") S 1", ") Z 1");
        assert!(parse_stat(42, &lone_thread).unwrap().living, "other threads go on");
        assert_eq!(parse_stat(42, "42 (a"), None);
    }

    #[test]
    fn this_process_finds_itself_but_does_not_count_itself_as_a_holder() {
        let pid = std::process::id().cast_signed();
        let me = look(pid).unwrap();
        assert!(living().unwrap().contains(&me));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(holders(file.path()).unwrap().iter().filter(|holder| holder.pid == pid).count(), 0);
        assert!(Pinned::new(me).unwrap().lives());
        assert!(Pinned::new(Proc { started_ticks: me.started_ticks + 1, ..me }).is_none(), "another life, same number");
    }
}
