//! The commands.

pub mod admin;
pub mod setup;
