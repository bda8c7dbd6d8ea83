//! One Keystone: configured, started, killed, frozen and started again on the same port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::client::Api;
use super::memcached::Memcached;
use super::release::{Fetched, Release};
use super::seed::Seed;
use super::{ACCOUNT, ACCOUNT_PASSWORD};
use crate::lab::Lab;
use crate::lab::port::Port;
use crate::lab::process::Process;

/// The folders of keys, below the one that a Keystone is told.
pub(super) const KEYS: [&str; 2] = ["fernet-keys", "credential-keys"];
/// Requests hang while a database is frozen, and others must have room beside them. All in one process, so that the
/// first request that is answered has loaded what all others need.
const THREADS: usize = 32;

/// uWSGI under load now and then hangs for good while it loads Keystone; then it is killed and started again.
const STARTS: usize = 3;
/// Limit of each start and of a stop; a machine under load starts a Keystone in 20 s.
const LIMIT: Duration = Duration::from_secs(60);

/// Which Keystone to start.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    database: String,
    keys: PathBuf,
    cache: Option<String>,
    lines: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Spec {
    /// A Keystone with a name that is unique in its lab, for example `k1`; its database is the schema `keystone` of
    /// the server at `database` (`host:port`), its keys are in the folder `keys` (see `Seed::copy_keys`).
    pub fn new(name: &str, database: &str, keys: &Path) -> Self {
        let (name, database, keys) = (name.to_owned(), database.to_owned(), keys.to_owned());
        Self { name, database, keys, cache: None, lines: Vec::new(), environment: Vec::new() }
    }

    /// Caches in this memcached, as clouds do.
    pub fn cache(mut self, memcached: &Memcached) -> Self {
        self.cache = Some(memcached.address());
        self
    }

    /// More lines for the end of `keystone.conf`, with their sections' headings; a section may be there twice, and of
    /// a setting the last one counts.
    pub fn lines(mut self, lines: &[&str]) -> Self {
        self.lines.extend(lines.iter().map(|line| (*line).to_owned()));
        self
    }

    /// With the project's tolerant drivers, which are in this folder (see `Fetched::drivers`).
    pub fn drivers(self, folder: &Path) -> Self {
        self.variable("PYTHONPATH", &folder.display().to_string()).lines(&[
            "[identity]",
            "driver = keyward",
            "[shadow_users]",
            "driver = keyward",
        ])
    }

    /// One more variable of its environment, for example `PYTHONPATH`.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A Keystone of the lab on 127.0.0.1. It is killed when dropped.
#[derive(Debug)]
pub struct Keystone {
    dir: PathBuf,
    port: Port,
    fetched: Fetched,
    environment: Vec<(String, String)>,
    process: Process,
}

impl Keystone {
    /// Configures one, starts it and waits until `GET /v3` is answered.
    ///
    /// # Errors
    /// What kept it from answering within three minutes, with the end of its log.
    pub async fn start(lab: &Lab, seed: &Seed, spec: Spec) -> anyhow::Result<Self> {
        let dir = lab.folder().join(&spec.name);
        fs::create_dir(&dir).with_context(|| format!("make the folder {}", dir.display()))?;
        let process = Process::new(&format!("Keystone {}", spec.name), dir.join("log")).within(LIMIT);
        let port = Port::take().context("find a free port")?;
        write_conf(&dir.join("keystone.conf"), &spec.database, &spec.keys, spec.cache.as_deref(), &spec.lines)?;
        let (fetched, environment) = (seed.fetched().clone(), spec.environment);
        let mut keystone = Self { dir, port, fetched, environment, process };
        keystone.start_again().await?;
        Ok(keystone)
    }

    /// Starts it after a stop or a kill.
    ///
    /// # Errors
    /// It is running, or as `start`.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let mut tries = 1;
        while let Err(error) = self.try_to_start().await {
            if tries == STARTS || self.process.pid().is_some() {
                return Err(error);
            }
            tries += 1;
        }
        Ok(())
    }

    async fn try_to_start(&mut self) -> anyhow::Result<()> {
        let python = self.fetched.python();
        let (program, words) = match self.fetched.release {
            Release::Debian => (self.fetched.usr().join("bin/uwsgi-core"), self.uwsgi()?),
            // no word more: Keystone takes gunicorn's words for its own
            Release::Newest => (python, self.gunicorn()?),
        };
        let (dir, conf, environment) = (self.dir.clone(), self.conf_file(), self.environment.clone());
        let configure = |command: &mut Command| {
            command.args(words).current_dir(&dir).env("OS_KEYSTONE_CONFIG_FILES", conf);
            command.env("OS_KEYSTONE_CONFIG_DIR", &dir).env("PYTHONNOUSERSITE", "1").envs(environment);
        };
        let api = self.api().limit(Duration::from_secs(5));
        let answers = || async {
            match api.get("", "/v3").await?.status {
                200 => Ok(()),
                other => bail!("GET /v3 gives {other}"),
            }
        };
        self.process.start(&program, configure, answers).await
    }

    /// Ends it in good order and waits.
    ///
    /// # Errors
    /// It has not ended within a minute; then it is killed.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        // to uWSGI TERM means: load everything again
        let signal = if self.fetched.release == Release::Debian { Signal::INT } else { Signal::TERM };
        self.process.stop(signal).await
    }

    /// Its processes, to be killed, frozen and thawed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its port, kept while it is down.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `host:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// A client of it.
    pub fn api(&self) -> Api {
        Api::at(&self.address())
    }

    /// Its release.
    pub fn release(&self) -> Release {
        self.fetched.release
    }

    /// `keystone.conf`; a change counts from the next start.
    pub fn conf_file(&self) -> PathBuf {
        self.dir.join("keystone.conf")
    }

    /// Its log, with what uWSGI or gunicorn say.
    pub fn log_file(&self) -> &Path {
        self.process.log_file()
    }

    fn uwsgi(&self) -> anyhow::Result<Vec<String>> {
        let usr = self.fetched.usr();
        let file = self.dir.join("uwsgi.ini");
        let text = format!(
            "[uwsgi]\nplugins-dir = {0}/lib/uwsgi/plugins\nplugin = python311\npyhome = {0}\n\
             http-socket = {1}\nwsgi-file = {0}/bin/keystone-wsgi-public\nmaster = true\nprocesses = 1\n\
             no-orphans = true\nneed-app = true\nthreads = {THREADS}\nbuffer-size = 65535\n\
             worker-reload-mercy = 5\n",
            usr.display(),
            self.address()
        );
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        Ok(vec!["--ini".to_owned(), file.display().to_string()])
    }

    fn gunicorn(&self) -> anyhow::Result<Vec<String>> {
        // the file that gunicorn looks for where it starts
        let file = self.dir.join("gunicorn.conf.py");
        let text = format!(
            "bind = '{}'\nworkers = 1\nthreads = {THREADS}\npreload_app = True\nwsgi_app = 'keystone.wsgi.api:application'\n\
             timeout = 120\ngraceful_timeout = 5\n",
            self.address()
        );
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        Ok(["-m", "gunicorn"].map(str::to_owned).to_vec())
    }
}

/// Writes a `keystone.conf`.
pub(super) fn write_conf(
    file: &Path,
    database: &str,
    keys: &Path,
    cache: Option<&str>,
    lines: &[String],
) -> anyhow::Result<()> {
    let [fernet, credential] = KEYS.map(|name| keys.join(name).display().to_string());
    let mut text = format!(
        "[DEFAULT]\nuse_stderr = true\n\
         [database]\nconnection = mysql+pymysql://{ACCOUNT}:{ACCOUNT_PASSWORD}@{database}/keystone\n\
         max_retries = 2\nretry_interval = 1\n\
         [token]\nprovider = fernet\n\
         [fernet_tokens]\nkey_repository = {fernet}\n\
         [credential]\nkey_repository = {credential}\n\
         [identity]\npassword_hash_rounds = 4\n"
    );
    if let Some(cache) = cache {
        text.push_str(&format!(
            "[cache]\nenabled = true\nbackend = dogpile.cache.pymemcache\nmemcache_servers = {cache}\n"
        ));
    }
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}
