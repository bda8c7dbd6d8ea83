//! Everything that changes something: idempotent, limited in time and in output. Whether it is done is decided elsewhere.

pub mod beat;
pub mod exec;
pub mod leftover;
pub mod lock;
pub mod procs;
pub mod setup;
pub mod spawn;
pub mod stamp;
pub mod tail;
pub mod upkeep;
