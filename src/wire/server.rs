//! Asking one server: opening a connection that the server may forget, and one round trip of several statements.
//!
//! Nothing here retries, and nothing here reuses a connection after an answer that was not waited for.

use std::time::Duration;

use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};

use super::connect::{Place, Target, connect, meaning};
use crate::dialect::answer::{Table, row};
use crate::dialect::text::{fill, literal};
use crate::dialect::{certificate, looks, version};
use crate::model::time::friendly;
use crate::model::{Failure, Family, Reason};

/// How long a farewell may take; then the socket is closed without one.
const FAREWELL: Duration = Duration::from_millis(500);

/// How patient a session is on the server's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The server ends the session after this much silence: whole seconds, at least one.
    pub idle: Duration,
    /// The server ends a statement after this time.
    pub statement: Duration,
    /// How long a statement may wait for somebody's lock: whole seconds, zero for not at all.
    pub lock: Duration,
}

/// What a server said when the connection was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Whose words it understands.
    pub family: Family,
    /// The connection's id on the server.
    pub connection_id: u64,
    /// Where the server sees it come from, with the port.
    pub connection_host: String,
    /// Until when the certificate is valid that it shows; none without TLS.
    pub certificate_until: Option<Timestamp>,
}

/// Opens a connection and sets its session up, all within `connect_timeout`.
///
/// # Errors
/// Why there is none; a server that keyward does not handle is `Unexpected` and named.
pub async fn open(target: &Target, patience: Patience) -> Result<(Conn, Greeting), Failure> {
    let work = async {
        let mut conn = connect(target, &[]).await?;
        match greet(&mut conn, target, patience).await {
            Ok(greeting) => Ok((conn, greeting)),
            Err(failure) => {
                discard(conn);
                Err(failure)
            }
        }
    };
    match tokio::time::timeout(target.connect_timeout, work).await {
        Ok(done) => done,
        Err(_) => Err(timed_out(target.connect_timeout)),
    }
}

async fn greet(conn: &mut Conn, target: &Target, patience: Patience) -> Result<Greeting, Failure> {
    let session = fill(
        include_str!("../../sql/common/greet-session.sql"),
        &[
            ("idle_seconds", &patience.idle.as_secs().max(1).to_string()),
            ("statement_seconds", &format!("{:.3}", patience.statement.as_secs_f64())),
            ("statement_millis", &patience.statement.as_millis().to_string()),
            ("lock_seconds", &patience.lock.as_secs().to_string()),
            // MySQL knows no waiting of no time at all
            ("lock_seconds_or_one", &patience.lock.as_secs().max(1).to_string()),
        ],
    );
    let version = fill(include_str!("../../sql/common/version.sql"), &[]);
    let connection = fill(include_str!("../../sql/common/greet-connection.sql"), &[]);
    let certificate = fill(include_str!("../../sql/common/greet-certificate.sql"), &[]);
    let mut tables = Vec::new();
    // in one go, because a slow path pays for every round trip; the version comes first, as an old server fails on the rest
    let end = ask_into(conn, &[version, session, connection, certificate].join(";\n"), &mut tables).await;
    let mut family = Family::default();
    if let Ok(told) = row(&tables, "version_comment") {
        let handled = told.string("version").and_then(|number| {
            let comment = told.text("version_comment")?.unwrap_or_default();
            family = version::detect(&number, comment).family;
            version::handled(&number, comment)
        });
        handled.map_err(|why| unexpected(&target.place, &format!("the server {why}")))?;
    }
    end.map_err(|error| meaning(&error))?;
    let greeting = || {
        let row = row(&tables, "connection_id")?;
        Ok(Greeting {
            family,
            connection_id: row.number("connection_id")?.unwrap_or(0),
            connection_host: row.string("connection_host")?,
            certificate_until: certificate::valid_until(&tables),
        })
    };
    greeting().map_err(|why: String| unexpected(&target.place, &why))
}

/// Sends statements in one round trip and collects their result sets.
///
/// # Errors
/// The driver's error. After a server's error the connection may be used again, after any other it must be dropped.
pub async fn ask(conn: &mut Conn, statements: &str) -> mysql_async::Result<Vec<Table>> {
    let mut tables = Vec::new();
    ask_into(conn, statements, &mut tables).await?;
    Ok(tables)
}

/// The same for a look: where its last statement is refused and `looks::forgiven` calls that an answer, it is one.
///
/// # Errors
/// The driver's error for everything else.
pub async fn ask_look(conn: &mut Conn, statements: &str) -> mysql_async::Result<Vec<Table>> {
    let mut tables = Vec::new();
    match ask_into(conn, statements, &mut tables).await {
        Ok(()) => Ok(tables),
        Err(mysql_async::Error::Server(error)) => match looks::forgiven(&tables, error.code) {
            Some(refused) => {
                tables.push(refused);
                Ok(tables)
            }
            None => Err(mysql_async::Error::Server(error)),
        },
        Err(error) => Err(error),
    }
}

async fn ask_into(conn: &mut Conn, statements: &str, tables: &mut Vec<Table>) -> mysql_async::Result<()> {
    let mut result = conn.query_iter(statements).await?;
    while !result.is_empty() {
        let columns: Vec<String> = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        let mut rows = Vec::new();
        let end = result.for_each(|row| rows.push(row.unwrap_raw().into_iter().map(text).collect())).await;
        // kept before the error is looked at: it may be the next statement's
        if !columns.is_empty() {
            tables.push(Table { columns, rows });
        }
        end?;
    }
    // the driver keeps the error of a later statement back, and says "empty" meanwhile
    result.drop_result().await
}

fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// Closes a connection beside everything else; whatever state it is in, its socket is gone within a moment.
pub fn discard(conn: Conn) {
    tokio::spawn(async move {
        // the driver's own way waits without limit for answers that were never read
        let _ = tokio::time::timeout(FAREWELL, conn.disconnect()).await;
    });
}

/// The statement that asks whether a named lock is held, its answer in `column`.
pub fn lock_question(lock: &str, column: &str) -> String {
    fill(include_str!("../../sql/common/look-lock.sql"), &[("name", &literal(lock)), ("column", column)])
}

/// The failure of a wait that was longer than its limit.
pub fn timed_out(limit: Duration) -> Failure {
    Failure { reason: Reason::TimedOut, detail: format!("no answer within {}", friendly(limit)) }
}

/// The failure of a living server that answered something else.
pub fn unexpected(place: &Place, why: &str) -> Failure {
    Failure { reason: Reason::Unexpected, detail: format!("{place}: {why}") }
}
