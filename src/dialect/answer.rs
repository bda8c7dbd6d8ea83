//! A server's answer as plain text, read by the names of its columns. It knows no driver.

use std::str::FromStr;

/// One result set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns' names as the server gave them.
    pub columns: Vec<String>,
    /// The rows; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// One row with its columns' names.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    columns: &'a [String],
    values: &'a [Option<String>],
}

impl Table {
    /// The rows, each with the columns' names.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.rows.iter().map(|row| Record { columns: &self.columns, values: row })
    }
}

/// The first result set that has a column of this name.
pub fn table<'a>(tables: &'a [Table], column: &str) -> Option<&'a Table> {
    tables.iter().find(|table| table.columns.iter().any(|name| name.eq_ignore_ascii_case(column)))
}

/// The first row of the first result set that has a column of this name.
///
/// # Errors
/// A sentence that names the missing column.
pub fn row<'a>(tables: &'a [Table], column: &str) -> Result<Record<'a>, String> {
    table(tables, column).and_then(|table| table.records().next()).ok_or_else(|| missing(column))
}

impl<'a> Record<'a> {
    /// The column's text, `None` for NULL.
    ///
    /// # Errors
    /// A sentence that names the missing column.
    pub fn text(&self, column: &str) -> Result<Option<&'a str>, String> {
        let place = self.columns.iter().position(|name| name.eq_ignore_ascii_case(column));
        match place.and_then(|place| self.values.get(place)) {
            Some(value) => Ok(value.as_deref()),
            None => Err(missing(column)),
        }
    }

    /// The column's text, empty for NULL.
    ///
    /// # Errors
    /// A sentence that names the missing column.
    pub fn string(&self, column: &str) -> Result<String, String> {
        Ok(self.text(column)?.unwrap_or_default().to_owned())
    }

    /// The column's number, which must be there.
    ///
    /// # Errors
    /// A sentence that names the column that is missing, empty, or holds something else.
    pub fn need<T: FromStr>(&self, column: &str) -> Result<T, String> {
        self.number(column)?.ok_or_else(|| format!("the server's column {column} is empty"))
    }

    /// The column's number, `None` for NULL.
    ///
    /// # Errors
    /// A sentence that names the column that is missing or holds something else.
    pub fn number<T: FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        match self.text(column)? {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("the server's column {column} holds {text:?}, which is no number keyward knows")),
            },
        }
    }
}

fn missing(column: &str) -> String {
    format!("the server's answer has no column {column}")
}
