//! What was seen of the servers. Possibly incomplete, always a little out of date.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::names::ReplicaName;
use super::time::Moment;

/// One timed query to one server and what came of it.
#[derive(Clone, Debug)]
pub struct Look<T> {
    /// When the query was sent, or when it should have been but there was no connection.
    pub began: Moment,
    /// When the answer or the failure was in hand.
    pub ended: Moment,
    /// Counts the connections made to this server; a new number is a new baseline for counters.
    pub connection: u64,
    /// The facts, or why there are none.
    pub result: Result<T, Failure>,
}

/// Which server it is, by what survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ServerIdentity {
    /// MariaDB's `@@server_uid`, made from the machine's network address and the port; MySQL's `@@server_uuid`, kept
    /// in its data folder.
    pub uid: String,
    /// `@@server_id`.
    pub server_id: u32,
}

/// What one look at the master shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MasterFacts {
    /// Which server answered.
    pub identity: ServerIdentity,
    /// `@@version`.
    pub version: String,
    /// `@@gtid_binlog_pos`, or `@@gtid_executed` of MySQL.
    pub position: String,
    /// Everything that it ever wrote, by server: `@@gtid_binlog_state`, or `@@gtid_executed` of MySQL.
    pub written: String,
    /// `@@read_only`; of a master only where it has several servers, and this one is not the one that is written to.
    pub read_only: bool,
    /// Until when the certificate is valid that it shows; none without TLS.
    pub certificate_until: Option<Timestamp>,
    /// Every instance's beat row on the master, newest first.
    pub beats: Vec<BeatRow>,
    /// The beats are those of an earlier look: somebody has locked their table. They prove no loss.
    pub beats_are_old: bool,
}

/// How long a master keeps its binary logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinlogFacts {
    /// A log is purged when its last write is so old; absent for never.
    pub kept_for: Option<Duration>,
    /// It is purged earlier when all logs together are too large.
    pub limited_by_size: bool,
    /// What has been purged already.
    pub purged: Purged,
}

/// What a master's binary logs no longer hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Every log with a smaller number, on MariaDB.
    LogsBefore(u64),
    /// These transactions, on MySQL: `@@gtid_purged`.
    Transactions(String),
}

impl Default for Purged {
    fn default() -> Self {
        Purged::LogsBefore(0)
    }
}

/// A row of `keyward.beat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeatRow {
    /// The id of the keyward instance that wrote it.
    pub instance: String,
    /// The beat's number, counted by that instance.
    pub number: u64,
    /// That instance's wall clock when it wrote the row.
    pub written_at: Timestamp,
}

/// Who holds the named lock that lets one daemon or set-up act on a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ActingLock {
    /// This process holds it.
    Ours,
    /// The server's connection with this id holds it.
    Other(u64),
    /// Nobody holds it, or it was not asked for.
    #[default]
    Free,
}

/// A replication thread's state as the server says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThreadState {
    /// Running; for the I/O thread: connected to the master as far as the server knows.
    Running,
    /// The I/O thread is trying to connect.
    Connecting,
    /// Not running.
    #[default]
    Stopped,
}

/// The replication link as the replica's server describes it. Names are MariaDB's; MySQL says `Source` and `Replica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkFacts {
    /// `Master_Host`.
    pub host: String,
    /// `Master_Port`.
    pub port: u16,
    /// `Master_User`.
    pub user: String,
    /// The I/O thread.
    pub io: ThreadState,
    /// The SQL thread.
    pub sql: ThreadState,
    /// `Last_IO_Errno`, 0 for none; MySQL's newer numbers are told as the older ones that mean the same.
    pub io_errno: u32,
    /// `Last_IO_Error`.
    pub io_error: String,
    /// That error says that the master has purged binlogs that the replica still needs.
    pub purged: bool,
    /// `Last_SQL_Errno`, 0 for none.
    pub sql_errno: u32,
    /// `Last_SQL_Error`.
    pub sql_error: String,
    /// `Seconds_Behind_Master`, absent when the server says NULL.
    pub seconds_behind: Option<u64>,
    /// `Slave_received_heartbeats`.
    pub heartbeats: u64,
    /// The number at the end of `Master_Log_File`, 0 when there is none.
    pub log_number: u64,
    /// `Read_Master_Log_Pos`.
    pub log_position: u64,
    /// `Using_Gtid` is `Slave_Pos`, or MySQL's `Auto_Position` is on.
    pub by_gtid: bool,
    /// `Gtid_IO_Pos`, or MySQL's `Retrieved_Gtid_Set`.
    pub io_gtid: String,
    /// `Slave_heartbeat_period`, in seconds.
    pub heartbeat_period: f64,
}

/// A setting of the replica's server and whether a restart would keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It comes from an option file or the command line.
    Kept,
    /// It was set at run time: that hides what a restart would bring.
    Hidden,
    /// A restart loses it.
    #[default]
    Lost,
}

/// What one look at a replica shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaFacts {
    /// Which server answered.
    pub identity: ServerIdentity,
    /// `@@version`.
    pub version: String,
    /// `Uptime`, in seconds.
    pub uptime_seconds: u64,
    /// Until when the certificate is valid that it shows; none without TLS.
    pub certificate_until: Option<Timestamp>,
    /// `@@read_only`.
    pub read_only: bool,
    /// `@@super_read_only`, which stops accounts that may write in spite of `read_only`; absent where there is none.
    pub super_read_only: Option<bool>,
    /// Whether `read_only`, and `super_read_only` where there is one, outlives a restart.
    pub read_only_durability: Durability,
    /// `@@replicate_wild_do_table`, or MySQL's filter of the same name.
    pub filter: String,
    /// Whether the filter outlives a restart, or nothing is applied after one without it.
    pub filter_durability: Durability,
    /// `@@slave_net_timeout`, in seconds.
    pub net_timeout_seconds: u64,
    /// The unnamed replication connection, if there is one.
    pub link: Option<LinkFacts>,
    /// `master_host:port` of every named replication connection.
    pub other_links: Vec<String>,
    /// Replicas that read from this server.
    pub own_replicas: u64,
    /// `@@wsrep_on`, or MySQL's member of a replication group.
    pub galera: bool,
    /// Every schema but the server's own ones.
    pub schemas: Vec<String>,
    /// A named lock taken on the master is held here too: it is the master.
    pub is_the_master: bool,
    /// The lock was held on the master by keyward's own connection all through this look, and is not held here.
    pub proven_not_master: bool,
    /// A named lock taken on this other replica of the configuration is held here too.
    pub is_also: Option<ReplicaName>,
    /// Who may act here.
    pub acting_lock: ActingLock,
    /// `@@gtid_slave_pos`, or `@@gtid_executed` of MySQL.
    pub applied: String,
    /// What stands in its own binary logs, by server: `@@gtid_binlog_state`; empty on MySQL, where `applied` has it too.
    pub written: String,
    /// Every instance's beat row that has arrived, newest first.
    pub beats: Vec<BeatRow>,
}

/// What came of writing one beat on the master.
#[derive(Clone, Debug)]
pub enum BeatOutcome {
    /// Committed, or found committed by reading the row.
    Acknowledged {
        /// The beat's number.
        number: u64,
        /// When it was sent.
        sent: Moment,
        /// The wall clock that the row holds.
        written_at: Timestamp,
    },
    /// The server answered and took no beat.
    Refused(Failure),
    /// Nothing was heard; not evidence by itself, the probe decides.
    Unknown(Failure),
    /// Before the first write after a gap: the number our row on the master holds, if there is one.
    Read {
        /// The number in the row.
        number: Option<u64>,
    },
}

impl BeatOutcome {
    /// Why it came to nothing, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            BeatOutcome::Refused(failure) | BeatOutcome::Unknown(failure) => Some(failure),
            BeatOutcome::Acknowledged { .. } | BeatOutcome::Read { .. } => None,
        }
    }
}

/// What the daemon wants of the beats. Every `BeatOutcome::Read` is answered by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeatOrder {
    /// Write from this number on, until the next gap. After a `Hold` the row is read and reported once more first.
    Write {
        /// The first number; a greater one is taken when this one has been sent before.
        next: u64,
    },
    /// Write nothing. Possible at any time.
    Hold,
}
