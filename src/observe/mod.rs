//! Looking at servers: network, read only. Every wait has a limit; what fails is data with a reason.

pub mod connect;
pub mod hand;
pub mod preflight;
pub mod session;
