//! A server's disk is full. It waits for room then, and looks for it once a minute; here an operator makes room and
//! does not wait.

use std::time::Duration;

use keyward::lab::Server;
use keyward::model::Phase;

use super::daemon::{has_verdict, lag};
use super::net::{End, Net};
use super::pair::read_only;
use super::settings::Wishes;
use super::world::World;

/// Several times the patience of the settings.
const SPAN: Duration = Duration::from_millis(10_000);

/// Moves a server's data to a disk of their own with little room left.
async fn small_disk(net: &Net, end: End, server: &mut Server) {
    server.stop().await.unwrap();
    let data = server.data_dir().display().to_string();
    net.host(end).run(&["cp", "-a", &data, &format!("{data}.copy")]);
    net.host(end).run(&["mount", "-t", "tmpfs", "-o", "size=400m", "small-disk", &data]);
    net.host(end).run(&["cp", "-a", &format!("{data}.copy/."), &data]);
    server.start().await.unwrap();
}

fn filler(server: &Server) -> String {
    server.data_dir().join("filler").display().to_string()
}

fn fill(net: &Net, end: End, server: &Server) {
    // it ends where the disk does
    let fill = format!("! head -c 2G /dev/zero >{}", filler(server));
    net.host(end).run(&["sh", "-c", &fill]);
}

/// Makes room and restarts the server, which does not end in good order.
async fn mend(net: &Net, end: End, server: &mut Server) {
    net.host(end).run(&["rm", &filler(server)]);
    server.kill9();
    server.start().await.unwrap();
}

#[tokio::test]
async fn the_masters_disk_is_full() {
    let Some(mut world) = World::of_two_servers().await else { return };
    small_disk(&world.net, End::Master, &mut world.pair.master).await;
    // patient enough for a restart of the master
    world.begin(&Wishes { unreachable_after: "20s", ..Wishes::default() }).await;
    fill(&world.net, End::Master, &world.pair.master);

    // it lives and answers, and nothing more can be committed there
    world.daemon.until("told", |region| has_verdict(region, "beats_refused")).await;
    let calm = |region: &keyward::model::view::RegionView| {
        region.phase == Phase::Remote && region.probe_up == Some(true) && has_verdict(region, "beats_refused")
    };
    world.daemon.stays(SPAN, "not failing over", calm).await;
    assert!(lag(&world.daemon.region().await).unwrap() > 5.0, "the lag does not grow");
    let closed = world.daemon.metric("keyward_verdict", &[("verdict", "beats_refused")]).await;
    assert_eq!(closed, Some(1.0));

    mend(&world.net, End::Master, &mut world.pair.master).await;
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn the_replicas_disk_is_full() {
    let Some(mut world) = World::of_two_servers().await else { return };
    small_disk(&world.net, End::Replica, &mut world.pair.replica).await;
    world.begin(&Wishes::default()).await;
    fill(&world.net, End::Replica, &world.pair.replica);

    // the thread that writes the relay log waits, and so does everybody who asks after it
    world.daemon.until("told", |region| has_verdict(region, "replica_unreachable")).await;
    world.daemon.stays(SPAN, "not failing over", |region| has_verdict(region, "replica_unreachable")).await;
    assert!(lag(&world.daemon.region().await).unwrap() > 5.0, "the lag does not grow");
    world.daemon.assert_metrics_are_quick().await;
    // the region's Keystone still reads there, and looks that hang do not take its connections away
    world.pair.assert_replica_serves_reads_only().await;
    let sessions = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'keyward'";
    let sessions: u32 = world.pair.replica.value(sessions).await.unwrap().unwrap().parse().unwrap();
    assert!(sessions <= 8, "{sessions} sessions of keyward are left on the replica");

    mend(&world.net, End::Replica, &mut world.pair.replica).await;
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    assert_eq!(read_only(&world.pair.replica).await, "1");
    world.pair.until_rows_equal().await;
}
