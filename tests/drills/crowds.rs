//! Crowds at the door of the HTTP server.

use tokio::net::TcpStream;

use super::daemon::Daemon;
use super::pair::{DROP_IN, Pair, set_up};
use super::settings::Wishes;

#[tokio::test]
async fn a_crowd_leaves_files_for_the_databases_and_a_door_for_who_asks() {
    let pair = Pair::bare(&DROP_IN).await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    daemon.launcher = ["prlimit", "--nofile=64:64"].map(str::to_owned).into();
    daemon.start().await;
    daemon.until_healthy().await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(TcpStream::connect(daemon.http()).await.unwrap());
    }
    daemon.assert_metrics_are_quick().await;
    pair.end_connections_to_master("keyward").await;
    pair.master.sql("SET sql_log_bin = 0; ALTER USER keyward@'%' ACCOUNT LOCK").await.unwrap();
    let probe = [("witness", "probe")];
    daemon.until_metric("keyward_witness_up", &probe, |up| up == 0.0).await;
    pair.master.sql("SET sql_log_bin = 0; ALTER USER keyward@'%' ACCOUNT UNLOCK").await.unwrap();
    daemon.until_metric("keyward_witness_up", &probe, |up| up == 1.0).await;
    let log = daemon.log();
    assert!(!log.contains("Too many open files"), "{log}");
}
