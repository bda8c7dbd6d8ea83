//! The settings as a whole: what a file, the environment and the files it names make of them.

mod hooks;
mod identity;
mod refused;
mod sample;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::Problems;
use super::load::{Sources, from};
use super::schema::{Mode, Settings, TlsMode};
use super::secret::Files;

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
    let text =
        changed("10.0.0.2:3306\"", "10.0.0.2:3306\"\nreplication_tls = { mode = \"verify-ca\", ca_file = \"/x.pem\" }");
    let link = read(&text).unwrap().regions[0].replicas[0].replication_tls.clone();
    assert_eq!((link.mode, link.ca_file.as_deref()), (TlsMode::VerifyCa, Some(Path::new("/x.pem"))));
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
        let expected = format!("replication.password_file: {} must not be empty", path.display());
        assert_eq!(from(&sources).unwrap_err().to_string(), expected);
        std::fs::write(&path, "x").unwrap();
        assert_eq!(from(&sources).unwrap().account.password.expose_secret(), "from a file");
        std::fs::write(&path, "").unwrap();
    }
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["one", "two"] {
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -keyout";
        let (key_file, cert_file) = (path(&format!("{name}.key")), path(name));
        let words = key.split(' ').chain([key_file.as_str(), "-out", &cert_file]);
        assert!(std::process::Command::new("openssl").args(words).output().unwrap().status.success());
    }
    for (table, cert, key) in [("http", "tls_cert_file", "tls_key_file"), ("tls", "cert_file", "key_file")] {
        let with = |key_file: &str| {
            let ca = format!("[tls]\nca_file = {:?}\n", path("one"));
            let other = if table == "tls" { ca } else { format!("{ca}[{table}]\n") };
            let lines = format!("{cert} = {:?}\n{key} = {:?}", path("one"), path(key_file));
            let mut sources = sources(&format!("{other}{lines}\n{SHORT}"));
            sources.files.read = true;
            from(&sources)
        };
        assert_eq!(with("one.key").map(|_| ()).map_err(|problems| problems.to_string()), Ok(()), "{table}");
        let expected = format!("{table}.{key}: {} is not the private key of {}", path("two.key"), path("one"));
        assert_eq!(with("two.key").unwrap_err().to_string(), expected);
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
