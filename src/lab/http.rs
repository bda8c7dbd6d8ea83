//! The smallest HTTP client: plain TCP, one request a connection.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::model::time::friendly;

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

impl Answer {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .map(|(key, value)| (key, value.trim()))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// What to ask.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path with the query.
    pub path: &'a str,
    /// Headers besides `Host` and those of the body.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, which is JSON; empty for none.
    pub body: &'a str,
    /// Limit of the whole exchange.
    pub limit: Duration,
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
    send(address, &Request { method, path, headers: &[], body: "", limit: LIMIT }).await
}

/// Sends a request to `address`.
///
/// # Errors
/// Nobody answers within the limit, or what answers is no HTTP.
pub async fn send(address: &str, request: &Request<'_>) -> anyhow::Result<Answer> {
    let Request { method, path, limit, .. } = request;
    let asked = tokio::time::timeout(*limit, exchange(address, request)).await;
    let asked = asked.unwrap_or_else(|_| bail!("no answer within {}", friendly(*limit)));
    asked.with_context(|| format!("{} http://{address}{path}", method.to_lowercase()))
}

async fn exchange(address: &str, request: &Request<'_>) -> anyhow::Result<Answer> {
    let Request { method, path, headers, body, .. } = request;
    let mut stream = TcpStream::connect(address).await?;
    // 1.0, so that the answer ends where the connection does
    let mut text = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
    for (name, value) in *headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("the answer is no HTTP")?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
