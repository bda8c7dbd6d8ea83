//! Files of sections and options, read by the rules of oslo.config: an option begins at the margin, lines that begin
//! with white space go on with it, a value may stand in quotes.

use std::collections::HashSet;
use std::ops::Range;

use super::{Entry, Piece, Site, lines, shown, trimmed};

/// Options that hold the URL of a Keystone, whichever section they are in.
const URLS: [&str; 13] = [
    "auth_url",
    "www_authenticate_uri",
    "auth_uri",
    "identity_uri",
    "encryptionauthurl",
    "auth_endpoint",
    "auth_address",
    "swift_store_auth_address",
    "keystone_url",
    "keystone_ec2_url",
    "keystone_ec2_uri",
    "identity_url",
    "os_auth_url",
];

/// Options whose names end so hold one too: `nova_admin_auth_url`, `encryption_auth_url`, `backup_swift_auth_url`.
const URL_ENDINGS: [&str; 2] = ["_auth_url", "_auth_uri"];

/// What keystonemiddleware takes when the old options are not given.
const OLD_SCHEME: &str = "https";
const OLD_PORT: &str = "35357";

/// An option as it stands in a file.
struct Given {
    section: String,
    key: String,
    line: usize,
    /// The value, a span a line, without white space around it.
    values: Vec<(usize, Range<usize>)>,
}

/// The authentication URLs of a file, in order.
pub fn entries(text: &[u8]) -> Vec<Entry> {
    let given = options(text);
    let mut entries: Vec<Entry> =
        given.iter().filter(|option| is_url(&option.key)).filter_map(|o| url(text, o)).collect();
    entries
        .extend(given.iter().filter(|option| normal(&option.key) == "auth_host").filter_map(|o| old(text, &given, o)));
    entries.sort_by_key(|entry| entry.line);
    entries
}

fn normal(key: &str) -> String {
    key.to_ascii_lowercase().replace('-', "_")
}

fn is_url(key: &str) -> bool {
    let key = normal(key);
    URLS.contains(&key.as_str()) || URL_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

fn options(text: &[u8]) -> Vec<Given> {
    let mut found: Vec<Given> = Vec::new();
    let mut section = "DEFAULT".to_owned();
    let mut open = false;
    for (line, span) in lines(text) {
        let bytes = &text[span.clone()];
        let first = bytes.first().copied().unwrap_or(b' ');
        if bytes.trim_ascii().is_empty() {
            open = false;
        } else if first == b' ' || first == b'\t' {
            if let (true, Some(option)) = (open, found.last_mut()) {
                option.values.push((line, trimmed(text, span)));
            }
        } else if first == b'[' {
            open = false;
            let end = bytes.iter().position(|byte| *byte == b']').unwrap_or(bytes.len());
            section = shown(bytes[1..end.max(1)].trim_ascii());
        } else if first != b'#' && first != b';' {
            let at = bytes.iter().position(|byte| *byte == b'=' || *byte == b':');
            open = at.is_some();
            if let Some(at) = at {
                let value = trimmed(text, span.start + at + 1..span.end);
                let key = shown(bytes[..at].trim_ascii());
                found.push(Given { section: section.clone(), key, line, values: vec![(line, value)] });
            }
        }
    }
    found
}

/// The one value of an option as a piece of a URL; `None` when it is empty, and so not given.
fn value(text: &[u8], option: &Given) -> Option<Result<Piece, &'static str>> {
    let comment = |span: &Range<usize>| matches!(text[span.start], b'#' | b';');
    let mut values = option.values.iter().filter(|(_, span)| !span.is_empty() && !comment(span));
    let (line, span) = values.next()?.clone();
    if values.next().is_some() {
        return Some(Err("its value goes over several lines"));
    }
    let bytes = &text[span.clone()];
    let quoted = bytes.len() > 1 && bytes[0] == bytes[bytes.len() - 1] && matches!(bytes[0], b'"' | b'\'');
    let span = if quoted { span.start + 1..span.end - 1 } else { span };
    let bytes = &text[span.clone()];
    // oslo.config knows no comments behind a value; people write them all the same
    let word = bytes.iter().position(u8::is_ascii_whitespace).unwrap_or(bytes.len());
    let behind = bytes[word..].trim_ascii();
    if bytes.is_empty() {
        return None;
    }
    if !behind.is_empty() && !behind.starts_with(b"#") && !behind.starts_with(b";") {
        return Some(Err("its value is more than one word"));
    }
    let span = span.start..span.start + word;
    let site = Site { span: span.clone(), key: option.key.clone(), line };
    Some(match std::str::from_utf8(&text[span]) {
        Ok(word) => Ok(Piece { text: word.to_owned(), site: Some(site) }),
        Err(_) => Err("its value is not text"),
    })
}

fn url(text: &[u8], option: &Given) -> Option<Entry> {
    let value = value(text, option)?.map(|piece| vec![piece]);
    Some(Entry { section: option.section.clone(), key: option.key.clone(), line: option.line, value })
}

/// The old way: the URL's parts in options of their own, of which the last of a section counts.
fn old(text: &[u8], given: &[Given], host: &Given) -> Option<Entry> {
    let host_piece = value(text, host)?;
    let beside = |key: &str, default: &str| {
        let last = given.iter().rev().find(|option| option.section == host.section && normal(&option.key) == key);
        let read = last.and_then(|option| value(text, option));
        read.unwrap_or_else(|| Ok(Piece { text: default.to_owned(), site: None }))
    };
    let fixed = |text: &str| Piece { text: text.to_owned(), site: None };
    let value = (|| {
        let (scheme, port) = (beside("auth_protocol", OLD_SCHEME)?, beside("auth_port", OLD_PORT)?);
        Ok(vec![scheme, fixed("://"), host_piece?, fixed(":"), port])
    })();
    Some(Entry { section: host.section.clone(), key: host.key.clone(), line: host.line, value })
}

/// Lines that name one of `hosts` outside of `known` spans: the option, and the number of the line.
pub fn others(text: &[u8], hosts: &HashSet<&str>, known: &[Range<usize>]) -> Vec<(String, usize)> {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let mut found = Vec::new();
    for (line, span) in lines(text) {
        let bytes = &text[span.clone()];
        if matches!(bytes.trim_ascii_start().first(), Some(b'#' | b';') | None) {
            continue;
        }
        let names = hosts.iter().any(|host| {
            let places =
                bytes.windows(host.len()).enumerate().filter(|(_, word)| word.eq_ignore_ascii_case(host.as_bytes()));
            places.into_iter().any(|(at, _)| {
                let inside = |known: &Range<usize>| known.contains(&(span.start + at));
                let whole = (at == 0 || !part(bytes.get(at - 1))) && !part(bytes.get(at + host.len()));
                whole && !known.iter().any(inside)
            })
        });
        if names {
            let key = bytes.iter().position(|byte| *byte == b'=' || *byte == b':').map_or(&b""[..], |at| &bytes[..at]);
            found.push((shown(key.trim_ascii()), line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, usize, String)> {
        let told = |entry: Entry| {
            let value = match entry.value {
                Ok(pieces) => pieces.iter().map(|piece| piece.text.as_str()).collect(),
                Err(why) => format!("? {why}"),
            };
            (entry.section, entry.key, entry.line, value)
        };
        entries(text.as_bytes()).into_iter().map(told).collect()
    }

    fn row(section: &str, key: &str, line: usize, value: &str) -> (String, String, usize, String) {
        (section.into(), key.into(), line, value.into())
    }

    #[test]
    fn urls_are_found_as_oslo_config_would_read_them() {
        let text = "\u{feff}auth_url=http://a\n[ keystone_authtoken ] # x\r\nauth-url : \"http://b:5000\"\r\n\
                    www_authenticate_uri = http://c/v3 # old\n#auth_uri = http://d\n ;x\nidentity_uri =\n\
                    \thttp://e\nauth_uri =\npassword = auth_url = http://f\n[x]\nnova_admin_auth_url = 'http://g'\n\
                    auth_url = http://h\n  http://i\nencryptionauthurl = http://j and more\nauthority_url = http://k";
        assert_eq!(
            told(text),
            [
                row("DEFAULT", "auth_url", 1, "http://a"),
                row("keystone_authtoken", "auth-url", 3, "http://b:5000"),
                row("keystone_authtoken", "www_authenticate_uri", 4, "http://c/v3"),
                row("keystone_authtoken", "identity_uri", 7, "http://e"),
                row("x", "nova_admin_auth_url", 12, "http://g"),
                row("x", "auth_url", 13, "? its value goes over several lines"),
                row("x", "encryptionauthurl", 15, "? its value is more than one word"),
            ]
        );
    }

    #[test]
    fn the_old_way_is_one_url_in_several_options() {
        let text = "[filter:authtoken]\nauth_port = 5000\nauth_host = a\nauth_protocol = http\n[y]\nauth_host = b\n";
        assert_eq!(
            told(text),
            [row("filter:authtoken", "auth_host", 3, "http://a:5000"), row("y", "auth_host", 6, "https://b:35357")]
        );
    }

    #[test]
    fn other_lines_that_name_a_host_are_named_without_their_values() {
        let text = b"[DEFAULT]\ntransport_url = rabbit://u:secret@one.example:5672/\n# one.example\n\
                     auth_url = http://one.example\nx = none.example\ny = one.example.org\n";
        let known: Vec<_> = std::iter::once(text.len() - 70..text.len() - 35).collect();
        let hosts = HashSet::from(["one.example"]);
        assert_eq!(others(text, &hosts, &known), [("transport_url".to_owned(), 2)]);
    }
}
