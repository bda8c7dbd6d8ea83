//! Every setting with its meaning. Values here are complete and checked: defaults are filled in, secrets are read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::model::hook::HookSpec;
pub use crate::model::phase::{Failback, LocalIdentity, Mode, Trigger};
use crate::model::{Address, RegionName, ReplicaName, WebUrl};

/// The longest name of a unix socket that Linux takes.
pub(super) const LONGEST_SOCKET: usize = 107;

/// Everything that `keyward.toml` says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where keyward keeps what must outlive a restart.
    pub state_dir: PathBuf,
    /// One look at every server this often.
    pub poll_interval: Duration,
    /// Limit of one look on an open connection.
    pub probe_timeout: Duration,
    /// Limit of making a connection, TLS and login included.
    pub connect_timeout: Duration,
    /// The read-only HTTP server.
    pub http: Http,
    /// The unix socket through which everything that changes something goes.
    pub control_socket: PathBuf,
    /// How the log is written.
    pub log: Log,
    /// Keyward's own login.
    pub account: Account,
    /// Keyward's own connections to the databases; a replica may override it.
    pub tls: Tls,
    /// The link from replica to master.
    pub replication: Replication,
    /// RegionOne's database.
    pub master: Master,
    /// How Keystones are looked at.
    pub identity: Identity,
    /// The daemon's own examinations.
    pub doctor: Doctor,
    /// The regions that are looked after, in the order of the file.
    pub regions: Vec<Region>,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    /// `ADDRESS:PORT` to listen on.
    pub listen: Address,
    /// Certificate chain for HTTPS, PEM.
    pub tls_cert_file: Option<PathBuf>,
    /// Private key for HTTPS, PEM.
    pub tls_key_file: Option<PathBuf>,
    /// CA that a client's certificate must come from, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// User names and their bcrypt hashes; empty for no login.
    pub basic_auth_users: BTreeMap<String, SecretString>,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// A level or a filter of the `tracing` family, for example `info` or `keyward=debug`.
    pub level: String,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people and the journal.
    Plain,
    /// One JSON object a line.
    Json,
    /// The line that OpenStack's services write and kolla's fluentd parses.
    Oslo,
}

/// A login on a database server.
#[derive(Clone, Debug)]
pub struct Account {
    /// User name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// How a connection to a database is protected; paths are on the host of whoever connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether and how the server is verified.
    pub mode: TlsMode,
    /// CA certificates, PEM; without it the public ones count.
    pub ca_file: Option<PathBuf>,
    /// Client certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// Client private key, PEM.
    pub key_file: Option<PathBuf>,
}

/// Whether and how a server is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Disabled,
    /// TLS, whoever answers.
    Required,
    /// TLS, the certificate comes from the CA, whatever it names; for links only.
    VerifyCa,
    /// TLS, the certificate comes from the CA and names the host that was asked for.
    VerifyIdentity,
}

impl TlsMode {
    /// The word in the settings.
    pub fn code(self) -> &'static str {
        match self {
            TlsMode::Disabled => "disabled",
            TlsMode::Required => "required",
            TlsMode::VerifyCa => "verify-ca",
            TlsMode::VerifyIdentity => "verify-identity",
        }
    }
}

/// `[replication]`
#[derive(Clone, Debug)]
pub struct Replication {
    /// The account that replicas log in with at the master.
    pub account: Account,
    /// The schemas that are replicated, besides `keyward`.
    pub databases: Vec<String>,
    /// How often a beat is written; also the link's heartbeat period.
    pub beat_interval: Duration,
    /// Whether the daemon sets an empty, dedicated replica up by itself.
    pub auto_setup: bool,
    /// Whether the daemon copies a replica anew by itself when the master has purged the binlogs that it needs.
    pub auto_reseed: bool,
    /// How often the daemon compares the rows of master and replica; absent for never.
    pub verify_every: Option<Duration>,
    /// The link's TLS; a replica may override it.
    pub tls: Tls,
}

/// `[master]`
#[derive(Clone, Debug)]
pub struct Master {
    /// The region that holds the master.
    pub region: RegionName,
    /// The master's addresses, at least one; all of them share one stream of transactions.
    pub addresses: Vec<Address>,
    /// That region's Keystone; absent for no such witness.
    pub identity_url: Option<WebUrl>,
}

/// `[identity]`
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who logs in at RegionOne's Keystone; absent for nobody, so that its mere answer counts.
    pub login: Option<KeystoneLogin>,
    /// `[identity.local]`: who logs in at the regions' own Keystones.
    pub local: Option<KeystoneLogin>,
    /// CA certificates (PEM) that every Keystone's must come from; without it those of this host.
    pub ca_file: Option<PathBuf>,
    /// One look at every Keystone this often.
    pub interval: Duration,
    /// Limit of one look at a Keystone, login and validation included.
    pub timeout: Duration,
}

/// `[doctor]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doctor {
    /// How often the daemon examines its regions; absent for never.
    pub every: Option<Duration>,
    /// The files of the Keystone that keyward runs beside; none elsewhere.
    pub keystone_conf: Vec<PathBuf>,
    /// What `keyward fingerprint` printed on a Keystone's host of the master's region.
    pub fingerprints: Option<PathBuf>,
    /// Memcached servers as `HOST:PORT`; none for those of Keystone's file.
    pub memcached: Vec<String>,
}

/// Who logs in at a Keystone, and how.
#[derive(Clone, Debug)]
pub enum KeystoneLogin {
    /// A user with a password, for a project.
    Password {
        /// The user's name.
        user: String,
        /// The name of the user's domain.
        user_domain: String,
        /// The project's name.
        project: String,
        /// The name of the project's domain.
        project_domain: String,
        /// Password.
        password: SecretString,
    },
    /// An application credential, which belongs to a user and a project. Its login never writes.
    ApplicationCredential {
        /// Its id.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
}

/// `[[regions]]`
#[derive(Clone, Debug)]
pub struct Region {
    /// The region's name.
    pub name: RegionName,
    /// The region's own Keystone; absent when nobody looks at it.
    pub identity_url: Option<WebUrl>,
    /// Its replicas.
    pub replicas: Vec<Replica>,
    /// When and how it fails over.
    pub failover: Failover,
}

/// `[[regions.replicas]]`
#[derive(Clone, Debug)]
pub struct Replica {
    /// The replica's name, unique within the region.
    pub name: ReplicaName,
    /// Where its server listens.
    pub address: Address,
    /// Keyward's connection to it.
    pub tls: Tls,
    /// Its link to the master.
    pub replication_tls: Tls,
}

/// `[regions.failover]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Who decides.
    pub mode: Mode,
    /// Which side of RegionOne must be down.
    pub trigger: Trigger,
    /// How long no witness may prove that side alive.
    pub unreachable_after: Duration,
    /// Who decides on the way back.
    pub failback: Failback,
    /// Unbroken health before the way back.
    pub failback_after: Duration,
    /// The most lag at which the way back begins.
    pub failback_max_lag: Duration,
    /// Authentication is not served from older data.
    pub max_data_age: Duration,
    /// What the region's own Keystone must be able to do; nothing is asked of one that nobody looks at.
    pub require_local_identity: LocalIdentity,
    /// In order on the way out, in reverse order on the way back.
    pub hooks: Vec<HookSpec>,
}
