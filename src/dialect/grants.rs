//! Grants as values: what `SHOW GRANTS` says, what a list of rights still misses, and the text of a `GRANT`.
//!
//! Roles, column rights and the grant option are left out: keyward asks for none of them.

use std::collections::BTreeSet;

use super::text::{identifier, outside_quotes, wildcard_escape};

/// What a right applies to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `*.*`
    Everything,
    /// Every schema whose name the pattern matches; in a wanted grant the pattern is one schema's escaped name.
    Schemas(String),
    /// One table.
    Table(String, String),
}

/// Rights on one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What they apply to.
    pub scope: Scope,
    /// The rights in the words of MariaDB 10.11's `SHOW GRANTS`, in capitals.
    pub rights: BTreeSet<String>,
}

impl Grant {
    /// Rights on the whole server.
    pub fn global(rights: &[&str]) -> Self {
        Self { scope: Scope::Everything, rights: set(rights) }
    }

    /// Rights on the one schema called `name`.
    pub fn schema(name: &str, rights: &[&str]) -> Self {
        Self { scope: Scope::Schemas(wildcard_escape(name)), rights: set(rights) }
    }

    /// Rights on every schema whose name begins like this.
    pub fn schemas_like(prefix: &str, rights: &[&str]) -> Self {
        Self { scope: Scope::Schemas(format!("{}%", wildcard_escape(prefix))), rights: set(rights) }
    }

    /// Rights on one table.
    pub fn table(schema: &str, table: &str, rights: &[&str]) -> Self {
        Self { scope: Scope::Table(schema.to_owned(), table.to_owned()), rights: set(rights) }
    }

    /// The rights, as they stand in a `GRANT`.
    pub fn rights_text(&self) -> String {
        self.rights.iter().cloned().collect::<Vec<_>>().join(", ")
    }

    /// The scope, as it stands in a `GRANT`.
    pub fn scope_text(&self) -> String {
        match &self.scope {
            Scope::Everything => "*.*".to_owned(),
            Scope::Schemas(pattern) => format!("{}.*", identifier(pattern)),
            Scope::Table(schema, table) => format!("{}.{}", identifier(schema), identifier(table)),
        }
    }

    /// The grant for people: `SELECT, INSERT on keyward.*`.
    pub fn words(&self) -> String {
        format!("{} on {}", self.rights_text(), self.scope_text().replace(['`', '\\'], ""))
    }
}

fn set(rights: &[&str]) -> BTreeSet<String> {
    rights.iter().map(|right| (*right).to_owned()).collect()
}

/// Reads one line of `SHOW GRANTS`; `None` for lines that grant no right keyward could use.
pub fn parse(line: &str) -> Option<Grant> {
    let rest = line.strip_prefix("GRANT ")?;
    // a role's line has no ON; column rights hold names, so that ON must be looked for outside quotes
    let on = outside_quotes(rest.as_bytes(), b" ON ")?;
    let to = on + 4 + outside_quotes(&rest.as_bytes()[on + 4..], b" TO ")?;
    let rights: BTreeSet<String> = split_outside(&rest[..on])
        .into_iter()
        .filter(|right| !right.contains('('))
        .map(|right| right.trim().to_uppercase())
        .filter(|right| right != "USAGE" && right != "PROXY")
        .collect();
    if rights.is_empty() {
        return None;
    }
    Some(Grant { scope: parse_scope(rest[on + 4..to].trim())?, rights })
}

fn parse_scope(text: &str) -> Option<Scope> {
    if text == "*.*" {
        return Some(Scope::Everything);
    }
    if text.starts_with("PROCEDURE ") || text.starts_with("FUNCTION ") || text.starts_with("PACKAGE ") {
        return None;
    }
    let dot = outside_quotes(text.as_bytes(), b".")?;
    let schema = unquote(&text[..dot]);
    Some(match &text[dot + 1..] {
        "*" => Scope::Schemas(schema),
        table => Scope::Table(schema, unquote(table)),
    })
}

fn unquote(name: &str) -> String {
    match name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(inner) => inner.replace("``", "`"),
        None => name.to_owned(),
    }
}

fn split_outside(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// What of `wanted` the account with the grants `have` may not do.
pub fn missing(have: &[Grant], wanted: &[Grant]) -> Vec<Grant> {
    wanted
        .iter()
        .filter_map(|want| {
            let rights: BTreeSet<String> = want
                .rights
                .iter()
                .filter(|right| !have.iter().any(|grant| gives(grant, right, want)))
                .cloned()
                .collect();
            (!rights.is_empty()).then(|| Grant { scope: want.scope.clone(), rights })
        })
        .collect()
}

fn gives(grant: &Grant, right: &str, want: &Grant) -> bool {
    let named = grant.rights.contains(right) || grant.rights.contains("ALL PRIVILEGES");
    named
        && match (&grant.scope, &want.scope) {
            (Scope::Everything, _) => true,
            (Scope::Schemas(pattern), Scope::Schemas(escaped)) => like(pattern, &plain(escaped)),
            (Scope::Schemas(pattern), Scope::Table(schema, _)) => like(pattern, schema),
            (have, want) => have == want,
        }
}

fn plain(escaped: &str) -> String {
    let mut chars = escaped.chars();
    let mut name = String::with_capacity(escaped.len());
    while let Some(c) = chars.next() {
        name.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    name
}

/// SQL's LIKE with `_`, `%` and backslash, for schema names of at most 64 characters.
fn like(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = pattern_chars.as_str();
            name.char_indices().any(|(at, _)| like(rest, &name[at..])) || like(rest, "")
        }
        Some(c) => {
            let mut name_chars = name.chars();
            let Some(first) = name_chars.next() else { return false };
            let fits = match c {
                '_' => true,
                '\\' => pattern_chars.next() == Some(first),
                other => other == first,
            };
            fits && like(pattern_chars.as_str(), name_chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_lines_are_read() {
        let line =
            "GRANT PROCESS, SHOW DATABASES, SET USER, READ_ONLY ADMIN ON *.* TO `kw`@`%` IDENTIFIED BY PASSWORD '*B6'";
        assert_eq!(parse(line), Some(Grant::global(&["PROCESS", "SHOW DATABASES", "SET USER", "READ_ONLY ADMIN"])));
        let line = r"GRANT SELECT, INSERT ON `key\_stone`.* TO `kw`@`%`";
        assert_eq!(parse(line), Some(Grant::schema("key_stone", &["SELECT", "INSERT"])));
        let line = "GRANT SELECT (`host`, `on ON x`), INSERT ON `mysql`.`proc` TO `kw`@`%` WITH GRANT OPTION";
        assert_eq!(parse(line), Some(Grant::table("mysql", "proc", &["INSERT"])));
        for line in ["GRANT USAGE ON *.* TO `kw`@`%`", "GRANT `role` TO `kw`@`%`", "SET DEFAULT ROLE NONE"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn only_what_is_really_missing_is_asked_for() {
        let wanted = [Grant::schema("key_stone", &["SELECT", "DROP"]), Grant::table("mysql", "proc", &["SELECT"])];
        let have = |lines: &[&str]| lines.iter().filter_map(|line| parse(line)).collect::<Vec<_>>();
        assert_eq!(missing(&have(&["GRANT ALL PRIVILEGES ON *.* TO `a`@`b`"]), &wanted), []);
        assert_eq!(missing(&have(&["GRANT SELECT, DROP ON `key%`.* TO `a`@`b`"]), &wanted), wanted[1..]);
        let other = have(&["GRANT SELECT, DROP ON `keyXstone`.* TO `a`@`b`", "GRANT SELECT ON `mysql`.* TO `a`@`b`"]);
        assert_eq!(missing(&other, &wanted), wanted[..1]);
    }
}
