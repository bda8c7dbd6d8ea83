//! From the settings to what the judge goes by.

use crate::config::Settings;
use crate::config::schema::{KeystoneLogin, Region};
use crate::judge::{Keystone, Rules};
use crate::model::WebUrl;
use crate::plan::wanted;

/// The rules of every region, in the order of the settings.
pub fn of(settings: &Settings) -> Vec<Rules> {
    settings.regions.iter().map(|region| of_region(settings, region)).collect()
}

fn of_region(settings: &Settings, region: &Region) -> Rules {
    let failover = &region.failover;
    let mut schemas = settings.replication.databases.clone();
    schemas.push("keyward".to_owned());
    Rules {
        region: region.name.clone(),
        master_region: settings.master.region.clone(),
        master_addresses: settings.master.addresses.clone(),
        schemas,
        filter: wanted::filter(&settings.replication.databases),
        replicas: region.replicas.iter().map(|replica| (replica.name.clone(), replica.address.clone())).collect(),
        hooks: failover.hooks.clone(),
        mode: failover.mode,
        trigger: failover.trigger,
        identity: settings.master.identity_url.as_ref().map(|url| keystone(settings, url, &settings.identity.login)),
        local_identity: region.identity_url.as_ref().map(|url| keystone(settings, url, &settings.identity.local)),
        require_local_identity: failover.require_local_identity,
        failback: failover.failback,
        poll_interval: settings.poll_interval,
        probe_timeout: settings.probe_timeout,
        beat_interval: settings.replication.beat_interval,
        unreachable_after: failover.unreachable_after,
        failback_after: failover.failback_after,
        failback_max_lag: failover.failback_max_lag,
        max_data_age: failover.max_data_age,
    }
}

fn keystone(settings: &Settings, url: &WebUrl, login: &Option<KeystoneLogin>) -> Keystone {
    let (interval, timeout) = (settings.identity.interval, settings.identity.timeout);
    Keystone { url: url.to_string(), interval, timeout, logs_in: login.is_some() }
}
