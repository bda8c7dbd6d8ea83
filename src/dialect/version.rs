//! Which kind of server it is, from `@@version` and nothing else.

/// A server's kind and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Server {
    /// MariaDB, major and minor number.
    MariaDb(u32, u32),
    /// Anything else, with its own words.
    #[default]
    Other,
}

/// Reads `@@version`, for example `10.11.19-MariaDB-0+deb12u1-log`.
pub fn detect(version: &str) -> Server {
    // replicas of old kinds saw MariaDB 10 as 5.5.5-10…
    let text = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = text.split(['.', '-']).map(str::parse::<u32>);
    match (text.contains("MariaDB"), numbers.next(), numbers.next()) {
        (true, Some(Ok(major)), Some(Ok(minor))) => Server::MariaDb(major, minor),
        _ => Server::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(detect("10.11.19-MariaDB-0+deb12u1-log"), Server::MariaDb(10, 11));
        assert_eq!(detect("11.8.6-MariaDB-0+deb13u1 from Debian-log"), Server::MariaDb(11, 8));
        assert_eq!(detect("9.7.4-2"), Server::Other);
    }
}
