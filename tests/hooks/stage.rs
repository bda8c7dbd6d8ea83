//! The stage of every story: a folder, a hook, and a daemon that can be killed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward::act::hook::run;
use keyward::act::lock::{Record, RunPlace};
use keyward::act::procs;
use keyward::lab::program;
use keyward::model::hook::{HookEvent, HookKind, HookRun, HookSpec};
use keyward::model::{Moment, Phase, RegionName};
use rustix::process::{Pid, Signal, kill_process};

pub fn since_boot() -> Moment {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Moment::from_boot(Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap()))
}

/// A folder for one story. Every script gets it as `$1`.
pub struct Stage {
    pub folder: PathBuf,
    pub place: RunPlace,
    #[expect(dead_code, reason = "removes the folder when the story is over")]
    keep: Option<tempfile::TempDir>,
}

impl Stage {
    pub fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let stage = Self::at(keep.path().to_owned());
        Self { keep: Some(keep), ..stage }
    }

    pub fn at(folder: PathBuf) -> Self {
        let place =
            RunPlace { folder: folder.join("hooks"), region: RegionName("RegionTwo".into()), clock: since_boot };
        Self { folder, place, keep: None }
    }

    pub fn hook(&self, script: &str, limit: Duration) -> HookRun {
        let command = ["/bin/sh", "-c", script, "hook", self.folder.to_str().unwrap()].map(str::to_owned).to_vec();
        hook(command, limit)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    pub fn number(&self, name: &str) -> i32 {
        self.text(name).trim().parse().unwrap()
    }

    pub fn is_clean(&self) -> bool {
        fs::read_dir(&self.place.folder).map(|mut all| all.next().is_none()).unwrap_or(true)
    }

    pub fn record_file(&self) -> PathBuf {
        self.place.folder.join("RegionTwo.required.json")
    }
}

/// The argument vector of an `exec` hook.
pub fn command(told: &mut HookRun) -> &mut Vec<String> {
    match &mut told.spec.kind {
        HookKind::Exec { command } => command,
        other => panic!("{other:?} is no program"),
    }
}

pub fn hook(command: Vec<String>, limit: Duration) -> HookRun {
    HookRun {
        spec: HookSpec { name: "services".into(), kind: HookKind::Exec { command }, timeout: limit, optional: false },
        event: HookEvent::Failover,
        episode: "ep-7".into(),
        turn: 1,
        attempt: 3,
        region: RegionName("RegionTwo".into()),
        phase: Phase::Switching,
        master_region: RegionName("RegionOne".into()),
        master_address: "10.13.32.19:3306".into(),
        reason: "no sign of life for 10s; \"quoted\", $HOME and `id`\nnext line".into(),
        data_age: Some(Duration::from_millis(12_345)),
        manual: false,
    }
}

pub const LONG: Duration = Duration::from_secs(60);

pub fn wait_until(what: &str, limit: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn lives(pid: i32) -> bool {
    procs::look(pid).is_some_and(|process| process.living)
}

/// A process that a story leaves behind on purpose, ended with the story.
pub struct Bystander(pub i32);

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_raw(self.0).unwrap(), Signal::KILL);
    }
}

/// What starts a program in a container.
fn container() -> Vec<&'static str> {
    let mut unshare = vec!["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    if !rustix::process::geteuid().is_root() {
        unshare.extend(["--user", "--map-root-user"]);
    }
    unshare
}

/// Whether this system lets us make one.
pub fn has_containers() -> bool {
    let unshare = container();
    Command::new(unshare[0]).args(&unshare[1..]).arg("true").status().unwrap().success()
}

/// This very program once more, running one hook as a daemon would.
pub struct Daemon(Child);

impl Daemon {
    pub fn start(stage: &Stage, told: &HookRun, environment: &[(&str, &str)]) -> Self {
        Self::start_below(&[], stage, told, environment)
    }

    /// The same in a container: its processes are numbered anew, and the session it belongs to began outside.
    pub fn start_in_container(stage: &Stage, told: &HookRun) -> Self {
        Self::start_below(&container(), stage, told, &[])
    }

    fn start_below(wrapper: &[&str], stage: &Stage, told: &HookRun, environment: &[(&str, &str)]) -> Self {
        let argv = command(&mut told.clone()).clone();
        let order = serde_json::json!({
            "folder": stage.folder, "command": argv, "limit_ms": told.spec.timeout.as_millis() as u64,
            "attempt": told.attempt, "optional": told.spec.optional, "event": told.event,
        });
        fs::write(stage.folder.join("order"), order.to_string()).unwrap();
        let this_program = std::env::current_exe().unwrap();
        let mut words = wrapper.iter().map(OsStr::new).chain([this_program.as_os_str()]);
        let child = Command::new(words.next().unwrap())
            .args(words)
            .args(["--ignored", "--exact", "stage::daemon_for_one_hook"])
            .env("KEYWARD_TEST_ORDER", stage.folder.join("order"))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// What the hook printed.
    pub fn finished(mut self, stage: &Stage) -> String {
        assert!(self.0.wait().unwrap().success());
        stage.text("printed")
    }
}

/// Lets a daemon start the hook, and kills the daemon while it runs.
pub fn crash_while(stage: &Stage, told: &HookRun) {
    let mut daemon = Daemon::start(stage, told, &[]);
    let record = if told.spec.optional { "RegionTwo.optional.services.json" } else { "RegionTwo.required.json" };
    let written = |path: &Path| {
        let record: Option<Record> = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        record.is_some_and(|record| record.leader.is_some())
    };
    wait_until("the hook runs", LONG, || !stage.text("leader").is_empty() && written(&stage.place.folder.join(record)));
    daemon.0.kill().unwrap();
    daemon.0.wait().unwrap();
}

#[test]
#[ignore = "not a test: the process that the others kill"]
fn daemon_for_one_hook() {
    let Some(order) = std::env::var_os("KEYWARD_TEST_ORDER") else { return };
    let order: serde_json::Value = serde_json::from_slice(&fs::read(order).unwrap()).unwrap();
    let stage = Stage::at(serde_json::from_value(order["folder"].clone()).unwrap());
    let mut told = hook(
        serde_json::from_value(order["command"].clone()).unwrap(),
        Duration::from_millis(order["limit_ms"].as_u64().unwrap()),
    );
    told.attempt = u32::try_from(order["attempt"].as_u64().unwrap()).unwrap();
    told.spec.optional = order["optional"].as_bool().unwrap();
    told.event = serde_json::from_value(order["event"].clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let peak = || program::peak_kib(std::process::id()).unwrap();
    let before = peak();
    let (_, output) = runtime.block_on(run(told, &stage.place));
    fs::write(stage.folder.join("peaks"), format!("{before}\n{}\n", peak())).unwrap();
    fs::write(stage.folder.join("printed"), output.text).unwrap();
}
