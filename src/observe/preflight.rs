//! The facts that set-up plans from, read on both sides. Nothing is changed; named locks are taken and let go.

use std::collections::BTreeMap;

use super::hand::{self, Hand};
use crate::dialect::text::{fill, literal};
use crate::model::Family;
use crate::model::observation::{Durability, ServerIdentity};
use crate::model::preflight::{BeatTable, CopySide, DatabaseFacts, LinkAccount, PROOF, Schema, ServerSide, SourceSide};
use crate::wire::session::{Session, Trouble};

const VERSION: &str = include_str!("../../sql/common/version.sql");
const VARIABLES: &str = include_str!("../../sql/mariadb/variables.sql");
const SCHEMAS: &str = include_str!("../../sql/mariadb/schemas.sql");
const OWN_REPLICAS: &str = include_str!("../../sql/mariadb/own-replicas.sql");
const LINKS: &str = include_str!("../../sql/mariadb/links.sql");
const BEAT_TABLE: &str = include_str!("../../sql/mariadb/beat-table-columns.sql");
const UNFIT_TABLES: &str = include_str!("../../sql/mariadb/unfit-tables.sql");
const ROUTINES: &str = include_str!("../../sql/mariadb/routines.sql");
const TRIGGERS: &str = include_str!("../../sql/mariadb/triggers.sql");

const OTHER_FILTERS: [&str; 6] = [
    "replicate_do_db",
    "replicate_do_table",
    "replicate_ignore_db",
    "replicate_ignore_table",
    "replicate_wild_ignore_table",
    "replicate_rewrite_db",
];

/// A server's settings by name in lower case: value and whether a restart would keep it.
pub type Variables = BTreeMap<String, (String, Durability)>;

/// What both sides have in common. On a server that is not MariaDB only its name and version are filled in.
///
/// # Errors
/// What the server said.
pub async fn server(hand: &mut Hand, name: &str) -> Result<(ServerSide, Variables), Trouble> {
    let version = hand.work.line(fill(VERSION, &[])).await?.text("version");
    let mut side = ServerSide {
        name: name.to_owned(),
        version,
        account: hand.login.clone(),
        by_admin: hand.by_admin,
        ..ServerSide::default()
    };
    if hand.work.family() == Family::MySql {
        return Ok((side, Variables::new()));
    }
    let mut variables = Variables::new();
    for line in hand.work.lines(fill(VARIABLES, &[])).await? {
        // what an option file says for a filter is shown as COMPILE-TIME, so that only SQL means: will be lost
        let durability = if line.text("origin") == "SQL" { Durability::Lost } else { Durability::Kept };
        variables.insert(line.text("name").to_lowercase(), (line.text("value"), durability));
    }
    let text = |name: &str| variables.get(name).map(|(value, _)| value.clone()).unwrap_or_default();
    side.identity = ServerIdentity { uid: text("server_uid"), server_id: text("server_id").parse().unwrap_or(0) };
    side.log_bin = text("log_bin") == "ON";
    side.binlog_format = text("binlog_format");
    side.gtid_binlog_pos = text("gtid_binlog_pos");
    side.gtid_slave_pos = text("gtid_slave_pos");
    side.gtid_binlog_state = text("gtid_binlog_state");
    side.max_allowed_packet = text("max_allowed_packet").parse().unwrap_or(0);
    side.galera = text("wsrep_on") == "ON";
    side.trusts_function_creators = text("log_bin_trust_function_creators") == "ON";
    side.lower_case_table_names = text("lower_case_table_names");
    for line in hand.work.lines(fill(SCHEMAS, &[])).await? {
        side.schemas.push(Schema { name: line.text("name"), comment: line.text("comment") });
    }
    Ok((side, variables))
}

/// What only the master has.
///
/// # Errors
/// What the server said.
pub async fn source(
    hand: &mut Hand,
    side: &ServerSide,
    databases: &[String],
    link_user: &str,
) -> Result<SourceSide, Trouble> {
    let mut source = SourceSide { beat_table: beat_table(&mut hand.work).await?, ..SourceSide::default() };
    for name in databases.iter().filter(|name| side.schema(name).is_some()) {
        source.databases.push(database(&mut hand.work, name).await?);
    }
    if hand.by_admin {
        source.link_account = match hand::account_named(&mut hand.work, link_user).await? {
            Some((account, grants)) => LinkAccount::Exists { account, grants },
            None => LinkAccount::Missing,
        };
    }
    Ok(source)
}

async fn beat_table(work: &mut Session) -> Result<BeatTable, Trouble> {
    let lines = work.lines(fill(BEAT_TABLE, &[])).await?;
    let columns: Vec<String> =
        lines.iter().map(|line| format!("{} {}", line.text("name"), line.text("type"))).collect();
    let wanted = ["instance varchar(64)", "number bigint(20) unsigned", "written_at bigint(20)"];
    Ok(match columns.as_slice() {
        [] => BeatTable::Missing,
        columns if columns == wanted => BeatTable::Right,
        columns => BeatTable::Other(columns.join(", ")),
    })
}

async fn database(work: &mut Session, name: &str) -> Result<DatabaseFacts, Trouble> {
    let schema = literal(name);
    let gaps = [("schema", &*schema)];
    let mut facts = DatabaseFacts { name: name.to_owned(), ..DatabaseFacts::default() };
    for line in work.lines(fill(UNFIT_TABLES, &gaps)).await? {
        let what = match &*line.text("type") {
            "BASE TABLE" if line.text("engine").is_empty() => "a damaged table".to_owned(),
            "BASE TABLE" => format!("a table of engine {}", line.text("engine")),
            "SYSTEM VERSIONED" => "a system-versioned table".to_owned(),
            other => format!("a {}", other.to_lowercase()),
        };
        facts.unfit_tables.push((line.text("name"), what));
    }
    for line in work.lines(fill(ROUTINES, &gaps)).await? {
        let name = line.text("name");
        match &*line.text("type") {
            "PROCEDURE" => {}
            "FUNCTION" => {
                facts.needs_trust += 1;
                let safe = line.text("is_deterministic") == "YES"
                    || matches!(&*line.text("data_access"), "NO SQL" | "READS SQL DATA");
                if !safe {
                    facts.unsafe_functions.push(name);
                }
            }
            _ => facts.unfit_routines.push(name),
        }
    }
    facts.needs_trust += work.lines(fill(TRIGGERS, &gaps)).await?.len();
    Ok(facts)
}

/// What only the replica has, but for what other servers and `state_dir` know of it.
///
/// # Errors
/// What the server said.
pub async fn copy(hand: &mut Hand, variables: &Variables) -> Result<CopySide, Trouble> {
    let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
    let mut copy = CopySide::default();
    let (read_only, durability) = value("read_only");
    (copy.read_only, copy.read_only_durability) = (read_only == "ON", durability);
    (copy.filter, copy.filter_durability) = value("replicate_wild_do_table");
    let (seconds, durability) = value("slave_net_timeout");
    (copy.net_timeout_seconds, copy.net_timeout_durability) = (seconds.parse().unwrap_or(0), durability);
    copy.other_filters = OTHER_FILTERS
        .into_iter()
        .map(|name| (name.to_owned(), value(name).0))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    copy.own_replicas = hand.work.line(fill(OWN_REPLICAS, &[])).await?.number("replicas").unwrap_or(0);
    for line in hand.work.lines(fill(LINKS, &[])).await? {
        match &*line.text("connection_name") {
            "" => copy.link = Some(line.link_settings().map_err(|why| hand.work.trouble(&why))?),
            PROOF => copy.proof_left_over = true,
            name => {
                copy.other_links.push(format!("{name} ({}:{})", line.text("master_host"), line.text("master_port")));
            }
        }
    }
    Ok(copy)
}
