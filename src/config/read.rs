//! Walks the settings table by table into `Settings`, and notes everything that cannot be read on the way.
//! Whether values agree with each other stands in `check`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

use super::hook;
use super::schema::{
    Account, Failback, Failover, Http, LocalIdentity, Log, LogFormat, Master, Mode, Region, Replica, Replication,
    Settings, Tls, TlsMode, Trigger,
};
use super::secret::{self, Files};
use super::table::Table;
use super::{doctor, identity};
use crate::model::{RegionName, ReplicaName};

/// Reads all settings; what is wrong is in the table's notes, and the result counts only when nothing is.
pub fn settings(mut root: Table<'_>, files: &Files) -> Settings {
    let state_dir = root.absolute_path("state_dir", "/var/lib/keyward");
    let poll_interval = root.duration("poll_interval", "1s");
    let probe_timeout = root.duration("probe_timeout", "1s");
    let connect_timeout = root.duration("connect_timeout", "5s");
    let http = http(root.table("http"));
    let control_socket = control_socket(root.table("control"));
    let log = log(root.table("log"));
    let mut own = root.table("account");
    let account = account(&mut own, "keyward", "keyward.password", files);
    own.close();
    let own_tls = tls(root.table("tls"), &TlsWords::with_ca("/etc/keyward/ca.pem"));
    let (replication, link_tls) = replication(root.table("replication"), files);
    let master = master(root.table("master"));
    let identity = identity::read(root.table("identity"), files);
    let doctor = doctor::read(root.table("doctor"));
    let regions = root.tables("regions").into_iter().map(|table| region(table, &own_tls, &link_tls, files)).collect();
    root.close();
    Settings {
        state_dir,
        poll_interval,
        probe_timeout,
        connect_timeout,
        http,
        control_socket,
        log,
        account,
        tls: own_tls.finished(),
        replication,
        master,
        identity,
        doctor,
        regions,
    }
}

fn control_socket(mut table: Table<'_>) -> PathBuf {
    let socket = table.absolute_path("socket", "/run/keyward/control.sock");
    table.close();
    socket
}

fn http(mut table: Table<'_>) -> Http {
    let users: BTreeMap<String, SecretString> =
        table.pairs("basic_auth_users").into_iter().map(|(name, hash)| (name, SecretString::from(hash))).collect();
    let http = Http {
        listen: table.address("listen", "127.0.0.1:9188"),
        tls_cert_file: table.path_if_any("tls_cert_file"),
        tls_key_file: table.path_if_any("tls_key_file"),
        client_ca_file: table.path_if_any("client_ca_file"),
        basic_auth_users: users,
    };
    table.close();
    http
}

fn log(mut table: Table<'_>) -> Log {
    let formats = [("plain", LogFormat::Plain), ("json", LogFormat::Json), ("oslo", LogFormat::Oslo)];
    let log = Log {
        format: table.choice("format", "plain", &formats).unwrap_or(LogFormat::Plain),
        level: table.text("level", "info"),
    };
    table.close();
    log
}

fn account(table: &mut Table<'_>, user: &str, password_file: &str, files: &Files) -> Account {
    Account { user: table.text("user", user), password: secret::password(table, password_file, files) }
}

/// The keys of a table about TLS before it is known which of them its mode uses.
#[derive(Clone, Debug)]
struct TlsWords {
    mode: TlsMode,
    ca_file: String,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl TlsWords {
    fn with_ca(ca_file: &str) -> Self {
        Self { mode: TlsMode::VerifyIdentity, ca_file: ca_file.to_owned(), cert_file: None, key_file: None }
    }

    /// What the mode uses; a file that it does not use is left out, so that nobody looks for it.
    fn finished(&self) -> Tls {
        let encrypted = self.mode != TlsMode::Disabled;
        let verifies = matches!(self.mode, TlsMode::VerifyCa | TlsMode::VerifyIdentity);
        let verified = verifies && !self.ca_file.is_empty();
        Tls {
            mode: self.mode,
            ca_file: verified.then(|| PathBuf::from(&self.ca_file)),
            cert_file: self.cert_file.clone().filter(|_| encrypted),
            key_file: self.key_file.clone().filter(|_| encrypted),
        }
    }
}

fn tls(mut table: Table<'_>, usual: &TlsWords) -> TlsWords {
    let modes = [
        ("disabled", TlsMode::Disabled),
        ("required", TlsMode::Required),
        ("verify-ca", TlsMode::VerifyCa),
        ("verify-identity", TlsMode::VerifyIdentity),
    ];
    let words = TlsWords {
        mode: table.choice("mode", usual.mode.code(), &modes).unwrap_or(usual.mode),
        ca_file: table.text("ca_file", &usual.ca_file),
        cert_file: table.path_if_any("cert_file").or_else(|| usual.cert_file.clone()),
        key_file: table.path_if_any("key_file").or_else(|| usual.key_file.clone()),
    };
    table.close();
    words
}

fn replication(mut table: Table<'_>, files: &Files) -> (Replication, TlsWords) {
    let account = account(&mut table, "keyward_repl", "replication.password", files);
    let databases = table.texts("databases", Some(&["keystone"]));
    let beat_interval = table.duration("beat_interval", "1s");
    let auto_setup = table.flag("auto_setup", true);
    let auto_reseed = table.flag("auto_reseed", false);
    let verify_every = table.span("verify_every", "off");
    let link_tls = tls(table.table("tls"), &TlsWords::with_ca("/etc/mysql/keyward-ca.pem"));
    table.close();
    let tls = link_tls.finished();
    let replication = Replication { account, databases, beat_interval, auto_setup, auto_reseed, verify_every, tls };
    (replication, link_tls)
}

/// Every address has a connection for looks and one for beats of its own.
const MOST_MASTERS: usize = 8;

fn master(mut table: Table<'_>) -> Master {
    let region = RegionName(table.text("region", "RegionOne"));
    let addresses = table.texts("addresses", None);
    match addresses.len() {
        0 if table.sound("addresses") => table.problem("addresses", "must name the master's address, as HOST:PORT"),
        0..=MOST_MASTERS => {}
        many => table.problem("addresses", format!("names {many} servers; at most {MOST_MASTERS} are watched")),
    }
    let addresses = addresses
        .iter()
        .enumerate()
        .map(|(index, text)| table.as_address(&format!("addresses[{index}]"), text))
        .collect();
    let identity_url = identity::url(&mut table);
    table.close();
    Master { region, addresses, identity_url }
}

fn region(mut table: Table<'_>, own_tls: &TlsWords, link_tls: &TlsWords, files: &Files) -> Region {
    let name = RegionName(table.text_needed("name"));
    let identity_url = identity::url(&mut table);
    let replicas = table.tables("replicas").into_iter().map(|table| replica(table, own_tls, link_tls)).collect();
    let failover = failover(table.table("failover"), files);
    table.close();
    Region { name, identity_url, replicas, failover }
}

fn replica(mut table: Table<'_>, own_tls: &TlsWords, link_tls: &TlsWords) -> Replica {
    let replica = Replica {
        name: ReplicaName(table.text_needed("name")),
        address: table.address_needed("address"),
        tls: tls(table.override_table("tls"), own_tls).finished(),
        replication_tls: tls(table.override_table("replication_tls"), link_tls).finished(),
    };
    table.close();
    replica
}

fn failover(mut table: Table<'_>, files: &Files) -> Failover {
    let modes = [("auto", Mode::Auto), ("manual", Mode::Manual), ("off", Mode::Off)];
    let ways_back = [("auto", Failback::Auto), ("manual", Failback::Manual)];
    let required = [LocalIdentity::Off, LocalIdentity::Validates, LocalIdentity::FirstLogin];
    let required = required.map(|required| (required.code(), required));
    let mode = table.choice("mode", "auto", &modes).unwrap_or(Mode::Auto);
    let triggers = Trigger::ALL.map(|trigger| (trigger.code(), trigger));
    let failover = Failover {
        mode,
        trigger: table.choice("trigger", "master", &triggers).unwrap_or_default(),
        unreachable_after: table.duration("unreachable_after", "10s"),
        failback: table.choice("failback", "auto", &ways_back).unwrap_or(Failback::Auto),
        failback_after: table.duration("failback_after", "60s"),
        failback_max_lag: table.duration("failback_max_lag", "5s"),
        max_data_age: table.duration("max_data_age", "24h"),
        require_local_identity: table.choice("require_local_identity", "validates", &required).unwrap_or_default(),
        hooks: table.tables("hooks").into_iter().map(|table| hook::read(table, files)).collect(),
    };
    table.close();
    failover
}
