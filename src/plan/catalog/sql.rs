//! A plan as SQL: its statements, those that undo exactly them, and those that put whole tables back.

use super::{Merge, Step};
use crate::dialect::text::{fill, identifier, literal};
use crate::model::catalog::{Catalog, Endpoint, Region, Service};

const SESSION: &str = include_str!("../../../sql/common/plain-session.sql");
const NAMES: &str = include_str!("../../../sql/common/names-utf8.sql");
const LOOSE: &str = include_str!("../../../sql/common/catalog-loose.sql");
const BEGIN: &str = include_str!("../../../sql/common/catalog-begin.sql");
const COMMIT: &str = include_str!("../../../sql/common/catalog-end.sql");
const ADD_REGION: &str = include_str!("../../../sql/common/catalog-add-region.sql");
const ADD_SERVICE: &str = include_str!("../../../sql/common/catalog-add-service.sql");
const ADD_ENDPOINT: &str = include_str!("../../../sql/common/catalog-add-endpoint.sql");
const POINT: &str = include_str!("../../../sql/common/catalog-point-endpoint.sql");
const DROP_REGION: &str = include_str!("../../../sql/common/catalog-drop-region.sql");
const DROP_SERVICE: &str = include_str!("../../../sql/common/catalog-drop-service.sql");
const DROP_ENDPOINT: &str = include_str!("../../../sql/common/catalog-drop-endpoint.sql");
const EMPTY: &str = include_str!("../../../sql/common/catalog-empty.sql");

impl Merge {
    /// The statements of the plan for the schema `database`, in order.
    pub fn statements(&self, database: &str) -> Vec<String> {
        let one = |step: &Step| match step {
            Step::AddRegion(row) => add_region(database, row),
            Step::AddService(row) => add_service(database, row),
            Step::AddEndpoint { endpoint: row, .. } | Step::AddIdentity(row) => add_endpoint(database, row),
            Step::PointIdentity { endpoint, to } => point(database, &endpoint.id, &endpoint.url, to),
        };
        self.steps.iter().map(one).collect()
    }

    /// The statements that undo exactly [`Merge::statements`], in order.
    pub fn undo(&self, database: &str) -> Vec<String> {
        let one = |step: &Step| match step {
            Step::AddRegion(row) => statement(DROP_REGION, database, &[("id", literal(&row.id))]),
            Step::AddService(row) => statement(DROP_SERVICE, database, &[("id", literal(&row.id))]),
            Step::AddEndpoint { endpoint: row, .. } | Step::AddIdentity(row) => drop_endpoint(database, row),
            Step::PointIdentity { endpoint, to } => point(database, &endpoint.id, to, &endpoint.url),
        };
        self.steps.iter().rev().map(one).collect()
    }
}

/// The statements that make the three tables what `catalog` is, in order.
pub fn restore(database: &str, catalog: &Catalog) -> Vec<String> {
    let tables = ["endpoint", "service", "region"];
    let empty = tables.into_iter().map(|table| statement(EMPTY, database, &[("table", identifier(table))]));
    let regions = catalog.regions.iter().map(|row| add_region(database, row));
    let services = catalog.services.iter().map(|row| add_service(database, row));
    let endpoints = catalog.endpoints.iter().map(|row| add_endpoint(database, row));
    empty.chain(regions).chain(services).chain(endpoints).collect()
}

/// Statements as a script for a server's own client: comments, one transaction, all or nothing. With `loose` rows may
/// come in any order.
pub fn script(comments: &[String], statements: &[String], loose: bool) -> String {
    let mut text: String = comments.iter().map(|comment| format!("-- {}\n", super::tame(comment))).collect();
    let before = [SESSION, NAMES].into_iter().chain(loose.then_some(LOOSE)).chain([BEGIN]).map(|one| fill(one, &[]));
    for statement in before.chain(statements.iter().cloned()).chain([fill(COMMIT, &[])]) {
        text.push_str(&statement);
        text.push_str(";\n");
    }
    text
}

fn add_region(database: &str, row: &Region) -> String {
    let gaps = [
        ("id", literal(&row.id)),
        ("description", literal(&row.description)),
        ("parent", optional(&row.parent)),
        ("extra", optional(&row.extra)),
    ];
    statement(ADD_REGION, database, &gaps)
}

fn add_service(database: &str, row: &Service) -> String {
    let gaps = [
        ("id", literal(&row.id)),
        ("type", optional(&row.kind)),
        ("enabled", flag(row.enabled)),
        ("extra", optional(&row.extra)),
    ];
    statement(ADD_SERVICE, database, &gaps)
}

fn add_endpoint(database: &str, row: &Endpoint) -> String {
    let gaps = [
        ("id", literal(&row.id)),
        ("legacy", optional(&row.legacy_id)),
        ("interface", literal(&row.interface)),
        ("service", literal(&row.service_id)),
        ("url", literal(&row.url)),
        ("extra", optional(&row.extra)),
        ("enabled", flag(row.enabled)),
        ("region", optional(&row.region_id)),
    ];
    statement(ADD_ENDPOINT, database, &gaps)
}

fn drop_endpoint(database: &str, row: &Endpoint) -> String {
    let gaps = [
        ("id", literal(&row.id)),
        ("service", literal(&row.service_id)),
        ("region", optional(&row.region_id)),
        ("url", literal(&row.url)),
    ];
    statement(DROP_ENDPOINT, database, &gaps)
}

fn point(database: &str, id: &str, from: &str, to: &str) -> String {
    statement(POINT, database, &[("id", literal(id)), ("from", literal(from)), ("to", literal(to))])
}

fn statement(text: &str, database: &str, gaps: &[(&str, String)]) -> String {
    let database = identifier(database);
    let gaps = gaps.iter().map(|(name, text)| (*name, text.as_str())).chain([("database", database.as_str())]);
    fill(text, &gaps.collect::<Vec<_>>())
}

fn optional(text: &Option<String>) -> String {
    text.as_deref().map_or_else(|| "NULL".to_owned(), literal)
}

fn flag(on: bool) -> String {
    String::from(if on { "1" } else { "0" })
}
