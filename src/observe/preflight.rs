//! The facts that set-up plans from, read on both sides. Nothing is changed; named locks are taken and let go.

use super::hand::{self, Hand};
use crate::dialect::looks::filter_statements;
use crate::dialect::settings::{self, Variables};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, literal};
use crate::dialect::version::handled;
use crate::model::preflight::{BeatTable, CopySide, DatabaseFacts, LinkAccount, PROOF, Schema, ServerSide, SourceSide};
use crate::model::{Family, aside};
use crate::wire::session::{Session, Trouble};

const VERSION: &str = include_str!("../../sql/common/version.sql");
const VARIABLES: Sql = sql!("variables");
const SCHEMAS: Sql = sql!("schemas");
const MOVES: &str = include_str!("../../sql/common/moves.sql");
const OWN_REPLICAS: Sql = sql!("own-replicas");
const GROUP_MEMBERS: &str = include_str!("../../sql/mysql/group-members.sql");
const BEAT_TABLE: &str = include_str!("../../sql/common/beat-table-columns.sql");
const UNFIT_TABLES: &str = include_str!("../../sql/common/unfit-tables.sql");
const ROUTINES: &str = include_str!("../../sql/common/routines.sql");
const TRIGGERS: &str = include_str!("../../sql/common/triggers.sql");

/// What both sides have in common. Of a server that keyward does not handle only its name and version.
///
/// # Errors
/// What the server said.
pub async fn server(hand: &mut Hand, name: &str) -> Result<(ServerSide, Variables), Trouble> {
    let told = hand.work.line(fill(VERSION, &[])).await?;
    let family = hand.work.family();
    let mut side = ServerSide {
        name: name.to_owned(),
        version: told.text("version"),
        family,
        account: hand.login.clone(),
        by_admin: hand.by_admin,
        ..ServerSide::default()
    };
    if handled(&side.version, &told.text("version_comment")).is_err() {
        return Ok((side, Variables::new()));
    }
    let tables = hand.work.tables(&VARIABLES.fill(family, &[])).await?;
    let variables = settings::variables(family, &tables).map_err(|why| hand.work.trouble(&why))?;
    settings::common(family, &variables, &mut side);
    for line in hand.work.lines(SCHEMAS.fill(family, &[])).await? {
        let hollow = line.number("hollow") == Some(1);
        side.schemas.push(Schema { name: line.text("name"), comment: line.text("comment"), hollow });
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
    let wanted = match work.family() {
        Family::MariaDb => ["instance varchar(64)", "number bigint(20) unsigned", "written_at bigint(20)"],
        Family::MySql => ["instance varchar(64)", "number bigint unsigned", "written_at bigint"],
    };
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
    let family = hand.work.family();
    let mut copy = CopySide::default();
    let moves = hand.work.lines(fill(MOVES, &[("journal", &literal(aside::JOURNAL))])).await?;
    copy.moves = moves.iter().filter_map(|line| aside::read(&line.text("dated"), &line.text("journal"))).collect();
    for (name, link) in hand.work.links().await? {
        match &*name {
            "" => copy.link = Some(link),
            PROOF => copy.proof_left_over = true,
            _ => copy.other_links.push(format!("{name} ({}:{})", link.facts.host, link.facts.port)),
        }
    }
    let mut filters = Vec::new();
    for statement in filter_statements(family) {
        filters.extend(hand.work.tables(&statement).await?);
    }
    settings::replica(family, variables, &filters, &mut copy).map_err(|why| hand.work.trouble(&why))?;
    copy.own_replicas = hand.work.line(OWN_REPLICAS.fill(family, &[])).await?.number("replicas").unwrap_or(0);
    copy.in_group = match family {
        // a Galera node is told by its settings
        Family::MariaDb => false,
        Family::MySql => hand.work.line(fill(GROUP_MEMBERS, &[])).await?.number("members") != Some(0),
    };
    Ok(copy)
}
