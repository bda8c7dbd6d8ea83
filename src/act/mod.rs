//! Writing to servers and to this host, each step limited and safe to repeat. What to do is decided elsewhere.

pub mod account;
pub mod link;
pub mod replica;
pub mod stamp;
