//! The master is given by a host name, and nobody answers for names any more.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use keyward::model::Phase;
use rustix::process::Signal;

use super::daemon::has_verdict;
use super::hooks;
use super::net::End::{self, Keyward, Master, Replica};
use super::settings::Wishes;
use super::world::World;

const NAME: &str = "master.keyward.test";
/// Several times the patience of the settings.
const SPAN: Duration = Duration::from_millis(6_000);

/// What a host goes by to find names; a file of the lab lies over the system's in the host's own mount namespace.
fn private_file(world: &World, end: End, path: &str, text: &str) -> PathBuf {
    let file = world.pair.lab.folder().join(format!("{end:?}{}", path.replace('/', ".")));
    fs::write(&file, text).unwrap();
    world.net.host(end).run(&["mount", "--bind", &file.display().to_string(), path]);
    file
}

/// A pair whose master is known by name only; keyward's own list of names.
async fn world_of_names() -> Option<(World, PathBuf)> {
    let mut world = World::of_two_servers().await?;
    let list = format!("127.0.0.1 localhost\n{} {NAME}\n", Master.address());
    private_file(&world, Replica, "/etc/hosts", &list);
    let names = private_file(&world, Keyward, "/etc/hosts", &list);
    private_file(&world, Keyward, "/etc/nsswitch.conf", "hosts: files dns\n");
    private_file(&world, Keyward, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
    let master = Some(format!("{NAME}:{}", world.pair.master.port()));
    world.begin(&Wishes { master, ..Wishes::default() }).await;
    Some((world, names))
}

/// Takes the names away. What is open stays open and needs no name, so the master also ends keyward's connections.
async fn lose_names(world: &World, names: &PathBuf) -> String {
    let list = fs::read_to_string(names).unwrap();
    fs::write(names, "127.0.0.1 localhost\n").unwrap();
    world.pair.end_connections_to_master("keyward").await;
    list
}

#[tokio::test]
async fn the_masters_name_is_no_longer_found() {
    let Some((world, names)) = world_of_names().await else { return };
    let list = lose_names(&world, &names).await;
    world.daemon.until("told", |region| has_verdict(region, "probe_path_broken")).await;
    let steady = |region: &_| has_verdict(region, "probe_path_broken");
    world.daemon.stays(SPAN, "not failing over", steady).await;
    let told = world.daemon.until_told(&["host name not found"]).await;
    assert!(told.sentence.contains(NAME), "{}", told.sentence);
    let labels = [("target", "master"), ("reason", "unresolved")];
    assert!(world.daemon.metric("keyward_probe_failures_total", &labels).await.unwrap() >= 2.0);
    world.daemon.assert_never_acted().await;

    fs::write(&names, &list).unwrap();
    world.daemon.until_healthy().await;
    world.pair.until_rows_equal().await;

    // with the master gone as well, a name that is not found speaks for an outage
    fs::write(&names, "127.0.0.1 localhost\n").unwrap();
    world.net.cut_master_off();
    world.daemon.until_phase(Phase::Local).await;
    world
        .daemon
        .until("not found", |region| region.master_failure.as_ref().is_some_and(|why| why.contains("host name")))
        .await;
    world.net.heal();
    // the link proves the master alive; the way back needs the probe
    world.daemon.until("link", |region| region.link_up == Some(true)).await;
    world.daemon.stays(SPAN, "local", |region| region.phase == Phase::Local).await;
    fs::write(&names, &list).unwrap();
    world.daemon.until_healthy().await;
    assert_eq!(hooks::starts(&world.daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
}

#[tokio::test]
async fn the_name_server_answers_nobody() {
    let Some((mut world, names)) = world_of_names().await else { return };
    // an address of the network at which there is nobody
    private_file(&world, Keyward, "/etc/resolv.conf", "nameserver 10.77.0.99\n");
    lose_names(&world, &names).await;
    world.daemon.until("told", |region| has_verdict(region, "probe_path_broken")).await;
    world.daemon.stays(SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    world.daemon.assert_metrics_are_quick().await;
    world.daemon.assert_never_acted().await;
    world.daemon.signal(Signal::TERM);
    let (code, took) = world.daemon.ended().await;
    // the one limit that the contract sets by the clock
    assert!(code == Some(0) && took < Duration::from_secs(5), "exit code {code:?} after {took:?}");
}
