//! The master goes away and comes back.

use std::time::{Duration, Instant};

use keyward::lab::client;
use keyward::model::{Event, EventKind, Phase};

use super::daemon::{Daemon, has_verdict};
use super::hooks;
use super::pair::{Pair, end_connections, read_only};
use super::settings::Wishes;
use super::story::story_of_one_outage;

const SPAN: Duration = Duration::from_millis(2_000);

#[tokio::test]
async fn the_master_is_killed_and_comes_back() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.kill9();
    let back = async |pair: &mut Pair| pair.master.start().await.unwrap();
    story_of_one_outage(&mut pair, &daemon, back).await;
    daemon.until_healthy().await;
    assert_the_log_is_short(&pair, &daemon).await;
}

/// Hundreds of looks and beats have failed; each kind of them is a line when that begins and one when it is over.
async fn assert_the_log_is_short(pair: &Pair, daemon: &Daemon) {
    for kind in ["looks", "beats"] {
        let what = format!("{kind} at the master {}", pair.master.address());
        let over = daemon.until_logged(&[&what, "succeed again", "connection refused"]).await;
        let failed = over.split("; ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(failed.parse::<u64>().unwrap() >= 5, "{over}");
        let log = daemon.log();
        let lines = |word: &str| log.lines().filter(|line| line.contains(&what) && line.contains(word)).count();
        let (begun, ended) = (lines(" fail: "), lines(" succeed again; "));
        // under load more may have failed before and after, and the last of it may not be over
        assert!(begun == ended || begun == ended + 1, "{log}");
        assert!(begun <= 10, "hundreds have failed, and a streak takes 10 s of calm to end: {log}");
    }
    for transition in daemon.transitions().await {
        let (from, to) = transition.split_once('>').unwrap();
        assert!(daemon.log().contains(&format!("kind=transition from={from} to={to}")), "{transition}");
    }
}

#[tokio::test]
async fn the_master_freezes_and_thaws() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.freeze().unwrap();
    let back = async |pair: &mut Pair| pair.master.thaw().unwrap();
    story_of_one_outage(&mut pair, &daemon, back).await;
    daemon.until_healthy().await;
}

#[tokio::test]
async fn the_master_restarts_quicker_than_unreachable_after() {
    let wishes = Wishes { unreachable_after: "20s", ..Wishes::default() };
    let (mut pair, daemon) = Pair::healthy(wishes).await;
    let before = Instant::now();
    pair.master.restart().await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(15), "the machine is too slow for this drill");
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_daemon_itself_is_frozen_and_thawed() {
    let (_pair, daemon) = Pair::healthy(Wishes::default()).await;
    for _ in 0..2 {
        daemon.signal(rustix::process::Signal::STOP);
        tokio::time::sleep(3 * SPAN).await;
        daemon.signal(rustix::process::Signal::CONT);
        daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
        daemon.until_healthy().await;
    }
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn the_master_refuses_the_password() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.sql("SET PASSWORD FOR keyward@'%' = PASSWORD('changed')").await.unwrap();
    // what is open stays open; a human's KILL or a restart of the server ends it
    pair.end_connections_to_master("keyward").await;
    daemon.until("refused", |region| has_verdict(region, "master_refuses_us")).await;
    daemon.stays(3 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;

    pair.master.sql("SET PASSWORD FOR keyward@'%' = PASSWORD('kw')").await.unwrap();
    daemon.until_healthy().await;
}

#[tokio::test]
async fn the_master_has_no_connection_left_for_anybody() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    let mut root = pair.master.root().connect().await.unwrap();
    let keystone = pair.master.client("ks", "ks");
    let mut holders = Vec::new();
    for _ in 0..12 {
        holders.push(keystone.connect().await.unwrap());
    }
    // the least that a server takes
    client::rows(&mut root, "SET GLOBAL max_connections = 10").await.unwrap();
    for user in ["keyward", "keyward_repl"] {
        end_connections(&mut root, user).await;
    }
    // neither witness has a way in, and the master lives
    daemon.until("refused", |region| has_verdict(region, "master_refuses_us") && region.link_up == Some(false)).await;
    daemon.stays(3 * SPAN, "not failing over", |region| has_verdict(region, "master_refuses_us")).await;
    let labels = [("target", "master"), ("reason", "too_many_connections")];
    assert!(daemon.metric("keyward_probe_failures_total", &labels).await.unwrap() >= 2.0);
    daemon.assert_never_acted().await;
    assert_eq!(read_only(&pair.replica).await, "1");

    drop(holders);
    client::rows(&mut root, "SET GLOBAL max_connections = 100").await.unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_first_start_finds_a_dead_master() {
    // the replica holds rows, and no beat of any keyward
    let mut pair = Pair::bare(&super::pair::DROP_IN).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    super::pair::set_up(&pair, &daemon).await;
    pair.until_rows_equal().await;
    pair.master.kill9();
    daemon.start().await;
    daemon
        .until("down and never seen", |region| {
            has_verdict(region, "master_unreachable") && super::daemon::gates(region).contains(&"never_seen")
        })
        .await;
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    let closed = daemon.metric("keyward_failover_gate_closed", &[("gate", "never_seen")]).await;
    assert_eq!(closed, Some(1.0));

    // seen alive once, the same outage counts
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
}

#[tokio::test]
async fn the_daemon_restarts_while_the_master_is_frozen_and_the_link_still_says_yes() {
    let (pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    daemon.kill9();
    pair.master.freeze().unwrap();
    daemon.start().await;
    daemon.until("the link looks fine", |region| region.replicas[0].io_running == Some(true)).await;
    let local = daemon.until_phase(Phase::Local).await;
    // nothing that this daemon saw was a proof of life, the first look at a link least of all; the one before it counts
    assert!(local.silence_seconds.is_some_and(|silence| silence > 1.0), "{:?}", local.silence_seconds);
    assert_eq!(local.link_up, Some(false));
    let transitions = daemon.transitions().await;
    assert!(transitions.ends_with(&["suspect>switching".to_owned(), "switching>local".to_owned()]), "{transitions:?}");
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    pair.master.thaw().unwrap();
    daemon.until_healthy().await;
    assert_eq!((daemon.failovers().await, daemon.failbacks().await), (1.0, 1.0));
}

#[tokio::test]
async fn the_master_dies_while_the_daemon_is_frozen() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    daemon.signal(rustix::process::Signal::STOP);
    pair.master.kill9();
    tokio::time::sleep(3 * SPAN).await;
    let thawed = jiff::Timestamp::now();
    daemon.signal(rustix::process::Signal::CONT);
    daemon.until_phase(Phase::Local).await;
    // time in which nobody watched is no silence: unreachable_after is waited for from the thaw on
    let is_out = |event: &Event| matches!(event.what, EventKind::Transition { to: Phase::Switching, .. });
    let out = daemon.events().await.into_iter().find(is_out).unwrap();
    let waited = Duration::try_from(out.at.duration_since(thawed)).unwrap();
    assert!(waited >= SPAN, "failed over {waited:?} after the thaw");
    assert_eq!(daemon.failovers().await, 1.0);
}
