//! Real Keystones: the lab's own, and what Keyward does for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod catalog;
#[path = "../common/settings.rs"]
mod common_settings;
mod doctor;
mod drill;
mod drivers;
mod lab;
mod witness;
