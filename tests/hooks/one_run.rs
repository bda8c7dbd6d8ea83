//! One run: what the hook is told, how it can end, and what it cannot do to the daemon.

use std::fs;
use std::os::fd::AsRawFd;
use std::time::Duration;

use keyward::act::hook::run;
use keyward::act::told::document;
use keyward::model::hook::{HookEnd, HookRun};

use crate::stage::{Bystander, Daemon, LONG, Stage, has_containers, hook, lives};

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
    let printed = daemon.finished(&stage);
    let seen: Vec<(&str, &str)> =
        printed.trim_end_matches('\0').split('\0').map(|line| line.split_once('=').unwrap()).collect();
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

#[test]
fn a_hook_runs_in_a_container_whose_session_began_outside() {
    if !has_containers() {
        return keyward::lab::skip::skip("this system allows no namespaces");
    }
    let stage = Stage::new();
    let printed = Daemon::start_in_container(&stage, &stage.hook("cut -d' ' -f6 /proc/$$/stat", LONG)).finished(&stage);
    assert_eq!(printed, "0\n", "the session is seen from outside");
    assert!(stage.is_clean());
}

#[tokio::test]
async fn a_hook_has_the_root_folder_no_shell_its_own_group_and_no_handle_of_the_daemon() {
    let stage = Stage::new();
    let secret = fs::File::create(stage.folder.join("state-of-the-daemon")).unwrap();
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let script = "pwd; cut -d' ' -f5 /proc/$$/stat; echo $$; readlink /proc/$$/fd/*; true";
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

/// 200 MB on one stream, and a word on the other.
const FLOOD: &str = "head -c 200000000 /dev/zero | tr '\\0' x; echo; echo the end >&2";

#[tokio::test]
async fn two_hundred_megabytes_of_output_stop_nobody() {
    let stage = Stage::new();
    let told = stage.hook(FLOOD, LONG);
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
}

#[test]
fn two_hundred_megabytes_of_output_fill_no_memory() {
    let stage = Stage::new();
    let told = stage.hook(FLOOD, LONG);
    // in a process of its own: other tests take memory of this one
    let printed = Daemon::start(&stage, &told, &[]).finished(&stage);
    assert_eq!(printed.len(), 64 * 1024);
    let [before, after] = [0, 1].map(|at| stage.text("peaks").lines().nth(at).unwrap().parse::<u64>().unwrap());
    println!("peak memory {before} KiB before, {after} KiB after");
    assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
}

static TICKS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
