//! The sample that ships with the program tells the truth: every key is in it, with its real default.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{read, sources};
use crate::config::load::merged;
use crate::config::notes::Notes;
use crate::config::table::Table;

const SAMPLE: &str = include_str!("../../../examples/keyward.toml");

/// The keys of the sample under their patterns, commented out or not, with what is written for them.
fn keys_of_the_sample() -> BTreeMap<String, String> {
    let mut at = String::new();
    let mut keys = BTreeMap::new();
    for line in SAMPLE.lines() {
        if let Some(header) = line.strip_prefix('[') {
            let list = header.starts_with('[');
            let path =
                header.trim_matches(['[', ']']).replacen("regions.", "regions[].", 1).replace(".hooks", ".hooks[]");
            at = if list && !path.ends_with("[]") { format!("{path}[].") } else { format!("{path}.") };
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ")
            && !key.contains(' ')
        {
            let earlier = keys.insert(format!("{at}{key}"), value.to_owned());
            assert_eq!(earlier, None, "{at}{key} stands in the sample twice");
        }
    }
    keys
}

#[test]
fn the_sample_shows_every_key_and_its_real_default() {
    let notes = Notes::default();
    let everything = sources(SAMPLE);
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
    let uncommented: String = SAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            // an inline password beside its file is the one thing that cannot stand together
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.starts_with("password =") => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let full = read(&uncommented).unwrap();
    assert_eq!(plain.regions[0].failover.unreachable_after, full.regions[0].failover.unreachable_after);
    assert_eq!(full.http.basic_auth_users.len(), 1);
    assert_eq!(full.regions[0].replicas[0].tls.ca_file.as_deref(), Some(Path::new("/etc/keyward/r2-ca.pem")));
}
