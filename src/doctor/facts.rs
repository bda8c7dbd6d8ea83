//! What the doctor judges: plain values, each with the reason when it is not known.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::dialect::grants::Grant;
use crate::dialect::settings::Variables;
use crate::model::Family;
use crate::model::preflight::CopySide;

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
        }
    }

    /// Both kinds of sides, the master first.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.master).chain(&self.replicas)
    }

    /// Today by the clock of Keystone's bookkeeping, which is UTC: `2026-11-22`.
    pub fn today(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }

    /// The day before [`Facts::today`].
    pub fn yesterday(&self) -> String {
        let day = std::time::Duration::from_secs(86_400);
        self.now.checked_sub(day).unwrap_or(self.now).strftime("%Y-%m-%d").to_string()
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
            keystone: Err(why),
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
