//! Addresses of Keystones as operators name them, and which of two a URL points at.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::url::{Url, default_port};

/// Where a Keystone is, as exactly as it was said: `HOST`, `HOST:PORT` or `http(s)://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// In lower case; `None` when no URL was given.
    scheme: Option<String>,
    /// In lower case, an IPv6 address without brackets.
    host: String,
    port: Option<u16>,
    /// Without a slash at the end, and without a version: each URL keeps its own `/v3`.
    path: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HELP: &str = "write it as HOST, HOST:PORT or http(s)://HOST[:PORT][/PATH]";
        let address = if text.contains("://") {
            let url = Url::parse(text).ok_or(HELP)?;
            if !url.user.is_empty() {
                return Err("leave user and password out of it".to_owned());
            }
            let path = &text[url.path.clone()];
            if path.contains(['?', '#']) {
                return Err(HELP.to_owned());
            }
            let port = url.port.map(|span| text[span].parse()).transpose().map_err(|_| HELP)?;
            let scheme = Some(text[url.scheme].to_ascii_lowercase());
            Self { scheme, host: bare(&text[url.host]), port, path: without_version(path).to_owned() }
        } else {
            let lone = text.starts_with('[') && text.ends_with(']');
            let (host, port) = match text.rsplit_once(':') {
                Some((host, port)) if !lone && (host.ends_with(']') || !host.contains(':')) => {
                    (host, Some(port.parse().map_err(|_| HELP)?))
                }
                _ => (text, None),
            };
            Self { scheme: None, host: bare(host), port, path: String::new() }
        };
        let usual = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if address.host.is_empty() || !address.host.chars().all(usual) {
            return Err(HELP.to_owned());
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        write!(f, "{}", self.bracketed())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.path)
    }
}

impl Address {
    /// The host alone.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// The port that a URL must have; `None` for any.
    fn wanted_port(&self) -> Option<u16> {
        self.port.or_else(|| self.scheme.as_deref().map(default_port))
    }

    /// Whether a host that stands alone, without a URL, is this one's.
    fn is_host(&self, host: &str) -> bool {
        bare(host) == self.host
    }

    fn is_at(&self, url: &Url, text: &str) -> bool {
        let path = &text[url.path.clone()];
        let scheme = &text[url.scheme.clone()];
        self.is_host(&text[url.host.clone()])
            && self.scheme.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(scheme))
            && self.wanted_port().is_none_or(|wanted| wanted == url.port_in(text))
            && is_below(path, &self.path)
    }

    fn overlaps(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        self.host == other.host
            && agree(self.scheme.as_ref(), other.scheme.as_ref())
            && agree(self.wanted_port(), other.wanted_port())
            && (is_below(&self.path, &other.path) || is_below(&other.path, &self.path))
    }

    /// How exactly it was said.
    fn form(&self) -> (bool, bool) {
        (self.scheme.is_some(), self.scheme.is_none() && self.port.is_some())
    }
}

fn bare(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.to_ascii_lowercase()
}

/// Whether a path is another, or lies below it.
fn is_below(path: &str, upper: &str) -> bool {
    path.strip_prefix(upper).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

fn without_version(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path.rsplit_once("/v") {
        Some((upper, version)) if version.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            upper.trim_end_matches('/')
        }
        _ => path,
    }
}

/// One address and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What is replaced.
    pub from: Address,
    /// What stands there then.
    pub to: Address,
}

/// What is replaced by what, without a contradiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns(Vec<Turn>);

/// Where a URL points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points<'a> {
    /// At an address that is to be replaced.
    From(&'a Turn),
    /// At one that replaces.
    To,
    /// Somewhere else.
    Elsewhere,
}

impl Turns {
    /// Pairs the addresses in their order; a single `to` replaces every `from`.
    ///
    /// # Errors
    /// One sentence: their numbers or their forms differ, or one could be taken for another.
    pub fn new(from: &[Address], to: &[Address]) -> Result<Self, String> {
        if from.is_empty() || (to.len() != from.len() && to.len() != 1) {
            return Err(format!(
                "--from was given {} times and --to {} times: give one --to for each --from, or one for all of them",
                from.len(),
                to.len()
            ));
        }
        let pairs = from.iter().zip(to.iter().cycle());
        let turns: Vec<Turn> = pairs.map(|(from, to)| Turn { from: from.clone(), to: to.clone() }).collect();
        if let Some(odd) = turns.iter().find(|turn| turn.from.form() != turn.to.form()) {
            return Err(format!(
                "{} and {} are not said in the same way: give both as HOST, both as HOST:PORT, or both as a URL",
                odd.from, odd.to
            ));
        }
        for one in from {
            if let Some(other) = to.iter().find(|other| one.overlaps(other)) {
                return Err(format!(
                    "a URL could point at {one} and at {other}: say more exactly what --from and --to are"
                ));
            }
        }
        Ok(Self(turns))
    }

    /// Each pair.
    pub fn iter(&self) -> impl Iterator<Item = &Turn> {
        self.0.iter()
    }

    /// Where a URL points.
    pub fn points(&self, url: &Url, text: &str) -> Points<'_> {
        self.choose(|address| address.is_at(url, text))
    }

    /// Where a host that stands alone points, without a port and a path.
    pub fn host_points(&self, host: &str) -> Points<'_> {
        match self.choose(|address| address.is_host(host)) {
            // the switch leaves the host and changes the rest, which does not stand here
            Points::From(turn) if turn.to.is_host(host) => Points::To,
            points => points,
        }
    }

    fn choose(&self, is: impl Fn(&Address) -> bool) -> Points<'_> {
        match self.0.iter().find(|turn| is(&turn.from)) {
            Some(turn) => Points::From(turn),
            None if self.0.iter().any(|turn| is(&turn.to)) => Points::To,
            None => Points::Elsewhere,
        }
    }
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.0.iter().map(|turn| format!("{} to {}", turn.from, turn.to)).collect();
        write!(f, "from {}", told.join(", from "))
    }
}

impl Turn {
    /// What has to be replaced in a URL that points at `from`: positions in its text, and what stands there then.
    pub fn replacements(&self, url: &Url, text: &str) -> Vec<(Range<usize>, String)> {
        let mut parts = Vec::new();
        let scheme = &text[url.scheme.clone()];
        if let Some(wanted) = &self.to.scheme {
            parts.push((url.scheme.clone(), wanted.clone()));
        }
        parts.push((url.host.clone(), self.to.bracketed()));
        let after_host = url.host.end..url.port.clone().map_or(url.host.end, |port| port.end);
        match (self.to.port, &url.port) {
            (Some(port), Some(span)) => parts.push((span.clone(), port.to_string())),
            (Some(port), None) if self.to.scheme.is_some() || port != default_port(scheme) => {
                parts.push((after_host, format!(":{port}")));
            }
            (None, Some(_)) if self.to.scheme.is_some() => parts.push((after_host, String::new())),
            _ => {}
        }
        parts.push((url.path.start..url.path.start + self.from.path.len(), self.to.path.clone()));
        parts.retain(|(span, new)| text[span.clone()] != **new);
        parts
    }

    /// The host that takes a lone host's place.
    pub fn host(&self) -> &str {
        &self.to.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(from: &str, to: &str) -> Turns {
        Turns::new(&[from.parse().unwrap()], &[to.parse().unwrap()]).unwrap()
    }

    fn turned(turns: &Turns, text: &str) -> Option<String> {
        let url = Url::parse(text).unwrap();
        let Points::From(turn) = turns.points(&url, text) else { return None };
        let mut new = text.to_owned();
        for (span, part) in turn.replacements(&url, text).into_iter().rev() {
            new.replace_range(span, &part);
        }
        let url = Url::parse(&new).unwrap();
        assert_eq!(turns.points(&url, &new), Points::To, "{new}");
        Some(new)
    }

    #[test]
    fn an_address_replaces_what_it_names_and_no_more() {
        for (from, to, text, new) in [
            ("10.0.0.1", "10.0.0.2", "http://10.0.0.1:5000/v3", "http://10.0.0.2:5000/v3"),
            ("10.0.0.1", "10.0.0.2", "https://u:p@10.0.0.1/identity", "https://u:p@10.0.0.2/identity"),
            ("One.example", "two.example", "http://ONE.example:35357", "http://two.example:35357"),
            ("a:5000", "b:5001", "http://a:5000/v3", "http://b:5001/v3"),
            ("a:80", "b:80", "http://a/v3", "http://b/v3"),
            ("a:80", "b:5000", "http://a/v3", "http://b:5000/v3"),
            ("http://a:5000", "https://b", "http://a:5000/v3", "https://b/v3"),
            ("http://a:5000/v3", "https://b/identity/v3", "http://a:5000/v2.0", "https://b/identity/v2.0"),
            ("https://a/identity", "http://b:5000", "https://a:443/identity/v3/", "http://b:5000/v3/"),
            ("https://a/", "http://b:5000/", "https://a", "http://b:5000"),
            ("[2001:DB8::1]:5000", "b:5000", "http://[2001:db8::1]:5000", "http://b:5000"),
            ("b", "2001:db8::1", "http://b:5000", "http://[2001:db8::1]:5000"),
        ] {
            assert_eq!(turned(&turns(from, to), text).as_deref(), Some(new), "{from} {to}");
        }
        for (from, text) in [
            ("10.0.0.1", "http://10.0.0.11:5000"),
            ("a:5000", "http://a:35357"),
            ("http://a:5000", "https://a:5000"),
            ("https://a/identity", "https://a/identity2"),
        ] {
            let to = from.replace('a', "b").replace("10.0.0.1", "c");
            assert_eq!(turned(&turns(from, &to), text), None, "{from} {text}");
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for wrong in
            ["", ":5000", "a:b", "a/v3", "http://u:p@a", "http://a?x", "ftp://a", "a b", "http://$a", "a:70000"]
        {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        let both = |from: &[&str], to: &[&str]| {
            let read = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<Address>>();
            Turns::new(&read(from), &read(to))
        };
        for (from, to) in [
            (vec!["a"], vec!["a"]),
            (vec!["a"], vec!["b:5000"]),
            (vec!["a:5000"], vec!["http://b:5000"]),
            (vec!["http://a"], vec!["http://a/local"]),
            (vec!["a", "b"], vec!["b", "c"]),
            (vec!["a", "b", "c"], vec!["d", "e"]),
        ] {
            assert!(both(&from, &to).is_err(), "{from:?} {to:?}");
        }
        assert!(both(&["http://a/x", "https://c:1"], &["http://a/y", "https://c:2"]).is_ok());
        assert_eq!(both(&["a", "b"], &["c"]).unwrap().to_string(), "from a to c, from b to c");
    }
}
