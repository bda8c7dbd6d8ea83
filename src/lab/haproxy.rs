//! An HAProxy in front of two servers, as it stands in front of a region's services.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Lab;
use super::port::Port;
use super::process::Process;
use super::program::find;

/// Bits of `srv_admin_state` by which a server is out of service: forced, inherited and by name.
const OUT: u32 = 1 | 2 | 32;

/// An HAProxy whose backend `identity` has the servers `k1`, which serves at first, and `k2`, which does not. It is
/// killed when dropped.
#[derive(Debug)]
pub struct Haproxy {
    dir: PathBuf,
    front: Port,
    process: Process,
}

impl Haproxy {
    /// Starts one in front of two addresses (`host:port`) that answer `GET /v3`.
    ///
    /// # Errors
    /// It is not installed, or does not answer; with the end of its log.
    pub async fn start(lab: &Lab, name: &str, servers: [&str; 2]) -> anyhow::Result<Self> {
        let dir = lab.folder().join(name);
        fs::create_dir(&dir).with_context(|| format!("make the folder {}", dir.display()))?;
        let front = Port::take().context("find a free port")?;
        let process = Process::new(&format!("HAProxy {name}"), dir.join("log"));
        let mut haproxy = Self { dir, front, process };
        let (settings, [k1, k2]) = (haproxy.dir.join("haproxy.cfg"), servers);
        let text = format!(
            "global\n    stats socket {} mode 600 level admin\n\
             defaults\n    mode http\n    option redispatch\n    retries 3\n\
             \x20   timeout connect 2s\n    timeout client 60s\n    timeout server 60s\n    timeout check 10s\n\
             frontend identity\n    bind {}\n    default_backend identity\n\
             backend identity\n    option httpchk GET /v3\n\
             \x20   server k1 {k1} check inter 1s fall 3\n    server k2 {k2} check inter 1s fall 3 disabled\n",
            haproxy.socket().display(),
            haproxy.address()
        );
        fs::write(&settings, text).with_context(|| format!("write {}", settings.display()))?;
        let (program, socket) = (find("haproxy", "haproxy")?, haproxy.socket());
        let configure = |command: &mut std::process::Command| {
            command.arg("-db").arg("-f").arg(settings);
        };
        haproxy.process.start(&program, configure, || async { ask(&socket, "show info").await.map(drop) }).await?;
        Ok(haproxy)
    }

    /// Its runtime socket, with level admin.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    /// `host:port` for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.front.number())
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// It has not ended within two minutes; then it is killed.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.process.stop(Signal::TERM).await
    }

    /// Whether it would send requests to each of k1 and k2, by what an administrator or Keyward said.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn serving(&self) -> anyhow::Result<[bool; 2]> {
        Ok(self.column(6).await?.map(|state| state & OUT == 0))
    }

    /// Whether its own checks find each of k1 and k2 running; a server out of service is not checked.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn running(&self) -> anyhow::Result<[bool; 2]> {
        Ok(self.column(5).await?.map(|state| state == 2))
    }

    async fn column(&self, column: usize) -> anyhow::Result<[u32; 2]> {
        let said = ask(&self.socket(), "show servers state identity").await?;
        let of = |name: &str| {
            cell(&said, name, column).with_context(|| format!("HAProxy does not tell the state of {name}: {said}"))
        };
        Ok([of("k1")?, of("k2")?])
    }
}

/// A number from the answer to `show servers state`, which has a line for each server, its name in the fourth column;
/// columns count from 0.
pub fn cell(said: &str, name: &str, column: usize) -> Option<u32> {
    let mut cells = said.lines().map(|line| line.split(' ')).filter(|cells| cells.clone().nth(3) == Some(name));
    cells.next()?.nth(column)?.parse().ok()
}

async fn ask(socket: &Path, command: &str) -> anyhow::Result<String> {
    let exchange = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(format!("{command}\n").as_bytes()).await?;
        let mut said = String::new();
        stream.take(1 << 20).read_to_string(&mut said).await?;
        Ok::<_, std::io::Error>(said)
    };
    let said = tokio::time::timeout(std::time::Duration::from_secs(5), exchange).await;
    let said =
        said.context("HAProxy did not answer within 5s")?.with_context(|| format!("ask {}", socket.display()))?;
    ensure!(!said.is_empty(), "HAProxy said nothing to {command}");
    Ok(said)
}
