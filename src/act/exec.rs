//! Runs one `exec` hook: limited in time and output, in a process group of its own, never beside a run of its slot.
//!
//! There is no retrying here, no order among hooks and no log: callers decide and say what came of it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use super::leftover::{Leftover, LeftoverEnd, settle_slot};
use super::lock::{RunPlace, Slot};
use super::procs::{self, GRACE, KILL_LIMIT, off_thread};
use super::spawn::{NotStarted, Started, start};
use super::tail::Tail;
use super::told::document;
use crate::model::hook::{HookEnd, HookEvent, HookOutcome, HookRun};

/// How long starting may take; a program on a dead network mount would take for ever.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long output is still read after the hook has ended; a process that went its own way may keep it open.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// What a hook printed, and what else there is to say about its run. For the log and the control socket only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The last 64 KiB of standard output and standard error, as they came; what is no UTF-8 is replaced.
    pub text: String,
    /// How many bytes before that were dropped.
    pub dropped_bytes: u64,
    /// A run of an earlier daemon that was in the way and has been dealt with.
    pub leftover: Option<Leftover>,
    /// Why this run could not be written down: a crash now could let the next run begin beside it. Worth an alert.
    pub unrecorded: Option<String>,
}

/// Runs a hook once and waits for its end; a leftover of an earlier daemon in its slot is waited for first.
///
/// Required hooks of one region share a slot, so they run one after another; an optional hook has one of its own.
/// The run is watched to its end even if this future is dropped; if the daemon ends, the next one's run settles it.
pub async fn run(run: HookRun, place: &RunPlace) -> (HookOutcome, Output) {
    run_until(run, place, std::future::pending()).await
}

/// The same for a run that gives way: when `stop` comes it is ended as at its time limit, or not begun at all, and
/// what `stop` says is why it failed.
pub async fn run_until(
    run: HookRun,
    place: &RunPlace,
    stop: impl Future<Output = String> + Send + 'static,
) -> (HookOutcome, Output) {
    let watched = tokio::spawn(watched_run(run.clone(), place.clone(), Box::pin(stop)));
    let (end, took, output) = watched.await.unwrap_or_else(|_| {
        (failed("the run was not watched to its end, because keyward is ending"), Duration::ZERO, Output::default())
    });
    let outcome =
        HookOutcome { hook: run.spec.name, event: run.event, turn: run.turn, attempt: run.attempt, end, took };
    (outcome, output)
}

fn failed(why: impl Into<String>) -> HookEnd {
    HookEnd::Failed(why.into())
}

/// What ends a run before its time, and says why.
type Stop = Pin<Box<dyn Future<Output = String> + Send>>;

async fn watched_run(run: HookRun, place: RunPlace, mut stop: Stop) -> (HookEnd, Duration, Output) {
    let mut output = Output::default();
    let slot = Slot::of(&place, &run.spec);
    let entering = async {
        let mine = slot.enter().await;
        (mine, settle_slot(&slot, place.clock).await)
    };
    let (_mine, settled) = tokio::select! {
        biased;
        why = &mut stop => return (failed(why), Duration::ZERO, output),
        entered = entering => entered,
    };
    match settled {
        Ok(None) => {}
        Ok(Some(leftover)) if matches!(leftover.end, LeftoverEnd::Stuck(_)) => {
            let why = format!("cannot be started: {leftover}");
            output.leftover = Some(leftover);
            return (failed(why), Duration::ZERO, output);
        }
        Ok(leftover) => output.leftover = leftover,
        Err(error) => output.unrecorded = Some(unrecorded(&place, &error)),
    }
    let begun = Instant::now();
    // listening before there is a child, so that its end cannot be missed
    let children = match signal(SignalKind::child()) {
        Ok(children) => children,
        Err(error) => return (failed(format!("cannot be watched: {error}")), begun.elapsed(), output),
    };
    let mut started = match started_in_time(&run, slot.clone(), &place, &mut output).await {
        Ok(started) => started,
        Err(end) => return (end, begun.elapsed(), output),
    };
    let taken = started.taken.take();
    let (end, gone, took) = match Watch::new(started, &run, children) {
        Ok(watch) => watch.finish(run.spec.timeout, stop, begun, &mut output).await,
        Err(error) => (failed(format!("cannot be watched: {error}")), false, begun.elapsed()),
    };
    // what is not gone keeps its lock and record, so that the next run cannot begin beside it
    if let (Some(taken), true) = (taken, gone) {
        taken.free();
    }
    (end, took, output)
}

fn unrecorded(place: &RunPlace, error: &io::Error) -> String {
    format!(
        "the run cannot be written down in {}: {error}; make the folder writable and free some space",
        place.folder.display()
    )
}

async fn started_in_time(run: &HookRun, slot: Slot, place: &RunPlace, output: &mut Output) -> Result<Started, HookEnd> {
    // a way out goes on without the record, a way back waits until it can be written
    if let (HookEvent::Failback, Some(why)) = (run.event, &output.unrecorded) {
        return Err(failed(format!("cannot be started: {why}")));
    }
    let (theirs, its_place) = (run.clone(), place.clone());
    let starting = off_thread(move || Ok(start(&theirs, &slot, &its_place)));
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
            let program = run.spec.command.first().map_or("", String::as_str);
            Err(failed(format!("cannot be started: {program}: {error}")))
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
