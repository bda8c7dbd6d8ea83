//! Plain values that every other room speaks. No I/O, no clock, no behaviour beyond reading themselves.

pub mod aside;
pub mod budget;
pub mod catalog;
pub mod command;
pub mod failure;
pub mod family;
pub mod gate;
pub mod gtid;
pub mod haproxy;
pub mod hook;
pub mod identity;
pub mod names;
pub mod observation;
pub mod phase;
pub mod preflight;
pub mod retry;
pub mod secret;
mod sentences;
pub mod time;
pub mod upkeep;
pub mod url;
pub mod verdict;
pub mod view;

pub use budget::Budget;
pub use failure::{Failure, Reason};
pub use family::Family;
pub use gate::Gate;
pub use names::{Address, RegionName, ReplicaName};
pub use phase::{Cause, Event, EventKind, Phase};
pub use time::{Moment, Now};
pub use url::WebUrl;
pub use verdict::{Severity, Verdict};
