//! `keyward completions SHELL`: prints what the shell needs to complete commands and flags.

use clap::CommandFactory;

use super::args::{Cli, Completions};
use super::exit::Exit;
use super::output;

/// Prints the completions.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyward", &mut script);
    output::write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
