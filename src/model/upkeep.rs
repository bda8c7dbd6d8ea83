//! What keyward does to a replica's server to keep it as it should be. Nothing here can make a server writable.

use std::fmt;

use super::failure::Failure;
use super::names::Address;

/// One idempotent step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpkeepStep {
    /// Make the server read-only.
    SetReadOnly,
    /// Stop applying, go on receiving.
    HoldSqlThread,
    /// Set which tables are replicated. Both threads are stopped for it and stay so until `StartThreads`.
    SetFilter(String),
    /// After how many silent seconds the link counts as broken. In force from the next start of the I/O thread.
    SetNetTimeout(u64),
    /// Stop the thread that receives, and start it on a fresh connection; applying goes on.
    RestartIoThread,
    /// Start both replication threads.
    StartThreads,
    /// Stop both replication threads.
    StopThreads,
    /// Point the link at another address of the master, by GTID, and start both threads.
    MoveLink(Address),
}

impl fmt::Display for UpkeepStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpkeepStep::SetReadOnly => f.write_str("make the server read-only"),
            UpkeepStep::HoldSqlThread => f.write_str("hold the SQL thread"),
            UpkeepStep::SetFilter(filter) => write!(f, "set the replication filter to {filter}"),
            UpkeepStep::SetNetTimeout(seconds) => write!(f, "set slave_net_timeout to {seconds}"),
            UpkeepStep::RestartIoThread => f.write_str("restart the I/O thread"),
            UpkeepStep::StartThreads => f.write_str("start the replication threads"),
            UpkeepStep::MoveLink(address) => write!(f, "move the link to {address}"),
            UpkeepStep::StopThreads => f.write_str("stop the replication threads"),
        }
    }
}

/// The step that could not be done; those before it were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpkeepFailure {
    /// Which step; absent when there was no connection.
    pub step: Option<UpkeepStep>,
    /// Why.
    pub failure: Failure,
    /// Who may stand in the way of read_only: threads with their users, never their statements.
    pub blocking: Option<String>,
}

impl fmt::Display for UpkeepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "could not {step}: {}", self.failure)?,
            None => write!(f, "could not connect: {}", self.failure)?,
        }
        match &self.blocking {
            Some(threads) => write!(f, "; in the way may be {threads}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UpkeepFailure {}
