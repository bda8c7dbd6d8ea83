//! The wall clock of keyward's host jumps. The machine's own clock stays as it is: libfaketime lies to the daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyward::model::Phase;
use keyward::model::view::RegionView;

use super::daemon::{Daemon, LIMIT};
use super::hooks;
use super::pair::{DROP_IN, Pair, set_up};
use super::settings::Wishes;

/// Several times the patience of the settings.
const SPAN: Duration = Duration::from_millis(5_000);
const HOUR: i64 = 3_600;

/// The library, where Debian has it.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|file| file.exists())
}

/// Steps the daemon's wall clock to so many seconds beside the right time, and waits until it shows.
async fn step(daemon: &Daemon, file: &Path, seconds: i64) {
    fs::write(file.with_extension("new"), format!("{seconds:+}\n")).unwrap();
    fs::rename(file.with_extension("new"), file).unwrap();
    let began = std::time::Instant::now();
    let off = async || {
        let taken_at = daemon.snapshot().await.taken_at.unwrap();
        taken_at.as_second() - jiff::Timestamp::now().as_second()
    };
    while (off().await - seconds).abs() > 60 {
        assert!(began.elapsed() < LIMIT, "the daemon does not see the clock that it is shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_sane(region: &RegionView, most: f64) -> bool {
    let replica = &region.replicas[0];
    // an hour more or less would show
    let sane = |seconds: Option<f64>| seconds.is_some_and(|seconds| (0.0..most).contains(&seconds));
    sane(replica.lag_seconds) && sane(replica.data_age_seconds) && sane(region.silence_seconds)
}

#[tokio::test]
async fn the_clock_is_stepped_by_an_hour() {
    let Some(library) = library() else {
        keyward::lab::skip::skip("libfaketime is not installed here (Debian package faketime)");
        return;
    };
    let mut pair = Pair::bare(&DROP_IN).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    let file = daemon.folder.join("clock");
    fs::write(&file, "+0\n").unwrap();
    daemon.launcher = vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    daemon.start().await;
    daemon.until_healthy().await;
    for seconds in [HOUR, 0, -HOUR, HOUR] {
        step(&daemon, &file, seconds).await;
        let calm = |region: &RegionView| !region.phase.in_episode() && is_sane(region, 20.0);
        daemon.stays(SPAN, "remote with sane figures", calm).await;
        daemon.until_healthy().await;
    }
    daemon.assert_never_acted().await;

    pair.master.kill9();
    let episode = daemon.until_phase(Phase::Local).await.episode.unwrap();
    for seconds in [-HOUR, HOUR] {
        step(&daemon, &file, seconds).await;
        daemon
            .stays(SPAN, "local with sane figures", |region| region.phase == Phase::Local && is_sane(region, 120.0))
            .await;
    }
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_eq!(hooks::starts(&daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
    assert!(hooks::marks(&daemon.folder).iter().all(|mark| mark.episode == episode.id), "another episode");
    assert_eq!((daemon.failovers().await, daemon.failbacks().await), (1.0, 1.0));
    pair.until_rows_equal().await;
}
