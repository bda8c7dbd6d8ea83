//! Speaking to an HAProxy: one line of commands on a connection of its own, over a unix socket or TCP.
//!
//! A connection that stays open would go on speaking to a process that a reload has replaced.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::dialect::haproxy::{is_complete, line, read};
use crate::model::haproxy::{Change, Haproxy, HaproxyFacts, HaproxySocket};
use crate::model::time::friendly;

/// The most bytes of an answer: thousands of servers.
const ANSWER_BYTES: usize = 1 << 20;

/// Carries out `changes`, and shows how the HAProxy of a hook is then; without changes it only looks.
///
/// # Errors
/// In one sentence what keeps keyward from knowing.
pub async fn ask(proxy: &Haproxy, changes: &[Change], limit: Duration) -> Result<HaproxyFacts, String> {
    let said = match timeout(limit, exchange(proxy, changes)).await {
        Ok(said) => said,
        Err(_) => Err(format!("gave no complete answer within {}", friendly(limit))),
    };
    said.and_then(|said| read(&said, changes)).map_err(|why| format!("HAProxy at {} {why}", proxy.socket))
}

async fn exchange(proxy: &Haproxy, changes: &[Change]) -> Result<String, String> {
    let line = line(changes, proxy.names());
    let complete = |said: &str| is_complete(said, &line);
    match &proxy.socket {
        HaproxySocket::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| not_opened(path, &error))?;
            converse(stream, &line.text, complete).await
        }
        HaproxySocket::Tcp(address) => {
            let place = (address.host.as_str(), address.port);
            let stream = TcpStream::connect(place).await.map_err(|error| match error.kind() {
                ErrorKind::ConnectionRefused => "does not answer: nobody listens there; is HAProxy running?".to_owned(),
                _ => format!("cannot be reached: {error}"),
            })?;
            converse(stream, &line.text, complete).await
        }
    }
}

fn not_opened(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "cannot be reached: there is no such socket; is HAProxy running?".to_owned(),
        ErrorKind::ConnectionRefused => "does not answer: nobody listens there; is HAProxy running?".to_owned(),
        ErrorKind::PermissionDenied => {
            // the folder's permissions count too
            let folder = path.parent().unwrap_or(path).display();
            format!(
                "may not be opened by keyward's user: give it `group keyward mode 660` in its `stats socket` line, \
                 and let that user into {folder}"
            )
        }
        _ => format!("cannot be reached: {error}"),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    line: &str,
    complete: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let broke = |error: io::Error| format!("broke the connection: {error}");
    stream.write_all(line.as_bytes()).await.map_err(broke)?;
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if complete(&text) {
            return Ok(text.into_owned());
        }
        match stream.read_buf(&mut bytes).await.map_err(broke)? {
            0 if bytes.is_empty() => return Err("hung up without an answer".to_owned()),
            0 => return Err("hung up in the middle of its answer".to_owned()),
            _ if bytes.len() > ANSWER_BYTES => return Err("gave an answer of more than 1 MiB".to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_keyward_may_not_open_is_told_with_what_to_do() {
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let told = not_opened(Path::new("/run/haproxy/admin.sock"), &denied);
        assert!(told.contains("group keyward mode 660") && told.ends_with("let that user into /run/haproxy"), "{told}");
    }
}
