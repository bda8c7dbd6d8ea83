//! A server's disk is full. It waits for room then, and looks for it once a minute; here an operator makes room and
//! does not wait.

use std::time::{Duration, Instant};

use keyward::lab::Server;
use keyward::model::Phase;

use super::daemon::{has_verdict, lag, texts};
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

#[tokio::test]
async fn a_replica_without_room_for_another_copy_keeps_what_it_has() {
    let Some(mut world) = World::of_two_servers().await else { return };
    small_disk(&world.net, End::Replica, &mut world.pair.replica).await;
    world.set_up(&Wishes::default()).await;
    let big = "CREATE TABLE keystone.big (id INT PRIMARY KEY, filling LONGBLOB);
        INSERT INTO keystone.big SELECT seq, REPEAT('x', 1 << 20) FROM seq_1_to_8; ANALYZE TABLE keystone.big";
    world.pair.master.sql(&format!("USE keystone; {big}")).await.unwrap();
    let arrived = "SELECT COUNT(*) FROM keystone.big";
    let began = Instant::now();
    while world.pair.replica.value(arrived).await.ok().flatten().as_deref() != Some("8") {
        assert!(began.elapsed() < Duration::from_secs(60), "the rows never arrive");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // all but two megabytes of what is left
    let file = filler(&world.pair.replica);
    let left = format!("df --output=avail -B1 {} | tail -1", world.pair.replica.data_dir().display());
    let fill = format!("head -c $(($({left}) - 2097152)) /dev/zero >{file}");
    world.net.host(End::Replica).run(&["sh", "-c", &fill]);

    // on the replica's own host, where its disk can be seen
    world.daemon.launcher = world.net.host(End::Replica).launcher();
    let [master, replica] =
        [&world.pair.master, &world.pair.replica].map(|server| server.socket().display().to_string());
    let arguments = ["setup", "--reseed", "--master-admin", &master, "--replica-admin", &replica];
    let output = world.daemon.keyward(&arguments).await;
    let (_, complained) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(complained.contains("make room there first"), "{complained}");
    // nothing was moved, and the copy that is there still serves
    assert_eq!(world.pair.replica.value(arrived).await.unwrap().as_deref(), Some("8"));
    let dated = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE '%keyward\\_2%'";
    assert_eq!(world.pair.replica.value(dated).await.unwrap().as_deref(), Some("0"));
    world.net.host(End::Replica).run(&["rm", &file]);
}
