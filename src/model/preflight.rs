//! What set-up must know of both servers before it plans anything.
//!
//! Account grants stand here as the server's own lines; `dialect::grants` reads them.

use super::aside::Move;
use super::family::Family;
use super::names::{Address, RegionName, ReplicaName};
use super::observation::{Durability, LinkFacts, ServerIdentity};

/// The replication connection that only proves that the replica can log in at the master.
pub const PROOF: &str = "keyward_proof";

/// Everything seen of a master and one replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairFacts {
    /// What both sides have in common, for the master.
    pub master: ServerSide,
    /// What only the master has.
    pub source: SourceSide,
    /// What both sides have in common, for the replica.
    pub replica: ServerSide,
    /// What only the replica has.
    pub copy: CopySide,
}

/// What is asked of either server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerSide {
    /// How sentences call it: `master 10.13.32.19:3306`, `replica RegionTwo/r2-db1`.
    pub name: String,
    /// Which server answered.
    pub identity: ServerIdentity,
    /// `@@version`.
    pub version: String,
    /// Its family.
    pub family: Family,
    /// `@@log_bin`.
    pub log_bin: bool,
    /// `@@binlog_format`.
    pub binlog_format: String,
    /// MySQL's settings that must be as they are named here, where they are not: name, value seen, value needed.
    pub amiss: Vec<(String, String, String)>,
    /// `@@gtid_binlog_pos`, or MySQL's `@@gtid_executed`.
    pub gtid_binlog_pos: String,
    /// `@@gtid_slave_pos`; empty on MySQL.
    pub gtid_slave_pos: String,
    /// `@@gtid_strict_mode`; off on MySQL.
    pub gtid_strict: bool,
    /// `@@gtid_binlog_state`, or MySQL's `@@gtid_executed`: everything that was ever written to its binlog.
    pub gtid_binlog_state: String,
    /// `@@max_allowed_packet`, in bytes.
    pub max_allowed_packet: u64,
    /// `@@wsrep_on`.
    pub galera: bool,
    /// `@@log_bin_trust_function_creators`.
    pub trusts_function_creators: bool,
    /// `@@lower_case_table_names`.
    pub lower_case_table_names: String,
    /// Every schema but the server's own ones.
    pub schemas: Vec<Schema>,
    /// Keyward's own account.
    pub account: Login,
    /// Whether an administrator does the work here.
    pub by_admin: bool,
}

impl ServerSide {
    /// The schema called `name`.
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }
}

/// A setting of a server as it was before set-up changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalSetting {
    /// Its name.
    pub name: String,
    /// Its value: digits.
    pub value: String,
}

/// One schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Its name.
    pub name: String,
    /// Its comment; set-up marks what it is copying here. On MySQL that of a table in it that is only there for this.
    pub comment: String,
    /// There is nothing in it. Only asked where a schema cannot be made with its mark in one statement.
    pub hollow: bool,
}

/// Whether keyward's own account can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// It logged in.
    Works {
        /// `CURRENT_USER()` as user and host.
        account: (String, String),
        /// The lines of `SHOW GRANTS`, without password hashes.
        grants: Vec<String>,
    },
    /// An administrator saw that no account of this name exists.
    #[default]
    Missing,
    /// The account exists, or nobody could see whether it does, and the login was refused.
    Refused {
        /// An administrator saw the account.
        exists: bool,
        /// What the server said.
        detail: String,
    },
}

/// The master's own part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSide {
    /// Its address in `[master]`.
    pub address: Option<Address>,
    /// The configured databases that exist.
    pub databases: Vec<DatabaseFacts>,
    /// `keyward.beat`.
    pub beat_table: BeatTable,
    /// The account that replicas log in with.
    pub link_account: LinkAccount,
}

/// The table that beats are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BeatTable {
    /// It is not there.
    #[default]
    Missing,
    /// It is as it should be.
    Right,
    /// It has other columns: the text says which.
    Other(String),
}

/// The account that replicas log in with at the master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkAccount {
    /// Only an administrator could see it.
    #[default]
    Unknown,
    /// It does not exist.
    Missing,
    /// It exists.
    Exists {
        /// User and host of the first one with that name.
        account: (String, String),
        /// The lines of `SHOW GRANTS`, without password hashes.
        grants: Vec<String>,
    },
}

/// What a configured database on the master holds that decides whether it can be copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Tables, with what keeps them from being copied: another engine, system versioning, a sequence.
    pub unfit_tables: Vec<(String, String)>,
    /// Routines that this release does not copy (packages).
    pub unfit_routines: Vec<String>,
    /// Functions that a server with a binlog refuses to create unless it trusts function creators.
    pub unsafe_functions: Vec<String>,
    /// Triggers and functions there are: creating one needs SUPER where creators are not trusted.
    pub needs_trust: usize,
}

/// The replica's own part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopySide {
    /// Its region.
    pub region: Option<RegionName>,
    /// Its name.
    pub replica: Option<ReplicaName>,
    /// `@@read_only`.
    pub read_only: bool,
    /// `@@super_read_only`; absent where there is none.
    pub super_read_only: Option<bool>,
    /// The server can remember settings by itself.
    pub remembers: bool,
    /// Whether replication waits for a command after a restart; only known of a server that remembers.
    pub threads_held: Durability,
    /// Whether `read_only`, and `super_read_only` where there is one, outlives a restart.
    pub read_only_durability: Durability,
    /// `@@replicate_wild_do_table`.
    pub filter: String,
    /// Whether the filter outlives a restart.
    pub filter_durability: Durability,
    /// Other replication filters that are set, with their values.
    pub other_filters: Vec<(String, String)>,
    /// `@@slave_net_timeout`, in seconds.
    pub net_timeout_seconds: u64,
    /// Whether `slave_net_timeout` outlives a restart.
    pub net_timeout_durability: Durability,
    /// The unnamed replication connection.
    pub link: Option<LinkSettings>,
    /// `name (host:port)` of every other connection but the one that proves the link.
    pub other_links: Vec<String>,
    /// The connection that an interrupted set-up used to prove the link is still there.
    pub proof_left_over: bool,
    /// Replicas that read from this server.
    pub own_replicas: u64,
    /// It is in one of MySQL's replication groups.
    pub in_group: bool,
    /// A named lock taken on the master is held here too.
    pub is_the_master: bool,
    /// A named lock taken here is held on this other replica of the settings.
    pub is_also: Option<String>,
    /// What `state_dir` remembers of this replica.
    pub stamp: Option<ServerIdentity>,
    /// What it had written itself when it was stamped: nothing of that is errant.
    pub written_before: String,
    /// Schemas that were moved aside here, or are being moved.
    pub moves: Vec<Move>,
}

/// The link and the settings that it was made with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkSettings {
    /// How it stands.
    pub facts: LinkFacts,
    /// `Connect_Retry`, in seconds.
    pub connect_retry: u64,
    /// After how many tries the server gives up, 0 for never; absent where the link has no such setting.
    pub most_retries: Option<u64>,
    /// `Master_SSL_Allowed`.
    pub ssl: bool,
    /// `Master_SSL_Verify_Server_Cert`.
    pub ssl_verify: bool,
    /// `Master_SSL_CA_File`.
    pub ssl_ca: String,
    /// `Master_SSL_Cert`.
    pub ssl_cert: String,
    /// `Master_SSL_Key`.
    pub ssl_key: String,
}

/// How the link should be; paths are on the replica's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkWanted {
    /// The master's host.
    pub host: String,
    /// The master's port.
    pub port: u16,
    /// The account at the master.
    pub user: String,
    /// TLS, or none.
    pub ssl: bool,
    /// The master's certificate must come from the CA and name the host.
    pub verify: bool,
    /// CA certificates; empty for the system's.
    pub ca: String,
    /// Client certificate; empty for none.
    pub cert: String,
    /// Client key; empty for none.
    pub key: String,
    /// The heartbeat period in seconds, with the server's three decimals.
    pub heartbeat: String,
}
