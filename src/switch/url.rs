//! The parts of a URL, as positions in its text.

use std::ops::Range;

/// Where the parts of a URL stand in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `http` or `https`, in any case.
    pub scheme: Range<usize>,
    /// User and password with the `@`; empty when there is none.
    pub user: Range<usize>,
    /// A name or an address, an IPv6 one with its brackets.
    pub host: Range<usize>,
    /// The digits of the port.
    pub port: Option<Range<usize>>,
    /// Everything behind, from its first slash.
    pub path: Range<usize>,
}

impl Url {
    /// Finds the parts of a plain URL of HTTP; `None` when it is none, or holds a placeholder.
    pub fn parse(text: &str) -> Option<Self> {
        let strange = |byte: u8| !byte.is_ascii_graphic() || b"\"'`<>{}$\\^|,".contains(&byte);
        if text.bytes().any(strange) || !percents_are_codes(text) {
            return None;
        }
        let scheme = 0..text.find("://")?;
        if !["http", "https"].iter().any(|known| text[scheme.clone()].eq_ignore_ascii_case(known)) {
            return None;
        }
        let start = scheme.end + 3;
        let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
        let user = start..text[start..end].rfind('@').map_or(start, |at| start + at + 1);
        let bracket = text[user.end..end].starts_with('[').then(|| text[user.end..end].find(']'));
        let host_end = match bracket {
            Some(found) => user.end + found? + 1,
            None => text[user.end..end].find(':').map_or(end, |at| user.end + at),
        };
        let port = match &text[host_end..end] {
            "" => None,
            rest => {
                rest.strip_prefix(':')?.parse::<u16>().ok()?;
                Some(host_end + 1..end)
            }
        };
        let host = user.end..host_end;
        (!host.is_empty()).then_some(Self { scheme, user, host, port, path: end..text.len() })
    }

    /// The port, or the scheme's own.
    pub fn port_in(&self, text: &str) -> u16 {
        let given = self.port.clone().and_then(|span| text[span].parse().ok());
        given.unwrap_or_else(|| default_port(&text[self.scheme.clone()]))
    }
}

/// The port of a URL that names none.
pub fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 }
}

/// Every `%` begins a code of two hexadecimal digits, and so no placeholder (`%s`, `%(name)s`).
fn percents_are_codes(text: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let mut percents = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    percents.all(|(at, _)| digit(bytes.get(at + 1)) && digit(bytes.get(at + 2)))
}

/// A text with the user and password of every URL in it hidden.
pub fn masked(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        told.push_str(before);
        let end = behind.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(behind.len());
        rest = match behind[..end].rfind('@') {
            Some(user) => {
                told.push_str("***");
                &behind[user..]
            }
            None => behind,
        };
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_are_found_and_what_is_none_is_refused() {
        let text = "HTTPS://joe:a@b@[2001:db8::1]:5000/identity/v3?x=%2f";
        let url = Url::parse(text).unwrap();
        assert_eq!((&text[url.scheme.clone()], &text[url.user.clone()]), ("HTTPS", "joe:a@b@"));
        assert_eq!((&text[url.host.clone()], url.port_in(text)), ("[2001:db8::1]", 5000));
        assert_eq!(&text[url.path], "/identity/v3?x=%2f");
        let plain = Url::parse("http://keystone").unwrap();
        assert_eq!((plain.port_in("http://keystone"), plain.path.len()), (80, 0));
        for wrong in [
            "",
            "keystone:5000",
            "http://",
            "http://:5000",
            "http://a:",
            "http://a:99999",
            "http://[::1/v3",
            "http://$my_ip:5000",
            "http://%(host)s/v3",
            "http://%s:5000",
            "http://{{ vip }}/",
            "ftp://a/",
            "http://a, http://b",
            "http://ä/",
        ] {
            assert_eq!(Url::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn users_and_passwords_in_urls_are_hidden() {
        let hidden = masked("auth_url = http://joe:p@ss@a:1/v3 # see https://b/@x and http://u@c");
        assert_eq!(hidden, "auth_url = http://***@a:1/v3 # see https://b/@x and http://***@c");
    }
}
