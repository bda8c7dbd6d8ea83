//! Which kind of server it is, from what it says of itself and nothing else.

use crate::model::Family;

/// The oldest MariaDB that tells `@@server_uid`.
const OLDEST_MARIADB: (u32, u32, u32) = (10, 11, 9);
/// The oldest MySQL that is maintained; older ones have other words for replication.
const OLDEST_MYSQL: (u32, u32, u32) = (8, 4, 0);

/// A server's family and version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its family.
    pub family: Family,
    /// Major, minor and patch number.
    pub version: (u32, u32, u32),
}

/// Reads `@@version`, for example `10.11.19-MariaDB-0+deb12u1-log`, and `@@version_comment`. What does not call itself
/// MariaDB is MySQL.
pub fn detect(version: &str, comment: &str) -> Server {
    let maria = [version, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
    // replicas of old kinds saw MariaDB 10 as 5.5.5-10…
    let text = version.strip_prefix("5.5.5-").filter(|_| maria).unwrap_or(version);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    Server { family: if maria { Family::MariaDb } else { Family::MySql }, version: (next(), next(), next()) }
}

/// Whether this release of keyward handles the server that calls itself so.
///
/// # Errors
/// What it is instead, to be put after the server's name: `is MySQL 9.7.4, …`.
pub fn handled(version: &str, comment: &str) -> Result<(), String> {
    let server = detect(version, comment);
    match server.family {
        Family::MariaDb if server.version < OLDEST_MARIADB => {
            Err(format!("is MariaDB {version}, which is too old: this release needs 10.11.9 or later"))
        }
        Family::MySql if server.version < OLDEST_MYSQL => {
            Err(format!("is MySQL {version}, which is too old: this release needs 8.4.0 or later"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let of = |version, comment| {
            let server = detect(version, comment);
            (server.family, server.version)
        };
        assert_eq!(of("10.11.19-MariaDB-0+deb12u1-log", ""), (Family::MariaDb, (10, 11, 19)));
        assert_eq!(of("5.5.5-10.11.9-MariaDB", ""), (Family::MariaDb, (10, 11, 9)));
        assert_eq!(of("12.3.2", "mariadb.org binary distribution"), (Family::MariaDb, (12, 3, 2)));
        assert_eq!(of("9.7.4-2", "(Debian)"), (Family::MySql, (9, 7, 4)));
        assert_eq!(of("5.5.5", "MySQL Community Server"), (Family::MySql, (5, 5, 5)));
    }

    #[test]
    fn only_servers_that_are_young_enough_are_handled() {
        assert_eq!(handled("10.11.19-MariaDB-0+deb12u1-log", "Debian 12"), Ok(()));
        assert_eq!(handled("11.8.6-MariaDB", ""), Ok(()));
        assert_eq!(
            (handled("9.7.4-2", "(Debian)"), handled("8.4.0", "MySQL Community Server - GPL")),
            (Ok(()), Ok(()))
        );
        assert!(handled("8.0.44", "MySQL Community Server").unwrap_err().contains("8.4.0"));
        for old in ["10.6.22-MariaDB", "10.11.8-MariaDB"] {
            assert!(handled(old, "").unwrap_err().contains("10.11.9"), "{old}");
        }
    }
}
