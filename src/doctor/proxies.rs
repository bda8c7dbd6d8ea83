//! The HAProxies that keyward's hooks set.

use super::facts::Facts;
use super::{Answer, Check, Severity};

/// The checks of this group.
pub const CHECKS: [Check; 2] = [
    Check {
        id: "haproxy-socket",
        severity: Severity::Critical,
        looks_at: "The runtime socket of each HAProxy that a hook sets: that it answers, has level admin, and knows the servers of the hook.",
        why: "Otherwise the region's switch fails in the outage. kolla-ansible opens its socket without level admin by default.",
        mend: "Write `level admin` into the `stats socket` line (kolla-ansible: haproxy_socket_level_admin), let keyward's user open it, and correct `remote` and `local` of the hook.",
        judge: socket,
    },
    Check {
        id: "haproxy-local-server",
        severity: Severity::Critical,
        looks_at: "The region's own servers there: that they have an address, and that no other server keeps them in maintenance.",
        why: "`set server … state ready` does not help a server whose name has no address, or that follows another one.",
        mend: "Write an address instead of a name into HAProxy's configuration, or do without `track`.",
        judge: local_server,
    },
];

fn socket(facts: &Facts, answer: &mut Answer) {
    for proxy in &facts.proxies {
        let Some(look) = answer.need(&proxy.looked) else { continue };
        if let Some(hindrance) = &look.hindrance {
            answer.find(format!("{}: {hindrance}", proxy.name));
        }
    }
}

fn local_server(facts: &Facts, answer: &mut Answer) {
    for proxy in &facts.proxies {
        let Some(look) = answer.need(&proxy.looked) else { continue };
        for unfit in &look.unfit {
            answer.find(format!("{}: {unfit}", proxy.name));
        }
    }
}
