//! Set-up on real servers of every kind: what it makes, what it refuses, and what a kill leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod command;
#[path = "../common/server.rs"]
mod common;
mod exact;
mod harness;
mod killed;
mod kinds;
mod pairs;
mod refused;
