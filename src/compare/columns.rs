//! How a row becomes one text that tells it from every other, and a key a literal. Pure.
//!
//! Sessions speak the character set `binary`: text takes part as the bytes it is stored in, so that no collation, no
//! padding and no conversion can make two values look alike. A text is followed by its length, and NULL is a word that
//! no value is written as, so that no two rows become the same text.

use crate::dialect::text::{identifier, literal};

/// An ENUM with more members than this is searched in no range.
const MOST_MEMBERS: u32 = 256;

/// A column as `information_schema` describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in lower case, without length.
    pub data_type: String,
    /// Its type in full.
    pub full_type: String,
    /// It may be NULL.
    pub nullable: bool,
    /// Its character set; empty for what is no text.
    pub charset: String,
    /// Its collation; empty for what is no text.
    pub collation: String,
    /// The most bytes a value has; 0 for what is no text and no bytes.
    pub octets: u64,
}

/// How a column of a key is written in a range.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Written {
    /// A bare number; an ENUM by the number of its member.
    Number,
    /// Quoted.
    Time,
    /// Bytes of this character set.
    Text(String),
    /// Bytes.
    Bytes,
}

/// A column of the key by which a table is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its quoted name.
    pub name: String,
    /// The expression that reads it as it is written in a range.
    pub read: String,
    /// The expression that shows it to people, with its name.
    pub shown: String,
    /// An ENUM's members, numbered from 1.
    pub members: Option<u32>,
    written: Written,
}

impl KeyColumn {
    /// The column as part of a key; `None` for a type that ranges are not made of.
    pub fn of(column: &Column) -> Option<Self> {
        let name = identifier(&column.name);
        let written = match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" | "enum" => Written::Number,
            "date" | "time" | "datetime" | "timestamp" => Written::Time,
            "char" | "varchar" if !column.charset.is_empty() => Written::Text(column.charset.clone()),
            "binary" | "varbinary" => Written::Bytes,
            _ => return None,
        };
        let read = if column.data_type == "enum" { format!("CAST({name} AS UNSIGNED)") } else { name.clone() };
        let value = match written {
            Written::Bytes => format!("HEX({name})"),
            Written::Text(_) => format!("CONVERT({name} USING utf8mb4)"),
            Written::Number | Written::Time => name.clone(),
        };
        let shown = format!("{}, {value}", literal(&format!("{}=", column.name)));
        let members = (column.data_type == "enum").then(|| members(&column.full_type));
        if members.is_some_and(|members| members > MOST_MEMBERS) {
            return None;
        }
        Some(Self { name, read, shown, members, written })
    }

    /// A value of it, as its column was read, as a literal that the server's index is searched with.
    pub fn literal(&self, value: &[u8]) -> String {
        match &self.written {
            Written::Number => String::from_utf8_lossy(value).into_owned(),
            Written::Time => literal(&String::from_utf8_lossy(value)),
            Written::Text(charset) => format!("_{charset} {}", bytes(value)),
            Written::Bytes => bytes(value),
        }
    }
}

/// How many members an ENUM has: the literals in its type, in which a quote is written twice.
fn members(full_type: &str) -> u32 {
    let (mut members, mut inside) = (0, false);
    let mut rest = full_type.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, inside) {
            ('\'', true) if rest.peek() == Some(&'\'') => {
                rest.next();
            }
            ('\'', _) => {
                members += u32::from(!inside);
                inside = !inside;
            }
            _ => {}
        }
    }
    members
}

fn bytes(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len() * 2 + 3);
    text.push_str("x'");
    for byte in value {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('\'');
    text
}

/// The text of a whole row. Values that would make it longer than `most` bytes take part by their hash: what is longer
/// than the server's biggest packet becomes NULL there.
pub fn row_text(columns: &[Column], most: u64) -> String {
    let mut left = most;
    let mut texts: Vec<(&str, &str)> = columns
        .iter()
        .filter(|column| !column.charset.is_empty())
        .map(|column| (column.charset.as_str(), column.collation.as_str()))
        .collect();
    texts.dedup();
    // texts of one collation are joined as they are; of several the server would convert some, and lose what it cannot
    let plain = texts.len() < 2 && !columns.iter().any(|column| is_special(&column.data_type));
    let parts = columns.iter().map(|column| {
        let room = column.octets.max(64);
        let hashed = room > left;
        left -= if hashed { 64.min(left) } else { room };
        part(column, hashed, plain)
    });
    format!("CONCAT_WS(',', {})", parts.collect::<Vec<_>>().join(", "))
}

/// A hash of an expression. MySQL has lost its older ones.
pub fn hash(expression: &str) -> String {
    format!("SHA2({expression}, 256)")
}

/// Types that are read as text of a character set that nobody names.
fn is_special(data_type: &str) -> bool {
    matches!(data_type, "json" | "uuid" | "inet4" | "inet6")
}

fn part(column: &Column, hashed: bool, plain: bool) -> String {
    let name = identifier(&column.name);
    let or = |expression: String, word: &str| {
        if column.nullable { format!("IFNULL({expression}, {word})") } else { expression }
    };
    match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" | "date" | "time" | "datetime"
        | "timestamp" => or(name, "'N'"),
        // a FLOAT's own text has six digits; as a DOUBLE it has all
        "float" | "double" => or(format!("CAST({name} AS DOUBLE)"), "'N'"),
        // by number: the empty word of an ENUM is not its member ''
        "enum" | "set" | "bit" => or(format!("CAST({name} AS UNSIGNED)"), "'N'"),
        _ => {
            let is_text = !column.charset.is_empty() || is_special(&column.data_type);
            let value = if plain || !is_text { name.clone() } else { format!("CAST({name} AS BINARY)") };
            let value = if hashed { hash(&value) } else { value };
            format!("{}, {}", or(value, "''"), or(format!("LENGTH({name})"), "'N'"))
        }
    }
}

/// The sum over rows. A row counts times a number made from its key, because the plain exclusive or of CRCs would
/// overlook the same change made to two rows.
pub fn checksum(row: &str, key: Option<&[KeyColumn]>) -> String {
    match key {
        Some([one]) => format!("BIT_XOR(CRC32({row}) * (CRC32({}) | 1))", one.read),
        Some(many) => {
            let names: Vec<&str> = many.iter().map(|column| column.read.as_str()).collect();
            format!("BIT_XOR(CRC32({row}) * (CRC32(CONCAT_WS(',', {})) | 1))", names.join(", "))
        }
        // rows may repeat, and an exclusive or would overlook pairs of them
        None => format!("SUM(CRC32({row}) * (CRC32({}) | 1))", hash(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str, nullable: bool, octets: u64) -> Column {
        let charset = if data_type == "varchar" { "latin1" } else { "" };
        let (name, data_type, charset) = (name.to_owned(), data_type.to_owned(), charset.to_owned());
        Column { name, data_type, nullable, charset, octets, ..Column::default() }
    }

    #[test]
    fn a_row_is_one_text_in_which_null_and_length_show() {
        let columns = [column("a", "int", false, 0), column("b`", "varchar", true, 30), column("c", "float", true, 0)];
        assert_eq!(
            row_text(&columns, 1_000),
            "CONCAT_WS(',', `a`, IFNULL(`b```, ''), IFNULL(LENGTH(`b```), 'N'), IFNULL(CAST(`c` AS DOUBLE), 'N'))"
        );
        let other = Column { charset: "utf8mb4".into(), ..column("u", "varchar", false, 30) };
        assert_eq!(
            row_text(&[columns[1].clone(), other], 1_000),
            "CONCAT_WS(',', IFNULL(CAST(`b``` AS BINARY), ''), IFNULL(LENGTH(`b```), 'N'), CAST(`u` AS BINARY), \
             LENGTH(`u`))"
        );
        let long = column("d", "longtext", false, u64::from(u32::MAX));
        assert_eq!(row_text(&[long], 1_000), "CONCAT_WS(',', SHA2(`d`, 256), LENGTH(`d`))");
    }

    #[test]
    fn a_key_is_searched_in_its_own_character_set_and_never_in_floats() {
        let key = KeyColumn::of(&column("k", "varchar", false, 30)).unwrap();
        assert_eq!(key.literal(b"a'\xe4"), "_latin1 x'6127e4'");
        assert_eq!(KeyColumn::of(&column("k", "enum", false, 0)).unwrap().read, "CAST(`k` AS UNSIGNED)");
        assert_eq!(KeyColumn::of(&column("k", "double", false, 0)), None);
        assert_eq!(["enum('','x')", "enum('a''','''','b,c')", "enum('a')"].map(members), [2, 3, 1]);
    }
}
