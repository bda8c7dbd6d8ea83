//! Which kind of server it is, from what it says of itself and nothing else.

/// The oldest release that tells `@@server_uid`.
const OLDEST: (u32, u32, u32) = (10, 11, 9);

/// A server's kind and version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Server {
    /// MariaDB: major, minor and patch number.
    MariaDb(u32, u32, u32),
    /// Anything else.
    #[default]
    Other,
}

/// Reads `@@version`, for example `10.11.19-MariaDB-0+deb12u1-log`, and `@@version_comment`.
pub fn detect(version: &str, comment: &str) -> Server {
    if ![version, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb")) {
        return Server::Other;
    }
    // replicas of old kinds saw MariaDB 10 as 5.5.5-10…
    let text = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    Server::MariaDb(next(), next(), next())
}

/// Whether this release of keyward handles the server that calls itself so.
///
/// # Errors
/// What it is instead, to be put after the server's name: `is MySQL 9.7.4, …`.
pub fn handled(version: &str, comment: &str) -> Result<(), String> {
    match detect(version, comment) {
        Server::MariaDb(major, minor, patch) if (major, minor, patch) >= OLDEST => Ok(()),
        Server::MariaDb(..) => Err(format!("is MariaDB {version}; this release needs 10.11.9 or later")),
        Server::Other => Err(format!(
            "is MySQL {version}, not MariaDB: MySQL is not in this release yet, and the two do not replicate to each other"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(detect("10.11.19-MariaDB-0+deb12u1-log", ""), Server::MariaDb(10, 11, 19));
        assert_eq!(detect("5.5.5-10.11.9-MariaDB", ""), Server::MariaDb(10, 11, 9));
        assert_eq!(detect("12.3.2", "mariadb.org binary distribution"), Server::MariaDb(12, 3, 2));
        assert_eq!(detect("9.7.4-2", "(Debian)"), Server::Other);
    }

    #[test]
    fn only_mariadb_that_tells_its_uid_is_handled() {
        assert_eq!(handled("10.11.19-MariaDB-0+deb12u1-log", "Debian 12"), Ok(()));
        assert_eq!(handled("11.8.6-MariaDB", ""), Ok(()));
        assert!(handled("9.7.4", "MySQL Community Server - GPL").unwrap_err().starts_with("is MySQL 9.7.4"));
        for old in ["10.6.22-MariaDB", "10.11.8-MariaDB"] {
            assert!(handled(old, "").unwrap_err().contains("10.11.9"), "{old}");
        }
    }
}
