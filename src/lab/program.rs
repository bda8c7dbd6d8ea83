//! Finding programs, and running them so that none outlives this process.

use std::ffi::OsString;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::kind::Kind;
use crate::model::Family;
use crate::model::time::friendly;

/// The most memory that a process has had so far, in KiB; `None` when it has ended.
pub fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The programs of one kind of server on this host.
#[derive(Debug)]
pub struct Programs {
    /// Which kind.
    pub kind: Kind,
    /// `mariadbd` or `mysqld`
    pub server: PathBuf,
    /// What makes a data folder: `mariadb-install-db`, or MySQL's server itself.
    pub install: PathBuf,
    /// The folder `usr` that holds a fetched server's programs and all that they read; `None` for the installed one.
    pub usr: Option<PathBuf>,
    /// The server's version, for example `10.11.19-MariaDB`.
    pub version: String,
}

impl Programs {
    /// Finds them and asks the server for its version.
    ///
    /// # Errors
    /// One is missing (the sentence says what to install or fetch), or the server does not tell its version.
    pub fn find(kind: Kind) -> anyhow::Result<Self> {
        let packages = "mariadb-server-core mariadb-client-core";
        let usr = kind.fetched()?;
        let (server, install) = match (&usr, kind.family()) {
            (None, _) => (find("mariadbd", packages)?, find("mariadb-install-db", packages)?),
            (Some(usr), Family::MariaDb) => (usr.join("sbin/mariadbd"), usr.join("bin/mariadb-install-db")),
            (Some(usr), Family::MySql) => (usr.join("sbin/mysqld"), usr.join("sbin/mysqld")),
        };
        let said = finish(&server, Duration::from_secs(10), |command| command.args(["--no-defaults", "--version"]))?;
        let version = said.split_whitespace().skip_while(|word| *word != "Ver").nth(1);
        let version = version.with_context(|| format!("{} does not tell its version: {said}", server.display()))?;
        let version = version.split_inclusive("-MariaDB").next().unwrap_or(version).to_owned();
        Ok(Self { kind, server, install, usr, version })
    }
}

/// Finds a program on `PATH` or where the system keeps servers.
///
/// # Errors
/// It is not there; the sentence says which Debian packages bring it.
pub fn find(name: &str, packages: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    match folders.map(|folder| folder.join(name)).find(|file| file.is_file()) {
        Some(file) => Ok(file),
        None => bail!("{name} is not installed here: run `apt-get install --no-install-recommends {packages}`"),
    }
}

/// Starts a program in a process group of its own (Ctrl-C is not sent to it), to be killed when this process ends,
/// however it ends. `configure` gives it arguments, environment and where its output goes; its input is empty.
///
/// # Errors
/// It cannot be started.
pub fn spawn(program: &Path, configure: impl FnOnce(&mut Command) -> &mut Command) -> anyhow::Result<Child> {
    spawn_through(&[], program, configure)
}

/// The same through `launcher`: a program and its arguments that becomes `program` in the end. Empty for none.
///
/// # Errors
/// It cannot be started.
pub fn spawn_through(
    launcher: &[String],
    program: &Path,
    configure: impl FnOnce(&mut Command) -> &mut Command,
) -> anyhow::Result<Child> {
    let mut words: Vec<OsString> = launcher.iter().map(OsString::from).collect();
    words.push(program.into());
    let mut command = match find("setpriv", "util-linux") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).args(words);
            command
        }
        Err(_) => {
            let mut command = Command::new(words.remove(0));
            command.args(words);
            command
        }
    };
    configure(command.process_group(0).stdin(Stdio::null()));
    let (answer, answered) = channel();
    starter().send(Job { command, answer }).ok();
    let started = answered.recv().context("the thread that starts programs has ended")?;
    started.with_context(|| format!("start {}", program.display()))
}

/// Runs a program to its end and returns what it printed.
///
/// # Errors
/// It cannot be started, has not ended within `limit`, or failed; the sentence holds the end of what it printed.
pub fn finish(
    program: &Path,
    limit: Duration,
    configure: impl FnOnce(&mut Command) -> &mut Command,
) -> anyhow::Result<String> {
    let mut output = tempfile::tempfile().context("make a temporary file")?;
    let (out, err) = (output.try_clone()?, output.try_clone()?);
    let mut child = spawn(program, |command| configure(command).stdout(out).stderr(err))?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if started.elapsed() > limit => break None,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    if status.is_none() {
        end(&mut child);
    }
    let mut said = Vec::new();
    output.rewind()?;
    output.take(1 << 20).read_to_end(&mut said)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    match status {
        Some(status) if status.success() => Ok(said),
        Some(status) => bail!("{} failed ({status}): {}", program.display(), tail(&said, 5)),
        None => bail!("{} has not ended within {}: {}", program.display(), friendly(limit), tail(&said, 5)),
    }
}

/// Kills a program and waits until it is gone.
pub fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// The last lines of a text, on one line.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join(" | ")
}

struct Job {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// The kernel sends the death signal when the *thread* ends that started a program, and the threads of a test or of a
/// blocking task end early. This one ends with the process.
fn starter() -> &'static Sender<Job> {
    static STARTER: OnceLock<Sender<Job>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let (jobs, queue) = channel::<Job>();
        std::thread::spawn(move || {
            for mut job in queue {
                job.answer.send(job.command.spawn()).ok();
            }
        });
        jobs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_outlives_the_thread_that_asked_for_it_and_ends_at_its_limit() {
        let sleep = find("sleep", "coreutils").unwrap();
        let mut child = std::thread::spawn({
            let sleep = sleep.clone();
            move || spawn(&sleep, |command| command.arg("600")).unwrap()
        })
        .join()
        .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none());
        end(&mut child);

        let error = finish(&sleep, Duration::from_millis(100), |command| command.arg("600")).unwrap_err();
        assert!(error.to_string().contains("has not ended within 100ms"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = find("no-such-program", "some-package").unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("some-package"), "{error}");
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let sh = find("sh", "dash").unwrap();
        let error = finish(&sh, Duration::from_secs(10), |command| command.args(["-c", "echo why >&2; exit 3"]));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("why"), "{error}");
    }
}
