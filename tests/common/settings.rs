//! Settings without TLS for one master and one replica.

use std::path::Path;
use std::time::Duration;

use keyward::config::Settings;
use keyward::config::schema::{
    Account, Failback, Failover, Http, Identity, LocalIdentity, Log, LogFormat, Master, Mode, Region, Replica,
    Replication, Tls, TlsMode, Trigger,
};
use keyward::model::{Address, RegionName, ReplicaName};

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
    let [own, link] = accounts;
    Settings {
        state_dir: state_dir.to_owned(),
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(5),
        http: Http {
            listen: Address { host: "127.0.0.1".into(), port: 9188 },
            tls_cert_file: None,
            tls_key_file: None,
            client_ca_file: None,
            basic_auth_users: Default::default(),
        },
        control_socket: state_dir.join("control.sock"),
        log: Log { format: LogFormat::Plain, level: "info".into() },
        account: own,
        tls: no_tls(),
        replication: Replication {
            account: link,
            databases: vec!["keystone".into()],
            beat_interval: Duration::from_millis(500),
            auto_setup: true,
            auto_reseed: false,
            verify_every: None,
            tls: no_tls(),
        },
        master: Master {
            region: RegionName("RegionOne".into()),
            addresses: vec![master.parse().unwrap()],
            identity_url: None,
        },
        identity: Identity {
            login: None,
            local: None,
            ca_file: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
        },
        doctor: Default::default(),
        regions: vec![Region {
            name: region(),
            identity_url: None,
            replicas: vec![Replica {
                name: replica_name(),
                address: replica.parse().unwrap(),
                tls: no_tls(),
                replication_tls: no_tls(),
            }],
            failover: Failover {
                mode: Mode::Auto,
                trigger: Trigger::Master,
                unreachable_after: Duration::from_secs(10),
                failback: Failback::Auto,
                failback_after: Duration::from_secs(60),
                failback_max_lag: Duration::from_secs(5),
                max_data_age: Duration::from_secs(86_400),
                require_local_identity: LocalIdentity::Off,
                hooks: Vec::new(),
            },
        }],
    }
}
