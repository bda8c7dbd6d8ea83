//! What the schemas on the master hold, as the server's own statements, and whether it changed meanwhile.

use super::columns::{self, Column};
use super::indexes::{self, Deferred};
use super::split::{self, Key};
use super::{CopyError, while_doing};
use crate::dialect::definition::without_counter;
use crate::dialect::event::asleep;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier, literal, outside_quotes};
use crate::wire::session::{Line, Session, Trouble};

const NAMES_BINARY: &str = include_str!("../../sql/common/names-binary.sql");
const SCHEMAS: Sql = sql!("schemas");
const TABLES: &str = include_str!("../../sql/common/tables.sql");
const COLUMNS: Sql = sql!("columns");
const ROUTINES: &str = include_str!("../../sql/common/routines.sql");
const TRIGGERS: &str = include_str!("../../sql/common/triggers.sql");
const EVENTS: &str = include_str!("../../sql/common/events.sql");
const SHOW_CREATE: &str = include_str!("../../sql/common/show-create.sql");

/// In a smaller table indexes are kept up while its rows are written: another pass would take longer.
const DEFER_FROM_BYTES: u64 = 1024 * 1024;

/// A schema and everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDefinition {
    /// Its name.
    pub name: String,
    /// Its default character set.
    pub charset: String,
    /// Its default collation.
    pub collation: String,
    /// Its tables, without views.
    pub tables: Vec<TableDefinition>,
    /// Its routines, views, triggers and events, in the order in which they are made.
    pub objects: Vec<ObjectDefinition>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub create: Vec<u8>,
    /// When it was made or rebuilt.
    pub created: String,
    /// The bytes its rows take, as the server estimates them.
    pub bytes: u64,
    /// The bytes its secondary indexes take, as the server estimates them.
    pub index_bytes: u64,
    /// The rows it has, as the server estimates them.
    pub rows: u64,
    /// It has a column that counts by itself.
    pub counts: bool,
    /// Its primary key.
    pub key: Option<Key>,
    /// What is added later; `None` when everything is made with the table.
    pub deferred: Option<Deferred>,
    /// The columns that hold data of their own.
    pub columns: Vec<Column>,
}

/// What kind of object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// A view.
    View,
    /// A trigger.
    Trigger,
    /// An event.
    Event,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Function => "FUNCTION",
            Kind::Procedure => "PROCEDURE",
            Kind::View => "VIEW",
            Kind::Trigger => "TRIGGER",
            Kind::Event => "EVENT",
        }
    }

    fn statement_column(self) -> &'static str {
        match self {
            Kind::Function => "create function",
            Kind::Procedure => "create procedure",
            Kind::View => "create view",
            Kind::Trigger => "sql original statement",
            Kind::Event => "create event",
        }
    }
}

/// Anything but a table, with the settings that it was made under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDefinition {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The statement that makes it, in the character set `client`.
    pub create: Vec<u8>,
    /// `character_set_client` when it was made.
    pub client: String,
    /// `collation_connection` when it was made.
    pub connection: String,
    /// The schema's collation when it was made; empty for a view.
    pub database_collation: String,
    /// `sql_mode` when it was made.
    pub sql_mode: String,
    /// `time_zone` when it was made; empty but for an event.
    pub time_zone: String,
}

/// Reads every definition of the schemas, in their order.
///
/// # Errors
/// What the server said, or what cannot be copied exactly.
pub async fn read(source: &mut Session, names: &[String]) -> Result<Vec<SchemaDefinition>, CopyError> {
    let doing = || while_doing("read the definitions");
    source.run(fill(NAMES_BINARY, &[])).await.map_err(doing())?;
    let all = source.lines(SCHEMAS.fill(source.family(), &[])).await.map_err(doing())?;
    let mut schemas = Vec::with_capacity(names.len());
    for name in names {
        let Some(line) = all.iter().find(|line| line.text("name") == *name) else {
            return Err(CopyError::Unfit(format!("{} has no schema {name} any more", source.who())));
        };
        let (tables, views) = read_tables(source, name).await?;
        schemas.push(SchemaDefinition {
            name: name.clone(),
            charset: line.text("charset"),
            collation: line.text("collation"),
            tables,
            objects: read_objects(source, name, views).await?,
        });
    }
    Ok(schemas)
}

async fn read_tables(source: &mut Session, schema: &str) -> Result<(Vec<TableDefinition>, Vec<String>), CopyError> {
    let doing = |table: &str| while_doing(format!("read the definition of {schema}.{table}"));
    let (mut tables, mut views) = (Vec::new(), Vec::new());
    let quoted = literal(schema);
    for line in source.lines(fill(TABLES, &[("schema", &quoted)])).await.map_err(doing("*"))? {
        let name = line.text("name");
        if line.text("type") == "VIEW" {
            views.push(name);
            continue;
        }
        let gaps = [("schema", &*quoted), ("table", &*literal(&name))];
        let lines = source.lines(COLUMNS.fill(source.family(), &gaps)).await.map_err(doing(&name))?;
        let create = match show_create(source, "TABLE", schema, &name).await {
            Ok(create) => create,
            Err(trouble) if trouble.code == Some(1146) => return Err(CopyError::Changed(format!("{schema}.{name}"))),
            Err(trouble) => return Err(doing(&name)(trouble)),
        };
        let create = create.bytes("create table").unwrap_or_default().to_vec();
        let bytes = line.number("bytes").unwrap_or(0);
        tables.push(TableDefinition {
            created: line.text("created"),
            bytes,
            index_bytes: line.number("index_bytes").unwrap_or(0),
            rows: line.number("rows_about").unwrap_or(0),
            counts: outside_quotes(&create, b" AUTO_INCREMENT").is_some(),
            key: split::key(source, schema, &name).await?,
            deferred: indexes::split(&create, bytes >= DEFER_FROM_BYTES),
            create,
            columns: read_columns(schema, &name, &lines)?,
            name,
        });
    }
    Ok((tables, views))
}

fn read_columns(schema: &str, table: &str, lines: &[Line]) -> Result<Vec<Column>, CopyError> {
    if lines.is_empty() {
        return Err(CopyError::Unfit(format!(
            "{schema}.{table} shows no columns to keyward's account, which lacks SELECT on it"
        )));
    }
    let column = |line: &Line| {
        let (name, data_type) = (line.text("name"), line.text("type"));
        columns::column(&name, &data_type, &line.text("full_type")).ok_or_else(|| {
            CopyError::Unfit(format!("{schema}.{table}.{name} is of type {data_type}, which this release cannot copy"))
        })
    };
    lines.iter().map(column).collect()
}

async fn read_objects(
    source: &mut Session,
    schema: &str,
    views: Vec<String>,
) -> Result<Vec<ObjectDefinition>, CopyError> {
    let doing = || while_doing(format!("read the definitions of {schema}"));
    let quoted = literal(schema);
    let gaps = [("schema", &*quoted)];
    let mut wanted = Vec::new();
    for line in source.lines(fill(ROUTINES, &gaps)).await.map_err(doing())? {
        let kind = if line.text("type") == "FUNCTION" { Kind::Function } else { Kind::Procedure };
        wanted.push((kind, line.text("name")));
    }
    wanted.extend(views.into_iter().map(|name| (Kind::View, name)));
    for (kind, statement) in [(Kind::Trigger, TRIGGERS), (Kind::Event, EVENTS)] {
        let lines = source.lines(fill(statement, &gaps)).await.map_err(doing())?;
        wanted.extend(lines.iter().map(|line| (kind, line.text("name"))));
    }
    let mut objects = Vec::with_capacity(wanted.len());
    for (kind, name) in wanted {
        let line = match show_create(source, kind.word(), schema, &name).await {
            Ok(line) => line,
            // it was dropped since it was listed
            Err(trouble) if matches!(trouble.code, Some(1146 | 1305 | 1360 | 1539)) => {
                return Err(CopyError::Changed(format!("{schema}.{name}")));
            }
            Err(trouble) => return Err(doing()(trouble)),
        };
        objects.push(object(source, schema, kind, name, &line)?);
    }
    Ok(objects)
}

fn object(
    source: &Session,
    schema: &str,
    kind: Kind,
    name: String,
    line: &Line,
) -> Result<ObjectDefinition, CopyError> {
    let Some(create) = line.bytes(kind.statement_column()) else {
        return Err(CopyError::Unfit(format!(
            "{} does not show {} {schema}.{name} to keyward's account, which needs SELECT on mysql.proc for it",
            source.who(),
            kind.word().to_lowercase()
        )));
    };
    let create = match kind {
        // as the server does it when it replicates one
        Kind::Event => asleep(create, "DISABLE ON SLAVE")
            .ok_or_else(|| CopyError::Unfit(format!("the definition of event {schema}.{name} cannot be understood")))?,
        _ => create.to_vec(),
    };
    Ok(ObjectDefinition {
        kind,
        name,
        create,
        client: line.text("character_set_client"),
        connection: line.text("collation_connection"),
        database_collation: line.text("database collation"),
        sql_mode: line.text("sql_mode"),
        time_zone: line.text("time_zone"),
    })
}

async fn show_create(source: &mut Session, kind: &str, schema: &str, name: &str) -> Result<Line, Trouble> {
    let name = format!("{}.{}", identifier(schema), identifier(name));
    source.line(fill(SHOW_CREATE, &[("kind", kind), ("name", &name)])).await
}

/// What differs between two readings, but for counters and sizes; `None` when nothing does.
pub fn difference(before: &[SchemaDefinition], after: &[SchemaDefinition]) -> Option<String> {
    for (old, new) in before.iter().zip(after) {
        if (&old.charset, &old.collation) != (&new.charset, &new.collation) {
            return Some(old.name.clone());
        }
        if old.objects != new.objects {
            return Some(format!("routines, views, triggers or events of {}", old.name));
        }
        let same = |old: &TableDefinition, new: &TableDefinition| {
            old.name == new.name
                && old.created == new.created
                && old.columns == new.columns
                && without_counter(&old.create) == without_counter(&new.create)
        };
        if old.tables.len() != new.tables.len() {
            return Some(format!("tables of {}", old.name));
        }
        if let Some((table, _)) = old.tables.iter().zip(&new.tables).find(|(old, new)| !same(old, new)) {
            return Some(format!("{}.{}", old.name, table.name));
        }
    }
    None
}
