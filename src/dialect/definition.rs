//! Statements that make a table, as servers print them: what in them says nothing about the table.

use super::text::outside_quotes;

/// A table's statement without the value of its counter, which every insert moves.
pub fn without_counter(create: &[u8]) -> Vec<u8> {
    let word: &[u8] = b" AUTO_INCREMENT=";
    match outside_quotes(create, word) {
        Some(at) => {
            let digits = create[at + word.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            [&create[..at], &create[at + word.len() + digits..]].concat()
        }
        None => create.to_vec(),
    }
}

/// The first line that two tables' statements do not share, of either; `None` when they make the same table.
///
/// The order of keys and constraints makes no table another one, nor does a counter.
pub fn difference(one: &[u8], other: &[u8]) -> Option<(String, String)> {
    let lines = |create: &[u8]| {
        let text = String::from_utf8_lossy(&without_counter(create)).into_owned();
        let mut lines: Vec<String> = text.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect();
        // the first line names the table, and the last one, which holds its options, ends it
        let inner = 1.min(lines.len())..lines.len().saturating_sub(1).max(1.min(lines.len()));
        lines[inner].sort();
        lines
    };
    let (one, other) = (lines(one), lines(other));
    let lacking = |of: &[String], all: &[String]| of.iter().find(|line| !all.contains(line)).cloned();
    let (here, there) = (lacking(&one, &other), lacking(&other, &one));
    (here.is_some() || there.is_some()).then(|| (here.unwrap_or_default(), there.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_moved_is_no_change() {
        let table = |create: &str| without_counter(create.as_bytes());
        let one = "CREATE TABLE `t` (`a` int COMMENT ' AUTO_INCREMENT=3') ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT";
        assert_eq!(table(one), table(&one.replace("=7", "=19")));
        assert_ne!(table(one), table(&one.replace("=3", "=4")));
    }

    #[test]
    fn keys_in_another_order_make_the_same_table_and_another_key_does_not() {
        let one = "CREATE TABLE `t` (\n  `a` int,\n  KEY `x` (`a`),\n  KEY `y` (`a`)\n) ENGINE=InnoDB AUTO_INCREMENT=3";
        let other = "CREATE TABLE `t` (\n  `a` int,\n  KEY `y` (`a`),\n  KEY `x` (`a`)\n) ENGINE=InnoDB";
        assert_eq!(difference(one.as_bytes(), other.as_bytes()), None);
        let lacking = other.replace(",\n  KEY `x` (`a`)", "");
        assert_eq!(difference(one.as_bytes(), lacking.as_bytes()), Some(("KEY `x` (`a`)".into(), String::new())));
        let options = other.replace("InnoDB", "Aria");
        let ends = (") ENGINE=InnoDB".to_owned(), ") ENGINE=Aria".to_owned());
        assert_eq!(difference(one.as_bytes(), options.as_bytes()), Some(ends));
        assert_eq!(difference(b"", b""), None);
    }
}
