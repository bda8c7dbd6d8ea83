//! What memcached servers count: `stats` over plain TCP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::doctor::caches::read_stats;
use crate::doctor::facts::{Asked, Cache, CacheStats, Conf};

/// Limit of one server's answer.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest answer, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// How many servers are asked.
const MOST_SERVERS: usize = 64;

/// Asks these servers, or those of Keystone's own file.
pub async fn read(named: &[String], conf: &Asked<Conf>) -> Asked<Vec<Cache>> {
    let servers = match named {
        [] => conf
            .as_ref()
            .map_err(|why| format!("{why}; or name the servers with --memcached HOST:PORT"))?
            .cache_servers(),
        named => named.to_vec(),
    };
    let mut caches = Vec::new();
    for name in servers.into_iter().take(MOST_SERVERS) {
        let said = timeout(LIMIT, ask(&name)).await.unwrap_or_else(|_| Err("gave no answer within 3s".to_owned()));
        caches.push(Cache { stats: said.map_err(|why| format!("the memcached {name} {why}")), name });
    }
    Ok(caches)
}

async fn ask(name: &str) -> Result<CacheStats, String> {
    let broken = |error: std::io::Error| format!("cannot be asked: {error}");
    let mut stream = TcpStream::connect(name).await.map_err(broken)?;
    stream.write_all(b"stats\r\n").await.map_err(broken)?;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"END\r\n") && bytes.len() < MOST_BYTES {
        if stream.read_buf(&mut bytes).await.map_err(broken)? == 0 {
            break;
        }
    }
    read_stats(&String::from_utf8_lossy(&bytes)).map_err(|why| format!("does not answer as a memcached: {why}"))
}
