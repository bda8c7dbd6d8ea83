//! One `[[regions.failover.hooks]]`: which keys its kind has, and whether they can work.
//! Nothing here opens a socket or a connection.

use std::path::PathBuf;

use super::notes::Notes;
use super::schema::LONGEST_SOCKET;
use super::secret::{self, Files};
use super::table::Table;
use super::url;
use crate::model::haproxy::{Haproxy, HaproxySocket, MOST_SERVERS, NAME_BYTES};
use crate::model::hook::{HookKind, HookSpec};
use crate::model::secret::Secret;

/// A word of the key `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exec,
    Http,
    Haproxy,
}

/// The keys that only hooks of one kind have.
const OWN_KEYS: [(Kind, &str, &[&str]); 3] = [
    (Kind::Exec, "exec", &["command"]),
    (Kind::Http, "http", &["url", "secret", "secret_file", "ca_file"]),
    (Kind::Haproxy, "haproxy", &["socket", "remote", "local"]),
];

/// Reads one hook.
pub fn read(mut table: Table<'_>, files: &Files) -> HookSpec {
    let name = table.text_needed("name");
    let kinds = OWN_KEYS.map(|(kind, word, _)| (word, kind));
    let kind = table.choice("kind", "exec", &kinds);
    misplaced(&mut table, kind);
    let kind = match kind {
        Some(Kind::Exec) => HookKind::Exec { command: table.texts("command", None) },
        Some(Kind::Http) => http(&mut table, files),
        Some(Kind::Haproxy) => haproxy(&mut table),
        None => HookKind::Exec { command: Vec::new() },
    };
    let hook =
        HookSpec { name, kind, timeout: table.duration("timeout", "60s"), optional: table.flag("optional", false) };
    table.close();
    hook
}

/// Says which kind a key belongs to, when it stands in a hook of another; an unknown kind has been noted already.
fn misplaced(table: &mut Table<'_>, kind: Option<Kind>) {
    for (owner, word, keys) in OWN_KEYS {
        if kind == Some(owner) {
            continue;
        }
        for key in keys.iter().filter(|key| kind.is_some() && table.has(key)) {
            table.problem(key, format!("belongs to a hook with kind = {word:?}; remove it, or write that kind"));
        }
        table.forget(keys);
    }
}

fn http(table: &mut Table<'_>, files: &Files) -> HookKind {
    let text = table.text_needed("url");
    let url = match table.sound("url").then(|| url::parse(&text, "sign the body with secret_file instead")) {
        Some(Ok(url)) => url,
        Some(Err(sentence)) => {
            table.problem("url", sentence);
            url::nowhere()
        }
        None => url::nowhere(),
    };
    let secret = secret::if_any(table, files).map(Secret::from);
    let ca_file = table.path_if_any("ca_file");
    if ca_file.is_some() && table.sound("url") && !url.https {
        table.problem("ca_file", "needs a url that begins with https://: nothing is verified without TLS");
    }
    HookKind::Http { url, secret, ca_file }
}

fn haproxy(table: &mut Table<'_>) -> HookKind {
    let text = table.text_needed("socket");
    let socket = if text.starts_with('/') || !table.sound("socket") {
        HaproxySocket::Unix(PathBuf::from(text))
    } else {
        HaproxySocket::Tcp(table.as_address("socket", &text))
    };
    HookKind::Haproxy(Haproxy { socket, remote: table.texts("remote", None), local: table.texts("local", None) })
}

/// Notes what cannot work in the hook at `at`.
pub fn check(hook: &HookSpec, at: &str, notes: &Notes) {
    if !notes.sound(&format!("{at}.kind")) {
        return;
    }
    match &hook.kind {
        HookKind::Exec { command } => program(command, &format!("{at}.command"), notes),
        HookKind::Http { .. } => {}
        HookKind::Haproxy(proxy) => {
            servers(&proxy.remote, &[], &format!("{at}.remote"), notes);
            servers(&proxy.local, &proxy.remote, &format!("{at}.local"), notes);
            if let HaproxySocket::Unix(path) = &proxy.socket
                && path.as_os_str().len() > LONGEST_SOCKET
            {
                let sentence = format!("must have at most {LONGEST_SOCKET} bytes, as the path of any unix socket");
                notes.problem(format!("{at}.socket"), sentence);
            }
        }
    }
}

fn program(command: &[String], key: &str, notes: &Notes) {
    if !notes.sound(key) {
        return;
    }
    match command.first() {
        None => notes.problem(key, "must hold the program and its arguments, like [\"/etc/keyward/hooks/local-auth\"]"),
        Some(program) if !program.starts_with('/') => {
            notes.problem(key, format!("{program:?} must be the program's full path: a hook runs without a shell"));
        }
        Some(_) if command.iter().any(|word| word.contains('\0')) => {
            notes.problem(key, "must not hold NUL characters");
        }
        Some(_) => {}
    }
}

/// Names of servers as HAProxy takes them: nothing in them can end a command on its socket.
fn servers(names: &[String], others: &[String], key: &str, notes: &Notes) {
    if notes.sound(key) && names.is_empty() {
        notes.problem(key, "must name at least one server, as BACKEND/SERVER");
    }
    if names.len() + others.len() > MOST_SERVERS {
        let sentence = format!("a hook must name at most {MOST_SERVERS} servers; divide them among several hooks");
        notes.problem(key, sentence);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let word = |part: &str| !part.is_empty() && part.chars().all(plain);
    for (index, name) in names.iter().enumerate() {
        let key = format!("{key}[{index}]");
        if !name.split_once('/').is_some_and(|(backend, server)| word(backend) && word(server)) {
            let rule = "must be BACKEND/SERVER, of letters, digits, `-`, `_`, `.` and `:`";
            notes.problem(key, format!("{name:?} {rule}"));
        } else if name.len() > NAME_BYTES {
            notes.problem(key, format!("{name:?} must have at most {NAME_BYTES} bytes"));
        } else if names[..index].contains(name) || others.contains(name) {
            notes.problem(key, format!("{name:?} is named twice; a server serves one side"));
        }
    }
}
