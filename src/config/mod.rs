//! The settings: what they are (`schema`), where they come from (`load`), how they are read (`read`, key by key through
//! `table`), and what is wrong with them (`check`, `check_tls`). Nothing here talks to a server.

mod check;
mod check_tls;
mod doctor;
pub mod duration;
mod hook;
mod identity;
mod load;
mod notes;
mod problem;
mod read;
pub mod schema;
mod secret;
mod table;
mod url;

pub use load::{DEFAULT_FILE, file, load, load_without_files};
pub use problem::{Problem, Problems};
pub use schema::Settings;

#[cfg(test)]
mod tests;
