//! A whole outage on the servers that are not MariaDB 10.11.

use std::time::{Duration, Instant};

use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Spec};
use keyward::model::Phase;

use super::daemon::{Daemon, LIMIT, has_verdict};
use super::pair::{DROP_IN, Pair, read_only, set_up};
use super::settings::Wishes;
use super::story::story_of_one_outage;

/// A pair of this kind that was set up by the program, and a daemon that finds everything healthy.
async fn healthy(kind: Kind) -> (Pair, Daemon) {
    healthy_pair(kind, kind).await
}

async fn healthy_pair(master: Kind, replica: Kind) -> (Pair, Daemon) {
    // what the lines say MySQL remembers by itself
    let lines = if replica == Kind::MySql97 { &[][..] } else { &DROP_IN };
    let (master, replica) = (Spec::new("r1", 1).kind(master), Spec::new("r2", 2).kind(replica).lines(lines));
    let pair = Pair::of(Lab::new().unwrap(), master, replica).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    (pair, daemon)
}

async fn outage(master: Kind, replica: Kind) {
    if lacks(master) || lacks(replica) {
        return;
    }
    let (mut pair, daemon) = healthy_pair(master, replica).await;
    pair.master.kill9();
    let back = async |pair: &mut Pair| pair.master.start().await.unwrap();
    story_of_one_outage(&mut pair, &daemon, back).await;
    daemon.until_healthy().await;
}

#[tokio::test]
async fn mysqls_master_is_killed_and_comes_back() {
    outage(Kind::MySql97, Kind::MySql97).await;
}

#[tokio::test]
async fn mariadb_118s_master_is_killed_and_comes_back() {
    outage(Kind::MariaDb118, Kind::MariaDb118).await;
}

#[tokio::test]
async fn mariadb_1011s_master_is_killed_and_comes_back_to_a_replica_of_118() {
    outage(Kind::MariaDb1011, Kind::MariaDb118).await;
}

#[tokio::test]
async fn mariadb_118s_master_is_killed_and_comes_back_to_a_replica_of_1011() {
    outage(Kind::MariaDb118, Kind::MariaDb1011).await;
}

#[tokio::test]
async fn mysqls_replica_restarts_and_is_kept_right() {
    if lacks(Kind::MySql97) {
        return;
    }
    let (mut pair, daemon) = healthy(Kind::MySql97).await;
    let strict = "SELECT @@super_read_only";
    pair.replica.stop().await.unwrap();
    pair.master.sql("CREATE DATABASE nova").await.unwrap();
    pair.replica.start().await.unwrap();
    // before anybody looked at it
    assert_eq!(pair.replica.value(strict).await.unwrap().as_deref(), Some("1"));
    daemon.until_told(&["set the replication filter to keystone.%,keyward.%", "start the replication threads"]).await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
    assert!(pair.replica.rows("SHOW DATABASES LIKE 'nova'").await.unwrap().is_empty(), "applied unfiltered");

    // found writable, by administrators alone too, it is made strict again
    for writable in ["SET GLOBAL super_read_only = 0", "SET GLOBAL read_only = 0"] {
        pair.replica.sql(writable).await.unwrap();
        let began = Instant::now();
        while pair.replica.value(strict).await.unwrap().as_deref() != Some("1") {
            assert!(began.elapsed() < LIMIT, "{writable}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    daemon.until_healthy().await;

    // a thread that was stopped by hand stays so, and an outage of a frozen master is one
    pair.replica.sql("STOP REPLICA").await.unwrap();
    daemon.until("told", |region| has_verdict(region, "replication_stopped")).await;
    pair.replica.sql("START REPLICA").await.unwrap();
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
    pair.master.freeze().unwrap();
    daemon.until_phase(Phase::Local).await;
    pair.master.thaw().unwrap();
    daemon.until_healthy().await;
}

#[tokio::test]
async fn mysqls_replica_that_started_unfiltered_is_held_filtered_and_told() {
    if lacks(Kind::MySql97) {
        return;
    }
    let (mut pair, daemon) = healthy(Kind::MySql97).await;
    // somebody takes away what it remembered; while nobody watches, it restarts and replicates everything
    pair.replica.sql("RESET PERSIST").await.unwrap();
    daemon.until("warned", |region| has_verdict(region, "not_durable")).await;
    daemon.signal(rustix::process::Signal::STOP);
    pair.replica.stop().await.unwrap();
    pair.master.sql("CREATE DATABASE slipped").await.unwrap();
    pair.replica.start().await.unwrap();
    let began = Instant::now();
    while pair.replica.rows("SHOW DATABASES LIKE 'slipped'").await.unwrap().is_empty() {
        assert!(began.elapsed() < LIMIT, "nothing slipped through");
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
    daemon.until("filter_gap", |region| has_verdict(region, "filter_gap")).await;
    let signed_up = format!("CREATE DATABASE later; {}", keyward::lab::keystone::sign_up("newcomer"));
    pair.master.sql(&signed_up).await.unwrap();
    pair.until_rows_equal().await;
    assert!(pair.replica.rows("SHOW DATABASES LIKE 'later'").await.unwrap().is_empty());
    pair.assert_replica_serves_reads_only().await;
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn mysqls_empty_replica_is_set_up_by_the_daemon_with_what_print_sql_prints() {
    if lacks(Kind::MySql97) {
        return;
    }
    let (master, replica) = (Spec::new("r1", 1).kind(Kind::MySql97), Spec::new("r2", 2).kind(Kind::MySql97));
    let pair = Pair::of(Lab::new().unwrap(), master, replica).await;
    // what an administrator did there before is nothing that the master ever had
    pair.replica.sql("RESET BINARY LOGS AND GTIDS").await.unwrap();
    let mut daemon = Daemon::new(&pair, "keyward", Wishes { auto_setup: true, ..Wishes::default() });
    let printed = daemon.does(&["setup", "--print-sql=mysql"]).await;
    let (master, replica) = printed.split_once("-- RegionTwo/r2-db1").unwrap();
    for (server, text) in [(&pair.master, master), (&pair.replica, replica.split_once('\n').unwrap().1)] {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
        let filled = lines.join("\n").replace("<put account.password here>", "kw");
        server.sql(&filled.replace("<put replication.password here>", "rp")).await.unwrap();
    }
    daemon.start().await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
    pair.assert_replica_serves_reads_only().await;
    assert_eq!(pair.replica.value("SELECT @@super_read_only").await.unwrap().as_deref(), Some("1"));
    let own = "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged) LIKE CONCAT('%', @@server_uuid, '%')";
    assert_eq!(pair.replica.value(own).await.unwrap().as_deref(), Some("0"), "no GTIDs of its own");
    daemon.assert_never_acted().await;
}

/// Tries on the replica until keyward was slower.
async fn until_done(pair: &Pair, statements: &str) {
    let began = Instant::now();
    while let Err(error) = pair.replica.sql(statements).await {
        assert!(began.elapsed() < LIMIT, "{error:#}");
    }
}

#[tokio::test]
async fn mysqls_row_in_the_way_is_told_with_its_key() {
    if lacks(Kind::MySql97) {
        return;
    }
    let (pair, daemon) = healthy(Kind::MySql97).await;
    let row = "INSERT INTO keystone.region (id, description, parent_region_id, extra) VALUES ('R9', '', NULL, '{}')";
    // administrators are kept out too: a human opens the door, and keyward shuts it
    let quietly = |statement: &str| {
        format!("SET sql_log_bin = 0; SET GLOBAL super_read_only = 0; SET GLOBAL read_only = 0; {statement}")
    };
    until_done(&pair, &quietly(row)).await;
    pair.master.sql(row).await.unwrap();
    let seen = daemon.until("stopped by 1062", |region| region.replicas[0].sql_errno == Some(1062)).await;
    let error = seen.replicas[0].sql_error.clone().unwrap();
    assert!(error.contains("R9") && error.contains("keystone.region"), "{error}");
    until_done(&pair, &quietly("DELETE FROM keystone.region WHERE id = 'R9'")).await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
}
