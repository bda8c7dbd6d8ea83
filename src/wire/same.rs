//! Whether two connections lead to one server.

use super::session::{Session, Trouble};
use crate::dialect::text::{fill, literal};

const TAKE_LOCK: &str = include_str!("../../sql/common/take-lock.sql");
const DROP_LOCK: &str = include_str!("../../sql/common/drop-lock.sql");
const LOCK_HOLDER: &str = include_str!("../../sql/common/lock-holder.sql");

/// Whether two sessions are on one server: a named lock taken on one is held on the other.
///
/// # Errors
/// What either server said.
pub async fn is_same_server(one: &mut Session, other: &mut Session) -> Result<bool, Trouble> {
    let name = literal(&format!("keyward.same.{:016x}", fastrand::u64(..)));
    let taken = one.line(fill(TAKE_LOCK, &[("name", &name)])).await?.number("taken");
    if taken != Some(1) {
        return Err(one.trouble("a named lock that nobody can hold could not be taken"));
    }
    let holder = other.line(fill(LOCK_HOLDER, &[("name", &name)])).await;
    one.run(fill(DROP_LOCK, &[("name", &name)])).await?;
    Ok(holder?.number("holder").is_some())
}
