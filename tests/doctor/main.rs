//! `keyward doctor` on real servers that hold what a real Keystone made: each check in its good and its bad state.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

#[path = "../common/haproxy.rs"]
mod common_haproxy;
#[path = "../common/settings.rs"]
mod common_settings;
mod files;
mod outside;
mod page;
mod servers;
mod stage;
