//! Whether settings that were each read well agree with each other. Files and certificates stand in `check_tls`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::hook;
use super::identity;
use super::notes::Notes;
use super::schema::{Account, Failover, LONGEST_SOCKET, Mode, Region, Settings};
use crate::model::Address;
use crate::model::time::friendly;

/// The longest account name that MariaDB takes, in characters.
const LONGEST_USER: usize = 128;
/// The longest password of a link that MariaDB takes, in bytes; beyond it, the server's error quotes the password.
const LONGEST_LINK_PASSWORD: usize = 96;
/// Costs of bcrypt hashes: one of 16 takes seconds.
const BCRYPT_COSTS: RangeInclusive<u32> = 4..=16;
/// The longest schema name that MariaDB takes, in characters.
const LONGEST_SCHEMA: usize = 64;
/// The longest name of a region, as in Keystone.
const LONGEST_REGION: usize = 255;
/// The longest name of a replica or a hook.
const LONGEST_NAME: usize = 64;

/// Notes everything in the settings that cannot work.
pub fn settings(settings: &Settings, notes: &Notes) {
    intervals(settings, notes);
    let socket = settings.control_socket.as_os_str().len();
    if socket > LONGEST_SOCKET {
        let sentence = format!("is {socket} bytes long; the path of a unix socket has at most {LONGEST_SOCKET}");
        notes.problem("control.socket", sentence);
    }
    log_level(&settings.log.level, notes);
    http(settings, notes);
    accounts(settings, notes);
    databases(&settings.replication.databases, notes);
    masters(settings, notes);
    name("master.region", &settings.master.region.0, LONGEST_REGION, notes);
    if settings.regions.is_empty() && notes.sound("regions") {
        notes.problem("regions", "must hold at least one region, written [[regions]]");
    }
    regions(settings, notes);
    identity::check(settings, notes);
}

fn intervals(settings: &Settings, notes: &Notes) {
    let (ms50, ms500, minute) = (Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(60));
    between("poll_interval", settings.poll_interval, ms50, minute, notes);
    between("replication.beat_interval", settings.replication.beat_interval, ms50, minute, notes);
    if let Some(every) = settings.doctor.every {
        between("doctor.every", every, minute, minute * 60 * 24 * 366, notes);
    }
    if let Some(every) = settings.replication.verify_every {
        between("replication.verify_every", every, minute, minute * 60 * 24 * 366, notes);
    }
    between("probe_timeout", settings.probe_timeout, Duration::from_millis(10), minute, notes);
    between("connect_timeout", settings.connect_timeout, Duration::from_millis(10), minute * 5, notes);
    for (index, region) in settings.regions.iter().enumerate() {
        let key = format!("regions[{index}].failover.unreachable_after");
        if region.failover.unreachable_after < ms500 && notes.sound(&key) {
            notes.problem(
                key,
                format!("is {}, but must be at least 500ms", friendly(region.failover.unreachable_after)),
            );
        }
    }
}

/// Notes a duration that is not within its bounds.
pub(super) fn between(key: &str, value: Duration, least: Duration, most: Duration, notes: &Notes) {
    if notes.sound(key) && (value < least || value > most) {
        let (value, least, most) = (friendly(value), friendly(least), friendly(most));
        notes.problem(key, format!("is {value}, but must be from {least} to {most}"));
    }
}

fn log_level(level: &str, notes: &Notes) {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // a lone word that is no level would be taken for a module's name and silence everything else
    let lone_word = !level.contains(['=', ',']);
    if lone_word && !LEVELS.contains(&level) || tracing_subscriber::EnvFilter::try_new(level).is_err() {
        let levels = LEVELS.join(", ");
        notes.problem(
            "log.level",
            format!("{level:?} is no level; use one of {levels}, or a filter like keyward=debug,info"),
        );
    }
}

fn http(settings: &Settings, notes: &Notes) {
    let http = &settings.http;
    match (&http.tls_cert_file, &http.tls_key_file) {
        (Some(_), None) => notes.problem("http.tls_key_file", "is missing: tls_cert_file needs its private key"),
        (None, Some(_)) => notes.problem("http.tls_cert_file", "is missing: tls_key_file needs its certificate"),
        (None, None) if http.client_ca_file.is_some() => {
            notes.problem(
                "http.client_ca_file",
                "needs tls_cert_file and tls_key_file: only HTTPS asks for certificates",
            );
        }
        _ => {}
    }
    for (user, hash) in &http.basic_auth_users {
        let key = format!("http.basic_auth_users.{user}");
        if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
            notes.problem(&key, "a user's name must not be empty and must hold neither a colon nor control characters");
        }
        if let Some(sentence) = unusable(hash.expose_secret()) {
            notes.problem(&key, sentence);
        }
    }
}

/// Why nobody could log in against a bcrypt hash.
fn unusable(hash: &str) -> Option<&'static str> {
    let kind = ["$2a$", "$2b$", "$2y$"].iter().any(|kind| hash.starts_with(kind));
    match hash.parse::<bcrypt::HashParts>() {
        Ok(parts) if kind && BCRYPT_COSTS.contains(&parts.get_cost()) => None,
        Ok(parts) if kind && parts.get_cost() > *BCRYPT_COSTS.end() => Some(
            "is a bcrypt hash that takes too long to compute, its cost is above 16; make one with `htpasswd -nB NAME`",
        ),
        _ => Some("is not a bcrypt hash like $2y$10$...; make one with `htpasswd -nB NAME`"),
    }
}

fn accounts(settings: &Settings, notes: &Notes) {
    let (own, link) = (&settings.account, &settings.replication.account);
    user("account.user", own, notes);
    user("replication.user", link, notes);
    if link.password.expose_secret().len() > LONGEST_LINK_PASSWORD {
        let sentence = format!("is longer than the {LONGEST_LINK_PASSWORD} bytes that MariaDB takes for a link");
        notes.problem("replication.password", sentence);
    }
    if own.user == link.user && !own.user.is_empty() {
        let sentence =
            format!("{:?} is account.user too; the link needs an account of its own, with fewer rights", own.user);
        notes.problem("replication.user", sentence);
    }
}

fn user(key: &str, account: &Account, notes: &Notes) {
    if !notes.sound(key) {
        return;
    }
    name_of_any(key, &account.user, LONGEST_USER, notes);
    // set-up gives this account its password and takes rights away from it
    if ["root", "mysql", "mariadb.sys", "mysql.sys"].contains(&account.user.as_str()) {
        notes.problem(key, format!("{:?} belongs to the server; name an account that only keyward uses", account.user));
    }
}

fn databases(databases: &[String], notes: &Notes) {
    const SYSTEM: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];
    if databases.is_empty() && notes.sound("replication.databases") {
        notes.problem("replication.databases", "must name at least one database");
    }
    for (index, database) in databases.iter().enumerate() {
        let key = format!("replication.databases[{index}]");
        let lower = database.to_lowercase();
        // servers keep names in three bytes a letter
        let plain = |c: char| c.is_alphanumeric() && c <= '\u{ffff}' || ['_', '$', '-'].contains(&c);
        if database.is_empty() || database.chars().count() > LONGEST_SCHEMA || !database.chars().all(plain) {
            let rule = format!("has 1 to {LONGEST_SCHEMA} letters, digits, `_`, `$` or `-`");
            notes.problem(key, format!("{database:?} cannot be replicated: the name of a database {rule}"));
        } else if SYSTEM.contains(&lower.as_str()) {
            notes.problem(key, format!("{database:?} is the server's own and is never replicated; remove it"));
        } else if lower == "keyward" {
            notes.problem(key, "\"keyward\" is always replicated; remove it");
        } else if databases[..index].contains(database) {
            notes.problem(key, format!("{database:?} is named twice"));
        }
    }
}

fn masters(settings: &Settings, notes: &Notes) {
    let mut addresses = BTreeMap::new();
    for (index, address) in settings.master.addresses.iter().enumerate() {
        unique(&mut addresses, &same_place(address), &format!("master.addresses[{index}]"), notes);
    }
}

fn regions(settings: &Settings, notes: &Notes) {
    let mut names = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for (index, region) in settings.regions.iter().enumerate() {
        let at = format!("regions[{index}]");
        let key = format!("{at}.name");
        name(&key, &region.name.0, LONGEST_REGION, notes);
        unique(&mut names, &region.name.0, &key, notes);
        if region.name == settings.master.region && notes.sound(&key) {
            notes.problem(&key, format!("{:?} is the master's region; a region here holds replicas", region.name.0));
        }
        if region.replicas.is_empty() && notes.sound(&format!("{at}.replicas")) {
            notes.problem(format!("{at}.replicas"), "must hold at least one replica, written [[regions.replicas]]");
        }
        replicas(settings, region, &at, &mut addresses, notes);
        failover(settings, &region.failover, &format!("{at}.failover"), notes);
    }
}

fn replicas(settings: &Settings, region: &Region, at: &str, addresses: &mut BTreeMap<String, String>, notes: &Notes) {
    let mut names = BTreeMap::new();
    for (index, replica) in region.replicas.iter().enumerate() {
        let key = format!("{at}.replicas[{index}].name");
        name(&key, &replica.name.0, LONGEST_NAME, notes);
        unique(&mut names, &replica.name.0, &key, notes);
        let key = format!("{at}.replicas[{index}].address");
        if !notes.sound(&key) {
            continue;
        }
        if settings.master.addresses.iter().any(|master| same_place(master) == same_place(&replica.address)) {
            let sentence = format!("{} is the master's address; a replica is another server", replica.address);
            notes.problem(&key, sentence);
        } else {
            unique(addresses, &same_place(&replica.address), &key, notes);
        }
    }
}

fn failover(settings: &Settings, failover: &Failover, at: &str, notes: &Notes) {
    let key = format!("{at}.unreachable_after");
    at_least_the_looks(settings, failover, &key, notes);
    let age_key = format!("{at}.max_data_age");
    let comparable = notes.sound(&key) && notes.sound(&age_key);
    if comparable && failover.mode != Mode::Off && failover.max_data_age <= failover.unreachable_after {
        let (age, silence) = (friendly(failover.max_data_age), friendly(failover.unreachable_after));
        let sentence =
            format!("is {age}, but must be more than unreachable_after ({silence}): no failover could pass it");
        notes.problem(age_key, sentence);
    }
    let mut names = BTreeMap::new();
    for (index, spec) in failover.hooks.iter().enumerate() {
        let at = format!("{at}.hooks[{index}]");
        let key = format!("{at}.name");
        name(&key, &spec.name, LONGEST_NAME, notes);
        unique(&mut names, &spec.name, &key, notes);
        hook::check(spec, &at, notes);
    }
}

/// Failing looks and a living link must both have had time to show.
fn at_least_the_looks(settings: &Settings, failover: &Failover, key: &str, notes: &Notes) {
    let sums = [
        (3, "probe_timeout", "probe_timeout", settings.probe_timeout),
        (2, "replication.beat_interval", "beat_interval", settings.replication.beat_interval),
    ];
    for (times, other_key, word, span) in sums {
        let least = span.saturating_mul(times) + settings.poll_interval;
        let comparable = notes.sound(key) && notes.sound(other_key) && notes.sound("poll_interval");
        if comparable && failover.unreachable_after < least {
            let (value, least) = (friendly(failover.unreachable_after), friendly(least));
            let (span, poll) = (friendly(span), friendly(settings.poll_interval));
            let sum = format!("{times} x {word} ({span}) + poll_interval ({poll})");
            notes.problem(key, format!("is {value}, but must be at least {least}: {sum}"));
        }
    }
}

/// A name that also stands in paths of files and URLs.
fn name(key: &str, text: &str, longest: usize, notes: &Notes) {
    if notes.sound(key) && text.contains('/') {
        notes.problem(key, format!("{text:?} must not hold a slash"));
    }
    name_of_any(key, text, longest, notes);
}

fn name_of_any(key: &str, text: &str, longest: usize, notes: &Notes) {
    if !notes.sound(key) {
        return;
    }
    if text.is_empty() {
        notes.problem(key, "must not be empty");
    } else if text.chars().count() > longest {
        notes.problem(key, format!("must have at most {longest} characters"));
    } else if text.chars().any(char::is_control) || text.trim() != text {
        notes.problem(key, format!("{text:?} must hold no control characters and no spaces at its ends"));
    }
}

fn unique(seen: &mut BTreeMap<String, String>, value: &str, key: &str, notes: &Notes) {
    if !notes.sound(key) {
        return;
    }
    match seen.get(value) {
        Some(first) => notes.problem(key, format!("{value:?} is already `{first}`")),
        None => {
            seen.insert(value.to_owned(), key.to_owned());
        }
    }
}

/// An address in one spelling.
fn same_place(address: &Address) -> String {
    let host = match address.host.parse::<IpAddr>() {
        Ok(literal) => literal.to_canonical().to_string(),
        Err(_) => address.host.trim_end_matches('.').to_lowercase(),
    };
    Address { host, port: address.port }.to_string()
}
