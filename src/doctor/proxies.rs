//! The HAProxies that keyward's hooks set.

use super::facts::Facts;
use super::{Answer, Check, Severity};

/// The checks of this group.
pub const CHECKS: [Check; 3] = [
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
    Check {
        id: "haproxy-check",
        severity: Severity::Info,
        looks_at: "What HAProxy's own health check asks in the backends of the hook (`--haproxy-cfg`).",
        why: "A Keystone whose database is dead or frozen still answers `GET /v3` and `/healthcheck` with 200: such a check sees nothing of it.",
        mend: "Let keyward log in (`master.identity_url` and `[identity]`, trigger `either`), or give HAProxy an `external-check` that does.",
        judge: depth,
    },
];

/// What a Keystone answers without its database.
const SHALLOW: [&str; 4] = ["/", "/v3", "/v3/", "/healthcheck"];

/// What a backend's health check does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Depth {
    /// It opens a connection.
    #[default]
    Port,
    /// It asks for this.
    Uri(String),
    /// A program of the administrator's.
    External,
}

impl Depth {
    /// What one line of HAProxy's configuration changes.
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["option", "external-check", ..] => *self = Depth::External,
            ["option", "httpchk", rest @ ..] => {
                let uri = rest.iter().find(|word| word.starts_with('/'));
                *self = Depth::Uri(uri.map_or("/", |uri| uri).to_owned());
            }
            ["http-check", "send", rest @ ..] => {
                if let Some([_, uri]) = rest.windows(2).find(|pair| pair.first() == Some(&"uri")) {
                    *self = Depth::Uri((*uri).to_owned());
                }
            }
            _ => {}
        }
    }
}

/// The health check of a backend; nothing when the configuration has no such backend.
fn depth_of(configuration: &str, backend: &str) -> Option<Depth> {
    let (mut usual, mut own, mut inside) = (Depth::default(), None, "");
    for line in configuration.lines() {
        let mut words = line.split_whitespace();
        let (first, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match first {
            "global" | "frontend" | "userlist" | "resolvers" | "peers" | "cache" => inside = "",
            "defaults" => (inside, usual) = ("defaults", Depth::default()),
            "backend" | "listen" if name == backend => {
                (inside, own) = ("own", Some(usual.clone()));
            }
            "backend" | "listen" => inside = "",
            _ if inside == "defaults" => usual.take(line),
            _ if inside == "own" => own.iter_mut().for_each(|depth| depth.take(line)),
            _ => {}
        }
    }
    own
}

fn depth(facts: &Facts, answer: &mut Answer) {
    if facts.proxies.is_empty() {
        return;
    }
    let Some(configuration) = answer.need(&facts.proxy_configuration) else { return };
    for (proxy, backend) in facts.proxies.iter().flat_map(|proxy| proxy.backends.iter().map(move |one| (proxy, one))) {
        match depth_of(configuration, backend) {
            None => answer.miss(&format!("the configuration of HAProxy has no backend {backend}")),
            Some(Depth::Port) => {
                answer.find(format!("{}: HAProxy only sees in backend {backend} whether a port opens", proxy.name));
            }
            Some(Depth::Uri(uri)) if SHALLOW.contains(&uri.as_str()) => {
                answer.find(format!("{}: HAProxy's check of backend {backend} asks for {uri}", proxy.name));
            }
            Some(Depth::Uri(_) | Depth::External) => {}
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_backends_check_counts() {
        let configuration = "defaults\n  option httpchk GET /v3\nbackend a\n  server x y check\nbackend b\n  \
            option httpchk\n  http-check send meth GET uri /deep\nlisten c\n  option external-check\ndefaults\nbackend d\n";
        let of = |backend| depth_of(configuration, backend);
        assert_eq!(of("a"), Some(Depth::Uri("/v3".into())));
        assert_eq!(of("b"), Some(Depth::Uri("/deep".into())));
        assert_eq!((of("c"), of("d"), of("e")), (Some(Depth::External), Some(Depth::Port), None));
    }
}
