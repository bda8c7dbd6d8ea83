//! Set-up on real servers of every kind: what it makes, what it refuses, and what a kill leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod aside;
mod broken;
mod catalog;
mod command;
#[path = "../common/server.rs"]
mod common;
#[path = "../common/settings.rs"]
mod common_settings;
mod daily;
mod door;
mod engine;
mod exact;
mod full_disk;
mod harness;
mod killed;
mod kinds;
mod kinds_mended;
mod pairs;
mod refused;
mod rights;
mod types;
