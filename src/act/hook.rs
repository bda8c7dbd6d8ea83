//! Runs one hook, whatever its kind: never beside a run of its slot, and watched to its end.
//!
//! There is no retrying here, no order among hooks and no log: callers decide and say what came of it.

use std::time::Duration;

use super::attempt::{Output, Stop, failed, unrecorded};
use super::exec;
use super::haproxy;
use super::http;
use super::leftover::{LeftoverEnd, settle_slot};
use super::lock::{RunPlace, Slot};
use crate::model::hook::{HookEnd, HookEvent, HookKind, HookOutcome, HookRun};

/// Runs a hook once and waits for its end; a leftover of an earlier daemon in its slot is waited for first.
///
/// Required hooks of one region share a slot, so they run one after another; an optional hook has one of its own. Only
/// what starts processes also takes the slot's lock on the disk: anything else ends with the daemon.
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
    // a way out goes on without the record, a way back waits until it can be written
    if let (HookEvent::Failback, Some(why)) = (run.event, &output.unrecorded) {
        return (failed(format!("cannot be started: {why}")), Duration::ZERO, output);
    }
    let (end, took) = match &run.spec.kind {
        HookKind::Exec { command } => exec::attempt(&run, command, slot, &place, stop, &mut output).await,
        HookKind::Http { url, secret, ca_file } => {
            let target = http::Target { url, secret: secret.as_ref(), ca_file: ca_file.as_deref() };
            http::attempt(&run, target, stop, &mut output).await
        }
        HookKind::Haproxy(proxy) => haproxy::attempt(&run, proxy, stop, &mut output).await,
    };
    (end, took, output)
}
