//! What an operator asks for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use keyward::model::{EventKind, Phase};

use super::crashes::until_hook_starts;
use super::daemon::{Daemon, gates, has_verdict, texts, verdicts};
use super::hooks;
use super::pair::{Pair, read_only};
use super::settings::{Hook, Wishes};

const SPAN: Duration = Duration::from_millis(2_000);

#[tokio::test]
async fn a_pause_holds_the_failover_and_resume_lets_it_happen() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    let (said, _) = texts(&daemon.keyward(&["status"]).await);
    assert!(said.contains("REMOTE"), "{said}");
    assert_eq!(daemon.keyward(&["status"]).await.status.code(), Some(0));

    daemon.does(&["pause", "--for", "2s", "--reason", "short"]).await;
    assert_eq!(daemon.keyward(&["status"]).await.status.code(), Some(3));
    assert_eq!(daemon.metric("keyward_paused", &[]).await, Some(1.0));
    daemon.until("acting again", |region| region.paused.is_none()).await;
    daemon.until_told(&["the pause by", "(short) ended by itself"]).await;

    daemon.does(&["pause", "RegionTwo", "--reason", "works on the network"]).await;
    pair.master.kill9();
    daemon.until("down", |region| has_verdict(region, "master_unreachable")).await;
    assert!(gates(&daemon.region().await).contains(&"paused"));
    daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    let (said, _) = texts(&daemon.keyward(&["status"]).await);
    assert!(said.contains("PAUSED") && said.contains("works on the network"), "{said}");

    daemon.does(&["resume", "RegionTwo"]).await;
    daemon.until_phase(Phase::Local).await;
    assert_eq!(daemon.failovers().await, 1.0);
}

#[tokio::test]
async fn an_episode_by_hand_ends_by_hand() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    daemon.does(&["failover", "RegionTwo", "--reason", "works in RegionOne"]).await;
    let local = daemon.until_phase(Phase::Local).await;
    assert!(local.episode.unwrap().manual);
    // healthy for longer than failback_after, and it stays
    daemon.stays(2 * SPAN, "local", |region| region.phase == Phase::Local).await;
    let manual = daemon.metric("keyward_failovers_total", &[("cause", "manual")]).await;
    assert_eq!(manual, Some(1.0));
    let told = daemon.until_told(&["failover, because: works in RegionOne; ", "hook local-auth runs"]).await;
    // a user whom only a directory service knows is a number
    let own = |flag| texts(&Command::new("id").arg(flag).output().unwrap()).0.trim().to_owned();
    let by = |user| EventKind::Command { command: "failover".to_owned(), user };
    assert!([by(own("-un")), by(format!("uid {}", own("-u")))].contains(&told.what), "{told:?}");

    daemon.does(&["failback", "RegionTwo", "--reason", "works are done"]).await;
    daemon.until_healthy().await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    let typo = daemon.keyward(&["failover", "RegionNine", "--reason", "typo"]).await;
    assert!(typo.status.code() == Some(2) && texts(&typo).1.contains("RegionNine"), "{typo:?}");
    daemon.until_told(&["failover (refused), because: typo; ", "RegionNine"]).await;
    let (said, _) = texts(&daemon.keyward(&["events"]).await);
    for piece in ["works in RegionOne", "works are done", "authenticates locally"] {
        assert!(said.contains(piece), "{piece:?} is missing in:\n{said}");
    }
    let json = daemon.does(&["events", "--json"]).await;
    let told: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let causes: Vec<&str> = told.iter().filter_map(|event| event["cause"].as_str()).collect();
    assert_eq!(causes, ["manual"; 4], "{json}");
    assert_eq!(daemon.does(&["events", "--json", "--since", "1h"]).await, json);
    assert_eq!(daemon.does(&["events", "--since", "2100-01-01 00:00"]).await, "");
    pair.until_rows_equal().await;
    assert_watching_ends_cleanly(daemon).await;
}

/// `status --watch` shows one sheet after the other, says once that the daemon is gone, and ends with 0 at Ctrl-C.
async fn assert_watching_ends_cleanly(mut daemon: Daemon) {
    let (shown, complaint) = (daemon.folder.join("watched"), daemon.folder.join("complained"));
    let file = |path: &Path| fs::File::create(path).unwrap();
    let mut watching = Command::new(env!("CARGO_BIN_EXE_keyward"))
        .args(["status", "--watch", "--config"])
        .arg(daemon.folder.join("keyward.toml"))
        .stdout(file(&shown))
        .stderr(file(&complaint))
        .spawn()
        .unwrap();
    let count = |path: &Path, word: &str| fs::read_to_string(path).unwrap().matches(word).count();
    until("two sheets", || count(&shown, "The master is RegionOne") >= 2).await;
    assert!(!fs::read_to_string(&shown).unwrap().contains('\u{1b}'), "a file gets no colours and is not cleared");
    daemon.kill9();
    until("the daemon is missed", || count(&complaint, "keyward is not running") >= 1).await;
    let sheets = count(&shown, "The master is RegionOne");
    tokio::time::sleep(SPAN).await;
    assert_eq!((count(&complaint, "not running"), count(&shown, "The master is RegionOne")), (1, sheets));
    rustix::process::kill_process(rustix::process::Pid::from_child(&watching), rustix::process::Signal::INT).unwrap();
    let mut ended = None;
    until("it ends", || {
        ended = watching.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    assert_eq!(ended.unwrap().code(), Some(0));
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "still waiting until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn after_a_failback_by_hand_automatic_failover_rests_until_the_master_was_seen() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    let refusal = daemon.refuses(&["failback", "RegionTwo", "--reason", "wanted"]).await;
    assert!(refusal.contains("--force"), "{refusal}");
    daemon.does(&["failback", "RegionTwo", "--force", "--reason", "wanted"]).await;
    daemon.until("home", |region| !region.phase.in_episode()).await;
    daemon.stays(3 * SPAN, "resting", |region| !region.phase.in_episode()).await;

    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    assert_eq!(daemon.failovers().await, 2.0);
}

#[tokio::test]
async fn a_released_replica_is_left_alone_until_it_is_adopted() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    daemon.does(&["release", "RegionTwo/r2-db1", "--reason", "a DBA promotes it"]).await;
    let seen = daemon.until("released", |region| gates(region).contains(&"released")).await;
    assert!(verdicts(&seen).contains(&"released") && !seen.ready, "{seen:#?}");
    pair.replica.sql("STOP SLAVE; SET GLOBAL read_only = 0").await.unwrap();
    daemon.until("seen writable", |region| region.replicas[0].read_only == Some(false)).await;
    daemon.stays(SPAN, "left alone", |region| region.replicas[0].read_only == Some(false)).await;
    assert_eq!(read_only(&pair.replica).await, "0");
    let refusal = daemon.refuses(&["failover", "RegionTwo", "--reason", "drill"]).await;
    assert!(refusal.contains("released"), "{refusal}");

    daemon.does(&["adopt", "RegionTwo"]).await;
    daemon.until_healthy().await;
    assert_eq!(read_only(&pair.replica).await, "1");
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn hooks_are_tested_with_their_output() {
    let hooks = [
        Hook::new("good").body("echo the good hook speaks; cat"),
        Hook { optional: true, ..Hook::new("bad").body("echo the bad hook speaks >&2; exit 9") },
    ];
    let (_pair, daemon) = Pair::healthy(Wishes::hooks(hooks)).await;
    let output = daemon.keyward(&["hook-test", "RegionTwo"]).await;
    let (said, complained) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    for piece in
        ["good: ok", "| the good hook speaks", "\"event\":\"test\"", "bad: failed", "exit status 9", "| the bad"]
    {
        assert!(said.contains(piece), "{piece:?} is missing in:\n{said}");
    }
    assert_eq!(hooks::starts(&daemon.folder), ["test good 1 1", "test bad 1 1"]);
    daemon.until_healthy().await;
    assert_eq!(daemon.failovers().await, 0.0);
    // what hooks print never goes over HTTP
    let events = serde_json::to_string(&daemon.events().await).unwrap();
    assert!(!events.contains("hook speaks"), "{events}");
}

#[tokio::test]
async fn a_test_of_the_hooks_gives_way_to_a_failover() {
    let slow = |name| Hook::new(name).body("[ $KEYWARD_EVENT = test ] && sleep 600").timeout("10m");
    let hooks = [slow("first"), Hook { optional: true, ..slow("beside") }];
    let (mut pair, daemon) = Pair::healthy(Wishes::hooks(hooks)).await;
    let (test, local) = tokio::join!(daemon.keyward(&["hook-test", "RegionTwo"]), async {
        until_hook_starts(&daemon, "test first 1 1").await;
        pair.master.kill9();
        daemon.until_phase(Phase::Local).await
    });
    assert!(local.episode.is_some());
    let (said, complained) = texts(&test);
    assert_eq!(test.status.code(), Some(1), "{said}");
    assert!(complained.contains("was given up, because the failover needs the hooks now"), "{complained}");
    for hook in ["first: failed", "beside: failed"] {
        assert!(said.contains(hook), "{hook:?} is missing in:\n{said}");
    }
    let mut starts = hooks::starts(&daemon.folder);
    starts.sort();
    assert_eq!(starts, ["failover beside 1 1", "failover first 1 1", "test first 1 1"]);
    daemon.until_told(&["test of hook first", "given up"]).await;
}

#[tokio::test]
async fn settings_are_read_again_and_move_no_phase() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    daemon.does(&["failover", "RegionTwo", "--reason", "works in RegionOne"]).await;
    daemon.until_phase(Phase::Local).await;

    // what contradicts itself changes nothing
    daemon.configure(&pair, &Wishes { unreachable_after: "300ms", ..Wishes::default() });
    daemon.signal(rustix::process::Signal::HUP);
    daemon.until_told(&["the settings were not read again", "unreachable_after"]).await;
    daemon.configure(&pair, &Wishes { unreachable_after: "10m", poll_interval: "200ms", ..Wishes::default() });
    daemon.signal(rustix::process::Signal::HUP);
    let home = "RegionTwo: it comes home by `keyward failback RegionTwo`";
    daemon
        .until_told(&["failover settings of RegionTwo (unreachable_after)", "wait for a restart: poll_interval", home])
        .await;
    daemon.stays(SPAN, "local", |region| region.phase == Phase::Local).await;

    daemon.does(&["failback", "RegionTwo", "--reason", "works are done"]).await;
    daemon.until_healthy().await;
    // the new patience is in force: an outage longer than the old one is none yet
    pair.master.kill9();
    daemon.until("silent", |region| has_verdict(region, "master_silent")).await;
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ended().await.0, Some(0));
}
