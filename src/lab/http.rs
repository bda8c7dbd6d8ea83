//! The smallest HTTP client: GET over plain TCP, one request a connection.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(5);
const MOST_BYTES: u64 = 8 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, with the status line.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Gets `path` from `address`, for example `127.0.0.1:9188`.
///
/// # Errors
/// Nobody answers within 5 s, or what answers is no HTTP.
pub async fn get(address: &str, path: &str) -> anyhow::Result<Answer> {
    request("GET", address, path).await
}

/// Sends a request without a body.
///
/// # Errors
/// Nobody answers within 5 s, or what answers is no HTTP.
pub async fn request(method: &str, address: &str, path: &str) -> anyhow::Result<Answer> {
    let asked = tokio::time::timeout(LIMIT, exchange(method, address, path)).await;
    asked.unwrap_or_else(|_| bail!("no answer within 5s")).with_context(|| format!("get http://{address}{path}"))
}

async fn exchange(method: &str, address: &str, path: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    // 1.0, so that the answer ends where the connection does
    stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("the answer is no HTTP")?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
