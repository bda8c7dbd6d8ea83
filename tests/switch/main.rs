//! `keyward switch-auth` on files as Debian and kolla ship them: out and back, refusals, and being killed half-way.
//!
//! What `systemctl` does here is a stand-in's: systemd is nowhere the first process of a test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod back;
mod hook;
mod host;
mod kills;
mod out;
