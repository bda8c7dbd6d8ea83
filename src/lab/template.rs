//! The data folder that every server of a kind starts from: made once (2 s to 5 s), then copied (0.15 s).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use super::program::{Programs, finish};
use crate::model::Family;

/// Environment variable with a folder in which data folders are kept for the next run.
pub const CACHE: &str = "KEYWARD_LAB_CACHE";
const LIMIT: Duration = Duration::from_secs(120);

/// The lines of an option file that a data folder must be made with and run with.
pub fn lines(programs: &Programs) -> String {
    let mut lines = "innodb_data_file_path=ibdata1:12M:autoextend\n".to_owned();
    lines.push_str(match programs.kind.family() {
        Family::MariaDb => "innodb_log_file_size=16M\n",
        // it waits for a disk far more often than MariaDB; what is written outlives a killed server in any case
        Family::MySql => "innodb_redo_log_capacity=16M\ninnodb_flush_method=nosync\n",
    });
    if let Some(usr) = &programs.usr {
        lines.push_str(&format!("basedir={}\n", usr.display()));
    }
    if rustix::process::geteuid().is_root() {
        lines.push_str("user=root\n");
    }
    lines
}

/// The folder in which is kept what is made once: the one of `KEYWARD_LAB_CACHE`, or without that one in `folder`.
///
/// # Errors
/// It cannot be made.
pub fn cache(folder: &Path) -> anyhow::Result<PathBuf> {
    let cache = std::env::var_os(CACHE).map_or_else(|| folder.join("cache"), PathBuf::from);
    fs::create_dir_all(&cache).with_context(|| format!("make the folder {}", cache.display()))?;
    Ok(cache)
}

/// The folder to copy, made now if it is not there. Without `KEYWARD_LAB_CACHE` it is kept in `folder`.
/// Blocks while another process makes it.
///
/// # Errors
/// The cache cannot be written, or the program that makes the folder failed.
pub fn data_folder(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    let cache = cache(folder)?;
    let user = rustix::process::geteuid().as_raw();
    let ready = cache.join(format!("data-{}-{user}", programs.version));
    let lock = File::create(cache.join("lock")).with_context(|| format!("lock the folder {}", cache.display()))?;
    flock(&lock, FlockOperation::LockExclusive).with_context(|| format!("lock the folder {}", cache.display()))?;
    if !ready.is_dir() {
        let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(&cache)?;
        install(programs, unfinished.path())?;
        // a rename, so that a folder under the final name is always complete
        fs::rename(unfinished.path().join("data"), &ready)
            .with_context(|| format!("move the data folder to {}", ready.display()))?;
    }
    Ok(ready)
}

fn install(programs: &Programs, work: &Path) -> anyhow::Result<()> {
    let (options, temporary) = (work.join("my.cnf"), work.join("tmp"));
    // of its own: a server that starts deletes the temporary tables of all others in the same folder
    fs::create_dir(&temporary).with_context(|| format!("make the folder {}", temporary.display()))?;
    let lines = format!("[mysqld]\n{}tmpdir={}\n", lines(programs), temporary.display());
    fs::write(&options, lines).with_context(|| format!("write {}", options.display()))?;
    finish(&programs.install, LIMIT, |command| {
        command.arg(format!("--defaults-file={}", options.display()));
        command.arg(format!("--datadir={}", work.join("data").display()));
        match programs.kind.family() {
            Family::MySql => return command.arg("--initialize-insecure"),
            Family::MariaDb => command.args([
                "--auth-root-authentication-method=normal", // a machine that cannot look its own name up is no reason to stop
                "--force",
                "--skip-test-db",
                "--skip-name-resolve",
            ]),
        };
        // a script, which looks for its programs before it reads the option file
        command.args(programs.usr.iter().map(|usr| format!("--basedir={}", usr.display())));
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    })?;
    // the name that MySQL gives itself: each copy is to make its own
    match fs::remove_file(work.join("data/auto.cnf")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove auto.cnf"),
        _ => Ok(()),
    }
}
