//! Administrators' logins on the command line: where from, and the password that is kept nowhere.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;

use super::setup::Chosen;
use crate::config::schema::{Account, Tls};
use crate::wire::connect::{Place, Target};

/// The longest password that is read from a terminal, in bytes.
const MOST_BYTES: u64 = 1024;

/// Reads `USER@HOST:PORT`, `USER@/path` or `/path` (as root).
///
/// # Errors
/// One sentence when the text is none of them.
pub fn parse(option: &str, text: &str) -> Result<(String, Place), String> {
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) if !user.is_empty() => (user, place),
        None if text.starts_with('/') => ("root", text),
        _ => return Err(format!("{option}: {text:?} is not USER@HOST:PORT, USER@/path or the path of a socket")),
    };
    let place = if place.starts_with('/') {
        Place::Socket(PathBuf::from(place))
    } else {
        Place::Tcp(place.parse().map_err(|error| format!("{option}: {error}"))?)
    };
    Ok((user.to_owned(), place))
}

/// Where an administrator connects, the password taken from the environment, or asked for on a terminal. A login over
/// a socket may do without.
///
/// # Errors
/// One sentence: the text is wrong, or there is no password.
pub fn target(
    option: &str,
    variable: &str,
    text: &str,
    tls: &Tls,
    connect_timeout: Duration,
) -> Result<Target, String> {
    let (user, place) = parse(option, text)?;
    let password = match std::env::var(variable) {
        Ok(password) => SecretString::from(password),
        Err(std::env::VarError::NotUnicode(_)) => return Err(format!("{variable} is not UTF-8")),
        Err(std::env::VarError::NotPresent) if matches!(place, Place::Socket(_)) => SecretString::from(""),
        Err(std::env::VarError::NotPresent) if std::io::stdin().is_terminal() => {
            let asked = ask(&format!("Password of {user} at {place}: "));
            asked.map_err(|error| format!("{option}: the password could not be read from the terminal: {error}"))?
        }
        Err(std::env::VarError::NotPresent) => return Err(format!("{option} needs a password: set {variable}")),
    };
    Ok(Target { place, account: Account { user, password }, tls: tls.clone(), connect_timeout })
}

/// Where `--replica-admin` connects: only one replica may have been chosen.
///
/// # Errors
/// One sentence: there are several, the text is wrong, or there is no password.
pub fn at_replica(text: &str, chosen: &Chosen<'_>, connect_timeout: Duration) -> Result<Target, String> {
    let [(_, replica)] = chosen.as_slice() else {
        return Err("--replica-admin is for one server: choose it with --region REGION/REPLICA".to_owned());
    };
    target("--replica-admin", "KEYWARD_REPLICA_ADMIN_PASSWORD", text, &replica.tls, connect_timeout)
}

/// Asks on the terminal; what is typed does not show.
fn ask(question: &str) -> std::io::Result<SecretString> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    terminal.write_all(question.as_bytes())?;
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = BufReader::new(terminal.try_clone()?.take(MOST_BYTES)).read_line(&mut line);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    terminal.write_all(b"\n")?;
    read?;
    let password = SecretString::from(line.trim_end_matches(['\n', '\r']));
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_read_as_people_write_them() {
        let read = |text: &str| parse("--master-admin", text).map(|(user, place)| format!("{user} {place}"));
        assert_eq!(read("/run/mysqld/mysqld.sock").unwrap(), "root /run/mysqld/mysqld.sock");
        assert_eq!(read("dba@/run/m.sock").unwrap(), "dba /run/m.sock");
        assert_eq!(read("dba@corp@db.example:3307").unwrap(), "dba@corp db.example:3307");
        for wrong in ["", "dba", "dba@host", "@host:1", "host:3306"] {
            assert!(read(wrong).unwrap_err().starts_with("--master-admin: "), "{wrong}");
        }
    }
}
