//! Hooks as plain values: what to run, what it is told, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::haproxy::{Haproxy, Side};
use super::names::RegionName;
use super::phase::Phase;
use super::secret::Secret;
use super::url::WebUrl;

/// One hook as configured, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// Unique within its region.
    pub name: String,
    /// What a run of it is.
    pub kind: HookKind,
    /// Time limit of one run.
    pub timeout: Duration,
    /// Reported, but holds nothing back.
    pub optional: bool,
}

/// What a run of a hook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// A program on this host.
    Exec {
        /// The argument vector, run without a shell.
        command: Vec<String>,
    },
    /// A POST to a web server.
    Http {
        /// Where to.
        url: WebUrl,
        /// Signs the body.
        secret: Option<Secret>,
        /// CA certificates (PEM) that the server's must come from; without it those of this host.
        ca_file: Option<PathBuf>,
    },
    /// States of servers of an HAProxy, set over its runtime socket.
    Haproxy(Haproxy),
}

impl HookKind {
    /// The value of the key `kind`.
    pub fn code(&self) -> &'static str {
        match self {
            HookKind::Exec { .. } => "exec",
            HookKind::Http { .. } => "http",
            HookKind::Haproxy(_) => "haproxy",
        }
    }

    /// What a run turns to, without anything secret: the program, the web server, the socket.
    pub fn target(&self) -> String {
        match self {
            HookKind::Exec { command } => command.first().cloned().unwrap_or_default(),
            HookKind::Http { url, .. } => url.to_string(),
            HookKind::Haproxy(proxy) => proxy.socket.to_string(),
        }
    }
}

/// Which way a hook turns the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// The way out: authenticate locally.
    Failover,
    /// The way back: authenticate at the master's region.
    Failback,
    /// An operator's `hook-test`: change nothing.
    Test,
}

impl HookEvent {
    /// Where its runs turn authentication to; `None` for a test, which turns nowhere.
    pub fn side(self) -> Option<Side> {
        match self {
            HookEvent::Failover => Some(Side::Local),
            HookEvent::Failback => Some(Side::Remote),
            HookEvent::Test => None,
        }
    }

    /// The value of `KEYWARD_EVENT`.
    pub fn code(self) -> &'static str {
        match self {
            HookEvent::Failover => "failover",
            HookEvent::Failback => "failback",
            HookEvent::Test => "test",
        }
    }
}

/// One run of one hook, complete: everything that the hook is told.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRun {
    /// What to run.
    pub spec: HookSpec,
    /// `KEYWARD_EVENT`.
    pub event: HookEvent,
    /// `KEYWARD_EPISODE`.
    pub episode: String,
    /// `KEYWARD_TURN`, from 1.
    pub turn: u32,
    /// `KEYWARD_ATTEMPT`, from 1.
    pub attempt: u32,
    /// `KEYWARD_REGION`.
    pub region: RegionName,
    /// `KEYWARD_PHASE`.
    pub phase: Phase,
    /// `KEYWARD_MASTER_REGION`.
    pub master_region: RegionName,
    /// `KEYWARD_MASTER_ADDRESS`.
    pub master_address: String,
    /// `KEYWARD_REASON`.
    pub reason: String,
    /// `KEYWARD_DATA_AGE_SECONDS`; absent when never known.
    pub data_age: Option<Duration>,
    /// `KEYWARD_MANUAL`.
    pub manual: bool,
}

impl HookRun {
    /// The names and values that a hook finds in its environment (prefixed with `KEYWARD_`, in capitals)
    /// and in its JSON document (as they stand here).
    pub fn members(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("event", self.event.code().to_owned()),
            ("episode", self.episode.clone()),
            ("turn", self.turn.to_string()),
            ("attempt", self.attempt.to_string()),
            ("hook", self.spec.name.clone()),
            ("region", self.region.to_string()),
            ("phase", self.phase.code().to_owned()),
            ("master_region", self.master_region.to_string()),
            ("master_address", self.master_address.clone()),
            ("reason", self.reason.clone()),
            ("data_age_seconds", self.data_age.map(|age| format!("{:.3}", age.as_secs_f64())).unwrap_or_default()),
            ("manual", u8::from(self.manual).to_string()),
        ])
    }
}

/// How one run of a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookEnd {
    /// Exit status 0, an HTTP status of 2xx, or the states that were asked for.
    Ok,
    /// Anything else, or it could not be started; the text says what.
    Failed(String),
    /// Ended at its time limit.
    TimedOut,
}

impl HookEnd {
    /// The end in words.
    pub fn words(&self) -> String {
        match self {
            HookEnd::Ok => "succeeded".to_owned(),
            HookEnd::Failed(why) => format!("failed ({why})"),
            HookEnd::TimedOut => "was ended at its time limit".to_owned(),
        }
    }

    /// The value of the metric's label `outcome`.
    pub fn code(&self) -> &'static str {
        match self {
            HookEnd::Ok => "ok",
            HookEnd::Failed(_) => "failed",
            HookEnd::TimedOut => "timeout",
        }
    }
}

/// What came of one run of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookOutcome {
    /// Which hook.
    pub hook: String,
    /// Which way it was turning the region.
    pub event: HookEvent,
    /// The turn it belonged to.
    pub turn: u32,
    /// The attempt it was.
    pub attempt: u32,
    /// How it ended.
    pub end: HookEnd,
    /// How long it ran.
    pub took: Duration,
}
