//! What Keystone's rows on one server say; every question is limited, and one that fails takes no other with it.

use std::collections::BTreeSet;

use crate::dialect::text::{fill, identifier, literal};
use crate::doctor::facts::{Asked, Catalog, Endpoint, Failed, Keystone, ServiceUser};
use crate::wire::session::{Line, Session};

const SCHEMA: &str = include_str!("../../sql/common/doctor-schema.sql");
const REVISION: &str = include_str!("../../sql/common/doctor-revision.sql");
const FAILED: &str = include_str!("../../sql/common/doctor-failed.sql");
const SERVICE_USERS: &str = include_str!("../../sql/common/doctor-service-users.sql");
const NEWEST_LOGIN: &str = include_str!("../../sql/common/doctor-newest-login.sql");
const TOKENS: &str = include_str!("../../sql/common/doctor-tokens.sql");
const TRUSTS: &str = include_str!("../../sql/common/doctor-trusts.sql");
const MAPPINGS: &str = include_str!("../../sql/common/doctor-mappings.sql");
const LDAP: &str = include_str!("../../sql/common/doctor-ldap.sql");
const REGIONS: &str = include_str!("../../sql/common/doctor-regions.sql");
const SERVICES: &str = include_str!("../../sql/common/doctor-services.sql");
const ENDPOINTS: &str = include_str!("../../sql/common/doctor-endpoints.sql");

/// What a server says when a table is not there.
const NO_SUCH_TABLE: u16 = 1146;

/// Reads Keystone's rows from the one of `databases` that holds them. `users`: names that services log in with, known
/// from their files.
///
/// # Errors
/// There is none, or the server does not answer.
pub async fn read(work: &mut Session, databases: &[String], users: &BTreeSet<String>) -> Asked<Keystone> {
    let schemas = databases.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    let found = work.lines(fill(SCHEMA, &[("schemas", &schemas)])).await.map_err(|trouble| trouble.to_string())?;
    let Some(database) = found.first().map(|line| line.text("name")) else {
        let names = databases.join(", ");
        return Err(format!(
            "the {}: no tables of Keystone are seen in {names}; is it another database, or does keyward's account lack \
             SELECT there?",
            work.who()
        ));
    };
    let names = users.iter().map(|name| literal(name)).chain([literal("")]).collect::<Vec<_>>().join(", ");
    let mut rows = Rows { work, schema: identifier(&database), names };
    Ok(Keystone {
        revisions: rows.each(REVISION, |line| line.text("revision")).await,
        failed: rows.each(FAILED, failed).await,
        service_users: rows.each(SERVICE_USERS, service_user).await,
        newest_login: rows.one(NEWEST_LOGIN, |line| Some(line.text("newest")).filter(|day| !day.is_empty())).await,
        tokens: rows.one(TOKENS, |line| (number(line, "tokens"), number(line, "valid"))).await,
        limited_trusts: rows.one(TRUSTS, |line| number(line, "trusts")).await,
        group_mappings: group_mappings(&mut rows).await,
        ldap_domains: rows.each(LDAP, |line| line.text("name")).await,
        catalog: catalog(&mut rows).await,
    })
}

/// Keystone's schema on one server.
struct Rows<'a> {
    work: &'a mut Session,
    schema: String,
    names: String,
}

impl Rows<'_> {
    /// Every line of an answer; none where an old or new release has no such table.
    async fn each<T>(&mut self, statement: &str, read: impl Fn(&Line) -> T) -> Asked<Vec<T>> {
        let sql = fill(statement, &[("schema", &self.schema), ("names", &self.names)]);
        match self.work.lines(sql).await {
            Ok(lines) => Ok(lines.iter().map(read).collect()),
            Err(trouble) if trouble.code == Some(NO_SUCH_TABLE) => Ok(Vec::new()),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    /// The one line of an answer.
    async fn one<T>(&mut self, statement: &str, read: impl Fn(&Line) -> T) -> Asked<T> {
        let found = self.each(statement, &read).await?.into_iter().next();
        Ok(found.unwrap_or_else(|| read(&Line::default())))
    }
}

fn number(line: &Line, column: &str) -> u64 {
    line.number(column).unwrap_or(0)
}

fn failed(line: &Line) -> Failed {
    Failed { name: line.text("name"), service: number(line, "service") == 1, count: number(line, "failed") }
}

fn service_user(line: &Line) -> ServiceUser {
    let day = line.text("last_login");
    ServiceUser { name: line.text("name"), last_login: Some(day).filter(|day| !day.is_empty()) }
}

async fn group_mappings(rows: &mut Rows<'_>) -> Asked<Vec<String>> {
    let mappings = rows.each(MAPPINGS, |line| (line.text("name"), line.text("rules"))).await?;
    Ok(mappings.into_iter().filter(|(_, rules)| names_groups(rules)).map(|(name, _)| name).collect())
}

/// Whether the rules of a mapping put users into groups: `local` of one of them has `group`, `groups` or `group_ids`.
fn names_groups(rules: &str) -> bool {
    let rules: serde_json::Value = serde_json::from_str(rules).unwrap_or_default();
    // older schemas hold the list itself, newer ones an object around it
    let list = rules.get("rules").unwrap_or(&rules);
    let locals = list.as_array().into_iter().flatten().filter_map(|rule| rule.get("local")?.as_array()).flatten();
    locals.into_iter().any(|local| ["group", "groups", "group_ids"].iter().any(|key| local.get(key).is_some()))
}

async fn catalog(rows: &mut Rows<'_>) -> Asked<Catalog> {
    Ok(Catalog {
        regions: rows.each(REGIONS, |line| line.text("region")).await?,
        services: rows.each(SERVICES, |line| (line.text("id"), line.text("type"))).await?.into_iter().collect(),
        endpoints: rows
            .each(ENDPOINTS, |line| Endpoint {
                id: line.text("id"),
                interface: line.text("interface"),
                service: line.text("service"),
                region: line.bytes("region").map(|_| line.text("region")),
                url: line.text("url"),
                enabled: number(line, "enabled") == 1,
            })
            .await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_into_groups_are_told_from_others() {
        let of = |local: &str| format!(r#"[{{"local": [{local}], "remote": [{{"type": "REMOTE_USER"}}]}}]"#);
        assert!(names_groups(&of(r#"{"user": {"name": "{0}"}}, {"group": {"id": "x"}}"#)));
        assert!(names_groups(&of(r#"{"groups": "{1}", "domain": {"id": "x"}}"#)));
        assert!(!names_groups(&of(r#"{"user": {"name": "group"}, "projects": [{"name": "p"}]}"#)));
        assert!(!names_groups("no JSON"));
    }
}
