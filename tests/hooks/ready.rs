//! The scripts that are shipped ready to be used, run as hooks.
//!
//! What `systemctl` does here is a stand-in's: NOT TESTED are the scripts under keyward-hook@.service itself, which
//! needs a machine whose first process is systemd.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyward::act::hook::run;
use keyward::model::hook::{HookEnd, HookEvent, HookRun};

use super::haproxy::Haproxy;
use super::stage::{LONG, Stage, hook};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks").join(name)
}

/// Runs a command as a hook; how it ended, and what it printed.
async fn ends(stage: &Stage, command: &[&str], event: HookEvent) -> (HookEnd, String) {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let (outcome, output) = run(HookRun { event, ..hook(command, LONG) }, &stage.place).await;
    (outcome.end, output.text)
}

fn failed(code: u8) -> HookEnd {
    HookEnd::Failed(format!("exit status {code}"))
}

#[tokio::test]
async fn the_script_for_haproxies_turns_all_of_them_and_proves_it() {
    let (stage, other) = (Stage::new(), Stage::new());
    let mut haproxies = [Haproxy::start_in(&stage.folder), Haproxy::start_in(&other.folder)];
    let script = shipped("haproxy").display().to_string();
    let unix = format!("UNIX-CONNECT:{}", haproxies[0].socket().display());
    let tcp = format!("TCP:{}", haproxies[1].tcp());
    let command = [script.as_str(), "identity/k1", "identity/k2", &unix, &tcp];
    for (event, states, server) in
        [(HookEvent::Failover, [0x01, 0x04], "k2"), (HookEvent::Failback, [0x00, 0x05], "k1")]
    {
        // twice: it says what shall be
        for _ in 0..2 {
            assert_eq!(ends(&stage, &command, event).await, (HookEnd::Ok, String::new()));
            for haproxy in &haproxies {
                assert_eq!((haproxy.states(), haproxy.served_by().as_deref()), (states, Some(server)));
            }
        }
    }
    assert_eq!(ends(&stage, &command, HookEvent::Test).await, (HookEnd::Ok, String::new()));
    assert_eq!(haproxies[0].states(), [0x00, 0x05], "a test has changed something");

    // one that is down holds the others back no longer than it must, and is told
    haproxies[0].kill9();
    let (end, said) = ends(&stage, &command, HookEvent::Failover).await;
    assert!(end == failed(1) && said.contains("identity/k2 is not there and not ready"), "{end:?}: {said}");
    assert_eq!(haproxies[1].served_by().as_deref(), Some("k2"));
    assert_eq!(ends(&stage, &command, HookEvent::Test).await.0, failed(1));

    let unknown = [script.as_str(), "identity/k9", "identity/k2", &tcp];
    let (end, said) = ends(&stage, &unknown, HookEvent::Failback).await;
    assert!(end == failed(1) && said.contains("identity/k9 is not there and not ready (No such server.)"), "{said}");
    let (_, said) = ends(&stage, &unknown, HookEvent::Test).await;
    assert!(said.contains("there is no server identity/k9"), "{said}");
    haproxies[0].configure("operator");
    haproxies[0].start();
    let (end, said) = ends(&stage, &command[..4], HookEvent::Test).await;
    assert!(end == failed(1) && said.contains("the socket has level operator; it needs `level admin`"), "{said}");
}

/// A folder that stands for `/etc/keyward/hooks`, the files of a service, and a `systemctl` that keeps start times.
struct Units {
    stage: Stage,
}

impl Units {
    fn new() -> Self {
        let units = Self { stage: Stage::new() };
        let folder = &units.stage.folder;
        for event in ["failover", "failback", "test"] {
            symlink(shipped("system-units"), folder.join(format!("system-{event}"))).unwrap();
        }
        let link = folder.join("keystone.conf");
        let settings = format!("LINKS=\"{}\"\nUNITS=\"api.service idle.service\"\n", link.display());
        fs::write(folder.join("system-units.conf"), settings).unwrap();
        for side in ["remote", "local"] {
            fs::write(folder.join(format!("keystone.conf.{side}")), format!("auth_url = {side}\n")).unwrap();
        }
        symlink("keystone.conf.remote", link).unwrap();
        units.systemctl();
        units
    }

    /// Runs long since: `api.service`; stopped by an operator: `idle.service`. `broken` makes a restart fail.
    fn systemctl(&self) {
        let script = "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$*\" >>\"$here/calls\"\n\
            case \"$*\" in\n\
            'show --property=LoadState --value '*) case $* in *none*) echo not-found ;; *) echo loaded ;; esac ;;\n\
            'show '*' api.service') cat \"$here/started\" 2>/dev/null || echo @1000000000 ;;\n\
            'show '*) echo @ ;;\n\
            'try-restart '*) [ ! -e \"$here/broken\" ] && date +@%s >\"$here/started\" ;;\n\
            *is-failed*) [ -e \"$here/broken\" ] ;;\n\
            *) exit 1 ;;\n\
            esac\n";
        let path = self.stage.folder.join("systemctl");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// How the script ended, what it said, and the restarts that it asked for.
    async fn run(&self, event: HookEvent) -> (HookEnd, String, Vec<String>) {
        let calls = self.stage.folder.join("calls");
        let _ = fs::remove_file(&calls);
        let folder = self.stage.folder.display();
        let (path, script) = (format!("PATH={folder}:/usr/bin:/bin"), format!("{folder}/system-{}", event.code()));
        let (end, said) = ends(&self.stage, &["/usr/bin/env", &path, &script], event).await;
        let calls = fs::read_to_string(calls).unwrap_or_default();
        let restarts = calls.lines().filter(|call| call.starts_with("try-restart")).map(str::to_owned).collect();
        (end, said, restarts)
    }

    /// What the service reads.
    fn reads(&self) -> String {
        self.stage.text("keystone.conf")
    }
}

#[tokio::test]
async fn the_script_for_units_turns_the_files_and_restarts_what_has_not_read_them() {
    let units = Units::new();
    let all = vec!["try-restart api.service idle.service".to_owned()];
    assert_eq!(units.run(HookEvent::Test).await, (HookEnd::Ok, String::new(), Vec::new()));
    assert_eq!(units.reads(), "auth_url = remote\n");

    assert_eq!(units.run(HookEvent::Failover).await, (HookEnd::Ok, String::new(), all.clone()));
    assert_eq!(units.reads(), "auth_url = local\n");
    // started within the second of the turn it may have read the old file; later it has read the new one
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    units.run(HookEvent::Failover).await;
    let again = units.run(HookEvent::Failover).await.2;
    assert_eq!(again, ["try-restart idle.service"], "a unit that does not run is asked for in vain");

    assert_eq!(units.run(HookEvent::Failback).await, (HookEnd::Ok, String::new(), all));
    assert_eq!(units.reads(), "auth_url = remote\n");
}

#[tokio::test]
async fn the_script_for_units_says_what_stands_in_the_way() {
    let units = Units::new();
    let folder = &units.stage.folder;
    fs::write(folder.join("broken"), "").unwrap();
    let (end, ..) = units.run(HookEvent::Failover).await;
    assert_eq!(end, failed(1));
    fs::remove_file(folder.join("broken")).unwrap();
    assert_eq!(units.run(HookEvent::Failover).await.0, HookEnd::Ok, "the next attempt does the rest");

    fs::remove_file(folder.join("keystone.conf.remote")).unwrap();
    for event in [HookEvent::Test, HookEvent::Failback] {
        let (end, said, restarts) = units.run(event).await;
        assert!(end == failed(1) && said.contains("keystone.conf.remote is missing") && restarts.is_empty(), "{said}");
    }
    assert_eq!(units.reads(), "auth_url = local\n", "something was turned all the same");
    fs::write(folder.join("system-units.conf"), "UNITS=none.service\n").unwrap();
    let (end, said, _) = units.run(HookEvent::Test).await;
    assert!(end == failed(1) && said.contains("systemd knows no none.service"), "{said}");
    fs::write(folder.join("system-units.conf"), "").unwrap();
    assert!(units.run(HookEvent::Test).await.1.contains("names neither LINKS nor UNITS"));
}
