//! Hooks of every kind: what is read, and what is refused.

use std::path::Path;

use super::{changed, from, read, said, sources};
use crate::model::haproxy::{Haproxy, HaproxySocket, MOST_SERVERS, NAME_BYTES};
use crate::model::hook::HookKind;
use crate::model::secret::Secret;

const AT: &str = "regions[0].failover.hooks[0]";

/// What is said about a hook with these lines in place of its command, one line a problem.
fn said_of(lines: &str) -> Vec<String> {
    said(&changed("command = [\"/bin/true\"]", lines)).lines().map(str::to_owned).collect()
}

/// The kind of a hook with these lines in place of its command.
fn kind_of(lines: &str) -> HookKind {
    let text = changed("command = [\"/bin/true\"]", lines);
    read(&text).unwrap_or_else(|problems| panic!("{problems}")).regions[0].failover.hooks[0].kind.clone()
}

#[test]
fn the_parts_of_a_url_are_read() {
    let cases = [
        ("https://hooks.example.net/keyward", true, "hooks.example.net", 443, "hooks.example.net", "/keyward"),
        ("http://10.0.0.9", false, "10.0.0.9", 80, "10.0.0.9", "/"),
        ("HTTPS://Hooks.example.net:8443?a=b", true, "Hooks.example.net", 8443, "Hooks.example.net:8443", "/?a=b"),
        ("https://[2001:db8::9]:8443/a/b?c=d&e", true, "2001:db8::9", 8443, "[2001:db8::9]:8443", "/a/b?c=d&e"),
        ("https://[2001:db8::9]/", true, "2001:db8::9", 443, "[2001:db8::9]", "/"),
    ];
    for (text, https, host, port, authority, path) in cases {
        let kind = kind_of(&format!("kind = \"http\"\nurl = \"{text}\""));
        let HookKind::Http { url, secret: None, ca_file: None } = kind else { panic!("{text}: {kind:?}") };
        assert_eq!((url.https, url.server.host.as_str(), url.server.port), (https, host, port), "{text}");
        assert_eq!((url.authority.as_str(), url.path.expose()), (authority, path), "{text}");
    }
}

#[test]
fn a_hooks_secret_is_read_from_a_file_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "kind = \"http\"\nurl = \"https://x/s3cret?s3cret\"\nsecret_file = \"hook.secret\"";
    let mut sources = sources(&changed("command = [\"/bin/true\"]", lines));
    (sources.files.read, sources.files.credentials) = (true, Some(folder.path().to_path_buf()));
    sources.text.insert_str(0, "[tls]\nmode = \"required\"\n");
    let path = folder.path().join("hook.secret");
    let missing = format!("{AT}.secret_file: cannot read {}: No such file or directory", path.display());
    assert_eq!(from(&sources).unwrap_err().to_string(), missing);
    std::fs::write(path, "s3cret of a hook\n").unwrap();
    let settings = from(&sources).unwrap();
    let HookKind::Http { secret, .. } = &settings.regions[0].failover.hooks[0].kind else { panic!("no http") };
    assert_eq!(*secret, Some(Secret::from("s3cret of a hook")));
    assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
}

#[test]
fn the_ca_of_a_hook_is_looked_at() {
    let lines = "kind = \"http\"\nurl = \"https://x\"\nca_file = \"/nowhere/ca.pem\"";
    let mut sources = sources(&changed("command = [\"/bin/true\"]", lines));
    sources.text.insert_str(0, "[tls]\nmode = \"required\"\n");
    let HookKind::Http { ca_file, .. } = kind_of(lines) else { panic!("no http") };
    assert_eq!(ca_file.as_deref(), Some(Path::new("/nowhere/ca.pem")));
    sources.files.read = true;
    let expected = format!("{AT}.ca_file: cannot read /nowhere/ca.pem: No such file or directory");
    assert_eq!(from(&sources).unwrap_err().to_string(), expected);
}

#[test]
fn a_key_of_another_kind_is_told_its_kind() {
    let cases = [
        ("command = [\"/x\"]\nurl = \"https://x\"", "url", "http"),
        ("command = [\"/x\"]\nsecret = \"s3cret\"", "secret", "http"),
        ("command = [\"/x\"]\nsocket = \"/x\"", "socket", "haproxy"),
        ("kind = \"http\"\nurl = \"https://x\"\ncommand = [\"/x\"]", "command", "exec"),
        (
            "kind = \"haproxy\"\nsocket = \"/x\"\nremote = [\"a/b\"]\nlocal = [\"a/c\"]\nca_file = \"/x\"",
            "ca_file",
            "http",
        ),
    ];
    for (lines, key, kind) in cases {
        let expected = format!("{AT}.{key}: belongs to a hook with kind = \"{kind}\"; remove it, or write that kind");
        assert!(said_of(lines).contains(&expected), "{lines}: {:?}", said_of(lines));
    }
    let told = said_of("kind = \"htpp\"\nurl = \"https://x\"");
    assert_eq!(told, [format!("{AT}.kind: \"htpp\" is not known; use \"exec\", \"http\" or \"haproxy\"")]);
}

#[test]
fn a_url_that_cannot_be_posted_to_is_refused_and_never_quoted() {
    let form = "is not a URL like https://hooks.example.net/keyward";
    let cases = [
        ("hooks.example.net/s3cret", form),
        ("ftp://x/s3cret", "must begin with https:// or http://"),
        ("https:///s3cret", form),
        ("https://", form),
        ("https://:443/s3cret", form),
        ("https://ops:s3cret@x/", "must not hold a user name or password; sign the body with secret_file instead"),
        ("https://x/#s3cret", "must not hold a fragment, the part after `#`: no server ever sees it"),
        ("https://x:0/s3cret", "must name a port from 1 to 65535, or none"),
        ("https://x:99999/s3cret", "must name a port from 1 to 65535, or none"),
        ("https://x:/s3cret", "must name a port from 1 to 65535, or none"),
        ("https://x/a s3cret", "must hold only ASCII characters and no spaces; write others as %XX, hosts as xn--"),
        (
            "https://grüße.example/s3cret",
            "must hold only ASCII characters and no spaces; write others as %XX, hosts as xn--",
        ),
    ];
    for (url, sentence) in cases {
        let told = said_of(&format!("kind = \"http\"\nurl = \"{url}\""));
        assert!(told.contains(&format!("{AT}.url: {sentence}")), "{url}: {told:?}");
        assert!(!told.concat().contains("s3cret@") && !told.concat().contains("/s3cret"), "{told:?}");
    }
    assert!(said_of("kind = \"http\"").contains(&format!("{AT}.url: is missing")));
}

#[test]
fn keys_of_an_http_hook_that_contradict_each_other_are_refused() {
    let cases = [
        (
            "url = \"https://x\"\nsecret = \"a\"\nsecret_file = \"b\"",
            "secret: give either secret or secret_file, not both",
        ),
        ("url = \"https://x\"\nsecret = \"\"", "secret: must not be empty"),
        ("url = \"https://x\"\nsecret_file = \"\"", "secret_file: must not be empty"),
        (
            "url = \"http://x\"\nca_file = \"/ca.pem\"",
            "ca_file: needs a url that begins with https://: nothing is verified without TLS",
        ),
    ];
    for (lines, expected) in cases {
        let told = said_of(&format!("kind = \"http\"\n{lines}"));
        assert!(told.contains(&format!("{AT}.{expected}")), "{lines}: {told:?}");
    }
}

#[test]
fn an_haproxy_hook_is_read_with_both_kinds_of_socket() {
    for (text, socket) in [
        ("/run/haproxy/admin.sock", HaproxySocket::Unix("/run/haproxy/admin.sock".into())),
        ("[2001:db8::1]:9999", HaproxySocket::Tcp("[2001:db8::1]:9999".parse().unwrap())),
    ] {
        let kind = kind_of(&format!("kind = \"haproxy\"\nsocket = \"{text}\"\nremote = [\"a/b\"]\nlocal = [\"a/c\"]"));
        let expected = Haproxy { socket, remote: vec!["a/b".into()], local: vec!["a/c".into()] };
        assert_eq!(kind, HookKind::Haproxy(expected));
    }
}

#[test]
fn an_haproxy_hook_names_its_socket_and_servers_of_both_sides() {
    let servers = "remote = [\"a/b\"]\nlocal = [\"a/c\"]";
    let rule = "must be BACKEND/SERVER, of letters, digits, `-`, `_`, `.` and `:`";
    let long = format!("socket = \"/{}\"\n{servers}", "x".repeat(107));
    let long_name = "x".repeat(NAME_BYTES - 1);
    let many: Vec<String> = (0..MOST_SERVERS).map(|number| format!("a/{number}")).collect();
    let cases = [
        (servers.to_owned(), "socket: is missing".to_owned()),
        (
            format!("socket = \"run/x\"\n{servers}"),
            "socket: \"run/x\" is not HOST:PORT, for example 10.13.32.19:3306".to_owned(),
        ),
        (long, "socket: must have at most 107 bytes, as the path of any unix socket".to_owned()),
        ("socket = \"/x\"\nlocal = [\"a/c\"]".to_owned(), "remote: is missing".to_owned()),
        (
            "socket = \"/x\"\nremote = [\"a/b\"]\nlocal = []".to_owned(),
            "local: must name at least one server, as BACKEND/SERVER".to_owned(),
        ),
        (
            "socket = \"/x\"\nremote = [\"a\"]\nlocal = [\"a/c; shutdown\"]".to_owned(),
            format!("remote[0]: \"a\" {rule}"),
        ),
        (
            "socket = \"/x\"\nremote = [\"a/b\"]\nlocal = [\"a/c; x\"]".to_owned(),
            format!("local[0]: \"a/c; x\" {rule}"),
        ),
        (
            "socket = \"/x\"\nremote = [\"a/b\"]\nlocal = [\"a/b\"]".to_owned(),
            "local[0]: \"a/b\" is named twice; a server serves one side".to_owned(),
        ),
        (
            format!("socket = \"/x\"\nremote = [\"a/{long_name}\"]\nlocal = [\"a/b\"]"),
            format!("remote[0]: \"a/{long_name}\" must have at most {NAME_BYTES} bytes"),
        ),
        (
            format!("socket = \"/x\"\nremote = [\"a/x\"]\nlocal = {many:?}"),
            format!("local: a hook must name at most {MOST_SERVERS} servers; divide them among several hooks"),
        ),
    ];
    for (lines, expected) in cases {
        let told = said_of(&format!("kind = \"haproxy\"\n{lines}"));
        assert!(told.contains(&format!("{AT}.{expected}")), "{lines}: {told:?}");
    }
}
