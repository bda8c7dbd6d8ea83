//! The settings: what they are (`schema`), where they come from, and what is wrong with them.

pub mod schema;

pub use schema::Settings;
