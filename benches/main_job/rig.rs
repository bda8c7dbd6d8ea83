//! Two servers, set up, and the daemon that watches them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use keyward::lab::keystone::{self, Size};
use keyward::lab::port::Port;
use keyward::lab::{Lab, Server, Spec, http, program};
use keyward::model::Phase;
use keyward::model::view::{RegionView, Snapshot};

use crate::net::Net;

pub const LIMIT: Duration = Duration::from_secs(60);
const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");

/// How often keyward looks and beats, and how long it waits. Lines of its settings.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub name: &'static str,
    pub looks: &'static str,
    pub beats: &'static str,
    pub unreachable_after: &'static str,
    /// One look's interval.
    pub look: Duration,
}

/// The defaults, but for the patience.
pub const DEFAULT: Pace = Pace {
    name: "looks every 1 s, unreachable_after 5 s",
    looks: "",
    beats: "",
    unreachable_after: "5s",
    look: Duration::from_secs(1),
};
/// The shortest patience that the settings take.
pub const SHORTEST: Pace = Pace {
    name: "looks every 50 ms, unreachable_after 500 ms",
    looks: "poll_interval = \"50ms\"\nprobe_timeout = \"150ms\"",
    beats: "beat_interval = \"200ms\"",
    unreachable_after: "500ms",
    look: Duration::from_millis(50),
};
/// For the measurement of lag; no failover in it.
pub const LAG: Pace = Pace {
    name: "looks every 200 ms, beats every 100 ms",
    looks: "poll_interval = \"200ms\"",
    beats: "beat_interval = \"100ms\"",
    unreachable_after: "5m",
    look: Duration::from_millis(200),
};

/// The servers and the daemon. The daemon ends first.
pub struct Rig {
    daemon: Option<Child>,
    pub one: Server,
    pub two: Server,
    pub http: String,
    _port: Port,
    pub lab: Lab,
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            program::end(daemon);
        }
    }
}

impl Rig {
    /// Both servers on this machine; with a `net`, the master stands at its far end.
    pub async fn make(pace: Pace, net: Option<&Net>) -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        let authority = lab.authority("ca")?;
        let host = net.map_or("127.0.0.1", |_| Net::FAR);
        let certificate = authority.issue("one", &["IP:127.0.0.1", &format!("IP:{host}")])?;
        let mut spec = Spec::new("one", 101).tls(&certificate);
        if let Some(net) = net {
            let words = net.far_end();
            spec = spec.line("bind_address=0.0.0.0").below(&words.each_ref().map(String::as_str));
        }
        let one = lab.start(spec).await?;
        let filter = ["replicate_wild_do_table=keystone.%", "replicate_wild_do_table=keyward.%"];
        let spec = Spec::new("two", 201).tls(&authority.server("two")?).lines(&filter);
        let spec = spec.lines(&["skip_slave_start", "read_only=1", "slave_net_timeout=4"]);
        let two = lab.start(spec).await?;
        keystone::load(&one, "keystone", Size { users: 3_000, projects: 400 }).await?;
        let port = Port::take().context("find a free port")?;
        let http = format!("127.0.0.1:{}", port.number());
        let settings = include_str!("settings.toml")
            .replace("{looks}", pace.looks)
            .replace("{beats}", pace.beats)
            .replace("{unreachable_after}", pace.unreachable_after)
            .replace("{folder}", &lab.folder().display().to_string())
            .replace("{http}", &http)
            .replace("{ca}", &authority.ca_file().display().to_string())
            .replace("{master}", &format!("{host}:{}", one.port()))
            .replace("{replica}", &two.address());
        write_files(lab.folder(), settings)?;
        let mut rig = Self { daemon: None, one, two, http, _port: port, lab };
        rig.keyward(&["setup", "--master-admin", &path(&rig.one), "--replica-admin", &path(&rig.two)])?;
        let log = fs::File::create(rig.log_file())?;
        let settings = rig.settings();
        let run = program::spawn(Path::new(KEYWARD), |command| {
            command.arg("run").env("KEYWARD_CONFIG", settings).stderr(log)
        });
        rig.daemon = Some(run?);
        rig.home().await?;
        Ok(rig)
    }

    fn log_file(&self) -> PathBuf {
        self.lab.folder().join("keyward.log")
    }

    /// What the daemon has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn settings(&self) -> PathBuf {
        self.lab.folder().join("keyward.toml")
    }

    pub fn keyward(&self, arguments: &[&str]) -> anyhow::Result<String> {
        program::finish(Path::new(KEYWARD), LIMIT, |command| {
            command
                .args(arguments)
                .env("KEYWARD_CONFIG", self.settings())
                .env("KEYWARD_MASTER_ADMIN_PASSWORD", "")
                .env("KEYWARD_REPLICA_ADMIN_PASSWORD", "")
        })
    }

    /// The daemon's process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.daemon.as_ref().map(Child::id).context("the daemon runs")
    }

    pub async fn region(&self) -> anyhow::Result<RegionView> {
        let answer = http::get(&self.http, "/api/v1/status").await?;
        let snapshot: Snapshot = serde_json::from_str(&answer.body).context("read the status document")?;
        snapshot.regions.into_iter().next().context("the status document names no region")
    }

    pub async fn wait_for(&self, what: &str, there: impl Fn(&RegionView) -> bool) -> anyhow::Result<RegionView> {
        let started = Instant::now();
        loop {
            match self.region().await {
                Ok(region) if there(&region) => return Ok(region),
                seen if started.elapsed() > LIMIT => {
                    bail!("not {what} within 60 s: {seen:?}; log: {}", program::tail(&self.log(), 10))
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Back to a healthy `remote`. An episode is ended by hand, so that no damper makes the next one wait longer.
    pub async fn home(&mut self) -> anyhow::Result<()> {
        let region = self.wait_for("settled", |region| {
            region.master_up == Some(true) && matches!(region.phase, Phase::Remote | Phase::Local)
        });
        if region.await?.phase == Phase::Local {
            self.keyward(&["failback", "RegionTwo", "--force", "--reason", "the next run"])?;
        }
        self.wait_for("home and ready", |region| region.phase == Phase::Remote && region.ready).await?;
        Ok(())
    }
}

fn path(server: &Server) -> String {
    server.socket().display().to_string()
}

fn write_files(folder: &Path, settings: String) -> anyhow::Result<()> {
    let stamp = format!("#!/bin/sh\ndate +%s.%N >>{}/stamps\n", folder.display());
    let files =
        [("keyward.toml", settings, 0o600), ("stamp", stamp, 0o755), ("password", "of-the-bench\n".into(), 0o600)];
    for (name, text, mode) in files {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
    }
    Ok(fs::create_dir(folder.join("state"))?)
}
