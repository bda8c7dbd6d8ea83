//! A replica whose master has purged what it needs: the daemon says so, and copies it anew when it may.

use std::time::Duration;

use keyward::lab::Spec;
use keyward::model::Phase;

use super::daemon::Daemon;
use super::pair::{DROP_IN, Pair};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_secs(3);

/// Lets the replica miss binlogs that the master does not have any more.
async fn purge_what_the_replica_needs(pair: &Pair) {
    pair.replica.sql("STOP SLAVE").await.unwrap();
    pair.master
        .sql("INSERT INTO keystone.region (id, description) VALUES (REPLACE(UUID(), '-', ''), ''); FLUSH BINARY LOGS")
        .await
        .unwrap();
    let last = pair.master.rows("SHOW BINARY LOGS").await.unwrap().pop().unwrap()[0].clone().unwrap();
    loop {
        pair.master.sql(&format!("PURGE BINARY LOGS TO '{last}'")).await.unwrap();
        if pair.master.rows("SHOW BINARY LOGS").await.unwrap().len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pair.replica.sql("START SLAVE").await.unwrap();
}

fn reseeding() -> Wishes {
    Wishes { auto_reseed: true, ..Wishes::default() }
}

/// Everything that a set-up by the daemon's own account needs.
async fn allow_everything(pair: &Pair) {
    let rights = "SET sql_log_bin = 0; GRANT ALL PRIVILEGES ON *.* TO keyward@'%'";
    tokio::try_join!(pair.master.sql(rights), pair.replica.sql(rights)).unwrap();
}

async fn dated_schemas(pair: &Pair) -> usize {
    let all = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%\\_keyward\\_%'";
    pair.replica.rows(all).await.unwrap().len()
}

#[tokio::test]
async fn purged_binlogs_are_answered_by_a_copy_once_in_an_hour() {
    let (pair, mut daemon) = Pair::healthy(reseeding()).await;
    allow_everything(&pair).await;
    purge_what_the_replica_needs(&pair).await;
    daemon.until_told(&["has purged the binlogs that it still needs", "auto_reseed"]).await;
    daemon.until_told(&["it was copied anew and follows the master; its old rows are in keystone_keyward_"]).await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
    assert_eq!(dated_schemas(&pair).await, 2, "keystone and keyward");
    // within the hour it is an operator's, also for a daemon that was started again
    daemon.kill9();
    daemon.start().await;
    daemon.until_healthy().await;
    purge_what_the_replica_needs(&pair).await;
    daemon
        .until("purged", |region| region.verdicts.iter().any(|one| one.sentence.contains("--reseed` moves its rows")))
        .await;
    // its threads are tried again and again, which shows now and then
    daemon.stays(SPAN, "left alone", |region| region.phase == Phase::Remote).await;
    assert_eq!(dated_schemas(&pair).await, 2);
    // with a human at the replica, the same is done by the command, and a daemon that runs is in nobody's way
    daemon.does(&["release", "RegionTwo/r2-db1", "--reason", "drill"]).await;
    let complaint = daemon.refuses(&["setup"]).await;
    assert!(complaint.contains("has purged the binlogs") && complaint.contains("--reseed"), "{complaint}");
    let said = daemon.does(&["setup", "--region", "RegionTwo/r2-db1", "--reseed"]).await;
    assert!(said.contains("RENAME TABLE") && said.contains("to move it back"), "{said}");
    daemon.does(&["adopt", "RegionTwo/r2-db1"]).await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn a_copy_that_was_interrupted_goes_on_and_closes_the_way_out_meanwhile() {
    let (pair, mut daemon) = Pair::healthy(reseeding()).await;
    allow_everything(&pair).await;
    pair.master.sql(
        "CREATE TABLE keystone.wide (id INT PRIMARY KEY, word VARBINARY(2000)); SET max_recursive_iterations = 100000; \
         INSERT INTO keystone.wide WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 40000) \
         SELECT i, REPEAT('x', 2000) FROM n",
    ).await.unwrap();
    purge_what_the_replica_needs(&pair).await;
    let half = daemon
        .until("being copied", |region| region.gates.iter().any(|gate| gate.sentence.contains("is being copied anew")))
        .await;
    assert!(!half.ready, "{half:?}");
    daemon.kill9();
    daemon.start().await;
    daemon.until_told(&["was interrupted", "auto_reseed"]).await;
    daemon.until_told(&["it was copied anew and follows the master"]).await;
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
}

#[tokio::test]
async fn without_the_setting_nothing_is_copied() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    allow_everything(&pair).await;
    purge_what_the_replica_needs(&pair).await;
    daemon
        .until("purged", |region| region.verdicts.iter().any(|one| one.sentence.contains("--reseed` moves its rows")))
        .await;
    // its threads are tried again and again, which shows now and then
    daemon.stays(SPAN, "left alone", |region| region.phase == Phase::Remote).await;
    assert_eq!(dated_schemas(&pair).await, 0);
}

#[tokio::test]
async fn in_an_episode_a_replica_is_copied_only_while_another_one_serves() {
    let pair = Pair::bare(&DROP_IN).await;
    let third = pair.lab.start(Spec::new("r3", 3).lines(&DROP_IN)).await.unwrap();
    let wishes = Wishes { more_replicas: vec![("r2-db2", third.address())], ..Wishes::default() };
    let mut daemon = Daemon::new(&pair, "keyward", wishes);
    let master = pair.master.socket().display().to_string();
    for (name, server) in [("r2-db1", &pair.replica), ("r2-db2", &third)] {
        let socket = server.socket().display().to_string();
        let place = format!("RegionTwo/{name}");
        daemon.does(&["setup", "--region", &place, "--master-admin", &master, "--replica-admin", &socket]).await;
    }
    daemon.start().await;
    daemon.until_healthy().await;
    allow_everything(&pair).await;
    daemon.does(&["failover", "RegionTwo", "--reason", "drill"]).await;
    daemon.until_phase(Phase::Local).await;
    daemon.does(&["release", "RegionTwo/r2-db1", "--reason", "drill"]).await;
    let reseed = ["setup", "--region", "RegionTwo/r2-db1", "--reseed"];
    // the other one is left to a human for a moment
    daemon.does(&["release", "RegionTwo/r2-db2", "--reason", "drill"]).await;
    daemon.until("both released", |region| region.replicas.iter().all(|one| !one.gates.is_empty())).await;
    let refused = daemon.keyward(&reseed).await;
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("phase local") && complaint.contains("r2-db2 cannot serve it meanwhile"), "{complaint}");
    assert_eq!(dated_schemas(&pair).await, 0);
    daemon.does(&["adopt", "RegionTwo/r2-db2"]).await;
    daemon.until("one serves", |region| region.replicas[1].gates.is_empty()).await;
    daemon.does(&reseed).await;
    pair.until_rows_equal().await;
    assert_eq!(dated_schemas(&pair).await, 2);
    assert_eq!(daemon.region().await.phase, Phase::Local);
}
