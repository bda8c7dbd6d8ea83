//! Real MariaDB servers in temporary folders, and settings that point at them.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::config::Settings;
use keyward::config::schema::{
    Account, Failback, Failover, Http, Log, LogFormat, Master, Mode, Region, Replica, Replication, Tls, TlsMode,
};
use keyward::daemon::setup::{End, How, Progress, set_up_replica};
use keyward::model::{Address, RegionName, ReplicaName};
use keyward::observe::connect::{Place, Target};
use tempfile::TempDir;

pub const OWN_PASSWORD: &str = "own-p'ass\\word";
pub const LINK_PASSWORD: &str = "link-password";

/// One server; killed when dropped.
pub struct Server {
    pub folder: TempDir,
    pub port: u16,
    pub server_id: u32,
    options: Vec<String>,
    child: Child,
}

fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let version = Command::new("mariadbd").arg("--version").output().expect("mariadbd").stdout;
        let version: String = String::from_utf8_lossy(&version).chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("template-{version}"));
        if folder.is_dir() {
            return folder;
        }
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = Command::new("mariadb-install-db")
            .env("TMPDIR", scratch.path())
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", scratch.path().join("data").display()))
            .args(user_option())
            .output()
            .expect("mariadb-install-db");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // whoever is second finds the first one's
        let _ = fs::rename(scratch.path().join("data"), &folder);
        assert!(folder.is_dir());
        folder
    })
}

fn user_option() -> Option<String> {
    rustix::process::geteuid().is_root().then(|| "--user=root".to_owned())
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    pub fn start(server_id: u32, options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("keyward-server-").tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(template()).arg(folder.path().join("data")).status().unwrap();
        assert!(copied.success());
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let port = free_port();
        let child = spawn(folder.path(), port, server_id, &options);
        let server = Self { folder, port, server_id, options, child };
        server.wait();
        server
    }

    /// An ordinary master or replica.
    pub fn plain(server_id: u32) -> Self {
        Self::start(server_id, &["--log-bin=binlog", "--binlog-format=ROW"])
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s.sock")
    }

    fn wait(&self) {
        let began = Instant::now();
        while !self.client("SELECT 1").is_ok_and(|answer| answer.trim() == "1") {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn restart(&mut self, options: &[&str]) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.child = spawn(self.folder.path(), self.port, self.server_id, &self.options);
        self.wait();
    }

    /// Statements as root over the socket; lines without headings.
    pub fn client(&self, sql: &str) -> Result<String, String> {
        let mut child = Command::new("mariadb")
            .args(["--no-defaults", "-uroot", "-N", "-B", "--default-character-set=utf8mb4"])
            .arg(format!("--socket={}", self.socket().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    pub fn sql(&self, sql: &str) -> String {
        self.client(sql).unwrap_or_else(|error| panic!("{error}\n{}", sql.chars().take(2_000).collect::<String>()))
    }

    pub fn address(&self) -> Address {
        Address { host: "127.0.0.1".into(), port: self.port }
    }

    /// Root over the socket.
    pub fn admin(&self) -> Target {
        Target {
            place: Place::Socket(self.socket()),
            account: Account { user: "root".into(), password: "".into() },
            tls: no_tls(),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

fn spawn(folder: &Path, port: u16, server_id: u32, options: &[String]) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    // a server that starts removes whatever looks like a temporary table in its tmpdir, also that of another server
    fs::create_dir_all(folder.join("tmp")).unwrap();
    Command::new("mariadbd")
        .arg("--no-defaults")
        .arg(format!("--tmpdir={}", folder.join("tmp").display()))
        .args(user_option())
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--socket={}", folder.join("s.sock").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"))
        .arg(format!("--server-id={server_id}"))
        .args(["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=64M"])
        .args(options)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn no_tls() -> Tls {
    Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None }
}

pub fn region() -> RegionName {
    RegionName("RegionTwo".into())
}

pub fn replica_name() -> ReplicaName {
    ReplicaName("r2-db1".into())
}

/// Settings without TLS for one master and one replica.
pub fn settings(master: Address, replica: Address, state_dir: &Path) -> Settings {
    Settings {
        state_dir: state_dir.to_owned(),
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(5),
        http: Http {
            listen: Address { host: "127.0.0.1".into(), port: 9188 },
            tls_cert_file: None,
            tls_key_file: None,
            client_ca_file: None,
            basic_auth_users: Default::default(),
        },
        control_socket: state_dir.join("control.sock"),
        log: Log { format: LogFormat::Plain, level: "info".into() },
        account: Account { user: "keyward".into(), password: OWN_PASSWORD.into() },
        tls: no_tls(),
        replication: Replication {
            account: Account { user: "keyward_repl".into(), password: LINK_PASSWORD.into() },
            databases: vec!["keystone".into()],
            beat_interval: Duration::from_millis(500),
            auto_setup: true,
            tls: no_tls(),
        },
        master: Master { region: RegionName("RegionOne".into()), addresses: vec![master] },
        regions: vec![Region {
            name: region(),
            replicas: vec![Replica {
                name: replica_name(),
                address: replica,
                tls: no_tls(),
                replication_tls: no_tls(),
            }],
            failover: Failover {
                mode: Mode::Auto,
                unreachable_after: Duration::from_secs(10),
                failback: Failback::Auto,
                failback_after: Duration::from_secs(60),
                failback_max_lag: Duration::from_secs(5),
                max_data_age: Duration::from_secs(86_400),
                hooks: Vec::new(),
            },
        }],
    }
}

/// A master, a replica, and settings for both.
pub struct Pair {
    pub master: Server,
    pub replica: Server,
    pub state: TempDir,
    pub settings: Settings,
}

impl Pair {
    pub fn new(master: Server, replica: Server) -> Self {
        let state = tempfile::tempdir().unwrap();
        let settings = settings(master.address(), replica.address(), state.path());
        Self { master, replica, state, settings }
    }

    /// A plain pair; the master holds a small database.
    pub fn plain() -> Self {
        let pair = Self::new(Server::plain(1), Server::plain(2));
        pair.master.sql(
            "CREATE DATABASE keystone CHARACTER SET utf8mb4; CREATE TABLE keystone.user (id VARCHAR(64) PRIMARY KEY); \
             INSERT INTO keystone.user VALUES ('a'), ('b');",
        );
        pair
    }

    pub fn admins(&self) -> How {
        How { master_admin: Some(self.master.admin()), replica_admin: Some(self.replica.admin()), ..How::default() }
    }

    pub fn set_up(&self, how: &How) -> End {
        set_up(&self.settings, how)
    }

    /// Waits until the replica has applied everything that the master has now.
    pub fn catch_up(&self) {
        let position = self.master.sql("SELECT @@gtid_binlog_pos");
        let waited = self.replica.sql(&format!("SELECT MASTER_GTID_WAIT('{}', 60)", position.trim()));
        assert_eq!(waited.trim(), "0", "{}", self.replica.sql("SHOW ALL SLAVES STATUS"));
    }
}

pub fn set_up(settings: &Settings, how: &How) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tell = |progress: Progress| {
        if let Progress::Step(sentence) = progress {
            println!("{sentence}");
        }
    };
    runtime.block_on(set_up_replica(settings, &region(), &replica_name(), how, &tell))
}

/// The refusals of an end that must be one.
pub fn refusals(end: End) -> String {
    match end {
        End::Refused(why) => why.join("\n"),
        other => panic!("expected a refusal, not {other:?}"),
    }
}

pub fn is_done(end: &End) -> bool {
    matches!(end, End::Done(_))
}

/// Raises a flag when it goes, also in a panic, so that a thread that waits for it ends.
pub struct StopAtEnd<'a>(pub &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
