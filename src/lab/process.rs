//! A program of the lab, with all that it starts: started, frozen, stopped and killed.

use std::fs::OpenOptions;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::program;

/// Limit of a start and of a stop; a machine under load starts a Keystone in 20 s.
const LIMIT: Duration = Duration::from_secs(120);

/// A program of the lab that may be running. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    below: Vec<String>,
    limit: Duration,
    child: Option<Child>,
}

impl Process {
    /// One that is not running yet and will write into this log.
    pub fn new(name: &str, log: PathBuf) -> Self {
        Self { name: name.to_owned(), log, below: Vec::new(), limit: LIMIT, child: None }
    }

    /// It is started through another program that becomes it, with these words before its own.
    pub fn below(mut self, words: &[String]) -> Self {
        self.below = words.to_vec();
        self
    }

    /// With another limit of a start and of a stop than two minutes.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Its log, kept over restarts.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Its process, which began all others; `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it and waits until `answers` does not fail any more.
    ///
    /// # Errors
    /// It is running already, cannot be started, ended, or did not answer within its limit; with the end of its log.
    pub async fn start<F, W>(
        &mut self,
        program: &Path,
        configure: impl FnOnce(&mut Command),
        answers: F,
    ) -> anyhow::Result<()>
    where
        F: Fn() -> W,
        W: Future<Output = anyhow::Result<()>>,
    {
        if self.child.is_some() {
            bail!("{} is running already", self.name);
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", self.log.display()))?;
        let errors = log.try_clone().context("open a log")?;
        let configure = |command: &mut Command| configure(command.stdout(log).stderr(errors));
        self.child = Some(program::spawn_through(&self.below, program, |command| {
            configure(command);
            command
        })?);
        let started = Instant::now();
        while let Err(error) = answers().await {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || started.elapsed() > self.limit {
                self.kill9();
                let said = std::fs::read(&self.log).unwrap_or_default();
                let said = program::tail(&String::from_utf8_lossy(&said), 8);
                let what = ended.map_or(format!("does not answer ({error:#})"), |status| format!("ended ({status})"));
                bail!("the lab's {} {what}: {said}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends it in good order with this signal and waits; nothing happens when it is down.
    ///
    /// # Errors
    /// It has not ended within its limit; then it is killed.
    pub async fn stop(&mut self, signal: Signal) -> anyhow::Result<()> {
        let Some(pid) = self.raw_pid() else { return Ok(()) };
        // to the first process only, which ends the others
        kill_process(pid, signal).with_context(|| format!("stop the lab's {}", self.name))?;
        let started = Instant::now();
        while let Some(child) = &mut self.child {
            if child.try_wait().context("wait for a program")?.is_some() {
                // those that it left behind
                kill_process_group(pid, Signal::KILL).ok();
                self.child = None;
            } else if started.elapsed() > self.limit {
                self.kill9();
                bail!("the lab's {} did not stop", self.name);
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Kills all of it with SIGKILL and waits until it is gone.
    pub fn kill9(&mut self) {
        if let Some(pid) = self.raw_pid() {
            kill_process_group(pid, Signal::KILL).ok();
        }
        if let Some(mut child) = self.child.take() {
            program::end(&mut child);
        }
    }

    /// Freezes all of it (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Thaws it (SIGCONT).
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let Some(pid) = self.raw_pid() else { return Ok(()) };
        kill_process_group(pid, signal).with_context(|| format!("send a signal to the lab's {}", self.name))
    }

    // `spawn` gives every program a process group of its own
    fn raw_pid(&self) -> Option<Pid> {
        self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}
