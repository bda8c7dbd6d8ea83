//! What the daemon says of itself when it starts: the first thing that somebody looks for in its log.

use crate::config::Settings;
use crate::config::schema::{Mode, Region};
use crate::judge::Memory;
use crate::model::time::friendly;
use crate::report::VERSION;

/// Regions that are named one by one; a line must stay a line.
const MOST_NAMED: usize = 8;

/// Which version starts, whom it watches, what it may do by itself, and where it is spoken to.
pub fn starts(settings: &Settings, memory: &Memory) -> String {
    let master = &settings.master;
    let addresses = master.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut regions: Vec<String> =
        settings.regions.iter().take(MOST_NAMED).map(|region| self::region(region, memory)).collect();
    match settings.regions.len().saturating_sub(MOST_NAMED) {
        0 => {}
        more => regions.push(format!("and {more} more regions")),
    }
    let scheme = if settings.http.tls_cert_file.is_some() { "https" } else { "http" };
    format!(
        "keyward {VERSION} starts: {}'s master is at {addresses}; {}; status page and metrics are at {scheme}://{}, commands \
         go to {}, its memory is in {}",
        master.region,
        regions.join(", "),
        settings.http.listen,
        settings.control_socket.display(),
        settings.state_dir.display()
    )
}

fn region(region: &Region, memory: &Memory) -> String {
    let known = memory.regions.get(&region.name);
    let phase = known.map(|known| known.phase).unwrap_or_default();
    let paused = if known.is_some_and(|known| known.pause.is_some()) { ", paused" } else { "" };
    let may = match region.failover.mode {
        Mode::Auto => format!("fails over after {}", friendly(region.failover.unreachable_after)),
        Mode::Manual => "fails over on command only".to_owned(),
        Mode::Off => "is only looked at".to_owned(),
    };
    format!("{} ({phase}{paused}) {may}", region.name)
}
