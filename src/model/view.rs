//! The last snapshot of everything there is to report: status, metrics and pages are made from it alone.
//!
//! Its serialised form is the document of `GET /api/v1/status` and of `keyward status --json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::phase::Phase;

/// Everything that is known at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Keyward's version.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub revision: String,
    /// This installation's id, kept in the state folder.
    pub instance: String,
    /// When the daemon started.
    pub started_at: Option<Timestamp>,
    /// When this snapshot was taken.
    pub taken_at: Option<Timestamp>,
    /// Whether every server has been looked at once.
    pub looked: bool,
    /// The region of the master.
    pub master_region: String,
    /// The addresses of the master.
    pub master_addresses: Vec<String>,
    /// The regions, in the order of the settings.
    pub regions: Vec<RegionView>,
    /// The daemon's last examination; absent before the first.
    #[serde(default)]
    pub doctor: Option<DoctorView>,
}

/// What the daemon's last examination found (`keyward doctor`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DoctorView {
    /// When it was.
    pub checked_at: Timestamp,
    /// Critical findings.
    pub critical: usize,
    /// Findings that are warnings.
    pub warning: usize,
    /// Findings that are good to know.
    pub info: usize,
    /// For how many reasons something was not looked at.
    pub unasked: usize,
    /// The memcached servers that were asked.
    pub caches: Vec<CacheView>,
    /// The passwords of keyward's own account, on the master and on each replica.
    #[serde(default)]
    pub passwords: Vec<PasswordView>,
    /// The first findings that are critical or warnings, the most urgent first; `keyward doctor` has all of them.
    #[serde(default)]
    pub findings: Vec<FindingView>,
}

/// Something that would go wrong in an outage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FindingView {
    /// The name of the check, as in `docs/doctor.md`.
    pub check: String,
    /// `critical` or `warning`.
    pub severity: String,
    /// What is wrong, and where.
    pub sentence: String,
}

/// The password of keyward's own account on one server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PasswordView {
    /// The replica's region; absent for the master.
    pub region: Option<String>,
    /// The replica; absent for the master.
    pub replica: Option<String>,
    /// When it expires, as last known; absent when that was never asked with success.
    pub expiry: Option<ExpiryView>,
}

/// When a password expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiryView {
    /// Whether it expires at all.
    pub limited: bool,
    /// When; absent where nobody says it.
    pub at: Option<Timestamp>,
}

/// One memcached; how much it holds is absent when it did not answer, and what it counts when it never did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CacheView {
    /// `HOST:PORT`
    pub server: String,
    /// It answered.
    pub up: bool,
    /// Bytes that its items take.
    pub bytes: Option<u64>,
    /// Bytes that they may take.
    pub limit_bytes: Option<u64>,
    /// Items thrown out for lack of room since its start.
    pub evictions: Option<u64>,
    /// Items that were to be kept longer and were gone.
    pub touch_misses: Option<u64>,
}

/// One region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionView {
    /// Its name.
    pub name: String,
    /// Where its authentication points.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Option<Timestamp>,
    /// Why: the sentence of the last transition, or what is being waited for.
    pub sentence: String,
    /// `auto`, `manual` or `off`.
    pub mode: String,
    /// Set while an operator's pause lasts.
    pub paused: Option<PauseView>,
    /// Whether any witness proves the master alive; absent before the first full look.
    pub master_up: Option<bool>,
    /// Why the last look at the master failed.
    pub master_failure: Option<String>,
    /// The master's binary log position as last seen.
    pub master_position: Option<String>,
    /// Until when the certificate of the master is valid, of several the first to end; absent without TLS.
    #[serde(default)]
    pub master_certificate_until: Option<Timestamp>,
    /// Keyward's own probe: absent before the first look.
    pub probe_up: Option<bool>,
    /// The replicas' links: absent before the second look.
    pub link_up: Option<bool>,
    /// The side of the master's region that must be down: `master`, `identity`, `either` or `both`.
    #[serde(default)]
    pub trigger: String,
    /// The master's region's Keystone; absent when nobody looks at it.
    #[serde(default)]
    pub identity: Option<KeystoneView>,
    /// The region's own Keystone; absent when nobody looks at it.
    #[serde(default)]
    pub local_identity: Option<KeystoneView>,
    /// Seconds since the last proof of life of the database side; absent when there was none. Of one before a restart of
    /// keyward the time is known to a minute.
    pub silence_seconds: Option<f64>,
    /// How often the master fell silent and was proven alive again, since the daemon started.
    #[serde(default)]
    pub flaps: u64,
    /// When a failover is due unless something changes: while suspect, with open gates and a master that does not refuse us.
    pub deadline: Option<Timestamp>,
    /// Every verdict that holds; `healthy` alone when none other does.
    pub verdicts: Vec<VerdictView>,
    /// The gates that are closed now.
    pub gates: Vec<GateView>,
    /// Whether everything is down that the trigger asks for: a failover is due, unless a gate is closed.
    #[serde(default)]
    pub wanted: bool,
    /// Would a failover now be allowed and useful?
    pub ready: bool,
    /// Why it would not.
    pub ready_sentence: String,
    /// The episode under way.
    pub episode: Option<EpisodeView>,
    /// The hooks, in the order of the way out.
    pub hooks: Vec<HookView>,
    /// What the way back still waits for.
    pub way_back: Option<WayBackView>,
    /// The master's addresses, in the order of the settings.
    pub masters: Vec<MasterView>,
    /// The replicas, in the order of the settings.
    pub replicas: Vec<ReplicaView>,
}

/// A Keystone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeystoneView {
    /// Its address.
    pub url: String,
    /// Whether it answered as a Keystone does at the last look; absent before the first.
    pub up: Option<bool>,
    /// Whether it issued and validated a token then; absent without a user, and before the first look.
    pub login_up: Option<bool>,
    /// Whether it found tokens valid then; absent when there was none to ask about, and for RegionOne's, whose logins say it.
    pub validates: Option<bool>,
    /// Why the last look proved nothing.
    pub failure: Option<String>,
    /// Seconds since it last proved that it can authenticate; absent when it never did, and for a region's own.
    pub silence_seconds: Option<f64>,
    /// What stands in the way of a login by somebody who has not logged in today; of a region's own one.
    pub obstacle: Option<ObstacleView>,
    /// When the password of the user who logs in there expires, as last told; absent when it never was.
    #[serde(default)]
    pub password: Option<ExpiryView>,
}

/// Why nobody who has not logged in today could log in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObstacleView {
    /// Its code.
    pub code: String,
    /// What it means here and now.
    pub sentence: String,
}

/// One address of the master.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MasterView {
    /// The address.
    pub address: String,
    /// Whether it answered keyward's last look; absent before the first.
    pub up: Option<bool>,
    /// Why it did not.
    pub failure: Option<String>,
    /// Whether beats are written here.
    pub takes_beats: bool,
}

/// A pause by an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseView {
    /// When it ends by itself; absent for a pause that waits for `resume`.
    pub until: Option<Timestamp>,
    /// The operator's reason.
    pub reason: String,
    /// The operator.
    pub user: String,
}

/// A verdict that holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictView {
    /// Its code.
    pub code: String,
    /// `fine`, `warning` or `critical`.
    pub severity: String,
    /// What it means here and now.
    pub sentence: String,
}

/// A gate that is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateView {
    /// Its code.
    pub code: String,
    /// Why it is closed.
    pub sentence: String,
}

/// The episode under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeView {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The turn, from 1.
    pub turn: u32,
    /// Whether an operator began it.
    pub manual: bool,
    /// Why it began.
    pub reason: String,
}

/// One hook and how it stands in this turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HookView {
    /// Its name.
    pub name: String,
    /// Whether it holds nothing back.
    pub optional: bool,
    /// `idle`, `waiting`, `running`, `retrying` or `done`.
    pub state: String,
    /// The attempt, from 1; 0 when it has not run in this turn.
    pub attempt: u32,
    /// What went wrong last time.
    pub last_failure: Option<String>,
    /// When the next attempt is due.
    pub next_try: Option<Timestamp>,
    /// The HAProxy that it sets; absent for hooks of other kinds, and before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelView>,
}

/// The HAProxy that a hook sets, as it stands between the hook's runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelView {
    /// Its socket answers, and takes commands that change something.
    pub up: bool,
    /// Whether every server is as it must be now; absent while the hook turns it, and while that cannot be seen.
    pub ok: Option<bool>,
    /// What it serves, or what is wrong.
    pub sentence: String,
}

/// What the way back waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WayBackView {
    /// Unbroken health so far, in seconds.
    pub healthy_seconds: f64,
    /// Unbroken health that is needed, in seconds, doublings included.
    pub needed_seconds: f64,
    /// How often `failback_after` was doubled for that.
    #[serde(default)]
    pub doubled: u32,
    /// When there will have been enough, if nothing breaks it; absent while there is none.
    #[serde(default)]
    pub earliest: Option<Timestamp>,
    /// What it waits for, in a sentence.
    pub sentence: String,
}

/// One replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplicaView {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Whether the last look succeeded; absent before the first.
    pub up: Option<bool>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The server's version.
    pub version: Option<String>,
    /// Until when its server's certificate is valid; absent without TLS.
    #[serde(default)]
    pub certificate_until: Option<Timestamp>,
    /// Whether keyward may act on it (stamped, dedicated, not released).
    pub guarded: bool,
    /// The I/O thread runs and is connected.
    pub io_running: Option<bool>,
    /// The I/O thread is trying to connect.
    pub io_connecting: Option<bool>,
    /// The SQL thread runs.
    pub sql_running: Option<bool>,
    /// Age of the oldest beat that is committed on the master and missing here, in seconds.
    pub lag_seconds: Option<f64>,
    /// Age of the newest beat here, in seconds.
    pub data_age_seconds: Option<f64>,
    /// As the server says.
    pub seconds_behind_master: Option<u64>,
    /// Whether the last successful look says read-only.
    pub read_only: Option<bool>,
    /// How often it was found writable since the daemon started.
    pub writable_seen: u64,
    /// Whether the filter is the configured one.
    pub filter_ok: Option<bool>,
    /// Whether filter and read_only outlive a restart of the server.
    pub durable: Option<bool>,
    /// `Last_IO_Errno`.
    pub io_errno: Option<u32>,
    /// `Last_IO_Error`.
    pub io_error: Option<String>,
    /// `Last_SQL_Errno`.
    pub sql_errno: Option<u32>,
    /// `Last_SQL_Error`.
    pub sql_error: Option<String>,
    /// `@@gtid_slave_pos`.
    pub applied: Option<String>,
    /// Transactions of the master's last known position that are not applied here.
    pub missing_transactions: Option<u64>,
    /// Transactions that it has and the master has not, at least; absent before both were asked.
    #[serde(default)]
    pub errant_transactions: Option<u64>,
    /// How long its link can stay down before the master purges what it still needs, in seconds; absent when unknown.
    #[serde(default)]
    pub outage_budget: Option<Budget>,
    /// When its rows were last compared with the master's by the daemon; absent before the first time.
    #[serde(default)]
    pub verified_at: Option<Timestamp>,
    /// Tables that differed then.
    #[serde(default)]
    pub differing_tables: Option<usize>,
    /// Gates that this replica closes.
    pub gates: Vec<GateView>,
    /// What keyward last did or tried to do there, and what came of it.
    pub upkeep: Option<String>,
}
