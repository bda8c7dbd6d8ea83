//! A look at Keystone's catalogue: all three tables as they were at one moment, in a transaction that cannot write.

use crate::dialect::catalog::{questions, read};
use crate::dialect::text::fill;
use crate::model::catalog::Catalog;
use crate::wire::session::{Session, Trouble};

const LOOK: &str = include_str!("../../sql/common/catalog-look.sql");
const END: &str = include_str!("../../sql/common/snapshot-end.sql");
const SERVER: &str = include_str!("../../sql/common/catalog-server.sql");

/// The catalogue in the schema `database`.
///
/// # Errors
/// What the server said, or that the tables are not a catalogue's.
pub async fn look(session: &mut Session, database: &str) -> Result<Catalog, Trouble> {
    session.run(fill(LOOK, &[])).await?;
    let tables = session.tables(&questions(database, false)).await;
    session.run(fill(END, &[])).await?;
    read(&tables?).map_err(|why| session.trouble(&why))
}

/// Whether the server is read-only, as replicas are.
///
/// # Errors
/// What the server said.
pub async fn is_read_only(session: &mut Session) -> Result<bool, Trouble> {
    let read_only = session.line(fill(SERVER, &[])).await?.number("server_read_only");
    read_only.map(|read_only| read_only != 0).ok_or_else(|| session.trouble("it does not say whether it is read-only"))
}
