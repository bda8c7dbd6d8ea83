//! `keyward demo`: hands over to the demo, which tells its story itself.

use anyhow::anyhow;

use super::exit::Exit;
use crate::demo;

/// Plays the outage; unless `once`, everything stays up until Ctrl-C.
///
/// # Errors
/// The step that did not hold and why, in one sentence.
pub fn run(once: bool) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(demo::run(once)) {
        Ok(()) => Ok(Exit::Done),
        // the whole chain, because the story is over and nobody plays it again with `-v`
        Err(error) => Err(anyhow!("demo: {error:#}")),
    }
}
