//! Why a set-up must not begin: every reason at once, each one sentence that names the server and what to do.

use super::aside;
use super::journal::{Journal, OWN_SCHEMA};
use super::wanted::{Wanted, print_sql};
use crate::dialect::version::handled;
use crate::model::aside::is_dated;
use crate::model::preflight::{BeatTable, DatabaseFacts, LinkAccount, Login, PairFacts, ServerSide};
use crate::model::{Family, gtid};

/// Every reason that keeps set-up from beginning.
pub fn refusals(facts: &PairFacts, wanted: &Wanted, journal: &Journal) -> Vec<String> {
    let mut why = strangers(facts);
    if facts.copy.is_the_master {
        // nothing else said about this replica would be true
        why.push(format!(
            "{} and {} are the same server: correct the replica's address",
            facts.replica.name, facts.master.name
        ));
        return why;
    }
    if !why.is_empty() {
        return why;
    }
    logins(facts, wanted, &mut why);
    source(facts, wanted, &mut why);
    identities(facts, &mut why);
    dedicated(facts, wanted, journal, &mut why);
    if !aside::is_anew(facts, wanted) {
        data(facts, wanted, journal, &mut why);
        positions(facts, &mut why);
    }
    why
}

/// Why the two servers cannot be a pair at all.
pub fn strangers(facts: &PairFacts) -> Vec<String> {
    let (master, replica) = (&facts.master, &facts.replica);
    let comment = |side: &ServerSide| side.family.name();
    let too_old = |side: &&ServerSide| {
        handled(&side.version, comment(side)).err().map(|why| format!("{} {why}: upgrade it", side.name))
    };
    let mut why: Vec<String> = [master, replica].iter().filter_map(too_old).collect();
    if master.family != replica.family {
        why.push(format!(
            "{} is {} {} and {} is {} {}: the two do not replicate to each other; put a {} server in the replica's place",
            master.name,
            master.family,
            master.version,
            replica.name,
            replica.family,
            replica.version,
            master.family
        ));
    }
    why
}

fn logins(facts: &PairFacts, wanted: &Wanted, why: &mut Vec<String>) {
    for (side, option) in [(&facts.master, "--master-admin"), (&facts.replica, "--replica-admin")] {
        let print_sql = print_sql(side.family);
        match &side.account {
            Login::Works { .. } => {}
            Login::Missing if side.by_admin => {}
            Login::Refused { exists: true, detail } => why.push(format!(
                "{} has the account {} but does not let keyward in ({detail}): correct account.password or its file, \
                 or change the account's password there by hand",
                side.name, wanted.own_user
            )),
            Login::Missing | Login::Refused { exists: false, .. } => {
                let detail = match &side.account {
                    Login::Refused { detail, .. } => format!(" ({detail})"),
                    _ => String::new(),
                };
                why.push(format!(
                    "{} does not let keyward in as {}{detail}: give {option}, or run what {print_sql} prints",
                    side.name, wanted.own_user
                ));
            }
        }
    }
    if let LinkAccount::Missing = facts.source.link_account
        && !facts.master.by_admin
    {
        why.push(format!(
            "{} has no account {}: give --master-admin, or run what {} prints",
            facts.master.name,
            wanted.link.user,
            print_sql(facts.master.family)
        ));
    }
}

fn source(facts: &PairFacts, wanted: &Wanted, why: &mut Vec<String>) {
    let master = &facts.master;
    if !master.log_bin {
        why.push(format!("{} writes no binlog: set log_bin there and restart it", master.name));
    } else if !writes_rows(master) {
        why.push(format!(
            "{} has binlog_format {}: set it to ROW there and restart it",
            master.name, master.binlog_format
        ));
    }
    // how it replicates is only asked of a replica
    let of_master = master.amiss.iter().filter(|(name, ..)| name != "performance_schema").map(|amiss| (master, amiss));
    let of_replica = facts.replica.amiss.iter().map(|amiss| (&facts.replica, amiss));
    why.extend(of_master.chain(of_replica).map(|(side, (name, seen, needed))| {
        let seen = if seen.is_empty() { "not set" } else { seen };
        format!("{}: {name} is {seen}; set it to {needed} in its option file and restart it", side.name)
    }));
    if let BeatTable::Other(columns) = &facts.source.beat_table {
        why.push(format!("{} has a table keyward.beat that is not keyward's ({columns}): move it away", master.name));
    }
    for name in &wanted.databases {
        match facts.source.databases.iter().find(|database| database.name == *name) {
            None => why.push(format!(
                "{} has no schema {name}, or keyward may not see it: correct replication.databases",
                master.name
            )),
            Some(database) => unfit(facts, database, why),
        }
    }
}

/// A MySQL that has no such setting any more writes nothing but rows.
fn writes_rows(master: &ServerSide) -> bool {
    let has_none = master.family == Family::MySql && master.binlog_format.is_empty();
    has_none || master.binlog_format.eq_ignore_ascii_case("ROW")
}

fn unfit(facts: &PairFacts, database: &DatabaseFacts, why: &mut Vec<String>) {
    let (master, name) = (&facts.master.name, &database.name);
    if let Some((table, what)) = database.unfit_tables.first() {
        let more = more(database.unfit_tables.len());
        why.push(format!(
            "{master}: {name}.{table}{more} is {what}, which this release cannot copy from a snapshot: \
             convert it to an InnoDB table or drop it"
        ));
    }
    if let Some(routine) = database.unfit_routines.first() {
        let more = more(database.unfit_routines.len());
        why.push(format!("{master}: {name}.{routine}{more} is a package, which this release does not copy: drop it"));
    }
    let replica = &facts.replica;
    if !replica.log_bin || replica.trusts_function_creators {
        return;
    }
    if let Some(function) = database.unsafe_functions.first() {
        why.push(format!(
            "{} would refuse function {name}.{function}: SET GLOBAL log_bin_trust_function_creators = ON there",
            replica.name
        ));
    } else if database.needs_trust > 0 && !replica.by_admin {
        why.push(format!(
            "{} lets only SUPER create the functions and triggers of {name}: give --replica-admin, \
             or SET GLOBAL log_bin_trust_function_creators = ON there",
            replica.name
        ));
    }
}

fn more(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

fn identities(facts: &PairFacts, why: &mut Vec<String>) {
    let (master, replica) = (&facts.master, &facts.replica);
    for side in [master, replica] {
        if side.identity.server_id == 0 {
            why.push(format!("{} has server_id 0: give it a number of its own", side.name));
        }
    }
    if master.identity.server_id == replica.identity.server_id && master.identity.server_id != 0 {
        why.push(format!(
            "{} and {} both have server_id {}: give the replica another one in its option file and restart it",
            master.name, replica.name, master.identity.server_id
        ));
    }
    if let Some(other) = &facts.copy.is_also {
        why.push(format!("{} and {other} are the same server: correct one of the addresses", replica.name));
    }
    if let Some(stamp) = &facts.copy.stamp
        && *stamp != replica.identity
    {
        why.push(format!(
            "{} is not the server that was set up before (server_id {} then, {} now): if it was replaced on purpose, \
             remove its file from stamps/ in state_dir",
            replica.name, stamp.server_id, replica.identity.server_id
        ));
    }
    if master.lower_case_table_names != replica.lower_case_table_names {
        why.push(format!(
            "{} has lower_case_table_names {}, {} has {}: make them equal",
            master.name, master.lower_case_table_names, replica.name, replica.lower_case_table_names
        ));
    }
}

fn dedicated(facts: &PairFacts, wanted: &Wanted, journal: &Journal, why: &mut Vec<String>) {
    let (replica, copy) = (&facts.replica, &facts.copy);
    if replica.galera {
        why.push(format!("{} is a Galera node: keyward needs a server of its own there", replica.name));
    }
    if copy.in_group {
        why.push(format!("{} is in a replication group: keyward needs a server of its own there", replica.name));
    }
    if copy.own_replicas > 0 {
        why.push(format!("{} has replicas of its own: keyward needs a server of its own there", replica.name));
    }
    if let Some(other) = copy.other_links.first() {
        why.push(format!("{} also replicates by connection {other}: keyward needs a server of its own", replica.name));
    }
    if let Some((filter, value)) = copy.other_filters.first() {
        why.push(format!(
            "{} has {filter} = {value}, which would hold back what keyward replicates: take it out of the option file",
            replica.name
        ));
    }
    let ours = |name: &str| name == OWN_SCHEMA || wanted.databases.iter().any(|database| database == name);
    let marked = |name: &String| matches!(journal, Journal::HalfDone(names) if names.contains(name));
    let foreign: Vec<&str> = replica
        .schemas
        .iter()
        .filter(|schema| !ours(&schema.name) && !marked(&schema.name) && !is_dated(&schema.name))
        .map(|schema| schema.name.as_str())
        .collect();
    if !foreign.is_empty() && copy.stamp.is_none() {
        why.push(format!(
            "{} also holds {}: read-only is for the whole server, so keyward needs a server of its own there",
            replica.name,
            foreign.join(", ")
        ));
    }
}

fn data(facts: &PairFacts, wanted: &Wanted, journal: &Journal, why: &mut Vec<String>) {
    let (replica, copy) = (&facts.replica, &facts.copy);
    if matches!(journal, Journal::HalfDone(_)) {
        let marked = |name: &String| matches!(journal, Journal::HalfDone(names) if names.contains(name));
        let mine: Vec<String> = wanted.schemas().into_iter().filter(|name| !marked(name)).collect();
        for name in mine.iter().filter(|name| replica.schema(name).is_some()) {
            why.push(holds(replica, name, wanted));
        }
        return;
    }
    let present: Vec<String> = wanted.schemas().into_iter().filter(|name| replica.schema(name).is_some()).collect();
    if wanted.auto && copy.link.is_none() && (!replica.schemas.is_empty() || copy.stamp.is_some()) {
        why.push(not_empty(replica));
        return;
    }
    match &copy.link {
        None => why.extend(present.first().map(|name| holds(replica, name, wanted))),
        Some(link) => {
            if !link.facts.by_gtid && aside::follows(facts, wanted) {
                let change = match replica.family {
                    Family::MariaDb => "set MASTER_USE_GTID to slave_pos",
                    Family::MySql => "set SOURCE_AUTO_POSITION to 1",
                };
                why.push(format!(
                    "{} replicates without GTID: run STOP REPLICA there, {change} for it, and run START REPLICA",
                    replica.name
                ));
            }
        }
    }
}

/// Why the daemon leaves a replica to an operator.
pub fn not_empty(replica: &ServerSide) -> String {
    format!("{} is not empty: the daemon sets up only empty replicas, run keyward setup", replica.name)
}

fn holds(replica: &ServerSide, schema: &str, wanted: &Wanted) -> String {
    format!(
        "{} already holds a schema {schema} that keyward did not leave there half done: `keyward setup --region {} \
         --replace-data` moves it aside first",
        replica.name, wanted.mend.place
    )
}

fn positions(facts: &PairFacts, why: &mut Vec<String>) {
    if facts.copy.link.is_some() {
        return;
    }
    let (master, replica) = (&facts.master, &facts.replica);
    if replica.family == Family::MySql {
        positions_of_mysql(facts, why);
        return;
    }
    why.extend(in_the_way(facts).first().map(|gtid| {
        format!(
            "{} has GTIDs of its own in the way ({gtid}; the master is at {}): if nobody needs its binlog, run RESET \
             MASTER there, or `keyward setup` with --reseed, which does it",
            replica.name,
            if master.gtid_binlog_pos.is_empty() { "none" } else { &master.gtid_binlog_pos }
        )
    }));
}

/// GTIDs in the replica's own binlog that the master has not reached: with them the server refuses (1947) to begin where
/// the master is. In its strict mode it does not even take back (1948) a position that they are beyond.
pub fn in_the_way(facts: &PairFacts) -> Vec<String> {
    let (master, replica) = (&facts.master, &facts.replica);
    if replica.family == Family::MySql {
        let ids = gtid::errant_ids(&[&master.gtid_binlog_pos], &[&replica.gtid_binlog_pos]);
        return ids.filter(|ids| !ids.is_empty()).into_iter().collect();
    }
    let mut all = Vec::new();
    for gtid in replica.gtid_binlog_pos.split(',').map(str::trim).filter(|gtid| !gtid.is_empty()) {
        let is_beyond = |position: &str| match (parts(gtid), same_domain(gtid, position)) {
            (Some(local), Some(reached)) => local.2 > reached.2,
            _ => true,
        };
        if is_beyond(&master.gtid_binlog_pos) || (replica.gtid_strict && is_beyond(&replica.gtid_slave_pos)) {
            all.push(gtid.to_owned());
        }
    }
    all
}

fn positions_of_mysql(facts: &PairFacts, why: &mut Vec<String>) {
    let (master, replica) = (&facts.master, &facts.replica);
    if !gtid::covers(&master.gtid_binlog_pos, &replica.gtid_binlog_pos) {
        why.push(format!(
            "{} has transactions of its own in the way (gtid_executed is {}; the master's is {}): if nobody needs its \
             binlog, run RESET BINARY LOGS AND GTIDS there, or `keyward setup` with --reseed, which does it",
            replica.name,
            replica.gtid_binlog_pos,
            if master.gtid_binlog_pos.is_empty() { "empty" } else { &master.gtid_binlog_pos }
        ));
    }
}

fn parts(gtid: &str) -> Option<(u32, u32, u64)> {
    let mut numbers = gtid.split('-');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn same_domain(gtid: &str, position: &str) -> Option<(u32, u32, u64)> {
    let domain = parts(gtid)?.0;
    position.split(',').filter_map(|other| parts(other.trim())).find(|other| other.0 == domain)
}
