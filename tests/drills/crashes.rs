//! The daemon is killed at the worst moment, or told to stop there.

use std::time::{Duration, Instant};

use keyward::model::Phase;
use rustix::process::Signal;

use super::daemon::{Daemon, LIMIT};
use super::hooks::{self, assert_none_overlap, marks};
use super::pair::Pair;
use super::settings::{Hook, Wishes};

const SPAN: Duration = Duration::from_millis(2_000);

fn slow(event: &str) -> Wishes {
    let body = format!("[ \"$KEYWARD_EVENT\" != {event} ] || sleep 4");
    Wishes::hooks([Hook::new("local-auth").body(&body)])
}

pub async fn until_hook_starts(daemon: &Daemon, start: &str) {
    let began = Instant::now();
    while !hooks::starts(&daemon.folder).iter().any(|other| other == start) {
        assert!(began.elapsed() < LIMIT, "hook {start:?} never started: {:?}", hooks::starts(&daemon.folder));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Exactly one episode in everything that was told and run.
async fn assert_one_episode(daemon: &Daemon, id: &str) {
    let transitions = daemon.transitions().await;
    let outs = transitions.iter().filter(|transition| transition.ends_with(">switching")).count();
    assert_eq!(outs, 1, "{transitions:?}");
    assert!(marks(&daemon.folder).iter().all(|mark| mark.episode == id), "{:#?}", marks(&daemon.folder));
    assert_none_overlap(&daemon.folder);
}

#[tokio::test]
async fn the_daemon_is_killed_in_remote() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    daemon.kill9();
    daemon.start().await;
    daemon.until_healthy().await;
    daemon.stays(SPAN, "remote", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    // it goes by what it finds: the master that died while nobody watched is an outage
    daemon.kill9();
    pair.master.kill9();
    daemon.start().await;
    let episode = daemon.until_phase(Phase::Local).await.episode.unwrap().id;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_one_episode(&daemon, &episode).await;
    assert_eq!((daemon.failovers().await, daemon.failbacks().await), (1.0, 1.0));
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_daemon_is_killed_in_suspect() {
    let wishes = Wishes { unreachable_after: "5s", ..Wishes::default() };
    let (mut pair, mut daemon) = Pair::healthy(wishes).await;
    pair.master.kill9();
    for _ in 0..2 {
        daemon.until_phase(Phase::Suspect).await;
        daemon.kill9();
        daemon.start().await;
        // time in which nobody watched is no silence
        assert!(!daemon.region().await.phase.in_episode());
    }
    let episode = daemon.until_phase(Phase::Local).await.episode.unwrap().id;
    assert_eq!(daemon.failovers().await, 1.0);
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_one_episode(&daemon, &episode).await;
}

#[tokio::test]
async fn the_daemon_is_killed_while_a_hook_of_the_way_out_runs() {
    let (mut pair, mut daemon) = Pair::healthy(slow("failover")).await;
    pair.master.kill9();
    until_hook_starts(&daemon, "failover local-auth 1 1").await;
    let episode = daemon.until_phase(Phase::Switching).await.episode.unwrap().id;
    daemon.kill9();
    daemon.start().await;
    let local = daemon.until_phase(Phase::Local).await.episode.unwrap();
    assert_eq!((local.id.as_str(), local.turn), (episode.as_str(), 1));
    // the run whose end nobody saw is run again, after it had ended
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failover local-auth 1 2"]);
    assert_one_episode(&daemon, &episode).await;
    assert_eq!(daemon.failovers().await, 0.0, "the new daemon counted a failover of its own");
    pair.master.start().await.unwrap();
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    assert_one_episode(&daemon, &episode).await;
}

#[tokio::test]
async fn the_daemon_is_killed_in_local() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.kill9();
    let before = daemon.until_phase(Phase::Local).await;
    let episode = before.episode.unwrap();
    daemon.kill9();
    daemon.start().await;
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 200);
    daemon
        .stays(2 * SPAN, "local, the same episode", |region| {
            region.phase == Phase::Local && region.episode.as_ref() == Some(&episode)
        })
        .await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    assert_one_episode(&daemon, &episode.id).await;
}

#[tokio::test]
async fn the_daemon_is_killed_while_a_hook_of_the_way_back_runs() {
    let (mut pair, mut daemon) = Pair::healthy(slow("failback")).await;
    pair.master.kill9();
    let episode = daemon.until_phase(Phase::Local).await.episode.unwrap().id;
    pair.master.start().await.unwrap();
    until_hook_starts(&daemon, "failback local-auth 2 1").await;
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 503);
    daemon.kill9();
    daemon.start().await;
    let seen = daemon.region().await;
    assert_eq!((seen.phase, seen.episode.unwrap().id), (Phase::Returning, episode.clone()));
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 503);
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    let starts = ["failover local-auth 1 1", "failback local-auth 2 1", "failback local-auth 2 2"];
    assert_eq!(hooks::starts(&daemon.folder), starts);
    assert_one_episode(&daemon, &episode).await;
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_daemon_is_told_to_stop_while_a_hook_runs_and_the_master_is_frozen() {
    let (pair, mut daemon) = Pair::healthy(slow("failover")).await;
    pair.master.freeze().unwrap();
    until_hook_starts(&daemon, "failover local-auth 1 1").await;
    daemon.signal(Signal::TERM);
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(0));
    // the one limit that the contract sets by the clock
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!daemon.folder.join("control.sock").exists(), "the control socket stayed behind");
    let complaint = daemon.refuses(&["status"]).await;
    assert!(complaint.contains("control.sock"), "{complaint}");

    daemon.start().await;
    daemon.until_phase(Phase::Local).await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failover local-auth 1 2"]);
    assert_none_overlap(&daemon.folder);
    pair.master.thaw().unwrap();
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
}
