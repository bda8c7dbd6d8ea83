//! Paths that are slow or lose packets: a nuisance, and no outage.

use std::time::{Duration, Instant};

use keyward::model::Phase;

use super::daemon::has_verdict;
use super::net::End::{Keyward, Master, Replica};
use super::net::{Net, Weather};
use super::settings::Wishes;
use super::world::World;

/// The settings as they are delivered.
fn as_delivered() -> Wishes {
    Wishes {
        poll_interval: "1s",
        probe_timeout: "1s",
        connect_timeout: "5s",
        beat_interval: "1s",
        unreachable_after: "10s",
        ..Wishes::default()
    }
}

fn on_the_way_to_region_one(net: &Net, weather: Weather) {
    net.between(Keyward, Master, weather);
    net.between(Replica, Master, weather);
}

#[tokio::test]
async fn a_third_of_all_packets_is_lost() {
    let Some(world) = World::healthy(as_delivered()).await else { return };
    on_the_way_to_region_one(&world.net, Weather { loss: 0.3, ..Weather::default() });
    let before = world.net.lost();
    world.daemon.stays(Duration::from_secs(40), "not failing over", |region| !region.phase.in_episode()).await;
    let lost = world.net.lost() - before;
    assert!(lost > 40, "{lost} packets lost: the weather was fine");
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn every_answer_takes_two_seconds() {
    let Some(world) = World::healthy(as_delivered()).await else { return };
    on_the_way_to_region_one(&world.net, Weather { delay: Duration::from_secs(1), ..Weather::default() });
    // no look is answered in time, and the heartbeats of the link come late and steadily
    world.daemon.until("told", |region| has_verdict(region, "probe_path_broken")).await;
    let stays = |region: &keyward::model::view::RegionView| !region.phase.in_episode();
    world.daemon.stays(Duration::from_secs(25), "not failing over", stays).await;
    world.daemon.until("told still", |region| has_verdict(region, "probe_path_broken")).await;
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    world.pair.until_rows_equal().await;
}
