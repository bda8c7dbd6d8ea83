//! What the files of the region's own Keystone say.

use super::facts::{Conf, Facts, Side};
use super::{Answer, Check, Severity};

/// The checks of this group.
pub const CHECKS: [Check; 7] = [
    Check {
        id: "conf-token-provider",
        severity: Severity::Critical,
        looks_at: "`[token] provider` of the region's own Keystone.",
        why: "Only fernet and jws tokens need no database. With another provider today's Keystone does not even start, and an old one writes every token.",
        mend: "Set `[token] provider = fernet`, copy the keys of the master's region, and restart Keystone.",
        judge: provider,
    },
    Check {
        id: "conf-leftover",
        severity: Severity::Info,
        looks_at: "Options that Keystone ignores silently today, such as `[token] driver` and `[memcache] servers`.",
        why: "Somebody may believe that they keep tokens in memcached.",
        mend: "Remove the option; servers of the cache are `[cache] memcache_servers`.",
        judge: leftover,
    },
    Check {
        id: "conf-connection",
        severity: Severity::Critical,
        looks_at: "Which server `[database] connection` leads to: keyward logs in there as Keystone does and compares the server's own id.",
        why: "The region's own Keystone must read the region's replica. With another database it is as dead as that one when it is needed.",
        mend: "Point `[database] connection` at the replica, and restart Keystone.",
        judge: connection,
    },
    Check {
        id: "conf-slave-connection",
        severity: Severity::Warning,
        looks_at: "`[database] slave_connection`.",
        why: "It does not make logins work on a replica, and sends some reads elsewhere.",
        mend: "Leave it empty.",
        judge: slave_connection,
    },
    Check {
        id: "conf-cache-far",
        severity: Severity::Warning,
        looks_at: "Whether the servers of `[cache] memcache_servers` stand in the master's region: on a host of its database or of its identity endpoints.",
        why: "Without the master's region each request waits for a cache that does not answer.",
        mend: "Give each region memcached servers of its own.",
        judge: cache_far,
    },
    Check {
        id: "conf-security-compliance",
        severity: Severity::Warning,
        looks_at: "`[security_compliance]`: `disable_user_account_days_inactive`, `lockout_failure_attempts`, `password_expires_days`.",
        why: "The first writes at the first login of each day in every release; a lockout cannot count on a replica; a password that expires in the outage cannot be changed.",
        mend: "Do without these options in the region's own Keystone, or install keyward's tolerant drivers, which make the first two harmless (failed logins are not counted then).",
        judge: compliance,
    },
    Check {
        id: "conf-drivers",
        severity: Severity::Warning,
        looks_at: "Whether both of keyward's tolerant drivers are switched on, or none.",
        why: "The one lets passwords be checked without writing, the other the day of a login; with only one of them logins still fail.",
        mend: "Set both `[identity] driver = keyward` and `[shadow_users] driver = keyward`, and restart Keystone.",
        judge: drivers,
    },
];

/// What Keystone once knew and ignores now.
const LEFTOVER: [(&str, &str); 4] =
    [("token", "driver"), ("token", "hash_algorithm"), ("token", "enforce_token_bind"), ("memcache", "servers")];

impl Conf {
    /// Both of keyward's tolerant drivers are switched on: logins write nothing that a replica refuses.
    pub fn is_tolerant(&self) -> bool {
        self.drivers() == (true, true)
    }

    fn drivers(&self) -> (bool, bool) {
        let ours = |section| self.options.get(section, "driver") == Some("keyward");
        (ours("identity"), ours("shadow_users"))
    }

    /// The servers of Keystone's cache as `HOST:PORT`; none when it has no memcached.
    pub fn cache_servers(&self) -> Vec<String> {
        let of = |option, default| self.options.or("cache", option, default);
        let off = matches!(of("enabled", "true").to_ascii_lowercase().as_str(), "false" | "0" | "no" | "off");
        if off || !of("backend", "dogpile.cache.null").contains("memcache") {
            return Vec::new();
        }
        let servers = of("memcache_servers", "localhost:11211").split([',', '\n']).map(str::trim);
        let servers = servers.filter(|server| !server.is_empty());
        servers.map(|server| server.trim_start_matches("inet6:").trim_start_matches("inet:").to_owned()).collect()
    }
}

fn provider(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    let provider = conf.options.or("token", "provider", "fernet");
    if !matches!(provider, "fernet" | "jws") {
        answer.find(format!("{} has [token] provider = {provider}", conf.path));
    }
}

fn leftover(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    for (section, option) in LEFTOVER {
        if conf.options.get(section, option).is_some() {
            answer.find(format!("{} has [{section}] {option}, which Keystone ignores", conf.path));
        }
    }
    if conf.options.sections().any(|section| section == "signing") {
        answer.find(format!("{} has a section [signing], which Keystone ignores", conf.path));
    }
}

fn connection(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    let Some(database) = answer.need(&conf.database) else { return };
    let leads_to = |side: &Side| side.server.as_ref().is_ok_and(|server| server.uid() == database.uid);
    let path = &conf.path;
    if facts.replicas.iter().any(leads_to) {
        return;
    }
    if leads_to(&facts.master) {
        return answer
            .find(format!("[database] connection of {path} ({}) leads to the {}", database.place, facts.master.name));
    }
    // which server it is can only be told when the replicas were seen
    let replicas: Vec<_> = facts.replicas.iter().filter_map(|side| answer.need(&side.server)).collect();
    if replicas.len() == facts.replicas.len() {
        answer.find(format!(
            "[database] connection of {path} ({}) leads to a server that is no replica of keyward's",
            database.place
        ));
    }
}

fn slave_connection(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    if conf.options.get("database", "slave_connection").is_some_and(|value| !value.is_empty()) {
        answer.find(format!("{} has a [database] slave_connection", conf.path));
    }
}

fn cache_far(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    for server in conf.cache_servers() {
        let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host).trim_matches(['[', ']']);
        let local = matches!(host, "localhost" | "::1") || host.starts_with("127.");
        if !local && facts.master_hosts().contains(host) {
            answer.find(format!(
                "the cache of {} is on {server}, a host of the master's region {}",
                conf.path, facts.master_region
            ));
        }
    }
}

fn compliance(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    let options = [
        ("disable_user_account_days_inactive", "each user's first login of a day writes", true),
        ("lockout_failure_attempts", "failed logins cannot be counted on a replica", true),
        ("password_expires_days", "passwords that expire in an outage cannot be changed", false),
    ];
    for (option, what, mended_by_drivers) in options {
        let given = conf.options.get("security_compliance", option).is_some_and(|value| !value.is_empty());
        if given && !(mended_by_drivers && conf.is_tolerant()) {
            answer.find(format!("{} has [security_compliance] {option}: {what}", conf.path));
        }
    }
}

fn drivers(facts: &Facts, answer: &mut Answer) {
    let Some(conf) = answer.need(&facts.conf) else { return };
    let missing = match conf.drivers() {
        (true, false) => "shadow_users",
        (false, true) => "identity",
        _ => return,
    };
    answer.find(format!("{} lacks [{missing}] driver = keyward, the other of the two drivers", conf.path));
}
