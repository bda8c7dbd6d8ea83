//! `keyward fingerprint`: what the other side needs to compare keys, and nothing that could be used as one.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::{args, output};
use crate::doctor::facts::{Conf, Fingerprints};
use crate::doctor::ini::Ini;
use crate::gather::{conf, keys};

/// Where Keystone's file stands.
const USUAL: &str = "/etc/keystone/keystone.conf";

/// Prints the fingerprints of a Keystone's keys on this host. It needs no settings.
///
/// # Errors
/// A file or a repository cannot be read.
pub fn command(asked: &args::Fingerprint) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(run(&asked.keystone_conf)).map_err(anyhow::Error::msg)?;
    output::line(&serde_json::to_string(&told)?)?;
    Ok(Exit::Done)
}

/// Reads the keys that these files name; those of the usual file when there are none.
///
/// # Errors
/// Which file or repository cannot be read, and why.
pub async fn run(paths: &[PathBuf]) -> Result<Fingerprints, String> {
    let usual = [PathBuf::from(USUAL)];
    let paths = if paths.is_empty() { &usual } else { paths };
    let mut options = Ini::default();
    for path in paths {
        options.add(&conf::text(path).await?);
    }
    let path = paths.first().map_or(Path::new(USUAL), PathBuf::as_path).display().to_string();
    let conf = Conf { path, options, database: Err("the database was not asked".to_owned()) };
    keys::fingerprints(&keys::read(&Ok(conf)).await?)
}
