//! What a region's judge goes by: the settings as plain values, nothing left to look up.

use std::time::Duration;

use super::beats::Pace;
use crate::model::hook::HookSpec;
use crate::model::phase::{Failback, LocalIdentity, Mode, Trigger};
use crate::model::{Address, RegionName, ReplicaName};

/// The rules of one region.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The region that is judged.
    pub region: RegionName,
    /// The region that holds the master.
    pub master_region: RegionName,
    /// The master's addresses, at least one; a replica's link must point at one of them.
    pub master_addresses: Vec<Address>,
    /// The schemas that belong on a replica: the configured ones and `keyward`.
    pub schemas: Vec<String>,
    /// The filter that every replica must have.
    pub filter: String,
    /// The replicas and their addresses, in the order of the settings.
    pub replicas: Vec<(ReplicaName, Address)>,
    /// The hooks, in the order of the way out.
    pub hooks: Vec<HookSpec>,
    /// Who decides on a failover.
    pub mode: Mode,
    /// Which side of the master's region must be down.
    pub trigger: Trigger,
    /// The master's region's Keystone, where somebody looks at it.
    pub identity: Option<Keystone>,
    /// The region's own Keystone, where somebody looks at it.
    pub local_identity: Option<Keystone>,
    /// What that one must be able to do before a failover.
    pub require_local_identity: LocalIdentity,
    /// Who decides on the way back.
    pub failback: Failback,
    /// Time between looks.
    pub poll_interval: Duration,
    /// Limit of one look.
    pub probe_timeout: Duration,
    /// Time between beats.
    pub beat_interval: Duration,
    /// How long no witness may prove the master alive.
    pub unreachable_after: Duration,
    /// Unbroken health before the way back, before damping.
    pub failback_after: Duration,
    /// The most lag at which the way back begins.
    pub failback_max_lag: Duration,
    /// Authentication is not served from older data.
    pub max_data_age: Duration,
}

/// A Keystone, and how it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keystone {
    /// Its address, for sentences.
    pub url: String,
    /// One look this often.
    pub interval: Duration,
    /// Limit of one look.
    pub timeout: Duration,
    /// Somebody logs in; otherwise its mere answer counts.
    pub logs_in: bool,
}

impl Rules {
    /// The master's addresses as a sentence names them.
    pub fn master_at(&self) -> String {
        self.master_addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    }

    /// How long a link may show no progress and still count as living: two beats and the look that shows them.
    pub fn link_patience(&self) -> Duration {
        2 * self.beat_interval.max(self.poll_interval) + self.poll_interval + self.probe_timeout
    }

    /// How often beats are written and waited for.
    pub fn pace(&self) -> Pace {
        Pace { beat_interval: self.beat_interval, patience: self.link_patience() }
    }

    /// The longest time between two steps of the judge that still counts as watching.
    pub fn gap_limit(&self) -> Duration {
        2 * self.poll_interval + self.probe_timeout
    }
}
