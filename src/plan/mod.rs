//! Wanted minus seen: what is still to be done, in order, or why it must not be done. Pure; nothing here connects.

pub mod upkeep;
