//! The closed list of diagnoses with their words and their urgency.
//!
//! What makes each of them true, and what it then says, stands row by row in `judge::verdicts`: it looks at what only
//! the judge knows, while every report needs the words.

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
    /// The master's region's Keystone has let nobody log in for `unreachable_after`.
    IdentityDown,
    /// The master's region's Keystone lives and refuses keyward.
    IdentityRefusesUs,
    /// Somebody who has not logged in today could not log in at the region's own Keystone.
    LocalLoginFails,
    /// The master falls silent and comes back again and again.
    Flapping,
    /// The master came back without transactions that it had confirmed.
    MasterLostTransactions,
    /// One of the master's addresses fails while another answers.
    MasterAddressFailing,
    /// The link lives while keyward's own probe fails.
    ProbePathBroken,
    /// The probe answers while the link is dead.
    ReplicationStopped,
    /// A replica holds transactions that the master has not.
    ErrantTransactions,
    /// The daemon's last comparison found rows or tables that differ.
    RowsDiffer,
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
    /// An HAProxy that a hook sets cannot be set, or is not as it should be.
    HaproxyNotSet,
    /// The state file is damaged or cannot be written.
    StateBroken,
}

/// Every verdict in the order of the list above, with its code and its urgency.
const TABLE: [(Verdict, &str, Severity); 27] = [
    (Verdict::Healthy, "healthy", Severity::Fine),
    (Verdict::MasterSilent, "master_silent", Severity::Warning),
    (Verdict::MasterUnreachable, "master_unreachable", Severity::Critical),
    (Verdict::MasterRefusesUs, "master_refuses_us", Severity::Critical),
    (Verdict::IdentityDown, "identity_down", Severity::Critical),
    (Verdict::IdentityRefusesUs, "identity_refuses_us", Severity::Critical),
    (Verdict::LocalLoginFails, "local_login_fails", Severity::Warning),
    (Verdict::Flapping, "flapping", Severity::Warning),
    (Verdict::MasterLostTransactions, "master_lost_transactions", Severity::Critical),
    (Verdict::MasterAddressFailing, "master_address_failing", Severity::Warning),
    (Verdict::ProbePathBroken, "probe_path_broken", Severity::Warning),
    (Verdict::ReplicationStopped, "replication_stopped", Severity::Critical),
    (Verdict::ErrantTransactions, "errant_transactions", Severity::Warning),
    (Verdict::RowsDiffer, "rows_differ", Severity::Warning),
    (Verdict::BeatsRefused, "beats_refused", Severity::Warning),
    (Verdict::ReplicaUnreachable, "replica_unreachable", Severity::Critical),
    (Verdict::ReplicaWritable, "replica_writable", Severity::Critical),
    (Verdict::DataTooOld, "data_too_old", Severity::Critical),
    (Verdict::WrongServer, "wrong_server", Severity::Critical),
    (Verdict::NotDedicated, "not_dedicated", Severity::Critical),
    (Verdict::Released, "released", Severity::Warning),
    (Verdict::AnotherDaemon, "another_daemon", Severity::Warning),
    (Verdict::FilterGap, "filter_gap", Severity::Critical),
    (Verdict::NotDurable, "not_durable", Severity::Warning),
    (Verdict::HookFailing, "hook_failing", Severity::Critical),
    (Verdict::HaproxyNotSet, "haproxy_not_set", Severity::Critical),
    (Verdict::StateBroken, "state_broken", Severity::Critical),
];

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; TABLE.len()] = {
        let mut all = [Verdict::Healthy; TABLE.len()];
        let mut row = 0;
        while row < TABLE.len() {
            all[row] = TABLE[row].0;
            row += 1;
        }
        all
    };

    /// The name used in metrics, JSON and as a heading of the runbook.
    pub fn code(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// How urgent it is.
    pub fn severity(self) -> Severity {
        TABLE[self as usize].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_finds_its_own_row() {
        for (row, (verdict, code, _)) in TABLE.iter().enumerate() {
            assert_eq!(*verdict as usize, row, "{code}");
            let name: String = code.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
            assert_eq!(format!("{verdict:?}"), name);
        }
        // the last one of the list is the last row: none is missing
        assert_eq!(Verdict::StateBroken as usize + 1, TABLE.len());
    }
}
