//! The daemon: wires the rooms together and holds the one loop.
//!
//! Each turn of the loop takes in what was seen, lets the judge decide, saves the memory, and only then carries out
//! what is to be done. Nothing that waits for a server, a disk or a hook is done in the loop itself.

mod certificates;
pub mod clock;
pub mod control;
mod doctors;
mod failing;
mod greeting;
mod hooks;
mod inputs;
mod intake;
mod keep;
mod levels;
pub mod memory;
mod publish;
pub mod reload;
mod rules;
mod run;
pub mod setup;
mod setups;
mod verifies;
mod watchers;

pub use run::run;
