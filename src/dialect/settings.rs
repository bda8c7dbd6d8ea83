//! A server's settings as set-up reads them, whichever family the server is of.

use std::collections::BTreeMap;

use super::answer::{Table, table};
use super::mysql;
use crate::model::Family;
use crate::model::observation::{Durability, ServerIdentity};
use crate::model::preflight::{CopySide, ServerSide};

const OTHER_FILTERS: [&str; 6] = [
    "replicate_do_db",
    "replicate_do_table",
    "replicate_ignore_db",
    "replicate_ignore_table",
    "replicate_wild_ignore_table",
    "replicate_rewrite_db",
];

/// What MySQL must be like to be replicated from and to.
const NEEDED_OF_MYSQL: [(&str, &str); 4] = [
    ("gtid_mode", "ON"),
    ("enforce_gtid_consistency", "ON"),
    ("binlog_row_image", "FULL"),
    // it tells how replication stands there
    ("performance_schema", "ON"),
];

/// Settings by name in lower case: value and whether a restart would keep it.
pub type Variables = BTreeMap<String, (String, Durability)>;

/// Reads a list of settings with their values and origins.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn variables(family: Family, tables: &[Table]) -> Result<Variables, String> {
    let mut variables = Variables::new();
    for record in table(tables, "origin").iter().flat_map(|table| table.records()) {
        let value = record.string("value")?;
        let durability = match family {
            // what an option file says for a filter is shown as COMPILE-TIME, so that only SQL means: will be lost
            Family::MariaDb if record.text("origin")? == Some("SQL") => Durability::Lost,
            Family::MariaDb => Durability::Kept,
            // this one is set for the next start only
            Family::MySql if record.text("name")? == Some("skip_replica_start") => {
                mysql::persistence(&record, |persisted| persisted == "ON", value == "ON")?
            }
            Family::MySql => match mysql::persistence(&record, |persisted| persisted == value, true)? {
                Durability::Kept => Durability::Kept,
                Durability::Hidden | Durability::Lost => Durability::Lost,
            },
        };
        variables.insert(record.string("name")?.to_lowercase(), (value, durability));
    }
    Ok(variables)
}

/// What both sides have in common.
pub fn common(family: Family, variables: &Variables, side: &mut ServerSide) {
    let text = |name: &str| variables.get(name).map(|(value, _)| value.clone()).unwrap_or_default();
    let (uid, position, written) = match family {
        Family::MariaDb => ("server_uid", "gtid_binlog_pos", "gtid_binlog_state"),
        Family::MySql => ("server_uuid", "gtid_executed", "gtid_executed"),
    };
    side.identity = ServerIdentity { uid: text(uid), server_id: text("server_id").parse().unwrap_or(0) };
    side.log_bin = text("log_bin") == "ON";
    side.binlog_format = text("binlog_format");
    side.gtid_binlog_pos = text(position);
    side.gtid_slave_pos = text("gtid_slave_pos");
    side.gtid_strict = text("gtid_strict_mode") == "ON";
    side.gtid_binlog_state = text(written);
    side.max_allowed_packet = text("max_allowed_packet").parse().unwrap_or(0);
    side.galera = text("wsrep_on") == "ON";
    side.trusts_function_creators = text("log_bin_trust_function_creators") == "ON";
    side.lower_case_table_names = text("lower_case_table_names");
    if family == Family::MySql {
        let amiss = NEEDED_OF_MYSQL.iter().map(|(name, needed)| (text(name), name, needed));
        side.amiss = amiss
            .filter(|(seen, _, needed)| !seen.eq_ignore_ascii_case(needed))
            .map(|(seen, name, needed)| ((*name).to_owned(), seen, (*needed).to_owned()))
            .collect();
    }
}

/// A replica's own settings; its link is known already.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn replica(family: Family, variables: &Variables, filters: &[Table], copy: &mut CopySide) -> Result<(), String> {
    let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
    copy.read_only = value("read_only").0 == "ON";
    let net_timeout = match family {
        Family::MariaDb => {
            copy.read_only_durability = value("read_only").1;
            (copy.filter, copy.filter_durability) = value("replicate_wild_do_table");
            copy.other_filters = OTHER_FILTERS
                .into_iter()
                .map(|name| (name.to_owned(), value(name).0))
                .filter(|(_, value)| !value.is_empty())
                .collect();
            "slave_net_timeout"
        }
        Family::MySql => {
            let (strict, durability) = value("super_read_only");
            (copy.super_read_only, copy.read_only_durability) = (Some(strict == "ON"), durability);
            copy.remembers = value("persisted_globals_load").0 == "ON";
            copy.threads_held = value("skip_replica_start").1;
            let filters = mysql::filters(filters, copy.link.is_some())?;
            copy.filter_durability = filters.durability(copy.threads_held);
            (copy.filter, copy.other_filters) = (filters.wild_do_table, filters.others);
            "replica_net_timeout"
        }
    };
    let (seconds, durability) = value(net_timeout);
    (copy.net_timeout_seconds, copy.net_timeout_durability) = (seconds.parse().unwrap_or(0), durability);
    Ok(())
}
