//! The kinds of servers that the lab runs, and where their programs are.

use std::path::PathBuf;

use anyhow::bail;

use crate::model::Family;

/// Environment variable with the folder into which `scripts/fetch-server` puts servers that Debian 12 does not have.
pub const SERVERS: &str = "KEYWARD_LAB_SERVERS";

/// A kind of server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The MariaDB that is installed on this host: 10.11 on Debian 12.
    #[default]
    MariaDb1011,
    /// MariaDB 11.8, as in Debian 13.
    MariaDb118,
    /// MySQL 9.7, as in Debian's sid.
    MySql97,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::MariaDb1011, Kind::MariaDb118, Kind::MySql97];

    /// Its name, which is the one that `scripts/fetch-server` takes.
    pub fn name(self) -> &'static str {
        match self {
            Kind::MariaDb1011 => "mariadb-10.11",
            Kind::MariaDb118 => "mariadb-11.8",
            Kind::MySql97 => "mysql-9.7",
        }
    }

    /// Its family.
    pub fn family(self) -> Family {
        match self {
            Kind::MariaDb1011 | Kind::MariaDb118 => Family::MariaDb,
            Kind::MySql97 => Family::MySql,
        }
    }

    /// The folder `usr` of a fetched server; `None` for the one that is installed.
    ///
    /// # Errors
    /// It has not been fetched; the sentence says why, or how to.
    pub fn fetched(self) -> anyhow::Result<Option<PathBuf>> {
        if self == Kind::MariaDb1011 {
            return Ok(None);
        }
        let name = self.name();
        let Some(servers) = std::env::var_os(SERVERS).map(PathBuf::from) else {
            bail!("there is no {name} here: {SERVERS} names no folder with servers");
        };
        // the last file that scripts/fetch-server writes
        if servers.join(name).join("version").is_file() {
            return Ok(Some(std::path::absolute(servers.join(name).join("usr"))?));
        }
        match std::fs::read_to_string(servers.join(format!("{name}.missing"))) {
            Ok(why) => bail!("there is no {name} here: {}", why.trim()),
            Err(_) => bail!("there is no {name} here: run `scripts/fetch-server {name}`"),
        }
    }
}
