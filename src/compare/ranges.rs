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
        match (&self.after, &self.upto) {
            (Some(after), Some(upto)) => between(columns, after, upto),
            (Some(after), None) => beyond(columns, after, ">", ">"),
            (None, Some(upto)) => beyond(columns, upto, "<", "<="),
            (None, None) => "1 = 1".to_owned(),
        }
    }
}

/// Columns in which both ends agree are compared once: the server tests every row by what stands here.
fn between(columns: &[KeyColumn], after: &[Vec<u8>], upto: &[Vec<u8>]) -> String {
    match (columns, after, upto) {
        ([column, columns @ ..], [value, after @ ..], [other, upto @ ..]) if value == other && !columns.is_empty() => {
            format!("{} = {} AND {}", column.name, column.literal(value), between(columns, after, upto))
        }
        _ => format!("({}) AND ({})", beyond(columns, after, ">", ">"), beyond(columns, upto, "<", "<=")),
    }
}

/// Comparing column by column, as index searches need it: `a >= 1 AND (a > 1 OR (b > 2))`. An ENUM is searched in no range
/// of its members, so that those beyond are listed: `(a = 1 AND (b > 2)) OR a IN (2, 3)`.
fn beyond(columns: &[KeyColumn], key: &[Vec<u8>], strictly: &str, at_last: &str) -> String {
    let ([column, columns @ ..], [value, key @ ..]) = (columns, key) else { return "1 = 1".to_owned() };
    let (name, value) = (&column.name, column.literal(value));
    let rest = (!columns.is_empty()).then(|| beyond(columns, key, strictly, at_last));
    if let Some(members) = column.members {
        let own: u32 = value.parse().unwrap_or(0);
        let beyond = if strictly == ">" { own + 1..members + 1 } else { 0..own };
        let listed: Vec<String> = beyond.map(|member| member.to_string()).collect();
        let own = match (&rest, at_last) {
            (Some(rest), _) => Some(format!("({name} = {value} AND ({rest}))")),
            (None, "<=") => Some(format!("{name} = {value}")),
            (None, _) => None,
        };
        let listed = (!listed.is_empty()).then(|| format!("{name} IN ({})", listed.join(", ")));
        let any: Vec<String> = own.into_iter().chain(listed).collect();
        return if any.is_empty() { "1 = 0".to_owned() } else { any.join(" OR ") };
    }
    match rest {
        Some(rest) => format!("{name} {strictly}= {value} AND ({name} {strictly} {value} OR ({rest}))"),
        None => format!("{name} {at_last} {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Column;
    use super::*;

    fn key(name: &str) -> KeyColumn {
        KeyColumn::of(&Column { name: name.into(), data_type: "int".into(), ..Column::default() }).unwrap()
    }

    fn range_of(one: &str, other: &str, side: &str) -> Range {
        let key = Some(vec![one.as_bytes().to_vec(), other.as_bytes().to_vec()]);
        if side == ">" { Range { after: key, upto: None } } else { Range { after: None, upto: key } }
    }

    #[test]
    fn a_range_leaves_its_first_key_out_and_takes_its_last_in() {
        let columns = [key("a"), key("b")];
        let range = Range { after: Some(vec![b"1".into(), b"2".into()]), upto: Some(vec![b"3".into(), b"4".into()]) };
        assert_eq!(
            range.condition(&columns),
            "(`a` >= 1 AND (`a` > 1 OR (`b` > 2))) AND (`a` <= 3 AND (`a` < 3 OR (`b` <= 4)))"
        );
        let range = Range { after: Some(vec![b"1".into(), b"2".into()]), upto: Some(vec![b"1".into(), b"4".into()]) };
        assert_eq!(range.condition(&columns), "`a` = 1 AND (`b` > 2) AND (`b` <= 4)");
        let members = "enum('x','it''s','z')".to_owned();
        let kind = Column { name: "k".into(), data_type: "enum".into(), full_type: members, ..Column::default() };
        let columns_of = [KeyColumn::of(&kind).unwrap(), key("b")];
        assert_eq!(range_of("2", "5", ">").condition(&columns_of), "(`k` = 2 AND (`b` > 5)) OR `k` IN (3)");
        assert_eq!(range_of("2", "5", "<").condition(&columns_of), "(`k` = 2 AND (`b` <= 5)) OR `k` IN (0, 1)");
        assert_eq!(range_of("3", "5", ">").condition(&columns_of[..1]), "1 = 0");
        assert_eq!(range_of("0", "5", "<").condition(&columns_of[..1]), "`k` = 0");
        let one = Range { after: None, upto: Some(vec![b"3".into()]) };
        assert_eq!(one.condition(&columns[..1]), "`a` <= 3");
        assert_eq!(Range::default().condition(&columns), "1 = 1");
    }
}
