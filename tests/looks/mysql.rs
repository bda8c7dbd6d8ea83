//! Looks, locks, beats and upkeep on MySQL: what is the same as on MariaDB, and what only it has.

use std::time::{Duration, Instant};

use keyward::act::upkeep::perform;
use keyward::lab::Kind;
use keyward::lab::port::Port;
use keyward::lab::skip::lacks;
use keyward::model::observation::{Durability, LinkFacts, ThreadState};
use keyward::model::upkeep::UpkeepStep;

use crate::server::{BEAT_TABLE, Server};
use crate::{look_at_master, look_at_replica, names};

const MYSQL: Kind = Kind::MySql97;

fn server(lines: &[&str]) -> Server {
    Server::start_of(MYSQL, lines)
}

/// Tries until it can be done.
fn until(mut attempt: impl FnMut() -> Result<String, String>) {
    let patience = Instant::now() + Duration::from_secs(30);
    while let Err(error) = attempt() {
        assert!(Instant::now() < patience, "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_healthy_pair_is_described_in_full() {
    if lacks(MYSQL) {
        return;
    }
    let (master, replica) = (server(&[]), server(&[]));
    replica.replicate_from(&master);
    replica.sql("SET sql_log_bin = 0; CREATE DATABASE nova; SET PERSIST super_read_only = 1");
    let names = names();
    let mut at_master = look_at_master(master.target(), &names.masters[0]);
    let seen = at_master.good().await;
    assert_eq!(seen.identity.server_id.to_string(), master.sql("SELECT @@server_id"));
    assert_eq!(seen.identity.uid, master.sql("SELECT @@server_uuid"));
    assert_eq!(seen.position, format!("{}:1-2", seen.identity.uid));
    assert!(seen.version.starts_with("9.7") && seen.written == seen.position && !seen.read_only, "{seen:?}");
    assert!(seen.beats.is_empty(), "no table yet: {seen:?}");

    let mut at_replica = look_at_replica(replica.target(), &names);
    let first = at_replica.good().await;
    assert_eq!((first.read_only, first.super_read_only), (true, Some(true)));
    assert_eq!(first.read_only_durability, Durability::Kept, "it is persisted");
    // set by a command, and the threads start with the server
    assert_eq!((first.filter.as_str(), first.filter_durability), ("keystone.%,keyward.%", Durability::Lost));
    assert_eq!((first.net_timeout_seconds, first.own_replicas, first.galera), (2, 0, false));
    assert_eq!((first.schemas, first.applied), (vec!["nova".to_owned()], seen.position.clone()));
    assert!(first.other_links.is_empty() && first.uptime_seconds < 600 && first.written.is_empty());
    let link = first.link.unwrap();
    assert_eq!((link.host.as_str(), link.port, link.user.as_str()), ("127.0.0.1", master.port(), "repl"));
    assert_eq!((link.io, link.sql), (ThreadState::Running, ThreadState::Running));
    assert!(link.by_gtid && link.log_number == 1 && link.log_position > 4 && link.io_gtid == seen.position, "{link:?}");
    assert_eq!((link.io_errno, link.sql_errno), (0, 0));
    // the server counts whole seconds, and a busy one is a little behind
    assert!(link.seconds_behind.is_some_and(|behind| behind < 60), "{link:?}");
    assert!((link.heartbeat_period - 0.2).abs() < 1e-9);
    at_replica.until(|look| look.result.as_ref().unwrap().link.as_ref().unwrap().heartbeats > link.heartbeats).await;
    assert_eq!(look_at_replica(master.target(), &names).good().await.own_replicas, 1);

    // the table appears on the connection that is open already
    master.sql(BEAT_TABLE);
    master.sql("INSERT INTO keyward.beat VALUES ('a', 7, 1700000000123456)");
    let arrived = at_replica.until(|look| look.result.as_ref().is_ok_and(|facts| !facts.beats.is_empty())).await;
    let rows = arrived.result.unwrap().beats;
    assert_eq!(
        (rows[0].number, rows[0].written_at.as_microsecond(), arrived.connection),
        (7, 1_700_000_000_123_456, 1)
    );
    assert_eq!(at_master.good().await.beats, rows);

    // a locked table neither fails the look nor hides what was seen
    let lock = master.session("LOCK TABLES keyward.beat WRITE").await;
    for _ in 0..5 {
        let look = at_master.next().await;
        assert_eq!((look.result.unwrap().beats, look.connection), (rows.clone(), 1));
    }
    drop(lock);

    // what outlives a restart: the filter only where nothing starts by itself
    replica.sql("SET PERSIST_ONLY skip_replica_start = ON");
    let held = at_replica.until(|look| look.result.as_ref().unwrap().filter_durability == Durability::Kept).await;
    assert_eq!(held.connection, 1);
    replica.sql("RESET PERSIST super_read_only");
    at_replica.until(|look| look.result.as_ref().unwrap().read_only_durability == Durability::Hidden).await;
}

#[tokio::test]
async fn a_fault_of_a_worker_is_told_with_its_detail_and_purged_logs_by_their_old_number() {
    if lacks(MYSQL) {
        return;
    }
    let (master, replica) = (server(&[]), server(&[]));
    master.sql("CREATE DATABASE keystone; CREATE TABLE keystone.t (id INT PRIMARY KEY)");
    replica.replicate_from(&master);
    let mut looks = look_at_replica(replica.target(), &names());
    until(|| replica.try_sql("SET sql_log_bin = 0; INSERT INTO keystone.t VALUES (77)"));
    master.sql("INSERT INTO keystone.t VALUES (77)");
    let broken = looks.until(|look| look.result.as_ref().unwrap().link.as_ref().unwrap().sql_errno != 0).await;
    let link = broken.result.unwrap().link.unwrap();
    assert_eq!((link.sql, link.sql_errno), (ThreadState::Stopped, 1062));
    assert!(link.sql_error.contains("Duplicate entry '77'"), "{link:?}");

    replica.sql("STOP REPLICA; RESET REPLICA");
    let log = "INSERT INTO keystone.t VALUES (78); FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY";
    master.sql(log);
    replica.sql("START REPLICA IO_THREAD");
    let ended = |link: &LinkFacts| link.io_errno != 0 && link.io == ThreadState::Stopped;
    let purged = looks.until(|look| look.result.as_ref().unwrap().link.as_ref().is_some_and(ended)).await;
    let link = purged.result.unwrap().link.unwrap();
    assert_eq!(link.io_errno, 1236, "{link:?}");
}

#[tokio::test]
async fn option_files_are_durable_and_other_channels_are_told() {
    if lacks(MYSQL) {
        return;
    }
    let filter = ["replicate_wild_do_table=keystone.%", "replicate_wild_do_table=keyward.%"];
    let mut server = server(&[]);
    // the accounts are made first
    server.restart(&["super_read_only=ON", "skip_replica_start=ON", filter[0], filter[1]]);
    server.sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '10.9.8.7', SOURCE_PORT = 3310 FOR CHANNEL 'other'");
    let mut looks = look_at_replica(server.target(), &names());
    let facts = looks.good().await;
    assert_eq!((facts.super_read_only, facts.read_only_durability), (Some(true), Durability::Kept));
    assert_eq!((facts.filter.as_str(), facts.filter_durability), ("keystone.%,keyward.%", Durability::Kept));
    assert_eq!((facts.link, facts.other_links), (None, vec!["10.9.8.7:3310".to_owned()]));
    server.sql("SET GLOBAL super_read_only = 0");
    let lax = looks.until(|look| look.result.as_ref().unwrap().super_read_only == Some(false)).await.result.unwrap();
    assert!(lax.read_only && lax.read_only_durability == Durability::Hidden, "{lax:?}");
}

#[tokio::test]
async fn the_acting_lock_and_our_own_ghosts_are_told_apart() {
    if lacks(MYSQL) {
        return;
    }
    crate::locking::one_acts(server(&[])).await;
    crate::locking::ghost_is_ended(server(&[])).await;
    crate::locking::the_master_is_recognised(MYSQL).await;
}

#[tokio::test]
async fn every_step_of_upkeep_does_what_it_says_once_and_again() {
    if lacks(MYSQL) {
        return;
    }
    crate::keeping::every_step(MYSQL).await;
}

#[tokio::test]
async fn whoever_blocks_read_only_is_named_and_nobody_waits_for_long() {
    if lacks(MYSQL) {
        return;
    }
    let server = server(&[]);
    server.sql("CREATE DATABASE keystone; CREATE TABLE keystone.t (a INT)");
    let blocker = server.session("LOCK TABLES keystone.t WRITE").await;
    let began = Instant::now();
    let failed = perform(&server.target(), &[UpkeepStep::SetReadOnly]).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30), "everybody's writes waited behind it");
    let named = failed.blocking.clone().unwrap_or_default();
    assert!(named.contains(&format!("thread {} of root@", blocker.id())), "{failed}");
    assert_eq!(server.sql("SELECT @@super_read_only"), "0");
    drop(blocker);
    drop(server.session("FLUSH TABLES WITH READ LOCK").await);
    perform(&server.target(), &[UpkeepStep::SetReadOnly]).await.unwrap();
    assert_eq!(server.sql("SELECT @@super_read_only, @@read_only"), "1\t1");
}

#[tokio::test]
async fn a_link_moves_to_another_server_of_the_same_stream() {
    if lacks(MYSQL) {
        return;
    }
    let (master, second, replica) = (server(&[]), server(&[]), server(&[]));
    master.sql("CREATE DATABASE keystone; CREATE TABLE keystone.t (id INT PRIMARY KEY)");
    second.replicate_from(&master);
    replica.replicate_from(&master);
    // the account that replicas log in with is on every server of a master
    second.sql("SET sql_log_bin = 0; CREATE USER repl IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO repl");
    let address = second.target().place.to_string().parse().unwrap();
    perform(&replica.target(), &[UpkeepStep::MoveLink(address)]).await.unwrap();
    let mut looks = look_at_replica(replica.target(), &names());
    let moved =
        looks.until(|look| look.result.as_ref().unwrap().link.as_ref().unwrap().io == ThreadState::Running).await;
    let link = moved.result.unwrap().link.unwrap();
    assert_eq!((link.port, link.by_gtid, link.user.as_str()), (second.port(), true, "repl"));
    assert!((link.heartbeat_period - 0.2).abs() < 1e-9, "{link:?}");
    let kept =
        "SELECT connection_retry_interval, get_public_key FROM performance_schema.replication_connection_configuration";
    assert_eq!(replica.sql(kept), "1\tYES");
    master.sql("INSERT INTO keystone.t VALUES (5)");
    until(|| match replica.try_sql("SELECT id FROM keystone.t")?.as_str() {
        "5" => Ok(String::new()),
        other => Err(format!("{other:?} and no row of the master's")),
    });
}

#[tokio::test]
async fn beats_are_written_arrive_and_are_refused_as_on_mariadb() {
    if lacks(MYSQL) {
        return;
    }
    crate::beating::they_arrive(MYSQL).await;
    crate::beating::a_crash_in_between(MYSQL).await;
    crate::beating::they_are_refused(MYSQL).await;
}

#[tokio::test]
async fn a_member_of_a_replication_group_is_as_little_keywards_own_as_a_galera_node() {
    if lacks(MYSQL) {
        return;
    }
    let port = Port::take().unwrap();
    let address = format!("group_replication_local_address=127.0.0.1:{}", port.number());
    let server = server(&[
        "plugin_load_add=group_replication.so",
        "report_host=127.0.0.1",
        "group_replication_group_name=aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
        "group_replication_bootstrap_group=ON",
        "group_replication_start_on_boot=OFF",
        &address,
    ]);
    let mut looks = look_at_replica(server.target(), &names());
    assert!(!looks.good().await.galera, "the plugin alone is no group");
    // it looks whether the port is free, which our own hold on it would spoil
    drop(port);
    server.sql("START GROUP_REPLICATION");
    looks.until(|look| look.result.as_ref().is_ok_and(|facts| facts.galera)).await;
}

#[tokio::test]
async fn without_performance_schema_a_master_serves_and_a_replica_says_what_to_do() {
    if lacks(MYSQL) {
        return;
    }
    let server = server(&["performance_schema=OFF"]);
    let seen = look_at_master(server.target(), &names().masters[0]).good().await;
    assert_eq!(seen.identity.uid, server.sql("SELECT @@server_uuid"));
    let failure = look_at_replica(server.target(), &names()).next().await.result.unwrap_err();
    assert!(failure.detail.contains("set performance_schema to ON"), "{failure}");
}
