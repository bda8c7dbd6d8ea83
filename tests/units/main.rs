//! What is shipped: for systemd, polkit and `/etc/keyward/hooks` as far as it can be tried without being process 1; manual
//! pages, completions, kolla's drop-ins, and the Debian package.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod manual;
mod package;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use keyward::act::hook::run;
use keyward::act::lock::RunPlace;
use keyward::lab::skip::skip;
use keyward::model::hook::{HookEnd, HookEvent, HookKind, HookRun, HookSpec};
use keyward::model::{Moment, Phase, RegionName};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The search path with the tools of `scripts/install-tools` and those of an administrator.
fn path() -> String {
    let tools = shipped("target/tools/bin");
    format!("{}:{}:/usr/sbin:/sbin", tools.display(), std::env::var("PATH").unwrap())
}

/// `None`, and a word about it, where there is no systemd.
fn systemd_analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).env("SYSTEMD_COLORS", "0").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip("systemd-analyze is not installed, the units are not verified");
            None
        }
        other => Some(other.unwrap()),
    }
}

/// A shipped unit in a folder, with programs that exist here in place of those that will exist there.
fn installed(folder: &Path, unit: &str, program: &str) -> String {
    let text = fs::read_to_string(shipped("systemd").join(unit)).unwrap();
    assert!(text.contains(program), "{unit} starts {program}");
    let path = folder.join(unit);
    fs::write(&path, text.replace(program, env!("CARGO_BIN_EXE_keyward"))).unwrap();
    path.to_str().unwrap().to_owned()
}

const UNITS: [(&str, &str); 2] =
    [("keyward.service", "/usr/bin/keyward"), ("keyward-hook@.service", "/etc/keyward/hooks/system-%i")];

#[test]
fn systemd_finds_nothing_to_complain_about_in_the_units() {
    let folder = tempfile::tempdir().unwrap();
    for (unit, program) in UNITS {
        let path = installed(folder.path(), unit, program);
        let Some(verified) = systemd_analyze(&["verify", "--man=no", &path]) else { return };
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && said.is_empty(), "{unit}: {said}");
        // the same check sees a misspelt key
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("PrivateTmp=", "PrivatTmp=")).unwrap();
        let broken = systemd_analyze(&["verify", "--man=no", &path]).unwrap();
        assert!(String::from_utf8_lossy(&broken.stderr).contains("PrivatTmp"), "{unit}");
    }
}

#[test]
fn systemd_finds_nothing_to_complain_about_in_the_example_units() {
    let folder = tempfile::tempdir().unwrap();
    for unit in ["keystone-keys.service", "keystone-keys.timer"] {
        let text = fs::read_to_string(shipped("examples").join(unit)).unwrap();
        // rsync need not be here, nor a user called keystone
        let text = text.replace("/usr/bin/rsync", env!("CARGO_BIN_EXE_keyward")).replace("User=keystone", "User=root");
        fs::write(folder.path().join(unit), text).unwrap();
    }
    let timer = folder.path().join("keystone-keys.timer").display().to_string();
    let service = folder.path().join("keystone-keys.service").display().to_string();
    let Some(verified) = systemd_analyze(&["verify", "--man=no", &service, &timer]) else { return };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_daemon_is_exposed_no_more_than_it_must_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = installed(folder.path(), UNITS[0].0, UNITS[0].1);
    let rated = |threshold: &str| systemd_analyze(&["security", "--offline=true", threshold, &path]);
    let Some(figure) = rated("--threshold=15") else { return };
    assert!(figure.status.success(), "{}", String::from_utf8_lossy(&figure.stdout));
    assert!(!rated("--threshold=5").unwrap().status.success(), "the figure is really compared");
}

#[test]
fn the_polkit_rule_names_the_system_hooks_and_nothing_else() {
    let rule = fs::read_to_string(shipped("systemd/49-keyward-hook.rules")).unwrap();
    let pattern = rule.split_once("(/^").unwrap().1.split_once("$/").unwrap().0;
    let allowed = regex::Regex::new(&format!("^{pattern}$")).unwrap();
    for unit in ["keyward-hook@failover.service", "keyward-hook@failback.service", "keyward-hook@test.service"] {
        assert!(allowed.is_match(unit), "{unit}");
    }
    for unit in [
        "keyward-hook@other.service",
        "keyward-hook@failover.service.d",
        "xkeyward-hook@failover.service",
        "keyward-hook@failoverxservice",
        "ssh.service",
        "undefined",
    ] {
        assert!(!allowed.is_match(unit), "{unit}");
    }
}

#[test]
fn the_shipped_scripts_are_sound_and_may_be_executed() {
    let (mut count, mut shell) = (0, Vec::new());
    for entry in fs::read_dir(shipped("hooks")).unwrap() {
        let script = entry.unwrap().path();
        let python = fs::read_to_string(&script).unwrap().starts_with("#!/usr/bin/python3\n");
        let check: &[&str] = match python {
            true => &["python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"],
            false => &["sh", "-n"],
        };
        let checked = Command::new(check[0]).args(&check[1..]).arg(&script).output().unwrap();
        assert!(checked.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&checked.stderr));
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o111, 0o111, "{}", script.display());
        count += 1;
        shell.extend((!python).then_some(script));
    }
    assert_eq!(count, 6);
    match Command::new("shellcheck").args(&shell).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip("no shellcheck here; the scripts were only parsed")
        }
        checked => {
            let checked = checked.unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        }
    }
}

/// Runs a command as the hook `services` of RegionTwo.
async fn run_hook(folder: &Path, command: &[&str], event: HookEvent, limit: Duration) -> (HookEnd, String) {
    let told = HookRun {
        spec: HookSpec {
            name: "services".into(),
            kind: HookKind::Exec { command: command.iter().map(|&part| part.to_owned()).collect() },
            timeout: limit,
            optional: false,
        },
        event,
        episode: "ep-1".into(),
        turn: 1,
        attempt: 1,
        region: RegionName("RegionTwo".into()),
        phase: Phase::Switching,
        master_region: RegionName("RegionOne".into()),
        master_address: "10.13.32.19:3306".into(),
        reason: "tried out".into(),
        data_age: None,
        manual: true,
    };
    let region = told.region.clone();
    let place = RunPlace { folder: folder.join("state"), region, clock: Moment::default };
    let (outcome, output) = run(told, &place).await;
    (outcome.end, output.text)
}

const LONG: Duration = Duration::from_secs(60);
const EVENTS: [HookEvent; 3] = [HookEvent::Failover, HookEvent::Failback, HookEvent::Test];

#[tokio::test]
async fn the_template_fails_until_it_is_filled_in_and_then_calls_the_right_part() {
    let folder = tempfile::tempdir().unwrap();
    let template = shipped("hooks/local-auth");
    for event in EVENTS {
        let (end, text) = run_hook(folder.path(), &[template.to_str().unwrap()], event, LONG).await;
        assert_eq!(end, HookEnd::Failed("exit status 78".into()));
        assert!(text.contains("has not been filled in"), "{text}");
    }
    let mut filled = fs::read_to_string(&template).unwrap();
    for (part, answer) in [("go_local", "local"), ("go_remote", "remote"), ("check", "check")] {
        filled = filled.replace(&format!("{part}() {{\n"), &format!("{part}() {{\n    echo {answer}; exit 0\n"));
    }
    let script = folder.path().join("local-auth");
    fs::write(&script, filled).unwrap();
    for (event, answer) in EVENTS.into_iter().zip(["local\n", "remote\n", "check\n"]) {
        let said = run_hook(folder.path(), &["/bin/sh", script.to_str().unwrap()], event, LONG).await;
        assert_eq!(said, (HookEnd::Ok, answer.to_owned()));
    }
}

/// Puts a `systemctl` in a folder that notes how it is called, and gives the command that runs the hook with it.
fn with_systemctl(folder: &Path, what_start_does: &str) -> [String; 3] {
    let noted = folder.join("calls").display().to_string();
    let script = format!("#!/bin/sh\necho \"$*\" >> {noted}\ncase \"$*\" in *' start '*) {what_start_does} ;; esac\n");
    fs::write(folder.join("systemctl"), script).unwrap();
    fs::set_permissions(folder.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", folder.display());
    ["/usr/bin/env".to_owned(), path, shipped("hooks/start-system-hook").display().to_string()]
}

#[tokio::test]
async fn the_system_hook_is_started_waited_for_and_stopped_at_the_time_limit() {
    for (what_start_does, limit, end, calls) in [
        ("exit 0", LONG, HookEnd::Ok, 1),
        ("exit 1", LONG, HookEnd::Failed("exit status 1".into()), 1),
        ("exec sleep 30", Duration::from_millis(700), HookEnd::TimedOut, 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let command = with_systemctl(folder.path(), what_start_does);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let (ended, text) = run_hook(folder.path(), &command, HookEvent::Failback, limit).await;
        assert_eq!(ended, end, "{what_start_does}: {text}");
        let noted = fs::read_to_string(folder.path().join("calls")).unwrap();
        let wanted = [
            "--no-ask-password start keyward-hook@failback.service",
            "--no-ask-password --no-block stop keyward-hook@failback.service",
        ];
        assert_eq!(noted.lines().collect::<Vec<_>>(), &wanted[..calls]);
    }
}
