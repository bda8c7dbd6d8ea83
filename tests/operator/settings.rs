//! SIGHUP and every key of the sample: each is either taken over at once, or named as waiting for a restart.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keyward::config::{self, Settings};
use keyward::daemon::reload::merge;
use keyward::lab::tls::Authority;

/// A folder with the files that the settings name, and the sample's keys with values that can be read.
struct Room {
    folder: tempfile::TempDir,
    /// Headers and keys of the sample in their order, the keys under their full names.
    lines: Vec<Line>,
}

enum Line {
    Header(String),
    Key(String, String),
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "other"] {
            let pair = Authority::make(&folder.path().join(name), name).unwrap().server("here").unwrap();
            for (file, kind) in [(pair.ca, "ca"), (pair.cert, "cert"), (pair.key, "key")] {
                fs::copy(file, folder.path().join(format!("{name}.{kind}"))).unwrap();
            }
            fs::write(folder.path().join(format!("{name}.password")), format!("secret of {name}\n")).unwrap();
        }
        // a certificate and its key belong together, and one key of the settings changes at a time
        for kind in ["cert", "key"] {
            fs::copy(folder.path().join(format!("one.{kind}")), folder.path().join(format!("copy.{kind}"))).unwrap();
        }
        Self { folder, lines: sample() }
    }

    fn file(&self, name: &str) -> String {
        format!("\"{}\"", self.folder.path().join(name).display())
    }

    /// What is written for a key at first.
    fn value(&self, key: &str, sample: &str) -> Option<String> {
        let end = key.rsplit('.').next().unwrap();
        match (key, end) {
            // in place or in a file, never both
            (_, "password" | "secret" | "application_credential_secret") => None,
            // in place of a user and a password
            (_, "application_credential" | "application_credential_secret_file") => None,
            (_, "password_file" | "secret_file") => Some(self.file("one.password")),
            ("regions.replicas.tls", _) => Some("{ mode = \"required\" }".into()),
            ("replication.tls.ca_file" | "replication.tls.cert_file" | "replication.tls.key_file", _) => {
                Some(sample.into())
            }
            (_, "tls_cert_file" | "cert_file") => Some(self.file("one.cert")),
            (_, "tls_key_file" | "key_file") => Some(self.file("one.key")),
            (_, "client_ca_file" | "ca_file") => Some(self.file("one.ca")),
            // a CA is of no use without TLS, and a trigger asks for more patience than the sample's
            (_, "identity_url") => Some(sample.replace("http:", "https:")),
            (_, "unreachable_after") => Some("\"20s\"".into()),
            _ => Some(sample.to_owned()),
        }
    }

    /// Another value for a key; none for one that this release reads in one way only.
    fn other(&self, key: &str) -> Option<String> {
        let text = |value: &str| Some(value.to_owned());
        match key {
            "http.tls_cert_file" | "tls.cert_file" => Some(self.file("copy.cert")),
            "http.tls_key_file" | "tls.key_file" => Some(self.file("copy.key")),
            "http.client_ca_file" | "tls.ca_file" | "regions.failover.hooks.2.ca_file" => Some(self.file("other.ca")),
            "account.password_file"
            | "replication.password_file"
            | "identity.password_file"
            | "identity.local.password_file"
            | "regions.failover.hooks.2.secret_file" => Some(self.file("other.password")),
            "identity.ca_file" => Some(self.file("other.ca")),
            "identity.interval" | "identity.timeout" => text("\"700ms\""),
            "master.identity_url" | "regions.identity_url" => text("\"https://other.example/v3\""),
            "regions.failover.trigger" => text("\"both\""),
            "regions.failover.require_local_identity" => text("\"first-login\""),
            "account.password"
            | "replication.password"
            | "identity.password"
            | "identity.local.password"
            | "regions.failover.hooks.2.secret" => text("\"another secret\""),
            "identity.user" | "identity.user_domain" | "identity.project" | "identity.project_domain" => {
                text("\"other\"")
            }
            "identity.local.user"
            | "identity.local.user_domain"
            | "identity.local.project"
            | "identity.local.project_domain" => text("\"other\""),
            "state_dir"
            | "control.socket"
            | "replication.tls.ca_file"
            | "replication.tls.cert_file"
            | "replication.tls.key_file" => text("\"/elsewhere\""),
            "poll_interval" | "probe_timeout" | "replication.beat_interval" => text("\"700ms\""),
            "connect_timeout" | "regions.failover.failback_max_lag" => text("\"7s\""),
            "http.listen" => text("\"127.0.0.1:9999\""),
            "http.basic_auth_users" => text("{}"),
            "log.format" => text("\"json\""),
            "log.level" => text("\"debug\""),
            "account.user" | "replication.user" | "master.region" | "regions.name" | "regions.replicas.name" => {
                text("\"other\"")
            }
            "regions.failover.hooks.name" | "regions.failover.hooks.2.name" | "regions.failover.hooks.3.name" => {
                text("\"other\"")
            }
            "regions.failover.hooks.3.socket" => text("\"/run/other.sock\""),
            "regions.failover.hooks.3.remote" | "regions.failover.hooks.3.local" => text("[\"identity/other\"]"),
            "regions.failover.hooks.2.url" => text("\"https://other.example\""),
            "tls.mode" | "replication.tls.mode" => text("\"required\""),
            "replication.databases" => text("[\"keystone\", \"barbican\"]"),
            "replication.auto_setup" => text("false"),
            "replication.auto_reseed" => text("true"),
            "master.addresses" => text("[\"10.0.0.99:3306\"]"),
            "regions.replicas.address" => text("\"10.0.0.98:3306\""),
            "regions.replicas.tls" => text("{ mode = \"disabled\" }"),
            "regions.replicas.replication_tls" => text("{ ca_file = \"/elsewhere\" }"),
            "regions.failover.mode" | "regions.failover.failback" => text("\"manual\""),
            "regions.failover.unreachable_after" | "regions.failover.failback_after" => text("\"77s\""),
            "regions.failover.max_data_age" => text("\"7h\""),
            "regions.failover.hooks.command" => text("[\"/bin/false\"]"),
            "regions.failover.hooks.timeout"
            | "regions.failover.hooks.2.timeout"
            | "regions.failover.hooks.3.timeout" => text("\"7s\""),
            "regions.failover.hooks.optional" | "regions.failover.hooks.3.optional" => text("true"),
            "regions.failover.hooks.2.optional" => text("false"),
            "doctor.every" => text("\"2h\""),
            "doctor.keystone_conf" => text("[\"/etc/keystone/keystone.conf\"]"),
            "doctor.fingerprints" => text("\"/etc/keyward/prints\""),
            "doctor.memcached" => text("[\"127.0.0.1:11211\"]"),
            "replication.verify_every" => text("\"12h\""),
            "regions.failover.hooks.kind" | "regions.failover.hooks.2.kind" | "regions.failover.hooks.3.kind" => None,
            other if other.contains(".application_credential") => None,
            other => panic!("the sample has a new key {other}: give it another value here"),
        }
    }

    /// The settings with one key changed.
    fn read(&self, changed: Option<(&str, &str)>) -> Settings {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Header(header) => text.push_str(&format!("{header}\n")),
                Line::Key(key, sample) => {
                    let words = ["password", "secret", "application_credential"];
                    let secret = words.iter().any(|word| key.contains(&format!(".{word}")));
                    let wanted = match changed {
                        Some((other, value)) if other == key => Some(value.to_owned()),
                        Some((other, _)) if format!("{other}_file") == *key && secret => None,
                        _ => self.value(key, sample),
                    };
                    assert!(wanted.is_some() || secret, "{key} is left out");
                    if let Some(value) = wanted {
                        text.push_str(&format!("{} = {value}\n", key.rsplit('.').next().unwrap()));
                    }
                }
            }
        }
        let file = self.folder.path().join("keyward.toml");
        fs::write(&file, &text).unwrap();
        config::load(Some(&file)).unwrap_or_else(|problems| panic!("{changed:?}: {problems}\n{text}"))
    }
}

/// Headers and keys of the sample, commented out or not; what stands in the second table of a list has a 2 in its name.
fn sample() -> Vec<Line> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/keyward.toml")).unwrap();
    let (mut lines, mut table) = (Vec::new(), String::new());
    let mut tables: BTreeMap<String, u32> = BTreeMap::new();
    for line in text.lines() {
        if let header = line.trim_start_matches('#')
            && header.starts_with('[')
        {
            let times = tables.entry(header.to_owned()).or_default();
            *times += 1;
            let number = if *times == 1 { String::new() } else { format!("{times}.") };
            table = format!("{}.{number}", header.trim_matches(['[', ']']));
            lines.push(Line::Header(header.to_owned()));
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ")
            && !key.contains(' ')
        {
            lines.push(Line::Key(format!("{table}{key}"), value.to_owned()));
        }
    }
    lines
}

/// The lists behind two words of the sentence, as `changed: [..]`, `waiting: [..]`.
fn told(sentence: &str) -> BTreeMap<&'static str, Vec<String>> {
    let (changed, waiting) = sentence.split_once("; these wait for a restart: ").unwrap_or((sentence, ""));
    let list =
        |text: &str| -> Vec<String> { text.split(", ").filter(|key| !key.is_empty()).map(str::to_owned).collect() };
    let inside = changed.split_once('(').map_or("", |(_, rest)| rest.split(')').next().unwrap());
    BTreeMap::from([("changed", list(inside)), ("waiting", list(waiting))])
}

#[test]
fn every_key_is_taken_over_at_once_or_named_as_waiting() {
    let room = Room::new();
    let old = room.read(None);
    let same = merge(&old, &room.read(None));
    assert_eq!(
        (same.sentence.as_str(), same.changed.len()),
        ("settings were read again: nothing that can change now changed", 0)
    );
    let mut seen = (0, 0);
    for line in &room.lines {
        let Line::Key(key, _) = line else { continue };
        let Some(other) = room.other(key) else { continue };
        let new = room.read(Some((key, &other)));
        let merged = merge(&old, &new);
        let told = told(&merged.sentence);
        let failover = |settings: &Settings| settings.regions[0].failover.clone();
        if let Some(name) = key.strip_prefix("regions.failover.") {
            let name = name.split('.').next().unwrap();
            assert_eq!((&told["changed"][..], &told["waiting"][..]), (&[name.to_owned()][..], &[][..]), "{key}");
            assert_eq!(failover(&merged.settings), failover(&new), "{key} is told and not taken over");
            assert_ne!(failover(&merged.settings), failover(&old), "{key} was not changed");
            assert_eq!(merged.changed, [old.regions[0].name.clone()]);
            seen.0 += 1;
        } else {
            // `account.password` stands for its file too, `regions.replicas of RegionTwo` for every key of theirs
            let names_it = |named: &String| key.starts_with(named.split(" of ").next().unwrap());
            assert!(told["waiting"].iter().any(names_it), "{key}: {}", merged.sentence);
            // a replica takes keys of [tls] over, and one mode has no use for a key that another has
            assert!(key.contains("tls") || told["waiting"].iter().all(names_it), "{key}: {}", merged.sentence);
            assert_eq!(format!("{:?}", merged.settings), format!("{old:?}"), "{key} waits and was taken over");
            assert!(told["changed"].is_empty() && merged.changed.is_empty(), "{key}: {}", merged.sentence);
            seen.1 += 1;
        }
    }
    assert!(seen.0 >= 10 && seen.1 >= 30, "{seen:?} keys were looked at");
}
