//! What a replica and the master's stream of transactions have in common, and for how long.

use std::time::{Duration, Instant};

use super::daemon::has_verdict;
use super::pair::Pair;
use super::settings::Wishes;

const ERRANT: &str = "keyward_replica_errant_transactions";
const BUDGET: &str = "keyward_replica_outage_budget_seconds";

#[tokio::test]
async fn a_row_written_on_the_replica_is_told_as_errant_until_it_is_forgotten() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    daemon.until_metric(ERRANT, &[], |count| count == 0.0).await;
    let row = "UPDATE keystone.local_user SET failed_auth_count = 3 WHERE name = 'user-1'";
    pair.replica.sql(row).await.unwrap();
    pair.replica.sql(row).await.unwrap();
    pair.replica.sql(&row.replace("= 3", "= 0")).await.unwrap();
    let seen = daemon.until("told", |region| has_verdict(region, "errant_transactions")).await;
    assert!(seen.verdicts.iter().any(|verdict| verdict.sentence.contains("r2-db1 holds at least")), "{seen:#?}");
    assert!(daemon.metric(ERRANT, &[]).await >= Some(1.0));
    // the way out of the runbook, for rows that are equal
    pair.replica.sql("RESET MASTER").await.unwrap();
    daemon.until_healthy().await;
    assert_eq!(daemon.metric(ERRANT, &[]).await, Some(0.0));
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn the_outage_budget_is_known_before_the_master_purges_and_is_gone_after() {
    let (pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    daemon.until_metric(BUDGET, &[], f64::is_infinite).await;
    pair.master.sql("SET GLOBAL binlog_expire_logs_seconds = 7200").await.unwrap();
    // asked once a minute; a start asks at once
    daemon.kill9();
    daemon.start().await;
    daemon.until_metric(BUDGET, &[], |seconds| seconds > 7_000.0 && seconds <= 7_200.0).await;

    pair.replica.sql("STOP SLAVE").await.unwrap();
    for _ in 0..2 {
        pair.master.sql("FLUSH BINARY LOGS; DO SLEEP(0.1)").await.unwrap();
    }
    let newest = pair.master.value("SHOW MASTER STATUS").await.unwrap().unwrap();
    // a log that the master still believes to send is not purged
    let began = Instant::now();
    while pair.master.rows("SHOW BINARY LOGS").await.unwrap().len() > 1 {
        assert!(began.elapsed() < Duration::from_secs(60), "the binary logs stay");
        pair.master.sql(&format!("PURGE BINARY LOGS TO '{newest}'")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    daemon.kill9();
    daemon.start().await;
    daemon.until_metric(BUDGET, &[], |seconds| seconds == 0.0).await;
    daemon.assert_never_acted().await;
}
