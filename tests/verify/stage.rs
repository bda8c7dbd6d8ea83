//! A master and a replica that follows it, with nothing on them but keyward's account and its least rights.

use std::path::Path;
use std::time::Duration;

use keyward::compare::{self, CompareError, Compared, Pace, Report};
use keyward::config::Settings;
use keyward::config::schema::Account;
use keyward::lab::{Kind, Lab, Server, Spec};
use keyward::model::Family;
use tempfile::TempDir;

pub struct Stage {
    pub master: Server,
    pub replica: Server,
    pub settings: Settings,
    _state: TempDir,
}

impl Stage {
    /// Both of a kind, and `keystone` made by these statements on the master.
    pub async fn new(kinds: (Kind, Kind), statements: &str) -> Self {
        let lab = Lab::new().unwrap();
        let spec = |name, id, kind| Spec::new(name, id).kind(kind);
        let (master, replica) =
            tokio::try_join!(lab.start(spec("m", 1, kinds.0)), lab.start(spec("r", 2, kinds.1))).unwrap();
        let state = tempfile::tempdir().unwrap();
        let settings = settings(&master.address(), &replica.address(), state.path());
        let stage = Self { master, replica, settings, _state: state };
        stage.link().await;
        stage.master.sql("CREATE DATABASE keystone CHARACTER SET utf8mb4; CREATE DATABASE other").await.unwrap();
        stage.master.sql(&format!("USE keystone; {statements}")).await.unwrap();
        stage.catch_up().await;
        stage
    }

    /// A plain pair of MariaDB 10.11.
    pub async fn mariadb(statements: &str) -> Self {
        Self::new((Kind::MariaDb1011, Kind::MariaDb1011), statements).await
    }

    pub fn family(&self) -> Family {
        self.master.kind().family()
    }

    async fn link(&self) {
        let (port, mysql) = (self.master.port(), self.family() == Family::MySql);
        let ours = "CREATE USER keyward@'%' IDENTIFIED BY 'own'; GRANT SELECT, SHOW VIEW ON keystone.* TO keyward@'%'";
        let link = "CREATE USER link@'%' IDENTIFIED BY 'link'; GRANT REPLICATION SLAVE ON *.* TO link@'%'";
        let start = match mysql {
            false => format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'link', \
                 MASTER_PASSWORD = 'link', MASTER_SSL = 0, MASTER_SSL_VERIFY_SERVER_CERT = 0, \
                 MASTER_USE_GTID = slave_pos; START SLAVE"
            ),
            true => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'link', \
                 SOURCE_PASSWORD = 'link', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA"
            ),
        };
        let (on_master, on_replica) = match mysql {
            false => ("GRANT BINLOG MONITOR ON *.* TO keyward@'%'", "GRANT SLAVE MONITOR ON *.* TO keyward@'%'"),
            true => (
                "DO 0",
                "GRANT REPLICATION CLIENT ON *.* TO keyward@'%'; GRANT SELECT ON performance_schema.* TO keyward@'%'",
            ),
        };
        let quiet = "SET SESSION sql_log_bin = 0";
        self.master.sql(&format!("{quiet}; {ours}; {link}; {on_master}")).await.unwrap();
        self.replica.sql(&format!("{quiet}; {ours}; {on_replica}; {start}")).await.unwrap();
    }

    /// Waits until the replica has applied what the master has now.
    pub async fn catch_up(&self) {
        let (asked, wait) = match self.family() {
            Family::MariaDb => ("SELECT @@gtid_binlog_pos", "MASTER_GTID_WAIT"),
            Family::MySql => ("SELECT @@gtid_executed", "WAIT_FOR_EXECUTED_GTID_SET"),
        };
        let position = self.master.value(asked).await.unwrap().unwrap_or_default();
        let waited = self.replica.value(&format!("SELECT {wait}('{position}', 60)")).await.unwrap();
        assert_eq!(waited.as_deref(), Some("0"), "{:?}", self.replica.rows("SHOW PROCESSLIST").await);
    }

    /// Changes the replica alone, as nobody should.
    pub async fn damage(&self, statements: &str) {
        let before = "SET SESSION sql_log_bin = 0, foreign_key_checks = 0, sql_mode = ''; USE keystone";
        self.replica.sql(&format!("{before}; {statements}")).await.unwrap();
    }

    pub async fn try_verify(&self) -> Result<Report, CompareError> {
        self.verify_at(Pace::BRISK, &|_| {}).await
    }

    pub async fn verify_at(&self, pace: Pace, tell: &(dyn Fn(Compared) + Sync)) -> Result<Report, CompareError> {
        let region = &self.settings.regions[0];
        compare::run(&self.settings, (&region.name, &region.replicas[0]), pace, tell).await
    }

    pub async fn verify(&self) -> Report {
        self.try_verify().await.unwrap()
    }

    /// What differs, one sentence each.
    pub async fn differences(&self) -> Vec<String> {
        let report = self.verify().await;
        assert_eq!(report.restless, [""; 0]);
        report.differences.iter().map(keyward::compare::Difference::sentence).collect()
    }
}

fn settings(master: &str, replica: &str, state_dir: &Path) -> Settings {
    let account = |user: &str, password: &str| Account { user: user.into(), password: password.into() };
    let accounts = [account("keyward", "own"), account("link", "link")];
    let mut settings = crate::common_settings::settings(master, replica, state_dir, accounts);
    settings.connect_timeout = Duration::from_secs(20);
    settings
}
