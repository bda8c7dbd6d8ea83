//! Hooks that misbehave.

use std::fs;

use keyward::model::Phase;

use super::daemon::{Daemon, has_verdict};
use super::hooks;
use super::pair::Pair;
use super::settings::{Hook, Wishes};

async fn runs(daemon: &Daemon, outcome: &str) -> f64 {
    let labels = [("hook", "local-auth"), ("event", "failover"), ("outcome", outcome)];
    daemon.metric("keyward_hook_runs_total", &labels).await.unwrap_or(0.0)
}

#[tokio::test]
async fn a_hook_hangs_with_children() {
    let body = r#"
if [ "$KEYWARD_ATTEMPT" -lt 3 ]; then
    trap "" TERM
    (trap "" TERM; echo $$ >>"$0.pids"; sleep 600) &
    echo $! >>"$0.pids"
    sleep 600 &
    echo $! >>"$0.pids"
    sleep 600
fi"#;
    let (mut pair, daemon) = Pair::healthy(Wishes::hooks([Hook::new("local-auth").body(body).timeout("1s")])).await;
    pair.master.kill9();
    daemon.until("told", |region| has_verdict(region, "hook_failing")).await;
    daemon.until_local_with_quick_metrics().await;
    let starts = ["failover local-auth 1 1", "failover local-auth 1 2", "failover local-auth 1 3"];
    assert_eq!(hooks::starts(&daemon.folder), starts);
    assert_eq!((runs(&daemon, "timeout").await, runs(&daemon, "ok").await), (2.0, 1.0));
    let pids = fs::read_to_string(daemon.folder.join("local-auth.sh.pids")).unwrap();
    assert!(pids.lines().count() >= 6, "{pids}");
    for pid in pids.lines() {
        // a killed process that nobody has waited for yet has no command line
        let left = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let left = String::from_utf8_lossy(&left).into_owned();
        assert!(!left.contains("local-auth") && !left.contains("600"), "process {pid} of the hook lives: {left}");
    }
    assert_eq!(daemon.failovers().await, 1.0);
}

#[tokio::test]
async fn a_hook_floods_its_output() {
    let body = r#"
case "$KEYWARD_ATTEMPT" in
    1) yes "for ever and ever" ;;
    2) head -c 200000000 /dev/zero | tr '\0' x; exit 7 ;;
esac"#;
    let (mut pair, daemon) = Pair::healthy(Wishes::hooks([Hook::new("local-auth").body(body).timeout("10s")])).await;
    pair.master.kill9();
    daemon.until_local_with_quick_metrics().await;
    assert_eq!(runs(&daemon, "timeout").await, 1.0);
    assert_eq!((runs(&daemon, "failed").await, runs(&daemon, "ok").await), (1.0, 1.0));
    let peak = daemon.peak_memory_mib();
    assert!(peak < 100, "the daemon grew to {peak} MiB");
    let log = fs::metadata(daemon.folder.join("log")).unwrap().len();
    assert!(log < 2_000_000, "{log} bytes of the flood went to the log");
    daemon.until_told(&["hook local-auth (attempt 2) failed (exit status 7)"]).await;
}

#[tokio::test]
async fn an_earlier_required_hook_that_fails_holds_the_later_one_back_and_an_optional_one_runs_beside() {
    let gate = r#"[ "$KEYWARD_EVENT" = failback ] || [ -e "$0.open" ] || exit 1"#;
    let optional = Hook { optional: true, ..Hook::new("tell") };
    let wishes = Wishes::hooks([Hook::new("first").body(gate), Hook::new("second"), optional]);
    let (mut pair, daemon) = Pair::healthy(wishes).await;
    pair.master.kill9();
    daemon.until("failing", |region| region.hooks[0].attempt >= 2 && region.hooks[2].state == "done").await;
    let starts = hooks::starts(&daemon.folder);
    assert!(starts.contains(&"failover tell 1 1".to_owned()), "{starts:?}");
    assert!(!starts.iter().any(|start| start.contains("second")), "{starts:?}");
    assert_eq!(daemon.region().await.phase, Phase::Switching);
    assert_eq!(daemon.get("/local-auth/RegionTwo").await.0, 503);

    fs::write(daemon.folder.join("first.sh.open"), "").unwrap();
    daemon.until_phase(Phase::Local).await;
    pair.master.start().await.unwrap();
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    let back: Vec<String> = hooks::starts(&daemon.folder)
        .into_iter()
        .filter(|start| start.starts_with("failback") && !start.contains("tell"))
        .collect();
    assert_eq!(back, ["failback second 2 1", "failback first 2 1"]);
}

#[tokio::test]
async fn the_master_is_healthy_again_while_a_hook_of_the_way_out_still_fails() {
    let body = r#"[ "$KEYWARD_EVENT" = failback ] || exit 1"#;
    let wishes = Wishes::hooks([Hook::new("first").body(body), Hook::new("second")]);
    let (mut pair, daemon) = Pair::healthy(wishes).await;
    pair.master.kill9();
    daemon.until("failing", |region| has_verdict(region, "hook_failing")).await;
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    let transitions = daemon.transitions().await;
    assert!(transitions.ends_with(&["switching>returning".to_owned(), "returning>remote".to_owned()]));
    // only what was started is turned back
    let back: Vec<String> =
        hooks::starts(&daemon.folder).into_iter().filter(|start| start.starts_with("failback")).collect();
    assert_eq!(back, ["failback first 2 1"]);
}
