//! Servers that restart at the wrong moment, or come back as somebody else.

use std::time::{Duration, Instant};

use keyward::lab::folder::copy_folder;
use keyward::model::Phase;

use super::daemon::{Daemon, has_verdict, verdicts};
use super::hooks;
use super::pair::{DROP_IN, Pair, read_only, set_up};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

async fn threads(pair: &Pair) -> (String, String) {
    let mut row = pair.replica.rows("SHOW ALL SLAVES STATUS").await.unwrap().remove(0);
    let mut cell = |place: usize| row[place].take().unwrap();
    // Slave_IO_Running and Slave_SQL_Running
    (cell(12), cell(13))
}

async fn until_threads(pair: &Pair, wanted: (&str, &str)) {
    let began = Instant::now();
    loop {
        let (io, sql) = threads(pair).await;
        if (io.as_str(), sql.as_str()) == wanted {
            return;
        }
        assert!(began.elapsed() < super::daemon::LIMIT, "the threads are {io}/{sql} and not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_replica_restarts_in_the_outage() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.kill9();
    let killed = Instant::now();
    // counters of the link that begin anew are no proof of life
    pair.replica.restart().await.unwrap();
    daemon.until_phase(Phase::Local).await;
    // a server tells its uptime in whole seconds: one that lived for less than two cannot be told from the next
    tokio::time::sleep(2 * SPAN).await;
    pair.replica.restart().await.unwrap();
    daemon.until("looked at again", |region| region.replicas[0].up == Some(true)).await;
    daemon
        .stays(SPAN, "local and silent", |region| {
            let silence = region.silence_seconds.unwrap();
            region.phase == Phase::Local && silence > killed.elapsed().as_secs_f64() - 2.0
        })
        .await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    let seen = daemon.region().await;
    assert_eq!((seen.replicas[0].read_only, seen.replicas[0].filter_ok), (Some(true), Some(true)));
    pair.assert_replica_serves_reads_only().await;
    // skip_slave_start left the threads stopped, and nobody stopped them by hand
    until_threads(&pair, ("Connecting", "Yes")).await;

    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_eq!(daemon.failbacks().await, 1.0);
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_replica_restarts_and_forgets_its_filter() {
    let mut pair = Pair::bare(&[]).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    daemon.start().await;
    let warned = daemon.until("warned", |region| verdicts(region) == ["not_durable"]).await;
    assert!(!warned.ready, "ready although a restart would lose the filter");
    daemon.until("following", |region| region.replicas[0].lag_seconds.is_some()).await;

    // while nobody watches, the server restarts and replicates everything
    daemon.signal(rustix::process::Signal::STOP);
    pair.replica.stop().await.unwrap();
    pair.master.sql("CREATE DATABASE slipped").await.unwrap();
    pair.replica.start().await.unwrap();
    let began = Instant::now();
    while pair.replica.rows("SHOW DATABASES LIKE 'slipped'").await.unwrap().is_empty() {
        assert!(began.elapsed() < super::daemon::LIMIT, "nothing slipped through");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(read_only(&pair.replica).await, "0");
    daemon.signal(rustix::process::Signal::CONT);

    daemon
        .until_told(&[
            "did hold the SQL thread, set the replication filter",
            "make the server read-only, set slave_net_timeout to 4, start the replication threads",
        ])
        .await;
    let gap = daemon
        .until("filter_gap", |region| {
            has_verdict(region, "filter_gap") && region.replicas[0].read_only == Some(true) && region.gates.is_empty()
        })
        .await;
    let sentence = &gap.verdicts.iter().find(|verdict| verdict.code == "filter_gap").unwrap().sentence;
    assert!(sentence.contains("slipped"), "{sentence}");
    assert_eq!(read_only(&pair.replica).await, "1");

    // what comes now is filtered again, and follows
    let signed_up = format!("CREATE DATABASE later; {}", keyward::lab::keystone::sign_up("newcomer"));
    pair.master.sql(&signed_up).await.unwrap();
    until_threads(&pair, ("Yes", "Yes")).await;
    pair.until_rows_equal().await;
    assert!(pair.replica.rows("SHOW DATABASES LIKE 'later'").await.unwrap().is_empty());
    pair.assert_replica_serves_reads_only().await;
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn a_replica_that_restarts_unwatched_in_the_outage_is_held_before_it_applies_anything() {
    // no beat can arrive while it is unfiltered: the master is dead, and only the guard at work is seen
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    pair.replica.stop().await.unwrap();
    // somebody rewrote the option file
    let file = pair.replica.option_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !DROP_IN.contains(line)).collect();
    std::fs::write(&file, kept.join("\n") + "\n").unwrap();
    pair.replica.start().await.unwrap();
    daemon.until_told(&["did hold the SQL thread, set the replication filter", "make the server read-only"]).await;
    daemon
        .until("kept and warned", |region| {
            has_verdict(region, "not_durable") && region.replicas[0].read_only == Some(true) && !region.ready
        })
        .await;
    pair.assert_replica_serves_reads_only().await;
    pair.master.start().await.unwrap();
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    pair.until_rows_equal().await;
}

async fn beat_on_master(pair: &Pair) -> u64 {
    pair.master.value("SELECT MAX(number) FROM keyward.beat").await.unwrap().unwrap().parse().unwrap()
}

async fn until_beat_after(pair: &Pair, beat: u64) {
    let began = Instant::now();
    while beat_on_master(pair).await <= beat {
        assert!(began.elapsed() < super::daemon::LIMIT, "no beat after {beat}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_master_comes_back_from_an_older_copy() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    // a backup, made while all is quiet
    daemon.signal(rustix::process::Signal::TERM);
    daemon.ended().await;
    pair.master.stop().await.unwrap();
    let copy = pair.lab.folder().join("copy");
    copy_folder(&pair.master.data_dir(), &copy).unwrap();
    pair.master.start().await.unwrap();
    let backed_up = beat_on_master(&pair).await;
    daemon.start().await;
    daemon.until_healthy().await;
    until_beat_after(&pair, backed_up).await;
    pair.master.sql(&keyward::lab::keystone::sign_up("lost")).await.unwrap();
    pair.until_rows_equal().await;

    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    std::fs::remove_dir_all(pair.master.data_dir()).unwrap();
    std::fs::rename(&copy, pair.master.data_dir()).unwrap();
    pair.master.start().await.unwrap();
    let seen = daemon.until("lost", |region| has_verdict(region, "master_lost_transactions")).await;
    let sentence = &seen.verdicts.iter().find(|verdict| verdict.code == "master_lost_transactions").unwrap().sentence;
    assert!(sentence.contains("verify") && sentence.contains("keyward adopt RegionTwo"), "{sentence}");
    until_threads(&pair, ("No", "No")).await;
    let beat = beat_on_master(&pair).await;
    daemon.stays(2 * SPAN, "local", |region| region.phase == Phase::Local).await;
    assert_eq!(beat_on_master(&pair).await, beat, "a beat was written over the loss");
    assert_eq!(threads(&pair).await, ("No".to_owned(), "No".to_owned()));
    let refusal = daemon.refuses(&["failback", "RegionTwo", "--reason", "drill"]).await;
    assert!(refusal.contains("without transactions"), "{refusal}");

    // remembered by the next daemon too
    daemon.kill9();
    daemon.start().await;
    daemon.until("still lost", |region| has_verdict(region, "master_lost_transactions")).await;
    daemon.stays(SPAN, "local", |region| region.phase == Phase::Local).await;
    assert_eq!(beat_on_master(&pair).await, beat, "a beat was written over the loss");

    // an operator accepts it
    let said = daemon.does(&["adopt", "RegionTwo"]).await;
    assert!(said.contains("loss of transactions is accepted"), "{said}");
    daemon.until("going on", |region| !has_verdict(region, "master_lost_transactions")).await;
    until_beat_after(&pair, beat).await;
    // the master's new transactions pass the replica's position after a while, and the region comes home
    daemon.until_healthy().await;
    assert_eq!(threads(&pair).await, ("Yes".to_owned(), "Yes".to_owned()));
    let lost = "SELECT COUNT(*) FROM keystone.local_user WHERE name = 'lost'";
    let (master, replica) = tokio::try_join!(pair.master.value(lost), pair.replica.value(lost)).unwrap();
    assert_eq!((master.as_deref(), replica.as_deref()), (Some("0"), Some("1")), "the drill lost nothing");
}
