//! Pieces of a table by its key, as conditions that an index is searched with. Pure.

use super::columns::KeyColumn;

/// A key's values, in the order of its columns, as they were read.
pub type Key = Vec<Vec<u8>>;

/// The rows after one key up to another, that one included; without end where a key is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The last key before it.
    pub after: Option<Key>,
    /// Its last key.
    pub upto: Option<Key>,
}

impl Range {
    /// The condition in SQL.
    pub fn condition(&self, columns: &[KeyColumn]) -> String {
        let after = self.after.as_ref().map(|key| beyond(columns, key, ">", ">"));
        let upto = self.upto.as_ref().map(|key| beyond(columns, key, "<", "<="));
        match (after, upto) {
            (Some(after), Some(upto)) => format!("({after}) AND ({upto})"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "1 = 1".to_owned(),
        }
    }
}

/// Comparing column by column, as index searches need it: `a >= 1 AND (a > 1 OR (b > 2))`.
fn beyond(columns: &[KeyColumn], key: &[Vec<u8>], strictly: &str, at_last: &str) -> String {
    match (columns, key) {
        ([column], [value, ..]) => format!("{} {at_last} {}", column.name, column.literal(value)),
        ([column, columns @ ..], [value, key @ ..]) => {
            let (name, value) = (&column.name, column.literal(value));
            let rest = beyond(columns, key, strictly, at_last);
            format!("{name} {strictly}= {value} AND ({name} {strictly} {value} OR ({rest}))")
        }
        _ => "1 = 1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Column;
    use super::*;

    fn key(name: &str) -> KeyColumn {
        KeyColumn::of(&Column { name: name.into(), data_type: "int".into(), ..Column::default() }).unwrap()
    }

    #[test]
    fn a_range_leaves_its_first_key_out_and_takes_its_last_in() {
        let columns = [key("a"), key("b")];
        let range = Range { after: Some(vec![b"1".into(), b"2".into()]), upto: Some(vec![b"3".into(), b"4".into()]) };
        assert_eq!(
            range.condition(&columns),
            "(`a` >= 1 AND (`a` > 1 OR (`b` > 2))) AND (`a` <= 3 AND (`a` < 3 OR (`b` <= 4)))"
        );
        let one = Range { after: None, upto: Some(vec![b"3".into()]) };
        assert_eq!(one.condition(&columns[..1]), "`a` <= 3");
        assert_eq!(Range::default().condition(&columns), "1 = 1");
    }
}
