//! What set-up is told.

use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::Place;
use crate::model::Family;

/// Bytes a second, read as `20MiB`, `512KiB` or a plain number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

/// At a lower rate one long row would take longer than servers wait.
const LOWEST_RATE: u64 = 64 * 1024;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(at);
        let shift = match unit.trim().trim_end_matches("/s") {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err("write it as 20MiB; the units are B, KiB, MiB and GiB".to_owned()),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        match bytes.ok_or("write it as 20MiB")? {
            bytes if bytes < LOWEST_RATE => Err("64KiB is the lowest rate".to_owned()),
            bytes => Ok(Self(bytes)),
        }
    }
}

/// A family of servers as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// MariaDB.
    Mariadb,
    /// MySQL.
    Mysql,
}

impl Kind {
    /// The family.
    pub fn family(self) -> Family {
        match self {
            Kind::Mariadb => Family::MariaDb,
            Kind::Mysql => Family::MySql,
        }
    }
}

/// `keyward setup`
#[derive(Clone, Debug, Default, Args)]
pub struct Setup {
    /// Only this region, or one replica of it.
    #[arg(long, value_name = "REGION[/REPLICA]")]
    pub region: Option<Place>,
    /// Show the steps and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Move rows that the replica already holds to a dated schema first.
    #[arg(long)]
    pub replace_data: bool,
    /// Copy everything anew; the rows that the replica holds are moved to a dated schema first.
    #[arg(long)]
    pub reseed: bool,
    /// Print what an administrator has to run by hand, on MariaDB or MySQL, and change nothing.
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "mariadb")]
    pub print_sql: Option<Kind>,
    /// Copy although the region does not authenticate at the master's region: its logins stop meanwhile.
    #[arg(long)]
    pub force: bool,
    /// Read at most so many bytes a second from the master while copying, for example 20MiB.
    #[arg(long, value_name = "BYTES")]
    pub max_rate: Option<Rate>,
    /// Administrator at the master: USER@HOST:PORT, or a unix socket's path (USER@/path); the password is asked for, or
    /// comes from KEYWARD_MASTER_ADMIN_PASSWORD.
    #[arg(long, value_name = "ADMIN", value_parser = NonEmptyStringValueParser::new())]
    pub master_admin: Option<String>,
    /// Administrator at the replica, in the same way; the variable is KEYWARD_REPLICA_ADMIN_PASSWORD.
    #[arg(long, value_name = "ADMIN", value_parser = NonEmptyStringValueParser::new())]
    pub replica_admin: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_like_people_write_it_and_nothing_is_guessed() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| rate.0);
        assert_eq!((rate("20MiB"), rate("64KiB"), rate("1GiB/s")), (Ok(20 << 20), Ok(64 << 10), Ok(1 << 30)));
        for wrong in ["", "20M", "1KiB", "MiB", "-1MiB", "99999999999GiB"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
