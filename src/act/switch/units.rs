//! Restarting units of systemd after their files have changed.

use std::io::Read as _;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The most time for one call of systemctl. A hook has a limit of its own.
const LIMIT: Duration = Duration::from_secs(300);

/// How often a call that runs is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Whether systemd knows every unit; asked before anything changes.
///
/// # Errors
/// One sentence a unit that it does not know.
pub fn check(units: &[String]) -> Result<(), Vec<String>> {
    let wrong = |unit: &String| {
        if unit.is_empty() || unit.starts_with('-') || unit.contains(|c: char| c.is_whitespace() || c == '/') {
            return Some(format!("{unit:?} is no name of a unit"));
        }
        match is_known(unit) {
            Ok(true) => None,
            Ok(false) => Some(format!("systemd knows no unit {unit}: correct --restart")),
            Err(why) => Some(format!("{unit}: {why}")),
        }
    };
    let problems: Vec<String> = units.iter().filter_map(wrong).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether systemd has such a unit.
///
/// # Errors
/// One sentence: it cannot be asked.
pub fn is_known(unit: &str) -> Result<bool, String> {
    Ok(call(&["show", "--property=LoadState", "--value", unit])?.1.trim() == "loaded")
}

/// Restarts those units that run, and starts those that have failed. One that an operator has stopped stays stopped.
///
/// # Errors
/// One sentence: which do not run afterwards.
pub fn restart(units: &[String]) -> Result<(), String> {
    let failed = |unit: &&String| call(&["is-failed", "--quiet", unit]).is_ok_and(|(status, _)| status.success());
    let (broken, others): (Vec<&String>, Vec<&String>) = units.iter().partition(failed);
    let mut told = Vec::new();
    for (verb, units) in [("try-restart", others), ("restart", broken)] {
        if units.is_empty() {
            continue;
        }
        let words: Vec<&str> = [verb].into_iter().chain(units.iter().map(|unit| unit.as_str())).collect();
        match call(&words) {
            Ok((status, _)) if status.success() => {}
            Ok((status, _)) => told.push(format!("systemctl {}: {status}", words.join(" "))),
            Err(why) => told.push(format!("systemctl {}: {why}", words.join(" "))),
        }
    }
    for unit in units.iter().filter(failed) {
        told.push(format!("{unit} has failed: see journalctl -u {unit}"));
    }
    if told.is_empty() { Ok(()) } else { Err(told.join("\n")) }
}

/// Runs systemctl; its status, and what it printed.
fn call(words: &[&str]) -> Result<(ExitStatus, String), String> {
    let mut command = Command::new("systemctl");
    // only `show` prints what is read; from anything else a pipe could stay open behind it
    let output = if words.first() == Some(&"show") { Stdio::piped() } else { Stdio::null() };
    command.arg("--no-ask-password").args(words).stdin(Stdio::null()).stdout(output);
    let mut child = command.spawn().map_err(|error| format!("systemctl cannot be run: {error}"))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let mut said = String::new();
                // it prints one word
                if let Some(output) = child.stdout.take() {
                    let _ = output.take(4096).read_to_string(&mut said);
                }
                return Ok((status, said));
            }
            Ok(None) if begun.elapsed() < LIMIT => sleep(LOOK),
            other => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(other.err().map_or_else(|| "took too long".to_owned(), |error| error.to_string()));
            }
        }
    }
}
