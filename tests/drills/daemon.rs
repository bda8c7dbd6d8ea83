//! The built program as a daemon, and what its operator sees of it.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use keyward::act::stamp::{self, Stamp};
use keyward::lab::port::Port;
use keyward::lab::{http, program};
use keyward::model::observation::ServerIdentity;
use keyward::model::view::{RegionView, Snapshot};
use keyward::model::{Event, EventKind, Phase, RegionName, ReplicaName};
use rustix::process::{Pid, Signal, kill_process};

use super::hooks;
use super::pair::Pair;
use super::settings::{Hook, Wishes};

/// How long anything that must come is waited for.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A daemon with a folder of its own.
pub struct Daemon {
    pub folder: PathBuf,
    /// A program and its arguments through which it and its commands are started; empty for none.
    pub launcher: Vec<String>,
    http: Port,
    child: Option<Child>,
    // keeps the folder
    _lab: keyward::lab::Lab,
}

impl Daemon {
    /// A daemon that is not started yet, named `name` in the pair's lab.
    pub fn new(pair: &Pair, name: &str, wishes: Wishes) -> Self {
        let folder = pair.lab.folder().join(name);
        fs::create_dir_all(folder.join("state")).unwrap();
        fs::write(folder.join("keyward.password"), "kw\n").unwrap();
        fs::write(folder.join("replication.password"), "rp\n").unwrap();
        let (http, launcher) = (Port::take().unwrap(), Vec::new());
        let daemon = Self { folder, launcher, http, child: None, _lab: pair.lab.clone() };
        daemon.configure(pair, &wishes);
        daemon
    }

    /// Writes settings and hooks; they count from the next start.
    pub fn configure(&self, pair: &Pair, wishes: &Wishes) {
        let text = wishes.text(&self.folder, &self.http(), &pair.master.address(), &pair.replica.address());
        fs::write(self.folder.join("keyward.toml"), text).unwrap();
        wishes.hooks.iter().for_each(|hook| self.install(hook));
    }

    /// Replaces a hook's script.
    pub fn install(&self, hook: &Hook) {
        hooks::install(&self.folder, hook);
    }

    pub fn state_file(&self) -> PathBuf {
        self.folder.join("state/state.json")
    }

    pub fn write_stamp(&self, uid: &str, server_id: u32) {
        let stamp = Stamp {
            region: RegionName("RegionTwo".to_owned()),
            replica: ReplicaName("r2-db1".to_owned()),
            identity: ServerIdentity { uid: uid.to_owned(), server_id },
            stamped_at: jiff::Timestamp::now(),
            written: String::new(),
        };
        stamp::write(&self.folder.join("state"), &stamp).unwrap();
    }

    /// Starts it and waits until it answers over HTTP.
    pub async fn start(&mut self) {
        self.spawn("exec \"$0\" run");
        let started = Instant::now();
        while http::get(&self.http(), "/-/healthy").await.is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < LIMIT, "the daemon did not start: {ended:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it stopped, before its first instruction; SIGCONT lets it begin.
    pub async fn start_stopped(&mut self) {
        self.spawn("kill -STOP $$; exec \"$0\" run");
        let stat = format!("/proc/{}/stat", self.pid().as_raw_nonzero());
        let began = Instant::now();
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            assert!(began.elapsed() < LIMIT, "it does not stop");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn spawn(&mut self, script: &str) {
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        let (out, settings) = (log.try_clone().unwrap(), self.folder.join("keyward.toml"));
        let child = program::spawn_through(&self.launcher, Path::new("/bin/sh"), |command| {
            let command = command.env("KEYWARD_CONFIG", settings).stdout(out).stderr(log);
            command.args(["-c", script, env!("CARGO_BIN_EXE_keyward")])
        });
        self.child = Some(child.unwrap());
    }

    pub fn http(&self) -> String {
        format!("127.0.0.1:{}", self.http.number())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Kills it with SIGKILL.
    pub fn kill9(&mut self) {
        program::end(&mut self.child.take().unwrap());
    }

    /// Waits until it has ended by itself; its exit code and how long that took.
    pub async fn ended(&mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let child = self.child.as_mut().unwrap();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return (status.code(), began.elapsed());
            }
            assert!(began.elapsed() < LIMIT, "the daemon does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Runs a command of the program with this daemon's settings, away from the test's thread.
    pub async fn keyward(&self, args: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_keyward").to_owned();
        let words: Vec<&String> = self.launcher.iter().chain([&program]).collect();
        let mut command = Command::new(words[0]);
        command.env_clear().env("KEYWARD_CONFIG", self.folder.join("keyward.toml"));
        command.args(&words[1..]).args(args).stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Runs a command that must succeed; what it printed.
    pub async fn does(&self, args: &[&str]) -> String {
        let output = self.keyward(args).await;
        let (said, complained) = texts(&output);
        assert_eq!((output.status.code(), complained.as_str()), (Some(0), ""), "keyward {args:?}");
        said
    }

    /// Runs a command that must be refused; what it complained.
    pub async fn refuses(&self, args: &[&str]) -> String {
        let output = self.keyward(args).await;
        let (said, complained) = texts(&output);
        assert_eq!((output.status.code(), said.as_str()), (Some(1), ""), "keyward {args:?}: {complained}");
        complained
    }

    pub async fn snapshot(&self) -> Snapshot {
        let answer = http::get(&self.http(), "/api/v1/status").await.unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The region's phase, if the daemon lives and answers.
    pub async fn phase_if_alive(&self) -> Option<Phase> {
        let answer = http::get(&self.http(), "/api/v1/status").await.ok()?;
        let snapshot: Snapshot = serde_json::from_str(&answer.body).ok()?;
        Some(snapshot.regions.first()?.phase)
    }

    pub async fn region(&self) -> RegionView {
        self.snapshot().await.regions.remove(0)
    }

    /// A path's status code and how long the answer took.
    pub async fn get(&self, path: &str) -> (u16, Duration) {
        let began = Instant::now();
        let status = http::get(&self.http(), path).await.unwrap().status;
        (status, began.elapsed())
    }

    /// Whatever becomes of the servers and the hooks, the metrics are at hand.
    pub async fn assert_metrics_are_quick(&self) {
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let (status, took) = self.get("/metrics").await;
            assert_eq!(status, 200, "/metrics after {took:?}");
            fastest = fastest.min(took);
        }
        // a busy machine is slow now and then; who waits for a server is slow each time
        assert!(fastest < Duration::from_secs(1), "/metrics after {fastest:?} at best");
    }

    /// The most memory that the daemon ever held, in MiB.
    pub fn peak_memory_mib(&self) -> u64 {
        program::peak_kib(self.child.as_ref().unwrap().id()).unwrap() / 1024
    }

    /// A metric's value; `labels` are some of its labels.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let text = http::get(&self.http(), "/metrics").await.unwrap().body;
        let wanted: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let mut found = text.lines().filter(|line| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
            rest.is_some() && wanted.iter().all(|label| line.contains(label.as_str()))
        });
        let line = found.next()?;
        assert_eq!(found.next(), None, "several series of {name} with {labels:?}");
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a metric is there and as it should be.
    pub async fn until_metric(&self, name: &str, labels: &[(&str, &str)], is: impl Fn(f64) -> bool) {
        let started = Instant::now();
        loop {
            let value = self.metric(name, labels).await;
            if value.is_some_and(&is) {
                return;
            }
            assert!(started.elapsed() < LIMIT, "{name} is {value:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn events(&self) -> Vec<Event> {
        let answer = http::get(&self.http(), "/api/v1/events").await.unwrap();
        let mut document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        serde_json::from_value(document["events"].take()).unwrap()
    }

    /// The transitions so far, as `from>to`.
    pub async fn transitions(&self) -> Vec<String> {
        let events = self.events().await;
        let told = |event: Event| match event.what {
            EventKind::Transition { from, to, .. } => Some(format!("{from}>{to}")),
            _ => None,
        };
        events.into_iter().filter_map(told).collect()
    }

    /// Waits for an event whose sentence holds all of `pieces`.
    pub async fn until_told(&self, pieces: &[&str]) -> Event {
        let began = Instant::now();
        loop {
            let mut events = self.events().await;
            let tells = |event: &Event| pieces.iter().all(|piece| event.sentence.contains(piece));
            if let Some(found) = events.iter().rposition(tells) {
                return events.swap_remove(found);
            }
            assert!(began.elapsed() < LIMIT, "no event tells {pieces:?}: {events:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The daemon's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Waits until a line of the log has every one of these pieces.
    pub async fn until_logged(&self, pieces: &[&str]) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().rfind(|line| pieces.iter().all(|piece| line.contains(piece))) {
                return line.to_owned();
            }
            assert!(began.elapsed() < LIMIT, "no line of the log has {pieces:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the region is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&RegionView) -> bool) -> RegionView {
        let began = Instant::now();
        loop {
            let region = self.region().await;
            if wanted(&region) {
                return region;
            }
            assert!(began.elapsed() < LIMIT, "the region never was: {what}; it is {region:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn until_phase(&self, phase: Phase) -> RegionView {
        self.until(phase.code(), |region| region.phase == phase).await
    }

    /// Sees the region to `local` and the metrics at hand all the way.
    pub async fn until_local_with_quick_metrics(&self) -> RegionView {
        let began = Instant::now();
        loop {
            let region = self.region().await;
            if region.phase == Phase::Local {
                return region;
            }
            self.assert_metrics_are_quick().await;
            assert!(began.elapsed() < 2 * LIMIT, "never local: {region:#?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until nothing is wrong and a failover would be possible.
    pub async fn until_healthy(&self) -> RegionView {
        self.until("remote, healthy and ready", |region| {
            let replica = &region.replicas[0];
            let follows = (replica.io_running, replica.sql_running) == (Some(true), Some(true));
            // a machine under load may have made the master look silent for moments, for nothing
            let fine = region.ready && matches!(verdicts(region)[..], ["healthy"] | ["flapping"]);
            region.phase == Phase::Remote && fine && follows && replica.lag_seconds.is_some()
        })
        .await
    }

    /// Watches the region for `span`: it stays as wanted.
    pub async fn stays(&self, span: Duration, what: &str, wanted: impl Fn(&RegionView) -> bool) {
        let began = Instant::now();
        while began.elapsed() < span {
            let region = self.region().await;
            assert!(wanted(&region), "the region is no longer: {what}; it is {region:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// No hook has ever been started, and no phase but `remote` and `suspect` was entered.
    pub async fn assert_never_acted(&self) {
        assert_eq!(hooks::starts(&self.folder), [""; 0]);
        let transitions = self.transitions().await;
        assert!(!transitions.iter().any(|transition| transition.ends_with(">switching")), "{transitions:?}");
        assert_eq!(self.failovers().await, 0.0);
    }

    pub async fn failovers(&self) -> f64 {
        self.metric("keyward_failovers_total", &[("cause", "auto")]).await.unwrap()
    }

    pub async fn failbacks(&self) -> f64 {
        self.metric("keyward_failbacks_total", &[("cause", "auto")]).await.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            program::end(child);
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the daemon's log ends:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
            eprintln!("hooks: {:#?}", hooks::starts(&self.folder));
        }
    }
}

pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

pub fn verdicts(region: &RegionView) -> Vec<&str> {
    region.verdicts.iter().map(|verdict| verdict.code.as_str()).collect()
}

pub fn gates(region: &RegionView) -> Vec<&str> {
    region.gates.iter().map(|gate| gate.code.as_str()).collect()
}

pub fn has_verdict(region: &RegionView, code: &str) -> bool {
    verdicts(region).contains(&code)
}

pub fn lag(region: &RegionView) -> Option<f64> {
    region.replicas[0].lag_seconds
}
