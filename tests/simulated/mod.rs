//! A simulated world around the judge, the promises that must hold in it, and the faults that try to break them.

pub mod beater;
pub mod core;
pub mod corner;
pub mod daemon;
pub mod fault;
pub mod faults;
pub mod keystone;
pub mod looker;
pub mod program;
pub mod proxy;
pub mod reference;
pub mod runs;
pub mod schedule;
pub mod script;
pub mod servers;
pub mod setup;
pub mod shrink;
pub mod story;
pub mod table;
pub mod time;
pub mod timeline;
pub mod trial;
pub mod world;
