//! What the built program says about settings and arguments: one line each, the exit code, and never a secret.

#![allow(clippy::unwrap_used, reason = "a helper of a test may end the test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

const OWN: &str = "s3cret-own-7351";
const LINK: &str = "s3cret-link-9246";

/// A folder with settings that are fine, but for the test's change.
struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keyward.password"), format!("{OWN}\n")).unwrap();
        std::fs::write(folder.path().join("replication.password"), LINK).unwrap();
        let room = Self { folder };
        room.write(&fine());
        room
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("keyward.toml"), text).unwrap();
    }

    fn keyward(&self, args: &[&str]) -> Command {
        let mut command = keyward(args);
        command.env("KEYWARD_CONFIG", self.folder.path().join("keyward.toml"));
        command
    }

    fn check(&self) -> Output {
        self.keyward(&["check"]).output().unwrap()
    }
}

fn keyward(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

fn fine() -> String {
    r#"
[tls]
mode = "required"
[master]
addresses = ["10.0.0.1:3306"]
[[regions]]
name = "RegionTwo"
[[regions.replicas]]
name = "r2-db1"
address = "10.0.0.2:3306"
[[regions.failover.hooks]]
name = "services"
command = ["/bin/sh", "-c", "true"]
"#
    .to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!text.contains("s3cret"), "a secret was printed: {text}");
    text
}

/// The command was refused as bad input, and this is all it said.
fn refused(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(stdout(output), "", "nothing belongs on stdout");
    text
}

#[test]
fn good_settings_are_summed_up_without_secrets() {
    let room = Room::new();
    let output = room.check();
    let said = stdout(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    for piece in ["RegionOne at 10.0.0.1:3306", "r2-db1 at 10.0.0.2:3306", "services: /bin/sh", "10s", "at most 1d old"]
    {
        assert!(said.contains(piece), "{piece:?} is missing in:\n{said}");
    }
    assert!(said.ends_with("settings are fine\n") && !said.contains("s3cret"), "{said}");
    assert!(said.lines().all(|line| line.starts_with("settings ") || line.chars().count() <= 80), "{said}");
}

#[test]
fn an_http_hook_is_summed_up_without_its_secrets() {
    let room = Room::new();
    std::fs::write(room.path("hook.secret"), "s3cret-hook-1234\n").unwrap();
    let hook = "kind = \"http\"\nurl = \"http://10.0.0.9:8080/s3cret?token=s3cret\"\nsecret_file = \"hook.secret\"";
    room.write(&fine().replace("command = [\"/bin/sh\", \"-c\", \"true\"]", hook));
    let output = room.check();
    let said = stdout(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert!(said.contains("services: http://10.0.0.9:8080 (at most 1m); signed\n"), "{said}");
    assert!(said.contains("anybody on the way can read what it posts\n") && !said.contains("s3cret"), "{said}");
    room.write(&fine().replace("command = [\"/bin/sh\", \"-c\", \"true\"]", &hook.replace("http://", "https://")));
    assert!(!stdout(&room.check()).contains("anybody"), "{}", stdout(&room.check()));
}

#[test]
fn the_file_is_named_by_flag_by_environment_or_by_custom() {
    let room = Room::new();
    let by_flag = keyward(&["--config", &room.path("keyward.toml"), "check"]).output().unwrap();
    assert_eq!(by_flag.status.code(), Some(0), "{}", stderr(&by_flag));
    let flag_wins = room.keyward(&["check", "--config", "/nowhere/keyward.toml"]).output().unwrap();
    assert_eq!(
        refused(&flag_wins),
        "keyward: /nowhere/keyward.toml: cannot read /nowhere/keyward.toml: No such file or directory; \
         name the settings with --config or KEYWARD_CONFIG\n"
    );
    if !Path::new("/etc/keyward/keyward.toml").exists() {
        assert!(refused(&keyward(&["check"]).output().unwrap()).contains("/etc/keyward/keyward.toml"));
    }
}

#[test]
fn every_problem_is_listed_at_once_one_a_line() {
    let room = Room::new();
    let text = fine()
        .replace("[tls]", "poll_intervall = \"1s\"\nprobe_timeout = \"soon\"\n[tls]")
        .replace("\"RegionTwo\"", "\"\"")
        .replace("10.0.0.2:3306", "10.0.0.1:3306");
    room.write(&text);
    assert_eq!(
        refused(&room.check()),
        "keyward: probe_timeout: \"soon\" is not a duration: write it like 500ms, 5s, 2m or 1h 30m\n\
         keyward: regions[0].name: must not be empty\n\
         keyward: regions[0].replicas[0].address: 10.0.0.1:3306 is the master's address; a replica is another server\n\
         keyward: poll_intervall: unknown key; did you mean `poll_interval`?\n"
    );
}

#[test]
fn contradicting_durations_are_refused_with_their_sum() {
    let room = Room::new();
    room.write(&fine().replace(
        "[[regions.failover.hooks]]",
        "[regions.failover]\nunreachable_after = \"3s\"\n[[regions.failover.hooks]]",
    ));
    assert_eq!(
        refused(&room.check()),
        "keyward: regions[0].failover.unreachable_after: is 3s, but must be at least 4s: \
         3 x probe_timeout (1s) + poll_interval (1s)\n"
    );
}

#[test]
fn password_files_that_cannot_be_used_are_named() {
    let room = Room::new();
    std::fs::remove_file(room.path("keyward.password")).unwrap();
    std::fs::write(room.path("replication.password"), "\n").unwrap();
    assert_eq!(
        refused(&room.check()),
        format!(
            "keyward: account.password_file: cannot read {}: No such file or directory\n\
             keyward: replication.password_file: {} must not be empty\n",
            room.path("keyward.password"),
            room.path("replication.password")
        )
    );
}

#[test]
fn bare_names_of_secrets_are_looked_up_in_systemds_credentials() {
    let room = Room::new();
    let empty = tempfile::tempdir().unwrap();
    let output = room.keyward(&["check"]).env("CREDENTIALS_DIRECTORY", empty.path()).output().unwrap();
    let path = empty.path().join("keyward.password").display().to_string();
    assert!(refused(&output).contains(&format!("account.password_file: cannot read {path}")), "{}", stderr(&output));
    let output = room.keyward(&["check"]).env("CREDENTIALS_DIRECTORY", room.folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn certificates_are_looked_at_before_anything_starts() {
    let room = Room::new();
    std::fs::write(room.path("ca.pem"), "-----BEGIN NONSENSE-----\n").unwrap();
    room.write(&fine().replace("mode = \"required\"", &format!("ca_file = \"{}\"", room.path("ca.pem"))));
    let expected = format!("keyward: tls.ca_file: {} does not hold a certificate in PEM form\n", room.path("ca.pem"));
    assert_eq!(refused(&room.check()), expected);
}

#[test]
fn the_environment_wins_over_the_file_and_is_checked_like_it() {
    let room = Room::new();
    let output = room.keyward(&["check"]).env("KEYWARD__HTTP__LISTEN", "127.0.0.1:9777").output().unwrap();
    assert!(stdout(&output).contains("127.0.0.1:9777"), "{}", stderr(&output));
    let output = room.keyward(&["check"]).env("KEYWARD__HTTP__LISTEN", "9777").output().unwrap();
    assert_eq!(refused(&output), "keyward: http.listen: \"9777\" is not HOST:PORT, for example 10.13.32.19:3306\n");
    let output = room.keyward(&["check"]).env("KEYWARD__HTTP__PORT", "9777").output().unwrap();
    assert!(refused(&output).starts_with("keyward: http.port: unknown key (set in the environment)"));
}

#[test]
fn a_password_on_a_broken_line_is_not_quoted_back() {
    let room = Room::new();
    room.write(&format!("{}[account]\npassword = {OWN}\n", fine()));
    let said = refused(&room.check());
    assert!(said.contains("TOML parse error at line") && said.lines().count() == 1, "{said}");
}

#[test]
fn bad_arguments_are_one_line_and_exit_with_2() {
    let cases: [(&[&str], &str); 6] = [
        (&["staus"], "staus"),
        (&["failover", "RegionTwo"], "--reason"),
        (&["failover", "RegionTwo", "--reason", " "], "must not be empty"),
        (&["pause", "--for", "5", "--reason", "x"], "is not a duration"),
        (&["release", "RegionTwo/", "--reason", "x"], "must follow the slash"),
        (&["check", "--fast"], "--fast"),
    ];
    for (args, piece) in cases {
        let said = refused(&keyward(args).output().unwrap());
        assert!(said.starts_with("keyward: ") && said.lines().count() == 1 && said.contains(piece), "{args:?}: {said}");
    }
}

#[test]
fn completions_are_printed_and_a_reader_may_leave_early() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = keyward(&["completions", shell]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("hook-test"), "{shell} does not complete hook-test");
    }
    let mut child = keyward(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // the script is larger than a pipe holds, or the pipe is closed before the first byte; either way nobody reads
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
