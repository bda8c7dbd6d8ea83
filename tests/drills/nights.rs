//! Nights that a region must live through without a false word: what people and servers do to a master that is well.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Spec};
use keyward::model::view::RegionView;
use keyward::model::{Event, EventKind, Phase};

use super::daemon::{Daemon, LIMIT, has_verdict};
use super::pair::{DROP_IN, Pair, set_up};
use super::settings::Wishes;

const LOST: &str = "master_lost_transactions";

/// Many beats between two looks: what a look showed is soon older than what was acknowledged since.
fn wishes() -> Wishes {
    Wishes {
        poll_interval: "1s",
        probe_timeout: "1s",
        beat_interval: "100ms",
        unreachable_after: "10s",
        ..Wishes::default()
    }
}

#[tokio::test]
async fn a_table_of_beats_that_somebody_locks_on_the_master_is_no_loss() {
    let (pair, daemon) = Pair::healthy(wishes()).await;
    for _ in 0..2 {
        let mut lock = pair.master.root().connect().await.unwrap();
        keyward::lab::client::rows(&mut lock, "LOCK TABLES keyward.beat WRITE").await.unwrap();
        daemon.until("refusing beats", |region| has_verdict(region, "beats_refused")).await;
        daemon.stays(Duration::from_secs(3), "whole", |region| !has_verdict(region, LOST)).await;
        drop(lock);
        daemon.until_healthy().await;
    }
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn a_beat_that_waits_for_a_standby_and_has_arrived_on_the_replica_is_no_loss() {
    let lab = Lab::new().unwrap();
    let semi = ["rpl_semi_sync_master_enabled=1", "rpl_semi_sync_master_wait_point=AFTER_SYNC"];
    let master = Spec::new("r1", 1).lines(&semi).line("rpl_semi_sync_master_timeout=20000");
    let pair = Pair::of(lab, master, Spec::new("r2", 2).lines(&DROP_IN)).await;
    let mut daemon = Daemon::new(&pair, "keyward", wishes());
    set_up(&pair, &daemon).await;
    let standby = pair.lab.start(Spec::new("standby", 3).line("rpl_semi_sync_slave_enabled=1")).await.unwrap();
    let (host, port) =
        pair.master.address().split_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let at = pair.master.value("SELECT @@gtid_binlog_pos").await.unwrap().unwrap();
    pair.master
        .sql("CREATE USER standby@'%' IDENTIFIED BY 'st'; GRANT REPLICATION SLAVE ON *.* TO standby@'%'")
        .await
        .unwrap();
    let follow = format!(
        "SET GLOBAL gtid_slave_pos = '{at}'; SET GLOBAL replicate_wild_do_table = 'nothing.%';
         CHANGE MASTER TO master_host = '{host}', master_port = {port}, master_user = 'standby', master_password = 'st',
            master_use_gtid = slave_pos; START SLAVE"
    );
    standby.sql(&follow).await.unwrap();
    daemon.start().await;
    daemon.until_healthy().await;
    let waits = "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'";
    let began = Instant::now();
    while pair.master.rows(waits).await.unwrap()[0][1].as_deref() != Some("1") {
        assert!(began.elapsed() < LIMIT, "the standby confirms nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    standby.freeze().unwrap();
    daemon.stays(Duration::from_secs(6), "whole", |region| !has_verdict(region, LOST)).await;
    standby.thaw().unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn an_error_that_stops_a_thread_is_one_verdict_however_often_the_thread_is_started() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    let row = "INSERT INTO keystone.region (id, description, extra) VALUES ('twice', '', '{}')";
    pair.replica.sql(&format!("SET sql_log_bin = 0; {row}")).await.unwrap();
    pair.master.sql(row).await.unwrap();
    let stopped = |region: &RegionView| has_verdict(region, "replication_stopped");
    let seen = daemon.until("stopped", stopped).await;
    assert!(seen.verdicts.iter().any(|verdict| verdict.sentence.contains("1062")), "{:#?}", seen.verdicts);
    // started again after pauses of about 1 s, 2 s, 4 s
    daemon.stays(Duration::from_secs(9), "stopped", stopped).await;
    let events = daemon.events().await;
    let verdicts =
        |event: &&Event| matches!(&event.what, EventKind::Verdict { verdict, .. } if verdict == "replication_stopped");
    assert_eq!(events.iter().filter(verdicts).count(), 1, "{events:#?}");
    let starts = events.iter().filter(|event| event.sentence.contains("did start the replication threads")).count();
    assert!((1..=2).contains(&starts), "{starts} starts were told: {events:#?}");
    pair.replica.sql("SET sql_log_bin = 0; DELETE FROM keystone.region WHERE id = 'twice'").await.unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn a_master_that_lives_and_refuses_is_told_as_no_outage_and_a_failover_is_not_promised() {
    let (pair, daemon) = Pair::healthy(wishes()).await;
    // both witnesses are gone, and the master says why
    pair.master.sql("ALTER USER keyward@'%' ACCOUNT LOCK; ALTER USER keyward_repl@'%' ACCOUNT LOCK").await.unwrap();
    pair.end_connections_to_master("keyward").await;
    pair.end_connections_to_master("keyward_repl").await;
    let told = |region: &RegionView| region.sentence.contains("no failover comes from it");
    let seen = daemon.until("suspect and not waiting", |region| region.phase == Phase::Suspect && told(region)).await;
    assert!(has_verdict(&seen, "master_refuses_us"), "{seen:#?}");
    daemon
        .stays(Duration::from_secs(12), "not failing over", |region| told(region) && !region.phase.in_episode())
        .await;
    pair.master.sql("ALTER USER keyward@'%' ACCOUNT UNLOCK; ALTER USER keyward_repl@'%' ACCOUNT UNLOCK").await.unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn accepting_a_loss_names_the_replica_that_is_ahead_of_the_master() {
    let (mut pair, daemon) = Pair::healthy(wishes()).await;
    let copy = pair.lab.folder().join("older");
    pair.master.stop().await.unwrap();
    copy_folder(&pair.master.data_dir(), &copy);
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    pair.master.sql("INSERT INTO keystone.region (id, description, extra) VALUES ('lost', '', '{}')").await.unwrap();
    pair.until_rows_equal().await;
    pair.master.kill9();
    std::fs::remove_dir_all(pair.master.data_dir()).unwrap();
    copy_folder(&copy, &pair.master.data_dir());
    pair.master.start().await.unwrap();
    daemon.until("told", |region| has_verdict(region, LOST) && has_verdict(region, "errant_transactions")).await;
    let said = daemon.does(&["adopt", "RegionTwo"]).await;
    let pieces = ["replication goes on, but", "never arrives on r2-db1", "keyward setup --reseed"];
    assert!(pieces.iter().all(|piece| said.contains(piece)), "{said}");
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success(), "cp: {copied}");
}

#[tokio::test]
async fn a_hook_whose_program_is_gone_is_told_before_it_is_needed() {
    let (_pair, daemon) = Pair::healthy(Wishes::default()).await;
    let program = daemon.folder.join("local-auth.sh");
    let aside = program.with_extension("aside");
    for (what, change) in [("is not there", true), ("may not be executed", false)] {
        match change {
            true => std::fs::rename(&program, &aside).unwrap(),
            false => std::fs::set_permissions(&program, Permissions::from_mode(0o644)).unwrap(),
        }
        let told = |region: &RegionView| !region.ready && region.ready_sentence.contains(what);
        let seen = daemon.until(what, told).await;
        assert!(seen.ready_sentence.starts_with("hook local-auth cannot run: "), "{}", seen.ready_sentence);
        assert_eq!(daemon.metric("keyward_failover_ready", &[]).await, Some(0.0));
        match change {
            true => std::fs::rename(&aside, &program).unwrap(),
            false => std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap(),
        }
        daemon.until_healthy().await;
    }
}

#[tokio::test]
async fn on_mysql_a_lock_and_a_standby_that_does_not_confirm_are_no_loss_either() {
    if lacks(Kind::MySql97) {
        return;
    }
    let plugins = "target/servers/mysql-9.7/usr/lib/mysql/plugin";
    let plugins = format!("plugin_dir={}", Path::new(env!("CARGO_MANIFEST_DIR")).join(plugins).display());
    let kind = |name: &str, id: u32| Spec::new(name, id).kind(Kind::MySql97).line(&plugins);
    let semi = ["plugin_load_add=semisync_source.so", "loose_rpl_semi_sync_source_enabled=1"];
    let master = kind("r1", 1).lines(&semi).line("loose_rpl_semi_sync_source_timeout=20000");
    let pair = Pair::of(Lab::new().unwrap(), master, kind("r2", 2)).await;
    let mut daemon = Daemon::new(&pair, "keyward", wishes());
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    let mut lock = pair.master.root().connect().await.unwrap();
    keyward::lab::client::rows(&mut lock, "LOCK TABLES keyward.beat WRITE").await.unwrap();
    daemon.until("refusing beats", |region| has_verdict(region, "beats_refused")).await;
    daemon.stays(Duration::from_secs(3), "whole", |region| !has_verdict(region, LOST)).await;
    drop(lock);
    daemon.until_healthy().await;

    let standby =
        kind("standby", 3).lines(&["plugin_load_add=semisync_replica.so", "loose_rpl_semi_sync_replica_enabled=1"]);
    let standby = pair.lab.start(standby).await.unwrap();
    let account = "CREATE USER standby@'%' IDENTIFIED BY 'st'; GRANT REPLICATION SLAVE ON *.* TO standby@'%'";
    pair.master.sql(account).await.unwrap();
    let at = pair.master.value("SELECT @@gtid_executed").await.unwrap().unwrap();
    let address = pair.master.address();
    let (host, port) = address.split_once(':').unwrap();
    let follow = format!(
        "RESET BINARY LOGS AND GTIDS; SET GLOBAL gtid_purged = '{at}';
         CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = ('nothing.%');
         CHANGE REPLICATION SOURCE TO source_host = '{host}', source_port = {port}, source_user = 'standby',
            source_password = 'st', source_auto_position = 1, get_source_public_key = 1; START REPLICA"
    );
    standby.sql(&follow).await.unwrap();
    let clients = "SHOW STATUS LIKE 'Rpl_semi_sync_source_clients'";
    let began = Instant::now();
    while pair.master.rows(clients).await.unwrap()[0][1].as_deref() != Some("1") {
        assert!(began.elapsed() < LIMIT, "the standby confirms nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    standby.freeze().unwrap();
    daemon.until("refusing beats", |region| has_verdict(region, "beats_refused")).await;
    daemon.stays(Duration::from_secs(6), "whole", |region| !has_verdict(region, LOST)).await;
    standby.thaw().unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
}
