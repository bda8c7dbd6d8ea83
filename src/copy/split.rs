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
    /// A number that stands for a text: the constants of all members in order, where comparing with these is as good as
    /// with their numbers; else none. Servers find no index for an ENUM compared with a number.
    Member(Vec<String>),
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
        "enum" => {
            let full_type = line.text("full_type");
            let as_ascii = |charset: &str| ["ascii", "latin1", "utf8", "utf8mb3", "utf8mb4"].contains(&charset);
            let constants = collated(line).filter(|(charset, _)| as_ascii(charset)).map(|(charset, collation)| {
                let constant = |member: &str| constant_of_text(member.as_bytes(), &charset, &collation);
                members(&full_type).into_iter().map(constant).collect()
            });
            Form::Member(constants.unwrap_or_default())
        }
        "binary" | "varbinary" => Form::Bytes,
        "char" | "varchar" => match collated(line) {
            Some((charset, collation)) => Form::Text(charset, collation),
            None => Form::Other,
        },
        "date" | "datetime" => Form::Time,
        _ => Form::Other,
    }
}

/// A column's character set and collation.
fn collated(line: &Line) -> Option<(String, String)> {
    let word = |name: &str| {
        let text = line.text(name);
        let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then_some(text)
    };
    word("charset").zip(word("collation"))
}

/// The members of an ENUM, if they are of plain letters and no two of them can be equal in any collation; else none.
fn members(full_type: &str) -> Vec<&str> {
    let list = full_type.strip_prefix("enum('").and_then(|rest| rest.strip_suffix("')")).unwrap_or_default();
    let members: Vec<&str> = list.split("','").collect();
    let plain = |member: &&str| !member.is_empty() && member.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut lower: Vec<String> = members.iter().map(|member| member.to_ascii_lowercase()).collect();
    lower.sort_unstable();
    let distinct = lower.windows(2).all(|two| two[0] != two[1]);
    if distinct && members.iter().all(plain) { members } else { Vec::new() }
}

fn constant_of_text(bytes: &[u8], charset: &str, collation: &str) -> String {
    format!("_{charset} X'{}' COLLATE {collation}", hex(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Key {
    /// The key's columns, for an ORDER BY.
    pub fn order(&self) -> String {
        self.columns.iter().map(|column| identifier(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The condition for the rows behind a cut, spelled out column by column: servers find no index for
    /// `(a, b) > (1, 2)`.
    pub fn behind(&self, after: Option<&Cut>) -> String {
        let Some(cut) = after else { return "TRUE".to_owned() };
        let mut ways = Vec::with_capacity(self.columns.len());
        for (at, (column, value)) in self.columns.iter().zip(cut).enumerate() {
            let Some(greater) = column.greater(value) else { continue };
            let equal = self.columns.iter().zip(cut).take(at).map(|(column, value)| column.equal(value));
            let way: Vec<String> = equal.chain([greater]).collect();
            ways.push(format!("({})", way.join(" AND ")));
        }
        if ways.is_empty() { "FALSE".to_owned() } else { ways.join(" OR ") }
    }

    /// Finds the cut at the last of `rows` rows behind another one; `None` when there are not so many.
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
            Form::Member(_) => format!("CAST({} AS UNSIGNED) AS k{at}", identifier(&column.name)),
            _ => format!("{} AS k{at}", identifier(&column.name)),
        };
        let columns: Vec<String> = self.columns.iter().enumerate().map(column).collect();
        let place = format!("{}.{}", identifier(schema), identifier(&table.name));
        let gaps = [
            ("columns", &*columns.join(", ")),
            ("table", &*place),
            ("range", &*self.behind(after)),
            ("key", &*self.order()),
            ("last", &*rows.saturating_sub(1).to_string()),
        ];
        let lines = source.lines(fill(RANGE_END, &gaps)).await?;
        let Some(line) = lines.first() else { return Ok(None) };
        let constants = self.columns.iter().enumerate();
        Ok(constants.map(|(at, column)| column.constant(line.bytes(&format!("k{at}"))?)).collect())
    }
}

impl KeyColumn {
    /// The member that a value stands for, with those behind it.
    fn member(&self, value: &str) -> Option<(&String, &[String])> {
        let Form::Member(members) = &self.form else { return None };
        members.get(value.parse::<usize>().ok()?.checked_sub(1)?..)?.split_first()
    }

    fn equal(&self, value: &str) -> String {
        let name = identifier(&self.name);
        self.member(value).map_or_else(|| format!("{name} = {value}"), |(own, _)| format!("{name} = {own}"))
    }

    /// `None` where no value is greater.
    fn greater(&self, value: &str) -> Option<String> {
        let name = identifier(&self.name);
        match self.member(value) {
            None => Some(format!("{name} > {value}")),
            Some((_, [])) => None,
            Some((_, behind)) => Some(format!("{name} IN ({})", behind.join(", "))),
        }
    }

    fn constant(&self, bytes: &[u8]) -> Option<String> {
        match &self.form {
            Form::Number | Form::Member(_) => {
                let text = std::str::from_utf8(bytes).ok()?;
                let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
                (!text.is_empty() && text.chars().all(digits)).then(|| text.to_owned())
            }
            Form::Bytes => Some(format!("X'{}'", hex(bytes))),
            Form::Text(charset, collation) => Some(constant_of_text(bytes, charset, collation)),
            Form::Time => Some(literal(std::str::from_utf8(bytes).ok()?)),
            Form::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_cut_is_spelled_out() {
        let column = |name: &str| KeyColumn { name: name.to_owned(), form: Form::Number };
        let key = Key { columns: vec![column("a"), column("b")], cuts: true };
        assert_eq!(key.behind(None), "TRUE");
        assert_eq!(key.behind(Some(&vec!["1".to_owned(), "2".to_owned()])), "(`a` > 1) OR (`a` = 1 AND `b` > 2)");
    }

    #[test]
    fn members_are_compared_by_their_texts_where_these_are_as_good_as_numbers() {
        let form = |full_type| Form::Member(members(full_type).into_iter().map(str::to_owned).collect());
        let key = |full_type| {
            let columns = vec![
                KeyColumn { name: "a".to_owned(), form: form(full_type) },
                KeyColumn { name: "b".to_owned(), form: Form::Number },
            ];
            Key { columns, cuts: true }
        };
        let behind = |full_type, a: &str| key(full_type).behind(Some(&vec![a.to_owned(), "7".to_owned()]));
        assert_eq!(behind("enum('x','y','z')", "1"), "(`a` IN (y, z)) OR (`a` = x AND `b` > 7)");
        assert_eq!(behind("enum('x','y','z')", "3"), "(`a` = z AND `b` > 7)");
        // the value that is none of the members, and members that are not certain to differ
        assert_eq!(behind("enum('x','y','z')", "0"), "(`a` > 0) OR (`a` = 0 AND `b` > 7)");
        for odd in
            ["enum('x','X')", "enum('x','x')", "enum('x','1')", "enum('x','')", "enum('x','a'',''b')", "enum('é')"]
        {
            assert_eq!(behind(odd, "1"), "(`a` > 1) OR (`a` = 1 AND `b` > 7)", "{odd}");
        }
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
