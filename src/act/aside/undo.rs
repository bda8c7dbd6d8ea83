//! How a moved schema is moved back, as statements for the server's own client.

use super::journal::Kept;
use super::tables::{self, Table};
use super::{DEFINITION_SESSION, DROP_OBJECT, Left, MOVE_SCHEMA, NAMES_UTF8, USE_DATABASE, full_name};
use crate::dialect::text::{fill, identifier};
use crate::model::aside::{JOURNAL, Move};

const NO_BINLOG: &str = include_str!("../../../sql/common/write-no-binlog.sql");

/// Stands between statements whose own text holds semicolons.
const DELIMITER: &str = ";;";

/// The statements, one entry each, in their order. They need the place of the old schema to be free.
///
/// What the server refused to make again is tried last, as the client ends at the first statement that fails.
pub fn statements(
    one: &Move,
    (charset, collation): (&str, &str),
    tables: &[Table],
    (kept, left): (&[Kept], &[Left]),
) -> Vec<String> {
    let ended = |statement: String| format!("{statement};");
    let gaps = [("name", &*identifier(&one.of)), ("charset", charset), ("collation", collation)];
    let mut lines = vec![ended(fill(NAMES_UTF8, &[])), ended(fill(NO_BINLOG, &[])), ended(fill(MOVE_SCHEMA, &gaps))];
    for object in kept.iter().rev() {
        let name = full_name(&one.into, &object.name);
        lines.push(ended(fill(DROP_OBJECT, &[("kind", &object.kind), ("name", &name)])));
    }
    lines.extend(tables::moving(tables, &one.into, &one.of).into_iter().map(ended));
    if !kept.is_empty() {
        lines.push(ended(fill(USE_DATABASE, &[("name", &identifier(&one.of))])));
        lines.push(format!("DELIMITER {DELIMITER}"));
        let is_left = |object: &&Kept| left.iter().any(|one| one.kind == object.kind && one.name == object.name);
        let (refused, good): (Vec<&Kept>, Vec<&Kept>) = kept.iter().partition(is_left);
        for object in good.into_iter().chain(refused) {
            let session = object.session(&object.client);
            lines.push(format!("{}{DELIMITER}", fill(DEFINITION_SESSION, &session.gaps())));
            lines.push(format!("{}{DELIMITER}", String::from_utf8_lossy(&object.definition)));
        }
        lines.push("DELIMITER ;".to_owned());
    }
    lines.push(format!("-- {} holds nothing but {JOURNAL} now and can be dropped", identifier(&one.into)));
    lines
}
