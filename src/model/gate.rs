//! The gates that guard the step into `switching`: a closed list.

use serde::Serialize;

/// Something that keeps a failover from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// An operator paused the region.
    Paused,
    /// `mode = "off"`.
    ModeOff,
    /// `mode = "manual"`: only an operator's command fails over.
    ModeManual,
    /// This master was never seen alive from here.
    NeverSeen,
    /// The replica is left to a human.
    Released,
    /// The replica's server also serves something else.
    NotDedicated,
    /// The replica's server is not the one that was set up.
    WrongServer,
    /// Another keyward acts on the replica.
    AnotherDaemon,
    /// The replica was not looked at successfully.
    ReplicaUnreachable,
    /// The last successful look says that the replica takes writes.
    ReplicaWritable,
    /// The replica's data is older than `max_data_age`, or its age was never known.
    DataTooOld,
    /// The region's own Keystone would not log anybody in.
    LocalIdentityDown,
}

impl Gate {
    /// Every gate, in the order of the contract.
    pub const ALL: [Gate; 12] = [
        Gate::Paused,
        Gate::ModeOff,
        Gate::ModeManual,
        Gate::NeverSeen,
        Gate::Released,
        Gate::NotDedicated,
        Gate::WrongServer,
        Gate::AnotherDaemon,
        Gate::ReplicaUnreachable,
        Gate::ReplicaWritable,
        Gate::DataTooOld,
        Gate::LocalIdentityDown,
    ];

    /// The name used in metrics and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Gate::Paused => "paused",
            Gate::ModeOff => "mode_off",
            Gate::ModeManual => "mode_manual",
            Gate::NeverSeen => "never_seen",
            Gate::Released => "released",
            Gate::NotDedicated => "not_dedicated",
            Gate::WrongServer => "wrong_server",
            Gate::AnotherDaemon => "another_daemon",
            Gate::ReplicaUnreachable => "replica_unreachable",
            Gate::ReplicaWritable => "replica_writable",
            Gate::DataTooOld => "data_too_old",
            Gate::LocalIdentityDown => "local_identity_down",
        }
    }

    /// Whether `failover --force` stops at this gate too.
    pub fn holds_against_force(self) -> bool {
        matches!(self, Gate::ReplicaWritable | Gate::WrongServer | Gate::NotDedicated)
    }
}
