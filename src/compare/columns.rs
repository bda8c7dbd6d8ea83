//! How a row becomes one text that tells it from every other, and a key a literal. Pure.
//!
//! The values of a row are joined as bytes: text takes part as it is stored, so that no collation, no padding and no
//! conversion can make two values look alike. Between them stands a byte that UTF-8, numbers and times never contain,
//! and NULL is another such byte; what may contain them is followed by its length. So no two rows become the same text.
//!
//! # How much a sum tells
//!
//! A row takes part by its CRC32 times a constant, the rows of a chunk by the exclusive or of these numbers of 64 bits.
//! - One row that differs is overlooked with a probability of 2^-32, and never when what differs lies within 4 bytes of
//!   it and its length is the same; a row too many or too few is counted besides.
//! - Rows that differ each in its own way are overlooked with about 2^-32 too.
//! - The same change made to two rows changes their CRCs by the same bits, and an exclusive or of bare CRCs would always
//!   overlook it. The product carries such a change into other bits, which ones depends on the rest of the row: measured
//!   over random rows, two such changes cancel out with a probability of 2^-30 to 2^-32, as long as more than a few bits
//!   of the CRC change; for one of the 32 changes of a single bit of it, 2^-14.
//!
//! Nothing here withstands somebody who makes up rows with the same CRC.

use crate::dialect::text::{identifier, literal};

/// An ENUM with more members than this is searched in no range.
const MOST_MEMBERS: u32 = 256;
/// What stands between two values, and for NULL. As bytes by type: a bare literal would be read as text of the columns'
/// character set, and these make everything beside them bytes too.
const BETWEEN: &str = "CAST(x'ff' AS BINARY)";
const NULL: &str = "CAST(x'fe' AS BINARY)";
/// What a CRC is multiplied by: an odd number of 32 bits, so that no product repeats and none is longer than 64 bits.
const FACTOR: u64 = 3_405_691_583;

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
    let parts = columns.iter().map(|column| {
        let room = column.octets.max(64);
        let hashed = room > left;
        left -= if hashed { 64.min(left) } else { room };
        part(column, hashed)
    });
    format!("CONCAT_WS({BETWEEN}, {})", parts.collect::<Vec<_>>().join(", "))
}

/// A hash of an expression. MySQL has lost its older ones.
pub fn hash(expression: &str) -> String {
    format!("SHA2({expression}, 256)")
}

/// Types that are read as text of a character set that nobody names.
fn is_special(data_type: &str) -> bool {
    matches!(data_type, "json" | "uuid" | "inet4" | "inet6")
}

/// Text in these character sets has none of the bytes of [`BETWEEN`] and [`NULL`].
fn is_plain(charset: &str) -> bool {
    matches!(charset, "utf8mb3" | "utf8mb4" | "utf8" | "ascii")
}

fn part(column: &Column, hashed: bool) -> String {
    let name = identifier(&column.name);
    let or = |expression: String, word: &str| {
        if column.nullable { format!("IFNULL({expression}, {word})") } else { expression }
    };
    match column.data_type.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "year" | "date" | "time" | "datetime"
        | "timestamp" => or(name, NULL),
        // a FLOAT's own text has six digits; as a DOUBLE it has all
        "float" | "double" => or(format!("CAST({name} AS DOUBLE)"), NULL),
        // by number: the empty word of an ENUM is not its member ''
        "enum" | "set" | "bit" => or(format!("CAST({name} AS UNSIGNED)"), NULL),
        _ => {
            let value = if is_special(&column.data_type) { format!("CAST({name} AS BINARY)") } else { name.clone() };
            let value = if hashed { hash(&value) } else { value };
            match is_plain(&column.charset) && !hashed {
                true => or(value, NULL),
                false => format!("{}, {}", or(value, "''"), or(format!("LENGTH({name})"), NULL)),
            }
        }
    }
}

/// The sum over rows; see above for what it is worth.
pub fn checksum(row: &str, has_key: bool) -> String {
    match has_key {
        true => format!("BIT_XOR(CRC32({row}) * {FACTOR})"),
        // rows may repeat, and an exclusive or would overlook pairs of them
        false => format!("SUM(CRC32({row}) * (CRC32({}) | 1))", hash(row)),
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
            "CONCAT_WS(CAST(x'ff' AS BINARY), `a`, IFNULL(`b```, ''), IFNULL(LENGTH(`b```), CAST(x'fe' AS BINARY)), \
             IFNULL(CAST(`c` AS DOUBLE), CAST(x'fe' AS BINARY)))"
        );
        let plain = |nullable| Column { charset: "utf8mb4".into(), ..column("u", "varchar", nullable, 30) };
        assert_eq!(
            row_text(&[plain(false), plain(true)], 1_000),
            "CONCAT_WS(CAST(x'ff' AS BINARY), `u`, IFNULL(`u`, CAST(x'fe' AS BINARY)))"
        );
        let long = column("d", "longtext", false, u64::from(u32::MAX));
        assert_eq!(row_text(&[long], 1_000), "CONCAT_WS(CAST(x'ff' AS BINARY), SHA2(`d`, 256), LENGTH(`d`))");
    }

    fn crc32(text: &str) -> u64 {
        let turn = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        let byte = |crc: u32, byte: u8| (0..8).fold(crc ^ u32::from(byte), |crc, _| turn(crc));
        u64::from(!text.bytes().fold(!0, byte))
    }

    #[test]
    fn the_same_change_made_to_two_rows_does_not_cancel_out() {
        assert_eq!(crc32("123456789"), 0xCBF4_3926);
        let changes =
            [("1", "0"), ("Anna", "Anno"), ("member", "reader"), ("2026-01-01 10:00:00", "2026-01-01 10:00:01")];
        for (before, after) in changes {
            for rest in ["", ",2026-11-22 16:00:00,1"] {
                let text =
                    |row: u64, value: &str| format!("{:016x},{value}{rest}", row.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                let sum = |row, value| crc32(&text(row, value)) * FACTOR;
                let mut seen: Vec<u64> = (0..10_000).map(|row| sum(row, before) ^ sum(row, after)).collect();
                seen.sort_unstable();
                let twice = seen.windows(2).filter(|two| two[0] == two[1]).count();
                // of 50 million pairs, at 2^-30 each
                assert!(twice <= 1, "{before} to {after}: {twice}");
            }
        }
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
