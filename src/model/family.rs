//! The two families of servers.

/// Servers that understand the same SQL and can replicate to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// MariaDB.
    #[default]
    MariaDb,
    /// MySQL.
    MySql,
}

impl Family {
    /// Its name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Family::MariaDb => "MariaDB",
            Family::MySql => "MySQL",
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
