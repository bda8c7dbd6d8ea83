//! `keyward demo`: hands over to the demo, which tells its story itself.

use anyhow::anyhow;

use super::args::{Demo, Keystone};
use super::exit::Exit;
use crate::demo;
use crate::lab::identity::Release;

/// Plays the outage; unless it is to be told once, everything stays up until Ctrl-C.
///
/// # Errors
/// The step that did not hold and why, in one sentence.
pub fn run(args: &Demo) -> anyhow::Result<Exit> {
    let keystone = args.keystone.map(|release| match release {
        Keystone::Debian => Release::Debian,
        Keystone::Newest => Release::Newest,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(demo::run(args.once, keystone)) {
        Ok(()) => Ok(Exit::Done),
        // the whole chain, because the story is over and nobody plays it again with `-v`
        Err(error) => Err(anyhow!("demo: {error:#}")),
    }
}
