//! Speaking to one server: a connection, a question and its answer, and what an error means. Every wait has a limit.
//!
//! Deliberately absent: pools, retries, and any opinion on what is asked.

pub mod blocking;
pub mod connect;
pub mod dial;
mod distrust;
pub mod haproxy;
pub mod http;
pub mod same;
pub mod server;
pub mod session;
