//! Hooks as real processes: what they are told, how they are limited, and what a crash of the daemon leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../common/haproxy.rs"]
mod haproxy;
mod one_run;
mod posts;
mod ready;
#[path = "../common/receiver.rs"]
mod receiver;
mod stage;
mod turns;
mod two_runs;
