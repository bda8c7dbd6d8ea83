//! Taking secondary indexes and foreign keys out of a table's statement, so that they are added when the rows are
//! there: sorting all keys at once is much less work than putting each in its place. Pure but for `add`.

use super::definitions::TableDefinition;
use super::{CopyError, while_doing};
use crate::dialect::text::{fill, identifier, outside_quotes};
use crate::wire::session::Session;

const ADD: &str = include_str!("../../sql/common/add-to-table.sql");

/// A table's statement in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// Makes the table with its primary key alone.
    pub create: Vec<u8>,
    /// The secondary indexes, as they stand in the statement.
    pub indexes: Vec<String>,
    /// The foreign keys, as they stand in the statement.
    pub foreign: Vec<String>,
}

/// Takes a table's statement apart: foreign keys always come last, as what they point at may come late itself; the
/// indexes too if `indexes_too` and nothing about them is out of the ordinary. `None` where there is nothing to take out.
pub fn split(create: &[u8], indexes_too: bool) -> Option<Deferred> {
    let text = std::str::from_utf8(create).ok()?;
    let lines = lines(text);
    let (head, rest) = lines.split_first()?;
    let end = rest.iter().position(|line| line.starts_with(')'))?;
    let (body, tail) = rest.split_at(end);
    if !head.ends_with(" (") {
        return None;
    }
    let body: Vec<&str> = body.iter().map(|line| line.strip_suffix(',').unwrap_or(line)).collect();
    let plain = indexes_too && is_plain(&body) && !tail.iter().any(|line| line.contains("PARTITION BY"));
    let (mut kept, mut indexes, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    for line in body {
        let item = line.trim_start();
        match kind(item) {
            Item::Index if plain => indexes.push(item.to_owned()),
            Item::Foreign => foreign.push(item.to_owned()),
            _ => kept.push(line),
        }
    }
    if indexes.is_empty() && foreign.is_empty() {
        return None;
    }
    let create = [(*head).to_owned(), kept.join(",\n"), tail.join("\n")].join("\n").into_bytes();
    Some(Deferred { create, indexes, foreign })
}

/// Whether all indexes are of a kind that can as well come later: a counter, if there is one, must be the first column
/// of an index at all times.
fn is_plain(body: &[&str]) -> bool {
    let (mut counted, mut primary) = (None, None);
    for line in body {
        let item = line.trim_start();
        match kind(item) {
            Item::Column if outside_quotes(item.as_bytes(), b" AUTO_INCREMENT").is_some() => counted = quoted(item),
            Item::Primary => primary = quoted(item),
            Item::Other => return false,
            _ => {}
        }
    }
    primary.is_some() && (counted.is_none() || counted == primary)
}

enum Item {
    Column,
    Primary,
    Check,
    Index,
    Foreign,
    /// An index of a kind that is better made with the table, or anything else.
    Other,
}

/// What a line is.
fn kind(item: &str) -> Item {
    if item.starts_with('`') {
        return Item::Column;
    }
    if item.starts_with("PRIMARY KEY (") {
        return Item::Primary;
    }
    if item.starts_with("UNIQUE KEY `") || item.starts_with("KEY `") {
        let plain = !item.contains(" USING HASH") && !item.contains("WITHOUT OVERLAPS");
        return if plain { Item::Index } else { Item::Other };
    }
    let constraint = item.strip_prefix("CONSTRAINT ").unwrap_or_default();
    let after = quoted(constraint).and_then(|name| constraint.get(name.len() + 2..)).unwrap_or_default();
    match () {
        () if after.starts_with(" FOREIGN KEY (") => Item::Foreign,
        () if after.starts_with(" CHECK (") => Item::Check,
        () => Item::Other,
    }
}

/// The first name in backticks as it stands there, without them.
fn quoted(item: &str) -> Option<&str> {
    let open = item.find('`')? + 1;
    let bytes = item.as_bytes();
    let mut at = open;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'`', Some(b'`')) => at += 2,
            (b'`', _) => return Some(&item[open..at]),
            _ => at += 1,
        }
    }
    None
}

/// The lines of a statement; a line break inside quotes ends none.
fn lines(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = outside_quotes(&text.as_bytes()[from..], b"\n") {
        found.push(&text[from..from + at]);
        from += at + 1;
    }
    found.push(&text[from..]);
    found
}

/// Adds the secondary indexes of a table, all in one pass over its rows.
///
/// # Errors
/// What the server said.
pub async fn add(target: &mut Session, schema: &str, table: &TableDefinition) -> Result<(), CopyError> {
    let indexes = table.deferred.as_ref().map_or(&[][..], |deferred| &deferred.indexes);
    alter(target, schema, table, indexes).await
}

/// Adds the foreign keys of a table; nothing is checked, as the rows come from one consistent snapshot.
///
/// # Errors
/// What the server said.
pub async fn add_foreign(target: &mut Session, schema: &str, table: &TableDefinition) -> Result<(), CopyError> {
    let foreign = table.deferred.as_ref().map_or(&[][..], |deferred| &deferred.foreign);
    alter(target, schema, table, foreign).await
}

async fn alter(target: &mut Session, schema: &str, table: &TableDefinition, items: &[String]) -> Result<(), CopyError> {
    if items.is_empty() {
        return Ok(());
    }
    let place = format!("{}.{}", identifier(schema), identifier(&table.name));
    let changes: Vec<String> = items.iter().map(|item| format!("ADD {item}")).collect();
    let made = target.run(fill(ADD, &[("table", &*place), ("changes", &*changes.join(", "))])).await;
    made.map_err(while_doing(format!("add the indexes of {schema}.{}", table.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE `a` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'it''s,\n  KEY `x` (`y`)',\n  \
        `b` varchar(9) DEFAULT 'c',\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `b``,` (`b`),\n  KEY `c` (`b`(3)),\n  \
        CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `p` (`q`),\n  CONSTRAINT `g` CHECK (`b` <> 'it\\'s')\n) ENGINE=InnoDB";

    #[test]
    fn indexes_and_foreign_keys_come_out_and_everything_else_stays() {
        let deferred = split(TABLE.as_bytes(), true).unwrap();
        assert_eq!(
            String::from_utf8(deferred.create).unwrap(),
            "CREATE TABLE `a` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'it''s,\n  KEY `x` (`y`)',\n  \
             `b` varchar(9) DEFAULT 'c',\n  PRIMARY KEY (`id`),\n  CONSTRAINT `g` CHECK (`b` <> 'it\\'s')\n) ENGINE=InnoDB"
        );
        assert_eq!(deferred.indexes, ["UNIQUE KEY `b``,` (`b`)", "KEY `c` (`b`(3))"]);
        assert_eq!(deferred.foreign, ["CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `p` (`q`)"]);
        // of a small table, and of one with anything out of the ordinary, only foreign keys come later
        for (from, to, too) in [
            ("", "", false),
            ("  PRIMARY KEY (`id`),\n", "", true),
            ("PRIMARY KEY (`id`)", "PRIMARY KEY (`b`,`id`)", true),
            ("KEY `c` (`b`(3))", "FULLTEXT KEY `c` (`b`)", true),
            ("UNIQUE KEY `b``,` (`b`)", "UNIQUE KEY `b` (`b`) USING HASH", true),
            (" ENGINE=InnoDB", " ENGINE=InnoDB\n PARTITION BY HASH (`id`)", true),
        ] {
            assert!(TABLE.contains(from));
            let deferred = split(TABLE.replacen(from, to, 1).as_bytes(), too).unwrap();
            assert_eq!((deferred.indexes.len(), deferred.foreign.len()), (0, 1), "{to}");
        }
        assert_eq!(split(b"CREATE TABLE `a` (\n  `b` int(11),\n  KEY `c` (`b`)\n)", true), None);
    }
}
