//! Wanted minus seen: what is still to be done, in order, or why it must not be done. Pure; nothing here connects.

pub mod aside;
pub mod by_hand;
pub mod catalog;
pub mod diagnosis;
pub mod journal;
pub mod refusals;
pub mod setup;
pub mod steps;
pub mod upkeep;
pub mod wanted;
