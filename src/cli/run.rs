//! `keyward run`: the daemon in the foreground, on one thread, and one for HTTP.

use std::path::Path;

use super::exit::Exit;
use crate::{config, daemon, report};

/// Runs the daemon with the settings in `path`, or in the usual place, until it is told to stop.
///
/// # Errors
/// Every problem of the settings; or why it cannot start.
pub fn run(path: Option<&Path>) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    report::log::init(&settings.log)?;
    // one thread is enough for looks and keeps the daemon small; what blocks goes to threads of its own
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    let ended = runtime.block_on(daemon::run(settings, path.map(Path::to_owned)));
    // hooks that still run are left to end; the next start finds and settles them
    runtime.shutdown_background();
    ended.map(|()| Exit::Done)
}
