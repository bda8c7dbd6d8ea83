//! Changing Keystone's catalogue: a backup in files first, then one transaction that is ended only when the tables hold
//! exactly what was foretold.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::dialect::catalog::{questions, read};
use crate::dialect::text::fill;
use crate::model::catalog::Catalog;
use crate::wire::session::{Session, Trouble};

const PATIENCE: &str = include_str!("../../sql/common/catalog-patience.sql");
const ISOLATION: &str = include_str!("../../sql/common/catalog-isolation.sql");
const BEGIN: &str = include_str!("../../sql/common/catalog-begin.sql");
const COMMIT: &str = include_str!("../../sql/common/catalog-end.sql");
const ROLLBACK: &str = include_str!("../../sql/common/snapshot-end.sql");

/// How long rows are waited for that somebody else is changing, in seconds.
const LOCK_SECONDS: &str = "10";

/// Why a catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The tables are not what the plan was made from.
    #[error("{0}: the catalogue was changed since the plan was made; nothing was written: run it again")]
    Moved(String),
    /// The statements led to something else.
    #[error(
        "{0}: the statements did not lead to the catalogue that was planned (a trigger, or another schema than \
         Keystone's); they were taken back"
    )]
    Otherwise(String),
    /// What a server said; nothing was written.
    #[error("{0}; nothing was written")]
    Trouble(Trouble),
    /// Nobody knows whether it was written.
    #[error("{0}; whether the change was made is not known: run it again, and it finds nothing to do or does it")]
    Unknown(Trouble),
}

/// A catalogue whose rows nobody else can change until this is ended, or dropped.
#[derive(Debug)]
pub struct Held<'a> {
    session: &'a mut Session,
    database: String,
}

impl<'a> Held<'a> {
    /// Opens the transaction and holds all three tables, if they are still `before`.
    ///
    /// # Errors
    /// They are not, or the server does not let us.
    pub async fn open(session: &'a mut Session, database: &str, before: &Catalog) -> Result<Self, NotChanged> {
        session.run(fill(PATIENCE, &[("seconds", LOCK_SECONDS)])).await.map_err(NotChanged::Trouble)?;
        session.run(fill(ISOLATION, &[])).await.map_err(NotChanged::Trouble)?;
        session.run(fill(BEGIN, &[])).await.map_err(NotChanged::Trouble)?;
        let mut held = Self { session, database: database.to_owned() };
        if held.now().await? == *before {
            return Ok(held);
        }
        let who = held.session.who().to_owned();
        held.give_up().await;
        Err(NotChanged::Moved(who))
    }

    /// Runs the statements, sees that the tables hold `after`, and makes it last.
    ///
    /// # Errors
    /// Why nothing was written, or that the answer to the last statement is missing.
    pub async fn change(mut self, statements: &[String], after: &Catalog) -> Result<(), NotChanged> {
        for statement in statements {
            if let Err(trouble) = self.session.run(statement).await {
                self.give_up().await;
                return Err(NotChanged::Trouble(trouble));
            }
        }
        if self.now().await? != *after {
            let who = self.session.who().to_owned();
            self.give_up().await;
            return Err(NotChanged::Otherwise(who));
        }
        self.session.run(fill(COMMIT, &[])).await.map_err(|trouble| match trouble.code {
            Some(_) => NotChanged::Trouble(trouble),
            None => NotChanged::Unknown(trouble),
        })
    }

    /// Lets the rows go; nothing was written.
    pub async fn give_up(self) {
        if self.session.run(fill(ROLLBACK, &[])).await.is_err() {
            // the server ends the transaction with the connection
            self.session.close();
        }
    }

    async fn now(&mut self) -> Result<Catalog, NotChanged> {
        let read = match self.session.tables(&questions(&self.database, true)).await {
            Ok(tables) => read(&tables).map_err(|why| self.session.trouble(&why)),
            Err(trouble) => Err(trouble),
        };
        if read.is_err() {
            self.session.close();
        }
        read.map_err(NotChanged::Trouble)
    }
}

/// Writes one file of a backup, readable by its owner alone, and flushes it to disk.
///
/// # Errors
/// The file and why it was not written; one that is there already is never written over.
pub fn keep(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    let written = (|| -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    })();
    match written {
        Ok(()) => Ok(path),
        Err(error) => Err(format!("the backup {} could not be written: {error}; nothing was changed", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_backup_is_its_owners_alone_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let path = keep(&inner, "x.sql", "one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
        let again = keep(&inner, "x.sql", "two").unwrap_err();
        assert!(again.contains("x.sql") && again.contains("nothing was changed"), "{again}");
        assert_eq!(fs::read_to_string(path).unwrap(), "one");
    }
}
