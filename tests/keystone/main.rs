//! Real Keystones: the lab's own, and what Keyward does for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod catalog;
#[path = "../common/settings.rs"]
mod common_settings;
#[path = "../drills/daemon.rs"]
#[allow(dead_code, reason = "shared with the drills")]
mod daemon;
mod doctor;
mod drill;
mod drivers;
#[path = "../drills/hooks.rs"]
#[allow(dead_code, reason = "shared with the drills")]
mod hooks;
mod lab;
#[path = "../drills/pair.rs"]
#[allow(dead_code, reason = "shared with the drills")]
mod pair;
#[path = "../drills/settings.rs"]
#[allow(dead_code, reason = "shared with the drills")]
mod settings;
mod turned;
mod witness;
