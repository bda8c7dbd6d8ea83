//! HAProxy stands between the services and the two Keystones, and keyward turns it.

use std::time::{Duration, Instant};

use keyward::lab::Lab;
use keyward::model::view::{LevelView, RegionView};
use keyward::model::{EventKind, Phase};

use super::daemon::{Daemon, gates, has_verdict, texts};
use super::haproxy::Haproxy;
use super::pair::{DROP_IN, Pair, set_up, stamp};
use super::settings::{Hook, Wishes};

const SPAN: Duration = Duration::from_millis(2_000);
const LABELS: [(&str, &str); 2] = [("region", "RegionTwo"), ("hook", "haproxy")];

/// A pair, an HAProxy in a lab of its own, and a daemon that turns it before it runs `local-auth`.
struct Scene {
    pair: Pair,
    daemon: Daemon,
    haproxy: Haproxy,
    _lab: Lab,
}

impl Scene {
    /// Everything but HAProxy runs, and the daemon is set up.
    async fn set_up() -> Self {
        let lab = Lab::new().unwrap();
        let haproxy = Haproxy::stopped_in(lab.folder());
        let pair = Pair::bare(&DROP_IN).await;
        let daemon = Daemon::new(&pair, "keyward", wishes(&haproxy));
        set_up(&pair, &daemon).await;
        Self { pair, daemon, haproxy, _lab: lab }
    }

    async fn healthy() -> Self {
        let mut scene = Self::set_up().await;
        scene.haproxy.start();
        scene.daemon.start().await;
        scene.daemon.until_healthy().await;
        scene
    }

    /// The same, and the master has gone.
    async fn local() -> Self {
        let mut scene = Self::healthy().await;
        scene.pair.master.kill9();
        scene.daemon.until_phase(Phase::Local).await;
        scene
    }

    /// HAProxy is seen as it must be, and requests go to `server`.
    async fn until_served_by(&self, server: &str) {
        self.daemon.until("as it must be", |region| level(region).ok == Some(true)).await;
        assert_eq!(self.haproxy.served_by().as_deref(), Some(server));
    }

    async fn metrics(&self) -> [Option<f64>; 2] {
        [
            self.daemon.metric("keyward_haproxy_up", &LABELS).await,
            self.daemon.metric("keyward_haproxy_level_ok", &LABELS).await.filter(|ok| !ok.is_nan()),
        ]
    }

    /// How many times HAProxy was set again.
    async fn set_again(&self) -> usize {
        let events = self.daemon.events().await;
        events.iter().filter(|event| matches!(event.what, EventKind::Level { .. })).count()
    }
}

fn wishes(haproxy: &Haproxy) -> Wishes {
    let lines = format!(
        "kind = \"haproxy\"\nsocket = \"{}\"\nremote = [\"identity/k1\"]\nlocal = [\"identity/k2\"]",
        haproxy.socket().display()
    );
    Wishes::hooks([Hook::new("haproxy").kind(&lines), Hook::new("local-auth")])
}

fn level(region: &RegionView) -> LevelView {
    region.hooks[0].level.clone().unwrap_or_default()
}

#[tokio::test]
async fn haproxy_is_reloaded_and_restarted_in_local() {
    let mut scene = Scene::healthy().await;
    scene.until_served_by("k1").await;
    scene.pair.master.kill9();
    let local = scene.daemon.until_phase(Phase::Local).await;
    assert_eq!(local.hooks[0].state, "done");
    scene.until_served_by("k2").await;
    assert_eq!((scene.set_again().await, scene.metrics().await), (0, [Some(1.0), Some(1.0)]));

    scene.haproxy.reload();
    let told = scene.daemon.until_told(&["HAProxy had lost what hook haproxy keeps there"]).await;
    assert!(
        told.sentence.ends_with("identity/k2 was in maint, set ready; identity/k1 was ready, set maint"),
        "{told:?}"
    );
    assert!(told.episode.is_some(), "{told:?}");
    scene.until_served_by("k2").await;
    assert_eq!(scene.set_again().await, 1);

    scene.haproxy.kill9();
    let seen = scene.daemon.until("gone", |region| has_verdict(region, "haproxy_not_set")).await;
    assert!(level(&seen).sentence.contains("is HAProxy running?"), "{seen:#?}");
    assert_eq!(scene.metrics().await, [Some(0.0), None]);
    scene.haproxy.start();
    scene.daemon.until("set again", |region| level(region).ok == Some(true)).await;
    scene.until_served_by("k2").await;
    assert_eq!(scene.set_again().await, 2);
    // an HAProxy that lost it is no new turn: the hooks have run once
    assert_eq!(super::hooks::starts(&scene.daemon.folder), ["failover local-auth 1 1"]);

    scene.pair.master.start().await.unwrap();
    scene.daemon.until_healthy().await;
    scene.until_served_by("k1").await;
    assert_eq!((scene.haproxy.states(), scene.set_again().await), ([0x00, 0x05], 2));
    for event in ["failover", "failback"] {
        let labels = [("hook", "haproxy"), ("event", event), ("outcome", "ok")];
        assert_eq!(scene.daemon.metric("keyward_hook_runs_total", &labels).await, Some(1.0), "{event}");
    }
}

#[tokio::test]
async fn haproxy_is_reloaded_while_keyward_is_down() {
    let mut scene = Scene::local().await;
    scene.until_served_by("k2").await;
    scene.daemon.kill9();
    scene.haproxy.reload();
    // its old process may still answer for a moment
    let began = Instant::now();
    while scene.haproxy.served_by().as_deref() != Some("k1") {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the new process answers with the side that it was written with"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.daemon.start().await;
    scene.daemon.until_told(&["HAProxy had lost what hook haproxy keeps there"]).await;
    scene.until_served_by("k2").await;
    assert_eq!(super::hooks::starts(&scene.daemon.folder), ["failover local-auth 1 1"]);
}

#[tokio::test]
async fn haproxy_is_reloaded_while_the_region_is_paused() {
    let scene = Scene::local().await;
    scene.until_served_by("k2").await;
    scene.daemon.does(&["pause", "RegionTwo", "--reason", "work on the proxy"]).await;
    scene.haproxy.reload();
    let seen = scene.daemon.until("told", |region| has_verdict(region, "haproxy_not_set")).await;
    let said = level(&seen).sentence;
    assert!(said.ends_with("it is only observed: the region is paused"), "{said}");
    assert_eq!(scene.metrics().await, [Some(1.0), Some(0.0)]);
    scene.daemon.stays(SPAN, "observed", |region| level(region).ok == Some(false)).await;
    assert_eq!((scene.haproxy.states(), scene.set_again().await), ([0x00, 0x05], 0));

    scene.daemon.does(&["resume", "RegionTwo"]).await;
    scene.until_served_by("k2").await;
}

#[tokio::test]
async fn haproxys_socket_has_no_level_admin() {
    let mut scene = Scene::set_up().await;
    scene.haproxy.configure("operator");
    scene.haproxy.start();
    scene.daemon.start().await;
    let told = scene.daemon.until_told(&["has level operator and takes no `set server`: write `level admin`"]).await;
    assert!(matches!(&told.what, EventKind::Verdict { verdict, on: true } if verdict == "haproxy_not_set"), "{told:?}");
    let says_so = |region: &RegionView| !region.ready && region.ready_sentence.contains("has level operator");
    scene.daemon.until("not ready", says_so).await;
    assert_eq!(scene.metrics().await, [Some(0.0), None]);
    let status = scene.daemon.keyward(&["status"]).await;
    assert!(status.status.code() == Some(3) && texts(&status).0.contains("level operator"), "{status:?}");
    let tested = scene.daemon.keyward(&["hook-test", "RegionTwo"]).await;
    let said = texts(&tested).0;
    assert!(said.contains("haproxy: failed") && said.contains("level operator"), "{said}");

    // the way out fails with that sentence, and holds what comes after it back
    scene.pair.master.kill9();
    let failing = scene.daemon.until("failing", |region| region.hooks[0].attempt >= 2).await;
    assert_eq!(failing.phase, Phase::Switching);
    let why = failing.hooks[0].last_failure.as_deref().unwrap_or_default();
    assert!(why.contains("has level operator"), "{failing:#?}");
    assert_eq!(super::hooks::starts(&scene.daemon.folder), ["test local-auth 1 1"]);
    // as an operator mends it
    scene.haproxy.configure("admin");
    scene.haproxy.reload();
    scene.daemon.until_phase(Phase::Local).await;
    scene.until_served_by("k2").await;
}

#[tokio::test]
async fn haproxy_is_down_on_the_way_out_and_comes_up_with_the_wrong_side_on_the_way_back() {
    let mut scene = Scene::healthy().await;
    scene.haproxy.kill9();
    scene.pair.master.kill9();
    let failing = scene.daemon.until("failing", |region| region.hooks[0].attempt >= 2).await;
    assert!(failing.phase == Phase::Switching && has_verdict(&failing, "hook_failing"), "{failing:#?}");
    scene.haproxy.start();
    scene.daemon.until_phase(Phase::Local).await;
    scene.until_served_by("k2").await;

    // in remote it is held there too: somebody sets by hand what the last outage had
    scene.pair.master.start().await.unwrap();
    scene.daemon.until_healthy().await;
    scene.until_served_by("k1").await;
    scene.haproxy.says("set server identity/k2 state ready").unwrap();
    scene.daemon.until_told(&["HAProxy had lost", "identity/k2 was ready, set maint"]).await;
    scene.until_served_by("k1").await;
}

#[tokio::test]
async fn a_second_daemon_that_may_not_act_leaves_haproxy_to_the_first() {
    let mut scene = Scene::healthy().await;
    let mut second = Daemon::new(&scene.pair, "second", wishes(&scene.haproxy));
    stamp(&scene.pair, &second).await;
    second.start().await;
    second.until("second in line", |region| gates(region).contains(&"another_daemon")).await;
    scene.pair.master.kill9();
    scene.daemon.until_phase(Phase::Local).await;
    scene.until_served_by("k2").await;
    let begun = scene.set_again().await;
    let began = Instant::now();
    while began.elapsed() < SPAN {
        assert_eq!(scene.haproxy.served_by().as_deref(), Some("k2"), "{:#?}", second.events().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.set_again().await, begun);
    let seen = level(&second.region().await);
    assert!(seen.sentence.contains("left to the other keyward"), "{seen:?}");
    assert!(!has_verdict(&second.region().await, "haproxy_not_set"));
    // the first is gone: the second acts, and finds an outage as well
    scene.daemon.kill9();
    second.until_phase(Phase::Local).await;
    assert_eq!(scene.haproxy.served_by().as_deref(), Some("k2"));
}
