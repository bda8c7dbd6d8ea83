//! The commands that talk to the running daemon, all of them over its control socket.
//!
//! Nothing here touches a database or the state folder: what cannot be asked of the daemon cannot be done.

use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;

use super::exit::{BadInput, Exit};
use super::output;
use super::render;
use super::sheet::Sheet;
use super::since::Since;
use super::watch;
use crate::daemon::clock;
use crate::model::command::{Command, HookTested, Reply};
use crate::model::time::{friendly, stamp};
use crate::model::view::Snapshot;

/// The most bytes of an answer.
const REPLY_BYTES: u64 = 64 * 1024 * 1024;
/// The most time for an answer that the daemon has at hand.
const SOON: Duration = Duration::from_secs(35);
/// After this time without an answer somebody at a terminal is told that it is waited for.
const HURRY: Duration = Duration::from_secs(3);
/// The most time for an answer that waits for hooks.
const HOOKS: Duration = Duration::from_secs(610);

/// `keyward status`: the sheet or the document, once or every second.
///
/// # Errors
/// The daemon does not answer. `--watch` says so and goes on.
pub fn status(socket: &Path, json: bool, watch: bool) -> anyhow::Result<Exit> {
    if !watch {
        let (text, exit) = status_once(socket, json.then_some(Json::Pretty), Impatience::Said)?;
        output::write(&text)?;
        return Ok(exit);
    }
    let socket = socket.to_owned();
    let json = json.then_some(Json::Line);
    watch::run(move || status_once(&socket, json, Impatience::Kept).map(|(text, _)| text), json.is_none())
}

/// How a document is written.
#[derive(Clone, Copy)]
enum Json {
    /// For eyes too.
    Pretty,
    /// One line.
    Line,
}

/// Whether an answer that lets wait is spoken of on standard error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Impatience {
    /// It is, on a terminal.
    Said,
    /// Whoever asked does that.
    Kept,
}

fn status_once(socket: &Path, json: Option<Json>, impatience: Impatience) -> anyhow::Result<(String, Exit)> {
    let document = document(ask(socket, &Command::Status, impatience)?)?;
    let text = match json {
        Some(Json::Pretty) => Some(format!("{}\n", serde_json::to_string_pretty(&document)?)),
        Some(Json::Line) => Some(format!("{document}\n")),
        None => None,
    };
    let snapshot: Snapshot = serde_json::from_value(document).context(OTHER_VERSION)?;
    let exit = if render::is_degraded(&snapshot) { Exit::Degraded } else { Exit::Done };
    Ok((text.unwrap_or_else(|| render::status(Sheet::for_stdout(), &snapshot)), exit))
}

/// `keyward events`: the list, or one JSON object an event; all that is kept, or what happened since then.
///
/// # Errors
/// The daemon does not answer.
pub fn events(socket: &Path, json: bool, since: Option<Since>) -> anyhow::Result<Exit> {
    let mut document = document(ask(socket, &Command::Events, Impatience::Said)?)?;
    let list = document.get_mut("events").map(serde_json::Value::take).context(OTHER_VERSION)?;
    let mut list: Vec<serde_json::Value> = serde_json::from_value(list).context(OTHER_VERSION)?;
    let since = since.map(|since| since.at(clock::wall()));
    if let Some(since) = since {
        let at = |event: &serde_json::Value| event["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        list.retain(|event| at(event).is_none_or(|at| at >= since));
    }
    let text = if json {
        list.iter().map(|event| format!("{event}\n")).collect()
    } else if list.is_empty() && std::io::stdout().is_terminal() {
        let since = since.map_or(String::new(), |since| format!(" since {}", stamp(since)));
        format!("nothing has happened{since}\n")
    } else {
        let list = serde_json::Value::Array(list);
        render::events(Sheet::for_stdout(), &serde_json::from_value::<Vec<_>>(list).context(OTHER_VERSION)?)
    };
    output::write(&text)?;
    Ok(Exit::Done)
}

/// Any other command: says what the daemon answered.
///
/// # Errors
/// The daemon does not answer, or its refusal.
pub fn command(socket: &Path, command: &Command) -> anyhow::Result<Exit> {
    let reply = ask(socket, command, Impatience::Said)?;
    if let (Command::HookTest { .. }, Some(data)) = (command, reply.data) {
        output::write(&hooks_tested(&serde_json::from_value::<Vec<_>>(data).context(OTHER_VERSION)?))?;
    }
    if reply.unknown {
        return Err(BadInput(reply.message).into());
    }
    if !reply.ok {
        return Err(anyhow!(reply.message));
    }
    output::line(&reply.message)?;
    Ok(Exit::Done)
}

const OTHER_VERSION: &str = "the daemon's answer is not understood; it is of another version, restart it";

fn hooks_tested(hooks: &[HookTested]) -> String {
    let mut text = String::new();
    for hook in hooks {
        let took = friendly(Duration::try_from_secs_f64(hook.seconds).unwrap_or_default());
        let why = if hook.detail.is_empty() { String::new() } else { format!(": {}", hook.detail) };
        text.push_str(&format!("{}: {} after {took}{why}\n", hook.hook, hook.outcome));
        for line in hook.output.lines() {
            let line: String = line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
            text.push_str(&format!("  | {line}\n"));
        }
    }
    text
}

fn document(reply: Reply) -> anyhow::Result<serde_json::Value> {
    match reply {
        Reply { ok: true, data: Some(document), .. } => Ok(document),
        Reply { ok: true, .. } => bail!(OTHER_VERSION),
        Reply { message, .. } => Err(anyhow!(message)),
    }
}

/// Sends one command and waits for its answer.
fn ask(socket: &Path, command: &Command, impatience: Impatience) -> anyhow::Result<Reply> {
    let limit = if matches!(command, Command::HookTest { .. }) { HOOKS } else { SOON };
    let mut stream = UnixStream::connect(socket).map_err(|error| unreachable(socket, &error))?;
    let asked = || -> std::io::Result<Vec<u8>> {
        stream.set_read_timeout(Some(HURRY))?;
        stream.set_write_timeout(Some(SOON))?;
        stream.write_all(format!("{}\n", serde_json::to_string(command)?).as_bytes())?;
        let (mut read, mut line) = (BufReader::new(&stream).take(REPLY_BYTES), Vec::new());
        match read.read_until(b'\n', &mut line) {
            Err(error) if is_late(&error) => {
                if impatience == Impatience::Said && std::io::stderr().is_terminal() {
                    let limit = friendly(limit);
                    super::complain(&format!(
                        "keyward: no answer yet; waiting for it, at most {limit} (Ctrl-C gives up)"
                    ));
                }
                stream.set_read_timeout(Some(limit.saturating_sub(HURRY)))?;
                read.read_until(b'\n', &mut line)?;
            }
            done => drop(done?),
        }
        Ok(line)
    };
    let line = match { asked }() {
        Ok(line) if line.last() == Some(&b'\n') => line,
        Ok(_) => bail!("keyward ended before it answered; see `systemctl status keyward`"),
        Err(error) if is_late(&error) => {
            bail!("keyward gave no answer within {}; see `systemctl status keyward`", friendly(limit))
        }
        Err(error) => bail!("the control socket {} broke: {error}", socket.display()),
    };
    serde_json::from_slice(&line).context(OTHER_VERSION)
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn unreachable(socket: &Path, error: &std::io::Error) -> anyhow::Error {
    let socket = socket.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            anyhow!("keyward is not running: nobody answers at {socket}; see `systemctl status keyward`")
        }
        ErrorKind::PermissionDenied => {
            anyhow!("the control socket {socket} is for its owner only; run the command as root or with sudo")
        }
        _ => anyhow!("cannot reach keyward at {socket}: {error}; see `systemctl status keyward`"),
    }
}

#[cfg(test)]
mod tests;
