//! The releases of Keystone that the lab runs, and where their programs are.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::lab::skip::skip;

/// Environment variable with the folder into which `scripts/fetch-keystone` puts Keystones.
pub const KEYSTONES: &str = "KEYWARD_LAB_KEYSTONES";

/// A release of Keystone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// Keystone 22 of Debian 12, run by uWSGI.
    Debian,
    /// The newest of PyPI (`scripts/keystone-newest.txt` says which), run by gunicorn.
    Newest,
}

impl Release {
    /// All of them.
    pub const ALL: [Release; 2] = [Release::Debian, Release::Newest];

    /// Its name, which is the one that `scripts/fetch-keystone` takes.
    pub fn name(self) -> &'static str {
        match self {
            Release::Debian => "debian",
            Release::Newest => "newest",
        }
    }

    /// What was fetched.
    ///
    /// # Errors
    /// It has not been fetched; the sentence says why, or how to.
    pub fn fetched(self) -> anyhow::Result<Fetched> {
        let name = self.name();
        let Some(all) = std::env::var_os(KEYSTONES).map(PathBuf::from) else {
            bail!("there is no Keystone here: {KEYSTONES} names no folder with them");
        };
        // the last file that scripts/fetch-keystone writes
        if let Ok(said) = std::fs::read_to_string(all.join(name).join("version")) {
            let version = said.trim().trim_start_matches("keystone ").to_owned();
            return Ok(Fetched { release: self, folder: std::path::absolute(all.join(name))?, version });
        }
        match std::fs::read_to_string(all.join(format!("{name}.missing"))) {
            Ok(why) => bail!("there is no Keystone ({name}) here: {}", why.trim()),
            Err(_) => bail!("there is no Keystone ({name}) here: run `scripts/fetch-keystone {name}`"),
        }
    }
}

/// Whether there is no Keystone of this release here; the test on this thread then counts as skipped.
pub fn lacks(release: Release) -> bool {
    let fetched = release.fetched();
    if let Err(why) = &fetched {
        skip(&why.to_string());
    }
    fetched.is_err()
}

/// A release that is here.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Which.
    pub release: Release,
    /// Its exact version, for example `22.0.2`.
    pub version: String,
    folder: PathBuf,
}

impl Fetched {
    /// Its Python, which finds Keystone and all that Keystone stands on.
    pub fn python(&self) -> PathBuf {
        match self.release {
            Release::Debian => self.usr().join("bin/python3.11"),
            Release::Newest => self.folder.join("bin/python"),
        }
    }

    /// `keystone-manage`, a script for that Python.
    pub fn manage(&self) -> PathBuf {
        match self.release {
            Release::Debian => self.usr().join("bin/keystone-manage"),
            Release::Newest => self.folder.join("bin/keystone-manage"),
        }
    }

    /// The folder `usr` of the unpacked packages; only Debian's has one.
    pub(super) fn usr(&self) -> PathBuf {
        self.folder.join("usr")
    }

    /// The folder as such, for a package that is to be added to it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder with the project's tolerant drivers, for `PYTHONPATH`.
    ///
    /// # Errors
    /// They have not been built.
    pub fn drivers(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.with_file_name("drivers");
        // the last file that scripts/build-keystone-drivers writes
        if !folder.join("built").is_file() {
            bail!("the drivers in keystone/ are not built: run `scripts/build-keystone-drivers`");
        }
        Ok(folder)
    }

    /// Runs `keystone-manage` to its end with this configuration file.
    ///
    /// # Errors
    /// It failed, or took longer than three minutes; the sentence holds the end of what it printed.
    pub fn run_manage(&self, conf: &Path, words: &[&str]) -> anyhow::Result<String> {
        let limit = std::time::Duration::from_secs(180);
        let said = crate::lab::program::finish(&self.python(), limit, |command| {
            command.arg(self.manage()).arg("--config-file").arg(conf).args(words)
        });
        said.with_context(|| format!("run keystone-manage {}", words.first().unwrap_or(&"")))
    }
}
