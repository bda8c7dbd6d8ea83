//! Asking a server of the lab: as root through its socket, or as anybody over TCP.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Value};

/// Limit of connecting and of everything asked in one call.
const LIMIT: Duration = Duration::from_secs(120);

/// A row as text; `None` is NULL. Bytes that are no UTF-8 are replaced.
pub type Cells = Vec<Option<String>>;

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Client {
    name: String,
    opts: Opts,
}

impl Client {
    /// Root without a password through a server's socket.
    pub fn root(name: &str, socket: &Path) -> Self {
        Self::through(name, socket, OptsBuilder::default().user(Some("root")))
    }

    /// An account through a server's socket.
    pub fn socket(name: &str, socket: &Path, user: &str, password: &str) -> Self {
        Self::through(name, socket, OptsBuilder::default().user(Some(user)).pass(Some(password)))
    }

    fn through(name: &str, socket: &Path, opts: OptsBuilder) -> Self {
        let opts = opts.socket(Some(socket.display().to_string()));
        Self { name: name.to_owned(), opts: opts.stmt_cache_size(0).into() }
    }

    /// An account over TCP, without TLS.
    pub fn tcp(name: &str, port: u16, user: &str, password: &str) -> Self {
        let opts = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).prefer_socket(false);
        let opts = opts.user(Some(user)).pass(Some(password)).stmt_cache_size(0);
        Self { name: name.to_owned(), opts: opts.into() }
    }

    /// Opens a connection to keep.
    ///
    /// # Errors
    /// The server does not answer within the limit, or refuses.
    pub async fn connect(&self) -> anyhow::Result<Conn> {
        within(Conn::new(self.opts.clone())).await.with_context(|| format!("connect to {}", self.name))
    }

    /// Runs statements, separated by semicolons, on a connection of their own.
    ///
    /// # Errors
    /// What the server says of the first that fails; those before it are done.
    pub async fn run(&self, statements: &str) -> anyhow::Result<()> {
        let mut conn = self.connect().await?;
        within(conn.query_drop(statements)).await.with_context(|| self.asked(statements))?;
        within(conn.disconnect()).await.with_context(|| self.asked(statements))
    }

    /// The rows of one statement.
    ///
    /// # Errors
    /// What the server says.
    pub async fn rows(&self, statement: &str) -> anyhow::Result<Vec<Cells>> {
        let mut conn = self.connect().await?;
        let rows = rows(&mut conn, statement).await.with_context(|| self.asked(statement))?;
        within(conn.disconnect()).await.with_context(|| self.asked(statement))?;
        Ok(rows)
    }

    /// The first cell of the first row; `None` for NULL or no row.
    ///
    /// # Errors
    /// What the server says.
    pub async fn value(&self, statement: &str) -> anyhow::Result<Option<String>> {
        Ok(self.rows(statement).await?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    fn asked(&self, statement: &str) -> String {
        let line: String = statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
        format!("ask {}: {line}", self.name)
    }
}

/// The rows of one statement on an open connection.
///
/// # Errors
/// What the server says, or that it did not answer within the limit; then the connection must be dropped.
pub async fn rows(conn: &mut Conn, statement: &str) -> anyhow::Result<Vec<Cells>> {
    let rows: Vec<Row> = within(conn.query(statement)).await?;
    Ok(rows.into_iter().map(|row| row.unwrap_raw().into_iter().map(|cell| cell.and_then(text)).collect()).collect())
}

/// The number of the server's error, if the server answered with one.
pub fn server_error(error: &anyhow::Error) -> Option<u16> {
    error.chain().find_map(|cause| match cause.downcast_ref::<mysql_async::Error>() {
        Some(mysql_async::Error::Server(server)) => Some(server.code),
        _ => None,
    })
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

async fn within<T>(work: impl Future<Output = mysql_async::Result<T>>) -> anyhow::Result<T> {
    Ok(tokio::time::timeout(LIMIT, work).await.context("the server did not answer in time")??)
}
