//! `keyward verify` on real servers: it finds what differs, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod command;
#[path = "../common/settings.rs"]
mod common_settings;
mod differences;
mod flight;
mod stage;
