//! SIGHUP: takes in what can change while the daemon runs, and says which settings wait for a restart.
//!
//! What can change is `[regions.failover]`: who decides, how patiently, and the hooks. No phase moves by it.

use crate::config::Settings;
use crate::config::schema::Region;

/// The settings to go on with, and the sentence that tells what changed.
pub fn merge(old: &Settings, new: &Settings) -> (Settings, String) {
    let mut merged = old.clone();
    let mut changed = Vec::new();
    for region in &mut merged.regions {
        let Some(found) = new.regions.iter().find(|other| other.name == region.name) else { continue };
        if differs(&region.failover, &found.failover) {
            region.failover = found.failover.clone();
            changed.push(format!("failover settings of {}", region.name));
        }
    }
    let waiting = waiting_for_restart(old, new);
    let changed = if changed.is_empty() { "nothing that can change now".to_owned() } else { changed.join(", ") };
    let mut sentence = format!("settings were read again: {changed} changed");
    if !waiting.is_empty() {
        sentence.push_str(&format!("; these wait for a restart: {}", waiting.join(", ")));
    }
    (merged, sentence)
}

/// The keys that differ and cannot change while the daemon runs. Secrets print alike, so a new password is not seen.
fn waiting_for_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let servers = |settings: &Settings| -> Vec<String> {
        settings.regions.iter().map(|Region { name, replicas, .. }| format!("{name} {replicas:?}")).collect()
    };
    [
        ("state_dir", old.state_dir != new.state_dir),
        ("poll_interval", old.poll_interval != new.poll_interval),
        ("probe_timeout", old.probe_timeout != new.probe_timeout),
        ("connect_timeout", old.connect_timeout != new.connect_timeout),
        ("[http]", differs(&old.http, &new.http)),
        ("control.socket", old.control_socket != new.control_socket),
        ("[log]", differs(&old.log, &new.log)),
        ("[account]", differs(&old.account, &new.account)),
        ("[tls]", old.tls != new.tls),
        ("[replication]", differs(&old.replication, &new.replication)),
        ("[master]", differs(&old.master, &new.master)),
        ("[[regions]] and their replicas", servers(old) != servers(new)),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

fn differs<T: std::fmt::Debug>(old: &T, new: &T) -> bool {
    format!("{old:?}") != format!("{new:?}")
}
