//! The closed list of diagnoses. What makes each of them true stands in `judge::verdicts`.

use serde::Serialize;

/// How urgent a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do.
    Fine,
    /// Look at it in working hours.
    Warning,
    /// A human is needed now.
    Critical,
}

/// A diagnosis of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// None of the others holds and the master answers.
    Healthy,
    /// No witness has proven the master alive for two looks; `unreachable_after` has not passed.
    MasterSilent,
    /// No witness has proven the master alive for `unreachable_after`.
    MasterUnreachable,
    /// The master lives and refuses keyward.
    MasterRefusesUs,
    /// The master came back without transactions that it had confirmed.
    MasterLostTransactions,
    /// The link lives while keyward's own probe fails.
    ProbePathBroken,
    /// The probe answers while the link is dead.
    ReplicationStopped,
    /// The master answers probes and takes no beats.
    BeatsRefused,
    /// The replica does not answer.
    ReplicaUnreachable,
    /// The replica takes writes.
    ReplicaWritable,
    /// The replica's data is older than `max_data_age`.
    DataTooOld,
    /// A server is not the one it should be.
    WrongServer,
    /// The replica's server also serves something else.
    NotDedicated,
    /// The replica was left to a human.
    Released,
    /// Another keyward acts on the replica.
    AnotherDaemon,
    /// Something came through that the filter should have kept out.
    FilterGap,
    /// A restart of the replica's server would lose the filter or read_only.
    NotDurable,
    /// A required hook fails.
    HookFailing,
    /// The state file is damaged or cannot be written.
    StateBroken,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 19] = [
        Verdict::Healthy,
        Verdict::MasterSilent,
        Verdict::MasterUnreachable,
        Verdict::MasterRefusesUs,
        Verdict::MasterLostTransactions,
        Verdict::ProbePathBroken,
        Verdict::ReplicationStopped,
        Verdict::BeatsRefused,
        Verdict::ReplicaUnreachable,
        Verdict::ReplicaWritable,
        Verdict::DataTooOld,
        Verdict::WrongServer,
        Verdict::NotDedicated,
        Verdict::Released,
        Verdict::AnotherDaemon,
        Verdict::FilterGap,
        Verdict::NotDurable,
        Verdict::HookFailing,
        Verdict::StateBroken,
    ];

    /// The name used in metrics, JSON and the runbook.
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Healthy => "healthy",
            Verdict::MasterSilent => "master_silent",
            Verdict::MasterUnreachable => "master_unreachable",
            Verdict::MasterRefusesUs => "master_refuses_us",
            Verdict::MasterLostTransactions => "master_lost_transactions",
            Verdict::ProbePathBroken => "probe_path_broken",
            Verdict::ReplicationStopped => "replication_stopped",
            Verdict::BeatsRefused => "beats_refused",
            Verdict::ReplicaUnreachable => "replica_unreachable",
            Verdict::ReplicaWritable => "replica_writable",
            Verdict::DataTooOld => "data_too_old",
            Verdict::WrongServer => "wrong_server",
            Verdict::NotDedicated => "not_dedicated",
            Verdict::Released => "released",
            Verdict::AnotherDaemon => "another_daemon",
            Verdict::FilterGap => "filter_gap",
            Verdict::NotDurable => "not_durable",
            Verdict::HookFailing => "hook_failing",
            Verdict::StateBroken => "state_broken",
        }
    }

    /// How urgent it is.
    pub fn severity(self) -> Severity {
        match self {
            Verdict::Healthy => Severity::Fine,
            Verdict::MasterSilent
            | Verdict::ProbePathBroken
            | Verdict::BeatsRefused
            | Verdict::Released
            | Verdict::AnotherDaemon
            | Verdict::NotDurable => Severity::Warning,
            _ => Severity::Critical,
        }
    }
}
