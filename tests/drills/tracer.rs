//! Kills a daemon at one exact instant: after one system call that matters to its memory or to a hook, and before any
//! other such call of the daemon or its hooks.
//!
//! `strace` counts its own injections for each thread alone, and the calls here come from several. So it only prints,
//! into a pipe that holds one packet: while that is unread, nobody who is traced gets past the next call.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyward::lab::program;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};

/// What is printed; which of it counts is decided here.
const CALLS: &str = "trace=openat,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,flock,\
                     clone,clone3,fork,vfork,execve,wait4,waitid";
const ATTACH_LIMIT: Duration = Duration::from_secs(10);
/// A call that stays the last one for so long has been done.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// A `strace` at work on one daemon.
pub struct Tracer {
    strace: Child,
    reader: Option<JoinHandle<Vec<String>>>,
    killed: Arc<AtomicBool>,
}

impl Tracer {
    /// Attaches to the daemon that lives in `folder` and kills it right after its `kill_at`-th instant from now.
    ///
    /// # Errors
    /// This system lets nobody trace; what it said.
    pub fn attach(daemon: Pid, folder: &Path, kill_at: usize) -> Result<Self, String> {
        let (packets, printed) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::DIRECT).unwrap();
        fcntl_setpipe_size(&printed, 4096).unwrap();
        let strace = program::find("strace", "strace").map_err(|error| error.to_string())?;
        let strace = program::spawn(&strace, |command| {
            command.args(["-f", "-y", "-e", CALLS, "-p", &daemon.as_raw_nonzero().to_string()]).stderr(printed)
        });
        let (attached, answer) = std::sync::mpsc::channel();
        let killed = Arc::new(AtomicBool::new(false));
        let mut reader = Reader {
            packets: File::from(packets),
            daemon,
            folder: folder.to_owned(),
            hooks: BTreeSet::new(),
            kill_at,
            instants: Vec::new(),
            killed: Arc::clone(&killed),
        };
        let reader = std::thread::spawn(move || {
            let first = reader.packet().unwrap_or_default();
            attached.send(first).unwrap();
            reader.read();
            reader.instants
        });
        let mut tracer = Self { strace: strace.unwrap(), reader: Some(reader), killed };
        let said = answer.recv_timeout(ATTACH_LIMIT).unwrap_or_default();
        if said.contains(" attached") {
            return Ok(tracer);
        }
        program::end(&mut tracer.strace);
        Err(said)
    }

    /// Whether the instant came.
    pub fn has_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// Lets go of everybody; the instants that were seen, the last one being that of the kill if there was one.
    pub fn finish(mut self) -> Vec<String> {
        program::end(&mut self.strace);
        self.reader.take().unwrap().join().unwrap()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        program::end(&mut self.strace);
    }
}

struct Reader {
    packets: File,
    daemon: Pid,
    folder: PathBuf,
    /// First processes of hooks.
    hooks: BTreeSet<String>,
    kill_at: usize,
    instants: Vec<String>,
    killed: Arc<AtomicBool>,
}

impl Reader {
    /// What was printed at once; nothing when `strace` has ended.
    fn packet(&mut self) -> Option<String> {
        let mut bytes = [0; 4096];
        match self.packets.read(&mut bytes) {
            Ok(0) | Err(_) => None,
            Ok(count) => Some(String::from_utf8_lossy(&bytes[..count]).into_owned()),
        }
    }

    fn read(&mut self) {
        while let Some(said) = self.packet() {
            if self.has_killed() || !self.matters(&said) {
                continue;
            }
            self.instants.push(said.trim_end().to_owned());
            if self.instants.len() == self.kill_at {
                self.until_done();
                kill_process(self.daemon, Signal::KILL).unwrap();
                self.killed.store(true, Ordering::SeqCst);
            }
        }
    }

    fn has_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// Waits for the packet that follows the beginning of a call: its end, as a rule. It is left unread.
    fn until_done(&self) {
        let began = Instant::now();
        while rustix::io::ioctl_fionread(&self.packets).is_ok_and(|waiting| waiting == 0) {
            if began.elapsed() > SETTLE_LIMIT {
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Whether a packet is the beginning of a call that writes the daemon's memory, or an edge of a hook.
    fn matters(&mut self, said: &str) -> bool {
        let (who, call) = match said.strip_prefix("[pid ").and_then(|rest| rest.split_once("] ")) {
            Some((pid, call)) => (pid.trim(), call),
            None => ("", said),
        };
        let in_state = call.contains(&format!("{}/state", self.folder.display()));
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "openat" => {
                call.contains(&format!("{}/hooks.log", self.folder.display())) || in_state && call.contains("O_CREAT")
            }
            "write" | "fsync" | "fdatasync" | "rename" | "renameat" | "renameat2" | "unlink" | "unlinkat" | "mkdir"
            | "mkdirat" | "flock" => in_state,
            "execve" if call.contains(&format!("\"{}/", self.folder.display())) => {
                self.hooks.insert(who.to_owned());
                true
            }
            // a process of the daemon's, not a thread; what the hook's shell starts is its own business
            "clone" | "clone3" | "fork" | "vfork" => !call.contains("CLONE_THREAD") && !self.hooks.contains(who),
            "wait4" | "waitid" => !self.hooks.contains(who) && !call.contains("WNOWAIT"),
            _ if call.starts_with("+++ exited") => self.hooks.contains(who),
            _ if call.starts_with("--- SIGCHLD") => !self.hooks.contains(who),
            _ => false,
        }
    }
}
