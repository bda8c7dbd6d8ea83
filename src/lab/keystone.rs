//! A database like Keystone's: its tables, keys and foreign keys, filled with as many users as wanted.

use std::collections::BTreeMap;

use anyhow::Context;

use super::server::Server;
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;

/// How much to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Users, each with a login, a password and two assignments.
    pub users: u32,
    /// Projects; at least 1.
    pub projects: u32,
}

/// Makes the schema `schema` and fills it.
///
/// # Errors
/// What the server says.
pub async fn load(server: &Server, schema: &str, size: Size) -> anyhow::Result<()> {
    server.sql(&statements(server.kind().family(), schema, size)).await.context("load the keystone-like database")
}

/// The statements that make the schema `schema` and fill it.
pub fn statements(family: Family, schema: &str, size: Size) -> String {
    let schema = identifier(schema);
    let (users, projects) = (size.users.to_string(), size.projects.max(1).to_string());
    let tables = fill(include_str!("../../sql/lab/keystone.sql"), &[]);
    let numbers = |most: &str| match family {
        Family::MariaDb => format!("seq_1_to_{most}"),
        Family::MySql => fill(include_str!("../../sql/lab/numbers.sql"), &[("most", most)]),
    };
    let (all_users, all_projects) = (numbers(&users), numbers(&projects));
    let [two, three, five] = ["2", "3", "5"].map(numbers);
    let gaps = [("users", &users), ("projects", &projects), ("all_users", &all_users), ("all_projects", &all_projects)];
    let gaps = gaps.into_iter().chain([("two", &two), ("three", &three), ("five", &five)]);
    let gaps: Vec<(&str, &str)> = gaps.map(|(name, text)| (name, text.as_str())).collect();
    let rows = fill(include_str!("../../sql/lab/keystone_rows.sql"), &gaps);
    format!("CREATE DATABASE {schema} DEFAULT CHARACTER SET utf8mb3; USE {schema}; {tables}; {rows}")
}

/// What a table holds: its rows, counted, and the server's own checksum over them.
pub type Content = BTreeMap<String, (u64, String)>;

/// Every base table of a schema with what it holds.
///
/// # Errors
/// What the server says.
pub async fn content(server: &Server, schema: &str) -> anyhow::Result<Content> {
    let tables = fill(include_str!("../../sql/lab/tables.sql"), &[("schema", &literal(schema))]);
    let mut content = Content::new();
    for name in server.rows(&tables).await?.into_iter().flatten().flatten() {
        let table = format!("{}.{}", identifier(schema), identifier(&name));
        let gaps = [("table", table.as_str())];
        let count = server.value(&fill(include_str!("../../sql/lab/count.sql"), &gaps)).await?;
        let count = count.and_then(|count| count.parse().ok()).with_context(|| format!("count the rows of {table}"))?;
        let sum = server.rows(&fill(include_str!("../../sql/lab/checksum.sql"), &gaps)).await?;
        let sum = sum.into_iter().flatten().nth(1).flatten().with_context(|| format!("checksum {table}"))?;
        content.insert(name, (count, sum));
    }
    Ok(content)
}

/// Makes the account of a region's own Keystone: every right on the schema `keystone`, none on the server.
///
/// # Errors
/// What the server says.
pub async fn account(server: &Server, user: &str, password: &str) -> anyhow::Result<()> {
    let gaps = [("user", literal(user)), ("password", literal(password))];
    let gaps = [("user", gaps[0].1.as_str()), ("password", gaps[1].1.as_str())];
    server.sql(&fill(include_str!("../../sql/lab/accounts.sql"), &gaps)).await
}

/// What Keystone asks of its database when the user `name` signs in.
pub fn read(name: &str) -> String {
    fill(include_str!("../../sql/lab/read.sql"), &[("name", &literal(name))])
}

/// What Keystone writes when somebody gave a wrong password for the user `name`.
pub fn write(name: &str) -> String {
    fill(include_str!("../../sql/lab/write.sql"), &[("name", &literal(name))])
}

/// Adds the user `name` with a login, a password and an assignment.
pub fn sign_up(name: &str) -> String {
    fill(include_str!("../../sql/lab/sign_up.sql"), &[("name", &literal(name))])
}
