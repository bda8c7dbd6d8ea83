//! Builds the simulation as an optimised program of its own, in a package below `target/`: once around the product's
//! sources as they stand, once around a copy into which bugs are planted, each behind a switch.
//!
//! Nothing of this is known to the product's sources.

pub mod bugs;
pub mod patches;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The rooms that the simulation needs, and the one file of `plan`.
const ROOMS: [&str; 2] = ["model", "judge"];
const UPKEEP: &str = "plan/upkeep.rs";

const MANIFEST: &str = r#"[package]
name = "keyward-simulation"
version = "0.0.0"
edition = "2024"

[workspace]

[[bin]]
name = "clean"
path = "clean.rs"

[[bin]]
name = "planted"
path = "planted.rs"

[dependencies]
backoff = { version = "0.4", default-features = false }
fastrand = "2"
jiff = { version = "0.2", default-features = false, features = ["std", "serde"] }
secrecy = "0.10"
serde = { version = "1", features = ["derive"] }
serde_json = "1"

[profile.dev]
opt-level = 2
debug = 0
"#;

/// The root of a program around the rooms at `rooms`; `{planted}` stands for the switches.
const ROOT: &str = r#"//! Written by the tests.
#![allow(dead_code, unused_parens, unused_mut, unused_variables, unused_assignments, unreachable_code)]

extern crate self as keyward;

#[path = "{rooms}/model/mod.rs"]
pub mod model;
#[path = "{rooms}/judge/mod.rs"]
pub mod judge;
pub mod plan {
    #[path = "{rooms}/plan/upkeep.rs"]
    pub mod upkeep;
}
#[path = "{root}/tests/simulated/mod.rs"]
mod simulated;

static BUG: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(usize::MAX);

/// Whether this bug is switched on.
pub fn planted(bug: usize) -> bool {
    BUG.load(std::sync::atomic::Ordering::Relaxed) == bug
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = std::env::var("PLANTED").ok().and_then(|bug| bug.parse().ok());
    BUG.store(number.unwrap_or(usize::MAX), std::sync::atomic::Ordering::Relaxed);
    simulated::program::run(&arguments)
}
"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn write_if_new(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Removes what an earlier build wrote there and this one does not: a module that was renamed since would stand twice.
fn remove_others(folder: &Path, wanted: &[(String, String)]) {
    let mut folders = vec![folder.to_owned()];
    while let Some(entries) = folders.pop().map(fs::read_dir) {
        for path in entries.into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if !wanted.iter().any(|(name, _)| folder.join(name) == path) {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

/// The sources that the simulation is made of, by their path below `src/`.
pub fn sources() -> Vec<(String, String)> {
    let mut found = vec![(UPKEEP.to_owned(), fs::read_to_string(root().join("src").join(UPKEEP)).unwrap())];
    let mut folders: Vec<String> = ROOMS.map(str::to_owned).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join("src").join(&folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                folders.push(name);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Builds both programs, once for all tests of this process.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let package = root().join("target/simulation");
        let src = root().join("src");
        let text =
            |rooms: &Path| ROOT.replace("{rooms}", rooms.to_str().unwrap()).replace("{root}", root().to_str().unwrap());
        write_if_new(&package.join("Cargo.toml"), MANIFEST);
        write_if_new(&package.join("clean.rs"), &text(&src));
        write_if_new(&package.join("planted.rs"), &text(&package.join("planted")));
        let planted = patches::plant(&sources(), &bugs::BUGS).unwrap();
        remove_others(&package.join("planted"), &planted);
        for (name, source) in &planted {
            write_if_new(&package.join("planted").join(name), source);
        }
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        // cargo strikes out what this package does not need; the versions stay
        if !fs::read_to_string(package.join("origin.lock")).is_ok_and(|before| before == lock) {
            fs::write(package.join("Cargo.lock"), &lock).unwrap();
            fs::write(package.join("origin.lock"), &lock).unwrap();
        }
        let cargo = std::env::var("CARGO").unwrap_or("cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--offline", "--target-dir"]).arg(package.join("target"));
        build.current_dir(&package).stdin(Stdio::null());
        let output = build.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the simulation cannot be built:\n{said}");
        package.join("target/debug")
    })
}

/// Runs one of the programs; what it said, as an error when it failed.
pub fn run(program: &str, bug: Option<usize>, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(built().join(program));
    command.args(arguments).stdin(Stdio::null()).env_remove("PLANTED");
    if let Some(bug) = bug {
        command.env("PLANTED", bug.to_string());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr))) }
}
