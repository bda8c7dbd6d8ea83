//! Everything that changes something: idempotent, limited in time and in output.

pub mod beat;
pub mod upkeep;
