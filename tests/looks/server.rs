//! Servers with keyward's account, links between them, and open sessions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use keyward::config::schema::{Account, Tls, TlsMode};
use keyward::lab::client::Client;
use keyward::lab::{Kind, Spec};
use keyward::model::{Address, Family};
use keyward::wire::connect::{Place, Target};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

pub use crate::common::Server;

pub const PASSWORD: &str = "a 'quoted' pass\\word";

/// What keyward's account needs at most in these tests.
const RIGHTS_ON_MARIADB: &str = "GRANT SELECT, INSERT, UPDATE ON keyward.* TO keyward@'%';
    GRANT SLAVE MONITOR, REPLICATION SLAVE ADMIN, READ_ONLY ADMIN, PROCESS, SHOW DATABASES ON *.* TO keyward@'%';";

const RIGHTS_ON_MYSQL: &str = "GRANT SELECT, INSERT, UPDATE ON keyward.* TO keyward@'%';
    GRANT REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN, SYSTEM_VARIABLES_ADMIN, PROCESS, SHOW DATABASES ON *.* TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_applier_filters TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_applier_global_filters TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_applier_status_by_worker TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_connection_configuration TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_connection_status TO keyward@'%';
    GRANT SELECT ON performance_schema.replication_group_members TO keyward@'%';";

pub const BEAT_TABLE: &str = "CREATE DATABASE keyward; CREATE TABLE keyward.beat (
    instance VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, number BIGINT UNSIGNED NOT NULL, written_at BIGINT NOT NULL);";

impl Server {
    /// A server with keyward's account, none of its schemas and these lines in its option file.
    pub fn start(lines: &[&str]) -> Server {
        Self::start_of(Kind::default(), lines)
    }

    /// The same of a kind.
    pub fn start_of(kind: Kind, lines: &[&str]) -> Server {
        static LAST_ID: AtomicU32 = AtomicU32::new(0);
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        let server = Server::of(Spec::new("server", id).kind(kind).lines(lines));
        let rights = match kind.family() {
            Family::MariaDb => RIGHTS_ON_MARIADB,
            Family::MySql => RIGHTS_ON_MYSQL,
        };
        server.sql(&format!(
            "SET sql_log_bin = 0; CREATE USER keyward@'%' IDENTIFIED BY '{}'; {rights}",
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
        let port = master.port();
        let (statements, status, waits) = match self.kind().family() {
            Family::MariaDb => (
                format!(
                    "SET GLOBAL replicate_wild_do_table = 'keystone.%,keyward.%';
                     CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'repl',
                         MASTER_PASSWORD = 'r', MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = 0.2,
                         MASTER_CONNECT_RETRY = 1;
                     SET GLOBAL slave_net_timeout = 2; START SLAVE"
                ),
                "SHOW ALL SLAVES STATUS",
                "Waiting for master to send event",
            ),
            Family::MySql => (
                format!(
                    "CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = ('keystone.%', 'keyward.%');
                     CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'repl',
                         SOURCE_PASSWORD = 'r', SOURCE_AUTO_POSITION = 1, SOURCE_HEARTBEAT_PERIOD = 0.2,
                         SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1;
                     SET GLOBAL replica_net_timeout = 2; START REPLICA"
                ),
                "SHOW REPLICA STATUS",
                "Waiting for source to send event",
            ),
        };
        self.sql(&statements);
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.sql(status).contains(waits) {
            assert!(Instant::now() < patience, "{}", self.sql(status));
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
