//! What monitoring systems get: the page of metrics, the rules for Prometheus, the
//! dashboard.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

mod alerts;
mod dashboard;
#[path = "../common/exposed.rs"]
mod exposed;
#[path = "../common/headings.rs"]
mod headings;
mod open;
mod page;

use std::fs;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
