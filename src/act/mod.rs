//! Everything that changes something: idempotent, limited in time and in output.

pub mod beat;
pub mod upkeep;
//! What keyward does to the world outside. Nothing here decides whether it is done.

pub mod exec;
pub mod leftover;
pub mod lock;
pub mod procs;
pub mod spawn;
pub mod tail;
