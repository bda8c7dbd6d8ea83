//! What there is to compare: tables of both sides by name, their definitions, and the key by which each is walked.

use std::collections::BTreeMap;

use super::columns::{Column, KeyColumn, checksum, row_text};
use super::pair::Pair;
use super::report::{Difference, What};
use super::{CompareError, while_doing};
use crate::dialect::definition;
use crate::dialect::text::{fill, identifier, literal};
use crate::wire::session::{Session, Trouble};

const TABLES: &str = include_str!("../../sql/common/verify-tables.sql");
const COLUMNS: &str = include_str!("../../sql/common/verify-columns.sql");
const INDEXES: &str = include_str!("../../sql/common/verify-indexes.sql");
const CREATE: &str = include_str!("../../sql/common/verify-create.sql");
const SERVER: &str = include_str!("../../sql/common/verify-server.sql");

/// How often definitions that differ are read again before they count: a change may be on its way.
const READINGS: u32 = 3;

/// A table that both sides have, and how its rows are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its schema and name, as people read it.
    pub name: String,
    /// Its schema and name, quoted.
    pub place: String,
    /// The key it is walked by; without one it is compared as a whole.
    pub key: Option<Key>,
    /// The text of a row.
    pub row: String,
    /// The sum over rows.
    pub checksum: String,
    /// How many rows the server thinks there are.
    pub estimate: u64,
}

/// A key without NULLs that no two rows share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its index, quoted.
    pub index: String,
    /// Its columns.
    pub columns: Vec<KeyColumn>,
}

/// A table as one server describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    is_view: bool,
    estimate: u64,
    columns: Vec<Column>,
    indexes: Vec<Index>,
    create: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    name: String,
    unique: bool,
    columns: Vec<String>,
    /// It holds only the beginning of a column, or an expression, or is not in order.
    partial: bool,
}

type All = BTreeMap<String, Seen>;

/// What the definitions say: the tables to walk, and what differs already. `views` are the schemas in which both servers
/// show how views are made.
///
/// # Errors
/// What a server said.
pub async fn read(
    pair: &mut Pair,
    schemas: &[String],
    views: &[String],
) -> Result<(Vec<Table>, Vec<Difference>), CompareError> {
    let doing = || while_doing("read the definitions");
    let server = pair.master.line(fill(SERVER, &[])).await.map_err(doing())?;
    let other = pair.replica.line(fill(SERVER, &[])).await.map_err(doing())?;
    let release = |version: String| version.splitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    // another release prints the same table in other words
    let same_words = release(server.text("version")) == release(other.text("version"));
    let packet = server.number("packet").unwrap_or(0).min(other.number("packet").unwrap_or(0));
    let (mut tables, mut differences) = (Vec::new(), Vec::new());
    for schema in schemas {
        for reading in 1..=READINGS {
            let master = seen(&mut pair.master, schema, views.contains(schema)).await?;
            // the replica is asked when it has come to where the master was asked, so that nothing is on its way
            pair.renew().await?;
            pair.leave().await?;
            let replica = seen(&mut pair.replica, schema, views.contains(schema)).await?;
            let found = compare(schema, &master, &replica, same_words);
            if found.is_empty() || reading == READINGS {
                tables.extend(to_walk(schema, &master, &replica, packet));
                differences.extend(found);
                break;
            }
        }
    }
    Ok((tables, differences))
}

async fn seen(session: &mut Session, schema: &str, views: bool) -> Result<All, CompareError> {
    let gaps = [("schema", &*literal(schema))];
    let doing = || while_doing(format!("read the definitions of {schema}"));
    let mut all = All::new();
    for line in session.lines(fill(TABLES, &gaps)).await.map_err(doing())? {
        let is_view = line.text("type").contains("VIEW");
        let estimate = line.number("row_estimate").unwrap_or(0);
        all.insert(line.text("name"), Seen { is_view, estimate, ..Seen::default() });
    }
    for line in session.lines(fill(COLUMNS, &gaps)).await.map_err(doing())? {
        let Some(table) = all.get_mut(&line.text("table_name")) else { continue };
        table.columns.push(Column {
            name: line.text("name"),
            data_type: line.text("type").to_lowercase(),
            full_type: line.text("full_type"),
            nullable: line.text("nullable") == "YES",
            charset: line.text("charset"),
            collation: line.text("collation"),
            octets: line.number("octets").unwrap_or(0),
        });
    }
    for line in session.lines(fill(INDEXES, &gaps)).await.map_err(doing())? {
        let Some(table) = all.get_mut(&line.text("table_name")) else { continue };
        let name = line.text("index_name");
        if table.indexes.last().is_none_or(|last| last.name != name) {
            let unique = line.text("repeats") == "0";
            table.indexes.push(Index { name, unique, ..Index::default() });
        }
        if let Some(index) = table.indexes.last_mut() {
            index.partial |= line.bytes("prefix").is_some() || line.bytes("name").is_none();
            index.partial |= line.text("type") != "BTREE";
            index.columns.push(line.text("name"));
        }
    }
    for (name, table) in all.iter_mut().filter(|(_, table)| views || !table.is_view) {
        let place = format!("{}.{}", identifier(schema), identifier(name));
        match session.line(fill(CREATE, &[("table", &place)])).await {
            Ok(line) => {
                let create = line.bytes("create table").or_else(|| line.bytes("create view"));
                table.create = create.unwrap_or_default().to_vec();
            }
            // dropped since it was listed, or not readable: the next reading tells
            Err(Trouble { code: Some(1146), .. }) => {}
            Err(trouble) => return Err(while_doing(format!("read the definition of {schema}.{name}"))(trouble)),
        }
    }
    Ok(all)
}

fn compare(schema: &str, master: &All, replica: &All, same_words: bool) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut say = |name: &str, what| found.push(Difference { table: format!("{schema}.{name}"), what });
    for (name, here) in master {
        let Some(there) = replica.get(name) else {
            say(name, What::MissingTable);
            continue;
        };
        if let Some((one, other)) = definition_difference(here, there, same_words) {
            say(name, What::Definition { master: one, replica: other });
        }
    }
    for name in replica.keys().filter(|name| !master.contains_key(*name)) {
        say(name, What::ExtraTable);
    }
    found
}

fn definition_difference(here: &Seen, there: &Seen, same_words: bool) -> Option<(String, String)> {
    let word = |view| if view { "a view" } else { "a table" }.to_owned();
    if here.is_view != there.is_view {
        return Some((word(here.is_view), word(there.is_view)));
    }
    if here.is_view {
        // which columns a server lists for it depends on what the account may do with what the view reads
        return if same_words { definition::difference(&here.create, &there.create) } else { None };
    }
    if let Some(at) = (0..here.columns.len().max(there.columns.len())).find(|at| {
        let (one, other) = (here.columns.get(*at), there.columns.get(*at));
        one != other
    }) {
        let tell =
            |column: Option<&Column>| column.map(|it| format!("{} {}", it.name, it.full_type)).unwrap_or_default();
        let (one, other) = (tell(here.columns.get(at)), tell(there.columns.get(at)));
        if one != other || !same_words {
            return Some((one, other));
        }
    }
    if same_words && let Some(lines) = definition::difference(&here.create, &there.create) {
        return Some(lines);
    }
    let sorted = |seen: &Seen| {
        let mut all: Vec<String> =
            seen.indexes.iter().map(|it| format!("key {} ({})", it.name, it.columns.join(", "))).collect();
        all.sort();
        all
    };
    let (one, other) = (sorted(here), sorted(there));
    let lacking = |of: &[String], all: &[String]| of.iter().find(|key| !all.contains(key)).cloned().unwrap_or_default();
    (one != other).then(|| (lacking(&one, &other), lacking(&other, &one)))
}

/// The tables whose rows can be compared: both sides have the same columns.
fn to_walk(schema: &str, master: &All, replica: &All, packet: u64) -> Vec<Table> {
    let both = master.iter().filter_map(|(name, here)| Some((name, here, replica.get(name)?)));
    both.filter(|(_, here, there)| !here.is_view && !there.is_view && here.columns == there.columns)
        .map(|(name, here, there)| {
            let key = key(here, there);
            let row = row_text(&here.columns, packet / 2);
            Table {
                name: format!("{schema}.{name}"),
                place: format!("{}.{}", identifier(schema), identifier(name)),
                checksum: checksum(&row, key.is_some()),
                key,
                row,
                estimate: here.estimate,
            }
        })
        .collect()
}

/// The primary key, or else a unique one without NULLs, that both sides have and that ranges can be made of.
fn key(here: &Seen, there: &Seen) -> Option<Key> {
    here.indexes.iter().filter(|index| index.unique && !index.partial && there.indexes.contains(index)).find_map(
        |index| {
            let column = |name: &String| {
                let column = here.columns.iter().find(|column| column.name == *name && !column.nullable)?;
                KeyColumn::of(column)
            };
            let columns = index.columns.iter().map(column).collect::<Option<Vec<_>>>()?;
            Some(Key { index: identifier(&index.name), columns })
        },
    )
}
