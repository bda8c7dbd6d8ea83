//! Reads one table of the settings key by key: types, defaults, unknown keys. What values mean stands in `read`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ::config::{Value, ValueKind};

use super::duration;
use super::notes::Notes;
use crate::model::Address;

/// Where `load` says that values of the environment come from.
pub(super) const ENVIRONMENT: &str = "the environment";

/// One table; every key that is asked for is taken out, what stays is unknown.
#[derive(Debug)]
pub struct Table<'a> {
    key: String,
    values: BTreeMap<String, Value>,
    asked: BTreeSet<&'static str>,
    /// Whether keys and defaults are worth remembering; not where a table repeats another one's keys.
    recorded: bool,
    notes: &'a Notes,
}

impl<'a> Table<'a> {
    /// The table of all settings.
    pub fn root(value: Value, notes: &'a Notes) -> Self {
        Self::open(String::new(), value, notes)
    }

    fn open(key: String, value: Value, notes: &'a Notes) -> Self {
        let values = match value.kind {
            ValueKind::Table(values) => values.into_iter().collect(),
            _ => {
                notes.problem(&key, "must be a table");
                BTreeMap::new()
            }
        };
        Self { key, values, asked: BTreeSet::new(), recorded: true, notes }
    }

    /// The full key of `name` in this table.
    pub fn key(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }

    /// Something is wrong with `name` in this table.
    pub fn problem(&self, name: &str, sentence: impl Into<String>) {
        self.notes.problem(self.key(name), sentence);
    }

    /// Whether nothing is wrong so far with `name` in this table.
    pub fn sound(&self, name: &str) -> bool {
        self.notes.sound(&self.key(name))
    }

    /// Whether the table has `name`.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn take(&mut self, name: &'static str, default: Option<String>) -> Option<Value> {
        self.asked.insert(name);
        if self.recorded {
            self.notes.know(pattern(&self.key(name)), default);
        }
        self.values.remove(name)
    }

    /// Drops keys about which something has been said already.
    pub fn forget(&mut self, names: &[&'static str]) {
        for name in names {
            self.values.remove(*name);
        }
    }

    /// Text, or nothing.
    pub fn text_if_any(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name, None)?;
        self.as_text(name, value)
    }

    /// Text, or the default.
    pub fn text(&mut self, name: &'static str, default: &str) -> String {
        let value = self.take(name, Some(quoted(default)));
        value.and_then(|value| self.as_text(name, value)).unwrap_or_else(|| default.to_owned())
    }

    /// Text that must be there; empty when it is not, which is noted.
    pub fn text_needed(&mut self, name: &'static str) -> String {
        let Some(value) = self.take(name, None) else {
            self.problem(name, "is missing");
            return String::new();
        };
        self.as_text(name, value).unwrap_or_default()
    }

    fn as_text(&self, name: &str, value: Value) -> Option<String> {
        match value.kind {
            ValueKind::String(text) => Some(text),
            other => {
                self.problem(name, format!("must be text in quotes, not {}", kind(&other)));
                None
            }
        }
    }

    /// A path, or nothing.
    pub fn path_if_any(&mut self, name: &'static str) -> Option<PathBuf> {
        let text = self.text_if_any(name)?;
        if text.is_empty() {
            self.problem(name, "must not be empty; remove it or name a file");
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// A path that means the same to the daemon and to every command, so it starts with a slash.
    pub fn absolute_path(&mut self, name: &'static str, default: &str) -> PathBuf {
        let path = PathBuf::from(self.text(name, default));
        if !path.is_absolute() {
            self.problem(name, format!("{} must be a path that starts with a slash", quoted(&path.to_string_lossy())));
        }
        path
    }

    /// A duration, or the default.
    pub fn duration(&mut self, name: &'static str, default: &str) -> Duration {
        let text = self.text(name, default);
        match duration::parse(&text) {
            Ok(duration) => duration,
            Err(sentence) => {
                self.problem(name, sentence);
                Duration::ZERO
            }
        }
    }

    /// A duration, or the default; nothing for "off".
    pub fn span(&mut self, name: &'static str, default: &str) -> Option<Duration> {
        let text = self.text(name, default);
        match duration::parse(&text) {
            _ if text == "off" => None,
            Ok(span) => Some(span),
            Err(sentence) => {
                self.problem(name, format!("must be \"off\" or a duration: {sentence}"));
                None
            }
        }
    }

    /// Yes or no, or the default.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let Some(value) = self.take(name, Some(default.to_string())) else { return default };
        let from_environment = is_from_environment(&value);
        match value.kind {
            ValueKind::Boolean(flag) => flag,
            ValueKind::String(text) if from_environment && text == "true" => true,
            ValueKind::String(text) if from_environment && text == "false" => false,
            _ => {
                self.problem(name, "must be true or false, without quotes");
                default
            }
        }
    }

    /// One word of a closed list, or the default; nothing for an unknown word, which is noted.
    pub fn choice<T: Copy>(&mut self, name: &'static str, default: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, default);
        let meaning = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if meaning.is_none() {
            self.problem(name, format!("{} is not known; use {}", quoted(&text), or_list(words)));
        }
        meaning
    }

    /// An address, or the default.
    pub fn address(&mut self, name: &'static str, default: &str) -> Address {
        let text = self.text(name, default);
        self.as_address(name, &text)
    }

    /// An address that must be there.
    pub fn address_needed(&mut self, name: &'static str) -> Address {
        let text = self.text_needed(name);
        if self.sound(name) { self.as_address(name, &text) } else { nowhere() }
    }

    /// Reads `text`, given for `name`, as an address.
    pub fn as_address(&self, name: &str, text: &str) -> Address {
        Address::from_str(text).unwrap_or_else(|sentence| {
            self.problem(name, sentence);
            nowhere()
        })
    }

    /// A list of texts, or the default; the environment gives it with commas.
    pub fn texts(&mut self, name: &'static str, default: Option<&[&str]>) -> Vec<String> {
        let literal =
            default.map(|words| format!("[{}]", words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(", ")));
        let Some(value) = self.take(name, literal) else {
            if default.is_none() {
                self.problem(name, "is missing");
            }
            return default.unwrap_or_default().iter().map(|word| (*word).to_owned()).collect();
        };
        let from_environment = is_from_environment(&value);
        match value.kind {
            ValueKind::Array(values) => values
                .into_iter()
                .enumerate()
                .filter_map(|(index, value)| self.as_text(&format!("{name}[{index}]"), value))
                .collect(),
            ValueKind::String(text) if from_environment => {
                text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
            }
            other => {
                self.problem(name, format!("must be a list of texts like [\"one\", \"two\"], not {}", kind(&other)));
                Vec::new()
            }
        }
    }

    /// Names and texts that the operator chooses both of.
    pub fn pairs(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let Some(value) = self.take(name, None) else { return BTreeMap::new() };
        let table = Table::open(self.key(name), value, self.notes);
        let mut pairs = BTreeMap::new();
        for (word, value) in table.values.clone() {
            if let Some(text) = table.as_text(&word, value) {
                pairs.insert(word, text);
            }
        }
        pairs
    }

    /// A table within this one; empty when it is not there.
    pub fn table(&mut self, name: &'static str) -> Table<'a> {
        self.asked.insert(name);
        let value = self.values.remove(name);
        Table::open(self.key(name), value.unwrap_or_else(no_keys), self.notes)
    }

    /// A table within this one that repeats the keys of another table, and so stands for one key.
    pub fn override_table(&mut self, name: &'static str) -> Table<'a> {
        self.notes.know(pattern(&self.key(name)), None);
        Table { recorded: false, ..self.table(name) }
    }

    /// The tables of a list, in its order.
    pub fn tables(&mut self, name: &'static str) -> Vec<Table<'a>> {
        self.asked.insert(name);
        let Some(value) = self.values.remove(name) else { return Vec::new() };
        match value.kind {
            ValueKind::Array(values) => values
                .into_iter()
                .enumerate()
                .map(|(index, value)| Table::open(format!("{}[{index}]", self.key(name)), value, self.notes))
                .collect(),
            other => {
                let full = pattern(&self.key(name)).replace("[]", "");
                self.problem(name, format!("must be a list of tables, written [[{full}]], not {}", kind(&other)));
                Vec::new()
            }
        }
    }

    /// Nothing more will be asked: whatever is left is unknown.
    pub fn close(self) {
        for (name, value) in &self.values {
            let siblings = self.asked.iter().copied().collect();
            self.notes.unknown(self.key(name), name, siblings, is_from_environment(value));
        }
    }
}

/// Text as TOML.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// The address that stands in for one that could not be read.
fn nowhere() -> Address {
    Address { host: String::new(), port: 0 }
}

fn no_keys() -> Value {
    Value::new(None, ValueKind::Table(Default::default()))
}

fn is_from_environment(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Table(values) => !values.is_empty() && values.values().all(is_from_environment),
        _ => value.origin() == Some(ENVIRONMENT),
    }
}

fn or_list<T>(words: &[(&str, T)]) -> String {
    let now: Vec<String> = words.iter().map(|(word, _)| quoted(word)).collect();
    match now.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn kind(value: &ValueKind) -> &'static str {
    match value {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) | ValueKind::Float(_) => {
            "a number"
        }
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}

/// A full key with its list indices left out: `regions[].name`.
fn pattern(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len());
    let mut inside = false;
    for c in key.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        pattern.push(c);
    }
    pattern
}
