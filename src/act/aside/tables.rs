//! The tables of a schema that is moved: renamed by one statement, which the server does whole or not at all.
//!
//! MariaDB is the exception with a table in partitions: it renames them one after the other, and a server that dies in the
//! middle has them under both names, and no table. Such tables are copied; the old ones are dropped when the journal
//! says that the copies are whole.

use super::{AsideError, DROP_OBJECT, MOVE_TABLES, full_name, journal, patiently, stage, while_doing};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;
use crate::model::aside::{JOURNAL, Move, Stage};
use crate::wire::session::{Session, Trouble};

const TABLES: &str = include_str!("../../../sql/common/tables-to-move.sql");
const COLUMNS: &str = include_str!("../../../sql/mariadb/parts-columns.sql");
const CREATE: &str = include_str!("../../../sql/mariadb/parts-create.sql");
const COPY: &str = include_str!("../../../sql/mariadb/parts-copy.sql");
const COPY_HISTORY: &str = include_str!("../../../sql/mariadb/parts-copy-history.sql");
const NUMBER: &str = include_str!("../../../sql/mariadb/parts-number.sql");

/// A table, and how it is moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Why the server cannot open it; empty when it can.
    broken: String,
    /// What of it is copied; `None` for one that is renamed.
    parts: Option<Parts>,
}

/// What of a table in partitions is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    /// The columns, as they are written in a statement.
    columns: String,
    /// Whether it remembers rows that are gone.
    has_history: bool,
    /// The number that its next row gets.
    next_number: Option<u64>,
}

impl Table {
    /// The statements that copy it into a schema which has none of its name; none for one that is renamed.
    fn copying(&self, from: &str, into: &str) -> Vec<String> {
        let Some(parts) = &self.parts else { return Vec::new() };
        let number = parts.next_number.unwrap_or_default().to_string();
        let gaps = [
            ("from", &*full_name(from, &self.name)),
            ("into", &*full_name(into, &self.name)),
            ("columns", &*parts.columns),
            ("number", &*number),
        ];
        let copy = if parts.has_history { COPY_HISTORY } else { COPY };
        let mut statements = vec![fill(CREATE, &gaps), fill(copy, &gaps)];
        statements.extend(parts.next_number.map(|_| fill(NUMBER, &gaps)));
        statements
    }

    fn dropping(&self, from: &str) -> String {
        fill(DROP_OBJECT, &[("kind", "TABLE"), ("name", &full_name(from, &self.name))])
    }
}

/// The statements that move tables from one schema to another.
pub fn moving(tables: &[Table], from: &str, into: &str) -> Vec<String> {
    let (copied, renamed): (Vec<&Table>, Vec<&Table>) = tables.iter().partition(|table| table.parts.is_some());
    let renames: Vec<String> = renamed
        .iter()
        .map(|table| format!("{} TO {}", full_name(from, &table.name), full_name(into, &table.name)))
        .collect();
    let mut statements = Vec::new();
    if !renames.is_empty() {
        statements.push(fill(MOVE_TABLES, &[("renames", &renames.join(", "))]));
    }
    for table in copied {
        statements.extend(table.copying(from, into));
        statements.push(table.dropping(from));
    }
    statements
}

/// All tables of a schema but a journal.
pub async fn all(work: &mut Session, schema: &str) -> Result<Vec<Table>, AsideError> {
    let mut tables = everything(work, schema).await?;
    tables.retain(|table| table.name != JOURNAL);
    Ok(tables)
}

/// All tables of a schema.
pub async fn everything(work: &mut Session, schema: &str) -> Result<Vec<Table>, AsideError> {
    let doing = || while_doing(format!("list the tables of {schema}"));
    let lines = work.lines(fill(TABLES, &[("schema", &literal(schema))])).await.map_err(doing())?;
    let mut tables = Vec::new();
    for line in &lines {
        let is = |column| line.number(column) == Some(1);
        let mut table = Table { name: line.text("name"), ..Table::default() };
        if is("is_broken") {
            table.broken = line.text("note");
        }
        if work.family() == Family::MariaDb && is("in_parts") {
            let has_history = is("has_history");
            let columns = columns(work, schema, &table.name, has_history).await.map_err(doing())?;
            table.parts = Some(Parts { columns, has_history, next_number: line.number("next_number") });
        }
        tables.push(table);
    }
    Ok(tables)
}

async fn columns(work: &mut Session, schema: &str, table: &str, has_history: bool) -> Result<String, Trouble> {
    let lines = work.lines(fill(COLUMNS, &[("schema", &literal(schema)), ("table", &literal(table))])).await?;
    let mut columns: Vec<String> = lines.iter().map(|line| identifier(&line.text("name"))).collect();
    if has_history && lines.iter().all(|line| line.number("tells_when") != Some(1)) {
        // it keeps them under these names without listing them
        columns.extend(["ROW_START", "ROW_END"].map(identifier));
    }
    Ok(columns.join(", "))
}

/// Whether the server can open every table of a schema that is to be moved.
pub async fn all_open(work: &mut Session, one: &Move) -> Result<Vec<Table>, AsideError> {
    let tables = all(work, &one.of).await?;
    match tables.iter().find(|table| !table.broken.is_empty()) {
        None => Ok(tables),
        Some(table) => {
            let name = full_name(&one.of, &table.name);
            Err(AsideError::InTheWay(format!(
                "{} cannot open its table {name} ({}), so nothing can move it aside: repair it by hand or, if its rows are \
                 not wanted any more, drop it there (`{}`), and set the replica up again",
                work.who(),
                table.broken,
                table.dropping(&one.of)
            )))
        }
    }
}

/// Moves the tables that are still in the old schema.
pub async fn move_all(work: &mut Session, one: &Move) -> Result<(), AsideError> {
    let (copied, renamed): (Vec<Table>, Vec<Table>) =
        all_open(work, one).await?.into_iter().partition(|table| table.parts.is_some());
    for rename in moving(&renamed, &one.of, &one.into) {
        let moved = patiently(work, &rename).await;
        moved.map_err(while_doing(format!("move the tables of {} to {}", one.of, one.into)))?;
    }
    if copied.is_empty() {
        return Ok(());
    }
    let mut whole = journal::copied(work, one).await?;
    for table in &copied {
        if whole.contains(&table.name) {
            continue;
        }
        // what an interrupted run copied of it
        let mut statements = vec![table.dropping(&one.into)];
        statements.extend(table.copying(&one.of, &one.into));
        for statement in statements {
            let done = patiently(work, &statement).await;
            done.map_err(while_doing(format!("copy table {} to {}", full_name(&one.of, &table.name), one.into)))?;
        }
        journal::write_copied(work, one, whole.len(), &table.name).await?;
        whole.push(table.name.clone());
    }
    // puts the copies on disk, and that they are whole
    stage(work, one, Stage::Moving).await?;
    for table in &copied {
        let dropped = patiently(work, &table.dropping(&one.of)).await;
        dropped.map_err(while_doing(format!("drop table {}, which is copied", full_name(&one.of, &table.name))))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_in_partitions_are_copied_and_all_others_renamed_by_one_statement() {
        let table = |name: &str, parts| Table { name: name.into(), parts, ..Table::default() };
        let parts = Parts { columns: "`id`".into(), has_history: false, next_number: Some(7) };
        let history = Parts { columns: "`id`, `ROW_START`".into(), has_history: true, next_number: None };
        let tables = [table("a", None), table("b", Some(parts)), table("c", None), table("d", Some(history))];
        let moving = moving(&tables, "old", "dated");
        assert_eq!(moving[0], "RENAME TABLE `old`.`a` TO `dated`.`a`, `old`.`c` TO `dated`.`c`");
        assert_eq!(moving[1], "CREATE TABLE `dated`.`b` LIKE `old`.`b`");
        assert!(moving[2].ends_with("INSERT INTO `dated`.`b` (`id`) SELECT `id` FROM `old`.`b`"), "{}", moving[2]);
        assert_eq!(moving[3], "ALTER TABLE `dated`.`b` AUTO_INCREMENT = 7");
        assert_eq!(moving[4], "DROP TABLE IF EXISTS `old`.`b`");
        assert!(moving[6].ends_with("FROM `old`.`d` FOR SYSTEM_TIME ALL"), "{}", moving[6]);
        assert_eq!(moving.len(), 8);
    }
}
