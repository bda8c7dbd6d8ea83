//! Keystone's catalogue in SQL: the questions that read its three tables, and the rows that the answers are.

use super::answer::{self, Record, Table};
use super::text::{fill, identifier};
use crate::model::catalog::{Catalog, Endpoint, Region, Service};

const REGIONS: &str = include_str!("../../sql/common/catalog-regions.sql");
const SERVICES: &str = include_str!("../../sql/common/catalog-services.sql");
const ENDPOINTS: &str = include_str!("../../sql/common/catalog-endpoints.sql");
const LOCK: &str = include_str!("../../sql/common/catalog-lock.sql");

/// No cloud has a table of the catalogue with more rows.
const MOST_ROWS: usize = 20_000;

/// The statements that read all three tables of the schema `database`; with `lock` nobody changes, adds or removes a
/// row until the transaction ends.
pub fn questions(database: &str, lock: bool) -> String {
    let lock = if lock { fill(LOCK, &[]) } else { String::new() };
    let most = (MOST_ROWS + 1).to_string();
    let gaps = [("database", identifier(database)), ("lock", lock), ("most", most)];
    let gaps = gaps.each_ref().map(|(name, text)| (*name, text.as_str()));
    [REGIONS, SERVICES, ENDPOINTS].map(|question| fill(question, &gaps)).join(";\n")
}

/// The answers to [`questions`].
///
/// # Errors
/// A sentence: a column is missing or holds something else, or a table has too many rows.
pub fn read(tables: &[Table]) -> Result<Catalog, String> {
    let mut catalog = Catalog {
        regions: rows(tables, "region", region)?,
        services: rows(tables, "service", service)?,
        endpoints: rows(tables, "endpoint", endpoint)?,
    };
    // servers put ids in order by a collation
    catalog.sort();
    Ok(catalog)
}

fn rows<T>(tables: &[Table], name: &str, one: impl Fn(&Record<'_>) -> Result<T, String>) -> Result<Vec<T>, String> {
    let table = answer::table(tables, name).ok_or_else(|| format!("the server did not answer for the table {name}"))?;
    if table.rows.len() > MOST_ROWS {
        return Err(format!("the table {name} has more than {MOST_ROWS} rows: that is no catalogue"));
    }
    table.records().map(|record| one(&record)).collect()
}

fn region(row: &Record<'_>) -> Result<Region, String> {
    Ok(Region {
        id: row.string("region")?,
        description: row.string("description")?,
        parent: optional(row, "parent_region_id")?,
        extra: optional(row, "extra")?,
    })
}

fn service(row: &Record<'_>) -> Result<Service, String> {
    Ok(Service {
        id: row.string("service")?,
        kind: optional(row, "type")?,
        enabled: row.need::<u8>("enabled")? != 0,
        extra: optional(row, "extra")?,
    })
}

fn endpoint(row: &Record<'_>) -> Result<Endpoint, String> {
    Ok(Endpoint {
        id: row.string("endpoint")?,
        legacy_id: optional(row, "legacy_endpoint_id")?,
        interface: row.string("interface")?,
        service_id: row.string("service_id")?,
        url: row.string("url")?,
        extra: optional(row, "extra")?,
        enabled: row.need::<u8>("enabled")? != 0,
        region_id: optional(row, "region_id")?,
    })
}

fn optional(row: &Record<'_>, column: &str) -> Result<Option<String>, String> {
    Ok(row.text(column)?.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_questions_name_the_schema_and_lock_only_when_told() {
        let plain = questions("key`stone", false);
        assert_eq!(plain.matches("`key``stone`.").count(), 3, "{plain}");
        assert!(!plain.contains("FOR UPDATE"), "{plain}");
        assert_eq!(questions("keystone", true).matches("LIMIT 20001 FOR UPDATE").count(), 3);
    }

    #[test]
    fn a_table_that_is_missing_is_an_error_and_one_without_rows_is_not() {
        let table = |columns: &[&str]| Table {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        };
        let tables = [table(&["region"]), table(&["service"]), table(&["endpoint"])];
        assert_eq!(read(&tables).unwrap(), Catalog::default());
        assert!(read(&tables[..2]).unwrap_err().contains("endpoint"));
    }
}
