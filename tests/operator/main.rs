//! What an operator can rely on, walked case by case against the judge: the table of the README, the verdicts in every
//! mode, and reloads. No daemon and no server is needed: a master, a replica and hooks are told to it look by look.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod flapping;
mod keystones;
mod moments;
mod pauses;
mod reloads;
mod reseeds;
mod rows;
mod settings;
mod stage;
mod table;
mod triggers;
mod verdicts;
mod verified;
