//! The Debian package: built, installed, upgraded, removed and purged by the real dpkg, in a root of its own that is laid
//! over this machine's, in a mount namespace. Nothing of it reaches the machine, and nothing is started in there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{path, shipped, skip};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    text(&output)
}

/// Whether a program can be run here; a word about it where not.
fn is_there(program: &str) -> bool {
    let there = path().split(':').any(|folder| Path::new(folder).join(program).exists());
    if !there {
        skip(&format!("{program} is not here, so the Debian package is not tried"));
    }
    there
}

fn build(folder: &Path) -> PathBuf {
    run(Command::new(shipped("scripts/build-deb")).arg("dev").arg(folder).env("PATH", path()));
    let mut built = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let package = built.find(|path| path.extension().is_some_and(|ending| ending == "deb")).unwrap();
    assert!(package.file_name().unwrap().to_str().unwrap().starts_with("keyward_"), "{package:?}");
    package
}

#[test]
fn the_debian_package_comes_and_goes_without_a_trace() {
    let tools = ["cargo-deb", "dpkg", "dpkg-deb", "adduser", "unshare", "strip"];
    if !tools.iter().all(|tool| is_there(tool)) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip("only root can lay a root over this one, so the Debian package is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let package = build(folder.path());
    assert_contents(&package);
    let stage = folder.path().join("stage");
    fs::create_dir(&stage).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "bash"]).arg(shipped("tests/units/package.sh"));
    command.args([&stage, &package]);
    command.env("PATH", path()).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    let output = command.output().unwrap();
    let said = text(&output);
    if output.status.code() == Some(75) || said.contains("unshare: unshare failed") {
        return skip(&format!(
            "no root can be laid over this one, so the Debian package is not installed: {}",
            said.trim()
        ));
    }
    assert!(output.status.success(), "{said}");
    assert_life(&said);
}

/// What is in the package, with which modes, and what dpkg treats as settings.
fn assert_contents(package: &Path) {
    let listed = run(Command::new("dpkg-deb").arg("--contents").arg(package));
    let has = |mode: &str, file: &str| {
        let found = listed.lines().any(|line| line.starts_with(mode) && line.ends_with(&format!(" ./{file}")));
        assert!(found, "{mode} {file} is missing in:\n{listed}");
    };
    has("-rwxr-xr-x 0/0", "usr/bin/keyward");
    for script in ["local-auth", "start-system-hook", "system-units", "haproxy", "verify-signature"] {
        has("-rwxr-xr-x 0/0", &format!("usr/share/keyward/hooks/{script}"));
    }
    for file in [
        "etc/keyward/keyward.toml",
        "usr/lib/systemd/system/keyward.service",
        "usr/lib/systemd/system/keyward-hook@.service",
        "usr/lib/sysusers.d/keyward.conf",
        "usr/share/polkit-1/rules.d/49-keyward-hook.rules",
        "usr/share/keyward/grafana/alerts/keyward.rules",
        "usr/share/man/man1/keyward.1.gz",
        "usr/share/man/man5/keyward.toml.5.gz",
        "usr/share/bash-completion/completions/keyward",
        "usr/share/zsh/vendor-completions/_keyward",
        "usr/share/fish/vendor_completions.d/keyward.fish",
        "usr/share/doc/keyward/README.md",
        "usr/share/doc/keyward/docs/runbook.md",
        "usr/share/doc/keyward/copyright",
        "usr/share/doc/keyward/changelog.gz",
        "usr/share/doc/keyward/changelog.Debian.gz",
        "usr/share/lintian/overrides/keyward",
        "usr/share/keyward/keystone/pyproject.toml",
        "usr/share/keyward/keystone/keyward_keystone/drivers.py",
        "usr/share/doc/keyward/examples/kolla/README.md",
    ] {
        has("-rw-r--r-- 0/0", file);
    }
    let written = fs::read_to_string(shipped("debian/changelog")).unwrap();
    let version = run(Command::new("dpkg-deb").arg("--field").arg(package).arg("Version"));
    assert!(written.starts_with(&format!("keyward ({}) ", version.trim())), "{version}{written}");
    // nobody can write what is root's
    let writable = listed.lines().filter(|line| line.starts_with("drwx") && !line.starts_with("drwxr-xr-x "));
    assert_eq!(writable.count(), 0, "{listed}");
    let sizes =
        run(Command::new("dpkg-deb").args(["--field"]).arg(package).args(["Package", "Depends", "Installed-Size"]));
    assert!(sizes.contains("Package: keyward\n") && sizes.contains("adduser"), "{sizes}");
}

fn assert_life(said: &str) {
    let part = |name: &str| {
        let rest = said.split(&format!("== {name}\n")).nth(1).unwrap_or_else(|| panic!("no {name} in:\n{said}"));
        rest.split("\n== ").next().unwrap().to_owned()
    };
    let holds = |name: &str, wanted: &[&str]| {
        let part = part(name);
        for line in wanted {
            assert!(part.lines().any(|found| found.trim() == *line), "{line:?} is missing under {name} in:\n{said}");
        }
    };
    holds(
        "installed",
        &[
            concat!("keyward ", env!("CARGO_PKG_VERSION")),
            "install ok installed",
            "755 root:root /usr/bin/keyward",
            "644 root:root /usr/lib/systemd/system/keyward.service",
            "750 root:keyward /etc/keyward",
            "644 root:root /etc/keyward/keyward.toml",
            "755 root:root /etc/keyward/hooks",
            "700 keyward:keyward /var/lib/keyward",
            "/var/lib/keyward:/usr/sbin/nologin",
        ],
    );
    let installed = part("installed");
    assert!(installed.contains(" /etc/keyward/keyward.toml "), "it is no conffile:\n{installed}");
    assert!(!installed.contains("systemd-analyze:"), "{installed}");
    let glibc = installed.lines().find_map(|line| line.strip_prefix("GLIBC_2.")).unwrap();
    assert!(glibc.parse::<u32>().unwrap() <= 34, "Depends says libc6 (>= 2.34), and the program needs 2.{glibc}");
    holds("upgraded", &["# mine", "600 root:root /etc/keyward/keyward.password"]);
    let gone = ["no /usr/bin/keyward", "no /usr/lib/systemd/system/keyward.service"];
    holds("removed", &[gone[0], gone[1], "{}", "# mine"]);
    // an administrator's own hook stays, and nothing else
    let left: Vec<String> = part("left").lines().map(str::to_owned).collect();
    assert_eq!(left, ["./etc/keyward", "./etc/keyward/hooks", "./etc/keyward/hooks/local-auth"], "{said}");
}
