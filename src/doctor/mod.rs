//! What would go wrong in an outage: facts in, findings out. Pure; `gather` asks servers and reads files.
//!
//! One row of the catalogue is one check: it says what it looks at, why that matters and how to mend it, and judges the
//! facts. A fact that could not be had makes a check say so; nothing is passed over in silence.

pub mod accounts;
pub mod caches;
pub mod catalog;
pub mod conf;
pub mod facts;
pub mod handbook;
pub mod ini;
pub mod keys;
pub mod logins;
pub mod proxies;
pub mod releases;
pub mod rights;
pub mod servers;

use std::collections::BTreeMap;

use serde::Serialize;

use facts::{Asked, Facts};

/// How urgent a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// In an outage logins fail, or the replica is at risk now.
    Critical,
    /// Some logins fail, or a protection is missing.
    Warning,
    /// Good to know; nothing fails by it.
    Info,
}

impl Severity {
    /// Every severity, the most urgent first.
    pub const ALL: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Info];

    /// Its word in JSON and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Check {
    /// Its name, for machines and for `docs/doctor.md`.
    pub id: &'static str,
    /// How urgent its findings are.
    pub severity: Severity,
    /// What it looks at.
    pub looks_at: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// How to mend what it finds.
    pub mend: &'static str,
    /// Judges the facts.
    judge: fn(&Facts, &mut Answer),
}

/// The catalogue, group by group: the group's heading and its checks.
pub const CATALOGUE: [(&str, &[Check]); 9] = [
    ("Logins in the outage", &accounts::CHECKS),
    ("The two database servers", &servers::CHECKS),
    ("Rights", &rights::CHECKS),
    ("Keystone's service catalogue", &catalog::CHECKS),
    ("The files of the region's Keystone", &conf::CHECKS),
    ("The services' logins", &logins::CHECKS),
    ("Keystone's keys", &keys::CHECKS),
    ("memcached", &caches::CHECKS),
    ("HAProxy", &proxies::CHECKS),
];

/// Every check of the catalogue.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    CATALOGUE.iter().flat_map(|(_, checks)| checks.iter())
}

/// What one check says of the facts.
#[derive(Debug, Default)]
struct Answer {
    findings: Vec<String>,
    unasked: Vec<String>,
}

impl Answer {
    /// Something is wrong: one sentence.
    fn find(&mut self, sentence: impl Into<String>) {
        self.findings.push(sentence.into());
    }

    /// The fact, if it is known; else why it is not is kept.
    fn need<'a, T>(&mut self, fact: &'a Asked<T>) -> Option<&'a T> {
        match fact {
            Ok(known) => Some(known),
            Err(why) => {
                self.miss(why);
                None
            }
        }
    }

    /// Something is not known, and why.
    fn miss(&mut self, why: &str) {
        if !self.unasked.iter().any(|known| known == why) {
            self.unasked.push(why.to_owned());
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub id: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// What is wrong, and where.
    pub sentence: String,
    /// Why that matters.
    pub why: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

/// Why checks could not look at everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unasked {
    /// The reason.
    pub why: String,
    /// The checks that it keeps from looking.
    pub checks: Vec<&'static str>,
}

/// What the whole catalogue says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What is wrong, the most urgent first.
    pub findings: Vec<Finding>,
    /// What could not be asked.
    pub unasked: Vec<Unasked>,
    /// How many checks there are.
    pub checks: usize,
}

impl Report {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether something is wrong that should be mended.
    pub fn is_degraded(&self) -> bool {
        self.count(Severity::Critical) + self.count(Severity::Warning) > 0
    }
}

/// Holds every check of the catalogue against the facts.
pub fn examine(facts: &Facts) -> Report {
    let mut report = Report::default();
    let mut unasked: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for check in checks() {
        let mut answer = Answer::default();
        (check.judge)(facts, &mut answer);
        report.checks += 1;
        report.findings.extend(answer.findings.into_iter().map(|sentence| Finding {
            id: check.id,
            severity: check.severity,
            sentence,
            why: check.why,
            mend: check.mend,
        }));
        for why in answer.unasked {
            unasked.entry(why).or_default().push(check.id);
        }
    }
    report.findings.sort_by_key(|finding| finding.severity);
    report.unasked = unasked.into_iter().map(|(why, checks)| Unasked { why, checks }).collect();
    report
}

/// Names in a sentence: a few of them, and how many more there are.
fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const NAMED: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    let more = names.len().saturating_sub(NAMED);
    let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

/// `1 user`, `2 users`.
fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_whole_and_no_name_comes_twice() {
        let ids: BTreeSet<&str> = checks().map(|check| check.id).collect();
        assert_eq!(ids.len(), checks().count(), "a name comes twice");
        for check in checks() {
            assert!(check.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", check.id);
            for text in [check.looks_at, check.why, check.mend] {
                let starts = |c: char| c.is_uppercase() || c == '`';
                assert!(text.ends_with('.') && text.starts_with(starts), "{}: {text}", check.id);
            }
        }
    }

    #[test]
    fn what_is_not_known_is_said_once_with_every_check_that_misses_it() {
        let report = examine(&Facts::unknown("the servers were not asked"));
        assert_eq!(report.findings, []);
        assert!(!report.is_degraded());
        let missed: BTreeSet<&str> = report.unasked.iter().flat_map(|unasked| unasked.checks.iter().copied()).collect();
        assert_eq!(missed.len(), report.checks, "each check says that it could not look");
        assert_eq!(report.unasked.len(), 1);
    }

    #[test]
    fn a_long_list_is_cut() {
        assert_eq!(some(["a", "b"]), "a, b");
        assert_eq!(some(["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
