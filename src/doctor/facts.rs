//! What the doctor judges: plain values, each with the reason when it is not known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::catalog;
use super::ini::Ini;
use crate::dialect::grants::Grant;
use crate::dialect::settings::Variables;
use crate::model::Family;
use crate::model::preflight::CopySide;
use crate::model::view::ExpiryView;

/// A fact, or in one sentence why it is not known.
pub type Asked<T> = Result<T, String>;

/// Everything that was asked.
#[derive(Clone, Debug)]
pub struct Facts {
    /// This host's wall clock when it began.
    pub now: Timestamp,
    /// The master's region.
    pub master_region: String,
    /// The schemas that are replicated, besides keyward's own.
    pub databases: Vec<String>,
    /// How long the data of a replica may be used, in seconds (`max_data_age`, the greatest of the regions).
    pub max_data_age_seconds: u64,
    /// Regions whose services reach Keystone through an HAProxy that keyward sets.
    pub proxied_regions: Vec<String>,
    /// The master.
    pub master: Side,
    /// The replicas.
    pub replicas: Vec<Side>,
    /// Hosts of the master's region that the settings name: its databases and its Keystone.
    pub known_master_hosts: Vec<String>,
    /// The files of the region's own Keystone.
    pub conf: Asked<Conf>,
    /// Its keys.
    pub keys: Asked<Keys>,
    /// The fingerprints of the other side's keys.
    pub other_keys: Asked<Fingerprints>,
    /// The memcached servers of the region's Keystone.
    pub caches: Asked<Vec<Cache>>,
    /// The HAProxies that keyward sets.
    pub proxies: Vec<Proxy>,
    /// The configuration of the HAProxy on this host.
    pub proxy_configuration: Asked<String>,
    /// The logins of the region's services.
    pub logins: Asked<Vec<ServiceLogin>>,
}

impl Facts {
    /// Nothing is known, for one reason.
    pub fn unknown(why: &str) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            master_region: "RegionOne".to_owned(),
            databases: vec!["keystone".to_owned()],
            max_data_age_seconds: 86_400,
            proxied_regions: Vec::new(),
            master: Side::unknown("master", why),
            replicas: vec![Side::unknown("replica RegionTwo/r2-db1", why)],
            known_master_hosts: Vec::new(),
            conf: Err(why.to_owned()),
            keys: Err(why.to_owned()),
            other_keys: Err(why.to_owned()),
            caches: Err(why.to_owned()),
            proxies: vec![Proxy { name: "hook".to_owned(), backends: BTreeSet::new(), looked: Err(why.to_owned()) }],
            proxy_configuration: Err(why.to_owned()),
            logins: Err(why.to_owned()),
        }
    }

    /// Both kinds of sides, the master first.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.master).chain(&self.replicas)
    }

    /// Hosts of the master's region, as far as they are known.
    pub fn master_hosts(&self) -> BTreeSet<&str> {
        let catalog = self.master.keystone.as_ref().ok().and_then(|keystone| keystone.catalog.as_ref().ok());
        let endpoints = catalog.into_iter().flat_map(Catalog::served).filter(|(service, endpoint)| {
            *service == "identity" && endpoint.region.as_deref() == Some(self.master_region.as_str())
        });
        let hosts = endpoints.filter_map(|(_, endpoint)| Some(catalog::parse(&endpoint.url)?.host));
        hosts.chain(self.known_master_hosts.iter().map(String::as_str)).collect()
    }

    /// Whether the region's own Keystone has keyward's tolerant drivers, so that its logins write nothing.
    pub fn is_tolerant(&self) -> bool {
        self.conf.as_ref().is_ok_and(Conf::is_tolerant)
    }

    /// Today by the clock of Keystone's bookkeeping, which is UTC: `2026-11-22`.
    pub fn today(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }
}

/// One database server.
#[derive(Clone, Debug)]
pub struct Side {
    /// How sentences call it: `master 10.13.32.19:3306`, `replica RegionTwo/r2-db1`.
    pub name: String,
    /// The server.
    pub server: Asked<Server>,
    /// Its replication; of a replica only.
    pub copy: Asked<CopySide>,
    /// The rights of Keystone's own account there, each account with its grants; asked of replicas only.
    pub keystone_account: Asked<Vec<(String, Vec<Grant>)>>,
    /// Keystone's rows.
    pub keystone: Asked<Keystone>,
    /// When the password of keyward's own account expires there.
    pub own_password: Asked<ExpiryView>,
}

impl Side {
    /// Nothing is known of it.
    pub fn unknown(name: &str, why: &str) -> Self {
        let why = why.to_owned();
        Self {
            name: name.to_owned(),
            server: Err(why.clone()),
            copy: Err(why.clone()),
            keystone_account: Err(why.clone()),
            keystone: Err(why.clone()),
            own_password: Err(why),
        }
    }
}

/// What a database server says of itself.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Whose words it speaks.
    pub family: Family,
    /// `@@version`.
    pub version: String,
    /// Its settings and whether a restart would keep them.
    pub settings: Variables,
    /// The rights of keyward's own account.
    pub own_rights: Vec<Grant>,
    /// How far its clock is ahead of this host's, in seconds, and how exactly that is known.
    pub clock_ahead: (f64, f64),
}

impl Server {
    /// A setting's value; empty when it has none.
    pub fn value(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", |(value, _)| value.as_str())
    }

    /// What tells this server from every other.
    pub fn uid(&self) -> &str {
        self.value(match self.family {
            Family::MariaDb => "server_uid",
            Family::MySql => "server_uuid",
        })
    }

    /// How many days a password lives that has no word of its own on that; 0 is forever.
    pub fn default_password_days(&self) -> u64 {
        self.value("default_password_lifetime").parse().unwrap_or_default()
    }

    /// Whether a setting is on.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.value(name), "ON" | "1")
    }
}

/// What Keystone's database on one server holds.
#[derive(Clone, Debug)]
pub struct Keystone {
    /// The revisions of its schema, `alembic_version`.
    pub revisions: Asked<Vec<String>>,
    /// Users whose last login failed, service users first.
    pub failed: Asked<Vec<Failed>>,
    /// The users of the project `service` that may log in.
    pub service_users: Asked<Vec<ServiceUser>>,
    /// The day of the newest login that was written down: `2026-11-22`; absent when none was.
    pub newest_login: Asked<Option<String>>,
    /// Rows of the table `token`, and those of them that are still valid.
    pub tokens: Asked<(u64, u64)>,
    /// Trusts that are good for a number of uses, and still are.
    pub limited_trusts: Asked<u64>,
    /// The names of federation's mappings that put users into groups.
    pub group_mappings: Asked<Vec<String>>,
    /// The names of domains whose users come from LDAP, as the database says.
    pub ldap_domains: Asked<Vec<String>>,
    /// The service catalogue.
    pub catalog: Asked<Catalog>,
}

/// A user whose last login failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The user's name.
    pub name: String,
    /// It is a service's.
    pub service: bool,
    /// How often it failed.
    pub count: u64,
}

/// A user that a service logs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUser {
    /// The user's name.
    pub name: String,
    /// The day of its last login that was written down; absent when none was.
    pub last_login: Option<String>,
}

/// The service catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The regions' names.
    pub regions: Vec<String>,
    /// Each service's id with its type.
    pub services: BTreeMap<String, String>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

impl Catalog {
    /// Enabled endpoints of a service that exists, each with the service's type.
    pub fn served(&self) -> impl Iterator<Item = (&str, &Endpoint)> {
        let enabled = self.endpoints.iter().filter(|endpoint| endpoint.enabled);
        enabled.filter_map(|endpoint| Some((self.services.get(&endpoint.service)?.as_str(), endpoint)))
    }
}

/// One endpoint of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The id of its service.
    pub service: String,
    /// Its region; absent for none.
    pub region: Option<String>,
    /// Its address.
    pub url: String,
    /// Whether it is shown to anybody.
    pub enabled: bool,
}

/// The files of the region's own Keystone.
#[derive(Clone, Debug)]
pub struct Conf {
    /// The files, as sentences call them.
    pub path: String,
    /// What they say.
    pub options: Ini,
    /// The server that `[database] connection` leads to.
    pub database: Asked<Database>,
}

/// A database server that Keystone logs in at.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it listens.
    pub place: String,
    /// What tells it from every other.
    pub uid: String,
    /// Keystone's account there and its rights.
    pub account: (String, Vec<Grant>),
}

/// Keystone's two repositories of keys on this host.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of fernet tokens; absent when tokens are of another kind.
    pub fernet: Option<Asked<Repository>>,
    /// Of credentials.
    pub credential: Asked<Repository>,
}

/// One repository of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Its folder.
    pub path: String,
    /// Its keys.
    pub keys: KeyPrints,
    /// Files and folders that others than their owner and group may open, or the group may change.
    pub open: Vec<String>,
}

/// Keys by their number, each as its fingerprint. The greatest number is the primary one, 0 the next.
pub type KeyPrints = BTreeMap<u32, String>;

/// What `keyward fingerprint` prints on a Keystone's host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    /// The version of the document.
    pub version: u32,
    /// Of fernet tokens.
    pub fernet: KeyPrints,
    /// Of credentials.
    pub credential: KeyPrints,
}

/// One memcached.
#[derive(Clone, Debug)]
pub struct Cache {
    /// `HOST:PORT`
    pub name: String,
    /// What it says of itself, or why it says nothing.
    pub stats: Result<CacheStats, String>,
}

/// What a memcached counts since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Seconds since its start.
    pub uptime_seconds: u64,
    /// Bytes that its items take.
    pub bytes: u64,
    /// Bytes that they may take.
    pub limit_bytes: u64,
    /// Items thrown out before their time.
    pub evictions: u64,
    /// Items that were to be kept longer and were gone.
    pub touch_misses: u64,
    /// Items that were to be kept longer and were there.
    pub touch_hits: u64,
}

/// One HAProxy that a hook sets.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// How sentences call it.
    pub name: String,
    /// The backends whose servers it sets.
    pub backends: BTreeSet<String>,
    /// What one look shows.
    pub looked: Asked<ProxyLook>,
}

/// What one look at an HAProxy shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyLook {
    /// Why keyward could not set it.
    pub hindrance: Option<String>,
    /// The region's own servers that could not serve, each with why.
    pub unfit: Vec<String>,
}

/// A login of a service, tried at both Keystones: the bytes of the token that it gave, or why it gave none.
#[derive(Clone, Debug)]
pub struct ServiceLogin {
    /// How sentences call it.
    pub name: String,
    /// At the master's region.
    pub at_master: Asked<Result<usize, String>>,
    /// At the region's own Keystone.
    pub at_region: Asked<Result<usize, String>>,
}
