//! The settings: what they are (`schema`), where they come from, and what is wrong with them.

pub mod duration;
pub mod problem;
pub mod schema;

pub use problem::{Problem, Problems};
pub use schema::Settings;
