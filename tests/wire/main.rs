//! Drills on a network that misbehaves: what happens to an operator, with the real program, real MariaDB servers and
//! real packets.
//!
//! Where the system gives no network namespaces or no TUN interfaces, a drill says so and tests nothing.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

#[path = "../drills/daemon.rs"]
#[allow(dead_code, reason = "shared with the other drills")]
mod daemon;
mod disks;
mod half_open;
#[path = "../drills/hooks.rs"]
#[allow(dead_code, reason = "shared with the other drills")]
mod hooks;
mod names;
mod net;
#[path = "../drills/pair.rs"]
#[allow(dead_code, reason = "shared with the other drills")]
mod pair;
mod partitions;
#[path = "../drills/settings.rs"]
#[allow(dead_code, reason = "shared with the other drills")]
mod settings;
#[path = "../drills/story.rs"]
mod story;
mod weather;
mod world;
