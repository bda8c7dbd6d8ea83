//! A pair that `keyward setup` made, with Keystone's tables and rows, and nothing wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use keyward::config::Settings;
use keyward::config::schema::Account;
use keyward::daemon::clock;
use keyward::daemon::setup::{End, How, set_up_replica};
use keyward::doctor::{self, Report, checks};
use keyward::gather::{self, Wish};
use keyward::lab::{Kind, Lab, Server, Spec};
use keyward::model::{Family, Now};
use keyward::wire::connect::{Place, Target};
use tempfile::TempDir;

use crate::common_settings::{no_tls, region, replica_name, settings};

/// What Keystone 30 made of an empty database.
const KEYSTONE: &str = include_str!("../fixtures/keystone-30.sql");

/// Two services of the master's region, whose users have logged in today, and the region's own endpoints.
const SERVICES: &str = "
INSERT INTO project (id, name, domain_id, enabled, is_domain, parent_id)
  VALUES ('p1', 'service', 'default', 1, 0, 'default'), ('p2', 'people', 'default', 1, 0, 'default');
INSERT INTO user (id, enabled, domain_id) VALUES ('u1', 1, 'default'), ('u2', 1, 'default'), ('u3', 1, 'default');
INSERT INTO local_user (domain_id, user_id, name, failed_auth_count)
  VALUES ('default', 'u1', 'nova', 0), ('default', 'u2', 'neutron', NULL), ('default', 'u3', 'ann', 0);
INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
  SELECT 'UserProject', id, IF(id = 'u3', 'p2', 'p1'), (SELECT id FROM role WHERE name = 'admin'), 0 FROM user
  WHERE id IN ('u1', 'u2', 'u3');
INSERT INTO region (id, description) VALUES ('RegionTwo', '');
INSERT INTO service (id, type, enabled, extra) VALUES ('s1', 'compute', 1, '{\"name\": \"nova\"}');
INSERT INTO endpoint (id, interface, service_id, url, enabled, region_id) VALUES
  ('e1', 'public', 's1', 'https://compute.regionone.example.org/v2.1', 1, 'RegionOne'),
  ('e2', 'public', 's1', 'https://compute.regiontwo.example.org/v2.1', 1, 'RegionTwo');
INSERT INTO endpoint (id, interface, service_id, url, enabled, region_id)
  SELECT 'e3', 'public', id, 'https://identity.regionone.example.org/v3', 1, 'RegionTwo' FROM service
  WHERE type = 'identity';
";

/// Findings' sentences by the name of their check.
pub type Found = BTreeMap<&'static str, Vec<String>>;

pub struct Stage {
    pub master: Server,
    pub replica: Server,
    pub settings: Settings,
    state: TempDir,
}

impl Stage {
    /// A pair of a kind, set up, but with nothing in the replica's option file that would outlive a restart.
    pub async fn new(kind: Kind) -> (Self, Vec<String>) {
        let lab = Lab::new().unwrap();
        let strict: &[&str] = if kind.family() == Family::MariaDb { &["gtid_strict_mode=ON"] } else { &[] };
        let (master, replica) = tokio::try_join!(
            lab.start(Spec::new("m", 1).kind(kind)),
            lab.start(Spec::new("r", 2).kind(kind).lines(strict))
        )
        .unwrap();
        let state = tempfile::tempdir().unwrap();
        let account = |user: &str| Account { user: user.into(), password: format!("{user}-password").into() };
        let accounts = [account("keyward"), account("keyward_repl")];
        let mut settings = settings(&master.address(), &replica.address(), state.path(), accounts);
        settings.connect_timeout = Duration::from_secs(20);
        let stage = Self { master, replica, settings, state };
        let rows = format!("CREATE DATABASE keystone; USE keystone; SET foreign_key_checks = 0; {KEYSTONE} {SERVICES}");
        stage.master.sql(&rows).await.unwrap();
        let account = "SET sql_log_bin = 0; CREATE USER keystone@'%' IDENTIFIED BY 'k@y'; GRANT ALL ON keystone.* TO keystone@'%'";
        for server in [&stage.master, &stage.replica] {
            server.sql(account).await.unwrap();
        }
        let drop_in = stage.set_up().await;
        (stage, drop_in)
    }

    /// `keyward setup` as administrator; the lines that belong into the replica's option file.
    pub async fn set_up(&self) -> Vec<String> {
        let how = How {
            master_admin: Some(admin(&self.master)),
            replica_admin: Some(admin(&self.replica)),
            ..How::default()
        };
        match set_up_replica(&self.settings, &region(), &replica_name(), &how, &|_| {}).await {
            End::Done(lines) | End::NothingToDo(lines) => lines,
            other => panic!("not set up: {other:?}"),
        }
    }

    pub async fn examine_by(&self, wish: &Wish, clock: fn() -> Now) -> Report {
        let chosen = [(&self.settings.regions[0].name, &self.settings.regions[0].replicas[0])];
        doctor::examine(&gather::facts(&self.settings, &chosen, wish, clock).await)
    }

    /// An administrator, and the files of a Keystone that has nothing wrong.
    pub fn wish(&self) -> Wish {
        let conf = self.folder().join("keystone.conf");
        if !conf.exists() {
            for keys in ["fernet", "credential"].map(|name| self.folder().join(name)) {
                std::fs::create_dir(&keys).unwrap();
                std::fs::write(keys.join("0"), "a key").unwrap();
                let mode = |mode| std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(keys.join("0"), mode(0o600)).unwrap();
                std::fs::set_permissions(&keys, mode(0o700)).unwrap();
            }
            std::fs::write(&conf, self.good_conf()).unwrap();
        }
        Wish { replica_admin: Some(admin(&self.replica)), keystone_confs: vec![conf], ..Wish::default() }
    }

    /// What stands in Keystone's file beside the replica.
    pub fn good_conf(&self) -> String {
        let (password, folder) = ("k%40y", self.folder().display());
        format!(
            "[database]\nconnection = mysql+pymysql://keystone:{password}@{}/keystone?charset=utf8\n\
             [fernet_tokens]\nkey_repository = {folder}/fernet\n[credential]\nkey_repository = {folder}/credential\n\
             [token]\nprovider = fernet\n",
            self.replica.address()
        )
    }

    /// A folder of its own.
    pub fn folder(&self) -> &Path {
        self.state.path()
    }

    /// What is found with everything that may be asked.
    pub async fn examine(&self) -> Report {
        self.examine_by(&self.wish(), clock::now).await
    }

    /// Statements as root that leave no trace in the binary log.
    pub async fn change(&self, place: At, statements: &str) {
        let quiet = "SET SESSION sql_log_bin = 0, foreign_key_checks = 0; USE keystone";
        let servers: &[&Server] = match place {
            At::Master => &[&self.master],
            At::Replica => &[&self.replica],
            At::Both => &[&self.master, &self.replica],
        };
        for server in servers {
            // nobody writes on such a server, not even root
            let strict = server.kind().family() == Family::MySql && !statements.contains("super_read_only");
            let again = match strict && server.value("SELECT @@super_read_only").await.unwrap().as_deref() == Some("1")
            {
                true => ("; SET GLOBAL super_read_only = 0", "; SET GLOBAL super_read_only = 1"),
                false => ("", ""),
            };
            server.sql(&format!("{quiet}{}; {statements}{}", again.0, again.1)).await.unwrap();
        }
    }
}

/// Where something is changed.
#[derive(Clone, Copy, Debug)]
pub enum At {
    Master,
    Replica,
    Both,
}

pub fn admin(server: &Server) -> Target {
    Target {
        place: Place::Socket(server.socket()),
        account: Account { user: "root".into(), password: "".into() },
        tls: no_tls(),
        connect_timeout: Duration::from_secs(20),
    }
}

/// The findings by their checks.
pub fn found(report: &Report) -> Found {
    let mut found = Found::new();
    for finding in &report.findings {
        found.entry(finding.id).or_default().push(finding.sentence.clone());
    }
    found
}

/// Checks of these groups that could not look, each with why.
pub fn missed(report: &Report, groups: &[&str]) -> Vec<String> {
    let of_groups = |id: &&str| {
        doctor::CATALOGUE
            .iter()
            .any(|(heading, checks)| groups.contains(heading) && checks.iter().any(|check| check.id == *id))
    };
    let why = report.unasked.iter().filter(|unasked| unasked.checks.iter().any(of_groups));
    why.map(|unasked| format!("{unasked:?}")).collect()
}

/// Checks of these groups that no case has shown in a bad state.
pub fn untried(groups: &[&str], tried: &BTreeSet<&str>) -> Vec<&'static str> {
    assert!(checks().count() > 0);
    let of_groups = doctor::CATALOGUE.iter().filter(|(heading, _)| groups.contains(heading));
    of_groups.flat_map(|(_, checks)| checks.iter()).map(|check| check.id).filter(|id| !tried.contains(id)).collect()
}
