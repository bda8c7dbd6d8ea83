//! Configuration files of OpenStack's services, read by the rules of oslo.config: an option begins at the margin, lines
//! that begin with white space go on with it, and of several the last one counts.

use std::collections::BTreeMap;
use std::fmt;

/// The options of one or several files. Never shown: some of them are passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ini(BTreeMap<(String, String), String>);

impl fmt::Debug for Ini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ini({} options)", self.0.len())
    }
}

impl Ini {
    /// Adds a file; what it says wins over what is there.
    pub fn add(&mut self, text: &str) {
        let mut section = "DEFAULT".to_owned();
        let mut last: Option<(String, String)> = None;
        for line in text.lines() {
            let bare = line.trim();
            if bare.is_empty() {
                last = None;
            } else if bare.starts_with(['#', ';']) {
            } else if line.starts_with(char::is_whitespace) {
                if let Some(value) = last.as_ref().and_then(|key| self.0.get_mut(key)) {
                    value.push('\n');
                    value.push_str(bare);
                }
            } else if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                name.clone_into(&mut section);
                last = None;
            } else if let Some((name, value)) = bare.split_once(['=', ':']) {
                let key = (section.clone(), name.trim().to_lowercase().replace('-', "_"));
                self.0.insert(key.clone(), unquoted(value.trim()).to_owned());
                last = Some(key);
            }
        }
    }

    /// An option's value; absent when it is not given, empty when it is given so.
    pub fn get(&self, section: &str, option: &str) -> Option<&str> {
        self.0.get(&(section.to_owned(), option.to_owned())).map(String::as_str)
    }

    /// An option's value, or what Keystone takes without it.
    pub fn or<'a>(&'a self, section: &str, option: &str, default: &'a str) -> &'a str {
        self.get(section, option).unwrap_or(default)
    }

    /// The sections in which something is given, each once.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        let names = self.0.keys().map(|(section, _)| section.as_str());
        names.filter(move |name| last.replace(*name) != Some(*name))
    }
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_oslo_config_reads_them() {
        let mut ini = Ini::default();
        ini.add(
            "a = 1\n[token]\n# provider = uuid\nprovider = fernet\n[cache]\nmemcache-servers = m1:11211,\n  m2:11211\n",
        );
        assert_eq!((ini.get("DEFAULT", "a"), ini.get("token", "provider")), (Some("1"), Some("fernet")));
        assert_eq!(ini.get("cache", "memcache_servers"), Some("m1:11211,\nm2:11211"));
        ini.add("[token]\nprovider = 'jws'\n[identity]\ndriver =\n");
        assert_eq!((ini.get("token", "provider"), ini.get("identity", "driver")), (Some("jws"), Some("")));
        assert_eq!((ini.get("token", "driver"), ini.or("token", "driver", "x")), (None, "x"));
        assert_eq!(ini.sections().collect::<Vec<_>>(), ["DEFAULT", "cache", "identity", "token"]);
        ini.add("[database]\nconnection = mysql+pymysql://k:s3cret@h/keystone\n");
        assert!(!format!("{ini:?}").contains("s3cret"));
    }
}
