//! What keyward does to the world outside. Nothing here decides whether it is done.

pub mod exec;
pub mod leftover;
pub mod lock;
pub mod procs;
pub mod spawn;
pub mod tail;
