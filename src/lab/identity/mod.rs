//! Real Keystones of the lab: which are here, the database and keys that they start from, and how to speak to them.
//!
//! `scripts/fetch-keystone` brings the programs. A Keystone takes two cores for 3 s to start, so tests share one where
//! they can.

pub mod client;
pub mod keystone;
pub mod memcached;
pub mod release;
pub mod seed;
pub mod traffic;

pub use client::{Api, Login, Reply};
pub use keystone::{Keystone, Spec};
pub use memcached::Memcached;
pub use release::{Release, lacks};
pub use seed::Seed;
pub use traffic::{Traffic, User};

/// The database account of every Keystone of the lab.
pub const ACCOUNT: &str = "keystone";
/// That account's password.
pub const ACCOUNT_PASSWORD: &str = "keystone-of-the-lab";
/// The user of Keystone that may do everything, in the project of the same name.
pub const ADMIN: &str = "admin";
/// That user's password.
pub const ADMIN_PASSWORD: &str = "admin-of-the-lab";
