//! Hooks of the kind `haproxy`, with a real HAProxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::haproxy::{Haproxy, served_by};
use super::stage::{LONG, Stage, hook};
use keyward::act::hook::run;
use keyward::model::haproxy::{self, HaproxySocket};
use keyward::model::hook::{HookEnd, HookEvent, HookKind, HookRun, HookSpec};

/// An HAProxy, and the hook that turns it.
struct Scene {
    stage: Stage,
    haproxy: Haproxy,
    proxy: haproxy::Haproxy,
    limit: Duration,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::new();
        let haproxy = Haproxy::start_in(&stage.folder);
        let proxy = haproxy::Haproxy {
            socket: HaproxySocket::Unix(haproxy.socket()),
            remote: vec!["identity/k1".into()],
            local: vec!["identity/k2".into()],
        };
        Self { stage, haproxy, proxy, limit: LONG }
    }

    fn over_tcp(mut self) -> Self {
        self.proxy.socket = HaproxySocket::Tcp(self.haproxy.tcp().parse().unwrap());
        self
    }

    async fn end(&self, event: HookEvent) -> HookEnd {
        let kind = HookKind::Haproxy(self.proxy.clone());
        let spec = HookSpec { name: "haproxy".into(), kind, timeout: self.limit, optional: false };
        run(HookRun { spec, event, ..hook(Vec::new(), LONG) }, &self.stage.place).await.0.end
    }

    /// Why it fails.
    async fn failure(&self, event: HookEvent) -> String {
        match self.end(event).await {
            HookEnd::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn out_and_back_over_both_kinds_of_socket() {
    for scene in [Scene::new(), Scene::new().over_tcp()] {
        let (at, served_by) = (&scene.proxy.socket, || scene.haproxy.served_by());
        assert_eq!(served_by().as_deref(), Some("k1"), "{at}");
        // twice, as after a crash of the daemon
        for _ in 0..2 {
            assert_eq!(scene.end(HookEvent::Failover).await, HookEnd::Ok, "{at}");
            assert_eq!((scene.haproxy.states(), served_by().as_deref()), ([0x01, 0x04], Some("k2")), "{at}");
        }
        // 0x04 says that the configuration disabled it, and says nothing about now
        for _ in 0..2 {
            assert_eq!(scene.end(HookEvent::Failback).await, HookEnd::Ok, "{at}");
            assert_eq!((scene.haproxy.states(), served_by().as_deref()), ([0x00, 0x05], Some("k1")), "{at}");
        }
        assert!(scene.stage.is_clean(), "{at}");
    }
}

#[tokio::test]
async fn a_half_done_run_is_finished_and_draining_is_not_enough() {
    let scene = Scene::new();
    scene.haproxy.says("set server identity/k2 state ready").unwrap();
    assert_eq!(scene.end(HookEvent::Failover).await, HookEnd::Ok);
    assert_eq!(scene.haproxy.states(), [0x01, 0x04]);
    scene.haproxy.says("set server identity/k1 state drain").unwrap();
    scene.haproxy.says("set server identity/k2 state drain").unwrap();
    assert_eq!(scene.end(HookEvent::Failback).await, HookEnd::Ok);
    assert_eq!(scene.haproxy.states(), [0x00, 0x05]);
}

#[tokio::test]
async fn at_no_moment_is_there_no_server() {
    let scene = Scene::new();
    let test = Arc::new(());
    let (front, served, unserved) = (scene.haproxy.front(), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    for _ in 0..2 {
        let (served, unserved, test) = (Arc::clone(&served), Arc::clone(&unserved), Arc::downgrade(&test));
        std::thread::spawn(move || {
            while test.upgrade().is_some() {
                let counter = if served_by(front).is_some() { &served } else { &unserved };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let begun = Instant::now();
    let mut turns = 0;
    while turns < 40 || served.load(Ordering::Relaxed) < 400 {
        assert!(begun.elapsed() < LONG, "{served:?} requests beside {turns} turns");
        assert_eq!(scene.end(HookEvent::Failover).await, HookEnd::Ok);
        assert_eq!(scene.end(HookEvent::Failback).await, HookEnd::Ok);
        turns += 2;
    }
    assert_eq!(unserved.load(Ordering::Relaxed), 0, "requests that were not served, beside {served:?} that were");
}

#[tokio::test]
async fn a_test_changes_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.end(HookEvent::Test).await, HookEnd::Ok);
    assert_eq!(scene.haproxy.states(), [0x00, 0x05]);
}

#[tokio::test]
async fn names_that_haproxy_does_not_know_are_told_with_those_it_knows() {
    let mut scene = Scene::new();
    for (name, said) in [
        ("identity/k9", "knows no server k9 in backend identity, only k1, k2: mend `remote` and `local` of the hook"),
        ("keystone/k1", "knows no backend keystone, only identity, other: mend `remote` and `local` of the hook"),
    ] {
        scene.proxy.local = vec![name.into()];
        for event in [HookEvent::Failover, HookEvent::Failback, HookEvent::Test] {
            let why = scene.failure(event).await;
            assert_eq!(why, format!("HAProxy at {} {said}", scene.proxy.socket));
        }
    }
    assert_eq!(scene.haproxy.states(), [0x00, 0x05], "something was set all the same");
}

#[tokio::test]
async fn a_socket_without_level_admin_is_told_before_anything_is_tried() {
    let scene = Scene::new();
    for level in ["operator", "user"] {
        scene.haproxy.configure(level);
        scene.haproxy.reload();
        for event in [HookEvent::Failover, HookEvent::Test] {
            let why = scene.failure(event).await;
            let said = format!("has level {level} and takes no `set server`: write `level admin` in its");
            assert!(why.contains(&said), "{why}");
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_made_ready_keeps_the_other_one_serving() {
    let mut scene = Scene::new();
    scene.haproxy.add("backend third\n    server y 127.0.0.1:9 track identity/k2\n");
    scene.haproxy.reload();
    scene.proxy.local = vec!["third/y".into()];
    let why = scene.failure(HookEvent::Failover).await;
    assert!(why.contains("third/y is in maint because the server that it tracks is; the others were left"), "{why}");
    assert_eq!(scene.haproxy.served_by().as_deref(), Some("k1"));
}

#[tokio::test]
async fn what_is_no_stats_socket_of_a_living_haproxy_is_told_in_time() {
    let mut scene = Scene::new();
    let unix = scene.proxy.socket.clone();
    scene.proxy.socket = HaproxySocket::Unix(scene.haproxy.master_socket());
    let why = scene.failure(HookEvent::Test).await;
    assert!(why.contains("name a `stats socket` of an HAProxy, not its master socket"), "{why}");
    scene.proxy.socket = HaproxySocket::Unix(scene.stage.folder.join("nowhere.sock"));
    let why = scene.failure(HookEvent::Test).await;
    assert!(why.contains("there is no such socket; is HAProxy running?"), "{why}");

    scene.proxy.socket = unix;
    scene.haproxy.freeze();
    let began = Instant::now();
    let why = scene.failure(HookEvent::Failover).await;
    assert!(why.contains("gave no complete answer within 5s") && began.elapsed() < LONG, "{why}");
    scene.limit = Duration::from_millis(300);
    assert_eq!(scene.end(HookEvent::Failover).await, HookEnd::TimedOut);
    scene.haproxy.thaw();
    scene.limit = LONG;
    assert_eq!(scene.end(HookEvent::Failover).await, HookEnd::Ok);

    scene.haproxy.kill9();
    let gone = "nobody listens there; is HAProxy running?";
    let why = scene.failure(HookEvent::Failover).await;
    assert!(why.contains(gone), "{why}");
    let scene = scene.over_tcp();
    let why = scene.failure(HookEvent::Failover).await;
    assert!(why.contains(gone), "{why}");
}
