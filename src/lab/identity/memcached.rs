//! A region's memcached.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::lab::Lab;
use crate::lab::port::Port;
use crate::lab::process::Process;
use crate::lab::program::find;

/// A memcached on 127.0.0.1. It is killed when dropped.
#[derive(Debug)]
pub struct Memcached {
    process: Process,
    port: Port,
}

impl Memcached {
    /// Starts one with 64 MB under a name that is unique in the lab, for example `m1`.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub async fn start(lab: &Lab, name: &str) -> anyhow::Result<Self> {
        let port = Port::take().context("find a free port")?;
        let mut memcached = Self { process: Process::new(name, lab.folder().join(format!("{name}.log"))), port };
        memcached.restart().await?;
        Ok(memcached)
    }

    /// Stops it if it is running, and starts it again, empty.
    ///
    /// # Errors
    /// As `start`.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.stop(Signal::TERM).await?;
        let port = self.port();
        let configure = |command: &mut Command| {
            command.args(["-l", "127.0.0.1", "-U", "0", "-m", "64", "-p"]).arg(port.to_string());
            if rustix::process::geteuid().is_root() {
                command.args(["-u", "root"]);
            }
        };
        let program = find("memcached", "memcached")?;
        self.process.start(&program, configure, || answers(port)).await
    }

    /// Its port, kept while it is down.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `host:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Its log.
    pub fn log_file(&self) -> &Path {
        self.process.log_file()
    }

    /// Its process, to be frozen or killed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

async fn answers(port: u16) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"version\r\n").await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    if !line.starts_with("VERSION ") {
        bail!("memcached said {line:?}");
    }
    Ok(())
}
