//! What an administrator runs by hand so that keyward's own account can do the rest: `setup --print-sql`.
//!
//! Passwords never stand here: the administrator puts them where the text says.

use super::wanted::{self, Wanted};
use crate::dialect::grants::Grant;
use crate::dialect::text::{fill, identifier, literal};
use crate::model::Family;

const CREATE_SCHEMA: &str = include_str!("../../sql/common/create-keyward-schema.sql");
const CREATE_TABLE: &str = include_str!("../../sql/common/create-beat-table.sql");
const CREATE_ACCOUNT: &str = include_str!("../../sql/common/create-account-by-hand.sql");
const GRANT: &str = include_str!("../../sql/common/grant.sql");
const REVOKE: &str = include_str!("../../sql/common/revoke.sql");
const UNLOGGED: &str = include_str!("../../sql/common/write-no-binlog.sql");

/// The statements for the master of this family.
pub fn for_master(family: Family, wanted: &Wanted) -> Vec<String> {
    let own = account(&wanted.own_user);
    let link = account(&wanted.link.user);
    let mut lines = vec!["-- On the master. Put the passwords of the settings where the text says so.".to_owned()];
    lines.push(statement(CREATE_SCHEMA, &[]));
    lines.push(statement(CREATE_TABLE, &[]));
    lines.push(create(&own, wanted.own_ssl_on_master, "account.password"));
    grants(&own, &wanted::master_rights(family, &wanted.databases), GRANT, &mut lines);
    lines.push(create(&link, wanted.link.ssl, "replication.password"));
    grants(&link, &wanted::link_rights(), GRANT, &mut lines);
    for_setup_only(&own, &wanted::master_setup_rights(family, &wanted.databases), &mut lines);
    lines
}

/// The statements for a replica of this family.
pub fn for_replica(family: Family, wanted: &Wanted) -> Vec<String> {
    let own = account(&wanted.own_user);
    let mut lines = vec![
        "-- On the replica. Put the password of the settings where the text says so.".to_owned(),
        "-- The first statement keeps the replica from making GTIDs of its own.".to_owned(),
    ];
    lines.push(statement(UNLOGGED, &[]));
    lines.push(create(&own, wanted.own_ssl_on_replica, "account.password"));
    grants(&own, &wanted::replica_rights(family, &wanted.databases), GRANT, &mut lines);
    for_setup_only(&own, &wanted::replica_setup_rights(family, &wanted.databases), &mut lines);
    let rights = wanted::replica_move_rights(family, &wanted.databases);
    lines.push("-- And for --replace-data, --reseed and auto_reseed, which move rows aside:".to_owned());
    let from = lines.len();
    grants(&own, &rights, GRANT, &mut lines);
    for line in &mut lines[from..] {
        line.insert_str(0, "-- ");
    }
    lines
}

fn for_setup_only(own: &str, rights: &[Grant], lines: &mut Vec<String>) {
    lines.push("-- Only while keyward sets the replica up by itself:".to_owned());
    grants(own, rights, GRANT, lines);
    lines.push("-- and when it is set up:".to_owned());
    let from = lines.len();
    grants(own, rights, REVOKE, lines);
    for line in &mut lines[from..] {
        line.insert_str(0, "-- ");
    }
}

fn grants(account: &str, rights: &[Grant], text: &str, lines: &mut Vec<String>) {
    lines.extend(rights.iter().map(|grant| {
        let gaps = [("rights", &*grant.rights_text()), ("scope", &*grant.scope_text()), ("account", account)];
        statement(text, &gaps)
    }));
}

fn create(account: &str, ssl: bool, key: &str) -> String {
    let password = literal(&format!("<put {key} here>"));
    let require = if ssl { " REQUIRE SSL" } else { "" };
    statement(CREATE_ACCOUNT, &[("account", account), ("password", &password), ("require", require)])
}

fn account(user: &str) -> String {
    format!("{}@{}", identifier(user), identifier("%"))
}

fn statement(text: &str, gaps: &[(&str, &str)]) -> String {
    format!("{};", fill(text, gaps))
}
