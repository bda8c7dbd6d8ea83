//! The doctor's facts, had from servers and files; nothing is changed anywhere. What they mean `doctor` judges.

pub mod keystone;
pub mod servers;

use jiff::Timestamp;

use crate::config::Settings;
use crate::config::schema::Replica;
use crate::doctor::facts::Facts;
use crate::model::RegionName;
use crate::model::hook::HookKind;
use crate::wire::connect::Target;

/// What to ask, besides what the settings say.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// An administrator at the only replica that is asked, to see Keystone's account there.
    pub replica_admin: Option<Target>,
}

/// Asks everything about the master and these replicas, each with its region. `clock` is this host's wall clock.
pub async fn facts(
    settings: &Settings,
    chosen: &[(&RegionName, &Replica)],
    wish: &Wish,
    clock: fn() -> Timestamp,
) -> Facts {
    let asking = servers::Asking { settings, wish, clock };
    let master = servers::master(&asking).await;
    let mut replicas = Vec::new();
    for (region, replica) in chosen {
        replicas.push(servers::replica(&asking, region, replica).await);
    }
    let proxied = settings
        .regions
        .iter()
        .filter(|region| region.failover.hooks.iter().any(|hook| matches!(hook.kind, HookKind::Haproxy(_))));
    let ages = settings.regions.iter().map(|region| region.failover.max_data_age.as_secs());
    Facts {
        now: clock(),
        master_region: settings.master.region.0.clone(),
        databases: settings.replication.databases.clone(),
        max_data_age_seconds: ages.max().unwrap_or_default(),
        proxied_regions: proxied.map(|region| region.name.0.clone()).collect(),
        master,
        replicas,
    }
}
