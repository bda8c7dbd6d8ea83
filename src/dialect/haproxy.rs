//! The lines that an HAProxy's runtime socket takes, and how its answers read.
//!
//! Several commands go in one line, and each answer ends with an empty line, so that they can be told apart.

use std::collections::BTreeMap;

use crate::model::haproxy::{AdminState, Change, HaproxyFacts, SocketLevel};

/// A line of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is sent, with its end.
    pub text: String,
    /// How many answers come back.
    pub answers: usize,
}

/// The line that carries out `changes` and then asks for everything that a look at `names` shows.
pub fn line<'a>(changes: &[Change], names: impl Iterator<Item = &'a str>) -> Line {
    let set = |change: &Change| format!("set server {} state {}", change.server, change.to.code());
    let mut commands: Vec<String> = changes.iter().map(set).collect();
    commands.extend(["show cli level".to_owned(), "show backend".to_owned()]);
    commands.extend(backends(names).iter().map(|backend| format!("show servers state {backend}")));
    Line { answers: commands.len(), text: format!("{}\n", commands.join(";")) }
}

/// The backends of the names, each once, in the order of the names.
fn backends<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut backends = Vec::new();
    for backend in names.map(|name| name.split_once('/').map_or(name, |(backend, _)| backend)) {
        if !backends.contains(&backend) {
            backends.push(backend);
        }
    }
    backends
}

/// Whether all of the answers to a line are there. What speaks of an unknown command is no HAProxy's `stats socket`,
/// and keeps the connection open.
pub fn is_complete(text: &str, line: &Line) -> bool {
    text.contains(UNKNOWN) || text.split('\n').filter(|line| line.is_empty()).count() > line.answers
}

const UNKNOWN: &str = "Unknown command";

/// Reads the answers to [`line()`] of the same changes.
///
/// # Errors
/// What an answer says instead, in words that follow the name of the socket.
pub fn read(text: &str, changes: &[Change]) -> Result<HaproxyFacts, String> {
    if text.contains(UNKNOWN) {
        return Err("does not know the commands: name a `stats socket` of an HAProxy, not its master socket".to_owned());
    }
    let mut answers = text.split('\n').collect::<Vec<_>>().into_iter();
    let mut next = || -> Vec<&str> { answers.by_ref().take_while(|line| !line.is_empty()).collect() };
    for change in changes {
        if let Some(said) = next().first() {
            let to = change.to.code();
            return Err(format!("refused `set server {} state {to}`: {}", change.server, shown(said)));
        }
    }
    let level = match next().first() {
        Some(&"user") => SocketLevel::User,
        Some(&"operator") => SocketLevel::Operator,
        Some(&"admin") => SocketLevel::Admin,
        Some(other) => return Err(strange(other)),
        None => return Err("gave an answer that is not complete".to_owned()),
    };
    let all = next();
    let backends = all.iter().filter(|line| !line.starts_with('#')).map(|line| (*line).to_owned()).collect();
    let mut servers = BTreeMap::new();
    loop {
        let answer = next();
        match answer.first() {
            None => return Ok(HaproxyFacts { level, backends, servers }),
            Some(&"1") => read_servers(&answer[1..], &mut servers)?,
            // which backends there are has been asked
            Some(said) if said.contains("find backend") => {}
            Some(other) => return Err(strange(other)),
        }
    }
}

/// `show servers state`, version 1: a head with the names of the columns, then a line a server.
fn read_servers(lines: &[&str], servers: &mut BTreeMap<String, AdminState>) -> Result<(), String> {
    let head: Vec<&str> =
        lines.first().and_then(|head| head.strip_prefix("# ")).unwrap_or_default().split(' ').collect();
    let column = |name: &str| head.iter().position(|column| *column == name);
    let columns = (column("be_name"), column("srv_name"), column("srv_admin_state"));
    let (Some(backend), Some(server), Some(admin)) = columns else {
        return Err(strange(lines.first().unwrap_or(&"")));
    };
    for line in lines[1..].iter().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(' ').collect();
        let found = (cells.get(backend), cells.get(server), cells.get(admin).and_then(|bits| bits.parse().ok()));
        let (Some(backend), Some(server), Some(bits)) = found else { return Err(strange(line)) };
        servers.insert(format!("{backend}/{server}"), AdminState(bits));
    }
    Ok(())
}

fn strange(said: &str) -> String {
    format!("gave an answer that keyward does not understand: {:?}", shown(said))
}

/// A foreign text, short and on one line.
fn shown(text: &str) -> String {
    text.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::haproxy::Setting;

    // as HAProxy 2.6 answers
    const HEAD: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                        srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                        srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
                        srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";
    const K1: &str = "3 identity 1 k1 127.0.0.1 2 0 1 1 1 1 0 2 0 0 0 0 - 19501 - 0 0 - - 0\n";
    const K2: &str = "3 identity 2 k2 127.0.0.1 0 5 1 1 1 1 0 0 8 0 0 0 - 19502 - 0 0 - - 0\n";

    fn change(server: &str, to: Setting) -> Change {
        Change { server: server.to_owned(), was: AdminState(0), to }
    }

    #[test]
    fn every_backend_is_asked_for_once_after_the_changes() {
        let names = ["identity/k1", "other/k1", "identity/k2"];
        let asked = line(&[change("identity/k1", Setting::Maint)], names.into_iter());
        let text = "set server identity/k1 state maint;show cli level;show backend;show servers state identity;\
                    show servers state other\n";
        assert_eq!(asked, Line { text: text.to_owned(), answers: 5 });
    }

    #[test]
    fn a_look_reads_level_backends_and_states() {
        let text = format!("admin\n\n# name\nidentity\nother\n\n{HEAD}{K1}{K2}\nCan't find backend.\n\n");
        let facts = read(&text, &[]).unwrap();
        assert_eq!(
            (facts.level, facts.backends),
            (SocketLevel::Admin, vec!["identity".to_owned(), "other".to_owned()])
        );
        let states: Vec<(&str, u32)> = facts.servers.iter().map(|(name, state)| (name.as_str(), state.0)).collect();
        assert_eq!(states, [("identity/k1", 0), ("identity/k2", 5)]);
    }

    #[test]
    fn a_success_is_an_empty_answer_and_a_refusal_is_quoted() {
        let change = [change("identity/k1", Setting::Ready), change("identity/k2", Setting::Maint)];
        let look = format!("admin\n\n# name\nidentity\n\n{HEAD}{K1}{K2}\n");
        assert_eq!(read(&format!("\n\n{look}"), &change).unwrap().servers.len(), 2);
        let refused = read(&format!("\nPermission denied\n\n{look}"), &change).unwrap_err();
        assert_eq!(refused, "refused `set server identity/k2 state maint`: Permission denied");
    }

    #[test]
    fn an_answer_is_complete_with_its_last_empty_line_and_not_before() {
        let asked = line(&[change("identity/k1", Setting::Ready)], ["identity/k1"].into_iter());
        let text = format!("\nadmin\n\n# name\nidentity\n\n{HEAD}{K1}\n");
        for (end, _) in text.char_indices() {
            assert!(!is_complete(&text[..end], &asked), "{:?}", &text[..end]);
        }
        assert!(is_complete(&text, &asked));
    }

    #[test]
    fn what_is_no_stats_socket_is_told() {
        let master = "admin\n\nUnknown command, but maybe one of the following ones is a better match:\n";
        assert!(is_complete(master, &line(&[], ["identity/k1"].into_iter())));
        assert!(read(master, &[]).unwrap_err().contains("not its master socket"));
        for strange in
            ["HTTP/1.1 400 Bad request\n\n", "admin\n\n# name\n\n2\n# new\n\n", "admin\n\n# name\n\n1\n# be_name\n\n"]
        {
            assert!(read(strange, &[]).unwrap_err().contains("does not understand"), "{strange:?}");
        }
        assert!(read("", &[]).unwrap_err().contains("not complete"));
    }
}
