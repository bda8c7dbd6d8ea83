//! Paths that are slow or lose packets: a nuisance, and no outage as long as anything comes through.

use std::time::{Duration, Instant};

use keyward::lab::Lab;
use keyward::model::Phase;
use keyward::model::view::RegionView;

use super::daemon::has_verdict;
use super::hooks;
use super::net::End::{Keyward, Master, Replica};
use super::net::{Net, Weather};
use super::settings::Wishes;
use super::world::World;

/// How long the weather lasts.
const SPAN: Duration = Duration::from_secs(40);
/// The silence after which the master counts as gone, as it is delivered.
const PATIENCE: Duration = Duration::from_secs(10);

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

fn lossy(loss: f64) -> Weather {
    Weather { loss, ..Weather::default() }
}

#[tokio::test]
async fn a_tenth_of_all_packets_is_lost() {
    let Some(world) = World::healthy(as_delivered()).await else { return };
    on_the_way_to_region_one(&world.net, lossy(0.1));
    let before = world.net.lost();
    world.daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    let lost = world.net.lost() - before;
    assert!(lost > 20, "{lost} packets lost: the weather was fine");
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    world.pair.until_rows_equal().await;
}

/// On such a path it may happen that nothing comes through for as long as the settings allow: that is an outage.
#[tokio::test]
async fn a_third_of_all_packets_is_lost() {
    let Some(world) = World::healthy(as_delivered()).await else { return };
    on_the_way_to_region_one(&world.net, lossy(0.3));
    let (before, began) = (world.net.lost(), Instant::now());
    let (mut answered, mut silence) = (began, 0.0_f64);
    while began.elapsed() < SPAN {
        let region = world.daemon.region().await;
        silence = silence.max(region.silence_seconds.unwrap_or(0.0));
        if region.phase.in_episode() {
            break;
        }
        if region.probe_up == Some(true) {
            answered = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (unanswered, lost) = (answered.elapsed(), world.net.lost() - before);
    assert!(lost as f64 > began.elapsed().as_secs_f64(), "{lost} packets lost: the weather was fine");
    world.net.heal();
    world.daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    world.daemon.until_healthy().await;
    if world.daemon.failovers().await > 0.0 {
        // a look that fails is known as such two seconds later, and a silence in steps
        assert!(unanswered > PATIENCE / 2, "a look was answered {unanswered:?} ago");
        assert!(silence > PATIENCE.as_secs_f64() - 1.0, "a witness gave proof {silence} s ago");
        let once = ["failover local-auth 1 1", "failback local-auth 2 1"];
        assert_eq!(hooks::starts(&world.daemon.folder), once);
        hooks::assert_none_overlap(&world.daemon.folder);
        assert_eq!((world.daemon.failovers().await, world.daemon.failbacks().await), (1.0, 1.0));
        println!("failed over after {silence} s without proof, {unanswered:?} after the last answered look");
    } else {
        world.daemon.assert_never_acted().await;
    }
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn every_answer_takes_two_seconds() {
    let Some(world) = World::healthy(as_delivered()).await else { return };
    on_the_way_to_region_one(&world.net, Weather { delay: Duration::from_secs(1), ..Weather::default() });
    // no look is answered in time, and the heartbeats of the link come late and steadily
    world.daemon.until("told", |region| has_verdict(region, "probe_path_broken")).await;
    let stays = |region: &RegionView| !region.phase.in_episode();
    world.daemon.stays(Duration::from_secs(25), "not failing over", stays).await;
    world.daemon.until("told still", |region| has_verdict(region, "probe_path_broken")).await;
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn a_far_away_master_over_tls_keeps_a_steady_remote() {
    let lab = Lab::new().unwrap();
    let authority = lab.authority("authority").unwrap();
    let names = [Master, Replica].map(|end| format!("IP:{}", end.address()));
    let certificate = authority.issue("servers", &names.each_ref().map(String::as_str)).unwrap();
    let Some(mut world) = World::with(lab, |_, spec| spec.tls(&certificate)).await else { return };
    let ca_file = authority.ca_file();
    let tls = format!("mode = \"verify-identity\"\nca_file = \"{}\"", ca_file.display());
    world.set_up(&Wishes { tls, ..as_delivered() }).await;
    for server in [&world.pair.master, &world.pair.replica] {
        server.sql("SET sql_log_bin = 0; ALTER USER keyward@'%' REQUIRE SSL").await.unwrap();
    }
    // a round trip of 250 ms, and one packet of a hundred is lost
    let far = Weather { loss: 0.01, delay: Duration::from_millis(125), ..Weather::default() };
    on_the_way_to_region_one(&world.net, far);
    world.daemon.start().await;
    world.daemon.until_healthy().await;
    let told = world.daemon.transitions().await.len();
    let steady = |region: &RegionView| region.phase == Phase::Remote;
    world.daemon.stays(Duration::from_secs(20), "remote", steady).await;
    // connecting again takes longer than a look may, and goes on beside the looks
    world.pair.end_connections_to_master("keyward").await;
    world.daemon.stays(Duration::from_secs(20), "remote", steady).await;
    world.daemon.until_healthy().await;
    let transitions = world.daemon.transitions().await;
    assert_eq!(transitions[told..], [""; 0], "not steady");
    world.daemon.assert_never_acted().await;
    let failures =
        world.daemon.metric("keyward_probe_failures_total", &[("target", "master"), ("reason", "timed_out")]);
    assert!(failures.await.unwrap() >= 1.0, "connecting again took no longer than a look");
}
