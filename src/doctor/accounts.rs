//! Who could not log in while the region stands on its own: Keystone writes when people log in, and a replica takes no
//! writes.

use super::facts::{Facts, Keystone, Side};
use super::releases;
use super::{Answer, Check, Severity, counted, some};

/// The checks of this group.
pub const CHECKS: [Check; 9] = [
    Check {
        id: "schema-revision",
        severity: Severity::Critical,
        looks_at: "The revision of Keystone's schema on the master and on each replica (`alembic_version`).",
        why: "A Keystone reads only the schema of its own release; where the two differ, the region's own Keystone may fail at every request.",
        mend: "Let replication catch up first. If they still differ, run the same Keystone release in both regions and copy the replica anew with `keyward setup --reseed`; never run db_sync against a replica.",
        judge: schema_revision,
    },
    Check {
        id: "schema-release",
        severity: Severity::Info,
        looks_at: "Which Keystone release the schema's revision belongs to.",
        why: "Keyward knows what the releases write at a login from their schema; of an unknown one it cannot tell.",
        mend: "Try a first login of the day on the replica's Keystone before you rely on it, and look for a newer keyward.",
        judge: schema_release,
    },
    Check {
        id: "first-login-writes",
        severity: Severity::Critical,
        looks_at: "Whether Keystone writes `user.last_active_at` at each user's first login of the day: whether a day of this week stands there.",
        why: "Keystone 24.1 and every release from 26.0 does so, older ones where `disable_user_account_days_inactive` is set. On a replica, which takes no writes, that login ends in an error 500.",
        mend: "Install keyward's tolerant drivers for Keystone in the region (`keystone/` in keyward's sources), and let services log in with application credentials, which never write.",
        judge: first_login_writes,
    },
    Check {
        id: "service-users-not-today",
        severity: Severity::Warning,
        looks_at: "Users of the project `service` that have not logged in since midnight UTC, where logins are written down.",
        why: "These services could not log in on the replica if the outage began now: each user's first login of the day writes.",
        mend: "Let these services use application credentials, or install keyward's tolerant drivers in the region's Keystone. A login at the master's region helps until midnight UTC.",
        judge: service_users,
    },
    Check {
        id: "failed-logins-service",
        severity: Severity::Critical,
        looks_at: "Service users whose last login failed (`failed_auth_count` above 0) on each replica.",
        why: "The next good login resets the count; on a replica that write is refused, and the service gets an error 500 instead of a token.",
        mend: "Log in once as this user with the right password at the master's region, and find out who sends the wrong one. Application credentials and keyward's tolerant drivers do not write.",
        judge: failed_service,
    },
    Check {
        id: "failed-logins",
        severity: Severity::Warning,
        looks_at: "Other users whose last login failed (`failed_auth_count` above 0) on each replica.",
        why: "These people get an error 500 for their right password in an outage, because the count cannot be reset on a replica.",
        mend: "They log in once at the master's region; for good, install keyward's tolerant drivers in the region's Keystone.",
        judge: failed_others,
    },
    Check {
        id: "tokens-in-database",
        severity: Severity::Critical,
        looks_at: "Whether the table `token` holds tokens that are still valid.",
        why: "Then Keystone keeps its tokens in the database (uuid or pki tokens with the sql driver). On a replica it could issue none.",
        mend: "Set `[token] provider = fernet` in every region, with the same keys everywhere, and empty the table.",
        judge: tokens,
    },
    Check {
        id: "limited-trusts",
        severity: Severity::Info,
        looks_at: "Trusts with a number of uses that is left (`remaining_uses`).",
        why: "Each use of such a trust counts it down in the database, so that it cannot be used on a replica.",
        mend: "Make trusts without a number of uses where they must work in an outage (Heat's are without one).",
        judge: trusts,
    },
    Check {
        id: "outside-users",
        severity: Severity::Warning,
        looks_at: "Mappings of federated users into groups, and domains whose users come from LDAP.",
        why: "A federated login with groups writes its membership, which a replica refuses. Users of LDAP need their directory to be reachable from the region, and one who was never seen before is written down first.",
        mend: "Give federated users their roles by projects instead of groups, keep a directory that the region reaches without the master's region, and keep local users for emergencies.",
        judge: outside,
    },
];

/// Keystone's rows where the region's own Keystone reads them: each replica's.
fn each_replica<'a>(facts: &'a Facts, answer: &mut Answer) -> Vec<(&'a Side, &'a Keystone)> {
    facts.replicas.iter().filter_map(|side| Some((side, answer.need(&side.keystone)?))).collect()
}

fn schema_revision(facts: &Facts, answer: &mut Answer) {
    let replicas = each_replica(facts, answer);
    let Some(master) = answer.need(&facts.master.keystone) else { return };
    let Some(wanted) = answer.need(&master.revisions) else { return };
    for (side, keystone) in replicas {
        let Some(seen) = answer.need(&keystone.revisions) else { continue };
        if seen != wanted {
            let said = |revisions: &[String]| {
                let release = releases::meant(revisions).unwrap_or_else(|| "an unknown release".to_owned());
                format!("{} ({release})", revisions.join(" and "))
            };
            answer.find(format!(
                "Keystone's schema on the {} is at revision {}, but on the {} at {}",
                side.name,
                said(seen),
                facts.master.name,
                said(wanted)
            ));
        }
    }
}

fn schema_release(facts: &Facts, answer: &mut Answer) {
    let Some(keystone) = answer.need(&facts.master.keystone) else { return };
    let Some(revisions) = answer.need(&keystone.revisions) else { return };
    if releases::meant(revisions).is_none() {
        let revisions = revisions.join(" and ");
        answer
            .find(format!("keyward does not know which Keystone release the schema's revision {revisions} belongs to"));
    }
}

/// The day of the newest login that was written down, when that was lately: then logins write.
fn lately<'a>(facts: &Facts, keystone: &'a Keystone, answer: &mut Answer) -> Option<&'a str> {
    const DAYS: u64 = 7;
    let newest = answer.need(&keystone.newest_login)?.as_deref()?;
    let span = std::time::Duration::from_secs(86_400 * DAYS);
    let oldest = facts.now.checked_sub(span).unwrap_or(facts.now).strftime("%Y-%m-%d").to_string();
    // days in this form sort as they follow each other
    (newest >= oldest.as_str()).then_some(newest)
}

fn first_login_writes(facts: &Facts, answer: &mut Answer) {
    if facts.is_tolerant() {
        return;
    }
    for (side, keystone) in each_replica(facts, answer) {
        if let Some(day) = lately(facts, keystone, answer) {
            answer.find(format!(
                "Keystone writes down the day of each user's login, the newest on the {} is {day}: nobody could log in \
                 there with a password for the first time of a day",
                side.name
            ));
        }
    }
}

fn service_users(facts: &Facts, answer: &mut Answer) {
    if facts.is_tolerant() {
        return;
    }
    let today = facts.today();
    for (side, keystone) in each_replica(facts, answer) {
        let Some(users) = answer.need(&keystone.service_users) else { continue };
        if lately(facts, keystone, answer).is_none() {
            continue;
        }
        let absent: Vec<&str> = users
            .iter()
            .filter(|user| user.last_login.as_deref() != Some(today.as_str()))
            .map(|user| user.name.as_str())
            .collect();
        if !absent.is_empty() {
            let users = counted(absent.len() as u64, "service user has", "service users have");
            let names = some(absent);
            answer.find(format!("{users} not logged in today, as the {} shows: {names}", side.name));
        }
    }
}

fn failed(facts: &Facts, answer: &mut Answer, service: bool) {
    if facts.is_tolerant() {
        return;
    }
    for (side, keystone) in each_replica(facts, answer) {
        let Some(failed) = answer.need(&keystone.failed) else { continue };
        let names: Vec<&str> =
            failed.iter().filter(|user| user.service == service).map(|user| user.name.as_str()).collect();
        if !names.is_empty() {
            let what = if service { "service user" } else { "user" };
            let users = counted(names.len() as u64, what, &format!("{what}s"));
            answer.find(format!(
                "{users} would get an error 500 for the right password on the {}: the last login failed of {}",
                side.name,
                some(names)
            ));
        }
    }
}

fn failed_service(facts: &Facts, answer: &mut Answer) {
    failed(facts, answer, true);
}

fn failed_others(facts: &Facts, answer: &mut Answer) {
    failed(facts, answer, false);
}

fn tokens(facts: &Facts, answer: &mut Answer) {
    let Some(keystone) = answer.need(&facts.master.keystone) else { return };
    let Some((rows, valid)) = answer.need(&keystone.tokens) else { return };
    if *valid > 0 {
        answer.find(format!(
            "{} in Keystone's database on the {}, {valid} of them still valid",
            counted(*rows, "token is", "tokens are"),
            facts.master.name
        ));
    }
}

fn trusts(facts: &Facts, answer: &mut Answer) {
    let Some(keystone) = answer.need(&facts.master.keystone) else { return };
    let Some(trusts) = answer.need(&keystone.limited_trusts) else { return };
    if *trusts > 0 {
        let trusts = counted(*trusts, "trust has", "trusts have");
        answer.find(format!("{trusts} a number of uses and cannot be used on a replica"));
    }
}

fn outside(facts: &Facts, answer: &mut Answer) {
    let Some(keystone) = answer.need(&facts.master.keystone) else { return };
    if let Some(mappings) = answer.need(&keystone.group_mappings).filter(|mappings| !mappings.is_empty()) {
        let names = some(mappings.iter().map(String::as_str));
        answer.find(format!(
            "federated users are put into groups by the mapping {names}: their logins fail on a replica"
        ));
    }
    if let Some(domains) = answer.need(&keystone.ldap_domains).filter(|domains| !domains.is_empty()) {
        let names = some(domains.iter().map(String::as_str));
        answer.find(format!(
            "users of the domain {names} come from LDAP: the region must reach that directory by itself"
        ));
    }
}
