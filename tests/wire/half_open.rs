//! After a partition has healed, connections that only one side still believes in.

use std::time::{Duration, Instant};

use keyward::model::Phase;

use super::daemon::{LIMIT, has_verdict};
use super::net::End::{self, Keyward, Master, Replica};
use super::net::Weather;
use super::settings::Wishes;
use super::world::World;

/// Long enough for the hosts to give their connections up.
const CUT: Duration = Duration::from_secs(12);

/// A host that soon gives up a connection whose packets nobody acknowledges, and says nothing about it.
fn impatient(world: &World, end: End) {
    let set = "echo 3 >/proc/sys/net/ipv4/tcp_retries2; echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries";
    world.net.host(end).run(&["sh", "-c", set]);
}

/// The replica's I/O thread is patient far beyond any limit of these drills, whatever the server's settings say now.
async fn make_the_io_thread_patient(world: &World) {
    let patient = "STOP SLAVE IO_THREAD; SET GLOBAL slave_net_timeout = 600; START SLAVE IO_THREAD";
    world.pair.replica.sql(patient).await.unwrap();
    let began = Instant::now();
    while world.pair.replica.rows("SHOW ALL SLAVES STATUS").await.unwrap()[0][12].as_deref() != Some("Yes") {
        assert!(began.elapsed() < LIMIT, "the I/O thread does not connect");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.pair.replica.sql("SET GLOBAL slave_net_timeout = 4").await.unwrap();
}

#[tokio::test]
async fn the_replicas_link_is_half_open_after_the_network_has_healed() {
    let Some(mut world) = World::of_two_servers().await else { return };
    world.set_up(&Wishes::default()).await;
    make_the_io_thread_patient(&world).await;
    impatient(&world, Master);
    world.daemon.start().await;
    world.daemon.until_healthy().await;

    world.net.cut_master_off();
    world.daemon.until_phase(Phase::Local).await;
    tokio::time::sleep(CUT).await;
    world.net.heal();
    // the replica would wait another ten minutes for a master that has forgotten it
    world.daemon.until_told(&["restart the I/O thread"]).await;
    world.daemon.until_healthy().await;
    assert_eq!((world.daemon.failovers().await, world.daemon.failbacks().await), (1.0, 1.0));
    world.pair.until_rows_equal().await;
}

#[tokio::test]
async fn keywards_own_connections_are_half_open_after_the_network_has_healed() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    for end in [Keyward, Master, Replica] {
        impatient(&world, end);
    }
    world.net.cut(Keyward, Master);
    world.net.cut(Keyward, Replica);
    world.daemon.until("told", |region| has_verdict(region, "replica_unreachable")).await;
    tokio::time::sleep(CUT / 2).await;
    world.net.between(Keyward, Master, Weather::default());
    tokio::time::sleep(CUT / 2).await;
    // the servers keep the sessions of before, one of them with the lock that lets keyward act on the replica
    world.net.heal();
    world.daemon.until_healthy().await;
    world.daemon.assert_never_acted().await;
    // the link was fine all along, and keyward could not see it
    let events = world.daemon.events().await;
    let of_the_link = ["replication_stopped", "the link", "I/O thread", "could not"];
    let told = events.iter().find(|event| of_the_link.iter().any(|piece| event.sentence.contains(piece)));
    assert_eq!(told, None);
}
