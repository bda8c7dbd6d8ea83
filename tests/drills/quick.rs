//! The shortest intervals that the settings take: looks every 50 ms, patience of 500 ms.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use keyward::lab::program;
use keyward::model::Phase;
use rustix::process::Signal;

use super::hooks;
use super::pair::Pair;
use super::settings::Wishes;

fn wishes() -> Wishes {
    Wishes {
        poll_interval: "50ms",
        probe_timeout: "150ms",
        beat_interval: "200ms",
        unreachable_after: "500ms",
        failback_after: "500ms",
        ..Wishes::default()
    }
}

/// Busy processes, one for each core and one more, killed with this.
struct Load(Vec<Child>);

impl Load {
    fn new() -> Self {
        let cores = std::thread::available_parallelism().unwrap().get();
        let busy =
            || program::spawn(Path::new("/bin/sh"), |command| command.args(["-c", "while :; do :; done"])).unwrap();
        Self((0..=cores).map(|_| busy()).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(program::end);
    }
}

#[tokio::test]
async fn looking_every_50_ms_the_daemon_fails_over_after_half_a_second_of_silence() {
    let (mut pair, daemon) = Pair::healthy(wishes()).await;
    for (fault, count) in [("killed", 1.0), ("frozen", 2.0)] {
        match fault {
            "killed" => pair.master.kill9(),
            _ => pair.master.freeze().unwrap(),
        }
        daemon.until_phase(Phase::Local).await;
        assert_eq!(daemon.failovers().await, count, "{fault}");
        pair.assert_replica_serves_reads_only().await;
        match fault {
            "killed" => pair.master.start().await.unwrap(),
            _ => pair.master.thaw().unwrap(),
        }
        daemon.until_healthy().await;
    }
    let once = ["failover local-auth 1 1", "failback local-auth 2 1"];
    assert_eq!(hooks::starts(&daemon.folder), [once, once].concat());
}

#[tokio::test]
async fn looking_every_50_ms_a_stopped_daemon_and_a_busy_machine_are_no_outage() {
    let (_pair, daemon) = Pair::healthy(wishes()).await;
    let begun = daemon.events().await.len();
    daemon.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(3)).await;
    daemon.signal(Signal::CONT);
    daemon.stays(Duration::from_secs(3), "calm", |region| !region.phase.in_episode()).await;
    // its own sleep is no news about anybody else
    let told: Vec<String> = daemon.events().await.drain(begun..).map(|event| event.sentence).collect();
    assert!(!told.iter().any(|sentence| sentence.contains("shows no progress")), "{told:#?}");

    let load = Load::new();
    daemon.stays(Duration::from_secs(20), "calm", |region| !region.phase.in_episode()).await;
    drop(load);
    daemon.until_healthy().await;
    daemon.assert_never_acted().await;
    // a master that answers later than two looks is suspected for a moment, by the contract; that depends on the machine
    let suspicions = daemon.transitions().await.into_iter().filter(|moved| moved.ends_with(">suspect")).count();
    println!("suspected {suspicions} times in 20 s on a busy machine");
}
