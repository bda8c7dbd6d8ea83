//! Runs the program of one `exec` hook: limited in time and output, in a process group of its own.
//!
//! There is no retrying here, no order among hooks and no log, and whoever calls has entered the slot.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use super::attempt::{Output, Stop, failed, unrecorded};
use super::lock::{RunPlace, Slot};
use super::procs::{self, GRACE, KILL_LIMIT};
use super::spawn::{NotStarted, Started, start};
use super::tail::Tail;
use super::told::document;
use crate::model::hook::{HookEnd, HookRun};
use crate::wire::blocking::off_thread;

/// How long starting may take; a program on a dead network mount would take for ever.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long output is still read after the hook has ended; a process that went its own way may keep it open.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// Runs `command` once and waits for its end; says how long its first process ran.
pub async fn attempt(
    run: &HookRun,
    command: &[String],
    slot: Slot,
    place: &RunPlace,
    stop: Stop,
    output: &mut Output,
) -> (HookEnd, Duration) {
    let begun = Instant::now();
    // listening before there is a child, so that its end cannot be missed
    let children = match signal(SignalKind::child()) {
        Ok(children) => children,
        Err(error) => return (failed(format!("cannot be watched: {error}")), begun.elapsed()),
    };
    let mut started = match started_in_time(run, command, slot, place, output).await {
        Ok(started) => started,
        Err(end) => return (end, begun.elapsed()),
    };
    let taken = started.taken.take();
    let (end, gone, took) = match Watch::new(started, run, children) {
        Ok(watch) => watch.finish(run.spec.timeout, stop, begun, output).await,
        Err(error) => (failed(format!("cannot be watched: {error}")), false, begun.elapsed()),
    };
    // what is not gone keeps its lock and record, so that the next run cannot begin beside it
    if let (Some(taken), true) = (taken, gone) {
        taken.free();
    }
    (end, took)
}

async fn started_in_time(
    run: &HookRun,
    command: &[String],
    slot: Slot,
    place: &RunPlace,
    output: &mut Output,
) -> Result<Started, HookEnd> {
    let (theirs, argv, its_place) = (run.clone(), command.to_vec(), place.clone());
    let starting = off_thread(move || Ok(start(&theirs, &argv, &slot, &its_place)));
    let started = match timeout(START_LIMIT, starting).await {
        Err(_) => return Err(failed("cannot be started: the system did not start it within 10s")),
        Ok(Err(error)) => return Err(failed(format!("cannot be started: {error}"))),
        Ok(Ok(started)) => started,
    };
    match started {
        Ok(mut started) => {
            if let Some(error) = started.unrecorded.take() {
                output.unrecorded = Some(unrecorded(place, &error));
            }
            Ok(started)
        }
        Err(NotStarted::Unrecorded(error)) => Err(failed(format!("cannot be started: {}", unrecorded(place, &error)))),
        Err(NotStarted::Busy) => {
            Err(failed(format!("cannot be started: another keyward runs a hook of region {} here", run.region)))
        }
        Err(NotStarted::System(error)) => {
            Err(failed(format!("cannot be started: {}: {error}", run.spec.kind.target())))
        }
    }
}

/// A hook under way. Its first process stays unreaped until its group is gone, so that the number of the group cannot
/// go to a stranger meanwhile.
struct Watch {
    child: Child,
    group: Pid,
    children: tokio::signal::unix::Signal,
    output: Option<pipe::Receiver>,
    feeding: tokio::task::JoinHandle<()>,
    tail: Tail,
}

impl Watch {
    fn new(started: Started, run: &HookRun, children: tokio::signal::unix::Signal) -> io::Result<Self> {
        let group = Pid::from_child(&started.child);
        let Started { mut child, input, output, .. } = started;
        let pipes = pipe::Receiver::from_owned_fd(output.into())
            .and_then(|output| Ok((output, pipe::Sender::from_owned_fd(input.into())?)));
        match pipes {
            Ok((output, input)) => {
                let feeding = tokio::spawn(feed(input, document(run).to_string()));
                Ok(Self { child, group, children, output: Some(output), feeding, tail: Tail::default() })
            }
            Err(error) => {
                let _ = kill_process_group(group, Signal::KILL);
                tokio::spawn(off_thread(move || child.wait()));
                Err(error)
            }
        }
    }

    /// How it ended, whether all of it is gone, and how long its first process ran.
    async fn finish(
        mut self,
        limit: Duration,
        stop: Stop,
        begun: Instant,
        output: &mut Output,
    ) -> (HookEnd, bool, Duration) {
        let cut = tokio::select! {
            biased;
            exited = timeout(limit, self.exited()) => exited.err().map(|_| HookEnd::TimedOut),
            why = stop => Some(failed(why)),
        };
        if cut.is_some() {
            let _ = kill_process_group(self.group, Signal::TERM);
            let _ = timeout(GRACE, async {
                self.exited().await;
                self.group_gone().await;
            })
            .await;
        }
        let took = begun.elapsed();
        // whatever is left of the group, so that it can hold nothing back
        let _ = kill_process_group(self.group, Signal::KILL);
        let ended = timeout(KILL_LIMIT, self.exited()).await.is_ok();
        let gone = ended && timeout(KILL_LIMIT, self.group_gone()).await.is_ok();
        let _ = timeout(DRAIN_LIMIT, drain(&mut self.output, &mut self.tail)).await;
        self.feeding.abort();
        (output.text, output.dropped_bytes) = std::mem::take(&mut self.tail).into_text();
        let end = match (cut, ended) {
            (None, true) => self.child.wait().map_or_else(|error| failed(format!("status lost: {error}")), meaning),
            (cut, _) => cut.unwrap_or(HookEnd::TimedOut),
        };
        if ended {
            let _ = self.child.try_wait();
        } else {
            tokio::spawn(reap(self));
        }
        (end, gone, took)
    }

    /// Waits for the first process to end, and reads meanwhile.
    async fn exited(&mut self) {
        let Self { group, children, output, tail, .. } = self;
        let exited = async {
            while has_not_ended(*group) {
                // the limit is for a signal that never comes, as when somebody blocks it
                let _ = timeout(Duration::from_millis(500), children.recv()).await;
            }
        };
        tokio::select! { biased; () = exited => {}, () = drain_on(output, tail) => {} }
    }

    /// Waits until no member of the group lives, and reads meanwhile.
    async fn group_gone(&mut self) {
        let group = self.group.as_raw_nonzero().get();
        let gone = async {
            while off_thread(move || procs::members(group)).await.is_ok_and(|members| !members.is_empty()) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! { biased; () = gone => {}, () = drain_on(&mut self.output, &mut self.tail) => {} }
    }
}

/// Asks without reaping.
fn has_not_ended(pid: Pid) -> bool {
    let asking = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    matches!(waitid(WaitId::Pid(pid), asking), Ok(None))
}

/// Collects the status of a process that could not be killed in time, whenever it ends.
async fn reap(mut watch: Watch) {
    watch.exited().await;
    let _ = watch.child.try_wait();
}

/// Writes the document; a hook that does not read it misses nothing that its environment does not say too.
async fn feed(mut input: pipe::Sender, document: String) {
    let _ = input.write_all(document.as_bytes()).await;
}

/// Reads, and never comes back.
async fn drain_on(output: &mut Option<pipe::Receiver>, tail: &mut Tail) {
    drain(output, tail).await;
    std::future::pending().await
}

/// Reads until nobody can write any more. Slowed down, so that a flood leaves the thread to those who look.
async fn drain(output: &mut Option<pipe::Receiver>, tail: &mut Tail) {
    const BREATHER_BYTES: usize = 256 * 1024;
    let mut piece = vec![0; 32 * 1024];
    let mut since_breather = 0;
    while let Some(pipe) = output {
        match pipe.read(&mut piece).await {
            Ok(0) | Err(_) => *output = None,
            Ok(count) => {
                tail.push(&piece[..count]);
                since_breather += count;
            }
        }
        if since_breather >= BREATHER_BYTES {
            since_breather = 0;
            sleep(Duration::from_millis(1)).await;
        }
    }
}

fn meaning(status: ExitStatus) -> HookEnd {
    match (status.code(), status.signal()) {
        (Some(0), _) => HookEnd::Ok,
        (Some(code), _) => failed(format!("exit status {code}")),
        (None, Some(signal)) => failed(format!("killed by signal {signal}")),
        (None, None) => failed(status.to_string()),
    }
}
