//! Cutting a table into pieces by its primary key. The server compares and the server orders, so that a column's
//! collation counts; whatever value a cut is made at, every row is on exactly one side of it.

use super::definitions::TableDefinition;
use super::{CopyError, while_doing};
use crate::dialect::text::{fill, identifier, literal};
use crate::wire::session::{Line, Session};

const PRIMARY_KEY: &str = include_str!("../../sql/common/primary-key.sql");
const RANGE_END: &str = include_str!("../../sql/common/range-end.sql");

/// A table's primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    columns: Vec<KeyColumn>,
    /// A value of every column can be written as a constant, so that the table can be cut.
    pub cuts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyColumn {
    name: String,
    /// How its value is read, and how it is written as a constant.
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Digits.
    Number,
    /// A number that stands for a text.
    Member,
    /// Bytes.
    Bytes,
    /// Bytes in a character set, compared by a collation.
    Text(String, String),
    /// A text that the server understands as a point in time.
    Time,
    /// Nothing that is written as a constant here.
    Other,
}

/// A cut: the values of the key's columns, as SQL constants.
pub type Cut = Vec<String>;

/// Reads a table's primary key; `None` when it has none.
///
/// # Errors
/// What the server said.
pub async fn key(source: &mut Session, schema: &str, table: &str) -> Result<Option<Key>, CopyError> {
    let gaps = [("schema", &*literal(schema)), ("table", &*literal(table))];
    let lines = source.lines(fill(PRIMARY_KEY, &gaps)).await;
    let lines = lines.map_err(while_doing(format!("read the primary key of {schema}.{table}")))?;
    Ok(from_lines(&lines))
}

fn from_lines(lines: &[Line]) -> Option<Key> {
    if lines.is_empty() {
        return None;
    }
    let ascends = |line: &Line| line.text("direction") != "D" && line.bytes("part").is_none();
    let columns: Vec<KeyColumn> =
        lines.iter().map(|line| KeyColumn { name: line.text("name"), form: form(line) }).collect();
    let cuts = lines.iter().all(ascends) && columns.iter().all(|column| column.form != Form::Other);
    // a key of its first bytes only is no order of the rows
    lines.iter().all(ascends).then_some(Key { columns, cuts })
}

fn form(line: &Line) -> Form {
    match &*line.text("type").to_lowercase() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" => Form::Number,
        "enum" => Form::Member,
        "binary" | "varbinary" => Form::Bytes,
        "char" | "varchar" => {
            let word = |name: &str| {
                let text = line.text(name);
                text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(text)
            };
            match word("charset").zip(word("collation")) {
                Some((charset, collation)) if !charset.is_empty() => Form::Text(charset, collation),
                _ => Form::Other,
            }
        }
        "date" | "datetime" => Form::Time,
        _ => Form::Other,
    }
}

impl Key {
    /// The key's columns, for an ORDER BY.
    pub fn order(&self) -> String {
        self.columns.iter().map(|column| identifier(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The condition for the rows behind one cut and up to another one.
    pub fn range(&self, after: Option<&Cut>, to: Option<&Cut>) -> String {
        let mut parts = Vec::new();
        if let Some(cut) = after {
            parts.push(self.beside(cut, ">", ">"));
        }
        if let Some(cut) = to {
            parts.push(self.beside(cut, "<", "<="));
        }
        if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
    }

    /// The rows on one side of a cut, spelled out column by column: servers find no index for `(a, b) > (1, 2)`.
    fn beside(&self, cut: &Cut, sign: &str, last_sign: &str) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| identifier(&column.name)).collect();
        let mut ways = Vec::with_capacity(names.len());
        for at in 0..names.len() {
            let sign = if at + 1 == names.len() { last_sign } else { sign };
            let equal = names.iter().zip(cut).take(at).map(|(name, value)| format!("{name} = {value}"));
            let way: Vec<String> = equal.chain([format!("{} {sign} {}", names[at], cut[at])]).collect();
            ways.push(format!("({})", way.join(" AND ")));
        }
        format!("({})", ways.join(" OR "))
    }

    /// Finds the cut that is `rows` rows behind another one; `None` when there are not so many.
    ///
    /// # Errors
    /// What the server said.
    pub async fn cut(
        &self,
        source: &mut Session,
        (schema, table): (&str, &TableDefinition),
        after: Option<&Cut>,
        rows: u64,
    ) -> Result<Option<Cut>, crate::wire::session::Trouble> {
        let column = |(at, column): (usize, &KeyColumn)| match column.form {
            Form::Member => format!("CAST({} AS UNSIGNED) AS k{at}", identifier(&column.name)),
            _ => format!("{} AS k{at}", identifier(&column.name)),
        };
        let columns: Vec<String> = self.columns.iter().enumerate().map(column).collect();
        let place = format!("{}.{}", identifier(schema), identifier(&table.name));
        let gaps = [
            ("columns", &*columns.join(", ")),
            ("table", &*place),
            ("range", &*self.range(after, None)),
            ("key", &*self.order()),
            ("rows", &*rows.to_string()),
        ];
        let lines = source.lines(fill(RANGE_END, &gaps)).await?;
        let Some(line) = lines.first() else { return Ok(None) };
        let constants = self.columns.iter().enumerate();
        Ok(constants.map(|(at, column)| column.constant(line.bytes(&format!("k{at}"))?)).collect())
    }
}

impl KeyColumn {
    fn constant(&self, bytes: &[u8]) -> Option<String> {
        let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match &self.form {
            Form::Number | Form::Member => {
                let text = std::str::from_utf8(bytes).ok()?;
                let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
                (!text.is_empty() && text.chars().all(digits)).then(|| text.to_owned())
            }
            Form::Bytes => Some(format!("X'{}'", hex())),
            Form::Text(charset, collation) => Some(format!("_{charset} X'{}' COLLATE {collation}", hex())),
            Form::Time => Some(literal(std::str::from_utf8(bytes).ok()?)),
            Form::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_exactly_one_side_of_a_cut() {
        let column = |name: &str| KeyColumn { name: name.to_owned(), form: Form::Number };
        let key = Key { columns: vec![column("a"), column("b")], cuts: true };
        let cut = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(key.range(None, None), "TRUE");
        assert_eq!(key.range(None, Some(&cut("1", "2"))), "((`a` < 1) OR (`a` = 1 AND `b` <= 2))");
        assert_eq!(key.range(Some(&cut("1", "2")), None), "((`a` > 1) OR (`a` = 1 AND `b` > 2))");
    }

    #[test]
    fn values_become_constants_that_cannot_be_anything_else() {
        let constant = |form: Form, bytes: &[u8]| KeyColumn { name: String::new(), form }.constant(bytes);
        assert_eq!(constant(Form::Number, b"-12.5").as_deref(), Some("-12.5"));
        assert_eq!(constant(Form::Number, b"1 OR 1"), None);
        let text = Form::Text("utf8mb4".into(), "utf8mb4_bin".into());
        assert_eq!(constant(text, "é'".as_bytes()).as_deref(), Some("_utf8mb4 X'c3a927' COLLATE utf8mb4_bin"));
        assert_eq!(constant(Form::Bytes, b"").as_deref(), Some("X''"));
    }
}
