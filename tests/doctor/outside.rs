//! What stands beside the servers: keys, memcached, HAProxy. The databases are down here, which is said and hides nothing.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyward::config::Settings;
use keyward::config::schema::Account;
use keyward::daemon::clock;
use keyward::doctor::{self, Report};
use keyward::gather::{self, Wish};
use keyward::lab::Lab;
use keyward::lab::identity::Memcached;
use keyward::model::haproxy::{Haproxy, HaproxySocket};
use keyward::model::hook::{HookKind, HookSpec};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::common_haproxy;
use crate::stage::{found, untried};

async fn examine(settings: &Settings, wish: &Wish) -> Report {
    let chosen = [(&settings.regions[0].name, &settings.regions[0].replicas[0])];
    doctor::examine(&gather::facts(settings, &chosen, wish, clock::now).await)
}

/// Settings whose databases refuse every connection.
fn settings(folder: &Path) -> Settings {
    let account = |user: &str| Account { user: user.into(), password: "x".into() };
    let accounts = [account("keyward"), account("keyward_repl")];
    crate::common_settings::settings("127.0.0.1:1", "127.0.0.1:1", folder, accounts)
}

fn assert_found(report: &Report, wanted: &[(&'static str, &str)], tried: &mut BTreeSet<&'static str>) {
    let seen = found(report);
    let ids: BTreeSet<&str> = wanted.iter().map(|(id, _)| *id).collect();
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), ids, "{seen:#?}");
    for (id, piece) in wanted {
        assert!(seen[id].iter().any(|sentence| sentence.contains(piece)), "{piece}: {seen:#?}");
        tried.insert(id);
    }
}

/// One side's keys, as Keystone keeps them.
struct Site {
    conf: PathBuf,
    fernet: PathBuf,
    credential: PathBuf,
}

impl Site {
    fn new(folder: &Path) -> Self {
        let site =
            Self { conf: folder.join("keystone.conf"), fernet: folder.join("fernet"), credential: folder.join("cred") };
        for keys in [&site.fernet, &site.credential] {
            fs::create_dir_all(keys).unwrap();
            fs::set_permissions(keys, Permissions::from_mode(0o700)).unwrap();
            write(keys, 0, "staged");
            write(keys, 1, "primary");
        }
        let (fernet, credential) = (site.fernet.display(), site.credential.display());
        let text = format!("[fernet_tokens]\nkey_repository = {fernet}\n[credential]\nkey_repository = {credential}\n");
        fs::write(&site.conf, text).unwrap();
        site
    }

    /// What `keyward fingerprint` prints there.
    fn fingerprint(&self) -> Result<String, String> {
        let mut keyward = Command::new(env!("CARGO_BIN_EXE_keyward"));
        let output = keyward.arg("fingerprint").arg("--keystone-conf").arg(&self.conf).output().unwrap();
        match output.status.code() {
            Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
            _ => Err(String::from_utf8(output.stderr).unwrap()),
        }
    }
}

/// A key of the repository's own.
fn write(keys: &Path, number: u32, word: &str) {
    let path = keys.join(number.to_string());
    fs::write(&path, format!("{word}-of-{}", keys.file_name().unwrap().display())).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// As `keystone-manage fernet_rotate` does: the staged key becomes the primary one.
fn rotate(keys: &Path, number: u32) {
    fs::rename(keys.join("0"), keys.join(number.to_string())).unwrap();
    write(keys, 0, &format!("new{number}"));
}

#[tokio::test]
async fn keys_are_compared_by_fingerprints_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (Site::new(&folder.path().join("here")), Site::new(&folder.path().join("there")));
    let prints = folder.path().join("prints");
    let told = there.fingerprint().unwrap();
    assert!(!told.contains("primary") && !told.contains("staged") && told.contains("\"fernet\":{\"0\":"), "{told}");
    fs::write(&prints, told).unwrap();
    let wish = Wish { keystone_confs: vec![here.conf.clone()], fingerprints: Some(prints.clone()), ..Wish::default() };
    let (settings, mut tried) = (settings(folder.path()), BTreeSet::new());
    assert_found(&examine(&settings, &wish).await, &[], &mut tried);

    // one rotation that was not copied, and the next
    rotate(&here.fernet, 2);
    assert_found(&examine(&settings, &wish).await, &[], &mut tried);
    rotate(&here.fernet, 3);
    let lost = [("fernet-primary", "the other side does not know the primary fernet key")];
    assert_found(&examine(&settings, &wish).await, &lost, &mut tried);
    fs::write(&prints, here.fingerprint().unwrap()).unwrap();
    assert_found(&examine(&settings, &wish).await, &[], &mut tried);

    write(&here.credential, 1, "another");
    let differs = [("credential-primary", "does not hold the primary credential key")];
    assert_found(&examine(&settings, &wish).await, &differs, &mut tried);
    write(&here.credential, 1, "primary");

    fs::set_permissions(here.fernet.join("0"), Permissions::from_mode(0o644)).unwrap();
    assert_found(&examine(&settings, &wish).await, &[("key-modes", "fernet/0 (mode 644)")], &mut tried);
    fs::remove_dir_all(&here.fernet).unwrap();
    let report = examine(&settings, &wish).await;
    assert_found(&report, &[("fernet-repository", "cannot be read")], &mut tried);
    assert!(here.fingerprint().unwrap_err().contains("the repository of fernet keys"));
    fs::create_dir(&here.fernet).unwrap();
    fs::set_permissions(&here.fernet, Permissions::from_mode(0o700)).unwrap();
    assert_found(&examine(&settings, &wish).await, &[("fernet-repository", "holds no key")], &mut tried);
    assert_eq!(untried(&["Keystone's keys"], &tried), [""; 0]);

    fs::write(&prints, "{}").unwrap();
    let report = examine(&settings, &wish).await;
    let why = report.unasked.iter().find(|unasked| unasked.checks.contains(&"fernet-primary")).unwrap();
    assert!(why.why.contains("is not what `keyward fingerprint` prints"), "{why:?}");
}

async fn say(memcached: &Memcached, lines: &[u8], answers: usize) {
    let mut stream = BufReader::new(TcpStream::connect(memcached.address()).await.unwrap());
    let exchange = async {
        stream.write_all(lines).await.unwrap();
        let mut line = String::new();
        for _ in 0..answers {
            assert!(stream.read_line(&mut line).await.unwrap() > 0, "{line}");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), exchange).await.unwrap();
}

#[tokio::test]
async fn a_memcached_that_is_too_small_or_gone_is_found() {
    let lab = Lab::new().unwrap();
    let mut memcached = Memcached::start(&lab, "m1").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("keystone.conf");
    let backend = "[cache]\nbackend = dogpile.cache.memcached\nmemcache_servers =";
    fs::write(&conf, format!("[fernet_tokens]\n{backend} {}\n", memcached.address())).unwrap();
    let wish = Wish { memcached: vec![memcached.address()], ..Wish::default() };
    let (settings, mut tried) = (settings(folder.path()), BTreeSet::new());
    assert_found(&examine(&settings, &wish).await, &[], &mut tried);

    say(&memcached, b"touch nothing 10\r\n".repeat(12).as_slice(), 12).await;
    let missed = [("memcached-touch-misses", "had lost 12 items of 12")];
    assert_found(&examine(&settings, &wish).await, &missed, &mut tried);

    // 100 items of 900 KB do not fit into 64 MB
    for number in 0..100 {
        let value = vec![b'x'; 900_000];
        let head = format!("set big{number} 0 0 {}\r\n", value.len());
        say(&memcached, &[head.as_bytes(), &value, b"\r\n"].concat(), 1).await;
    }
    let full = [missed[0], ("memcached-full", "items for lack of room")];
    assert_found(&examine(&settings, &wish).await, &full, &mut tried);

    memcached.process().kill9();
    let down = [("memcached-down", "cannot be asked")];
    assert_found(&examine(&settings, &wish).await, &down, &mut tried);
    // without a name the servers of Keystone's own file are asked
    let by_file = Wish { keystone_confs: vec![conf], ..Wish::default() };
    let seen = found(&examine(&settings, &by_file).await);
    assert!(seen["memcached-down"][0].contains(&memcached.address()), "{seen:#?}");
    assert_eq!(untried(&["memcached"], &tried), [""; 0]);
}

fn hook(socket: PathBuf, local: &str) -> HookSpec {
    let (remote, local) = (vec!["identity/k1".to_owned()], vec![local.to_owned()]);
    HookSpec {
        name: "proxy".into(),
        kind: HookKind::Haproxy(Haproxy { socket: HaproxySocket::Unix(socket), remote, local }),
        timeout: Duration::from_secs(10),
        optional: false,
    }
}

#[tokio::test]
async fn an_haproxy_that_cannot_be_set_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut haproxy = common_haproxy::Haproxy::stopped_in(folder.path());
    haproxy.add("backend follows\n    server f 127.0.0.1:1 track identity/k2\n");
    let mut settings = settings(folder.path());
    let mut tried = BTreeSet::new();
    let wish = Wish::default();
    settings.regions[0].failover.hooks = vec![hook(haproxy.socket(), "identity/k2")];
    let down = [("haproxy-socket", "there is no such socket; is HAProxy running?")];
    assert_found(&examine(&settings, &wish).await, &down, &mut tried);

    haproxy.start();
    assert_found(&examine(&settings, &wish).await, &[], &mut tried);
    let cfg = folder.path().join("haproxy.cfg");
    let deep = Wish { haproxy_cfg: Some(cfg.clone()), ..Wish::default() };
    let shallow = [("haproxy-check", "whether a port opens")];
    assert_found(&examine(&settings, &deep).await, &shallow, &mut tried);
    let text = fs::read_to_string(&cfg).unwrap();
    let asks =
        |what| fs::write(&cfg, text.replace("backend identity\n", &format!("backend identity\n    {what}\n"))).unwrap();
    asks("option httpchk GET /v3");
    assert_found(&examine(&settings, &deep).await, &[("haproxy-check", "asks for /v3")], &mut tried);
    asks("option external-check");
    assert_found(&examine(&settings, &deep).await, &[], &mut tried);
    settings.regions[0].failover.hooks = vec![hook(haproxy.socket(), "identity/k9")];
    let unknown = [("haproxy-socket", "knows no server k9 in backend identity")];
    assert_found(&examine(&settings, &wish).await, &unknown, &mut tried);
    settings.regions[0].failover.hooks = vec![hook(haproxy.socket(), "follows/f")];
    let follows = [("haproxy-local-server", "follows/f is in maint because the server that it tracks is")];
    assert_found(&examine(&settings, &wish).await, &follows, &mut tried);

    settings.regions[0].failover.hooks = vec![hook(haproxy.socket(), "identity/k2")];
    haproxy.kill9();
    haproxy.configure("operator");
    haproxy.start();
    let level = [("haproxy-socket", "has level operator")];
    assert_found(&examine(&settings, &wish).await, &level, &mut tried);
    assert_eq!(untried(&["HAProxy"], &tried), [""; 0]);
}
