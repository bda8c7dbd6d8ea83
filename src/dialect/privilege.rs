//! Which right an account lacks, where the server's error does not say it.

use super::answer::Table;
use crate::model::Family;

/// The rights without which a replica's server does not refuse, but hides what the looks are there to find.
const TO_SEE: [&str; 2] = ["PROCESS", "SHOW DATABASES"];

/// The right that a refused statement lacked, from the server's number and text; `None` when these name it already, or
/// when it was not refused for a right.
pub fn unnamed(family: Family, code: u16, message: &str, statement: &str) -> Option<&'static str> {
    match code {
        // access denied to a database, whatever was wanted there
        1044 => of_statement(statement),
        // strict MySQL lets nobody through
        1290 if message.contains("--read-only") => Some(match family {
            Family::MariaDb => "READ_ONLY ADMIN",
            Family::MySql => "CONNECTION_ADMIN",
        }),
        _ => None,
    }
}

fn of_statement(statement: &str) -> Option<&'static str> {
    let mut words = statement.split_whitespace();
    match (words.next()?, words.next()?) {
        ("CREATE", "DATABASE") => Some("CREATE"),
        ("DROP", "DATABASE") => Some("DROP"),
        ("ALTER", "DATABASE") => Some("ALTER"),
        ("LOCK", "TABLES") => Some("LOCK TABLES"),
        ("CREATE", _) => of_definition(statement),
        _ => None,
    }
}

/// What a `CREATE` makes stands behind its definer, whose name may hold anything between backquotes.
fn of_definition(statement: &str) -> Option<&'static str> {
    let plain: String = statement.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    plain.split_whitespace().find_map(|word| match word {
        "EVENT" => Some("EVENT"),
        "PROCEDURE" | "FUNCTION" | "PACKAGE" => Some("CREATE ROUTINE"),
        "TRIGGER" => Some("TRIGGER"),
        "VIEW" => Some("CREATE VIEW"),
        _ => None,
    })
}

/// The rights that this account lacks to see all of a replica's server, from a look at its own rights.
///
/// # Errors
/// A sentence that names what the answer lacks.
pub fn blind_to(tables: &[Table]) -> Result<Vec<&'static str>, String> {
    let Some(table) = super::answer::table(tables, "allowed") else {
        return Err("the server did not list the account's rights".to_owned());
    };
    let has = |right: &str| table.rows.iter().any(|row| row.iter().flatten().any(|cell| cell == right));
    Ok(TO_SEE.into_iter().filter(|right| !has(right)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_statement_tells_which_right_it_lacked() {
        let of = |statement| unnamed(Family::MariaDb, 1044, "Access denied to database 'd'", statement);
        assert_eq!(of("CREATE DATABASE `d` COMMENT 'x'"), Some("CREATE"));
        assert_eq!(of("DROP DATABASE IF EXISTS `d`"), Some("DROP"));
        assert_eq!(of("CREATE DEFINER=`an EVENT`@`%` PROCEDURE `EVENT`() SELECT 1"), Some("CREATE ROUTINE"));
        assert_eq!(
            of("CREATE DEFINER=`a PROCEDURE `@`%` EVENT `e` ON SCHEDULE EVERY 1 DAY DO SELECT 1"),
            Some("EVENT")
        );
        assert_eq!(of("LOCK TABLES `d`.`t` READ"), Some("LOCK TABLES"));
        assert_eq!(of("USE `d`"), None);
        let read_only = |family, option: &str| unnamed(family, 1290, &format!("with the {option} option"), "INSERT");
        assert_eq!(read_only(Family::MariaDb, "--read-only"), Some("READ_ONLY ADMIN"));
        assert_eq!(read_only(Family::MySql, "--read-only"), Some("CONNECTION_ADMIN"));
        assert_eq!(read_only(Family::MySql, "--super-read-only"), None);
        assert_eq!(unnamed(Family::MariaDb, 1142, "SELECT command denied", "SELECT 1"), None);
    }

    #[test]
    fn rights_to_see_are_missed_one_by_one() {
        let rights = |names: &[&str]| {
            let rows = names.iter().map(|name| vec![Some((*name).to_owned())]).collect();
            vec![Table { columns: vec!["allowed".to_owned()], rows }]
        };
        assert_eq!(blind_to(&rights(&["SHOW DATABASES", "PROCESS"])), Ok(vec![]));
        assert_eq!(blind_to(&rights(&["PROCESS"])), Ok(vec!["SHOW DATABASES"]));
        assert_eq!(blind_to(&rights(&[])), Ok(vec!["PROCESS", "SHOW DATABASES"]));
        assert!(blind_to(&[]).is_err());
    }
}
