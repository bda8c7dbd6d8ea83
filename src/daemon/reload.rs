//! SIGHUP: takes in what can change while the daemon runs, and says which settings wait for a restart.
//!
//! What can change is `[regions.failover]`: who decides, how patiently, and the hooks. No phase moves by it.

use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::config::schema::{Account, Failover, Identity, KeystoneLogin, Region, Replica, Tls};
use crate::model::RegionName;

/// What becomes of settings that were read again.
#[derive(Debug)]
pub struct Merged {
    /// The settings to go on with.
    pub settings: Settings,
    /// The regions that go by other settings now.
    pub changed: Vec<RegionName>,
    /// What changed and what waits for a restart, key by key.
    pub sentence: String,
}

/// Takes over from `new` what can change.
pub fn merge(old: &Settings, new: &Settings) -> Merged {
    let mut settings = old.clone();
    let (mut changed, mut said) = (Vec::new(), Vec::new());
    for region in &mut settings.regions {
        let Some(found) = same(&new.regions, region) else { continue };
        let keys = changed_keys(&region.failover, &found.failover);
        if !keys.is_empty() {
            region.failover = found.failover.clone();
            said.push(format!("failover settings of {} ({})", region.name, keys.join(", ")));
            changed.push(region.name.clone());
        }
    }
    let said = if said.is_empty() { "nothing that can change now".to_owned() } else { said.join(", ") };
    let mut sentence = format!("settings were read again: {said} changed");
    let waiting = waiting_for_restart(old, new);
    if !waiting.is_empty() {
        sentence.push_str(&format!("; these wait for a restart: {}", waiting.join(", ")));
    }
    Merged { settings, changed, sentence }
}

fn same<'a>(regions: &'a [Region], wanted: &Region) -> Option<&'a Region> {
    regions.iter().find(|region| region.name == wanted.name)
}

fn changed_keys(old: &Failover, new: &Failover) -> Vec<String> {
    let mut keys = Keys::default();
    keys.compare("mode", &old.mode, &new.mode);
    keys.compare("trigger", &old.trigger, &new.trigger);
    keys.compare("unreachable_after", &old.unreachable_after, &new.unreachable_after);
    keys.compare("failback", &old.failback, &new.failback);
    keys.compare("failback_after", &old.failback_after, &new.failback_after);
    keys.compare("failback_max_lag", &old.failback_max_lag, &new.failback_max_lag);
    keys.compare("max_data_age", &old.max_data_age, &new.max_data_age);
    let (before, after) = (&old.require_local_identity, &new.require_local_identity);
    keys.compare("require_local_identity", before, after);
    keys.compare("hooks", &old.hooks, &new.hooks);
    // a setting that is missing above is still taken over
    if keys.0.is_empty() {
        keys.compare("others", old, new);
    }
    keys.0
}

/// The keys that differ and cannot change while the daemon runs.
fn waiting_for_restart(old: &Settings, new: &Settings) -> Vec<String> {
    let mut keys = Keys::default();
    keys.compare("state_dir", &old.state_dir, &new.state_dir);
    keys.compare("poll_interval", &old.poll_interval, &new.poll_interval);
    keys.compare("probe_timeout", &old.probe_timeout, &new.probe_timeout);
    keys.compare("connect_timeout", &old.connect_timeout, &new.connect_timeout);
    keys.compare("http.listen", &old.http.listen, &new.http.listen);
    keys.compare("http.tls_cert_file", &old.http.tls_cert_file, &new.http.tls_cert_file);
    keys.compare("http.tls_key_file", &old.http.tls_key_file, &new.http.tls_key_file);
    keys.compare("http.client_ca_file", &old.http.client_ca_file, &new.http.client_ca_file);
    let users = |settings: &Settings| -> Vec<(String, String)> {
        let users = settings.http.basic_auth_users.iter();
        users.map(|(name, hash)| (name.clone(), hash.expose_secret().to_owned())).collect()
    };
    keys.compare("http.basic_auth_users", &users(old), &users(new));
    keys.compare("control.socket", &old.control_socket, &new.control_socket);
    keys.compare("log.format", &old.log.format, &new.log.format);
    keys.compare("log.level", &old.log.level, &new.log.level);
    keys.account("account", &old.account, &new.account);
    keys.tls("tls", &old.tls, &new.tls);
    let (before, after) = (&old.replication, &new.replication);
    keys.account("replication", &before.account, &after.account);
    keys.compare("replication.databases", &before.databases, &after.databases);
    keys.compare("replication.beat_interval", &before.beat_interval, &after.beat_interval);
    keys.compare("replication.auto_setup", &before.auto_setup, &after.auto_setup);
    keys.compare("replication.auto_reseed", &before.auto_reseed, &after.auto_reseed);
    keys.compare("replication.verify_every", &before.verify_every, &after.verify_every);
    keys.tls("replication.tls", &before.tls, &after.tls);
    keys.compare("master.region", &old.master.region, &new.master.region);
    keys.compare("master.addresses", &old.master.addresses, &new.master.addresses);
    keys.compare("master.identity_url", &old.master.identity_url, &new.master.identity_url);
    keys.identity(&old.identity, &new.identity);
    keys.compare("doctor.every", &old.doctor.every, &new.doctor.every);
    keys.compare("doctor.keystone_conf", &old.doctor.keystone_conf, &new.doctor.keystone_conf);
    keys.compare("doctor.fingerprints", &old.doctor.fingerprints, &new.doctor.fingerprints);
    keys.compare("doctor.memcached", &old.doctor.memcached, &new.doctor.memcached);
    let names = |settings: &Settings| -> Vec<RegionName> {
        settings.regions.iter().map(|region| region.name.clone()).collect()
    };
    keys.compare("regions.name", &names(old), &names(new));
    for (region, found) in old.regions.iter().filter_map(|region| Some((region, same(&new.regions, region)?))) {
        let own = |settings: &Settings, region: &Region| -> Vec<String> {
            region.replicas.iter().map(|replica| own_settings(settings, replica)).collect()
        };
        keys.compare(&format!("regions.identity_url of {}", region.name), &region.identity_url, &found.identity_url);
        keys.compare(&format!("regions.replicas of {}", region.name), &own(old, region), &own(new, found));
    }
    keys.0
}

/// What is said of a replica itself, without what it takes over from elsewhere.
fn own_settings(settings: &Settings, replica: &Replica) -> String {
    let own = |own: &Tls, general: &Tls| (own != general).then(|| own.clone());
    let (tls, link) = (own(&replica.tls, &settings.tls), own(&replica.replication_tls, &settings.replication.tls));
    format!("{} {} {tls:?} {link:?}", replica.name, replica.address)
}

/// Keys that differ.
#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn compare<T: PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(key.to_owned());
        }
    }

    fn identity(&mut self, old: &Identity, new: &Identity) {
        self.login("identity", old.login.as_ref(), new.login.as_ref());
        self.login("identity.local", old.local.as_ref(), new.local.as_ref());
        self.compare("identity.ca_file", &old.ca_file, &new.ca_file);
        self.compare("identity.interval", &old.interval, &new.interval);
        self.compare("identity.timeout", &old.timeout, &new.timeout);
    }

    fn login(&mut self, at: &str, old: Option<&KeystoneLogin>, new: Option<&KeystoneLogin>) {
        let words = |login: Option<&KeystoneLogin>| -> [(&str, String); 6] {
            let secret = |secret: &SecretString| secret.expose_secret().to_owned();
            let keys = ["user", "user_domain", "project", "project_domain", "password", "application_credential"];
            let values = match login {
                None => Default::default(),
                Some(KeystoneLogin::Password { user, user_domain, project, project_domain, password }) => {
                    let plain = [user, user_domain, project, project_domain].map(Clone::clone);
                    let [user, user_domain, project, project_domain] = plain;
                    [user, user_domain, project, project_domain, secret(password), String::new()]
                }
                Some(KeystoneLogin::ApplicationCredential { id, secret: text }) => {
                    let mut values: [String; 6] = Default::default();
                    values[5] = format!("{id} {}", secret(text));
                    values
                }
            };
            let mut values = values.into_iter();
            keys.map(|key| (key, values.next().unwrap_or_default()))
        };
        for ((key, before), (_, after)) in words(old).into_iter().zip(words(new)) {
            self.compare(&format!("{at}.{key}"), &before, &after);
        }
    }

    fn account(&mut self, at: &str, old: &Account, new: &Account) {
        self.compare(&format!("{at}.user"), &old.user, &new.user);
        // a secret prints as nothing; it is compared and not kept
        let same = |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        self.compare(&format!("{at}.password"), &true, &same(&old.password, &new.password));
    }

    fn tls(&mut self, at: &str, old: &Tls, new: &Tls) {
        self.compare(&format!("{at}.mode"), &old.mode, &new.mode);
        self.compare(&format!("{at}.ca_file"), &old.ca_file, &new.ca_file);
        self.compare(&format!("{at}.cert_file"), &old.cert_file, &new.cert_file);
        self.compare(&format!("{at}.key_file"), &old.key_file, &new.key_file);
    }
}
