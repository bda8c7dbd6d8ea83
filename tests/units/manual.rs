//! Manual pages and completions, as the programs that read them find them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{shipped, skip};

/// What a program says, with standard error; `None`, and a word about it, where it is not installed.
fn said(command: &mut Command) -> Option<(bool, String, String)> {
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip(&format!("{} is not installed", command.get_program().display()));
            None
        }
        output => {
            let output = output.unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Some((output.status.success(), text(output.stdout), text(output.stderr)))
        }
    }
}

fn keyward(arguments: &[&str]) -> String {
    let (done, text, complaint) = said(Command::new(env!("CARGO_BIN_EXE_keyward")).args(arguments)).unwrap();
    assert!(done, "{complaint}");
    text
}

#[test]
fn groff_finds_nothing_to_complain_about_in_the_pages() {
    let folder = tempfile::tempdir().unwrap();
    keyward(&["man", "--dir", folder.path().to_str().unwrap()]);
    let typeset = |page: &str| {
        said(Command::new("groff").args(["-man", "-ww", "-b", "-Tutf8", "-rLL=80n"]).arg(folder.path().join(page)))
    };
    // bold and italics, in either of the ways in which groff writes them
    let faces = regex::Regex::new("\u{1b}\\[[0-9;]*m|.\u{8}").unwrap();
    for (page, words) in [("keyward.1", "--since WHEN"), ("keyward.toml.5", "unreachable_after = \"10s\"")] {
        let Some((done, text, complaint)) = typeset(page) else { return };
        assert!(done && complaint.is_empty(), "{page}: {complaint}");
        let plain = faces.replace_all(&text, "").into_owned();
        assert!(plain.contains(words), "{page}: {plain}");
        assert_eq!(
            keyward(&["man", page.rsplit_once('.').unwrap().0]),
            fs::read_to_string(folder.path().join(page)).unwrap()
        );
    }
    // the same check sees a macro that there is not
    fs::write(folder.path().join("broken.1"), ".TH a 1\n.XX b\n").unwrap();
    assert!(!typeset("broken.1").unwrap().2.is_empty());
}

const TWO_REGIONS: &str = "
account.password = 'a'
replication.password = 'b'
tls.mode = 'disabled'
replication.tls.mode = 'disabled'
master.addresses = ['10.13.32.19:3306']
regions = [
    { name = 'RegionTwo', replicas = [{ name = 'r2-db1', address = '10.13.131.137:3307' }] },
    { name = 'RegionThree', replicas = [{ name = 'r3-db1', address = '10.13.132.137:3307' }] },
]
";

#[test]
fn bash_completes_commands_flags_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("keyward");
    fs::write(&script, keyward(&["completions", "bash"])).unwrap();
    let settings = folder.path().join("keyward.toml");
    fs::write(&settings, TWO_REGIONS).unwrap();
    let complete = |words: &str| {
        let ask = format!(
            "source {} || exit 1; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p keyward | sed 's/.* -F \\([^ ]*\\) .*/\\1/') keyward \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let program = Path::new(env!("CARGO_BIN_EXE_keyward")).parent().unwrap();
        let path = format!("{}:{}", program.display(), super::path());
        said(Command::new("bash").args(["--norc", "-c", &ask]).env("PATH", path).env("KEYWARD_CONFIG", &settings))
    };
    for (words, wanted) in [
        ("keyward failover \"\"", "RegionTwo\nRegionThree\n"),
        ("keyward pause --for 2h RegionT", "RegionTwo\nRegionThree\n"),
        ("keyward release RegionTh", "RegionThree\nRegionThree/r3-db1\n"),
        ("keyward verify --region RegionTw", "RegionTwo\nRegionTwo/r2-db1\n"),
    ] {
        let Some((done, text, complaint)) = complete(words) else { return };
        assert!(done && complaint.is_empty(), "{words}: {complaint}");
        assert_eq!(text, wanted, "{words}");
    }
    for (words, wanted) in [
        ("keyward sta", "status"),
        ("keyward failover --re", "--reason"),
        ("keyward events --si", "--since"),
        ("keyward man key", "keyward.toml"),
        ("keyward setup --dry", "--dry-run"),
    ] {
        let Some((done, text, complaint)) = complete(words) else { return };
        assert!(done && complaint.is_empty(), "{words}: {complaint}");
        assert!(text.lines().any(|line| line == wanted), "{words}: {text}");
        assert!(!text.contains("hook-test"), "{words}: {text}");
    }
}

#[test]
fn what_is_for_kolla_is_read_by_the_programs_that_it_is_for() {
    let folder = shipped("examples/kolla");
    let config = folder.join("config");
    let main = tempfile::tempdir().unwrap();
    // what kolla's own haproxy.cfg begins with, as far as the drop-in stands on it
    let haproxy = main.path().join("haproxy.cfg");
    fs::write(
        &haproxy,
        "global\n  maxconn 100\ndefaults\n  timeout connect 10s\n  timeout client 1m\n  timeout server 1m\n",
    )
    .unwrap();
    let drop_in = config.join("haproxy/services.d/keyward.cfg");
    if let Some((done, text, complaint)) =
        said(Command::new("/usr/sbin/haproxy").args(["-c", "-f"]).arg(&haproxy).arg("-f").arg(&drop_in))
    {
        assert!(done && !complaint.contains("WARNING"), "{text}{complaint}");
    }
    let scraped = Command::new("env")
        .args(["promtool", "check", "config"])
        .arg(config.join("prometheus/prometheus.yml.d/keyward.yml"))
        .env("PATH", super::path())
        .output()
        .unwrap();
    match scraped.status.code() {
        Some(127) => skip("no promtool here; the scrape job for kolla was not checked"),
        code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&scraped.stderr)),
    }
    let galera = config.join("galera.cnf");
    let option = format!("--defaults-file={}", galera.display());
    if let Some((done, text, complaint)) = said(Command::new("my_print_defaults").args([&option, "mysqld"])) {
        assert!(done && text.contains("--wsrep_gtid_mode=ON\n"), "{text}{complaint}");
    }
    // the expression of the fluentd drop-in reads the line that keyward writes
    let fluentd = fs::read_to_string(config.join("fluentd/input/keyward.conf")).unwrap();
    let expression = fluentd.split_once("expression /").unwrap().1.split_once("/\n").unwrap().0;
    let line = "2026-11-22 05:03:35.123 77 WARNING keyward.events [-] The master is gone. region=RegionTwo";
    assert!(regex::Regex::new(expression).unwrap().is_match(line), "{expression}");
    // and the README says where everything goes
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    for file in [
        "prometheus/prometheus.yml.d/keyward.yml",
        "galera.cnf",
        "haproxy/services.d/keyward.cfg",
        "fluentd/input/keyward.conf",
    ] {
        assert!(config.join(file).exists() && readme.contains(&format!("config/{file}")), "{file}");
    }
}
