//! What monitoring was told once it is told for as long as keyward runs, whatever breaks.

use std::collections::BTreeSet;

use keyward::lab::http;
use keyward::model::Phase;

use super::daemon::Daemon;
use super::pair::Pair;
use super::settings::{Hook, Wishes};

/// Everything before the value, line by line.
async fn series(daemon: &Daemon) -> BTreeSet<String> {
    let text = http::get(&daemon.http(), "/metrics").await.unwrap().body;
    let lines = text.lines().filter(|line| line.starts_with("keyward_"));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

async fn assert_all_there(daemon: &Daemon, before: &BTreeSet<String>, when: &str) {
    let now = series(daemon).await;
    let gone: Vec<_> = before.difference(&now).collect();
    assert!(gone.is_empty(), "{when}: {gone:#?}");
}

#[tokio::test]
async fn no_series_vanishes_while_everything_is_down() {
    let wishes = Wishes { hooks: vec![Hook::new("services")], ..Wishes::default() };
    let (mut pair, daemon) = Pair::healthy(wishes).await;
    for late in ["keyward_replica_errant_transactions", "keyward_replica_outage_budget_seconds"] {
        daemon.until_metric(late, &[], |_| true).await;
    }
    daemon.until_metric("keyward_witness_up", &[("witness", "link")], |up| up == 1.0).await;
    let before = series(&daemon).await;

    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    assert_all_there(&daemon, &before, "the master is down").await;
    pair.replica.freeze().unwrap();
    daemon.until_metric("keyward_replica_up", &[], |up| up == 0.0).await;
    assert_all_there(&daemon, &before, "the master is down and the replica frozen").await;
    for unknown in ["keyward_replica_io_running", "keyward_replica_seconds_behind_master"] {
        daemon.until_metric(unknown, &[], f64::is_nan).await;
    }
    pair.replica.thaw().unwrap();
    pair.replica.kill9();
    daemon.until("the replica is down", |region| region.replicas[0].failure.is_some()).await;
    assert_all_there(&daemon, &before, "both are down").await;

    pair.replica.start().await.unwrap();
    daemon.until_metric("keyward_replica_up", &[], |up| up == 1.0).await;
    assert_all_there(&daemon, &before, "the replica is back").await;
    pair.master.start().await.unwrap();
    daemon.until_phase(Phase::Remote).await;
    assert_all_there(&daemon, &before, "the master is back").await;
}
