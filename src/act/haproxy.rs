//! Sets the servers of an HAProxy as a side needs them: what serves first, the rest out after it, then proves it.
//!
//! There is no retrying here, and a server's own health counts for nothing: HAProxy watches that itself.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::attempt::{Output, Stop, failed};
use crate::model::haproxy::{Change, Haproxy, HaproxyFacts, Setting, Side};
use crate::model::hook::{HookEnd, HookRun};
use crate::wire::haproxy::ask;

/// The most time for one answer. A living HAProxy needs milliseconds, and a frozen one should be told soon.
const ANSWER: Duration = Duration::from_secs(5);

/// One run of a hook. A test only looks whether the others could be done.
pub(super) async fn attempt(run: &HookRun, proxy: &Haproxy, stop: Stop, output: &mut Output) -> (HookEnd, Duration) {
    let begun = Instant::now();
    let done = async {
        match run.event.side() {
            Some(side) => set(proxy, side, ANSWER).await,
            None => check(proxy, ANSWER).await.map(|_| Vec::new()),
        }
    };
    let done = tokio::select! {
        biased;
        why = stop => Ok(Err(why)),
        done = timeout(run.spec.timeout, done) => done,
    };
    let end = match done {
        Ok(Ok(changes)) => {
            output.text = changes.iter().map(|change| format!("{change}\n")).collect();
            HookEnd::Ok
        }
        Ok(Err(why)) => failed(why),
        Err(_) => HookEnd::TimedOut,
    };
    (end, begun.elapsed())
}

/// Sets what is missing for a side, and shows what that was. `limit` is for each answer.
///
/// # Errors
/// In one sentence why HAProxy is not as it should be now.
pub async fn set(proxy: &Haproxy, side: Side, limit: Duration) -> Result<Vec<Change>, String> {
    let mut facts = check(proxy, limit).await?;
    let changes = facts.missing(proxy, side);
    let (ready, maint): (Vec<Change>, Vec<Change>) =
        changes.iter().cloned().partition(|change| change.to == Setting::Ready);
    if !ready.is_empty() {
        facts = ask(proxy, &ready, limit).await?;
    }
    // what must serve does, before anything is taken away
    if let Some(wrong) = facts.not_serving(proxy, side) {
        let left = if maint.is_empty() { "" } else { "; the others were left as they are" };
        return Err(format!("HAProxy at {} could not be set: {wrong}{left}", proxy.socket));
    }
    if !maint.is_empty() {
        facts = ask(proxy, &maint, limit).await?;
    }
    match facts.deviation(proxy, side) {
        None => Ok(changes),
        Some(wrong) => {
            Err(format!("HAProxy at {} did not keep what was set: {wrong}; was it reloaded meanwhile?", proxy.socket))
        }
    }
}

/// Looks whether everything could be set: the socket, its level, the names.
async fn check(proxy: &Haproxy, limit: Duration) -> Result<HaproxyFacts, String> {
    let facts = ask(proxy, &[], limit).await?;
    match facts.hindrance(proxy) {
        None => Ok(facts),
        Some(why) => Err(format!("HAProxy at {} {why}", proxy.socket)),
    }
}
