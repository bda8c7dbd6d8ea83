//! One connection with a name and a limit: statements in, lines of text out, errors as one sentence.
//!
//! After any time-out or broken connection the session is closed for good; it is never asked again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row, Value};

use super::connect::{self, Target};
use super::server::ask;
use super::server::discard;
use crate::dialect::answer::Table;
use crate::dialect::looks::{self, NamedLink};
use crate::dialect::privilege;
use crate::dialect::text::fill;
use crate::dialect::version::detect;
use crate::model::{Failure, Family, Reason};

const PLAIN_SESSION: &str = include_str!("../../sql/common/plain-session.sql");
const VERSION: &str = include_str!("../../sql/common/version.sql");

/// How much of a refused statement is read to tell what it wanted.
const MOST_OF_A_STATEMENT: usize = 1_024;
/// A result is never longer than this; what set-up asks for never comes near it.
const MOST_LINES: usize = 100_000;

/// A statement that failed, and where.
#[derive(Debug)]
pub struct Trouble {
    /// How sentences call the server.
    pub who: String,
    /// What it was.
    pub failure: Failure,
    /// The server's own number, when it answered.
    pub code: Option<u16>,
}

impl std::error::Error for Trouble {}

impl fmt::Display for Trouble {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, failure, .. } = self;
        match self.is_full_disk() {
            true => write!(text, "{who} has no room left on its disk ({}): make room there", failure.detail),
            false => write!(text, "{who}: {failure}"),
        }
    }
}

impl Trouble {
    /// Whether the server says that a disk, a quota, a table space or a temporary file cannot grow.
    fn is_full_disk(&self) -> bool {
        let Some(code) = self.code else { return false };
        // the system's own number, and the one by which a storage engine says the same
        let says = ["rrcode: 28", "rrno: 28", "rror: 28", "rrno: 135"];
        matches!(code, 1021 | 1114 | 3675) || says.iter().any(|number| self.failure.detail.contains(number))
    }

    /// What a driver's error means.
    pub fn new(who: &str, error: &mysql_async::Error) -> Self {
        let code = match error {
            mysql_async::Error::Server(server) => Some(server.code),
            _ => None,
        };
        Self { who: who.to_owned(), failure: connect::meaning(error), code }
    }

    /// Adds which right the statement lacked, where the server does not name it.
    fn with_right(mut self, family: Family, statement: &[u8]) -> Self {
        let start = String::from_utf8_lossy(&statement[..statement.len().min(MOST_OF_A_STATEMENT)]);
        let detail = &self.failure.detail;
        if let Some(right) = self.code.and_then(|code| privilege::unnamed(family, code, detail, &start)) {
            self.failure.detail = format!("{detail}; keyward's account lacks {right}");
            self.failure.reason = Reason::Privilege;
        }
        self
    }

    /// The server took no more rows before it was told that there are no more.
    pub fn ended_early(who: &str) -> Self {
        let failure = Failure { reason: Reason::Unexpected, detail: "it took no more rows".to_owned() };
        Self { who: who.to_owned(), failure, code: None }
    }

    /// The server did not answer within `limit`.
    pub fn timed_out(who: &str, limit: Duration) -> Self {
        let detail = format!("no answer within {}", crate::model::time::friendly(limit));
        let failure = Failure { reason: Reason::TimedOut, detail };
        Self { who: who.to_owned(), failure, code: None }
    }
}

/// One line of a result: values by column name in lower case.
#[derive(Clone, Debug, Default)]
pub struct Line(BTreeMap<String, Option<Vec<u8>>>);

impl Line {
    /// A column's bytes; absent for NULL and for a column that is not there.
    pub fn bytes(&self, column: &str) -> Option<&[u8]> {
        self.0.get(column)?.as_deref()
    }

    /// A column as text; empty for NULL and for a column that is not there.
    pub fn text(&self, column: &str) -> String {
        self.bytes(column).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// A column as a number; `None` when it is none.
    pub fn number(&self, column: &str) -> Option<u64> {
        self.text(column).parse().ok()
    }

    /// The columns' values in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.0.values().filter_map(Option::as_deref)
    }
}

/// A connection.
#[derive(Debug)]
pub struct Session {
    conn: Option<Conn>,
    who: String,
    limit: Duration,
    family: Family,
}

impl Session {
    /// Connects; `limit` is how long each statement may take.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open(target: &Target, who: &str, limit: Duration) -> Result<Self, Trouble> {
        let trouble = |failure| Trouble { who: who.to_owned(), failure, code: None };
        let conn = connect::connect(target, &[fill(PLAIN_SESSION, &[])]).await.map_err(trouble)?;
        let mut session = Self { conn: Some(conn), who: who.to_owned(), limit, family: Family::default() };
        let told = session.line(fill(VERSION, &[])).await?;
        session.family = detect(&told.text("version"), &told.text("version_comment")).family;
        Ok(session)
    }

    /// Whose words the server understands.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How sentences call the server.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Changes how long each statement may take.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// The connection's id at the server; 0 when it is closed.
    pub fn id(&self) -> u64 {
        self.conn.as_ref().map_or(0, |conn| conn.id().into())
    }

    /// Runs a statement and drops its result.
    ///
    /// # Errors
    /// What the server said, or that it did not answer in time.
    pub async fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<(), Trouble> {
        let sql = sql.as_ref();
        let done = self.attempt(async |conn| conn.query_drop(sql).await).await;
        done.map_err(|trouble| trouble.with_right(self.family, sql))
    }

    /// Runs a statement and tells how many warnings it gave.
    ///
    /// # Errors
    /// What the server said, or that it did not answer in time.
    pub async fn run_counting_warnings(&mut self, sql: &[u8]) -> Result<u16, Trouble> {
        self.attempt(async |conn| {
            conn.query_drop(sql).await?;
            Ok(conn.get_warnings())
        })
        .await
        .map_err(|trouble| trouble.with_right(self.family, sql))
    }

    /// Runs a statement and hands out its lines.
    ///
    /// # Errors
    /// What the server said, that it did not answer in time, or that the result has no end.
    pub async fn lines(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Line>, Trouble> {
        let sql = sql.as_ref();
        let lines = self
            .attempt(async |conn| {
                let mut result = conn.query_iter(sql).await?;
                let mut lines = Vec::new();
                while let Some(row) = result.next().await? {
                    if lines.len() < MOST_LINES {
                        lines.push(line(row));
                    }
                }
                Ok(lines)
            })
            .await?;
        if lines.len() == MOST_LINES {
            return Err(self.trouble("the answer has too many lines"));
        }
        Ok(lines)
    }

    /// Runs a statement and hands out the first line; an empty one when there is none.
    ///
    /// # Errors
    /// As `lines`.
    pub async fn line(&mut self, sql: impl AsRef<[u8]>) -> Result<Line, Trouble> {
        Ok(self.lines(sql).await?.into_iter().next().unwrap_or_default())
    }

    /// Every replication connection of the server; see `looks::links`.
    ///
    /// # Errors
    /// What the server said, or that its answer lacks something.
    pub async fn links(&mut self) -> Result<Vec<NamedLink>, Trouble> {
        let statements = looks::link_statements(self.family).join(";\n");
        let tables = self.tables(&statements).await?;
        looks::links(self.family, &tables).map_err(|why| self.trouble(&why))
    }

    /// Runs statements in one round trip and hands out their results as text.
    ///
    /// # Errors
    /// What the server said, or that it did not answer in time.
    pub async fn tables(&mut self, statements: &str) -> Result<Vec<Table>, Trouble> {
        self.attempt(async |conn| ask(conn, statements).await).await
    }

    /// Lends the connection out, for a result that is read row by row. The borrower limits every wait, and calls
    /// `close` when it did not read to the end.
    ///
    /// # Errors
    /// The session was closed.
    pub fn lend(&mut self) -> Result<&mut Conn, Trouble> {
        let closed = self.trouble("the connection was closed");
        self.conn.as_mut().ok_or(closed)
    }

    /// Closes the connection beside everything else, whatever state it is in: its socket is gone within a moment.
    pub fn close(&mut self) {
        if let Some(conn) = self.conn.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            discard(conn);
        }
    }

    /// Says goodbye to the server.
    pub async fn end(mut self) {
        if let Some(conn) = self.conn.take() {
            // whether the goodbye arrives changes nothing
            let _ = tokio::time::timeout(Duration::from_secs(1), conn.disconnect()).await;
        }
    }

    /// An answer that is not the one expected, as an error of this session.
    pub fn trouble(&self, detail: &str) -> Trouble {
        let failure = Failure { reason: Reason::Unexpected, detail: detail.to_owned() };
        Trouble { who: self.who.clone(), failure, code: None }
    }

    async fn attempt<T>(&mut self, work: impl AsyncFnOnce(&mut Conn) -> mysql_async::Result<T>) -> Result<T, Trouble> {
        let limit = self.limit;
        let conn = self.lend()?;
        match tokio::time::timeout(limit, work(conn)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                let trouble = Trouble::new(&self.who, &error);
                if trouble.code.is_none() {
                    self.close();
                }
                Err(trouble)
            }
            Err(_) => {
                self.close();
                Err(Trouble::timed_out(&self.who, limit))
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

fn line(row: Row) -> Line {
    let names: Vec<String> = row.columns_ref().iter().map(|column| column.name_str().to_lowercase()).collect();
    let values = row.unwrap_raw().into_iter().map(|value| match value {
        Some(Value::Bytes(bytes)) => Some(bytes),
        Some(Value::NULL) | None => None,
        // the text protocol knows only bytes and NULL
        Some(other) => Some(other.as_sql(true).into_bytes()),
    });
    Line(names.into_iter().zip(values).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_one() {
        let told = |code, detail: &str| {
            let failure = Failure { reason: Reason::Unexpected, detail: detail.to_owned() };
            Trouble { who: "replica r".to_owned(), failure, code }.to_string()
        };
        assert_eq!(
            told(Some(1114), "1114 The table 't' is full"),
            "replica r has no room left on its disk (1114 The table 't' is full): make room there"
        );
        for (code, detail, full) in [
            (1021, "1021 Disk full (/tmp)", true),
            (3, "3 Error writing file 'x' (Errcode: 28 \"No space left on device\")", true),
            (1005, "1005 Can't create table `k`.`t` (errno: 135 \"No more room in record file\")", true),
            (3675, "3675 Create table/tablespace 't' failed, as disk is full", true),
            (1205, "1205 Lock wait timeout exceeded", false),
        ] {
            assert_eq!(told(Some(code), detail).contains("no room left"), full, "{detail}");
        }
        assert!(!told(None, "a table's name (errno: 28)").contains("no room left"), "not a server's own answer");
    }
}
