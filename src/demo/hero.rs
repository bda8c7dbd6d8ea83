//! This program as an operator meets it: `keyward setup` run to its end, `keyward run` beside, its status over HTTP.

use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::lab::{http, program};
use crate::model::view::{RegionView, Snapshot};

const SETUP_LIMIT: Duration = Duration::from_secs(60);
/// No step of the story takes longer.
const STEP_LIMIT: Duration = Duration::from_secs(30);

/// The program with its settings.
#[derive(Debug)]
pub(super) struct Hero {
    program: PathBuf,
    settings: PathBuf,
    log: PathBuf,
    http: String,
    daemon: Option<Child>,
}

impl Hero {
    pub(super) fn new(folder: &Path, settings: PathBuf, http: String) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("find this program's own file")?;
        Ok(Self { program, settings, log: folder.join("keyward.log"), http, daemon: None })
    }

    /// `keyward setup`, with the servers' sockets as administrators. Returns what it printed.
    pub(super) async fn setup(&self, master: &Path, replica: &Path) -> anyhow::Result<String> {
        let (program, settings) = (self.program.clone(), self.settings.clone());
        let (master, replica) = (master.to_owned(), replica.to_owned());
        let run = move || {
            program::finish(&program, SETUP_LIMIT, |command| {
                with_settings(command.arg("setup"), &settings)
                    .arg("--master-admin")
                    .arg(master)
                    .arg("--replica-admin")
                    .arg(replica)
                    // root of the lab has none; unset would mean to ask
                    .env("KEYWARD_MASTER_ADMIN_PASSWORD", "")
                    .env("KEYWARD_REPLICA_ADMIN_PASSWORD", "")
            })
        };
        tokio::task::spawn_blocking(run).await?
    }

    /// `keyward verify`. Returns what it printed; a difference is an error.
    pub(super) async fn verify(&self) -> anyhow::Result<String> {
        let (program, settings) = (self.program.clone(), self.settings.clone());
        let run =
            move || program::finish(&program, SETUP_LIMIT, |command| with_settings(command.arg("verify"), &settings));
        tokio::task::spawn_blocking(run).await?
    }

    /// `keyward run`, until this is dropped.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let log = File::create(&self.log).with_context(|| format!("write {}", self.log.display()))?;
        let err = log.try_clone()?;
        let settings = self.settings.clone();
        let child = program::spawn(&self.program, |command| {
            with_settings(command.arg("run"), &settings).stdout(log).stderr(err)
        })?;
        self.daemon = Some(child);
        Ok(())
    }

    /// The last lines of the daemon's log.
    pub(super) fn log_tail(&self) -> String {
        let text = read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Its status document.
    pub(super) async fn region(&self) -> anyhow::Result<RegionView> {
        let answer = http::get(&self.http, "/api/v1/status").await?;
        let snapshot: Snapshot = serde_json::from_str(&answer.body).context("read the status document")?;
        snapshot.regions.into_iter().next().context("the status document names no region")
    }

    /// Asks for the status until `there`, and says what was waited for when it does not come.
    pub(super) async fn wait_for(
        &mut self,
        what: &str,
        there: impl Fn(&RegionView) -> bool,
    ) -> anyhow::Result<RegionView> {
        let started = Instant::now();
        loop {
            let seen = self.region().await;
            if let Some(status) = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().ok().flatten()) {
                bail!("{what}: keyward run ended ({status})");
            }
            match seen {
                Ok(region) if there(&region) => return Ok(region),
                Ok(region) if started.elapsed() > STEP_LIMIT => {
                    bail!("{what}: not within 30 s; phase {}: {}", region.phase, region.sentence)
                }
                Err(error) if started.elapsed() > STEP_LIMIT => bail!("{what}: not within 30 s; {error:#}"),
                _ => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }
}

impl Drop for Hero {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            program::end(daemon);
        }
    }
}

/// Only the file counts: settings in the environment of whoever runs the demo are taken away.
fn with_settings<'a>(command: &'a mut Command, settings: &Path) -> &'a mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYWARD__") {
            command.env_remove(name);
        }
    }
    command.env("KEYWARD_CONFIG", settings)
}
