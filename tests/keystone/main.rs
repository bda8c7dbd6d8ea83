//! Real Keystones: the lab's own, and what Keyward does for them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

#[path = "../common/settings.rs"]
mod common_settings;
mod doctor;
mod lab;
mod witness;
