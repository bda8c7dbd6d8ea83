//! Beside live replication: rows in flight are no difference, real ones are found, and nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward::compare::{Difference, Report};
use keyward::lab::Kind;
use keyward::lab::client::Client;
use keyward::lab::skip::lacks;
use tokio::time::timeout;

use crate::stage::Stage;

const TABLES: &str = "
    CREATE TABLE hot (id INT PRIMARY KEY, n INT NOT NULL, word VARCHAR(40));
    CREATE TABLE cold (id INT PRIMARY KEY, word VARCHAR(40));
    INSERT INTO hot WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, 0, '' FROM n;
    INSERT INTO cold SELECT id, 'still' FROM hot;";

/// Writes to `hot` until it is told to stop: updates everywhere, inserts and deletes.
async fn write(client: Client, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    let mut turn = 0u64;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let (id, extra) = (turn % 900 + 1, 1_000 + turn % 50);
        let some = format!(
            "UPDATE keystone.hot SET n = n + 1 WHERE id = {id}; UPDATE keystone.hot SET word = UUID() WHERE id % 90 = {};
             REPLACE INTO keystone.hot VALUES ({extra}, {turn}, 'new'); DELETE FROM keystone.hot WHERE id = {}",
            turn % 90,
            1_000 + (turn + 25) % 50
        );
        client.run(&some).await.unwrap();
        written.fetch_add(4, Ordering::Relaxed);
    }
}

async fn under_load(kind: Kind) {
    let stage = Stage::new((kind, kind), TABLES).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = tokio::spawn(write(stage.master.root().clone(), Arc::clone(&stop), Arc::clone(&written)));
    for round in 0..6 {
        assert_eq!(stage.differences().await, [""; 0], "round {round}");
    }
    stage.damage("UPDATE cold SET word = 'Still' WHERE id = 450").await;
    assert_eq!(stage.differences().await, ["keystone.cold: different row: id=450"]);
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let written = written.load(Ordering::Relaxed);
    assert!(written > 100, "only {written} transactions were written meanwhile");
    println!("{written} transactions meanwhile");
}

#[tokio::test]
async fn rows_in_flight_are_no_difference_on_mariadb() {
    under_load(Kind::MariaDb1011).await;
}

#[tokio::test]
async fn rows_in_flight_are_no_difference_on_mysql() {
    if !lacks(Kind::MySql97) {
        under_load(Kind::MySql97).await;
    }
}

#[tokio::test]
async fn a_table_that_is_altered_meanwhile_is_no_difference_and_its_change_does_not_wait() {
    let stage = Stage::mariadb(TABLES).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (client, over) = (stage.master.root().clone(), Arc::clone(&stop));
    let alters = tokio::spawn(async move {
        while !over.load(Ordering::Relaxed) {
            for change in ["ADD COLUMN more INT", "DROP COLUMN more"] {
                let patient = format!("SET SESSION lock_wait_timeout = 10; ALTER TABLE keystone.hot {change}");
                client.run(&patient).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    for _ in 0..5 {
        let report = stage.verify().await;
        assert_eq!(report.differences, vec![]);
        assert!(report.restless.iter().all(|table| table == "keystone.hot"), "{:?}", report.restless);
    }
    stop.store(true, Ordering::Relaxed);
    alters.await.unwrap();
}

#[tokio::test]
async fn a_replica_that_does_not_follow_is_compared_as_it_stands_and_the_report_says_so() {
    let stage = Stage::mariadb(TABLES).await;
    stage.damage("DELETE FROM cold WHERE id = 7; UPDATE cold SET word = 'moved' WHERE id = 9").await;
    stage.master.sql("DELETE FROM keystone.cold WHERE id = 7").await.unwrap();
    let report = timeout(Duration::from_secs(60), stage.verify()).await.unwrap();
    let why = report.standing.clone().unwrap();
    assert!(why.contains("replica RegionTwo/r2-db1 does not follow its master") && why.contains("1032"), "{why}");
    assert_eq!(sentences(&report), ["keystone.cold: different row: id=9"]);
    stage.replica.sql("SET GLOBAL sql_slave_skip_counter = 1; START SLAVE").await.unwrap();
    stage.catch_up().await;
    let report = stage.verify().await;
    assert_eq!((sentences(&report).len(), report.standing), (1, None));
    stage.replica.sql("STOP SLAVE").await.unwrap();
    stage.master.sql("DELETE FROM keystone.cold WHERE id = 8").await.unwrap();
    let report = stage.verify().await;
    assert!(report.standing.clone().unwrap().contains("the thread that applies does not run"), "{report:?}");
    assert_eq!(
        sentences(&report),
        ["keystone.cold: extra row: id=8", "keystone.cold: different row: id=9"].map(str::to_owned)
    );
}

/// It applies what it received only after some seconds, so that it still follows when the comparison begins.
#[tokio::test]
async fn a_replica_that_stops_following_while_it_is_compared_is_compared_as_it_stands_too() {
    let stage = Stage::mariadb(TABLES).await;
    stage.damage("DELETE FROM cold WHERE id = 7").await;
    stage.replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 4; START SLAVE").await.unwrap();
    stage.master.sql("DELETE FROM keystone.cold WHERE id = 7").await.unwrap();
    stage.master.sql("DELETE FROM keystone.cold WHERE id = 8").await.unwrap();
    let report = timeout(Duration::from_secs(60), stage.verify()).await.unwrap();
    let why = report.standing.clone().unwrap();
    assert!(why.contains("replica RegionTwo/r2-db1 does not follow its master") && why.contains("1032"), "{why}");
    assert_eq!(sentences(&report), ["keystone.cold: extra row: id=8"]);
}

/// A comparison that is killed leaves nothing running and nothing held.
#[tokio::test]
async fn a_comparison_that_is_dropped_in_the_middle_holds_nothing() {
    let stage = Stage::mariadb(TABLES).await;
    for wait in [0, 5, 10, 20, 40] {
        let cut = timeout(Duration::from_millis(wait), stage.try_verify()).await;
        assert!(cut.is_err() || wait > 0);
        stage.master.sql("ALTER TABLE keystone.cold COMMENT = 'altered'").await.unwrap();
        stage.master.sql("UPDATE keystone.hot SET n = n + 1").await.unwrap();
        stage.catch_up().await;
    }
    assert_eq!(stage.differences().await, [""; 0]);
    for server in [&stage.master, &stage.replica] {
        let count = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'keyward'";
        let gone = async {
            while server.value(count).await.unwrap().as_deref() != Some("0") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), gone).await.unwrap();
    }
}

fn sentences(report: &Report) -> Vec<String> {
    report.differences.iter().map(Difference::sentence).collect()
}
