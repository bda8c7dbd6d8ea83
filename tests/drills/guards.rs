//! Servers that keyward must not write to, and the ones that it must keep as they should be.

use std::time::Duration;

use keyward::model::Phase;

use super::daemon::{Daemon, gates, has_verdict};
use super::hooks;
use super::pair::{DROP_IN, Pair, read_only, set_up, stamp};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);
/// More rights than keyward ever has, so that nothing but its own guards protects the server.
const EVERY_RIGHT: &str = "SET sql_log_bin = 0; GRANT ALL ON *.* TO keyward@'%'";

/// Every setting of a server that somebody could have changed, its own writes and its link.
async fn everything_of(server: &keyward::lab::Server) -> Vec<Vec<Option<String>>> {
    let mut all = server
        .rows(
            "SELECT variable_name, global_value FROM information_schema.system_variables
             WHERE global_value IS NOT NULL AND variable_name NOT LIKE 'rpl_semi_sync%'
             ORDER BY variable_name",
        )
        .await
        .unwrap();
    all.extend(server.rows("SHOW ALL SLAVES STATUS").await.unwrap());
    all.extend(server.rows("SHOW MASTER STATUS").await.unwrap());
    all.extend(server.rows("SELECT user, host, json_value(priv, '$.access') FROM mysql.global_priv").await.unwrap());
    all
}

/// No way of asking for a set-up is taken; what the refusal says.
async fn assert_setup_refuses(daemon: &Daemon, [master, replica]: [&keyward::lab::Server; 2]) -> String {
    let [master, replica] = [master, replica].map(|server| server.socket().display().to_string());
    let admins = ["--master-admin", &master, "--replica-admin", &replica];
    let mut complaint = String::new();
    for command in [&["setup"][..], &["setup", "--dry-run"], &["setup", "--force"]] {
        complaint = daemon.refuses(&[command, &admins].concat()).await;
        daemon.refuses(command).await;
    }
    complaint
}

#[tokio::test]
async fn the_replicas_address_is_the_masters() {
    let mut pair = Pair::bare(&[]).await;
    pair.make_accounts().await;
    pair.master.sql(EVERY_RIGHT).await.unwrap();
    let replica = format!("127.1:{}", pair.master.port());
    let mut daemon = Daemon::new(&pair, "keyward", Wishes { replica: Some(replica), ..Wishes::default() });
    for stamped in [false, true] {
        if stamped {
            let uid = pair.master.value("SELECT @@server_uid").await.unwrap().unwrap();
            daemon.write_stamp(&uid, 1);
        }
        daemon.start().await;
        let seen = daemon.until("looked at", |region| gates(region).contains(&"wrong_server")).await;
        assert!(seen.gates.iter().any(|gate| gate.sentence.contains("is the master itself")), "{:?}", seen.gates);
        assert!(has_verdict(&seen, "wrong_server") && !seen.ready && !seen.replicas[0].guarded);
        for force in [&[][..], &["--force"]] {
            let command = [&["failover", "RegionTwo", "--reason", "drill"], force].concat();
            let refusal = daemon.refuses(&command).await;
            assert!(refusal.contains("wrong_server"), "{refusal}");
        }
        for command in [
            &["adopt", "RegionTwo"][..],
            &["release", "RegionTwo/r2-db1", "--reason", "drill"],
            &["adopt", "RegionTwo/r2-db1"],
            &["pause", "RegionTwo", "--reason", "drill"],
            &["resume", "RegionTwo"],
            &["status", "--json"],
            &["events"],
        ] {
            let output = daemon.keyward(command).await;
            assert!(matches!(output.status.code(), Some(0 | 3)), "keyward {command:?}");
        }
        let refusal = daemon.refuses(&["failback", "RegionTwo", "--force", "--reason", "drill"]).await;
        assert!(refusal.contains("already"), "{refusal}");
        let complaint = assert_setup_refuses(&daemon, [&pair.master, &pair.master]).await;
        assert!(complaint.contains("are the same server"), "{complaint}");
        daemon.stays(SPAN, "left alone", |region| region.replicas[0].read_only == Some(false)).await;
        assert_eq!(read_only(&pair.master).await, "0");
        assert_eq!(pair.master.rows("SHOW ALL SLAVES STATUS").await.unwrap().len(), 0);
        daemon.assert_never_acted().await;
        daemon.kill9();
    }
    // an outage of the one server that is both changes nothing
    daemon.start().await;
    daemon.until("wrong_server", |region| gates(region).contains(&"wrong_server")).await;
    pair.master.kill9();
    daemon.until("down", |region| has_verdict(region, "master_unreachable")).await;
    daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    pair.master.start().await.unwrap();
    assert_eq!(read_only(&pair.master).await, "0");
}

#[tokio::test]
async fn the_replica_also_serves_nova() {
    let mut pair = Pair::bare(&[]).await;
    pair.make_accounts().await;
    pair.replica.sql(EVERY_RIGHT).await.unwrap();
    pair.replica.sql("CREATE DATABASE nova; CREATE TABLE nova.instances (id int PRIMARY KEY)").await.unwrap();
    let mut daemon = Daemon::new(&pair, "keyward", Wishes { auto_setup: true, ..Wishes::default() });
    let before = everything_of(&pair.replica).await;
    daemon.start().await;
    let seen = daemon.until("looked at", |region| gates(region).contains(&"not_dedicated")).await;
    assert!(seen.gates.iter().any(|gate| gate.sentence.contains("nova")), "{:?}", seen.gates);
    assert!(has_verdict(&seen, "not_dedicated") && !seen.replicas[0].guarded);
    for force in [&[][..], &["--force"]] {
        let refusal = daemon.refuses(&[&["failover", "RegionTwo", "--reason", "drill"], force].concat()).await;
        assert!(refusal.contains("not_dedicated"), "{refusal}");
    }
    daemon.does(&["adopt", "RegionTwo"]).await;
    daemon.stays(SPAN, "left alone", |region| gates(region).contains(&"not_dedicated")).await;
    let complaint = assert_setup_refuses(&daemon, [&pair.master, &pair.replica]).await;
    assert!(complaint.contains("nova"), "{complaint}");
    pair.master.kill9();
    daemon.until("down", |region| has_verdict(region, "master_unreachable")).await;
    daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    assert_eq!(everything_of(&pair.replica).await, before);
    pair.replica.client("ks", "ks").run("SELECT 1").await.unwrap();
    pair.replica.sql("INSERT INTO nova.instances VALUES (1)").await.unwrap();
}

async fn replica_looks(daemon: &Daemon) -> f64 {
    daemon.metric("keyward_probe_duration_seconds_count", &[("target", "replica")]).await.unwrap()
}

/// Sets the replica writable as a careless human would, and sees it read-only again within three looks.
async fn make_writable_and_wait(pair: &Pair, daemon: &Daemon, seen_before: f64) {
    pair.replica.sql("SET GLOBAL read_only = 0").await.unwrap();
    let looks = replica_looks(daemon).await;
    loop {
        // counted before it is asked for, so that a slow test sees too few looks and never too many
        let since = replica_looks(daemon).await - looks;
        if read_only(&pair.replica).await == "1" {
            break;
        }
        assert!(since <= 3.0, "still writable after {since} looks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.until("seen read-only", |region| region.replicas[0].read_only == Some(true)).await;
    let seen = daemon.metric("keyward_replica_writable_seen_total", &[("replica", "r2-db1")]).await;
    assert_eq!(seen, Some(seen_before + 1.0));
    daemon.until_told(&["r2-db1", "make the server read-only"]).await;
}

#[tokio::test]
async fn the_replica_is_made_writable_by_hand() {
    let wishes = Wishes { poll_interval: "500ms", unreachable_after: "3s", ..Wishes::default() };
    let (mut pair, daemon) = Pair::healthy(wishes).await;
    make_writable_and_wait(&pair, &daemon, 0.0).await;
    pair.assert_replica_serves_reads_only().await;

    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    make_writable_and_wait(&pair, &daemon, 1.0).await;
    pair.assert_replica_serves_reads_only().await;
    assert_eq!(daemon.region().await.phase, Phase::Local);

    // paused is no excuse
    daemon.does(&["pause", "RegionTwo", "--reason", "drill"]).await;
    make_writable_and_wait(&pair, &daemon, 2.0).await;
}

#[tokio::test]
async fn somebody_holds_read_only_back() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    let mut holder = pair.replica.root().connect().await.unwrap();
    let id = holder.id();
    keyward::lab::client::rows(&mut holder, "LOCK TABLES keystone.region WRITE").await.unwrap();
    pair.replica.sql("SET GLOBAL read_only = 0").await.unwrap();
    let told = daemon.until_told(&["could not make the server read-only", &format!("thread {id} of root@")]).await;
    assert!(!told.sentence.contains("LOCK TABLES"), "a statement was told: {}", told.sentence);
    let seen = daemon.region().await;
    assert!(gates(&seen).contains(&"replica_writable") && has_verdict(&seen, "replica_writable"));
    let refusal = daemon.refuses(&["failover", "RegionTwo", "--force", "--reason", "drill"]).await;
    assert!(refusal.contains("replica_writable"), "{refusal}");
    assert_eq!(read_only(&pair.replica).await, "0");

    keyward::lab::client::rows(&mut holder, "UNLOCK TABLES").await.unwrap();
    daemon.until_told(&["did make the server read-only"]).await;
    daemon.until_healthy().await;
    assert_eq!(read_only(&pair.replica).await, "1");
}

#[tokio::test]
async fn another_daemon_acts_on_the_same_replica() {
    let (mut pair, mut first) = Pair::healthy(Wishes::default()).await;
    let mut second = Daemon::new(&pair, "second", Wishes::default());
    stamp(&pair, &second).await;
    second.start().await;
    let seen = second.until("second in line", |region| gates(region).contains(&"another_daemon")).await;
    assert!(has_verdict(&seen, "another_daemon") && !seen.ready);
    first.until_healthy().await;

    pair.master.kill9();
    first.until_phase(Phase::Local).await;
    second.until("down", |region| has_verdict(region, "master_unreachable")).await;
    second.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    assert_eq!(hooks::starts(&second.folder), [""; 0]);

    // the one that acts is gone, and the other takes over
    first.kill9();
    second.until_phase(Phase::Local).await;
    assert_eq!(hooks::starts(&second.folder), ["failover local-auth 1 1"]);
    assert_eq!(hooks::starts(&first.folder), ["failover local-auth 1 1"]);
}

#[tokio::test]
async fn an_empty_replica_that_was_never_set_up_is_only_looked_at() {
    let pair = Pair::bare(&DROP_IN).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    std::fs::remove_dir_all(daemon.folder.join("state/stamps")).unwrap();
    pair.replica.sql("SET GLOBAL read_only = 0").await.unwrap();
    daemon.start().await;
    let seen = daemon.until("looked at", |region| gates(region).contains(&"wrong_server")).await;
    assert!(seen.gates.iter().any(|gate| gate.sentence.contains("keyward setup")), "{:?}", seen.gates);
    daemon.stays(SPAN, "left alone", |region| region.replicas[0].read_only == Some(false)).await;
    assert_eq!(read_only(&pair.replica).await, "0");
}
