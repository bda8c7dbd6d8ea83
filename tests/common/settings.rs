//! Settings without TLS for one master and one replica.
#![allow(dead_code, reason = "each of the test programs uses a part of it")]

use std::io::Write as _;
use std::path::Path;

use keyward::config::schema::{Account, Tls, TlsMode};
use keyward::config::{Settings, load};
use keyward::model::{RegionName, ReplicaName};

/// What differs from the defaults; where the servers are and who logs in comes later.
const TEXT: &str = r#"
[account]
password = "put in later"
[tls]
mode = "disabled"
[replication]
password = "put in later"
beat_interval = "500ms"
[replication.tls]
mode = "disabled"
[master]
addresses = ["127.0.0.1:1"]
[[regions]]
name = "RegionTwo"
failover.require_local_identity = "off"
[[regions.replicas]]
name = "r2-db1"
address = "127.0.0.1:2"
"#;

pub fn no_tls() -> Tls {
    Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None }
}

pub fn region() -> RegionName {
    RegionName("RegionTwo".into())
}

pub fn replica_name() -> ReplicaName {
    ReplicaName("r2-db1".into())
}

/// Settings without TLS for one master and one replica.
///
/// The accounts are keyward's own and the one that replicas log in with.
pub fn settings(master: &str, replica: &str, state_dir: &Path, accounts: [Account; 2]) -> Settings {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(TEXT.as_bytes()).unwrap();
    let mut settings = load(Some(file.path())).unwrap();
    [settings.account, settings.replication.account] = accounts;
    settings.state_dir = state_dir.to_owned();
    settings.control_socket = state_dir.join("control.sock");
    settings.master.addresses = vec![master.parse().unwrap()];
    settings.regions[0].replicas[0].address = replica.parse().unwrap();
    settings
}
