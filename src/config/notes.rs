//! What reading the settings has found so far: problems, unknown keys, and every key that was asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::problem::{Problem, Problems};

/// Collects while tables are read; shared by all of them.
#[derive(Debug, Default)]
pub struct Notes {
    problems: RefCell<Vec<Problem>>,
    unknown: RefCell<Vec<Unknown>>,
    known: RefCell<BTreeMap<String, Option<String>>>,
}

/// A key that nobody asked for.
#[derive(Debug)]
struct Unknown {
    key: String,
    name: String,
    siblings: Vec<&'static str>,
    from_environment: bool,
}

impl Notes {
    /// Something is wrong with `key`.
    pub fn problem(&self, key: impl Into<String>, sentence: impl Into<String>) {
        let problem = Problem { key: key.into(), sentence: sentence.into() };
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Whether nothing is wrong with `key` so far.
    pub fn sound(&self, key: &str) -> bool {
        self.problems.borrow().iter().all(|problem| problem.key != key)
    }

    /// A key exists, with its default as TOML where it has one; list indices are left out of `pattern`.
    pub(super) fn know(&self, pattern: String, default: Option<String>) {
        self.known.borrow_mut().insert(pattern, default);
    }

    /// A key was given that does not exist among its `siblings`.
    pub(super) fn unknown(&self, key: String, name: &str, siblings: Vec<&'static str>, from_environment: bool) {
        self.unknown.borrow_mut().push(Unknown { key, name: name.to_owned(), siblings, from_environment });
    }

    /// Every key that exists and its default as TOML; kept for hints and for the test of the sample.
    #[cfg(test)]
    pub(super) fn known(&self) -> BTreeMap<String, Option<String>> {
        self.known.borrow().clone()
    }

    /// Everything that is wrong; unknown keys come last, because their hints need all that is known.
    pub fn into_problems(self) -> Problems {
        let known = self.known.into_inner();
        let mut problems = self.problems.into_inner();
        for unknown in self.unknown.into_inner() {
            let origin = if unknown.from_environment { " (set in the environment)" } else { "" };
            let hint = hint(&unknown, &known);
            problems.push(Problem { key: unknown.key, sentence: format!("unknown key{origin}{hint}") });
        }
        Problems(problems)
    }
}

fn hint(unknown: &Unknown, known: &BTreeMap<String, Option<String>>) -> String {
    let near = unknown.siblings.iter().map(|name| (distance(&unknown.name, name), *name)).min();
    if let Some((steps, name)) = near
        && steps <= (unknown.name.chars().count() / 3).max(1)
    {
        return format!("; did you mean `{name}`?");
    }
    let mut elsewhere = known.keys().filter(|pattern| pattern.rsplit('.').next() == Some(&unknown.name));
    match (elsewhere.next(), elsewhere.next()) {
        (Some(only), None) => format!("; its place is `{only}`"),
        _ => format!("; known here: {}", unknown.siblings.join(", ")),
    }
}

/// How many letters must be changed, added or removed to turn one word into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (one, other, steps) in [("listen", "listen", 0), ("lisen", "listen", 1), ("tsl", "tls", 2), ("", "abc", 3)]
        {
            assert_eq!(distance(one, other), steps, "{one} {other}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_its_neighbour_or_its_place() {
        let notes = Notes::default();
        notes.know("regions[].failover.unreachable_after".into(), None);
        notes.unknown("http.lisen".into(), "lisen", vec!["listen", "tls_cert_file"], false);
        notes.unknown("unreachable_after".into(), "unreachable_after", vec!["http", "state_dir"], true);
        notes.unknown("colour".into(), "colour", vec!["http", "state_dir"], false);
        let said = notes.into_problems().to_string();
        assert_eq!(
            said,
            "http.lisen: unknown key; did you mean `listen`?\n\
             unreachable_after: unknown key (set in the environment); its place is `regions[].failover.unreachable_after`\n\
             colour: unknown key; known here: http, state_dir"
        );
    }
}
