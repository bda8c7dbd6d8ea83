//! `keyward demo --keystone`: what the users of two real Keystones see of an outage.

mod clients;
mod stage;
mod story;

pub(super) use stage::Stage;
pub(super) use story::tell;
