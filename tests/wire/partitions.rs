//! The network between the three hosts breaks, wholly or in part.

use std::time::Duration;

use keyward::model::Phase;

use super::daemon::{gates, has_verdict, lag};
use super::hooks;
use super::net::End::{Keyward, Master, Replica};
use super::net::Weather;
use super::pair::read_only;
use super::settings::Wishes;
use super::story::story_of_one_outage;
use super::world::World;

/// Several times the patience of the settings.
const SPAN: Duration = Duration::from_millis(6_000);

/// Whether a witness of the master proves it alive just now.
async fn witness(world: &World, name: &str) -> Option<f64> {
    world.daemon.metric("keyward_witness_up", &[("witness", name)]).await
}

/// While something is broken that is no outage: the verdict holds, nothing is done, and all is well again afterwards.
async fn story_of_no_outage(world: &World, verdict: &str) {
    let told = world.daemon.until(verdict, |region| has_verdict(region, verdict)).await;
    assert!(!told.phase.in_episode(), "{told:#?}");
    world.daemon.stays(SPAN, verdict, |region| !region.phase.in_episode() && has_verdict(region, verdict)).await;
    assert_eq!(world.daemon.metric("keyward_verdict", &[("verdict", verdict)]).await, Some(1.0));
    assert!(!has_verdict(&world.daemon.region().await, "flapping"), "what is broken does not come and go");
    // what is missing on the replica is not read as "nothing is missing"
    assert!(lag(&world.daemon.region().await).unwrap() > 2.0, "the lag did not grow");
    assert_eq!(read_only(&world.pair.replica).await, "1");
}

async fn story_of_health_afterwards(world: &World) {
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    assert_eq!(read_only(&world.pair.replica).await, "1");
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_master_is_cut_off_from_everybody_and_comes_back() {
    let Some(mut world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut_master_off();
    story_of_one_outage(&mut world.pair, &world.daemon, async |_| world.net.heal()).await;
    world.daemon.until_healthy().await;
}

#[tokio::test]
async fn the_masters_answers_are_lost_and_come_through_again() {
    let Some(mut world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut_one_way(Master, Keyward);
    world.net.cut_one_way(Master, Replica);
    story_of_one_outage(&mut world.pair, &world.daemon, async |_| world.net.heal()).await;
    world.daemon.until_healthy().await;
}

#[tokio::test]
async fn nothing_reaches_the_master_and_it_can_be_heard() {
    let Some(mut world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut_one_way(Keyward, Master);
    world.net.cut_one_way(Replica, Master);
    story_of_one_outage(&mut world.pair, &world.daemon, async |_| world.net.heal()).await;
    world.daemon.until_healthy().await;
}

#[tokio::test]
async fn only_keywards_own_path_to_the_master_is_cut() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut(Keyward, Master);
    story_of_no_outage(&world, "probe_path_broken").await;
    assert_eq!((witness(&world, "probe").await, witness(&world, "link").await), (Some(0.0), Some(1.0)));
    let failures =
        world.daemon.metric("keyward_probe_failures_total", &[("target", "master"), ("reason", "timed_out")]);
    assert!(failures.await.unwrap() >= 2.0);
    story_of_health_afterwards(&world).await;
    world.daemon.until_told(&["probe path broken is over"]).await;
}

#[tokio::test]
async fn only_the_masters_answers_to_keyward_are_lost() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut_one_way(Master, Keyward);
    story_of_no_outage(&world, "probe_path_broken").await;
    assert_eq!((witness(&world, "probe").await, witness(&world, "link").await), (Some(0.0), Some(1.0)));
    story_of_health_afterwards(&world).await;
}

#[tokio::test]
async fn only_the_replicas_path_to_the_master_is_cut() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut(Replica, Master);
    story_of_no_outage(&world, "replication_stopped").await;
    assert_eq!((witness(&world, "probe").await, witness(&world, "link").await), (Some(1.0), Some(0.0)));
    story_of_health_afterwards(&world).await;
    world.daemon.until_told(&["replication stopped is over"]).await;
}

#[tokio::test]
async fn the_replica_is_cut_off_from_keyward_and_then_the_master_too() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut(Keyward, Replica);
    world.daemon.until("told", |region| has_verdict(region, "replica_unreachable")).await;
    world.net.cut_master_off();
    // there is nothing here to turn to
    let down = |code: &'static str| move |region: &_| has_verdict(region, code) && !gates(region).is_empty();
    world.daemon.until("down", down("master_unreachable")).await;
    world.daemon.stays(SPAN, "not failing over", |region| gates(region).contains(&"replica_unreachable")).await;
    world.daemon.assert_never_acted().await;

    world.net.between(Keyward, Replica, Weather::default());
    let local = world.daemon.until_phase(Phase::Local).await;
    assert_eq!(local.replicas[0].read_only, Some(true));
    world.net.heal();
    world.daemon.until_healthy().await;
    assert_eq!(hooks::starts(&world.daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    assert_eq!((world.daemon.failovers().await, world.daemon.failbacks().await), (1.0, 1.0));
}
