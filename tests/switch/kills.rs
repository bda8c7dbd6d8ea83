//! Killed, or failing, at every system call that changes a file: each file is whole, and the next run finishes.

use std::process::Command;

use super::host::{Host, switched};

/// Every call that puts something on disk or takes it away.
const CALLS: [&str; 5] = ["rename", "fsync", "unlink", "fchmod", "write"];

/// More calls than a run of these files makes.
const MOST: usize = 60;

fn under_strace<'a>(call: &'a str, what: &'a str) -> [&'a str; 7] {
    ["strace", "-o", "/dev/null", "-e", call, "-e", what]
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("-V").output().is_ok()
}

/// Three files, so that there is a middle.
const WORDS: [&str; 7] =
    ["--from", "10.13.32.19", "--to", "10.13.131.137", "nova.conf", "heat.conf", "local_settings.py"];

fn each_is_whole(host: &Host, when: &str) {
    let before = Host::new().files();
    let after = switched(&before);
    for (name, text) in host.files() {
        if !name.starts_with('.') {
            assert!(text == before[&name] || text == after[&name], "{when}: {name} is neither the old nor the new one");
        }
    }
}

fn expected() -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = Host::new().files();
    let after = switched(&files);
    for name in &WORDS[4..] {
        files.insert((*name).to_owned(), after[*name].clone());
    }
    files
}

#[test]
fn killed_at_any_call_each_file_is_whole_and_the_next_run_goes_on() {
    assert!(is_there("strace"), "make test installs strace");
    let (before, after) = (Host::new().files(), expected());
    let mut kills = 0;
    for call in CALLS {
        let traced = format!("trace={call}");
        for number in 1..=MOST {
            let when = format!("inject={call}:signal=KILL:when={number}");
            let host = Host::new();
            if host.call(&under_strace(&traced, &when), &WORDS).code == Some(0) {
                break;
            }
            assert!(number < MOST, "{call} is called more often than expected");
            kills += 1;
            each_is_whole(&host, &when);
            // every other time straight back instead of on
            if number % 2 == 0 {
                host.revert(&[]).with(0);
                assert_eq!(host.files(), before, "{when}");
                continue;
            }
            host.call(&[], &WORDS).with(0);
            assert_eq!(host.files(), after, "{when}");
            // and the way back, killed at the same place
            host.call(&under_strace(&traced, &when), &["--revert"]);
            each_is_whole(&host, &when);
            host.revert(&[]).with(0);
            assert_eq!(host.files(), before, "{when}");
        }
    }
    assert!(kills > 20, "only {kills} runs were killed");
}

#[test]
fn a_failure_half_way_puts_back_what_was_written() {
    assert!(is_there("strace"), "make test installs strace");
    let before = Host::new().files();
    let mut failures = 0;
    for call in ["rename", "fsync", "fchmod"] {
        let traced = format!("trace={call}");
        for number in 1..=MOST {
            let when = format!("inject={call}:error=EIO:when={number}");
            let host = Host::new();
            let said = host.call(&under_strace(&traced, &when), &WORDS);
            if said.code == Some(0) {
                break;
            }
            failures += 1;
            let told = said.with(1);
            assert!(told.contains("Input/output error"), "{when}: {told}");
            assert_eq!(host.files(), before, "{when}: {told}");
            host.call(&[], &WORDS).with(0);
            host.revert(&[]).with(0);
            assert_eq!(host.files(), before, "{when}");
        }
    }
    assert!(failures > 10, "only {failures} runs failed");
}
