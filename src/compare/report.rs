//! What a comparison found, as plain values and as sentences.

use std::time::Duration;

/// The end of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tables that were compared.
    pub tables: usize,
    /// Rows that were compared, as the master counts them.
    pub rows: u64,
    /// What differs, by table; every difference was seen again at a later position.
    pub differences: Vec<Difference>,
    /// Tables that were altered again and again while they were compared: nothing is known of them.
    pub restless: Vec<String>,
    /// Why the replica did not follow its master: it was compared as it stood, and what the master changed since counts
    /// as different.
    pub standing: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// `schema.table`
    pub table: String,
    /// What.
    pub what: What,
}

/// Kinds of differences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Only the master has the table.
    MissingTable,
    /// Only the replica has the table.
    ExtraTable,
    /// The tables are made differently: what the master's definition has, and what the replica's.
    Definition {
        /// Empty when it lacks what the other has.
        master: String,
        /// Empty when it lacks what the other has.
        replica: String,
    },
    /// Only the master has a row with this key.
    MissingRow(String),
    /// Only the replica has a row with this key.
    ExtraRow(String),
    /// Both have a row with this key, and it differs.
    DifferentRow(String),
    /// The rows differ, and there is no key to name them by; rows on the master and on the replica.
    Rows(u64, u64),
    /// More rows differ than are named.
    More,
}

impl Difference {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let table = &self.table;
        match &self.what {
            What::MissingTable => format!("{table}: missing: the replica has no such table"),
            What::ExtraTable => format!("{table}: extra: the master has no such table"),
            What::Definition { master, replica } if replica.is_empty() => {
                format!("{table}: definition: the replica lacks {master}")
            }
            What::Definition { master, replica } if master.is_empty() => {
                format!("{table}: definition: only the replica has {replica}")
            }
            What::Definition { master, replica } => {
                format!("{table}: definition: {master} on the master, {replica} on the replica")
            }
            What::MissingRow(key) => format!("{table}: missing row: {key}"),
            What::ExtraRow(key) => format!("{table}: extra row: {key}"),
            What::DifferentRow(key) => format!("{table}: different row: {key}"),
            What::Rows(master, replica) => format!(
                "{table}: rows differ, {master} on the master and {replica} on the replica; without a key they have no names"
            ),
            What::More => format!("{table}: more rows differ; the rest of the table was not compared"),
        }
    }
}

impl Report {
    /// How many tables differ.
    pub fn differing_tables(&self) -> usize {
        let mut names: Vec<&str> = self.differences.iter().map(|difference| difference.table.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}
