//! How a column's value is read and written so that every bit survives. Pure.
//!
//! Both sessions speak the character set `binary`, so that text travels as the bytes it is stored in.

use crate::dialect::text::identifier;

/// How a value stands in an INSERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Quoted bytes; the server reads numbers and times from them exactly.
    Quoted,
    /// A bare number: the member of an ENUM or the bits of a SET, where `''` and "none" look alike as text.
    Bare,
    /// Quoted and marked as text: in binary these types would mean their 4 or 16 bytes.
    Text,
    /// Quoted and marked as UTF-8, without which MySQL takes nothing for JSON.
    Json,
}

/// A column that holds data of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its full type, for comparing definitions.
    pub full_type: String,
    /// The expression that reads it.
    pub read_as: String,
    /// How it is written.
    pub written: Written,
}

/// How the column called `name` of a data type in lower case is copied; `None` for a type that is not known.
pub fn column(name: &str, data_type: &str, full_type: &str) -> Option<Column> {
    let quoted = identifier(name);
    let (read_as, written) = match data_type {
        // a FLOAT's own text has six digits; as a DOUBLE it has all
        "float" => (format!("CAST({quoted} AS DOUBLE)"), Written::Quoted),
        "enum" | "set" => (format!("CAST({quoted} AS UNSIGNED)"), Written::Bare),
        "uuid" | "inet4" | "inet6" => (quoted, Written::Text),
        // MariaDB's is a text with a constraint, and says so
        "json" => (quoted, Written::Json),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "bit" | "year" | "date"
        | "time" | "datetime" | "timestamp" | "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext"
        | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
        | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
        | "geomcollection" => (quoted, Written::Quoted),
        _ => return None,
    };
    Some(Column { name: name.to_owned(), full_type: full_type.to_owned(), read_as, written })
}

impl Column {
    /// How a LOAD DATA makes the column from a variable; `None` when it takes the field as it is.
    pub fn made_from(&self, variable: &str) -> Option<String> {
        match self.written {
            Written::Quoted => None,
            // a member is found by its text first: only where none can look like a number is a number a number
            Written::Bare if self.full_type.starts_with("enum(") && looks_like_no_number(&self.full_type) => None,
            Written::Bare => Some(format!("CAST({variable} AS UNSIGNED)")),
            Written::Text => Some(format!("CONVERT({variable} USING ascii)")),
            Written::Json => Some(format!("CONVERT({variable} USING utf8mb4)")),
        }
    }
}

fn looks_like_no_number(full_type: &str) -> bool {
    full_type.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_digit())
}

/// Appends a value to a line of a LOAD DATA.
pub fn push_field(line: &mut Vec<u8>, value: Option<&[u8]>) {
    let Some(bytes) = value else { return line.extend_from_slice(b"\\N") };
    // one look over all bytes at once is much faster than one by one, and almost no value needs more
    let odd = bytes.iter().fold(false, |odd, byte| odd | (*byte <= b'\n') | (*byte == b'\\'));
    if !odd {
        return line.extend_from_slice(bytes);
    }
    for byte in bytes {
        match byte {
            0 => line.extend_from_slice(b"\\0"),
            b'\t' => line.extend_from_slice(b"\\t"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\\' => line.extend_from_slice(b"\\\\"),
            other => line.push(*other),
        }
    }
}

/// Appends a value to an INSERT.
pub fn push(sql: &mut Vec<u8>, value: Option<&[u8]>, written: Written) {
    let Some(bytes) = value else { return sql.extend_from_slice(b"NULL") };
    match written {
        Written::Bare => return sql.extend_from_slice(bytes),
        Written::Quoted => {}
        Written::Text => sql.extend_from_slice(b"_ascii"),
        Written::Json => sql.extend_from_slice(b"_utf8mb4"),
    }
    sql.push(b'\'');
    for byte in bytes {
        match byte {
            0 => sql.extend_from_slice(b"\\0"),
            b'\'' | b'\\' => sql.extend_from_slice(&[b'\\', *byte]),
            other => sql.push(*other),
        }
    }
    sql.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_inside_their_quotes() {
        let mut sql = Vec::new();
        push(&mut sql, Some(b"a'b\\\0\xff\n"), Written::Quoted);
        push(&mut sql, None, Written::Quoted);
        push(&mut sql, Some(b"::1"), Written::Text);
        push(&mut sql, Some(b"3"), Written::Bare);
        assert_eq!(sql, b"'a\\'b\\\\\\0\xff\n'NULL_ascii'::1'3");
    }

    #[test]
    fn bytes_stay_inside_their_fields() {
        let mut line = Vec::new();
        for value in [Some(b"a\tb\\N\n\0\r\xff".as_slice()), None, Some(b"plain"), Some(b"")] {
            push_field(&mut line, value);
            line.push(b'|');
        }
        assert_eq!(line, b"a\\tb\\\\N\\n\\0\r\xff|\\N|plain||");
    }

    #[test]
    fn a_member_that_looks_like_a_number_is_never_taken_for_one() {
        let made = |data_type: &str, full: &str| column("a", data_type, full).unwrap().made_from("@v0");
        assert_eq!(made("enum", "enum('a','b')"), None);
        for (data_type, full) in [("enum", "enum('2','1')"), ("enum", "enum('\u{ff11}')"), ("set", "set('a')")] {
            assert_eq!(made(data_type, full).unwrap(), "CAST(@v0 AS UNSIGNED)");
        }
    }

    #[test]
    fn an_unknown_type_is_not_guessed() {
        assert_eq!(column("a", "vector", "vector(3)"), None);
        assert_eq!(column("a`b", "float", "float").unwrap().read_as, "CAST(`a``b` AS DOUBLE)");
    }
}
