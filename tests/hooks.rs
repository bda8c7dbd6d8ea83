//! Hooks as real processes: what they are told, how they are limited, and what a crash of the daemon leaves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward::act::exec::{Output, document, run};
use keyward::act::leftover::{Leftover, LeftoverEnd, settle};
use keyward::act::lock::{Record, RunPlace};
use keyward::act::procs;
use keyward::model::hook::{HookEnd, HookEvent, HookOutcome, HookRun, HookSpec};
use keyward::model::{Moment, Phase, RegionName};
use rustix::process::{Pid, Signal, kill_process};

fn since_boot() -> Moment {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Moment::from_boot(Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap()))
}

/// A folder for one story. Every script gets it as `$1`.
struct Stage {
    folder: PathBuf,
    place: RunPlace,
    #[expect(dead_code, reason = "removes the folder when the story is over")]
    keep: Option<tempfile::TempDir>,
}

impl Stage {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let stage = Self::at(keep.path().to_owned());
        Self { keep: Some(keep), ..stage }
    }

    fn at(folder: PathBuf) -> Self {
        let place =
            RunPlace { folder: folder.join("hooks"), region: RegionName("RegionTwo".into()), clock: since_boot };
        Self { folder, place, keep: None }
    }

    fn hook(&self, script: &str, limit: Duration) -> HookRun {
        let command = ["/bin/sh", "-c", script, "hook", self.folder.to_str().unwrap()].map(str::to_owned).to_vec();
        hook(command, limit)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    fn number(&self, name: &str) -> i32 {
        self.text(name).trim().parse().unwrap()
    }

    fn is_clean(&self) -> bool {
        fs::read_dir(&self.place.folder).map(|mut all| all.next().is_none()).unwrap_or(true)
    }

    fn record_file(&self) -> PathBuf {
        self.place.folder.join("RegionTwo.required.json")
    }
}

fn hook(command: Vec<String>, limit: Duration) -> HookRun {
    HookRun {
        spec: HookSpec { name: "services".into(), command, timeout: limit, optional: false },
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

const LONG: Duration = Duration::from_secs(60);

fn wait_until(what: &str, limit: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lives(pid: i32) -> bool {
    procs::look(pid).is_some_and(|process| process.living)
}

/// A process that a story leaves behind on purpose, ended with the story.
struct Bystander(i32);

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_raw(self.0).unwrap(), Signal::KILL);
    }
}

// ---- what a hook is told -------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_document_says_what_the_environment_says_with_numbers_as_numbers() {
    let stage = Stage::new();
    let told = hook(vec!["/bin/cat".into()], LONG);
    let (outcome, output) = run(told.clone(), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert_eq!((outcome.hook.as_str(), outcome.turn, outcome.attempt), ("services", 1, 3));
    let document: serde_json::Value = serde_json::from_str(&output.text).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "event": "failover", "episode": "ep-7", "turn": 1, "attempt": 3, "hook": "services",
            "region": "RegionTwo", "phase": "switching", "master_region": "RegionOne",
            "master_address": "10.13.32.19:3306", "reason": told.reason, "data_age_seconds": 12.345, "manual": 0,
        })
    );
    let unknown = self::document(&HookRun { data_age: None, manual: true, ..told });
    assert_eq!((&unknown["data_age_seconds"], &unknown["manual"]), (&serde_json::Value::Null, &serde_json::json!(1)));
    assert!(stage.is_clean());
}

#[test]
fn the_environment_is_exactly_the_promised_one_whatever_the_daemon_has_in_its_own() {
    let stage = Stage::new();
    let told = hook(vec!["/usr/bin/env".into(), "-0".into()], LONG);
    let daemon = Daemon::start(&stage, &told, &[("KEYWARD_MASTER_ADMIN_PASSWORD", "s3cret"), ("LANG", "xx_YY")]);
    let output = daemon.finished(&stage).1;
    let seen: Vec<(&str, &str)> =
        output.text.trim_end_matches('\0').split('\0').map(|line| line.split_once('=').unwrap()).collect();
    let mut wanted: Vec<(String, String)> =
        told.members().into_iter().map(|(name, value)| (format!("KEYWARD_{}", name.to_uppercase()), value)).collect();
    wanted.push(("PATH".into(), std::env::var("PATH").unwrap()));
    wanted.push(("HOME".into(), std::env::var("HOME").unwrap()));
    wanted.push(("LANG".into(), "xx_YY".into()));
    wanted.sort();
    let mut seen: Vec<(String, String)> = seen.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    seen.sort();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_hook_has_the_root_folder_no_shell_its_own_group_and_no_handle_of_the_daemon() {
    let stage = Stage::new();
    let secret = fs::File::create(stage.folder.join("state-of-the-daemon")).unwrap();
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let script = "pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$; readlink /proc/$$/fd/*; true";
    let (outcome, output) = run(stage.hook(script, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok, "{}", output.text);
    let lines: Vec<&str> = output.text.lines().collect();
    assert_eq!(lines[0], "/");
    assert_eq!(lines[1], lines[2], "leads its own process group");
    let open = &lines[3..];
    let ours = |handle: i32| fs::read_link(format!("/proc/self/fd/{handle}")).unwrap().display().to_string();
    assert!(!open.contains(&ours(secret.as_raw_fd()).as_str()), "{open:?}");
    assert!(!open.contains(&ours(listening.as_raw_fd()).as_str()), "{open:?}");
    assert_eq!(open.iter().filter(|target| target.ends_with("RegionTwo.required.lock")).count(), 1, "{open:?}");

    let literal = hook(vec!["/bin/echo".into(), "$HOME".into(), "a b;c".into()], LONG);
    assert_eq!(run(literal, &stage.place).await.1.text, "$HOME a b;c\n");
}

#[tokio::test]
async fn a_reason_that_the_system_would_refuse_does_not_keep_the_hook_from_running() {
    let stage = Stage::new();
    let mut told = stage.hook("cat >/dev/null; printf %s \"$KEYWARD_REASON\" | wc -c", LONG);
    told.reason = format!("a\0b{}", "ü".repeat(200_000));
    let (outcome, output) = run(told, &stage.place).await;
    assert_eq!((outcome.end, output.text.trim()), (HookEnd::Ok, "16383"), "whole characters up to 16 KiB");
}

// ---- how it can end ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn every_end_has_its_words() {
    let stage = Stage::new();
    for (script, words) in [("exit 3", "exit status 3"), ("kill -9 $$", "killed by signal 9")] {
        let (outcome, _) = run(stage.hook(script, LONG), &stage.place).await;
        assert_eq!(outcome.end, HookEnd::Failed(words.into()));
    }
    let not_executable = stage.folder.join("plain");
    fs::write(&not_executable, "text").unwrap();
    for (command, words) in [
        (vec!["/no/such/hook".to_owned()], "cannot be started: /no/such/hook: No such file or directory"),
        (vec![not_executable.to_str().unwrap().to_owned()], "Permission denied"),
        (vec![], "its command is empty"),
    ] {
        let (outcome, _) = run(hook(command, LONG), &stage.place).await;
        let HookEnd::Failed(why) = &outcome.end else { panic!("{outcome:?}") };
        assert!(why.starts_with("cannot be started: ") && why.contains(words), "{why}");
    }
    assert!(stage.is_clean());
}

#[tokio::test]
async fn a_document_that_is_not_read_is_no_failure() {
    let stage = Stage::new();
    for script in ["exec 0<&-; exit 0", "sleep 0.3", ":"] {
        let mut told = stage.hook(script, LONG);
        told.reason = "x".repeat(1_000_000);
        assert_eq!(run(told, &stage.place).await.0.end, HookEnd::Ok, "{script}");
    }
}

#[tokio::test]
async fn at_the_time_limit_the_whole_group_ends_even_those_that_ignore_being_asked() {
    let stage = Stage::new();
    let script =
        "trap '' TERM; (trap '' TERM; echo $$ >/dev/null; sh -c 'echo $PPID' > $1/child; while :; do sleep 1; done) &
                  echo $$ > $1/leader; while :; do sleep 1; done";
    let (outcome, _) = run(stage.hook(script, Duration::from_millis(500)), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::TimedOut);
    assert!(outcome.took >= Duration::from_secs(2), "it had its grace: {:?}", outcome.took);
    assert!(!lives(stage.number("child")) && !lives(stage.number("leader")));
    assert!(stage.is_clean());
}

#[tokio::test]
async fn at_the_time_limit_a_hook_may_clean_up() {
    let stage = Stage::new();
    // the shell itself ends at once; its child takes a moment, and is given it
    let script = "sh -c 'trap \"sleep 0.5; echo yes > $0/cleaned; exit\" TERM; while :; do sleep 0.1; done' $1 & wait";
    let (outcome, _) = run(stage.hook(script, Duration::from_millis(500)), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::TimedOut);
    assert_eq!(stage.text("cleaned"), "yes\n");
}

#[tokio::test]
async fn children_left_behind_in_the_group_are_gone_when_the_run_is_over() {
    let stage = Stage::new();
    let script = "(trap '' TERM HUP; sleep 60) & echo $! > $1/child; exit 0";
    let (outcome, _) = run(stage.hook(script, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert!(!lives(stage.number("child")));
}

#[tokio::test]
async fn a_process_that_went_its_own_way_delays_neither_the_end_nor_the_next_run() {
    let stage = Stage::new();
    let script =
        "setsid sh -c 'echo $$ > $0/own; exec sleep 60' $1 & while ! [ -s $1/own ]; do sleep 0.05; done; echo done";
    let (outcome, output) = run(stage.hook(script, LONG), &stage.place).await;
    assert_eq!((outcome.end, output.text.as_str()), (HookEnd::Ok, "done\n"));
    assert!(outcome.took < LONG / 2);
    let own = stage.number("own");
    let _bystander = Bystander(own);
    assert!(lives(own), "it is none of our business");
    let (outcome, output) = run(stage.hook("exit 0", LONG), &stage.place).await;
    assert_eq!((outcome.end, output.leftover), (HookEnd::Ok, None));
    assert!(lives(own));
}

#[tokio::test]
async fn two_hundred_megabytes_of_output_stop_nobody_and_fill_nothing() {
    let stage = Stage::new();
    let told = stage.hook("head -c 200000000 /dev/zero | tr '\\0' x; echo; echo the end >&2", LONG);
    let before = resident_kib();
    let ticking = tokio::spawn(async {
        let mut ticks = 0_u32;
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            ticks += 1;
            if ticks == u32::MAX {
                return;
            }
            TICKS.store(ticks, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let (outcome, output) = run(told, &stage.place).await;
    ticking.abort();
    assert_eq!(outcome.end, HookEnd::Ok);
    assert!(output.text.ends_with("x\nthe end\n"));
    assert_eq!(output.text.len() as u64 + output.dropped_bytes, 200_000_000 + 1 + 8);
    assert_eq!(output.text.len(), 64 * 1024);
    let (ticks, wanted) = (TICKS.load(std::sync::atomic::Ordering::Relaxed), outcome.took.as_millis() / 50);
    assert!(u128::from(ticks) >= wanted, "{ticks} ticks in {:?}", outcome.took);
    // other tests share this process; the flood itself would be 195 MiB
    assert!(resident_kib() < before + 64 * 1024);
}

static TICKS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

// ---- never two at once ---------------------------------------------------------------------------------------------

/// Notes when it began and ended; whoever finds another one's mark has overlapped.
const LONE: &str = "[ -e $1/busy ] && echo overlap >> $1/story; touch $1/busy; echo begin $KEYWARD_ATTEMPT >> $1/story
                    echo $$ > $1/leader; sleep $2; rm $1/busy; echo end $KEYWARD_ATTEMPT >> $1/story";

fn lone(stage: &Stage, seconds: &str, attempt: u32, limit: Duration) -> HookRun {
    let mut told = stage.hook(LONE, limit);
    told.spec.command.push(seconds.to_owned());
    HookRun { attempt, ..told }
}

#[tokio::test]
async fn required_hooks_of_one_region_wait_for_each_other_and_optional_ones_do_not() {
    let stage = Stage::new();
    let first = run(lone(&stage, "0.5", 1, LONG), &stage.place);
    let mut other = lone(&stage, "0.5", 2, LONG);
    other.spec.name = "another".into();
    let second = run(other, &stage.place);
    let ((first, _), (second, _)) = tokio::join!(first, second);
    assert_eq!((first.end, second.end), (HookEnd::Ok, HookEnd::Ok));
    let story = stage.text("story");
    assert!(!story.contains("overlap") && story.lines().count() == 4, "{story}");

    // each waits for the other's mark: only together can they end
    let meet = |mine: &str, theirs: &str| {
        let mut told = stage.hook(&format!("touch $1/{mine}; until [ -e $1/{theirs} ]; do sleep 0.05; done"), LONG);
        (told.spec.name, told.spec.optional) = (mine.into(), mine != "required");
        run(told, &stage.place)
    };
    let (a, b) = (meet("required", "beside"), meet("beside", "required"));
    let ((a, _), (b, _)) = tokio::join!(a, b);
    assert_eq!((a.end, b.end), (HookEnd::Ok, HookEnd::Ok));
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_is_still_watched_and_never_overlapped() {
    let stage = Stage::new();
    let dropped = run(lone(&stage, "1", 1, LONG), &stage.place);
    assert!(tokio::time::timeout(Duration::from_millis(300), dropped).await.is_err());
    assert_eq!(run(lone(&stage, "0", 2, LONG), &stage.place).await.0.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");
}

#[tokio::test]
async fn after_a_crash_the_old_run_is_waited_for() {
    let stage = Stage::new();
    crash_while(&stage, &lone(&stage, "2", 1, LONG));
    let (outcome, output) = run(lone(&stage, "0", 2, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");
    let leftover = output.leftover.unwrap();
    assert_eq!((leftover.end, leftover.record.unwrap().attempt), (LeftoverEnd::Ended, 1));
    assert!(stage.is_clean());
}

#[tokio::test]
async fn after_a_crash_the_old_run_is_ended_at_its_time_limit_with_all_its_children() {
    let stage = Stage::new();
    let stubborn = format!("trap '' TERM; (trap '' TERM; exec 3>&- 9>&-; sleep 60) & echo $! > $1/child\n{LONE}");
    let mut old = lone(&stage, "60", 1, Duration::from_secs(2));
    old.spec.command[2] = stubborn;
    crash_while(&stage, &old);
    let (leader, child) = (stage.number("leader"), stage.number("child"));
    fs::remove_file(stage.folder.join("busy")).unwrap();
    let (outcome, output) = run(lone(&stage, "0", 2, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert_eq!(output.leftover.unwrap().end, LeftoverEnd::Limit);
    assert!(!lives(leader) && !lives(child));
    assert_eq!(stage.text("story"), "begin 1\nbegin 2\nend 2\n");
}

#[tokio::test]
async fn a_crash_before_the_first_process_was_written_down_changes_nothing() {
    for forget_all in [false, true] {
        let stage = Stage::new();
        crash_while(&stage, &lone(&stage, "60", 1, Duration::from_secs(3)));
        let leader = stage.number("leader");
        let mut record: Record = serde_json::from_str(&fs::read_to_string(stage.record_file()).unwrap()).unwrap();
        assert_eq!(record.leader.take().unwrap().pid, leader);
        match forget_all {
            true => fs::write(stage.record_file(), "{").unwrap(),
            false => fs::write(stage.record_file(), serde_json::to_vec(&record).unwrap()).unwrap(),
        }
        let begun = since_boot();
        let settled = settle(&stage.place).await.unwrap();
        assert_eq!(settled.len(), 1);
        assert_eq!(settled[0].end, LeftoverEnd::Limit);
        assert!(!lives(leader));
        assert!(stage.is_clean());
        let at_limit = since_boot().since(Moment::default()).as_millis() >= u128::from(record.limit_at_ms);
        assert!(forget_all || at_limit, "ended before its time limit, {:?} after", since_boot().since(begun));
    }
}

#[tokio::test]
async fn after_a_crash_a_hook_that_closed_every_handle_is_still_found() {
    let stage = Stage::new();
    let mut old = lone(&stage, "2", 1, LONG);
    // as sudo does, and every well-behaved daemon
    old.spec.command[2] = format!("for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; done\n{LONE}");
    let bash = ["/bin/bash", "-c"].map(str::to_owned);
    old.spec.command.splice(..2, bash);
    old.spec.command[2] =
        format!("for fd in /proc/$$/fd/*; do n=${{fd##*/}}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done\n{LONE}");
    crash_while(&stage, &old);
    let leader = stage.number("leader");
    assert!(
        procs::holders(&stage.place.folder.join("RegionTwo.required.lock")).unwrap().iter().all(|p| p.pid != leader)
    );
    assert_eq!(run(lone(&stage, "0", 2, LONG), &stage.place).await.0.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");
}

#[tokio::test]
async fn after_a_crash_nobody_is_waited_for_who_only_went_his_own_way_or_has_taken_the_number() {
    let stage = Stage::new();
    let mut old = lone(&stage, "0", 1, LONG);
    old.spec.command[2] = format!("setsid sh -c 'echo $$ > $0/own; exec sleep 60' $1 >/dev/null & {LONE}; sleep 1");
    crash_while(&stage, &old);
    wait_until("the child is on its own", LONG, || !stage.text("own").is_empty());
    let own = stage.number("own");
    let _bystander = Bystander(own);
    wait_until("the hook ends by itself", LONG, || !lives(stage.number("leader")));
    // a stranger now has the number of the hook's first process, and leads a group
    let mut stranger = Command::new("/usr/bin/setsid").args(["sleep", "60"]).stdout(Stdio::null()).spawn().unwrap();
    let _stranger = Bystander(stranger.id().cast_signed());
    let mut record: Record = serde_json::from_str(&stage.text("hooks/RegionTwo.required.json")).unwrap();
    record.leader.as_mut().unwrap().pid = stranger.id().cast_signed();
    fs::write(stage.record_file(), serde_json::to_vec(&record).unwrap()).unwrap();
    let settled = settle(&stage.place).await.unwrap();
    assert_eq!(settled[0].end, LeftoverEnd::Gone);
    assert!(stranger.try_wait().unwrap().is_none() && lives(own));
    assert!(stage.is_clean());
}

#[tokio::test]
async fn a_leftover_of_an_optional_hook_is_ended_at_its_limit_too() {
    let stage = Stage::new();
    let mut old = lone(&stage, "60", 1, Duration::from_secs(1));
    old.spec.optional = true;
    crash_while(&stage, &old);
    let settled = settle(&stage.place).await.unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].end, LeftoverEnd::Limit);
    assert_eq!(
        settled[0].to_string(),
        "the run of hook services (failover, turn 1, attempt 1) that an earlier daemon left was ended at its time limit"
    );
    assert!(!lives(stage.number("leader")) && stage.is_clean());
    assert_eq!(settle(&stage.place).await.unwrap(), Vec::<Leftover>::new());
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_written_holds_the_way_back_but_not_the_way_out() {
    let mut stage = Stage::new();
    // a file where the folder should be stops even root
    fs::write(stage.folder.join("file"), "").unwrap();
    stage.place.folder = stage.folder.join("file/hooks");
    let out = stage.hook("touch $1/ran", LONG);
    let (outcome, output) = run(out.clone(), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert!(output.unrecorded.unwrap().contains("file/hooks"));
    fs::remove_file(stage.folder.join("ran")).unwrap();
    let (outcome, _) = run(HookRun { event: HookEvent::Failback, ..out }, &stage.place).await;
    let HookEnd::Failed(why) = outcome.end else { panic!("must wait") };
    assert!(why.contains("cannot be written down in"), "{why}");
    assert!(!stage.folder.join("ran").exists());
}

// ---- a daemon that can be killed -----------------------------------------------------------------------------------

/// This very program once more, running one hook as a daemon would.
struct Daemon(Child);

impl Daemon {
    fn start(stage: &Stage, told: &HookRun, environment: &[(&str, &str)]) -> Self {
        let order = serde_json::json!({
            "folder": stage.folder, "command": told.spec.command, "limit_ms": told.spec.timeout.as_millis() as u64,
            "attempt": told.attempt, "optional": told.spec.optional,
        });
        fs::write(stage.folder.join("order"), order.to_string()).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "daemon_for_one_hook"])
            .env("KEYWARD_TEST_ORDER", stage.folder.join("order"))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn finished(mut self, stage: &Stage) -> (String, Output) {
        assert!(self.0.wait().unwrap().success());
        let result: serde_json::Value = serde_json::from_str(&stage.text("result")).unwrap();
        let output = Output { text: result["text"].as_str().unwrap().into(), ..Output::default() };
        (result["end"].as_str().unwrap().into(), output)
    }
}

/// Lets a daemon start the hook, and kills the daemon while it runs.
fn crash_while(stage: &Stage, told: &HookRun) {
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (outcome, output): (HookOutcome, Output) = runtime.block_on(run(told, &stage.place));
    let result = serde_json::json!({ "end": outcome.end.code(), "text": output.text });
    fs::write(stage.folder.join("result"), result.to_string()).unwrap();
}
