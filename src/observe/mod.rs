//! Looking at servers: network, read only. Every wait has a limit; what fails is data with a reason.

pub mod binlogs;
pub mod catalog;
pub mod hand;
pub mod haproxy;
pub mod keystone;
pub mod looker;
pub mod master;
pub mod names;
pub mod preflight;
pub mod program;
pub mod replica;
