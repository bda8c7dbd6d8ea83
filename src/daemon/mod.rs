//! Wires the rooms together.

pub mod control;
