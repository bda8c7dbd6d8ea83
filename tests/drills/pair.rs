//! Two servers: RegionOne's master with a keystone-like database, and RegionTwo's replica.

use std::time::Duration;

use keyward::lab::client::{self, server_error};
use keyward::lab::keystone::{self, Size};
use keyward::lab::{Lab, Server, Spec};
use mysql_async::Conn;

use super::daemon::Daemon;
use super::settings::Wishes;

/// The lines of the replica's option file.
pub const DROP_IN: [&str; 5] = [
    "skip_slave_start",
    "read_only=1",
    "replicate_wild_do_table=keystone.%",
    "replicate_wild_do_table=keyward.%",
    "slave_net_timeout=4",
];

const ACCOUNTS_MASTER: &str = "
    CREATE USER keyward@'%' IDENTIFIED BY 'kw'; GRANT BINLOG MONITOR ON *.* TO keyward@'%';
    CREATE DATABASE keyward;
    CREATE TABLE keyward.beat (instance VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, number BIGINT UNSIGNED NOT NULL,
        written_at BIGINT NOT NULL) ENGINE=InnoDB;
    GRANT SELECT, INSERT, UPDATE, DELETE ON keyward.* TO keyward@'%'; GRANT SELECT ON keystone.* TO keyward@'%';
    CREATE USER keyward_repl@'%' IDENTIFIED BY 'rp'; GRANT REPLICATION SLAVE ON *.* TO keyward_repl@'%'";
const ACCOUNTS_REPLICA: &str = "
    SET sql_log_bin = 0;
    CREATE USER keyward@'%' IDENTIFIED BY 'kw';
    GRANT SLAVE MONITOR, BINLOG MONITOR, REPLICATION SLAVE ADMIN, READ_ONLY ADMIN, SHOW DATABASES, PROCESS
        ON *.* TO keyward@'%';
    GRANT SELECT ON keystone.* TO keyward@'%'; GRANT SELECT ON keyward.* TO keyward@'%'";

/// The two servers.
pub struct Pair {
    pub master: Server,
    pub replica: Server,
    // last, so that its folder outlives the servers
    pub lab: Lab,
}

impl Pair {
    /// Both servers, with nothing set up; `lines` go into the replica's option file.
    pub async fn bare(lines: &[&str]) -> Self {
        let lab = Lab::new().unwrap();
        Self::of(lab, Spec::new("r1", 1), Spec::new("r2", 2).lines(lines)).await
    }

    pub async fn of(lab: Lab, master: Spec, replica: Spec) -> Self {
        let (master, replica) = tokio::try_join!(lab.start(master), lab.start(replica)).unwrap();
        tokio::try_join!(keystone::account(&master, "ks", "ks"), keystone::account(&replica, "ks", "ks")).unwrap();
        keystone::load(&master, "keystone", Size { users: 40, projects: 5 }).await.unwrap();
        Self { master, replica, lab }
    }

    /// The usual beginning: set up, and a daemon that finds everything healthy.
    pub async fn healthy(wishes: Wishes) -> (Self, Daemon) {
        let pair = Self::bare(&DROP_IN).await;
        let mut daemon = Daemon::new(&pair, "keyward", wishes);
        set_up(&pair, &daemon).await;
        daemon.start().await;
        daemon.until_healthy().await;
        (pair, daemon)
    }

    /// The accounts alone, for servers that nobody may set up.
    pub async fn make_accounts(&self) {
        tokio::try_join!(self.master.sql(ACCOUNTS_MASTER), self.replica.sql(ACCOUNTS_REPLICA)).unwrap();
    }

    /// The master ends every connection of a user.
    pub async fn end_connections_to_master(&self, user: &str) {
        end_connections(&mut self.master.root().connect().await.unwrap(), user).await;
    }

    /// Both servers hold the same rows; what is on its way is waited for.
    pub async fn until_rows_equal(&self) {
        let master = keystone::content(&self.master, "keystone").await.unwrap();
        let mut replica = None;
        for _ in 0..300 {
            replica = keystone::content(&self.replica, "keystone").await.ok();
            if replica.as_ref() == Some(&master) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the rows differ: master {master:?}, replica {replica:?}");
    }

    /// The region's own Keystone can read on the replica and can write nothing.
    pub async fn assert_replica_serves_reads_only(&self) {
        let keystone = self.replica.client("ks", "ks");
        assert!(!keystone.rows(&keystone::read("user-1")).await.unwrap().is_empty(), "no user-1 to read");
        let refusal = keystone.run(&keystone::write("user-1")).await.unwrap_err();
        assert_eq!(server_error(&refusal), Some(1290), "{refusal:#}");
    }
}

/// A server's root ends every connection of a user.
pub async fn end_connections(root: &mut Conn, user: &str) {
    let threads = format!("SELECT id FROM information_schema.processlist WHERE user = '{user}'");
    for thread in client::rows(root, &threads).await.unwrap().into_iter().flatten().flatten() {
        // one that went by itself meanwhile cannot be ended
        client::rows(root, &format!("KILL {thread}")).await.ok();
    }
}

pub async fn read_only(server: &Server) -> String {
    server.value("SELECT @@read_only").await.unwrap().unwrap()
}

/// Sets the pair up as an operator does, with `keyward setup` and an administrator on each side.
pub async fn set_up(pair: &Pair, daemon: &Daemon) {
    let [master, replica] = [&pair.master, &pair.replica].map(|server| server.socket().display().to_string());
    daemon.does(&["setup", "--master-admin", &master, "--replica-admin", &replica]).await;
}

/// Writes down that the replica's server was set up by this daemon.
pub async fn stamp(pair: &Pair, daemon: &Daemon) {
    let uid = pair.replica.value("SELECT @@server_uid").await.unwrap().unwrap();
    daemon.write_stamp(&uid, 2);
}
