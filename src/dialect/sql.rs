//! One statement in the words of each family, from `sql/mariadb` and `sql/mysql`.

use super::text::fill;
use crate::model::Family;

/// A statement that both families have, each in its own words. Made by `sql!`.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// MariaDB's words.
    pub mariadb: &'static str,
    /// MySQL's words.
    pub mysql: &'static str,
}

impl Sql {
    /// The statement for a server of this family, its `{gaps}` filled with SQL text.
    pub fn fill(&self, family: Family, gaps: &[(&str, &str)]) -> String {
        let statement = match family {
            Family::MariaDb => self.mariadb,
            Family::MySql => self.mysql,
        };
        fill(statement, gaps)
    }
}

/// The statement called `$name`: `sql/mariadb/$name.sql` and `sql/mysql/$name.sql`, both of which must be there.
macro_rules! sql {
    ($name:literal) => {
        $crate::dialect::sql::Sql {
            mariadb: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/mariadb/", $name, ".sql")),
            mysql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/mysql/", $name, ".sql")),
        }
    };
}
pub(crate) use sql;
