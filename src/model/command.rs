//! What an operator can ask of the daemon over the control socket: one JSON object a line, each answered by one.

use serde::{Deserialize, Serialize};

use super::names::{RegionName, ReplicaName};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// The last snapshot.
    Status,
    /// The newest events, oldest first.
    Events,
    /// Authenticate locally.
    Failover {
        /// Where.
        region: RegionName,
        /// Pass the gates that may be passed.
        force: bool,
        /// Why.
        reason: String,
    },
    /// Authenticate at the master's region again.
    Failback {
        /// Where.
        region: RegionName,
        /// Do not wait for health.
        force: bool,
        /// Why.
        reason: String,
    },
    /// Stop acting.
    Pause {
        /// Where; everywhere when absent.
        region: Option<RegionName>,
        /// For how long, in seconds; until `resume` when absent.
        seconds: Option<u64>,
        /// Why.
        reason: String,
    },
    /// Act again.
    Resume {
        /// Where; everywhere when absent.
        region: Option<RegionName>,
    },
    /// Leave a server to a human.
    Release {
        /// Where.
        region: RegionName,
        /// Which; all of the region's when absent.
        replica: Option<ReplicaName>,
        /// Why.
        reason: String,
    },
    /// Take a server back.
    Adopt {
        /// Where.
        region: RegionName,
        /// Which; all of the region's when absent.
        replica: Option<ReplicaName>,
    },
    /// Run every hook of a region once with the event `test`.
    HookTest {
        /// Where.
        region: RegionName,
    },
}

impl Command {
    /// The name used in events and on the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Command::Status => "status",
            Command::Events => "events",
            Command::Failover { .. } => "failover",
            Command::Failback { .. } => "failback",
            Command::Pause { .. } => "pause",
            Command::Resume { .. } => "resume",
            Command::Release { .. } => "release",
            Command::Adopt { .. } => "adopt",
            Command::HookTest { .. } => "hook-test",
        }
    }
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether it was done or will be done.
    pub ok: bool,
    /// What will happen and why, or why not.
    pub message: String,
    /// The document that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    /// Refused because the settings have no such region or replica: the request was wrong, whatever is going on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

impl Reply {
    /// It was done, or will be.
    pub fn done(message: impl Into<String>) -> Self {
        Self { ok: true, message: message.into(), data: None, unknown: false }
    }

    /// What was asked for.
    pub fn document(data: Option<serde_json::Value>) -> Self {
        Self { data, ..Self::done("") }
    }

    /// It was not done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { ok: false, ..Self::done(message) }
    }

    /// The same, when what was ordered is not on disk: somebody who pauses for a reboot must know.
    pub fn unwritten(mut self) -> Self {
        if self.ok && !self.message.is_empty() {
            self.message.push_str("; this cannot be written down now, and a keyward that is restarted would forget it");
        }
        self
    }

    /// It names what the settings do not have.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { unknown: true, ..Self::refused(message) }
    }
}

/// How one hook of a `hook-test` ended; the reply's document is a list of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookTested {
    /// The hook's name.
    pub hook: String,
    /// `ok`, `failed` or `timeout`.
    pub outcome: String,
    /// Why it failed; empty when it did not.
    pub detail: String,
    /// How long it ran, in seconds.
    pub seconds: f64,
    /// The last of what it wrote.
    pub output: String,
}
