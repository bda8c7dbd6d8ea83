//! Who may do what on the servers: Keystone's account must not pass read-only, keyward's own must see everything and keep
//! its password.

use std::time::Duration;

use jiff::Timestamp;

use super::facts::Facts;
use super::{Answer, Check, Severity, counted};
use crate::dialect::grants::{self, Grant, Scope};
use crate::model::Family;
use crate::plan::wanted;

/// The checks of this group.
pub const CHECKS: [Check; 4] = [
    Check {
        id: "keystone-account-writes",
        severity: Severity::Critical,
        looks_at: "The rights of Keystone's account on each replica.",
        why: "An account with a right that passes read_only writes rows that only the replica has; with the next transaction of the master replication may stop, and only a new copy helps.",
        mend: "On the replica, revoke everything on *.* from this account: it needs its rights on Keystone's schema and nothing else.",
        judge: keystone_account,
    },
    Check {
        id: "own-rights",
        severity: Severity::Warning,
        looks_at: "The rights of keyward's own account on every server.",
        why: "Without them keyward cannot see, keep or compare something that it is there for.",
        mend: "Run what `keyward setup --print-sql` prints as an administrator (`--print-sql=mysql` for MySQL).",
        judge: own,
    },
    Check {
        id: "own-password",
        severity: Severity::Warning,
        looks_at: "When the password of keyward's own account expires on every server: within 14 days, or at a time that the server does not tell.",
        why: "A server asks only who connects anew: keyward goes on until its next connection is refused, which is in an outage at the latest. Then it sees neither an outage nor the way back.",
        mend: "Give the account a new password there and in `account.password_file`, and restart keyward; or exempt it with `ALTER USER … PASSWORD EXPIRE NEVER`. MariaDB tells the time from 11.5 on, MySQL after `GRANT SELECT (User, Host, password_last_changed, password_lifetime) ON mysql.user TO` keyward's account.",
        judge: own_password,
    },
    Check {
        id: "link-password",
        severity: Severity::Info,
        looks_at: "Whether passwords expire on the master (`default_password_lifetime`): the one that the replicas log in with is not for keyward's eyes.",
        why: "A link whose password has expired lives until it has to connect anew, and then replication stops.",
        mend: "Look at that account on the master with `SHOW CREATE USER`, and exempt it with `ALTER USER … PASSWORD EXPIRE NEVER` or change its password in time.",
        judge: link_password,
    },
];

/// A password that expires this soon is a finding.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What passes read-only, in the words of `SHOW GRANTS`.
const PASSING: [&str; 5] = ["ALL PRIVILEGES", "SUPER", "READ_ONLY ADMIN", "READ ONLY ADMIN", "CONNECTION_ADMIN"];

/// What writes rows.
const WRITING: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

fn keystone_account(facts: &Facts, answer: &mut Answer) {
    for side in &facts.replicas {
        let Some(accounts) = answer.need(&side.keystone_account) else { continue };
        for (account, grants) in accounts {
            let global = grants.iter().filter(|grant| grant.scope == Scope::Everything);
            let passing: Vec<&str> = global
                .flat_map(|grant| grant.rights.iter())
                .filter(|right| PASSING.contains(&right.as_str()))
                .map(String::as_str)
                .collect();
            // rights on single columns are no grants here: whoever has only these writes down logins and nothing else
            if !passing.is_empty() && may_write(grants, &facts.databases) {
                answer.find(format!(
                    "Keystone's account {account} on the {} writes although it is read-only: it has {} on *.*",
                    side.name,
                    passing.join(", ")
                ));
            }
        }
    }
}

fn may_write(have: &[Grant], databases: &[String]) -> bool {
    let wanted = databases.iter().flat_map(|name| WRITING.map(|right| Grant::schema(name, &[right])));
    wanted.into_iter().any(|grant| grants::missing(have, &[grant]).is_empty())
}

fn own(facts: &Facts, answer: &mut Answer) {
    for (index, side) in facts.sides().enumerate() {
        let Some(server) = answer.need(&side.server) else { continue };
        let rights: fn(Family, &[String]) -> Vec<Grant> =
            if index == 0 { wanted::master_rights } else { wanted::replica_rights };
        let missing = grants::missing(&server.own_rights, &rights(server.family, &facts.databases));
        if !missing.is_empty() {
            let missing = missing.iter().map(Grant::words).collect::<Vec<_>>().join("; ");
            answer.find(format!("keyward's own account on the {} lacks {missing}", side.name));
        }
    }
}

fn own_password(facts: &Facts, answer: &mut Answer) {
    for side in facts.sides() {
        let Some(expiry) = answer.need(&side.own_password) else { continue };
        let name = &side.name;
        match expiry.at {
            Some(at) if at < facts.now => {
                answer.find(format!("the password of keyward's own account on the {name} expired on {}", day(at)));
            }
            Some(at) if facts.now.checked_add(SOON).is_ok_and(|soon| at < soon) => {
                answer.find(format!("the password of keyward's own account on the {name} expires on {}", day(at)));
            }
            None if expiry.limited => answer.find(format!(
                "the password of keyward's own account on the {name} expires one day, and the server does not tell when"
            )),
            Some(_) | None => {}
        }
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d at %H:%M UTC").to_string()
}

fn link_password(facts: &Facts, answer: &mut Answer) {
    let Some(server) = answer.need(&facts.master.server) else { return };
    let days = server.default_password_days();
    if days > 0 {
        answer.find(format!(
            "passwords on the {} expire {} after they were set, so that of the replicas' login too unless it is exempt",
            facts.master.name,
            counted(days, "day", "days")
        ));
    }
}
