//! `keyward switch-auth`: points configuration files at another Keystone, and back.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::exit::{BadInput, Exit};
use super::output;
use crate::act::switch::{Order, Run, Undone, revert, switch};
use crate::daemon::clock;
use crate::switch::address::{Address, Turns};

/// What the flags of `switch-auth` leave open.
pub const SWITCH_AUTH_HELP: &str = "\
An address is HOST, HOST:PORT, or a URL without its version; --from and --to in the same way. A HOST replaces the host and \
keeps scheme, port and path of each URL; HOST:PORT the port too; a URL scheme, host, port and the beginning of the path.

Every file is read and checked before any is written. A dated copy of each stays beside it. An authentication URL that \
points at neither address, or that cannot be read, refuses the whole run with file, line and name. Run it again at any time, \
also after it was killed: what is done already is not done again.

Ends with 0 when it is done or was so already, 1 when it was refused or failed, 2 when the addresses contradict each \
other, and 3 when --revert had to leave something that somebody else had changed.

  keyward switch-auth --from 10.13.32.19 --to 10.13.131.137 --dry-run '/etc/nova/*.conf'
  keyward switch-auth --revert";

/// `keyward switch-auth`
#[derive(Clone, Debug, Args)]
pub struct SwitchAuth {
    /// Files to switch; * and ? as in a shell. Horizon's settings are known by their name (*.py, *local_settings*).
    #[arg(value_name = "FILE", required_unless_present = "revert", value_parser = NonEmptyStringValueParser::new())]
    pub files: Vec<String>,
    /// The Keystone that URLs are turned away from; may be given several times.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "revert")]
    pub from: Vec<Address>,
    /// The Keystone that they are turned to: one for each --from in the same order, or one for all.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "revert")]
    pub to: Vec<Address>,
    /// Undo the switch on record: each file as it was, or only its URLs where somebody has edited it since.
    #[arg(long, conflicts_with_all = ["files", "from", "to", "leave_others"])]
    pub revert: bool,
    /// Show the lines that would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Leave URLs that point elsewhere, or cannot be read, as they are, instead of refusing.
    #[arg(long)]
    pub leave_others: bool,
    /// Restart this unit of systemd when a file has changed; may be given several times, --revert remembers them.
    #[arg(long, value_name = "UNIT", value_parser = NonEmptyStringValueParser::new())]
    pub restart: Vec<String>,
    /// The folder of the record by which it is undone; one for each set of files that turns by itself.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/keyward-switch-auth")]
    pub state: PathBuf,
}

/// Switches the files, or undoes the switch that is on record.
///
/// # Errors
/// [`BadInput`]: the addresses contradict each other. Otherwise everything that speaks against it, or what failed.
pub fn run(args: &SwitchAuth) -> anyhow::Result<Exit> {
    // a reader that has left must not stop a switch half-way: what it would have read is dropped
    let mut tell = |line: &str| {
        let _ = output::line(line);
    };
    let run = Run { state: args.state.clone(), units: args.restart.clone(), dry: args.dry_run, at: clock::wall() };
    if args.revert {
        return Ok(match revert(&run, &mut tell)? {
            Undone::Wholly => Exit::Done,
            Undone::WithRemarks => Exit::Degraded,
        });
    }
    let turns = Turns::new(&args.from, &args.to).map_err(BadInput)?;
    switch(&Order { turns, files: args.files.clone(), leave_others: args.leave_others, run }, &mut tell)?;
    Ok(Exit::Done)
}
