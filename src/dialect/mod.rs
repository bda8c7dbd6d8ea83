//! Everything that differs between kinds of server, and how text becomes SQL. No I/O.

pub mod answer;
pub mod catalog;
pub mod certificate;
pub mod definition;
pub mod errors;
pub mod event;
pub mod grants;
pub mod haproxy;
pub mod keep;
pub mod looks;
mod mariadb;
pub mod mysql;
pub mod password;
pub mod position;
pub mod privilege;
pub mod settings;
pub mod sql;
pub mod text;
pub mod version;
