//! Starts a hook's process with its lock in hand. Everything here blocks; it runs away from the looking thread.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

use rustix::io::{FdFlags, fcntl_setfd};

use super::lock::{Leader, Record, RunPlace, Slot, Taken};
use super::procs;
use super::told::environment;
use crate::model::hook::{HookEvent, HookRun};

/// A hook that has just been started.
pub struct Started {
    /// Its first process, the leader of its group.
    pub child: Child,
    /// Leads to its standard input.
    pub input: PipeWriter,
    /// Comes from its standard output and standard error.
    pub output: PipeReader,
    /// Its slot; absent when that could not be written.
    pub taken: Option<Taken>,
    /// Why the run is not written down in full.
    pub unrecorded: Option<io::Error>,
}

/// Why a hook was not started.
pub enum NotStarted {
    /// Somebody else holds the slot.
    Busy,
    /// The run could not be written down, and it is one that must be.
    Unrecorded(io::Error),
    /// The system refused.
    System(io::Error),
}

/// Takes the slot and starts the hook's program.
///
/// # Errors
/// Nothing was started; nothing is left in the slot.
pub fn start(run: &HookRun, command: &[String], slot: &Slot, place: &RunPlace) -> Result<Started, NotStarted> {
    let record = Record::of(run, place);
    let (mut taken, mut unrecorded) = match slot.take(&record) {
        Ok(Some(taken)) => (Some(taken), None),
        Ok(None) => return Err(NotStarted::Busy),
        Err(error) if run.event == HookEvent::Failback => return Err(NotStarted::Unrecorded(error)),
        Err(error) => (None, Some(error)),
    };
    let lock = taken.as_mut().and_then(Taken::hand_over);
    let (child, input, output) = match spawn(run, command, lock) {
        Ok(spawned) => spawned,
        Err(error) => {
            if let Some(taken) = taken {
                taken.free();
            }
            return Err(NotStarted::System(error));
        }
    };
    let pid = child.id().cast_signed();
    if let (Some(taken), Some(process)) = (&taken, procs::look(pid)) {
        let leader = Leader { pid, started_ticks: process.started_ticks };
        unrecorded = taken.started(record, leader).err().or(unrecorded);
    }
    Ok(Started { child, input, output, taken, unrecorded })
}

fn spawn(run: &HookRun, argv: &[String], lock: Option<File>) -> io::Result<(Child, PipeWriter, PipeReader)> {
    /// One at a time: between making the lock inheritable and letting go of it, no other hook may be started.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "its command is empty"));
    };
    let (its_input, input) = io::pipe()?;
    let (output, its_output) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment(run))
        .current_dir("/")
        .process_group(0)
        .stdin(its_input)
        .stdout(its_output.try_clone()?)
        .stderr(its_output);
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lock) = &lock {
        fcntl_setfd(lock, FdFlags::empty())?;
    }
    let child = command.spawn()?;
    // from here on only the hook's processes hold the lock
    drop(lock);
    Ok((child, input, output))
}
