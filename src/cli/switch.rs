//! `keyward switch-auth`: points configuration files at another Keystone, and back.

use super::args::SwitchAuth;
use super::exit::{BadInput, Exit};
use super::output;
use crate::act::switch::{Order, Run, Undone, revert, switch};
use crate::daemon::clock;
use crate::switch::address::Turns;

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
