//! Drills: what happens to an operator, with the real program and real servers.
//!
//! Each drill has servers, a daemon and a folder of its own. None asserts by a tight clock: what must come is waited
//! for generously, what must not come is watched for several times the patience of the settings.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

#[path = "../common/browser.rs"]
mod browser;
mod clock;
mod commands;
mod crashes;
mod crowds;
mod daemon;
mod doctors;
mod guards;
#[path = "../common/haproxy.rs"]
mod haproxy;
mod hooks;
mod instants;
mod kinds;
mod masters;
mod monitored;
mod nights;
mod outages;
mod page;
mod pair;
mod posts;
mod proxied;
mod quick;
#[path = "../common/receiver.rs"]
mod receiver;
mod replicas;
mod reseeds;
mod restarts;
mod series;
mod settings;
mod state;
mod story;
mod stream;
mod threads;
mod tls;
mod tracer;
mod unruly;
mod verified;
