//! Named locks: one server under two names, and who may act.

use std::time::Duration;

use keyward::lab::Kind;
use keyward::model::ReplicaName;
use keyward::model::observation::{ActingLock, ReplicaFacts};
use keyward::observe::names::{ActingWish, NameTag};
use keyward::observe::replica::ReplicaNames;

use crate::proxy::Proxy;
use crate::server::{Server, target};
use crate::{look_at_master, look_at_replica, names};

#[tokio::test]
async fn a_replica_that_is_the_master_is_recognised_and_another_one_is_proven_not_to_be() {
    the_master_is_recognised(Kind::default()).await;
}

/// Looks at one server of this kind as master and replica.
pub async fn the_master_is_recognised(kind: Kind) {
    let (one, two) = (Server::start_of(kind, &[]), Server::start_of(kind, &[]));
    let alone = names();
    let mut unproven = look_at_replica(two.target(), &alone);
    let facts = unproven.good().await;
    assert!(!facts.is_the_master && !facts.proven_not_master, "nobody looks at the master");
    drop(unproven);

    let names = names();
    let mut at_master = look_at_master(one.target(), &names.masters[0]);
    at_master.good().await;
    let facts = look_at_replica(one.target(), &names).good().await;
    assert!(facts.is_the_master && !facts.proven_not_master);
    let facts = look_at_replica(two.target(), &names).good().await;
    assert!(!facts.is_the_master && facts.proven_not_master);

    // a path that went silent without a word leaves the name behind, and that changes nothing
    let other = crate::names();
    let proxy = Proxy::start(one.port(), Duration::ZERO).await;
    let mut through = look_at_master(target(proxy.port), &other.masters[0]);
    through.good().await;
    proxy.silence();
    let back = through.until(|look| look.connection > 1 && look.result.is_ok()).await;
    assert!(back.result.is_ok());
    let facts = look_at_replica(one.target(), &other).good().await;
    assert!(facts.is_the_master && !facts.proven_not_master);
}

#[tokio::test]
async fn two_replicas_that_are_one_server_are_recognised() {
    let (one, two) = (Server::start(&[]), Server::start(&[]));
    let tags: Vec<(ReplicaName, NameTag)> =
        ["a", "b", "c"].map(|name| (ReplicaName(name.into()), NameTag::new("test", name))).into();
    let names_of = |own: usize| ReplicaNames {
        tag: tags[own].1.clone(),
        masters: vec![NameTag::new("test", "master")],
        others: tags.iter().enumerate().filter(|(place, _)| *place != own).map(|(_, tag)| tag.clone()).collect(),
        acting: ActingWish::default(),
    };
    let mut a = look_at_replica(one.target(), &names_of(0));
    let mut b = look_at_replica(two.target(), &names_of(1));
    let mut c = look_at_replica(two.target(), &names_of(2));
    a.good().await;
    b.until(|look| look.result.as_ref().is_ok_and(|facts| facts.is_also == Some(ReplicaName("c".into())))).await;
    c.until(|look| look.result.as_ref().is_ok_and(|facts| facts.is_also == Some(ReplicaName("b".into())))).await;
    assert_eq!(a.good().await.is_also, None);
}

#[tokio::test]
async fn one_daemon_acts_and_lets_go_when_told() {
    one_acts(Server::start(&[])).await;
}

/// Two daemons that want to act on a server.
pub async fn one_acts(server: Server) {
    let (first, second) = (names(), names());
    let mut at_first = look_at_replica(server.target(), &first);
    let mut at_second = look_at_replica(server.target(), &second);
    assert_eq!(at_first.good().await.acting_lock, ActingLock::Free);
    first.acting.set(true);
    at_first.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
    second.acting.set(true);
    for _ in 0..5 {
        assert!(matches!(at_second.good().await.acting_lock, ActingLock::Other(_)));
        assert_eq!(at_first.good().await.acting_lock, ActingLock::Ours);
    }
    first.acting.set(false);
    at_second.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
    assert!(matches!(at_first.good().await.acting_lock, ActingLock::Other(_)));
    // a daemon that ends takes its lock with it
    drop(at_second);
    first.acting.set(true);
    at_first.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
}

#[tokio::test]
async fn a_lock_left_behind_by_ourselves_is_never_another_daemon() {
    ghost_is_ended(Server::start(&[])).await;
}

/// A connection that is lost while it holds the lock on this server.
pub async fn ghost_is_ended(server: Server) {
    let proxy = Proxy::start(server.port(), Duration::ZERO).await;
    let names = names();
    names.acting.set(true);
    let mut looks = look_at_replica(target(proxy.port), &names);
    looks.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
    let holder = server.sql("SELECT IS_USED_LOCK('keyward.acting')");
    proxy.silence();
    let mut ours = 0;
    while ours < 3 {
        let look = looks.next().await;
        let Ok(facts) = look.result else { continue };
        assert!(!matches!(facts.acting_lock, ActingLock::Other(_)), "our own ghost passed for another daemon");
        ours += u32::from(look.connection > 1 && facts.acting_lock == ActingLock::Ours);
    }
    assert_ne!(server.sql("SELECT IS_USED_LOCK('keyward.acting')"), holder);
}

#[tokio::test]
async fn a_connection_that_answers_late_keeps_its_locks() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let proxy = Proxy::start(server.port(), Duration::ZERO).await;
    let path_to_master = Proxy::start(other.port(), Duration::ZERO).await;
    let names = names();
    names.acting.set(true);
    let mut at_master = look_at_master(target(path_to_master.port), &names.masters[0]);
    let mut looks = look_at_replica(target(proxy.port), &names);
    let proven = |facts: &ReplicaFacts| facts.acting_lock == ActingLock::Ours && facts.proven_not_master;
    looks.until(|look| look.result.as_ref().is_ok_and(proven)).await;
    let holder = server.sql("SELECT IS_USED_LOCK('keyward.acting')");
    for path in [&proxy, &path_to_master] {
        path.hold(true);
        path.delay(Duration::from_millis(400));
    }
    at_master.until(|look| look.result.is_err()).await;
    looks.until(|look| look.result.is_err()).await;
    proxy.delay(Duration::ZERO);
    // the master's name is not known to be held while its answer is late
    let facts = looks.good().await;
    assert!(facts.acting_lock == ActingLock::Ours && !facts.proven_not_master, "{facts:?}");
    path_to_master.delay(Duration::ZERO);
    let back = looks.until(|look| look.result.as_ref().is_ok_and(proven)).await;
    assert_eq!((back.connection, at_master.until(|look| look.result.is_ok()).await.connection), (1, 1));
    assert_eq!(server.sql("SELECT IS_USED_LOCK('keyward.acting')"), holder);
}

#[tokio::test]
async fn a_server_that_was_frozen_gives_the_lock_back_to_us() {
    let server = Server::start(&[]);
    let names = names();
    names.acting.set(true);
    let mut looks = look_at_replica(server.target(), &names);
    looks.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
    server.freeze().unwrap();
    looks.until(|look| look.result.is_err()).await;
    looks.until(|look| look.result.is_err()).await;
    server.thaw().unwrap();
    let mut ours = 0;
    while ours < 3 {
        let Ok(facts) = looks.next().await.result else { continue };
        assert!(!matches!(facts.acting_lock, ActingLock::Other(_)), "our own ghost passed for another daemon");
        ours += u32::from(facts.acting_lock == ActingLock::Ours);
    }
}

#[tokio::test]
async fn somebody_elses_connection_is_never_ended() {
    let mut server = Server::start(&[]);
    let proxy = Proxy::start(server.port(), Duration::ZERO).await;
    // ids that the restarted server may use up before ours comes again
    for _ in 0..40 {
        server.sql("DO 1");
    }
    let names = names();
    names.acting.set(true);
    let mut looks = look_at_replica(target(proxy.port), &names);
    looks.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
    let own: u32 = server.sql("SELECT IS_USED_LOCK('keyward.acting')").parse().unwrap();
    // a restarted server counts from the beginning: another daemon now has the id that was ours
    proxy.shut(true);
    server.kill9();
    server.restart(&[]);
    let other = loop {
        let session = server.session_of_keyward("SELECT GET_LOCK('keyward.acting', 0)").await;
        assert!(session.id() <= own, "the id is gone: {} of {own}", session.id());
        if session.id() == own {
            break session;
        }
    };
    proxy.shut(false);
    for _ in 0..3 {
        assert_eq!(looks.good().await.acting_lock, ActingLock::Other(own.into()));
    }
    let alive = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {own}");
    assert_eq!(server.sql(&alive), "1");
    drop(other);
    looks.until(|look| look.result.as_ref().unwrap().acting_lock == ActingLock::Ours).await;
}
