//! The settings as a whole: what a file means, what is said about a bad one, and that the sample tells the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::load::{Sources, from, merged};
use super::notes::Notes;
use super::schema::{Mode, Settings, TlsMode};
use super::secret::Files;
use super::table::Table;
use super::{Problems, read};

const SAMPLE: &str = include_str!("../../examples/keyward.toml");

const SHORT: &str = r#"
[account]
password = "s3cret-own"
[replication]
password = "s3cret-link"
[master]
addresses = ["10.0.0.1:3306"]
[[regions]]
name = "RegionTwo"
[[regions.replicas]]
name = "r2-db1"
address = "10.0.0.2:3306"
[regions.failover]
[[regions.failover.hooks]]
name = "services"
command = ["/bin/true"]
"#;

fn sources(text: &str) -> Sources {
    let files = Files { read: false, credentials: None, beside: PathBuf::new() };
    Sources { path: PathBuf::from("keyward.toml"), text: text.to_owned(), environment: BTreeMap::new(), files }
}

fn read(text: &str) -> Result<Settings, Problems> {
    from(&sources(text))
}

/// `SHORT` with one piece of it replaced; the piece must be there.
fn changed(piece: &str, by: &str) -> String {
    assert!(SHORT.contains(piece), "{piece:?} is not in the short settings");
    SHORT.replacen(piece, by, 1)
}

fn said(text: &str) -> String {
    read(text).expect_err("these settings must be refused").to_string()
}

#[test]
fn the_shortest_settings_have_every_default() {
    let settings = read(SHORT).unwrap();
    assert_eq!(settings.state_dir, Path::new("/var/lib/keyward"));
    assert_eq!(settings.control_socket, Path::new("/run/keyward/control.sock"));
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:9188");
    assert_eq!(
        (settings.account.user.as_str(), settings.replication.account.user.as_str()),
        ("keyward", "keyward_repl")
    );
    assert_eq!(settings.account.password.expose_secret(), "s3cret-own");
    assert_eq!(settings.tls.ca_file.as_deref(), Some(Path::new("/etc/keyward/ca.pem")));
    assert_eq!(settings.master.region.0, "RegionOne");
    let region = &settings.regions[0];
    assert_eq!(region.replicas[0].replication_tls, settings.replication.tls);
    assert_eq!((region.failover.mode, region.failover.unreachable_after), (Mode::Auto, Duration::from_secs(10)));
    assert_eq!(region.failover.max_data_age, Duration::from_secs(86_400));
    assert_eq!(region.failover.hooks[0].timeout, Duration::from_secs(60));
    assert!(!region.failover.hooks[0].optional && settings.replication.auto_setup);
}

#[test]
fn a_replica_overrides_only_the_keys_that_it_names() {
    let text = changed(
        "10.0.0.2:3306\"",
        "10.0.0.2:3306\"\ntls = { mode = \"required\" }\nreplication_tls = { ca_file = \"/x.pem\" }",
    );
    let settings = read(&text).unwrap();
    let replica = &settings.regions[0].replicas[0];
    assert_eq!((replica.tls.mode, &replica.tls.ca_file), (TlsMode::Required, &None));
    assert_eq!(replica.replication_tls.mode, TlsMode::VerifyIdentity);
    assert_eq!(replica.replication_tls.ca_file.as_deref(), Some(Path::new("/x.pem")));
}

#[test]
fn the_environment_wins_over_the_file() {
    let mut sources = sources(&format!("[http]\nlisten = \"127.0.0.1:1\"\n{SHORT}"));
    sources.environment = BTreeMap::from([
        ("KEYWARD__HTTP__LISTEN".to_owned(), "0.0.0.0:9200".to_owned()),
        ("KEYWARD__REPLICATION__DATABASES".to_owned(), "keystone, other".to_owned()),
        ("KEYWARD__REPLICATION__AUTO_SETUP".to_owned(), "false".to_owned()),
        ("KEYWARD__POLL_INTERVAL".to_owned(), "500ms".to_owned()),
    ]);
    let settings = from(&sources).unwrap();
    assert_eq!(settings.http.listen.to_string(), "0.0.0.0:9200");
    assert_eq!(settings.replication.databases, ["keystone", "other"]);
    assert!(!settings.replication.auto_setup);
    assert_eq!(settings.poll_interval, Duration::from_millis(500));
}

#[test]
fn a_variable_that_is_no_setting_is_named() {
    let mut sources = sources(SHORT);
    sources.environment = BTreeMap::from([
        ("KEYWARD__HTTP__LISEN".to_owned(), "0.0.0.0:9200".to_owned()),
        ("KEYWARD__REGIONS__0__NAME".to_owned(), "RegionNine".to_owned()),
    ]);
    assert_eq!(
        from(&sources).unwrap_err().to_string(),
        "KEYWARD__REGIONS__0__NAME: cannot be set in the environment; write it into the settings file\n\
         http.lisen: unknown key (set in the environment); did you mean `listen`?"
    );
}

/// What is wrong in the short settings after one change, and the sentence about it.
const REFUSED: &[(&str, &str, &str)] = &[
    ("[account]", "pol_interval = \"1s\"\n[account]", "pol_interval: unknown key; did you mean `poll_interval`?"),
    ("[account]", "[acount]\n[account]", "acount: unknown key; did you mean `account`?"),
    ("[account]", "poll_interval = 1\n[account]", "poll_interval: must be text in quotes, not a number"),
    (
        "[account]",
        "poll_interval = \"1 parsec\"\n[account]",
        "poll_interval: \"1 parsec\" is not a duration: write it like 500ms, 5s, 2m or 1h 30m",
    ),
    ("[account]", "poll_interval = \"10ms\"\n[account]", "poll_interval: is 10ms, but must be from 50ms to 1m"),
    ("[account]", "state_dir = \"state\"\n[account]", "state_dir: \"state\" must be a path that starts with a slash"),
    ("[account]", "http = 1\n[account]", "http: must be a table"),
    (
        "[account]",
        "[http]\nlisten = \"9188\"\n[account]",
        "http.listen: \"9188\" is not HOST:PORT, for example 10.13.32.19:3306",
    ),
    (
        "[account]",
        "[http]\ntls_cert_file = \"/x\"\n[account]",
        "http.tls_key_file: is missing: tls_cert_file needs its private key",
    ),
    (
        "[account]",
        "[http]\nclient_ca_file = \"/x\"\n[account]",
        "http.client_ca_file: needs tls_cert_file and tls_key_file: only HTTPS asks for certificates",
    ),
    (
        "[account]",
        "[http]\nbasic_auth_users = { ops = \"hunter2\" }\n[account]",
        "http.basic_auth_users.ops: is not a bcrypt hash like $2y$10$...; make one with `htpasswd -nB NAME`",
    ),
    (
        "[account]",
        "[log]\nlevel = \"inof\"\n[account]",
        "log.level: \"inof\" is no level; use one of off, error, warn, info, debug, trace, or a filter like keyward=debug,info",
    ),
    (
        "[account]",
        "[log]\nformat = \"xml\"\n[account]",
        "log.format: \"xml\" is not known; use \"plain\", \"json\" or \"oslo\"",
    ),
    (
        "[account]",
        "[tls]\nmode = \"verify-ca\"\n[account]",
        "tls.mode: \"verify-ca\" is not in this release yet; use \"disabled\", \"required\" or \"verify-identity\"",
    ),
    ("[account]", "[tls]\ncert_file = \"/x\"\n[account]", "tls.key_file: is missing: cert_file needs its private key"),
    ("[account]", "[identity]\nuser = \"probe\"\n[account]", "identity: is not in this release yet; remove it"),
    (
        "[account]",
        "[account]\nuser = \"root\"",
        "account.user: \"root\" belongs to the server; name an account that only keyward uses",
    ),
    (
        "[account]",
        "[account]\npassword_file = \"x\"",
        "account.password: give either password or password_file, not both",
    ),
    ("\"s3cret-own\"", "7", "account.password: must be text in quotes, not a number"),
    ("\"s3cret-own\"", "\"\"", "account.password: must not be empty"),
    (
        "[replication]",
        "[replication]\nuser = \"keyward\"",
        "replication.user: \"keyward\" is account.user too; the link needs an account of its own, with fewer rights",
    ),
    ("[replication]", "[replication]\ndatabases = []", "replication.databases: must name at least one database"),
    (
        "[replication]",
        "[replication]\ndatabases = \"keystone\"",
        "replication.databases: must be a list of texts like [\"one\", \"two\"], not text",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"keystone\", \"keystone\"]",
        "replication.databases[1]: \"keystone\" is named twice",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"MySQL\"]",
        "replication.databases[0]: \"MySQL\" is the server's own and is never replicated; remove it",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"keyward\"]",
        "replication.databases[0]: \"keyward\" is always replicated; remove it",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"a,b\"]",
        "replication.databases[0]: \"a,b\" cannot be replicated: the name of a database has 1 to 64 letters, digits, `_`, `$` or `-`",
    ),
    (
        "[replication]",
        "[replication]\nauto_setup = \"yes\"",
        "replication.auto_setup: must be true or false, without quotes",
    ),
    (
        "[replication]",
        "[replication]\nverify_every = \"24h\"",
        "replication.verify_every: is not in this release yet; use \"off\"",
    ),
    (
        "[replication]",
        "[replication]\ntls = { ca_file = \"\" }",
        "replication.tls.ca_file: must name the CA's file on the replica's host, because mode is \"verify-identity\"",
    ),
    ("addresses = [\"10.0.0.1:3306\"]", "", "master.addresses: is missing"),
    (
        "addresses = [\"10.0.0.1:3306\"]",
        "adresses = []",
        "master.addresses: is missing\nmaster.adresses: unknown key; did you mean `addresses`?",
    ),
    ("[\"10.0.0.1:3306\"]", "[]", "master.addresses: must name the master's address, as HOST:PORT"),
    (
        "[\"10.0.0.1:3306\"]",
        "[\"10.0.0.1\"]",
        "master.addresses[0]: \"10.0.0.1\" is not HOST:PORT, for example 10.13.32.19:3306",
    ),
    (
        "[\"10.0.0.1:3306\"]",
        "[\"a:1\", \"b:2\"]",
        "master.addresses: several addresses are not in this release yet; name one",
    ),
    (
        "[master]",
        "[master]\nidentity_url = \"http://x/v3\"",
        "master.identity_url: is not in this release yet; remove it",
    ),
    ("name = \"RegionTwo\"", "", "regions[0].name: is missing"),
    ("\"RegionTwo\"", "\"\"", "regions[0].name: must not be empty"),
    ("\"RegionTwo\"", "\"Region/Two\"", "regions[0].name: \"Region/Two\" must not hold a slash"),
    (
        "\"RegionTwo\"",
        "\"Region\\nTwo\"",
        "regions[0].name: \"Region\\nTwo\" must hold no control characters and no spaces at its ends",
    ),
    (
        "\"RegionTwo\"",
        "\"RegionOne\"",
        "regions[0].name: \"RegionOne\" is the master's region; a region here holds replicas",
    ),
    (
        "[[regions]]",
        "[[regions]]\nname = \"RegionTwo\"\n[[regions.replicas]]\nname = \"a\"\naddress = \"a:1\"\n[[regions]]",
        "regions[1].name: \"RegionTwo\" is already `regions[0].name`",
    ),
    (
        "[[regions]]",
        "[[regions]]\nname = \"RegionNine\"\n[[regions]]",
        "regions[0].replicas: must hold at least one replica, written [[regions.replicas]]",
    ),
    (
        "[[regions]]",
        "[[regions]]\nidentity_url = \"http://x/v3\"",
        "regions[0].identity_url: is not in this release yet; remove it",
    ),
    (
        "10.0.0.2:3306",
        "10.0.0.1:3306",
        "regions[0].replicas[0].address: 10.0.0.1:3306 is the master's address; a replica is another server",
    ),
    (
        "10.0.0.2:3306",
        "[::ffff:10.0.0.1]:3306",
        "regions[0].replicas[0].address: [::ffff:10.0.0.1]:3306 is the master's address; a replica is another server",
    ),
    (
        "[[regions.replicas]]",
        "[[regions.replicas]]\nname = \"r2-db1\"\naddress = \"a:1\"\n[[regions.replicas]]",
        "regions[0].replicas[1].name: \"r2-db1\" is already `regions[0].replicas[0].name`",
    ),
    (
        "[[regions.replicas]]",
        "[[regions.replicas]]\nname = \"b\"\naddress = \"10.0.0.2:3306\"\n[[regions.replicas]]",
        "regions[0].replicas[1].address: \"10.0.0.2:3306\" is already `regions[0].replicas[0].address`",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nunreachable_after = \"100ms\"",
        "regions[0].failover.unreachable_after: is 100ms, but must be at least 500ms",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nunreachable_after = \"3s\"",
        "regions[0].failover.unreachable_after: is 3s, but must be at least 4s: 3 x probe_timeout (1s) + poll_interval (1s)",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nmax_data_age = \"10s\"",
        "regions[0].failover.max_data_age: is 10s, but must be more than unreachable_after (10s): no failover could pass it",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\ntrigger = \"either\"",
        "regions[0].failover.trigger: \"either\" is not in this release yet; use \"master\"",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nrequire_local_identity = \"validates\"",
        "regions[0].failover.require_local_identity: \"validates\" is not in this release yet; use \"off\"",
    ),
    (
        "[regions.failover]",
        "unreachable_after = \"20s\"\n[regions.failover]",
        "regions[0].replicas[0].unreachable_after: unknown key; its place is `regions[].failover.unreachable_after`",
    ),
    ("command = [\"/bin/true\"]", "", "regions[0].failover.hooks[0].command: is missing"),
    (
        "[\"/bin/true\"]",
        "[]",
        "regions[0].failover.hooks[0].command: must hold the program and its arguments, like [\"/etc/keyward/hooks/local-auth\"]",
    ),
    (
        "/bin/true",
        "true",
        "regions[0].failover.hooks[0].command: \"true\" must be the program's full path: a hook runs without a shell",
    ),
    (
        "[[regions.failover.hooks]]",
        "[[regions.failover.hooks]]\nname = \"services\"\ncommand = [\"/x\"]\n[[regions.failover.hooks]]",
        "regions[0].failover.hooks[1].name: \"services\" is already `regions[0].failover.hooks[0].name`",
    ),
    (
        "command = [\"/bin/true\"]",
        "kind = \"haproxy\"\nsocket = \"/run/x\"\nremote = [\"a/b\"]\nlocal = [\"a/c\"]",
        "regions[0].failover.hooks[0].kind: \"haproxy\" is not in this release yet; use \"exec\"",
    ),
    (
        "command = [\"/bin/true\"]",
        "kind = \"http\"\nurl = \"https://x\"\nsecret_file = \"s\"",
        "regions[0].failover.hooks[0].kind: \"http\" is not in this release yet; use \"exec\"",
    ),
    (
        "[[regions.failover.hooks]]",
        "[[regions.failover.hook]]",
        "regions[0].failover.hook: unknown key; did you mean `hooks`?",
    ),
];

#[test]
fn everything_that_cannot_work_is_refused_with_its_key_and_one_sentence() {
    for (piece, by, expected) in REFUSED {
        assert_eq!(said(&changed(piece, by)), *expected, "for {by:?} in place of {piece:?}");
    }
}

#[test]
fn contradictions_with_the_beats_are_found() {
    let text = changed("[replication]", "[replication]\nbeat_interval = \"5s\"");
    let sum = "2 x beat_interval (5s) + poll_interval (1s)";
    assert_eq!(said(&text), format!("regions[0].failover.unreachable_after: is 10s, but must be at least 11s: {sum}"));
}

#[test]
fn no_settings_at_all_still_name_everything_that_is_needed() {
    assert_eq!(said(""), "master.addresses: is missing\nregions: must hold at least one region, written [[regions]]");
}

#[test]
fn a_syntax_error_names_its_line_and_never_quotes_it() {
    let told = said("state_dir = \"/x\"\npassword = hunter2\n");
    assert!(told.starts_with("keyward.toml: ") && told.contains("line 2"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains('\n'), "{told}");
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let hash = "$2y$10$abcdefghijklmnopqrstuuSEuojcY/l2oYxkfiWUPpHhZUqcMr9Bm";
    let text = format!("[http]\nbasic_auth_users = {{ ops = \"{hash}\" }}\n{SHORT}");
    let shown = format!("{:?}", read(&text).unwrap());
    assert!(!shown.contains("s3cret") && !shown.contains(hash), "{shown}");
}

#[test]
fn passwords_come_from_files_without_their_line_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyward.password"), "from a file\r\n").unwrap();
    std::fs::write(folder.path().join("replication.password"), "").unwrap();
    let text = SHORT.replace("password = \"s3cret-own\"", "").replace("password = \"s3cret-link\"", "");
    let text = format!("[tls]\nmode = \"required\"\n{text}");
    for bare_names_are_in_credentials in [true, false] {
        let mut sources = sources(&text);
        sources.files.read = true;
        if bare_names_are_in_credentials {
            sources.files.credentials = Some(folder.path().to_path_buf());
        } else {
            sources.files.beside = folder.path().to_path_buf();
        }
        let path = folder.path().join("replication.password");
        let expected = format!("replication.password_file: {} is empty; write the password into it", path.display());
        assert_eq!(from(&sources).unwrap_err().to_string(), expected);
        std::fs::write(&path, "x").unwrap();
        assert_eq!(from(&sources).unwrap().account.password.expose_secret(), "from a file");
        std::fs::write(&path, "").unwrap();
    }
}

#[test]
fn certificates_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let mut sources = sources(&format!("[tls]\nca_file = \"{}\"\n{SHORT}", path.display()));
    sources.files.read = true;
    let missing = format!("tls.ca_file: cannot read {}: No such file or directory", path.display());
    assert_eq!(from(&sources).unwrap_err().to_string(), missing);
    std::fs::write(&path, "no certificate").unwrap();
    let wrong = format!("tls.ca_file: {} does not hold a certificate in PEM form", path.display());
    assert_eq!(from(&sources).unwrap_err().to_string(), wrong);
}

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
    read::settings(Table::root(merged(&everything, &notes).unwrap(), &notes), &everything.files);
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
