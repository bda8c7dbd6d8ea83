//! Replication threads that stop.

use std::time::Duration;

use keyward::lab::client;

use super::daemon::Daemon;
use super::daemon::{has_verdict, lag};
use super::pair::{DROP_IN, Pair};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

#[tokio::test]
async fn threads_stopped_by_hand_stay_stopped() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    for thread in ["", "SQL_THREAD", "IO_THREAD"] {
        // nobody's hand is so quick that no look shows what keyward itself did before
        tokio::time::sleep(SPAN / 2).await;
        pair.replica.sql(&format!("STOP SLAVE {thread}")).await.unwrap();
        let seen = daemon.until("told", |region| has_verdict(region, "replication_stopped")).await;
        assert!(seen.verdicts.iter().any(|verdict| verdict.sentence.contains("stopped by hand")), "{seen:#?}");
        daemon
            .stays(SPAN, "stopped", |region| {
                region.replicas[0].io_running == Some(false) || region.replicas[0].sql_running == Some(false)
            })
            .await;
        assert!(lag(&daemon.region().await).unwrap() > 1.0, "the lag did not grow");
        match thread {
            "SQL_THREAD" => drop(daemon.does(&["adopt", "RegionTwo/r2-db1"]).await),
            _ => pair.replica.sql("START SLAVE").await.unwrap(),
        }
        daemon.until_healthy().await;
    }
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn a_thread_stopped_by_a_passing_fault_is_started_again() {
    let lines = [&DROP_IN[..], &["slave_transaction_retries=0", "innodb_lock_wait_timeout=1"]].concat();
    let pair = Pair::bare(&lines).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    super::pair::set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;

    let row = "UPDATE keystone.local_user SET failed_auth_count = 3 WHERE name = 'user-1'";
    let mut holder = pair.replica.root().connect().await.unwrap();
    for statement in ["SET sql_log_bin = 0", "BEGIN", row] {
        client::rows(&mut holder, statement).await.unwrap();
    }
    pair.master.sql(&row.replace("= 3", "= 5")).await.unwrap();
    let seen = daemon
        .until("stopped by 1205", |region| {
            has_verdict(region, "replication_stopped") && region.replicas[0].sql_errno == Some(1205)
        })
        .await;
    assert!(seen.verdicts.iter().any(|verdict| verdict.sentence.contains("1205")), "{seen:#?}");
    daemon.until_told(&["start the replication threads"]).await;
    client::rows(&mut holder, "ROLLBACK").await.unwrap();
    daemon.until_healthy().await;
    // nothing was skipped
    pair.until_rows_equal().await;
    let count = "SELECT failed_auth_count FROM keystone.local_user WHERE name = 'user-1'";
    assert_eq!(pair.replica.value(count).await.unwrap().as_deref(), Some("5"));
    daemon.assert_never_acted().await;
}

#[tokio::test]
async fn a_row_in_the_way_is_told_until_a_human_removes_it() {
    let (pair, daemon) = Pair::healthy(Wishes::default()).await;
    let row = "INSERT INTO keystone.region (id, description, parent_region_id, extra) VALUES ('R9', '', NULL, '{}')";
    pair.replica.sql(&format!("SET sql_log_bin = 0; {row}")).await.unwrap();
    pair.master.sql(row).await.unwrap();
    daemon
        .until("stopped by 1062", |region| {
            has_verdict(region, "replication_stopped") && region.replicas[0].sql_errno == Some(1062)
        })
        .await;
    let metric = daemon.metric("keyward_replica_last_error", &[("thread", "sql")]).await;
    assert_eq!(metric, Some(1062.0));
    pair.replica.sql("SET sql_log_bin = 0; DELETE FROM keystone.region WHERE id = 'R9'").await.unwrap();
    daemon.until_healthy().await;
    pair.until_rows_equal().await;
    daemon.assert_never_acted().await;
}
