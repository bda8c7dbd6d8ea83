//! A look at Keystone's catalogue: all three tables as they were at one moment, in a transaction that cannot write.

use super::hand::{Access, LOOK_LIMIT, NoHand};
use crate::dialect::catalog::{questions, read};
use crate::dialect::text::fill;
use crate::model::Reason;
use crate::model::catalog::Catalog;
use crate::wire::same::is_same_server;
use crate::wire::session::{Session, Trouble};

const LOOK: &str = include_str!("../../sql/common/catalog-look.sql");
const END: &str = include_str!("../../sql/common/snapshot-end.sql");
const SERVER: &str = include_str!("../../sql/common/catalog-server.sql");

/// A connection to the master: an administrator's if there is one, or else keyward's own. Where both can log in they must
/// lead to one server; rights on Keystone's tables are all that either needs.
///
/// # Errors
/// Why there is no connection, or that there are two servers.
pub async fn open(access: &Access) -> Result<Session, NoHand> {
    let own = Session::open(&access.own, &access.name, LOOK_LIMIT).await;
    let Some(admin) = &access.admin else { return own.map_err(NoHand::NotLetIn) };
    let mut work = Session::open(admin, &access.name, LOOK_LIMIT).await?;
    match own {
        Ok(mut own) => {
            if !is_same_server(&mut work, &mut own).await? {
                return Err(NoHand::TwoServers(access.name.clone()));
            }
            own.end().await;
        }
        // before set-up there is no such account; 1130 is what a server says that has none for this host
        Err(trouble) if matches!(trouble.failure.reason, Reason::Login | Reason::HostBlocked) => {}
        Err(trouble) => return Err(trouble.into()),
    }
    Ok(work)
}

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
