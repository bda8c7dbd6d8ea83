//! The settings of a drill: short patience, and what a drill wants different.

use std::path::Path;

/// One hook: what its script does between writing down its start and its end, or the lines of another kind.
#[derive(Clone, Debug)]
pub struct Hook {
    pub name: String,
    pub body: String,
    pub kind: Option<String>,
    pub timeout: String,
    pub optional: bool,
}

impl Hook {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), body: String::new(), kind: None, timeout: "20s".to_owned(), optional: false }
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    /// No script: these lines of the settings say what it is.
    pub fn kind(mut self, lines: &str) -> Self {
        self.kind = Some(lines.to_owned());
        self
    }

    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub fn timeout(mut self, timeout: &str) -> Self {
        self.timeout = timeout.to_owned();
        self
    }
}

/// What a drill may want different.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub poll_interval: &'static str,
    pub probe_timeout: &'static str,
    pub connect_timeout: &'static str,
    pub beat_interval: &'static str,
    pub auto_setup: bool,
    pub auto_reseed: bool,
    pub verify_every: &'static str,
    pub doctor: String,
    pub unreachable_after: &'static str,
    pub failback_after: &'static str,
    pub master: Option<String>,
    /// Further addresses of the master.
    pub more_masters: Vec<String>,
    /// Further replicas of the region: names and addresses.
    pub more_replicas: Vec<(&'static str, String)>,
    pub replica: Option<String>,
    pub state_dir: Option<String>,
    pub tls: String,
    /// Further lines of `[master]`, of the region, of its failover, and further tables.
    pub more: [String; 4],
    pub hooks: Vec<Hook>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            poll_interval: "150ms",
            probe_timeout: "400ms",
            connect_timeout: "2s",
            beat_interval: "200ms",
            auto_setup: false,
            auto_reseed: false,
            verify_every: "off",
            doctor: "every = \"off\"".to_owned(),
            unreachable_after: "2s",
            failback_after: "1s",
            master: None,
            more_masters: Vec::new(),
            more_replicas: Vec::new(),
            replica: None,
            state_dir: None,
            tls: "mode = \"disabled\"".to_owned(),
            more: Default::default(),
            hooks: vec![Hook::new("local-auth")],
        }
    }
}

impl Wishes {
    pub fn hooks(hooks: impl Into<Vec<Hook>>) -> Self {
        Self { hooks: hooks.into(), ..Self::default() }
    }

    /// The settings file of a daemon that lives in `folder`.
    pub fn text(&self, folder: &Path, http: &str, master: &str, replica: &str) -> String {
        let folder = folder.display();
        let state_dir = self.state_dir.clone().unwrap_or_else(|| format!("{folder}/state"));
        let (master, replica) = (self.master.as_deref().unwrap_or(master), self.replica.as_deref().unwrap_or(replica));
        let Self { poll_interval, probe_timeout, connect_timeout, beat_interval, .. } = self;
        let Self { auto_setup, auto_reseed, verify_every, doctor, .. } = self;
        let masters: Vec<String> =
            [master.to_owned()].iter().chain(&self.more_masters).map(|at| format!("{at:?}")).collect();
        let masters = masters.join(", ");
        let more = |(name, address): &(&str, String)| {
            format!("[[regions.replicas]]\nname = \"{name}\"\naddress = \"{address}\"\n")
        };
        let more_replicas: String = self.more_replicas.iter().map(more).collect();
        let (tls, unreachable_after, failback_after) = (&self.tls, self.unreachable_after, self.failback_after);
        let [of_master, of_region, of_failover, tables] = &self.more;
        let mut text = format!(
            r#"state_dir = "{state_dir}"
poll_interval = "{poll_interval}"
probe_timeout = "{probe_timeout}"
connect_timeout = "{connect_timeout}"
[http]
listen = "{http}"
[control]
socket = "{folder}/control.sock"
[account]
user = "keyward"
password_file = "{folder}/keyward.password"
[tls]
{tls}
[replication]
user = "keyward_repl"
password_file = "{folder}/replication.password"
beat_interval = "{beat_interval}"
auto_setup = {auto_setup}
auto_reseed = {auto_reseed}
verify_every = "{verify_every}"
[doctor]
{doctor}
[replication.tls]
mode = "disabled"
[master]
addresses = [{masters}]
{of_master}
{tables}
[[regions]]
name = "RegionTwo"
{of_region}
[[regions.replicas]]
name = "r2-db1"
address = "{replica}"
{more_replicas}[regions.failover]
unreachable_after = "{unreachable_after}"
failback_after = "{failback_after}"
failback_max_lag = "3s"
{of_failover}
"#
        );
        for Hook { name, kind, timeout, optional, .. } in &self.hooks {
            let kind = kind.clone().unwrap_or_else(|| format!("command = [\"{folder}/{name}.sh\"]"));
            text.push_str(&format!(
                "[[regions.failover.hooks]]\nname = \"{name}\"\n{kind}\n\
                 timeout = \"{timeout}\"\noptional = {optional}\n"
            ));
        }
        text
    }
}
