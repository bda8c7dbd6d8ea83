//! What keyward's account may read: without the right to read a schema a server does not refuse, but lists fewer tables,
//! and the rest would count as missing.

use super::{CompareError, while_doing};
use crate::dialect::grants::{Grant, missing, parse};
use crate::dialect::text::fill;
use crate::wire::session::Session;

const MY_GRANTS: &str = include_str!("../../sql/common/my-grants.sql");

/// Sees to it that a server shows all of these schemas, and tells in which of them it shows how views are made.
///
/// # Errors
/// Which right is missing; or what the server said.
pub async fn check(session: &mut Session, schemas: &[String]) -> Result<Vec<String>, CompareError> {
    let lines = session.lines(fill(MY_GRANTS, &[])).await.map_err(while_doing("read the account's rights"))?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let have: Vec<Grant> = lines
        .iter()
        .flat_map(|line| line.values().map(text).collect::<Vec<_>>())
        .filter_map(|line| parse(&line))
        .collect();
    let needed: Vec<Grant> = schemas.iter().map(|schema| Grant::schema(schema, &["SELECT"])).collect();
    let lacks: Vec<String> = missing(&have, &needed).iter().map(Grant::words).collect();
    if lacks.is_empty() {
        let shows = |schema: &&String| missing(&have, &[Grant::schema(schema, &["SHOW VIEW"])]).is_empty();
        return Ok(schemas.iter().filter(shows).cloned().collect());
    }
    Err(CompareError::Blind(format!(
        "{} does not let keyward's account read everything; it lacks {}: run what `keyward setup --print-sql` prints for it",
        session.who(),
        lacks.join("; ")
    )))
}
