//! Where a region's authentication points, and the one value from which log, list, metric and status are made.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::RegionName;

/// Where a region's authentication points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// At the master's region.
    #[default]
    Remote,
    /// At the master's region, which has been silent for a moment.
    Suspect,
    /// Hooks of the way out are running.
    Switching,
    /// At the region itself.
    Local,
    /// Hooks of the way back are running.
    Returning,
}

impl Phase {
    /// Every phase, in the order of an episode.
    pub const ALL: [Phase; 5] = [Phase::Remote, Phase::Suspect, Phase::Switching, Phase::Local, Phase::Returning];

    /// The name used in metrics, JSON and hooks.
    pub fn code(self) -> &'static str {
        match self {
            Phase::Remote => "remote",
            Phase::Suspect => "suspect",
            Phase::Switching => "switching",
            Phase::Local => "local",
            Phase::Returning => "returning",
        }
    }

    /// Whether an episode is under way.
    pub fn in_episode(self) -> bool {
        matches!(self, Phase::Switching | Phase::Local | Phase::Returning)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who set something off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Keyward by its own rule.
    Auto,
    /// An operator's command.
    Manual,
}

impl Cause {
    /// The name used in metrics and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Cause::Auto => "auto",
            Cause::Manual => "manual",
        }
    }
}

/// Who decides on a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Keyward by its rule, or an operator.
    Auto,
    /// An operator only.
    Manual,
    /// Nobody; keyward only looks.
    Off,
}

impl Mode {
    /// The word in the settings.
    pub fn code(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Manual => "manual",
            Mode::Off => "off",
        }
    }
}

/// Who decides on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failback {
    /// Keyward by its rule, or an operator.
    Auto,
    /// An operator only.
    Manual,
}

impl Failback {
    /// The word in the settings.
    pub fn code(self) -> &'static str {
        match self {
            Failback::Auto => "auto",
            Failback::Manual => "manual",
        }
    }
}

/// Which side of RegionOne must be down for a failover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// The database.
    #[default]
    Master,
    /// The Keystone.
    Identity,
    /// One of the two.
    Either,
    /// Both of them.
    Both,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Trigger; 4] = [Trigger::Master, Trigger::Identity, Trigger::Either, Trigger::Both];

    /// The word in the settings.
    pub fn code(self) -> &'static str {
        match self {
            Trigger::Master => "master",
            Trigger::Identity => "identity",
            Trigger::Either => "either",
            Trigger::Both => "both",
        }
    }
}

/// What the region's own Keystone must be able to do before a failover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LocalIdentity {
    /// Nothing is asked.
    #[default]
    Off,
    /// Tokens are found valid there.
    Validates,
    /// Somebody who has not logged in today can.
    FirstLogin,
}

impl LocalIdentity {
    /// The word in the settings.
    pub fn code(self) -> &'static str {
        match self {
            LocalIdentity::Off => "off",
            LocalIdentity::Validates => "validates",
            LocalIdentity::FirstLogin => "first-login",
        }
    }
}

/// What kind of thing happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventKind {
    /// The region moved from one phase to another.
    Transition {
        /// The phase it left.
        from: Phase,
        /// The phase it entered.
        to: Phase,
        /// Who set it off.
        cause: Cause,
    },
    /// A verdict appeared (`on`) or went away.
    Verdict {
        /// The verdict's code.
        verdict: String,
        /// Whether it appeared.
        on: bool,
    },
    /// A hook run ended.
    Hook {
        /// The hook's name.
        hook: String,
        /// `failover`, `failback` or `test`.
        event: String,
        /// `ok`, `failed` or `timeout`.
        outcome: String,
        /// How long it ran, in seconds.
        seconds: f64,
    },
    /// An HAProxy had lost what a hook keeps there, and was set again.
    Level {
        /// The hook's name.
        hook: String,
    },
    /// Keyward did something to a replica's server.
    Kept {
        /// The replica's name.
        replica: String,
    },
    /// A replica was compared with its master.
    Verified {
        /// The replica's name.
        replica: String,
    },
    /// An operator's command.
    Command {
        /// The command's name.
        command: String,
        /// The login name of the operator.
        user: String,
    },
    /// Something about the daemon itself: started, stopped, state could not be written.
    Daemon,
}

/// Something that happened, with the sentence that says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Where; absent for the daemon itself.
    pub region: Option<RegionName>,
    /// The episode it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: EventKind,
    /// Why, in one sentence for a person.
    pub sentence: String,
}
