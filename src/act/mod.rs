//! Everything that changes something: idempotent, limited in time and in output. Whether it is done is decided elsewhere.

pub mod account;
pub mod aside;
pub mod attempt;
pub mod beat;
pub mod catalog;
pub mod exec;
pub mod haproxy;
pub mod hook;
mod http;
pub mod leftover;
pub mod link;
pub mod lock;
pub mod procs;
pub mod replica;
pub mod spawn;
pub mod stamp;
pub mod switch;
pub mod tail;
pub mod told;
pub mod upkeep;
