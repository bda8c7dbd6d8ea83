//! One outage from end to end.

use keyward::model::Phase;

use super::daemon::Daemon;
use super::hooks::{self, marks};
use super::pair::{Pair, read_only};

/// Out and home again, and everything that must be true of it. `back` brings the master back.
pub async fn story_of_one_outage(pair: &mut Pair, daemon: &Daemon, back: impl AsyncFnOnce(&mut Pair)) {
    let local = daemon.until_local_with_quick_metrics().await;
    let episode = local.episode.expect("no episode in local");
    assert_eq!((episode.turn, episode.manual), (1, false));
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    assert_eq!(marks(&daemon.folder)[0].episode, episode.id);
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 200);
    assert_eq!(daemon.failovers().await, 1.0);
    pair.assert_replica_serves_reads_only().await;
    for _ in 0..20 {
        daemon.assert_metrics_are_quick().await;
    }

    back(pair).await;
    let home = daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    assert!(home.replicas[0].read_only == Some(true));
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    assert!(marks(&daemon.folder).iter().all(|mark| mark.episode == episode.id), "another episode");
    hooks::assert_none_overlap(&daemon.folder);
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 503);
    assert_eq!((daemon.failovers().await, daemon.failbacks().await), (1.0, 1.0));
    let story = ["remote>suspect", "suspect>switching", "switching>local", "local>returning", "returning>remote"];
    let transitions = daemon.transitions().await;
    // a machine under load may have made the region suspect before, for nothing
    assert!(transitions.ends_with(&story.map(str::to_owned)), "{transitions:?}");
    pair.master.client("ks", "ks").run(&keyward::lab::keystone::sign_up("after")).await.unwrap();
    pair.until_rows_equal().await;
    assert_eq!(read_only(&pair.replica).await, "1");
    assert_eq!(read_only(&pair.master).await, "0");
}
