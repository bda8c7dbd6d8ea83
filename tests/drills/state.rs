//! The daemon's memory is damaged or cannot be written.

use std::fs;
use std::process::Command;
use std::time::Duration;

use keyward::model::Phase;
use rustix::process::Signal;

use super::daemon::{gates, has_verdict};
use super::hooks;
use super::pair::Pair;
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

#[tokio::test]
async fn the_state_file_is_damaged() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    daemon.signal(Signal::TERM);
    daemon.ended().await;
    let whole = fs::read_to_string(daemon.state_file()).unwrap();
    let damaged = &whole[..whole.len() / 2];
    fs::write(daemon.state_file(), damaged).unwrap();
    daemon.start().await;
    let seen = daemon.until("told", |region| has_verdict(region, "state_broken")).await;
    assert!(seen.paused.is_some() && gates(&seen).contains(&"paused") && !seen.ready, "{seen:#?}");
    assert!(seen.sentence.starts_with("it is not known where authentication points"), "{}", seen.sentence);
    assert_eq!(daemon.keyward(&["status"]).await.status.code(), Some(3));

    pair.master.kill9();
    daemon.until("down", |region| has_verdict(region, "master_unreachable")).await;
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.0, Some(0));
    assert_eq!(fs::read_to_string(daemon.state_file()).unwrap(), damaged, "the damaged file was overwritten");

    // moved away as the sentence says, with the master alive: a beginning as on the first day
    fs::rename(daemon.state_file(), daemon.folder.join("damaged.json")).unwrap();
    pair.master.start().await.unwrap();
    daemon.start().await;
    daemon.until_healthy().await;
}

#[tokio::test]
async fn the_state_cannot_be_written_in_the_outage() {
    let (mut pair, daemon) = Pair::healthy(Wishes::default()).await;
    // what no user may do, root neither: a file where a folder must be, and a folder where a file must be
    let state = daemon.folder.join("state");
    fs::remove_file(daemon.state_file()).unwrap();
    fs::create_dir(daemon.state_file()).unwrap();
    fs::write(state.join("hooks"), "").unwrap();
    pair.master.kill9();
    // the way out goes on, and says so
    let local =
        daemon.until("local and told", |region| region.phase == Phase::Local && has_verdict(region, "state_broken"));
    let told = local.await.verdicts.into_iter().find(|verdict| verdict.code == "state_broken").unwrap().sentence;
    assert!(told.contains("state.json") && told.contains("cannot be written"), "{told}");
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);
    // the way back waits
    pair.master.start().await.unwrap();
    daemon.until("the master answers", |region| region.probe_up == Some(true)).await;
    daemon.stays(3 * SPAN, "local", |region| region.phase == Phase::Local).await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1"]);

    // what an operator orders now holds only as long as this daemon lives
    let forgotten = "a keyward that is restarted would forget it";
    for (order, lasts) in [("pause", false), ("resume", false), ("resume", true)] {
        if lasts {
            fs::remove_dir(daemon.state_file()).unwrap();
            fs::remove_file(state.join("hooks")).unwrap();
            daemon.until("written", |region| !has_verdict(region, "state_broken")).await;
        }
        let reason: &[&str] = if order == "pause" { &["--reason", "reboot"] } else { &[] };
        let said = daemon.keyward(&[&[order, "RegionTwo"], reason].concat()).await;
        let text = String::from_utf8(said.stdout).unwrap();
        assert!(said.status.success() && text.contains(forgotten) != lasts, "{order}: {text}");
    }
    daemon.until_healthy().await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    assert!(daemon.state_file().is_file(), "the state was not written again");
}

#[tokio::test]
async fn the_disk_does_not_answer_when_a_stamp_is_read() {
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    let stamp = fs::read_dir(daemon.folder.join("state/stamps")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&stamp).unwrap();
    let pipe = daemon.folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // whoever opens it waits until somebody writes into it
    fs::rename(&pipe, &stamp).unwrap();
    daemon.until_logged(&["the disk does not answer"]).await;
    pair.master.kill9();
    daemon.until_local_with_quick_metrics().await;
    assert_eq!(daemon.get("/-/healthy").await.0, 200);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.0, Some(0), "a thread that hangs keeps nobody from ending");
    fs::write(pipe.with_extension("stamp"), text).unwrap();
    fs::rename(pipe.with_extension("stamp"), &stamp).unwrap();
    pair.master.start().await.unwrap();
    daemon.start().await;
    daemon.until_healthy().await;
}
