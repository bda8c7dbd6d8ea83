//! An HAProxy as its runtime socket shows it, and what is missing there for one side of a `haproxy` hook.
//!
//! A server's own health is HAProxy's business: only what an administrator can set counts here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::names::Address;
use super::time::Moment;

/// The most servers that one hook may name, and the most bytes of one name: HAProxy takes 16 KiB of commands at once.
pub const MOST_SERVERS: usize = 48;
/// See [`MOST_SERVERS`].
pub const NAME_BYTES: usize = 100;

/// What a `haproxy` hook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Haproxy {
    /// Its socket, with `level admin`.
    pub socket: HaproxySocket,
    /// `BACKEND/SERVER` names that serve while authentication points at the master's region.
    pub remote: Vec<String>,
    /// And while it points at the region itself.
    pub local: Vec<String>,
}

impl Haproxy {
    /// Every server that the hook names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.remote.iter().chain(&self.local).map(String::as_str)
    }

    /// The servers that serve on a side, and those that do not.
    pub fn servers(&self, side: Side) -> (&[String], &[String]) {
        match side {
            Side::Remote => (&self.remote, &self.local),
            Side::Local => (&self.local, &self.remote),
        }
    }
}

/// Where an HAProxy takes commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaproxySocket {
    /// A unix socket on this host.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(Address),
}

impl fmt::Display for HaproxySocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HaproxySocket::Unix(path) => write!(f, "{}", path.display()),
            HaproxySocket::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// Where authentication points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the master's region.
    Remote,
    /// At the region itself.
    Local,
}

impl Side {
    /// The key in the settings.
    pub fn code(self) -> &'static str {
        match self {
            Side::Remote => "remote",
            Side::Local => "local",
        }
    }
}

/// What a socket's commands may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketLevel {
    /// Read harmless things.
    User,
    /// Read everything, and change counters.
    Operator,
    /// Everything.
    Admin,
}

impl SocketLevel {
    /// HAProxy's word for it.
    pub fn code(self) -> &'static str {
        match self {
            SocketLevel::User => "user",
            SocketLevel::Operator => "operator",
            SocketLevel::Admin => "admin",
        }
    }
}

/// `srv_admin_state`: why a server is out of service. Bits that say nothing about now are left out, first of all
/// 0x04: the server was `disabled` in the configuration, which stays set after somebody made it ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdminState(pub u32);

impl AdminState {
    const FORCED_MAINT: u32 = 0x01;
    const INHERITED_MAINT: u32 = 0x02;
    const FORCED_DRAIN: u32 = 0x08;
    const INHERITED_DRAIN: u32 = 0x10;
    const UNRESOLVED: u32 = 0x20;

    fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// Nothing but its own health keeps it from serving.
    pub fn is_ready(self) -> bool {
        !self.has(
            Self::FORCED_MAINT | Self::INHERITED_MAINT | Self::FORCED_DRAIN | Self::INHERITED_DRAIN | Self::UNRESOLVED,
        )
    }

    /// `set server … state ready` would let it serve: nothing else keeps it from that.
    pub fn is_settable(self) -> bool {
        !self.has(Self::INHERITED_MAINT | Self::INHERITED_DRAIN | Self::UNRESOLVED)
    }

    /// It was put in maintenance itself, and stays there whatever becomes of others.
    pub fn is_in_maint(self) -> bool {
        self.has(Self::FORCED_MAINT)
    }

    /// `set server … state ready` would change something.
    fn is_held(self) -> bool {
        self.has(Self::FORCED_MAINT | Self::FORCED_DRAIN)
    }

    /// The state in a few words.
    pub fn words(self) -> &'static str {
        if self.has(Self::FORCED_MAINT) {
            "in maint"
        } else if self.has(Self::UNRESOLVED) {
            "in maint because its name has no address"
        } else if self.has(Self::INHERITED_MAINT) {
            "in maint because the server that it tracks is"
        } else if self.has(Self::FORCED_DRAIN) {
            "draining"
        } else if self.has(Self::INHERITED_DRAIN) {
            "draining because the server that it tracks is"
        } else {
            "ready"
        }
    }
}

/// What one look at an HAProxy shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyFacts {
    /// What the socket's commands may do.
    pub level: SocketLevel,
    /// Every backend.
    pub backends: Vec<String>,
    /// The servers of the backends that were asked for, as `BACKEND/SERVER`.
    pub servers: BTreeMap<String, AdminState>,
}

/// One look at an HAProxy: the facts, or in a sentence why there are none.
#[derive(Clone, Debug)]
pub struct HaproxyLook {
    /// When it began.
    pub began: Moment,
    /// What it shows.
    pub result: Result<HaproxyFacts, String>,
}

/// A state that a server is to be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// It serves.
    Ready,
    /// It does not.
    Maint,
}

impl Setting {
    /// HAProxy's word for it.
    pub fn code(self) -> &'static str {
        match self {
            Setting::Ready => "ready",
            Setting::Maint => "maint",
        }
    }
}

/// One `set server` that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `BACKEND/SERVER`.
    pub server: String,
    /// What it is.
    pub was: AdminState,
    /// What it is to be.
    pub to: Setting,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was {}, set {}", self.server, self.was.words(), self.to.code())
    }
}

impl HaproxyFacts {
    /// Why keyward could set nothing here, in words that follow the name of the socket.
    pub fn hindrance(&self, proxy: &Haproxy) -> Option<String> {
        if self.level < SocketLevel::Admin {
            return Some(format!(
                "has level {} and takes no `set server`: write `level admin` in its `stats socket` line and reload HAProxy",
                self.level.code()
            ));
        }
        let unknown = proxy.names().find(|name| !self.servers.contains_key(*name))?;
        let (backend, server) = unknown.split_once('/').unwrap_or((unknown, ""));
        let of_backend = self.servers.keys().filter_map(|name| name.split_once('/')).filter(|(of, _)| *of == backend);
        let (what, there) = if self.backends.iter().any(|known| known == backend) {
            (format!("no server {server} in backend {backend}"), list(of_backend.map(|(_, server)| server)))
        } else {
            (format!("no backend {backend}"), list(self.backends.iter().map(String::as_str)))
        };
        Some(format!("knows {what}, only {there}: mend `remote` and `local` of the hook"))
    }

    /// The settings that are missing for a side: what is to serve comes first.
    pub fn missing(&self, proxy: &Haproxy, side: Side) -> Vec<Change> {
        let (serving, resting) = proxy.servers(side);
        let change = |name: &str, to: Setting, due: fn(AdminState) -> bool| {
            let was = *self.servers.get(name)?;
            due(was).then(|| Change { server: name.to_owned(), was, to })
        };
        let ready = serving.iter().filter_map(|name| change(name, Setting::Ready, AdminState::is_held));
        let maint = resting.iter().filter_map(|name| change(name, Setting::Maint, |state| !state.is_in_maint()));
        ready.chain(maint).collect()
    }

    /// The servers of a side that do not serve, and how they are.
    pub fn not_serving(&self, proxy: &Haproxy, side: Side) -> Option<String> {
        self.told(proxy.servers(side).0, AdminState::is_ready)
    }

    /// Every server that is not as a side needs it; `None` when all are.
    pub fn deviation(&self, proxy: &Haproxy, side: Side) -> Option<String> {
        let (serving, resting) = proxy.servers(side);
        let wrong = [self.told(serving, AdminState::is_ready), self.told(resting, AdminState::is_in_maint)];
        let wrong: Vec<String> = wrong.into_iter().flatten().collect();
        (!wrong.is_empty()).then(|| wrong.join(", "))
    }

    fn told(&self, names: &[String], right: fn(AdminState) -> bool) -> Option<String> {
        let words = |name: &String| match self.servers.get(name) {
            Some(state) if right(*state) => None,
            Some(state) => Some(format!("{name} is {}", state.words())),
            None => Some(format!("{name} is not there")),
        };
        let wrong: Vec<String> = names.iter().filter_map(words).collect();
        (!wrong.is_empty()).then(|| wrong.join(", "))
    }
}

/// The first few names, and how many more there are.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MOST => format!("{} and {} more", names[..MOST].join(", "), count - MOST),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Haproxy {
        Haproxy {
            socket: HaproxySocket::Unix("/run/haproxy/admin.sock".into()),
            remote: vec!["identity/k1".into()],
            local: vec!["identity/k2".into()],
        }
    }

    fn facts(states: &[(&str, u32)]) -> HaproxyFacts {
        HaproxyFacts {
            level: SocketLevel::Admin,
            backends: vec!["identity".into(), "other".into()],
            servers: states.iter().map(|(name, bits)| ((*name).to_owned(), AdminState(*bits))).collect(),
        }
    }

    fn missing(states: &[(&str, u32)], side: Side) -> Vec<String> {
        facts(states).missing(&proxy(), side).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_serves_is_set_before_what_rests() {
        let start = [("identity/k1", 0), ("identity/k2", 0x05)];
        assert_eq!(
            missing(&start, Side::Local),
            ["identity/k2 was in maint, set ready", "identity/k1 was ready, set maint"]
        );
        assert_eq!(missing(&start, Side::Remote), [""; 0]);
        assert_eq!(facts(&start).deviation(&proxy(), Side::Remote), None);
        let wrong = "identity/k2 is in maint, identity/k1 is ready";
        assert_eq!(facts(&start).deviation(&proxy(), Side::Local).as_deref(), Some(wrong));
    }

    #[test]
    fn a_server_that_the_configuration_disabled_is_ready_when_only_that_bit_is_left() {
        let turned = [("identity/k1", 0x01), ("identity/k2", 0x04)];
        assert_eq!(missing(&turned, Side::Local), [""; 0]);
        assert_eq!(facts(&turned).deviation(&proxy(), Side::Local), None);
        // and that bit alone does not keep it from serving when it must not
        assert_eq!(
            missing(&turned, Side::Remote),
            ["identity/k1 was in maint, set ready", "identity/k2 was ready, set maint"]
        );
    }

    #[test]
    fn draining_is_neither_ready_nor_out() {
        let draining = [("identity/k1", 0x08), ("identity/k2", 0x08)];
        assert_eq!(
            missing(&draining, Side::Local),
            ["identity/k2 was draining, set ready", "identity/k1 was draining, set maint"]
        );
    }

    #[test]
    fn what_no_command_can_mend_is_told_and_not_tried() {
        for (bits, words) in [
            (0x02, "in maint because the server that it tracks is"),
            (0x20, "in maint because its name has no address"),
            (0x10, "draining because the server that it tracks is"),
        ] {
            let stuck = facts(&[("identity/k1", 0x01), ("identity/k2", bits)]);
            assert_eq!(stuck.missing(&proxy(), Side::Local), []);
            assert_eq!(stuck.not_serving(&proxy(), Side::Local), Some(format!("identity/k2 is {words}")));
        }
        // a name in maintenance for want of an address may get one at any moment
        let unresolved = facts(&[("identity/k1", 0), ("identity/k2", 0x20)]);
        assert_eq!(unresolved.missing(&proxy(), Side::Remote).len(), 1);
    }

    #[test]
    fn what_hinders_keyward_is_said_with_what_is_there() {
        let hindrance = |facts: HaproxyFacts| facts.hindrance(&proxy()).unwrap_or_default();
        assert_eq!(hindrance(facts(&[("identity/k1", 0), ("identity/k2", 0)])), "");
        let low = HaproxyFacts { level: SocketLevel::Operator, ..facts(&[]) };
        assert!(hindrance(low).starts_with("has level operator and takes no `set server`: write `level admin`"));
        let without = facts(&[("identity/k1", 0), ("identity/k3", 0)]);
        assert!(hindrance(without).starts_with("knows no server k2 in backend identity, only k1, k3:"));
        let mut renamed = facts(&[]);
        renamed.backends = vec!["keystone".into()];
        assert!(hindrance(renamed).starts_with("knows no backend identity, only keystone:"));
    }
}
