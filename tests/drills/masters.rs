//! RegionOne's database has several servers that share one stream of transactions.

use std::time::Duration;

use keyward::lab::{Server, Spec};

use super::daemon::{Daemon, has_verdict, verdicts};
use super::pair::{DROP_IN, Pair, read_only, set_up};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

/// A pair, another server of RegionOne, and a daemon that knows both addresses. `joins` makes it a part of the stream.
async fn with_another(joins: bool) -> (Pair, Server, Daemon) {
    let pair = Pair::bare(&DROP_IN).await;
    let another = Spec::new("r1b", 3).lines(&["log_slave_updates", "read_only=1"]);
    let another = pair.lab.start(another).await.unwrap();
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    if joins {
        let port = pair.master.port();
        let join = format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'keyward_repl',
                 MASTER_PASSWORD = 'rp', MASTER_USE_GTID = slave_pos; START SLAVE"
        );
        another.sql(&join).await.unwrap();
    } else {
        let account = "CREATE USER keyward@'%' IDENTIFIED BY 'kw'; GRANT ALL ON *.* TO keyward@'%'";
        another.sql(account).await.unwrap();
    }
    daemon.configure(&pair, &Wishes { more_masters: vec![another.address()], ..Wishes::default() });
    daemon.start().await;
    (pair, another, daemon)
}

/// The port that the replica's link leads to.
async fn linked_to(pair: &Pair) -> String {
    let mut row = pair.replica.rows("SHOW ALL SLAVES STATUS").await.unwrap().remove(0);
    // Master_Port
    row[5].take().unwrap()
}

#[tokio::test]
async fn one_of_two_masters_dies_and_the_link_and_the_beats_move_to_the_other() {
    let (mut pair, another, daemon) = with_another(true).await;
    daemon.until_healthy().await;
    let answers = |region: &keyward::model::view::RegionView| -> Vec<(Option<bool>, bool)> {
        region.masters.iter().map(|master| (master.up, master.takes_beats)).collect()
    };
    let both = [(Some(true), true), (Some(true), false)];
    daemon.until("both answer, one takes beats", |region| answers(region) == both).await;
    pair.master.kill9();
    // whoever looks after RegionOne's database makes the other one the one that is written to
    another.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0").await.unwrap();
    daemon.until_told(&["r2-db1", &format!("move the link to {}", another.address())]).await;
    let moved = daemon
        .until("well but for the address that fails", |region| {
            let follows = region.replicas[0].lag_seconds == Some(0.0) && region.link_up == Some(true);
            verdicts(region) == ["master_address_failing"] && region.ready && follows && region.masters[1].takes_beats
        })
        .await;
    assert_eq!(answers(&moved), [(Some(false), false), (Some(true), true)]);
    assert_eq!(linked_to(&pair).await, another.port().to_string());
    another.sql("INSERT INTO keystone.region (id, description, extra) VALUES ('after', '', '{}')").await.unwrap();
    let found = "SELECT COUNT(*) FROM keystone.region WHERE id = 'after'";
    for _ in 0..200 {
        if pair.replica.value(found).await.unwrap().as_deref() == Some("1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(pair.replica.value(found).await.unwrap().as_deref(), Some("1"), "nothing arrives from the other");
    assert_eq!(read_only(&pair.replica).await, "1");
    daemon.assert_never_acted().await;

    // the first one comes back, alone with its old data: nothing moves to it
    pair.master.start().await.unwrap();
    daemon.until("both answer", |region| region.masters[0].up == Some(true)).await;
    daemon.stays(3 * SPAN, "on the other", |region| region.masters[1].takes_beats).await;
    assert_eq!(linked_to(&pair).await, another.port().to_string());
}

#[tokio::test]
async fn a_server_that_does_not_share_the_stream_takes_nothing_over() {
    let (mut pair, another, daemon) = with_another(false).await;
    daemon.until("looked", |region| region.masters.iter().all(|master| master.up == Some(true))).await;
    daemon.until("following", |region| region.replicas[0].lag_seconds == Some(0.0)).await;
    pair.master.kill9();
    let region = daemon.until("told", |region| has_verdict(region, "replication_stopped")).await;
    let verdict = region.verdicts.iter().find(|verdict| verdict.code == "replication_stopped").unwrap();
    daemon
        .until("refused", |region| {
            region.verdicts.iter().any(|verdict| verdict.sentence.contains("and the link of r2-db1 cannot move"))
        })
        .await;
    assert!(!verdict.sentence.is_empty());
    daemon.stays(2 * SPAN, "as it was", |region| has_verdict(region, "replication_stopped")).await;
    assert_eq!(linked_to(&pair).await, pair.master.port().to_string());
    // somebody there answers, so the region waits
    daemon.assert_never_acted().await;
    drop(another);
}

#[tokio::test]
async fn all_masters_die_and_the_region_authenticates_locally() {
    let (mut pair, mut another, daemon) = with_another(true).await;
    daemon.until_healthy().await;
    another.kill9();
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    pair.master.kill9();
    daemon.until_phase(keyward::model::Phase::Local).await;
    pair.assert_replica_serves_reads_only().await;
    another.start().await.unwrap();
    pair.master.start().await.unwrap();
    daemon.until("home", |region| region.phase == keyward::model::Phase::Remote && region.episode.is_none()).await;
    daemon.until_healthy().await;
}
