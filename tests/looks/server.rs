//! Servers with keyward's account, links between them, and open sessions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use keyward::config::schema::{Account, Tls, TlsMode};
use keyward::lab::Spec;
use keyward::lab::client::Client;
use keyward::model::Address;
use keyward::wire::connect::{Place, Target};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

pub use crate::common::Server;

pub const PASSWORD: &str = "a 'quoted' pass\\word";

/// What keyward's account needs at most in these tests.
const RIGHTS: &str = "GRANT SELECT, INSERT, UPDATE ON keyward.* TO keyward@'%';
    GRANT SLAVE MONITOR, REPLICATION SLAVE ADMIN, READ_ONLY ADMIN, PROCESS, SHOW DATABASES ON *.* TO keyward@'%';";

pub const BEAT_TABLE: &str = "CREATE DATABASE keyward; CREATE TABLE keyward.beat (
    instance VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, number BIGINT UNSIGNED NOT NULL, written_at BIGINT NOT NULL);";

impl Server {
    /// A server with keyward's account, none of its schemas and these lines in its option file.
    pub fn start(lines: &[&str]) -> Server {
        static LAST_ID: AtomicU32 = AtomicU32::new(0);
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        let server = Server::of(Spec::new("server", id).lines(lines));
        server.sql(&format!(
            "SET sql_log_bin = 0; CREATE USER keyward@'%' IDENTIFIED BY '{}'; {RIGHTS}",
            PASSWORD.replace('\\', "\\\\").replace('\'', "\\'")
        ));
        server
    }

    /// A root session that has run `statements` and stays open until dropped.
    pub async fn session(&self, statements: &str) -> Conn {
        session(self.root(), statements).await
    }

    /// The same with keyward's account.
    pub async fn session_of_keyward(&self, statements: &str) -> Conn {
        session(&self.client("keyward", PASSWORD), statements).await
    }

    pub fn target(&self) -> Target {
        target(self.port())
    }

    /// Makes it a replica of `master` and waits until both threads run.
    pub fn replicate_from(&self, master: &Server) {
        master.sql("CREATE USER IF NOT EXISTS repl@'%' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'");
        self.sql(&format!(
            "SET GLOBAL replicate_wild_do_table = 'keystone.%,keyward.%';
             CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'repl', MASTER_PASSWORD = 'r',
                 MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = 0.2, MASTER_CONNECT_RETRY = 1;
             SET GLOBAL slave_net_timeout = 2; START SLAVE",
            master.port()
        ));
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.sql("SHOW ALL SLAVES STATUS").contains("Waiting for master to send event") {
            assert!(Instant::now() < patience, "{}", self.sql("SHOW ALL SLAVES STATUS"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

async fn session(client: &Client, statements: &str) -> Conn {
    let mut conn = client.connect().await.unwrap();
    conn.query_drop(statements).await.unwrap();
    conn
}

/// Keyward's login through this port.
pub fn target(port: u16) -> Target {
    Target {
        place: Place::Tcp(Address { host: "127.0.0.1".into(), port }),
        account: Account { user: "keyward".into(), password: PASSWORD.to_owned().into() },
        tls: Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None },
        connect_timeout: Duration::from_secs(5),
    }
}
