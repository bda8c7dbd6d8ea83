//! Real servers on loopback in a temporary folder, for `keyward demo`, the tests and the measurements.
//!
//! Nothing is imitated here, and nothing outside the temporary folder is touched: no service, no `/etc/mysql`, no
//! well-known port. Everything ends with its owner: dropped, panicked or killed.

pub mod client;
pub mod folder;
pub mod haproxy;
pub mod http;
pub mod identity;
pub mod keystone;
pub mod kind;
pub mod port;
pub mod process;
pub mod program;
pub mod server;
pub mod skip;
pub mod template;
pub mod tls;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use folder::Folder;
pub use haproxy::Haproxy;
pub use kind::Kind;
use program::Programs;
pub use server::{Server, Spec};
pub use tls::{Authority, Pair};

/// A temporary folder and the programs to run servers in it.
#[derive(Clone, Debug)]
pub struct Lab {
    folder: Arc<Folder>,
    programs: Arc<Programs>,
}

impl Lab {
    /// Makes a temporary folder and finds the installed MariaDB's programs. Folders of owners that were killed are cleared away.
    ///
    /// # Errors
    /// A program is missing (the sentence names the package), or the temporary folder cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let programs = Programs::find(Kind::default())?;
        let folder = Folder::make().context("make a temporary folder for the servers")?;
        Ok(Self { folder: Arc::new(folder), programs: Arc::new(programs) })
    }

    /// The temporary folder; it goes when the lab and the last of its servers are dropped.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether servers of this kind can be started here.
    pub fn has(kind: Kind) -> bool {
        kind.fetched().is_ok()
    }

    /// The version of the installed servers, for example `10.11.19-MariaDB`.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// Its kind is not here, or what kept it from answering within a minute, with the end of its own log.
    pub async fn start(&self, spec: Spec) -> anyhow::Result<Server> {
        let programs = match spec.kind == self.programs.kind {
            true => Arc::clone(&self.programs),
            false => Arc::new(Programs::find(spec.kind)?),
        };
        Server::create(Arc::clone(&self.folder), programs, spec).await
    }

    /// A certificate authority of its own, kept in the lab's folder under `name`.
    ///
    /// # Errors
    /// `openssl` is missing or failed.
    pub fn authority(&self, name: &str) -> anyhow::Result<Authority> {
        Authority::make(&self.folder().join(name), name)
    }
}
