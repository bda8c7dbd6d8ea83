//! Wires the rooms together.

pub mod setup;
