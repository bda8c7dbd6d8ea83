//! A region with two replicas.

use std::time::Duration;

use keyward::lab::Spec;
use keyward::model::Phase;

use super::daemon::{Daemon, gates, has_verdict};
use super::pair::{DROP_IN, Pair, read_only};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

async fn with_two() -> (Pair, keyward::lab::Server, Daemon) {
    let pair = Pair::bare(&DROP_IN).await;
    let second = pair.lab.start(Spec::new("r2b", 3).lines(&DROP_IN)).await.unwrap();
    let wishes = Wishes { more_replicas: vec![("r2-db2", second.address())], ..Wishes::default() };
    let mut daemon = Daemon::new(&pair, "keyward", wishes);
    let [master, first, other] =
        [&pair.master, &pair.replica, &second].map(|server| server.socket().display().to_string());
    for (replica, socket) in [("r2-db1", &first), ("r2-db2", &other)] {
        let which = format!("RegionTwo/{replica}");
        daemon.does(&["setup", "--region", &which, "--master-admin", &master, "--replica-admin", socket]).await;
    }
    daemon.start().await;
    daemon.until_healthy().await;
    (pair, second, daemon)
}

#[tokio::test]
async fn one_of_two_replicas_is_gone_and_the_other_carries_the_region() {
    let (mut pair, second, daemon) = with_two().await;
    pair.replica.kill9();
    let region = daemon.until("told", |region| has_verdict(region, "replica_unreachable")).await;
    assert_eq!(gates(&region), [""; 0], "the other replica passes every gate");
    assert!(region.ready, "{}", region.ready_sentence);
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    assert_eq!(read_only(&second).await, "1");
    pair.master.start().await.unwrap();
    // the way back needs the replica that serves, not the one that is gone
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    pair.replica.start().await.unwrap();
    daemon.until_healthy().await;
}

#[tokio::test]
async fn no_replica_passes_every_gate_although_each_gate_is_passed_by_one() {
    let (mut pair, mut second, daemon) = with_two().await;
    second.kill9();
    daemon.does(&["release", "RegionTwo/r2-db1", "--reason", "drill"]).await;
    pair.master.kill9();
    daemon.until("down", |region| has_verdict(region, "master_unreachable")).await;
    daemon
        .stays(2 * SPAN, "held back by one gate", |region| !region.phase.in_episode() && gates(region).len() == 1)
        .await;
    daemon.assert_never_acted().await;
    // one of the two is well again: it alone must pass
    daemon.does(&["adopt", "RegionTwo/r2-db1"]).await;
    daemon.until_phase(Phase::Local).await;
}

#[tokio::test]
async fn one_living_link_of_two_proves_the_master_alive() {
    let (pair, second, daemon) = with_two().await;
    pair.replica.sql("STOP SLAVE").await.unwrap();
    let region = daemon.until("told", |region| has_verdict(region, "replication_stopped")).await;
    assert!(region.verdicts.iter().any(|verdict| verdict.sentence.contains("r2-db1")));
    assert_eq!(region.link_up, Some(true), "the other link lives");
    daemon.stays(2 * SPAN, "remote", |region| region.phase == Phase::Remote).await;
    pair.replica.sql("START SLAVE").await.unwrap();
    daemon.until_healthy().await;
    drop(second);
}
