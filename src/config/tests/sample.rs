//! The sample that ships with the program tells the truth: every key is in it, with its real default.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{read, sources};
use crate::config::Settings;
use crate::config::load::merged;
use crate::config::notes::Notes;
use crate::config::table::Table;

const SAMPLE: &str = include_str!("../../../examples/keyward.toml");

/// The keys of the sample under their patterns, commented out or not, with what is written for them.
fn keys_of_the_sample() -> BTreeMap<String, String> {
    let mut at = String::new();
    let mut keys = BTreeMap::new();
    let mut tables = BTreeSet::new();
    let mut first = true;
    for line in SAMPLE.lines() {
        if let Some(header) = line.strip_prefix("#[").or(line.strip_prefix('[')) {
            let list = header.starts_with('[');
            first = tables.insert(header);
            let path =
                header.trim_matches(['[', ']']).replacen("regions.", "regions[].", 1).replace(".hooks", ".hooks[]");
            at = if list && !path.ends_with("[]") { format!("{path}[].") } else { format!("{path}.") };
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ")
            && !key.contains(' ')
        {
            // another table of a list repeats keys of the first one; the default stands there
            let earlier = keys.entry(format!("{at}{key}"));
            assert!(!first || matches!(earlier, Entry::Vacant(_)), "{at}{key} stands in the sample twice");
            earlier.or_insert(value.to_owned());
        }
    }
    keys
}

/// The sample with every key and table that is commented out.
fn uncommented() -> String {
    let key_or_table = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    // what stands in place of a file, or of a user, is what cannot stand beside it
    let in_place = |rest: &str| {
        ["password =", "secret =", "application_credential"].iter().any(|instead| rest.starts_with(instead))
    };
    let bare = |line: &'static str| line.strip_prefix('#').filter(|rest| key_or_table(rest) && !in_place(rest));
    SAMPLE.lines().flat_map(|line| [bare(line).unwrap_or(line), "\n"]).collect()
}

#[test]
fn the_sample_shows_every_key_and_its_real_default() {
    let notes = Notes::default();
    let everything = sources(&uncommented());
    crate::config::read::settings(Table::root(merged(&everything, &notes).unwrap(), &notes), &everything.files);
    let known = notes.known();
    let shown = keys_of_the_sample();
    let names = |keys: BTreeSet<&String>| keys.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(names(shown.keys().collect()), names(known.keys().collect()));
    for (key, default) in known.iter().filter_map(|(key, default)| Some((key, default.as_ref()?))) {
        assert_eq!(shown.get(key), Some(default), "{key}");
    }
}

#[test]
fn the_sample_is_read_as_it_stands_and_with_everything_uncommented() {
    let plain = read(SAMPLE).unwrap();
    let full = read(&uncommented()).unwrap();
    assert_eq!(plain.regions[0].failover.unreachable_after, full.regions[0].failover.unreachable_after);
    assert_eq!(full.http.basic_auth_users.len(), 1);
    let kinds = |settings: &Settings| {
        settings.regions[0].failover.hooks.iter().map(|hook| hook.kind.code()).collect::<Vec<_>>()
    };
    assert_eq!((kinds(&plain), kinds(&full)), (vec!["exec"], vec!["exec", "http", "haproxy"]));
    assert_eq!(full.regions[0].replicas[0].tls.ca_file.as_deref(), Some(Path::new("/etc/keyward/r2-ca.pem")));
}
