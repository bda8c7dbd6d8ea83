//! How a pair should be: what the settings ask for, as plain values, and the few formulas in it.

use std::time::Duration;

use super::journal::OWN_SCHEMA;
use crate::dialect::grants::Grant;
use crate::dialect::text::wildcard_escape;
use crate::model::Family;
use crate::model::aside::dated_prefix;
use crate::model::preflight::LinkWanted;

/// How a master and one replica should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The schemas that are replicated, besides `keyward`.
    pub databases: Vec<String>,
    /// Keyward's own account.
    pub own_user: String,
    /// Whether keyward logs in at the master over TLS only.
    pub own_ssl_on_master: bool,
    /// Whether keyward logs in at the replica over TLS only.
    pub own_ssl_on_replica: bool,
    /// The link.
    pub link: LinkWanted,
    /// How often a beat is written.
    pub beat_interval: Duration,
    /// The daemon asks: only an empty replica, or one that keyward left half done, is set up.
    pub auto: bool,
    /// What may be done to a replica that holds rows already.
    pub mend: Mend,
}

/// What may be done to a replica that holds rows already, and what is known of it from elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mend {
    /// Rows of a replica that does not follow the master are moved aside, and everything is copied.
    pub replace_data: bool,
    /// Everything is copied anew, whatever the replica holds; its rows are moved aside first.
    pub reseed: bool,
    /// When the run began, as it stands in the names of schemas that are moved aside: `20261122_120000`.
    pub date: String,
    /// The replica as commands name it: `RegionTwo/r2-db1`.
    pub place: String,
    /// The sentence of a master that came back without transactions it had confirmed.
    pub lost: Option<String>,
}

impl Wanted {
    /// Every schema that is replicated: `keyward` and the configured ones, in this order.
    pub fn schemas(&self) -> Vec<String> {
        std::iter::once(OWN_SCHEMA.to_owned()).chain(self.databases.iter().cloned()).collect()
    }
}

/// `slave_net_timeout` in seconds: four missed heartbeats, and never less than 4 s.
pub fn net_timeout_seconds(beat_interval: Duration) -> u64 {
    beat_interval.saturating_mul(4).as_millis().div_ceil(1_000).clamp(4, 3_600).try_into().unwrap_or(3_600)
}

/// The link's heartbeat period in seconds, with the server's three decimals.
pub fn heartbeat_text(beat_interval: Duration) -> String {
    let millis = beat_interval.as_millis().max(1);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// One pattern a schema: `_` and `%` in its name are escaped, every table of it passes.
pub fn filter_patterns(databases: &[String]) -> Vec<String> {
    databases
        .iter()
        .map(String::as_str)
        .chain(std::iter::once(OWN_SCHEMA))
        .map(|name| format!("{}.%", wildcard_escape(name)))
        .collect()
}

/// The value of `replicate_wild_do_table`.
pub fn filter(databases: &[String]) -> String {
    filter_patterns(databases).join(",")
}

/// Whether a server's `replicate_wild_do_table` lets exactly the wanted schemas through, in any order.
pub fn is_filter_right(seen: &str, databases: &[String]) -> bool {
    let mut seen: Vec<&str> = seen.split(',').map(str::trim).collect();
    let wanted = filter_patterns(databases);
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    seen.sort_unstable();
    seen.dedup();
    wanted.sort_unstable();
    wanted.dedup();
    seen == wanted
}

/// What MySQL tells of replication in tables of its own.
const REPLICATION_TABLES: [&str; 6] = [
    "replication_applier_filters",
    "replication_applier_global_filters",
    "replication_applier_status_by_worker",
    "replication_connection_configuration",
    "replication_connection_status",
    "replication_group_members",
];

/// How an administrator gets the statements for a server of this family.
pub fn print_sql(family: Family) -> &'static str {
    match family {
        Family::MariaDb => "--print-sql",
        Family::MySql => "--print-sql=mysql",
    }
}

/// Keyward's rights on the master, always.
pub fn master_rights(family: Family, databases: &[String]) -> Vec<Grant> {
    let look = match family {
        Family::MariaDb => "BINLOG MONITOR",
        Family::MySql => "REPLICATION CLIENT",
    };
    let mut grants = vec![Grant::global(&[look]), Grant::schema(OWN_SCHEMA, &["SELECT", "INSERT", "UPDATE", "DELETE"])];
    grants.extend(databases.iter().map(|name| Grant::schema(name, &["SELECT", "SHOW VIEW"])));
    grants
}

/// Where MySQL shows who holds which table.
const LOCK_TABLES: [&str; 3] = ["metadata_locks", "threads", "events_statements_current"];

/// Further rights on the master while keyward's own account sets a replica up.
pub fn master_setup_rights(family: Family, databases: &[String]) -> Vec<Grant> {
    let on_schema: &[&str] = match family {
        Family::MariaDb => &["TRIGGER", "EVENT"],
        Family::MySql => &["TRIGGER", "EVENT", "LOCK TABLES"],
    };
    let mut grants: Vec<Grant> = databases.iter().map(|name| Grant::schema(name, on_schema)).collect();
    match family {
        Family::MariaDb => grants.push(Grant::table("mysql", "proc", &["SELECT"])),
        Family::MySql => {
            grants.push(Grant::schema(OWN_SCHEMA, &["LOCK TABLES"]));
            grants.push(Grant::global(&["SHOW_ROUTINE"]));
            // to name who keeps the lock for the snapshot waiting
            grants.extend(LOCK_TABLES.map(|table| Grant::table("performance_schema", table, &["SELECT"])));
        }
    }
    grants
}

/// Keyward's rights on a replica, always.
pub fn replica_rights(family: Family, databases: &[String]) -> Vec<Grant> {
    let mut grants = match family {
        Family::MariaDb => vec![Grant::global(&[
            "SLAVE MONITOR",
            "REPLICATION SLAVE ADMIN",
            "READ_ONLY ADMIN",
            "SHOW DATABASES",
            "PROCESS",
        ])],
        Family::MySql => vec![Grant::global(&[
            "REPLICATION CLIENT",
            "REPLICATION_SLAVE_ADMIN",
            "SYSTEM_VARIABLES_ADMIN",
            "SHOW DATABASES",
            "PROCESS",
        ])],
    };
    if family == Family::MySql {
        grants.extend(REPLICATION_TABLES.map(|table| Grant::table("performance_schema", table, &["SELECT"])));
    }
    grants.push(Grant::schema(OWN_SCHEMA, &["SELECT"]));
    grants.extend(databases.iter().map(|name| Grant::schema(name, &["SELECT"])));
    grants
}

/// The right to let MySQL remember that replication waits for a command after a restart.
pub fn right_to_hold_threads() -> Grant {
    Grant::global(&["PERSIST_RO_VARIABLES_ADMIN"])
}

/// Further rights on a replica while keyward's own account sets it up.
pub fn replica_setup_rights(family: Family, databases: &[String]) -> Vec<Grant> {
    let mut on_schema = vec![
        "CREATE",
        "DROP",
        "ALTER",
        "INDEX",
        "INSERT",
        "CREATE VIEW",
        "SHOW VIEW",
        "CREATE ROUTINE",
        "ALTER ROUTINE",
        "EXECUTE",
        "TRIGGER",
        "EVENT",
    ];
    let mut grants = match family {
        Family::MariaDb => vec![Grant::global(&["BINLOG ADMIN", "SET USER", "RELOAD"])],
        Family::MySql => vec![
            Grant::global(&[
                "RELOAD",
                "CONNECTION_ADMIN",
                "SYSTEM_USER",
                "SET_ANY_DEFINER",
                "ALLOW_NONEXISTENT_DEFINER",
            ]),
            right_to_hold_threads(),
        ],
    };
    // it holds tables and nothing else
    grants.push(Grant::schema(OWN_SCHEMA, &["CREATE", "DROP", "ALTER", "INSERT"]));
    if family == Family::MySql {
        // for foreign keys; MariaDB knows the right and asks nobody for it
        on_schema.push("REFERENCES");
    }
    grants.extend(databases.iter().map(|name| Grant::schema(name, &on_schema)));
    grants
}

/// Further rights on a replica while keyward's own account moves rows aside there: on every dated schema.
pub fn replica_move_rights(family: Family, databases: &[String]) -> Vec<Grant> {
    let on_dated = [
        "SELECT",
        "INSERT",
        "DELETE",
        "CREATE",
        "DROP",
        "ALTER",
        "CREATE VIEW",
        "SHOW VIEW",
        "CREATE ROUTINE",
        "ALTER ROUTINE",
        "TRIGGER",
        "EVENT",
    ];
    let names = std::iter::once(OWN_SCHEMA).chain(databases.iter().map(String::as_str));
    let dated = (1..).zip(names).map(|(place, name)| Grant::schemas_like(&dated_prefix(name, place), &on_dated));
    dated
        .chain([match family {
            Family::MariaDb => Grant::table("mysql", "proc", &["SELECT"]),
            Family::MySql => Grant::global(&["SHOW_ROUTINE"]),
        }])
        .collect()
}

/// The rights of the account that replicas log in with at the master.
pub fn link_rights() -> Vec<Grant> {
    vec![Grant::global(&["REPLICATION SLAVE"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_heartbeats_may_be_missed_and_never_less_than_four_seconds() {
        let of = |millis| net_timeout_seconds(Duration::from_millis(millis));
        assert_eq!([of(200), of(1_000), of(1_001), of(5_000), of(86_400_000)], [4, 4, 5, 20, 3_600]);
        assert_eq!(heartbeat_text(Duration::from_millis(1_250)), "1.250");
    }

    #[test]
    fn the_filter_lets_the_named_schemas_through_and_no_other() {
        let databases = ["key_st%".to_owned(), "keystone".to_owned()];
        assert_eq!(filter(&databases), r"key\_st\%.%,keystone.%,keyward.%");
        assert!(is_filter_right(r"keyward.%,keystone.%,key\_st\%.%", &databases));
        assert!(!is_filter_right("", &databases));
        assert!(!is_filter_right(r"keyward.%,keystone.%,key\_st\%.%,nova.%", &databases));
        assert!(!is_filter_right("keyward.%,keystone.%", &databases));
    }
}
