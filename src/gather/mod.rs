//! The doctor's facts, had from servers and files; nothing is changed anywhere. What they mean `doctor` judges.

pub mod caches;
pub mod conf;
pub mod keys;
pub mod keystone;
pub mod logins;
pub mod proxies;
pub mod servers;

use std::path::PathBuf;

use crate::config::Settings;
use crate::config::schema::Replica;
use crate::doctor::facts::{Database, Facts, Side};
use crate::model::hook::HookKind;
use crate::model::{Now, RegionName, WebUrl};
use crate::wire::connect::Target;

/// What to ask, besides what the settings say.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// An administrator at the only replica that is asked, to see Keystone's account there.
    pub replica_admin: Option<Target>,
    /// The files of the Keystone that keyward runs beside; none elsewhere.
    pub keystone_confs: Vec<PathBuf>,
    /// What `keyward fingerprint` printed on a Keystone's host of the master's region.
    pub fingerprints: Option<PathBuf>,
    /// Memcached servers; none for those of Keystone's file.
    pub memcached: Vec<String>,
    /// Files of the region's services, whose logins are tried.
    pub service_confs: Vec<PathBuf>,
    /// The configuration of the HAProxy on this host.
    pub haproxy_cfg: Option<PathBuf>,
}

impl Wish {
    /// What the settings name.
    pub fn of(settings: &Settings) -> Self {
        Self {
            keystone_confs: settings.doctor.keystone_conf.clone(),
            fingerprints: settings.doctor.fingerprints.clone(),
            memcached: settings.doctor.memcached.clone(),
            ..Self::default()
        }
    }
}

/// Asks everything about the master and these replicas, each with its region. `clock` reads this host's clocks.
pub async fn facts(settings: &Settings, chosen: &[(&RegionName, &Replica)], wish: &Wish, clock: fn() -> Now) -> Facts {
    let logins = logins::read(&wish.service_confs).await;
    let users = logins::users(&logins);
    let asking = servers::Asking { settings, wish, users: &users, clock };
    let master = servers::master(&asking).await;
    let mut replicas = Vec::new();
    for (region, replica) in chosen {
        replicas.push(servers::replica(&asking, region, replica).await);
    }
    let conf = conf::read(settings, &wish.keystone_confs).await;
    if let Ok(database) = conf.as_ref().map_err(Clone::clone).and_then(|conf| conf.database.clone()) {
        account_seen(&mut replicas, &database);
    }
    let proxied = settings
        .regions
        .iter()
        .filter(|region| region.failover.hooks.iter().any(|hook| matches!(hook.kind, HookKind::Haproxy(_))));
    let ages = settings.regions.iter().map(|region| region.failover.max_data_age.as_secs());
    Facts {
        now: clock().wall,
        master_region: settings.master.region.0.clone(),
        databases: settings.replication.databases.clone(),
        max_data_age_seconds: ages.max().unwrap_or_default(),
        proxied_regions: proxied.map(|region| region.name.0.clone()).collect(),
        master,
        replicas,
        known_master_hosts: master_hosts(settings),
        keys: keys::read(&conf).await,
        other_keys: keys::other(wish.fingerprints.as_deref()).await,
        caches: caches::read(&wish.memcached, &conf).await,
        proxies: proxies::read(settings).await,
        proxy_configuration: proxies::configuration(wish.haproxy_cfg.as_deref()).await,
        logins: logins::try_all(settings, own_keystone(settings, chosen), logins, clock).await,
        conf,
    }
}

/// The Keystone of the region that is asked about; of several regions none.
fn own_keystone<'a>(settings: &'a Settings, chosen: &[(&RegionName, &Replica)]) -> Option<&'a WebUrl> {
    let (first, _) = chosen.first()?;
    let alone = chosen.iter().all(|(region, _)| region == first);
    settings.regions.iter().find(|region| alone && region.name == **first)?.identity_url.as_ref()
}

/// Where nobody could see Keystone's account, what it saw of itself counts.
fn account_seen(replicas: &mut [Side], database: &Database) {
    let same = |side: &&mut Side| side.server.as_ref().is_ok_and(|server| server.uid() == database.uid);
    for side in replicas.iter_mut().filter(same) {
        if side.keystone_account.is_err() {
            side.keystone_account = Ok(vec![database.account.clone()]);
        }
    }
}

fn master_hosts(settings: &Settings) -> Vec<String> {
    let databases = settings.master.addresses.iter().map(|address| address.host.clone());
    databases.chain(settings.master.identity_url.iter().map(|url| url.server.host.clone())).collect()
}
