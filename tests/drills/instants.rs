//! The daemon is killed at every instant of an outage: after each write of its memory, and around every edge of a hook.
//!
//! One round is a whole outage, out and home again, with one kill on the way out and one on the way back. The rounds
//! walk from the first instant of each way to its last, until both ways run through without reaching one more.

use std::fs;
use std::time::{Duration, Instant};

use keyward::model::{EventKind, Phase};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use super::daemon::{Daemon, LIMIT, has_verdict};
use super::hooks::{Mark, assert_none_overlap, marks};
use super::pair::Pair;
use super::settings::{Hook, Wishes};
use super::tracer::Tracer;

/// The walk is split among so many tests that run side by side.
const SHARES: usize = 3;
/// Fewer instants on one way mean that the tracer no longer sees what matters.
const LEAST_INSTANTS: usize = 50;

#[tokio::test]
async fn killed_at_any_instant_the_daemon_comes_back_to_the_same_episode_first_share() {
    walk((1..).step_by(SHARES), |_| None).await;
}

#[tokio::test]
async fn killed_at_any_instant_the_daemon_comes_back_to_the_same_episode_second_share() {
    walk((2..).step_by(SHARES), |_| None).await;
}

#[tokio::test]
async fn killed_at_any_instant_the_daemon_comes_back_to_the_same_episode_third_share() {
    walk((3..).step_by(SHARES), |_| None).await;
}

#[tokio::test]
async fn killed_once_more_while_it_comes_back_the_daemon_still_knows_the_episode() {
    walk((1..).step_by(4), |instant| Some(1 + instant * 7 % 40)).await;
}

/// One round for each of `instants` until there is none any more. After a kill, the daemon that is started again may be
/// killed once more, at the instant of its own that `again` names.
async fn walk(instants: impl Iterator<Item = usize> + Clone, again: impl Fn(usize) -> Option<usize>) {
    // the hook outlives a killed daemon, so that the next one finds it running
    let hooks = [Hook::new("first").body("sleep 0.3"), Hook::new("second")];
    let wishes = Wishes {
        poll_interval: "100ms",
        probe_timeout: "300ms",
        unreachable_after: "1s",
        failback_after: "300ms",
        ..Wishes::hooks(hooks)
    };
    let (pair, mut daemon) = Pair::healthy(wishes).await;
    if let Err(why) = Tracer::attach(daemon.pid(), &daemon.folder, 0) {
        keyward::lab::skip::skip(&format!("strace cannot attach to a process here: {why}"));
        return;
    }
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for instant in instants.clone() {
        let killed = round(&pair, &mut daemon, instant, again(instant)).await;
        if killed == (None, None) {
            break;
        }
        out.extend(killed.0);
        back.extend(killed.1);
    }
    println!("killed at {} instants of the way out and {} of the way back: {out:#?} {back:#?}", out.len(), back.len());
    let least = instants.take_while(|instant| *instant <= LEAST_INSTANTS).count();
    assert!(out.len() >= least && back.len() >= least, "too few instants were seen: {out:#?} {back:#?}");
}

/// A whole outage; after which call the daemon was killed on the way out and on the way back.
async fn round(
    pair: &Pair,
    daemon: &mut Daemon,
    instant: usize,
    again: Option<usize>,
) -> (Option<String>, Option<String>) {
    begin_anew(daemon).await;
    let way_out = Tracer::attach(daemon.pid(), &daemon.folder, instant).unwrap();
    pair.master.freeze().unwrap();
    let killed_out = go(daemon, way_out, Phase::Local, again).await;
    let episode = daemon.until_phase(Phase::Local).await.episode.unwrap().id;

    let way_back = Tracer::attach(daemon.pid(), &daemon.folder, instant).unwrap();
    pair.master.thaw().unwrap();
    let killed_back = go(daemon, way_back, Phase::Remote, again).await;
    daemon.until_phase(Phase::Remote).await;
    let context = format!("killed at {instant}: {killed_out:?}, {killed_back:?}");
    assert_one_episode(daemon, &episode, &context).await;
    (killed_out, killed_back)
}

/// Forgets the last round, so that its end makes no way back wait longer, and starts again.
async fn begin_anew(daemon: &mut Daemon) {
    daemon.kill9();
    let text = fs::read_to_string(daemon.state_file()).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["regions"]["RegionTwo"]["last_episode"] = serde_json::Value::Null;
    fs::write(daemon.state_file(), document.to_string()).unwrap();
    for file in ["state/events.jsonl", "hooks.log"] {
        fs::remove_file(daemon.folder.join(file)).ok();
    }
    daemon.start().await;
    daemon.until_healthy().await;
}

/// Waits for the phase or for the kill; after a kill starts the daemon again. After which call it was killed.
async fn go(daemon: &mut Daemon, tracer: Tracer, phase: Phase, again: Option<usize>) -> Option<String> {
    let instant = until_phase_or_kill(daemon, tracer, phase).await?;
    if let Some(again) = again {
        daemon.start_stopped().await;
        let tracer = Tracer::attach(daemon.pid(), &daemon.folder, again).unwrap();
        daemon.signal(Signal::CONT);
        // a daemon that comes through without reaching the instant is as good as a new one
        if until_phase_or_kill(daemon, tracer, phase).await.is_none() {
            return Some(instant);
        }
    }
    daemon.start().await;
    let region = daemon.region().await;
    assert!(!has_verdict(&region, "state_broken") && region.paused.is_none(), "{instant}: {region:#?}");
    Some(instant)
}

async fn until_phase_or_kill(daemon: &mut Daemon, tracer: Tracer, phase: Phase) -> Option<String> {
    let began = Instant::now();
    while !tracer.has_killed() && daemon.phase_if_alive().await != Some(phase) {
        assert!(began.elapsed() < 3 * LIMIT, "never {phase}: {:#?}", tracer.finish());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // what is written and told after the last transition belongs to the way too
    tokio::time::sleep(Duration::from_millis(if tracer.has_killed() { 0 } else { 300 })).await;
    if !tracer.has_killed() {
        tracer.finish();
        return None;
    }
    daemon.kill9();
    let instant = tracer.finish().pop();
    assert_state_is_whole(daemon).await;
    instant
}

/// Nothing but an old document or a new one; and nobody holds the folder any more.
async fn assert_state_is_whole(daemon: &Daemon) {
    let state = fs::read_to_string(daemon.state_file()).unwrap();
    serde_json::from_str::<serde_json::Value>(&state).unwrap();
    let lock = fs::File::open(daemon.folder.join("state/lock")).unwrap();
    let began = Instant::now();
    // a hook that was just being started has the daemon's files open until its program begins
    while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        assert!(began.elapsed() < LIMIT, "the state folder of a dead daemon is held");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One episode, told and carried out once each way, and nothing left behind.
async fn assert_one_episode(daemon: &Daemon, id: &str, context: &str) {
    let events = daemon.events().await;
    let told = [Phase::Switching, Phase::Local, Phase::Returning, Phase::Remote].map(|phase| {
        let moves = |kind: &EventKind| matches!(kind, EventKind::Transition { to, .. } if *to == phase);
        events.iter().filter(|event| moves(&event.what) && event.episode.as_deref() == Some(id)).count()
    });
    assert_eq!(told, [1; 4], "{context}: {events:#?}");
    let outs = events.iter().filter(|event| matches!(event.what, EventKind::Transition { to: Phase::Switching, .. }));
    assert_eq!(outs.count(), 1, "{context}: {events:#?}");
    let marks = marks(&daemon.folder);
    assert!(marks.iter().all(|mark| mark.episode == id), "{context}: {marks:#?}");
    assert_none_overlap(&daemon.folder);
    for way in ["failover first", "failover second", "failback second", "failback first"] {
        let ran = |mark: &Mark| mark.what == "end" && format!("{} {}", mark.event, mark.hook) == way;
        assert!(marks.iter().any(ran), "{context}: {way} never ran: {marks:#?}");
    }
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(daemon.folder.join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    // the next save uses up what a killed one has left
    let began = Instant::now();
    let wanted = ["events.jsonl", "hooks", "lock", "stamps", "state.json"];
    while names("state") != wanted || !names("state/hooks").is_empty() {
        let left = (names("state"), names("state/hooks"));
        assert!(began.elapsed() < LIMIT, "{context}: left behind {left:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
