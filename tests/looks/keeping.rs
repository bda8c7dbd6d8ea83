//! Upkeep of a replica's server, step by step.

use keyward::act::upkeep::perform;
use keyward::lab::Kind;
use keyward::model::observation::ThreadState;
use keyward::model::upkeep::UpkeepStep;
use keyward::model::{Family, Reason};

use crate::server::Server;
use crate::{look_at_replica, names};

#[tokio::test]
async fn every_step_does_what_it_says_once_and_again() {
    every_step(Kind::default()).await;
}

/// Every step on a server of this kind, twice each.
pub async fn every_step(kind: Kind) {
    let (master, replica) = (Server::start_of(kind, &[]), Server::start_of(kind, &[]));
    replica.replicate_from(&master);
    let mut looks = look_at_replica(replica.target(), &names());
    let threads = |facts: &keyward::model::observation::ReplicaFacts| {
        let link = facts.link.as_ref().unwrap();
        (link.io, link.sql)
    };
    use ThreadState::{Running, Stopped};
    for _ in 0..2 {
        let steps = [UpkeepStep::SetReadOnly, UpkeepStep::HoldSqlThread, UpkeepStep::SetNetTimeout(3)];
        assert_eq!(perform(&replica.target(), &steps).await.unwrap(), steps);
        let facts = looks.good().await;
        assert!(facts.read_only && facts.super_read_only != Some(false));
        assert_eq!((threads(&facts), facts.net_timeout_seconds), ((Running, Stopped), 3));
    }
    let filter = r"key\_st'one.%,keyward.%";
    for _ in 0..2 {
        perform(&replica.target(), &[UpkeepStep::SetFilter(filter.into())]).await.unwrap();
        let facts = looks.good().await;
        assert_eq!((facts.filter.as_str(), threads(&facts)), (filter, (Stopped, Stopped)));
    }
    for _ in 0..2 {
        perform(&replica.target(), &[UpkeepStep::StartThreads]).await.unwrap();
        looks.until(|look| threads(look.result.as_ref().unwrap()) == (Running, Running)).await;
    }
    // with the threads running the filter is refused unless they are stopped for it
    let steps = [UpkeepStep::SetFilter("keystone.%".into()), UpkeepStep::StartThreads];
    perform(&replica.target(), &steps).await.unwrap();
    let look = looks.until(|look| threads(look.result.as_ref().unwrap()) == (Running, Running)).await;
    assert_eq!(look.result.unwrap().filter, "keystone.%");
    let io_threads = match kind.family() {
        Family::MariaDb => "SELECT id FROM information_schema.processlist WHERE command = 'Slave_IO'",
        Family::MySql => "SELECT thread_id FROM performance_schema.replication_connection_status",
    };
    for _ in 0..2 {
        let before = replica.sql(io_threads);
        perform(&replica.target(), &[UpkeepStep::RestartIoThread]).await.unwrap();
        looks.until(|look| threads(look.result.as_ref().unwrap()) == (Running, Running)).await;
        assert_ne!(replica.sql(io_threads), before, "the I/O thread is the one of before");
    }
    for _ in 0..2 {
        perform(&replica.target(), &[UpkeepStep::StopThreads]).await.unwrap();
        assert_eq!(threads(&looks.good().await), (Stopped, Stopped));
    }
}

#[tokio::test]
async fn whoever_blocks_read_only_is_named_and_nobody_waits_for_long() {
    let server = Server::start(&[]);
    server.sql("CREATE DATABASE keystone; CREATE TABLE keystone.t (a INT)");
    let blocker = server.session("LOCK TABLES keystone.t WRITE").await;
    let steps = [UpkeepStep::SetReadOnly, UpkeepStep::SetNetTimeout(7)];
    let failed = perform(&server.target(), &steps).await.unwrap_err();
    assert_eq!((failed.step, failed.failure.reason), (Some(UpkeepStep::SetReadOnly), Reason::Unexpected));
    // by its own short wait, not because the statement was given up in the end
    assert!(failed.failure.detail.starts_with("1205 "), "{}", failed.failure);
    let named = failed.blocking.unwrap();
    assert!(named.contains(&format!("thread {} of root@", blocker.id())), "{named}");
    assert_eq!(server.sql("SELECT @@read_only, @@slave_net_timeout"), "0\t60", "the later step was not tried");
    drop(blocker);
    server.sql("SET GLOBAL lock_wait_timeout = 60");
    perform(&server.target(), &steps).await.unwrap();
    assert_eq!(server.sql("SELECT @@read_only, @@slave_net_timeout"), "1\t7");

    // a held global read lock is no obstacle: nobody writes under it
    server.sql("SET GLOBAL read_only = 0");
    let _flush = server.session("FLUSH TABLES WITH READ LOCK").await;
    perform(&server.target(), &[UpkeepStep::SetReadOnly]).await.unwrap();
}

#[tokio::test]
async fn a_step_that_fails_says_which_and_why() {
    let server = Server::start(&[]);
    let failed = perform(&server.target(), &[UpkeepStep::StopThreads, UpkeepStep::StartThreads]).await.unwrap_err();
    assert_eq!(failed.step, Some(UpkeepStep::StartThreads));
    assert!(failed.to_string().starts_with("could not start the replication threads: "), "{failed}");
    server.sql("REVOKE READ_ONLY ADMIN ON *.* FROM keyward@'%'");
    let failed = perform(&server.target(), &[UpkeepStep::SetReadOnly]).await.unwrap_err();
    assert_eq!((failed.failure.reason, failed.blocking), (Reason::Privilege, None));
    let mut gone = server.target();
    gone.account.password = "no".to_owned().into();
    let failed = perform(&gone, &[UpkeepStep::SetReadOnly]).await.unwrap_err();
    assert_eq!((failed.step, failed.failure.reason), (None, Reason::Login));
}

#[test]
fn no_statement_makes_a_server_writable() {
    let unset = regex::Regex::new(r"(?i)read_only\s*:?=\s*(?:0|off|false|'off'|default|\{)").unwrap();
    let mut read = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            assert!(!unset.is_match(&text), "{}", entry.display());
            read += 1;
        }
    }
    assert!(read > 0);
    assert!(unset.is_match("SET GLOBAL read_only = 0"));
}
