//! Making on the replica what the definitions say, under the settings that each was made under.

use super::definitions::{Kind, ObjectDefinition, SchemaDefinition};
use super::{CopyError, while_doing};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;
use crate::wire::session::{Session, Trouble};

const CREATE_DATABASE: Sql = sql!("create-database");
const MARK_DATABASE: &str = include_str!("../../sql/mysql/mark-database.sql");
const COLLATE_DATABASE: &str = include_str!("../../sql/common/collate-database.sql");
const USE_DATABASE: &str = include_str!("../../sql/common/use-database.sql");
const NAMES_UTF8: &str = include_str!("../../sql/common/names-utf8.sql");
const DEFINITION_SESSION: &str = include_str!("../../sql/common/definition-session.sql");

/// Makes the schemas, each marked from its first moment; on MySQL, which has no comments for them, from its second.
///
/// # Errors
/// What the server said.
pub async fn databases(target: &mut Session, schemas: &[SchemaDefinition], mark: &str) -> Result<(), CopyError> {
    target.run(fill(NAMES_UTF8, &[])).await.map_err(while_doing("create the schemas"))?;
    for schema in schemas {
        let gaps = [
            ("name", &*identifier(&schema.name)),
            ("charset", &*schema.charset),
            ("collation", &*schema.collation),
            ("comment", &*literal(mark)),
        ];
        let made = target.run(CREATE_DATABASE.fill(target.family(), &gaps)).await;
        made.map_err(while_doing(format!("create schema {}", schema.name)))?;
        if target.family() == Family::MySql {
            let marked = target.run(fill(MARK_DATABASE, &gaps)).await;
            marked.map_err(while_doing(format!("mark schema {}", schema.name)))?;
        }
    }
    Ok(())
}

/// Makes the tables, empty.
///
/// # Errors
/// What the server said.
pub async fn tables(target: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    for schema in schemas {
        enter(target, &schema.name).await?;
        for table in &schema.tables {
            let doing = while_doing(format!("create table {}.{}", schema.name, table.name));
            let create = table.deferred.as_ref().map_or(&table.create, |deferred| &deferred.create);
            target.run(create).await.map_err(doing)?;
        }
    }
    Ok(())
}

/// Makes the routines.
///
/// # Errors
/// What the server said.
pub async fn routines(target: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    let is_routine = |object: &ObjectDefinition| matches!(object.kind, Kind::Function | Kind::Procedure);
    in_order(target, schemas, is_routine).await
}

/// Makes the triggers and events.
///
/// # Errors
/// What the server said.
pub async fn triggers_and_events(target: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    in_order(target, schemas, |object| matches!(object.kind, Kind::Trigger | Kind::Event)).await
}

async fn in_order(
    target: &mut Session,
    schemas: &[SchemaDefinition],
    wanted: impl Fn(&ObjectDefinition) -> bool,
) -> Result<(), CopyError> {
    for schema in schemas {
        for object in schema.objects.iter().filter(|object| wanted(object)) {
            enter(target, &schema.name).await?;
            let doing = || while_doing(format!("create {}.{}", schema.name, object.name));
            let other = !object.database_collation.is_empty() && object.database_collation != schema.collation;
            if other {
                // the object remembers the collation that the schema had when it was made
                collate(target, &schema.name, &object.database_collation).await.map_err(doing())?;
            }
            make(target, object).await.map_err(doing())?;
            if other {
                collate(target, &schema.name, &schema.collation).await.map_err(doing())?;
            }
        }
    }
    Ok(())
}

/// Makes the views. One view may need another: those that cannot be made yet are tried again as long as any can.
///
/// # Errors
/// What the server said of a view that can never be made.
pub async fn views(target: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    let views = schemas.iter().flat_map(|schema| schema.objects.iter().map(move |object| (schema, object)));
    let mut waiting: Vec<_> = views.filter(|(_, object)| object.kind == Kind::View).collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still = Vec::new();
        let mut first_trouble = None;
        for (schema, view) in waiting {
            enter(target, &schema.name).await?;
            let doing = while_doing(format!("create view {}.{}", schema.name, view.name));
            match make(target, view).await {
                Ok(()) => {}
                Err(trouble) if matches!(trouble.code, Some(1146 | 1356)) => {
                    first_trouble.get_or_insert(doing(trouble));
                    still.push((schema, view));
                }
                Err(trouble) => return Err(doing(trouble)),
            }
        }
        waiting = still;
        if let Some(trouble) = first_trouble
            && waiting.len() == before
        {
            return Err(trouble);
        }
    }
    Ok(())
}

async fn enter(target: &mut Session, schema: &str) -> Result<(), CopyError> {
    let entered = target.run(fill(USE_DATABASE, &[("name", &identifier(schema))])).await;
    entered.map_err(while_doing(format!("use schema {schema}")))
}

async fn collate(target: &mut Session, schema: &str, collation: &str) -> Result<(), Trouble> {
    target.run(fill(COLLATE_DATABASE, &[("name", &identifier(schema)), ("collation", collation)])).await
}

async fn make(target: &mut Session, object: &ObjectDefinition) -> Result<(), Trouble> {
    let zone = if object.time_zone.is_empty() { "+00:00" } else { &object.time_zone };
    let gaps = [
        ("client", &*literal(&object.client)),
        ("connection", &*literal(&object.connection)),
        ("mode", &*literal(&object.sql_mode)),
        ("zone", &*literal(zone)),
    ];
    target.run(fill(DEFINITION_SESSION, &gaps)).await?;
    target.run(&object.create).await
}
