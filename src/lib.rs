//! Keyward: when the region of the master is gone, every other region keeps signing its users in.
//!
//! ```text
//! observe ──Observation──▶ judge ──Action, Transition──▶ act ──Outcome──▶ judge
//!    │                       │                                            │
//!    └───────────────────────┴──────────────▶ report ◀────────────────────┘
//! ```
//!
//! Data goes one way, as plain values. `ARCHITECTURE.md` has the map in full.

pub mod act;
pub mod cli;
pub mod compare;
pub mod config;
pub mod copy;
pub mod daemon;
pub mod demo;
pub mod dialect;
pub mod doctor;
pub mod gather;
pub mod judge;
pub mod lab;
pub mod model;
pub mod observe;
pub mod plan;
pub mod report;
pub mod switch;
pub mod wire;
