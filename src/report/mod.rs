//! Everything that people and machines read: metrics, events, log, status page, and the service manager's notices.
//!
//! Nothing here decides anything or waits for a database: it is made from the last snapshot and from events.

pub mod auth;
pub mod certificates;
pub mod events;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod history;
pub mod log;
pub mod metrics;
pub mod page;
pub mod serve;
pub mod systemd;
pub mod tls;

pub use events::Events;
pub use history::History;
pub use metrics::Metrics;

use crate::model::Event;

/// Keyward's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that keyward was built from, as `KEYWARD_REVISION` said at build time, or `unknown`.
pub const REVISION: &str = match option_env!("KEYWARD_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Tells an event everywhere: the log line, the counters and the list are made from this one value.
pub fn tell(event: Event, metrics: &Metrics, events: &Events) {
    log::event(&event);
    metrics.event(&event);
    events.push(event);
}
