//! The daemon compares by itself, remembers that it did, and says what it found.

use std::fs;
use std::time::Duration;

use super::daemon::has_verdict;
use super::pair::Pair;
use super::settings::Wishes;

const LABELS: [(&str, &str); 2] = [("region", "RegionTwo"), ("replica", "r2-db1")];
const TABLES: &str = "keyward_verify_differing_tables";
const LAST: &str = "keyward_verify_last_timestamp_seconds";

#[tokio::test]
async fn rows_that_somebody_changed_on_the_replica_are_found_when_it_is_time_again() {
    let wishes = Wishes { verify_every: "1h", ..Wishes::default() };
    let (pair, mut daemon) = Pair::healthy(wishes).await;
    daemon.until_metric(TABLES, &LABELS, |tables| tables == 0.0).await;
    let first = daemon.metric(LAST, &LABELS).await.unwrap();
    daemon.until_told(&["r2-db1: equal to its master", "rows compared"]).await;

    pair.replica.sql("SET sql_log_bin = 0; UPDATE keystone.local_user SET name = 'User-7' WHERE id = 7").await.unwrap();
    daemon.kill9();
    daemon.start().await;
    daemon.until_healthy().await;
    let same = |region: &keyward::model::view::RegionView| region.replicas[0].differing_tables == Some(0);
    daemon.stays(Duration::from_secs(3), "it was compared a moment ago", same).await;
    assert_eq!(daemon.metric(LAST, &LABELS).await, Some(first));

    daemon.kill9();
    let state = fs::read_to_string(daemon.state_file()).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let at = &mut state["regions"]["RegionTwo"]["replicas"]["r2-db1"]["verified"]["at"];
    assert!(at.is_string(), "{at}");
    *at = "2026-01-01T00:00:00Z".into();
    fs::write(daemon.state_file(), state.to_string()).unwrap();
    daemon.start().await;
    let region = daemon.until("the difference is found", |region| has_verdict(region, "rows_differ")).await;
    let verdict = region.verdicts.iter().find(|verdict| verdict.code == "rows_differ").unwrap();
    assert!(verdict.sentence.contains("keystone.local_user: different row: id=7"), "{}", verdict.sentence);
    assert_eq!(daemon.metric(TABLES, &LABELS).await, Some(1.0));
}
